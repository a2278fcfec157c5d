package filters_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

// overLong is what an over-long line gives.
var overLong = filtertest.Failure{Errno: syscall.EMSGSIZE, Message: "line exceeds maximum length"}

func TestLine(t *testing.T) {
	filtertest.Run(t, &filters.Line{}, []filtertest.Case{
		{Name: "any of the four ends a line", Stream: "a\rb\nc\r\nd\n\r", Items: []any{"a", "b", "c", "d"}},
		{Name: "two line feeds are two ends", Stream: "\n\n", Items: []any{"", ""}},
		{Name: "CR LF twice is two ends", Stream: "\r\n\r\n", Items: []any{"", ""}},
		{Name: "LF CR twice is two ends", Stream: "\n\r\n\r", Items: []any{"", ""}},
		{Name: "the longest match comes first", Stream: "\r\r\n\n\r\n", Items: []any{"", "", "", ""}},
		{Name: "what has no end is pending", Stream: "a\r\nbc", Items: []any{"a"}, Rest: "bc"},
		{Name: "nothing gives nothing", Stream: ""},
		{Name: "long lines among short ones", Stream: strings.Repeat("x", 1000) + "\na\r" + strings.Repeat("y", 300) + "\r\n",
			Items: []any{strings.Repeat("x", 1000), "a", strings.Repeat("y", 300)}},
		{Name: "what was put is read", Stream: "a\r\n\r\nb c\r\n", Items: []any{"a", "", "b c"}, RoundTrip: true},
	})
}

func TestLineLiteral(t *testing.T) {
	filtertest.Run(t, nil, []filtertest.Case{
		{Name: "one byte", Filter: &filters.Line{Input: "x"},
			Stream: "axa bxb cxc dxd", Items: []any{"a", "a b", "b c", "c d"}, Rest: "d", Handover: true},
		{Name: "several bytes", Filter: &filters.Line{Input: "<br>"},
			Stream: "a<br><br>b<br", Items: []any{"a", ""}, Rest: "b<br", Handover: true},
		{Name: "near misses", Filter: &filters.Line{Input: "--end--"},
			Stream: "a--end--b--end--", Items: []any{"a", "b"}, Handover: true},
		{Name: "an end that begins within a near miss", Filter: &filters.Line{Input: "aab"},
			Stream: "xaaabaabaaaab", Items: []any{"xa", "", "aa"}, Handover: true},
		{Name: "an end longer than 32 bytes", Filter: &filters.Line{Input: strings.Repeat("=", 40) + "\n"},
			Stream: "a" + strings.Repeat("=", 41) + "\nb" + strings.Repeat("=", 40) + "\n", Items: []any{"a=", "b"}, Handover: true},
		{Name: "all bytes are data", Filter: &filters.Line{Input: "\x00\xff", Output: "\x00\xff"},
			Stream: allBytes + "\x00\xff", Items: []any{allBytes}, Handover: true, RoundTrip: true},
		{Name: "different ends in and out", Filter: &filters.Line{Input: "\n", Output: "\n"},
			Stream: "a\r\nb\n", Items: []any{"a\r", "b"}, Handover: true, RoundTrip: true},
	})
}

func TestLineDetect(t *testing.T) {
	filtertest.Run(t, &filters.Line{Detect: true}, []filtertest.Case{
		{Name: "CR LF", Stream: "a\r\nb\r\nc\n\r\nd\re\r\n", Items: []any{"a", "b", "c\n", "d\re"}},
		{Name: "LF", Stream: "a\nb\r\nc\n", Items: []any{"a", "b\r", "c"}},
		{Name: "LF CR", Stream: "a\n\r\rb\n\rc\nd\n\r", Items: []any{"a", "\rb", "c\nd"}},
		{Name: "CR", Stream: "a\rb\n\r\nc\r", Items: []any{"a", "b\n", "\nc"}},
		{Name: "an empty first line", Stream: "\n\nb\rc\n", Items: []any{"", "", "b\rc"}},
		{Name: "an over-long first line tells the end", Filter: &filters.Line{Detect: true, Limits: limit(2)},
			Stream: "abc\r\nd\n\r\n", Items: []any{overLong, "d\n"}},
	})
}

