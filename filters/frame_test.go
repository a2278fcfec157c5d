package filters_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
)

// streamCase is a stream, what is read from it, and what of it is then left.
type streamCase struct {
	Name   string
	Stream string
	Items  []any // a failure stands for itself
	Rest   string
}

// failure is a failure among items.
type failure struct {
	Errno syscall.Errno
	Final bool
}

// run feeds each stream to a clone of f: whole, byte by byte, and cut at random.
func run(t *testing.T, f filters.Filter, cases []streamCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			for _, chunks := range cuts(c.Stream) {
				f := f.Clone()
				got := read(t, f, chunks)
				if !same(got, c.Items) {
					t.Fatalf("cut as %.200q: got %#v, want %#v", chunks, got, c.Items)
				}
				final := len(got) > 0 && got[len(got)-1] == any(failure{errnoOf(got), true})
				if rest := string(f.Pending()); !final && rest != c.Rest {
					t.Fatalf("cut as %.200q: pending %q, want %q", chunks, rest, c.Rest)
				}
				if again := string(f.Pending()); !final && again != c.Rest {
					t.Fatalf("pending the second time %q, want %q", again, c.Rest)
				}
				if clone := f.Clone(); clone.Pending() != nil {
					t.Fatalf("a clone has %q", clone.Pending())
				}
			}
		})
	}
}

func errnoOf(items []any) syscall.Errno {
	f, _ := items[len(items)-1].(failure)
	return f.Errno
}

// same is reflect.DeepEqual, but for nothing and nothing.
func same(got, want []any) bool {
	return len(got) == 0 && len(want) == 0 || reflect.DeepEqual(got, want)
}

