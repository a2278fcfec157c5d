package filters_test

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestNetstring(t *testing.T) {
	filtertest.Run(t, &filters.Netstring{Limits: filters.Limits{MaxLength: 300}}, []filtertest.Case{
		{Name: "two items", Stream: "2:hi,0:,", Items: []any{"hi", ""}},
		{Name: "half an item", Stream: "2:hi,5:wor", Items: []any{"hi"}, Rest: "5:wor"},
		{Name: "half a length", Stream: "2:hi,12", Items: []any{"hi"}, Rest: "12"},
		{Name: "framing inside an item", Stream: "8:1:a,2:b,,1:c,", Items: []any{"1:a,2:b,", "c"}},
		{Name: "all bytes", Stream: "256:" + allBytes + ",", Items: []any{allBytes}},
		{Name: "a leading zero", Stream: "1:a,05:hello,", Items: []any{"a", lost}},
		{Name: "two zeros", Stream: "00:,", Items: []any{lost}},
		{Name: "no comma", Stream: "1:a,5:hello.", Items: []any{"a", lost}},
		{Name: "letters", Stream: "abc", Items: []any{lost}},
		{Name: "a sign", Stream: "-1:,", Items: []any{lost}},
		{Name: "no length", Stream: ":,", Items: []any{lost}},
		{Name: "over length", Stream: "1:a,301:", Items: []any{"a", lostLen}},
		{Name: "a length beyond 64 bits", Stream: "99999999999999999999:", Items: []any{lostLen}},
		{Name: "a length of 21 digits", Stream: "100000000000000000000:", Items: []any{lost}},
	})
}

func TestNetstringPutsWhatItReads(t *testing.T) {
	f := &filters.Netstring{}
	if got, want := put(t, f, "hello", "", "12:"), "5:hello,0:,3:12:,"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if bad := refuses(t, f, []any{}); bad.Filter != "Netstring" || bad.Want != "string" {
		t.Errorf("got %v", bad)
	}
}

func FuzzNetstring(f *testing.F) {
	f.Add("2:hi,0:,", "hi")
	f.Add("05:", ":,")
	f.Fuzz(func(t *testing.T, stream, item string) {
		limited := &filters.Netstring{Limits: filters.Limits{MaxLength: 100}}
		filtertest.Case{Filter: limited, Stream: stream}.Invariant(t)
		returns(t, &filters.Netstring{}, item)
	})
}

func BenchmarkNetstring(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"16 bytes", 16}, {"1 KiB", 1 << 10}, {"64 KiB", 64 << 10}} {
		stream := chunkOf(b, &filters.Netstring{}, strings.Repeat("x", size.n))
		b.Run(size.name, func(b *testing.B) { benchmarkNext(b, &filters.Netstring{}, stream) })
	}
}
