package filters_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

// put gives the bytes of items.
func put(t testing.TB, f filters.Filter, items ...any) string {
	t.Helper()
	var out []byte
	for _, item := range items {
		var err error
		if out, err = f.Put(out, item); err != nil {
			t.Fatalf("put %#v: %v", item, err)
		}
	}
	return string(out)
}

// refuses puts an item that f must not take, behind bytes that must stay as they are.
func refuses(t testing.TB, f filters.Filter, item any) *filters.ItemError {
	t.Helper()
	out, err := f.Put([]byte("before"), item)
	var bad *filters.ItemError
	if !errors.As(err, &bad) {
		t.Fatalf("put %#v: got %q, %v", item, out, err)
	}
	if string(out) != "before" {
		t.Fatalf("put %#v: refused, but left %q", item, out)
	}
	return bad
}

// Failures among items.
var (
	overLength = filtertest.Failure{Errno: syscall.EMSGSIZE}
	bad        = filtertest.Failure{Errno: syscall.EBADMSG}
	lostLen    = filtertest.Failure{Errno: syscall.EMSGSIZE, Final: true}
	lost       = filtertest.Failure{Errno: syscall.EBADMSG, Final: true}
)

// allBytes are all bytes, the zero byte among them.
var allBytes = func() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

func limit(maxLength int) filters.Limits { return filters.Limits{MaxLength: maxLength} }

func reset(f filters.Filter) filters.Filter {
	f.(filters.Resetter).Reset()
	return f
}

// feed feeds bytes and gives all items that come.
func feed(t testing.TB, f filters.Filter, stream string) []any {
	t.Helper()
	if err := f.Feed([]byte(stream)); err != nil {
		t.Fatal(err)
	}
	return drain(t, f)
}

func drain(t testing.TB, f filters.Filter) []any {
	t.Helper()
	var items []any
	for {
		item, ok, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return items
		}
		items = append(items, item)
	}
}

// returns checks that what is put is read again.
func returns(t *testing.T, f filters.Filter, item any) {
	t.Helper()
	expect(t, "what was put", feed(t, f, put(t, f, item)), []any{item})
}

func expect(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}