func TestLineDetectIsKeptByClones(t *testing.T) {
	for _, c := range []struct{ name, first, then, want string }{
		{"a whole end", "a\r\n", "b\nc\r\n", "b\nc"},
		{"an end that its successor completes", "a\nb", "c\rd\n", "c\rd"},
		{"an end that might be completed", "a\r", "b\n", "b"},
		{"no end", "a", "b\r", "b"},
	} {
		f := &filters.Line{Detect: true}
		feed(t, f, c.first)
		for name, f := range map[string]filters.Filter{"clone": f.Clone(), "reset": reset(f)} {
			if got := feed(t, f, c.then); len(got) != 1 || got[0] != c.want {
				t.Errorf("%s: the %s gave %q, want %q", c.name, name, got, c.want)
			}
		}
	}
}

func TestLinePattern(t *testing.T) {
	pattern := func(expr string) *filters.Line { return &filters.Line{Pattern: regexp.MustCompile(expr)} }
	limited := pattern("x+y|z")
	limited.Limits = limit(3)
	filtertest.Run(t, nil, []filtertest.Case{
		{Name: "a class", Filter: pattern("[xy]"), Stream: "axbycz", Items: []any{"a", "b"}, Rest: "cz", Handover: true},
		{Name: "an end cut in two", Filter: pattern(`-+\n`), Stream: "a--\nb-c-\n", Items: []any{"a", "b-c"}, Handover: true},
		{Name: "characters of several bytes", Filter: pattern("[äö]|\\x{20AC}"),
			Stream: "aäbö€c\xe2\x82d", Items: []any{"a", "b", ""}, Rest: "c\xe2\x82d", Handover: true},
		{Name: "bytes that are no characters are data", Filter: pattern(";"), Stream: "\xff\xc3;\xe2;", Items: []any{"\xff\xc3", "\xe2"}},
		{Name: "what is before an end counts", Filter: pattern(`\b;`), Stream: ";a;;b;", Items: []any{";a", ";b"}},
		{Name: "the case of letters", Filter: pattern("(?i)end"), Stream: "aEnDbeNd", Items: []any{"a", "b"}, Handover: true},
		{Name: "an over-long line is skipped through its end", Filter: limited,
			Stream: "abcxyabcdxxxyabcxdezabcz", Items: []any{"abc", overLong, overLong, "abc"}},
	})
}

// The first end in input that comes at once is where package regexp finds it.
func TestLinePatternIsThatOfRegexp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, expr := range []string{
		"ab|a", "a|ab", "a+?b*", "(a|b|ab)(c|bcd)", "a{2,3}", `\ba`, `a\b`, "a$", `(?m)a$`, "(?m)^b", "^a", `a\z`, "(?i)Ab", ".b", `(?s).\n`,
		"[^a]c", "é+", "(a*)+b", "(|a)+b", "a(bc*d)?", `\B-`, `[\x{80}-\x{FFFF}]`, "x*(ab|b)",
	} {
		end := regexp.MustCompile(expr)
		for range 500 {
			stream := make([]rune, 1+random.IntN(12))
			for i := range stream {
				stream[i] = []rune("aabbcdA-\né")[random.IntN(10)]
			}
			f := &filters.Line{Pattern: end}
			if err := f.Feed([]byte(string(stream))); err != nil {
				t.Fatal(err)
			}
			item, ok, err := f.Next()
			where := end.FindStringIndex(string(stream))
			if ok != (where != nil) || err != nil {
				t.Fatalf("%s in %q: got %v, %v, want %v", expr, string(stream), ok, err, where)
			}
			if line, rest := item, string(f.Pending()); ok && (line != string(stream)[:where[0]] || rest != string(stream)[where[1]:]) {
				t.Fatalf("%s in %q: got %q and pending %q, want %v", expr, string(stream), line, rest, where)
			}
		}
	}
}

func TestLinePatternMayBePOSIX(t *testing.T) {
	f := &filters.Line{Pattern: regexp.MustCompilePOSIX("x**y")} // an error in the other syntax
	if got := feed(t, f, "axxybyc"); fmt.Sprint(got) != "[a b]" {
		t.Errorf("got %q, want a and b", got)
	}
}

