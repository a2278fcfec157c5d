package filters_test

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestLengthPrefix(t *testing.T) {
	for _, c := range []struct {
		name string
		f    *filters.LengthPrefix
		hi   string // the frame of "hi"
	}{
		{"by default", &filters.LengthPrefix{}, "\x00\x00\x00\x02hi"},
		{"one byte", &filters.LengthPrefix{Width: 1}, "\x02hi"},
		{"two bytes", &filters.LengthPrefix{Width: 2}, "\x00\x02hi"},
		{"eight bytes", &filters.LengthPrefix{Width: 8}, "\x00\x00\x00\x00\x00\x00\x00\x02hi"},
		{"little endian", &filters.LengthPrefix{Little: true}, "\x02\x00\x00\x00hi"},
		{"two bytes, little endian", &filters.LengthPrefix{Width: 2, Little: true}, "\x02\x00hi"},
		{"inclusive", &filters.LengthPrefix{Inclusive: true}, "\x00\x00\x00\x06hi"},
		{"eight bytes, little endian, inclusive", &filters.LengthPrefix{Width: 8, Little: true, Inclusive: true}, "\x0a\x00\x00\x00\x00\x00\x00\x00hi"},
	} {
		t.Run(c.name, func(t *testing.T) {
			empty := put(t, c.f, "")
			all := put(t, &filters.LengthPrefix{Width: 2}, allBytes)
			filtertest.Run(t, c.f, []filtertest.Case{
				{Name: "items", Stream: c.hi + empty + c.hi, Items: []any{"hi", "", "hi"}},
				{Name: "half an item", Stream: c.hi + c.hi[:len(c.hi)-1], Items: []any{"hi"}, Rest: c.hi[:len(c.hi)-1]},
			})
			filtertest.Run(t, &filters.LengthPrefix{Width: 2}, []filtertest.Case{{Name: "all bytes", Stream: all, Items: []any{allBytes}}})
			if got := put(t, c.f, "hi"); got != c.hi {
				t.Errorf("got %q, want %q", got, c.hi)
			}
		})
	}
}

func TestLengthPrefixFailures(t *testing.T) {
	filtertest.Run(t, &filters.LengthPrefix{Limits: filters.Limits{MaxLength: 4}, Width: 2}, []filtertest.Case{
		{Name: "over length, before the item has come", Stream: "\x00\x04abcd\x00\x05", Items: []any{"abcd", lostLen}},
	})
	filtertest.Run(t, &filters.LengthPrefix{Limits: filters.Limits{MaxLength: 4}, Width: 2, Inclusive: true}, []filtertest.Case{
		{Name: "the length does not count itself", Stream: "\x00\x06abcd\x00\x02\x00\x07", Items: []any{"abcd", "", lostLen}},
		{Name: "an inclusive length below the width", Stream: "\x00\x01", Items: []any{lost}},
	})
	filtertest.Run(t, &filters.LengthPrefix{Width: 8}, []filtertest.Case{
		{Name: "a length of all ones", Stream: strings.Repeat("\xff", 8), Items: []any{lostLen}},
	})
}

func TestLengthPrefixRefusesWhatDoesNotFit(t *testing.T) {
	f := &filters.LengthPrefix{Width: 1}
	put(t, f, strings.Repeat("x", 255))
	refuses(t, f, strings.Repeat("x", 256))
	f.Inclusive = true
	put(t, f, strings.Repeat("x", 254))
	refuses(t, f, strings.Repeat("x", 255))
	refuses(t, f, 1.0)
}

func FuzzLengthPrefix(f *testing.F) {
	f.Add("\x02hi", "hi", byte(1), false, false)
	f.Add("\x06\x00\x00\x00hi", "", byte(4), true, true)
	f.Fuzz(func(t *testing.T, stream, item string, width byte, little, inclusive bool) {
		p := &filters.LengthPrefix{Limits: filters.Limits{MaxLength: 100}, Width: int(width % 9), Little: little, Inclusive: inclusive}
		filtertest.Case{Filter: p, Stream: stream}.Invariant(t)
		if len(item) < 100 {
			returns(t, p, item)
		}
	})
}
