package filters_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestCSV(t *testing.T) {
	filtertest.Run(t, &filters.CSV{Limits: filters.Limits{MaxLength: 40}}, []filtertest.Case{
		{Name: "records", Stream: "a,b\r\nc,d\n", Items: []any{array{"a", "b"}, array{"c", "d"}}},
		{Name: "no line end yet", Stream: "a\r\nb,\"c", Items: []any{array{"a"}}, Rest: "b,\"c", EOF: []any{bad}},
		{Name: "empty fields", Stream: ",\r\n,a,\n\"\"\n", Items: []any{array{"", ""}, array{"", "a", ""}, array{""}}},
		{Name: "quotes", Stream: "\"a,b\",\"c\"\"d\",\"\"\"\"\n", Items: []any{array{"a,b", `c"d`, `"`}}},
		{Name: "line ends in quotes", Stream: "\"a\r\nb\n\",c\r\n", Items: []any{array{"a\r\nb\n", "c"}}},
		{Name: "a quote in a field without", Stream: "a\"b,c\"\"\n", Items: []any{array{`a"b`, `c""`}}},
		{Name: "a CR in a field", Stream: "a\rb\r\n", Items: []any{array{"a\rb"}}},
		{Name: "spaces", Stream: " a , \"b\"\n", Items: []any{array{" a ", ` "b"`}}},
		{Name: "empty lines", Stream: "\n\r\na\n\n", Items: []any{array{"a"}}},
		{Name: "junk behind a quote, then a good record", Stream: "a\n\"b\"c,d\ne\n", Items: []any{array{"a"}, bad, array{"e"}}},
		{Name: "junk in a record with a line end in quotes", Stream: "\"a\"b,\"c\nd\"\ne\n", Items: []any{bad, array{"e"}}},
		{Name: "a CR and junk behind a quote", Stream: "\"a\"\rb\n\"a\"\r,\"b\n\"\r\nc\n", Items: []any{bad, bad, array{"c"}}},
		{Name: "a record beyond the maximum, then a good one", Stream: strings.Repeat("ab,", 20) + "\nc\n", Items: []any{overLength, array{"c"}}},
		{Name: "a quoted one beyond the maximum", Stream: "\"" + strings.Repeat("ab\n", 20) + "\"\nc\n", Items: []any{overLength, array{"c"}}},
	})
	filtertest.Run(t, &filters.CSV{Separator: ';', Quote: '\''}, []filtertest.Case{
		{Name: "another separator and quote", Stream: "a,b;'c;d';\"e\"\r\n", Items: []any{array{"a,b", "c;d", `"e"`}}},
	})
	filtertest.Run(t, &filters.CSV{Separator: 0xff, Quote: 0xfe}, []filtertest.Case{
		{Name: "a separator and quote that are no ASCII", Stream: "a\xff\xfeb\xff\xfe\xfe\xfe\n", Items: []any{array{"a", "b\xff\xfe"}}},
	})
}

func TestCSVHeaderNamesTheFields(t *testing.T) {
	filtertest.Run(t, &filters.CSV{Header: true, Limits: filters.Limits{MaxLength: 20}}, []filtertest.Case{
		{Name: "by name", Stream: "name,age\r\nann,7\r\nbob,\r\n", Items: []any{dict{{"name", "ann"}, {"age", "7"}}, dict{{"name", "bob"}, {"age", ""}}}},
		{Name: "too few fields", Stream: "a,b\n1\n", Items: []any{dict{{"a", "1"}}}},
		{Name: "too many fields", Stream: "a,b\n1,2,3\n4\n", Items: []any{bad, dict{{"a", "4"}}}},
		{Name: "a name twice", Stream: "a,b,a\n1,2,3\n", Items: []any{dict{{"a", "3"}, {"b", "2"}}}},
		{Name: "a bad header", Stream: "\"a\"b\n1\n", Items: []any{lost}},
		{Name: "a header beyond the maximum", Stream: strings.Repeat("a", 30), Items: []any{lostLen}},
	})
}