func TestLinePatternMatchesAKilobyteAtMost(t *testing.T) {
	const n = 1 << 11
	f := &filters.Line{Pattern: regexp.MustCompile(`y(y*z)?|x+;`)}
	if got := feed(t, f, "a"+strings.Repeat("y", n)); len(got) != n || got[0] != "a" {
		t.Errorf("got %d lines, want one for each y", len(got))
	}
	if got := feed(t, f, strings.Repeat("x", 1023)+";"); len(got) != 1 || got[0] != "" {
		t.Errorf("got %.20q, want an empty line", got)
	}
	if got := feed(t, f, strings.Repeat("x", 1024)+";"); got != nil {
		t.Errorf("an end that is longer: got %.20q, want nothing", got)
	}
}

func TestLinePatternTakesAMatchAtTheEndAsItIs(t *testing.T) {
	f := &filters.Line{Pattern: regexp.MustCompile(`\n+`)}
	if got := feed(t, f, "a\n\nb\n"); fmt.Sprint(got) != "[a b]" {
		t.Errorf("got %q, want a and b", got)
	}
	if got := feed(t, f, "\nc\n"); fmt.Sprintf("%q", got) != `["" "c"]` {
		t.Errorf("the rest of an end: got %q, want an empty line and c", got)
	}
}

func TestLinePatternNeverMatchesTheEmptyString(t *testing.T) {
	f := &filters.Line{Pattern: regexp.MustCompile(`x*|\b`)}
	if got := feed(t, f, "abxxc"); fmt.Sprint(got) != "[ab]" || string(f.Pending()) != "c" {
		t.Errorf("got %q and pending %q, want ab and c", got, f.Pending())
	}
}

func TestLineMaxLength(t *testing.T) {
	short, literal := &filters.Line{Limits: limit(5)}, &filters.Line{Limits: limit(5), Input: "--end--"}
	filtertest.Run(t, short, []filtertest.Case{
		{Name: "the longest line", Stream: "abcde\nf\n", Items: []any{"abcde", "f"}},
		{Name: "one byte more", Stream: "abcdef\nf\n", Items: []any{overLong, "f"}},
		{Name: "one byte more, CR LF", Stream: "abcdef\r\nf\r\n", Items: []any{overLong, "f"}},
		{Name: "without an end, once only", Stream: strings.Repeat("x", 100), Items: []any{overLong}},
		{Name: "skipped through its end", Stream: strings.Repeat("x", 100) + "\r\nab\n" + strings.Repeat("y", 6) + "\n\n",
			Items: []any{overLong, "ab", overLong, ""}},
		{Name: "a literal that may yet come", Filter: literal, Stream: "abcde--end--abcde--end-", Items: []any{"abcde"}, Rest: "abcde--end-"},
		{Name: "a literal that comes too late", Filter: literal, Stream: "abcdef--end--f--end--", Items: []any{overLong, "f"}},
		{Name: "a literal that did not come", Filter: literal, Stream: "abcde--en-f--end--f--end--", Items: []any{overLong, "f"}},
		{Name: "the end of a skipped line may yet come", Filter: literal, Stream: "abcdefgh--en", Items: []any{overLong}, Rest: "--en"},
	})
}

func TestLineFailsBeforeAnOverLongLineEnds(t *testing.T) {
	for name, f := range map[string]*filters.Line{
		"default": {Limits: limit(5)},
		"literal": {Limits: limit(5), Input: "--"},
		"pattern": {Limits: limit(5), Pattern: regexp.MustCompile("-+;")},
	} {
		feed(t, f, "abcde")
		if err := f.Feed([]byte("f")); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := f.Next(); ok || !errors.Is(err, syscall.EMSGSIZE) || err.Error() != "line exceeds maximum length" {
			t.Errorf("%s: got %v, want EMSGSIZE", name, err)
		}
		for range 3 {
			if items := feed(t, f, strings.Repeat("g", 4096)); items != nil || f.Pending() != nil {
				t.Errorf("%s: the rest of the line gave %q and is kept", name, items)
			}
		}
	}
}