// cuts gives a stream in different pieces.
func cuts(stream string) [][]string {
	bytewise := make([]string, len(stream))
	for i := range len(stream) {
		bytewise[i] = stream[i : i+1]
	}
	all := [][]string{{stream}, bytewise}
	random := rand.New(rand.NewPCG(1, uint64(len(stream))))
	for range 20 {
		var chunks []string
		for rest := stream; rest != ""; {
			n := 1 + random.IntN(min(len(rest), 1+random.IntN(40)))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		all = append(all, chunks)
	}
	return all
}

// read gives the items and failures of the chunks, up to a final failure.
func read(t testing.TB, f filters.Filter, chunks []string) (got []any) {
	t.Helper()
	for _, chunk := range chunks {
		before := string(f.Pending())
		if err := f.Feed([]byte(chunk)); err != nil {
			t.Fatalf("feed: %v", err)
		}
		if after := string(f.Pending()); after != before+chunk {
			t.Fatalf("pending %q after %q was added to %q", after, chunk, before)
		}
		for {
			item, ok, err := f.Next()
			var bad *filters.Error
			if errors.As(err, &bad) {
				got = append(got, failure{bad.Errno, bad.Final})
				if bad.Final {
					checkFinal(t, f, bad)
					return got
				}
				continue
			}
			if err != nil {
				t.Fatalf("next: %v", err)
			}
			if !ok {
				break
			}
			got = append(got, item)
		}
	}
	return got
}

// checkFinal looks whether a final failure stays until a reset.
func checkFinal(t testing.TB, f filters.Filter, bad *filters.Error) {
	t.Helper()
	if _, ok, err := f.Next(); ok || err != error(bad) {
		t.Fatalf("after the final %v: %v, %v", bad, ok, err)
	}
	if err := f.Feed([]byte("x")); err != error(bad) {
		t.Fatalf("fed after the final %v: %v", bad, err)
	}
	if _, ok, err := f.Clone().Next(); ok || err != nil {
		t.Fatalf("the clone after the final %v: %v, %v", bad, ok, err)
	}
	f.(filters.Resetter).Reset()
	if _, ok, err := f.Next(); ok || err != nil || f.Pending() != nil {
		t.Fatalf("after the reset: %v, %v, pending %q", ok, err, f.Pending())
	}
}

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

var (
	overLength = failure{syscall.EMSGSIZE, false}
	bad        = failure{syscall.EBADMSG, false}
	lostLen    = failure{syscall.EMSGSIZE, true}
	lost       = failure{syscall.EBADMSG, true}
)

// allBytes are all bytes, the zero byte among them.
var allBytes = func() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

func TestRefusesMoreWhenMaxBufferIsWaiting(t *testing.T) {
	for name, f := range map[string]filters.Filter{
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
		failure failure
	}{
		"netstring":    {&filters.Netstring{Limits: limits}, "5:hello,", "hello", "6:", lostLen},
		"lengthprefix": {&filters.LengthPrefix{Limits: limits}, "\x00\x00\x00\x05hello", "hello", "\x00\x00\x00\x06", lostLen},
		"reference":    {&filters.Reference{Limits: limits}, "0000000000000000005\x00\xa4four", "four", "6\x00", lostLen},
		"jsonlines":    {&filters.JSONLines{Limits: limits}, "\"abc\"\r\n", "abc", "123456", overLength},
		"csv":          {&filters.CSV{Limits: limits}, "a,\"b\"\r\n", []any{"a", "b"}, "a,b,c,", overLength},
		"csv, quoted":  {&filters.CSV{Limits: limits}, "\"a\r\n\"\n", []any{"a\r\n"}, "\"aaaa\r", overLength},
	} {
		run(t, c.f, []streamCase{
			{Name: name + " fits", Stream: c.fits + c.fits, Items: []any{c.item, c.item}},
			{Name: name + " exceeds", Stream: c.fits + c.exceeds, Items: []any{c.item, c.failure}},
		})
	}
}

// One byte at a time must not cost the square of the length; 1 MiB would take hours then.
func TestByteByByteIsLinear(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	quoted := `"` + strings.Repeat("a,\n", 1<<18) + `"`
	for name, c := range map[string]struct {
		f      filters.Filter
		stream string
	}{
		"one netstring":     {&filters.Netstring{}, put(t, &filters.Netstring{}, long)},
		"one prefixed item": {&filters.LengthPrefix{}, put(t, &filters.LengthPrefix{}, long)},
		"one reference":     {&filters.Reference{}, put(t, &filters.Reference{}, long)},
		"one line of JSON":  {&filters.JSONLines{}, `"` + long + "\"\n"},
		"one CSV record":    {&filters.CSV{}, quoted + "\r\n"},
		"one IRC message":   {&filters.IRC{}, "PRIVMSG x :" + long + "\r\n"},
		"one log message":   {&filters.Syslog{}, long + "\n"},
		"one full alert":    {&filters.Snort{}, "[**] [1:2:3] x [**]\n" + strings.Repeat("a\n", 1<<19) + "\n"},
		"many netstrings":   {&filters.Netstring{}, strings.Repeat("1:a,", 1<<18)},
		"many references":   {&filters.Reference{}, strings.Repeat("1\x00\x01", 1<<18)},
		"many lines":        {&filters.JSONLines{}, strings.Repeat("1\n", 1<<19)},
	} {
		t.Run(name, func(t *testing.T) {
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

// What a filter keeps beside the input that waits does not grow with what has passed through.
func TestInputThatWasUsedIsLetGo(t *testing.T) {
	f := &filters.Netstring{}
	chunk := []byte(strings.Repeat("4:abcd,", 1000) + "4:ab")
	rest := []byte("cd,")
	allocated := testing.AllocsPerRun(100, func() {
		for _, b := range [][]byte{chunk, rest} {
			if err := f.Feed(b); err != nil {
				t.Fatal(err)
			}
			for {
				_, ok, err := f.NextBytes()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
			}
		}
	})
	if allocated > 0 {
		t.Errorf("%v allocations for each chunk, want none", allocated)
	}
}

// sameText compares values as Go writes them, so that NaN equals NaN.
func sameText(got, want []any) bool { return goText(got) == goText(want) }

func goText(items []any) string {
	var b strings.Builder
	for _, item := range items {
		if v := reflect.ValueOf(item); v.Kind() == reflect.Pointer {
			item = v.Elem().Interface()
		}
		fmt.Fprintf(&b, "%#v\n", item)
	}
	return b.String()
}

// chunkOf is an item as often as fits into what one read gives.
func chunkOf(b *testing.B, f filters.Filter, item any) (stream []byte) {
	b.Helper()
	frame := put(b, f, item)
	return []byte(strings.Repeat(frame, max(1, 64<<10/len(frame))))
}

// benchmarkNext reads a chunk of items over and over. ns/item is the time of one.
func benchmarkNext(b *testing.B, f filters.Filter, stream []byte) {
	b.Helper()
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	items := 0
	for b.Loop() {
		if err := f.Feed(stream); err != nil {
			b.Fatal(err)
		}
		for {
			_, ok, err := f.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			items++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(items), "ns/item")
}

// benchmarkPut puts an item over and over.
func benchmarkPut(b *testing.B, f filters.Filter, item any) {
	b.Helper()
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		var err error
		if out, err = f.Put(out[:0], item); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
}