func TestCSVEndOfInput(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		items        []any
		fails        bool
	}{
		{"a last record without a line end", "a,b\nc,\"d\"", []any{array{"a", "b"}, array{"c", "d"}}, false},
		{"nothing left", "a\n", []any{array{"a"}}, false},
		{"half of a line end", "a\r", []any{array{"a"}}, false},
		{"half of a line end behind a quote", "\"a\"\r", []any{array{"a"}}, false},
		{"a quote that is not closed", "a\n\"b\n", []any{array{"a"}}, true},
		{"junk", "\"b\"c", nil, true},
	} {
		f := &filters.CSV{}
		if err := f.Feed([]byte(c.stream)); err != nil {
			t.Fatal(err)
		}
		items, err := f.EOF()
		if !reflect.DeepEqual(items, c.items) || (err != nil) != c.fails {
			t.Errorf("%s: got %v, %v", c.name, items, err)
		}
		if rest, err := f.EOF(); f.Pending() != nil || len(rest) > 0 || err != nil {
			t.Errorf("%s: afterwards %q, %v, %v", c.name, f.Pending(), rest, err)
		}
	}
}

func TestCSVQuotesOnlyWhatNeedsIt(t *testing.T) {
	awkward := array{"a", "", " b ", "c,d", "e\"f", "g\r\nh", "i\nj", "k\r", "ä", "'", "\x00\xff"}
	f := &filters.CSV{}
	got := put(t, f, awkward, array{""}, array{"", ""}, array{1.0, 2.5, true, nil, null})
	want := "a,, b ,\"c,d\",\"e\"\"f\",\"g\r\nh\",\"i\nj\",\"k\r\",ä,',\x00\xff\r\n" + "\"\"\r\n" + ",\r\n" + "1,2.5,true,,\r\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	filtertest.Run(t, f, []filtertest.Case{{Name: "and reads it again", Stream: got,
		Items: []any{awkward, array{""}, array{"", ""}, array{"1", "2.5", "true", "", ""}}}})
	if got, want := put(t, &filters.CSV{Separator: '\t', Quote: '\'', LineEnd: "\n"}, array{"a,b", "c\td", "e'f"}), "a,b\t'c\td'\t'e''f'\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	refuses(t, f, "a,b")
	refuses(t, f, array{})
	refuses(t, f, dict{{"a", "b"}})
	if bad := refuses(t, f, array{"a", array{}}); bad.Path != "item[2]" {
		t.Errorf("path %q", bad.Path)
	}
}

func TestCSVPutsAHeaderFirst(t *testing.T) {
	f := &filters.CSV{Header: true}
	got := put(t, f, dict{{"a", "1"}, {"b", "2"}}, dict{{"b", "3"}}, array{"4", "5"})
	if want := "a,b\r\n1,2\r\n,3\r\n4,5\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if bad := refuses(t, f, dict{{"c", "6"}}); bad.Path != "item.c" {
		t.Errorf("path %q", bad.Path)
	}
	f.Reset()
	if got, want := put(t, f, array{"b", "a"}, dict{{"a", "1"}, {"b", "2"}}), "b,a\r\n2,1\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	clean := &filters.CSV{Header: true}
	refuses(t, clean, dict{{"a", func() {}}})
	refuses(t, clean, dict{})
	if got, want := put(t, clean, dict{{"b", "1"}}), "b\r\n1\r\n"; got != want {
		t.Errorf("after refusals: got %q, want %q", got, want)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("a,\"b\"\"c\"\r\n\"d\"e\n\"", "a\"b", "\r\n")
	f.Add("\"a\"\r,\"b\n\"\r\nc\n", "", "")
	f.Fuzz(func(t *testing.T, stream, first, second string) {
		filtertest.Case{Filter: &filters.CSV{Limits: filters.Limits{MaxLength: 50}}, Stream: stream}.Invariant(t)
		filtertest.Case{Filter: &filters.CSV{Limits: filters.Limits{MaxLength: 50}, Header: true}, Stream: stream}.Invariant(t)
		returns(t, &filters.CSV{}, array{first, second})
		returns(t, &filters.CSV{Separator: ';', Quote: '\'', LineEnd: "\n"}, array{first})
	})
}

func BenchmarkCSVNext(b *testing.B) {
	f := &filters.CSV{}
	benchmarkNext(b, f, chunkOf(b, f, array{"2024-01-02", "a name, quoted", "12.5", "", "some words of text"}))
}