func TestLineMaxBuffer(t *testing.T) {
	f := &filters.Line{Limits: filters.Limits{MaxLength: 5, MaxBuffer: 10}}
	for _, chunk := range []string{"abc\ndef\n", "gh", "i\n"} { // the third comes when ten bytes are waiting, no more
		if err := f.Feed([]byte(chunk)); err != nil {
			t.Fatalf("feed %q: %v", chunk, err)
		}
	}
	var refused *filters.Error
	if err := f.Feed([]byte("j\n")); !errors.As(err, &refused) || refused.Errno != syscall.EMSGSIZE || refused.Final {
		t.Errorf("feed with twelve bytes waiting: got %v, want a passing EMSGSIZE", err)
	}
	if got := drain(t, f); fmt.Sprint(got) != "[abc def ghi]" {
		t.Errorf("got %q, want the lines that were held", got)
	}
	if got := feed(t, f, "j\n"); fmt.Sprint(got) != "[j]" {
		t.Errorf("afterwards: got %q, want j", got)
	}
}

// A line as long as may wait can come byte by byte, its end included.
func TestLineMaxLengthHasRoomForItsEnd(t *testing.T) {
	limits := filters.Limits{MaxLength: 5, MaxBuffer: 5}
	for name, f := range map[string]*filters.Line{
		"default": {Limits: limits},
		"literal": {Limits: limits, Input: "\r\n\r\n"},
		"pattern": {Limits: limits, Pattern: regexp.MustCompile("(\r\n){2}")},
	} {
		var items []any
		for _, b := range []byte("abcde\r\n\r\n") {
			items = append(items, feed(t, f, string(b))...)
		}
		if len(items) == 0 || items[0] != "abcde" {
			t.Errorf("%s: got %q, want abcde", name, items)
		}
	}
}

func TestLineSwallowsThePartnerOfAnEnd(t *testing.T) {
	f := &filters.Line{}
	if got := feed(t, f, "a\r"); fmt.Sprint(got) != "[a]" || f.Pending() != nil {
		t.Errorf("got %q and pending %q, want a at once and nil", got, f.Pending())
	}
	if err := f.Feed([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if p := f.Pending(); p != nil {
		t.Errorf("pending after its partner: got %q, want nil", p)
	}
	if got := feed(t, f, "\nb\r\n"); fmt.Sprintf("%q", got) != `["" "b"]` {
		t.Errorf("got %q, want an empty line and b", got)
	}
}

func TestLineLast(t *testing.T) {
	filtertest.Run(t, &filters.Line{LastLine: true}, []filtertest.Case{
		{Name: "what has no end is the last line", Stream: "a\nb", Items: []any{"a"}, Rest: "b", EOF: []any{"b"}},
		{Name: "what has an end is followed by none", Stream: "a\nb\r", Items: []any{"a", "b"}},
		{Name: "the beginning of an end is data", Filter: &filters.Line{LastLine: true, Input: "\r\n"},
			Stream: "a\r", Rest: "a\r", EOF: []any{"a\r"}},
		{Name: "what is left of an over-long line is none", Filter: &filters.Line{LastLine: true, Limits: limit(1)},
			Stream: "abc", Items: []any{overLong}},
		{Name: "an over-long last line", Filter: &filters.Line{LastLine: true, Limits: limit(1), Input: "\r\n"},
			Stream: "a\r", Rest: "a\r", EOF: []any{overLong}},
		{Name: "not without being asked for", Filter: &filters.Line{}, Stream: "a\nb", Items: []any{"a"}, Rest: "b"},
	})
}

func TestLineEOFGivesWhatNextWould(t *testing.T) {
	f := &filters.Line{Limits: limit(2), LastLine: true}
	if err := f.Feed([]byte("a\nbcd\ne\nf")); err != nil {
		t.Fatal(err)
	}
	if items, err := f.EOF(); fmt.Sprint(items) != "[a]" || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("got %q, %v, want a and EMSGSIZE", items, err)
	}
	if items, err := f.EOF(); fmt.Sprint(items) != "[e f]" || err != nil {
		t.Errorf("then got %q, %v, want e and f", items, err)
	}
	if items, err := f.EOF(); items != nil || err != nil || f.Pending() != nil {
		t.Errorf("then got %q, %v and pending %q, want nothing", items, err, f.Pending())
	}
}

func TestLinePut(t *testing.T) {
	for _, c := range []struct {
		name string
		f    *filters.Line
		item any
		want string
	}{
		{"CR LF is the default", &filters.Line{}, "a", "a\r\n"},
		{"the end on input is not that on output", &filters.Line{Input: "x"}, "a", "a\r\n"},
		{"an empty line is its end", &filters.Line{Output: "!"}, "", "!"},
		{"line ends within an item stay", &filters.Line{Output: "\n"}, "a\nb\n", "a\nb\n\n"},
		{"what stands for a string", &filters.Line{Output: "\n"}, number("7"), "7\n"},
	} {
		got, err := c.f.Put([]byte("> "), c.item)
		if err != nil || string(got) != "> "+c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, "> "+c.want)
		}
	}
}