func TestRefusesMoreWhenMaxBufferIsWaiting(t *testing.T) {
	for name, f := range map[string]filters.Filter{
		"line":         &filters.Line{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"block":        &filters.Block{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"sized block":  &filters.Block{Limits: filters.Limits{MaxBuffer: 30}, Size: 5},
		"httpd":        &filters.HTTPD{MaxBuffer: 30},
		"netstring":    &filters.Netstring{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"lengthprefix": &filters.LengthPrefix{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}, Width: 1},
		"reference":    &filters.Reference{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"jsonlines":    &filters.JSONLines{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"csv":          &filters.CSV{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"irc":          &filters.IRC{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"syslog":       &filters.Syslog{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
		"snort":        &filters.Snort{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := f.Feed(make([]byte, 31)); err != nil {
				t.Fatalf("the first chunk: %v", err)
			}
			var bad *filters.Error
			if err := f.Feed([]byte("x")); !errors.As(err, &bad) || bad.Errno != syscall.EMSGSIZE || bad.Final {
				t.Fatalf("the second chunk: %v", err)
			}
			if n := len(f.Pending()); n != 31 {
				t.Errorf("%d bytes pending, want 31", n)
			}
		})
	}
}

// An item as long as the limit passes however it is cut, even when not more than that may wait.
func TestTheLongestItemFitsIntoTheSmallestBuffer(t *testing.T) {
	limits := filters.Limits{MaxLength: 5, MaxBuffer: 5}
	for name, c := range map[string]struct {
		f       filters.Filter
		fits    string
		item    any
		exceeds string
		failure filtertest.Failure
	}{
		"line":         {&filters.Line{Limits: limits}, "hello\n", "hello", "123456", overLength},
		"block":        {&filters.Block{Limits: limits}, "5\x00hello", "hello", "6\x00", lostLen},
		"netstring":    {&filters.Netstring{Limits: limits}, "5:hello,", "hello", "6:", lostLen},
		"lengthprefix": {&filters.LengthPrefix{Limits: limits}, "\x00\x00\x00\x05hello", "hello", "\x00\x00\x00\x06", lostLen},
		"reference":    {&filters.Reference{Limits: limits}, "0000000000000000005\x00\xa4four", "four", "6\x00", lostLen},
		"jsonlines":    {&filters.JSONLines{Limits: limits}, "\"abc\"\r\n", "abc", "123456", overLength},
		"csv":          {&filters.CSV{Limits: limits}, "a,\"b\"\r\n", []any{"a", "b"}, "a,b,c,", overLength},
		"csv, quoted":  {&filters.CSV{Limits: limits}, "\"a\r\n\"\n", []any{"a\r\n"}, "\"aaaa\r", overLength},
	} {
		filtertest.Run(t, c.f, []filtertest.Case{
			{Name: name + " fits", Stream: c.fits + c.fits, Items: []any{c.item, c.item}},
			{Name: name + " exceeds", Stream: c.fits + c.exceeds, Items: []any{c.item, c.failure}},
		})
	}
}

// One byte at a time is no more work, altogether, than all at once: with the square of the length this would take hours.
func TestFiltersTakeAMegabyteByteByByte(t *testing.T) {
	const size = 1 << 20
	long := strings.Repeat("abcdefg-", size/8)
	quoted := `"` + strings.Repeat("a,\n", size/4) + `"`
	for name, c := range map[string]struct {
		f      filters.Filter
		stream string
	}{
		"one line":                 {&filters.Line{}, long + "\n"},
		"one line, literal":        {&filters.Line{Input: "--"}, long + "-"},
		"one line, detected":       {&filters.Line{Detect: true}, long + "\r"},
		"one line, pattern":        {&filters.Line{Pattern: regexp.MustCompile(`-+[xyz]|-\n|;$`)}, long + "\n"},
		"one line in a stack":      {filters.NewStack(&filters.Line{Input: "\n"}, &filters.GrepItems{}), long + "\n"},
		"a literal that nags":      {&filters.Line{Input: strings.Repeat("a", 32) + "\n"}, strings.Repeat("a", size) + "\n"},
		"one block":                {&filters.Block{}, fmt.Sprintf("%d\x00%s", size, long)},
		"one block of one size":    {&filters.Block{Size: size}, long},
		"one block, the program's": {&filters.Block{Decode: decodeBigEndian}, "\x00\x10\x00\x00" + long},
		"one netstring":            {&filters.Netstring{}, put(t, &filters.Netstring{}, long)},
		"one prefixed item":        {&filters.LengthPrefix{}, put(t, &filters.LengthPrefix{}, long)},
		"one line of JSON":         {&filters.JSONLines{}, `"` + long + "\"\n"},
		"one CSV record":           {&filters.CSV{}, quoted + "\r\n"},
		"one full alert":           {&filters.Snort{}, "[**] [1:2:3] x [**]\n" + strings.Repeat("a\n", size/2) + "\n"},
		"many references":          {&filters.Reference{}, strings.Repeat("1\x00\x01", size/4)},
		"many lines":               {&filters.JSONLines{}, strings.Repeat("1\n", size/2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := feedCounting(t, c.f.Clone(), c.stream, len(c.stream))
			bytewise := feedCounting(t, c.f.Clone(), c.stream, 1)
			if whole != bytewise || whole == 0 {
				t.Errorf("%d items byte by byte, %d at once", bytewise, whole)
			}
		})
	}
}

// feedCounting counts the items of a stream that comes in chunks of a size.
func feedCounting(t testing.TB, f filters.Filter, stream string, size int) (items int) {
	t.Helper()
	b := []byte(stream)
	for len(b) > 0 {
		n := min(size, len(b))
		if err := f.Feed(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
		for {
			_, ok, err := f.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			items++
		}
	}
	return items
}
