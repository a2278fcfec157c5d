package filters_test

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestJSONLines(t *testing.T) {
	filtertest.Run(t, &filters.JSONLines{Limits: filters.Limits{MaxLength: 20}, MaxDepth: 2}, []filtertest.Case{
		{Name: "values", Stream: "{\"a\":[1]}\nnull\n\"\\n\"\r\n[]\n", Items: []any{dict{{"a", array{1.0}}}, null, "\n", array{}}},
		{Name: "blank lines", Stream: "\n1\n\r\n \t\n2\n", Items: []any{1.0, 2.0}},
		{Name: "no line end yet", Stream: "1\n2", Items: []any{1.0}, Rest: "2"},
		{Name: "a bad line, then a good one", Stream: "1\n{\n2\n", Items: []any{1.0, bad, 2.0}},
		{Name: "two values on a line", Stream: "1 2\n3\n", Items: []any{bad, 3.0}},
		{Name: "a line beyond the maximum, then a good one", Stream: "\"" + strings.Repeat("x", 40) + "\"\n1\n", Items: []any{overLength, 1.0}},
		{Name: "a line of the maximum", Stream: "\"" + strings.Repeat("x", 18) + "\"\r\n", Items: []any{strings.Repeat("x", 18)}},
		{Name: "a line beyond the maximum without an end", Stream: strings.Repeat("x", 40), Items: []any{overLength}},
		{Name: "nested too deep", Stream: "[[[]]]\n1\n", Items: []any{bad, 1.0}},
		{Name: "a large integer", Stream: "9007199254740993\n", Items: []any{bad}},
	})
	filtertest.Run(t, &filters.JSONLines{BigStrings: true}, []filtertest.Case{
		{Name: "a large integer as a string", Stream: "9007199254740993\n", Items: []any{"9007199254740993"}},
	})
}

func TestJSONLinesPutsOneValueOnEachLine(t *testing.T) {
	f := &filters.JSONLines{MaxDepth: 2}
	if got, want := put(t, f, dict{{"a", "x\r\ny"}}, array{}, nil), "{\"a\":\"x\\r\\ny\"}\n[]\nnull\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if bad := refuses(t, f, dict{{"a", func() {}}}); bad.Path != "item.a" || bad.Filter != "JSONLines" {
		t.Errorf("got %v", bad)
	}
	refuses(t, f, nested(3))
	f.From = func(item any) (any, error) { return "made", nil }
	if got := put(t, f.Clone(), 1); got != "\"made\"\n" {
		t.Errorf("got %q", got)
	}
}

func FuzzJSONLines(f *testing.F) {
	f.Add("1\n\n{\"a\":2}\r\n[")
	f.Add("\"" + strings.Repeat("x", 200) + "\"\n1\n")
	f.Fuzz(func(t *testing.T, stream string) {
		filtertest.Case{Filter: &filters.JSONLines{Limits: filters.Limits{MaxLength: 100}}, Stream: stream}.Invariant(t)
	})
}

func BenchmarkJSONLinesNext(b *testing.B) {
	f := &filters.JSONLines{}
	benchmarkNext(b, f, chunkOf(b, f, benchmarked))
}

func BenchmarkJSONLinesPut(b *testing.B) { benchmarkPut(b, &filters.JSONLines{}, benchmarked) }