// number is a Texter.
type number string

func (n number) ItemText() string { return string(n) }

func TestFiltersOfBytesPutStringsOnly(t *testing.T) {
	for want, f := range map[string]filters.Filter{
		"Line: string expected, got int":       &filters.Line{},
		"Stream: string expected, got int":     &filters.Stream{},
		"Block: string expected, got int":      &filters.Block{},
		"Grep: string expected, got int":       &filters.GrepItems{},
		"Map: string expected, got int":        &filters.MapItems{},
		"Stackable: string expected, got int":  &filters.Stackable{},
		"RecordBlock: array expected, got int": &filters.RecordBlock{},
	} {
		got, err := f.Put([]byte("> "), 7)
		var wrong *filters.ItemError
		if !errors.As(err, &wrong) || err.Error() != want || string(got) != "> " {
			t.Errorf("got %q, %v, want the destination as it was and %q", got, err, want)
		}
	}
}

// An item is a copy of its bytes, not a part of a large chunk.
func TestLineItemsAreCopies(t *testing.T) {
	f := &filters.Line{}
	if err := f.Feed([]byte("abc\n" + strings.Repeat("x", 1<<16))); err != nil {
		t.Fatal(err)
	}
	before := unsafe.SliceData(f.Pending())
	item, _, _ := f.Next()
	if unsafe.StringData(item.(string)) == before {
		t.Error("the item shares the buffer's memory")
	}
}

func TestLineIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(filters.Line{}); size > 130 {
		t.Errorf("a Line takes %d bytes, want 130 at most", size)
	}
}

func TestLineNextBytesAllocatesNothing(t *testing.T) {
	for name, f := range map[string]*filters.Line{
		"default": {},
		"literal": {Input: "=-=-=\n"},
		"pattern": {Pattern: regexp.MustCompile("[=-]+\n")},
	} {
		chunk := bytes.Repeat([]byte("abc=-=-=-=\n"), 1000)
		if err := f.Feed(chunk); err != nil {
			t.Fatal(err)
		}
		f.NextBytes()
		if n := testing.AllocsPerRun(900, func() {
			if _, ok, err := f.NextBytes(); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a line, want 0", name, n)
		}
	}
}

// A search for LF in all that has come, for each line that ends with CR, would take minutes.
func TestLineTakesManyShortLinesAtOnce(t *testing.T) {
	const n = 1 << 20
	for _, end := range []string{"\r", "\n", "\r\n"} {
		f := &filters.Line{}
		if err := f.Feed([]byte(strings.Repeat("a"+end, n))); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, ok, _ := f.NextBytes(); ok; _, ok, _ = f.NextBytes() {
			lines++
		}
		if lines != n {
			t.Errorf("%q: got %d lines, want %d", end, lines, n)
		}
	}
}

func FuzzLine(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter { return &filters.Line{Limits: limit(20), LastLine: true} }, "a\rb\nc\r\nd\n\r", "\r\r\n\n")
}

func FuzzLineDetect(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter { return &filters.Line{Limits: limit(20), Detect: true} }, "a\r\nb\r\n", "\n\r\rb\n\r")
}

func FuzzLineLiteral(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter { return &filters.Line{Limits: limit(5), Input: "aab", LastLine: true} }, "aaabaab", "xxxxxxaab")
}

func FuzzLinePattern(f *testing.F) {
	ends := regexp.MustCompile(`a+b|(?i)cd|\bx\b.|[^\x00-\x7F]y`)
	filtertest.Fuzz(f, func() filters.Filter { return &filters.Line{Limits: limit(5), Pattern: ends} }, "xaabyCdéy", "x x aacd")
}
