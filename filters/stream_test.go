package filters_test

import (
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestStream(t *testing.T) {
	filtertest.Run(t, &filters.Stream{}, []filtertest.Case{
		{Name: "what has come is one item", Stream: "abc\r\ndef", Items: []any{"abc\r\ndef"}, Joined: true, RoundTrip: true},
		{Name: "all bytes", Stream: allBytes, Items: []any{allBytes}, Joined: true, RoundTrip: true},
		{Name: "nothing gives nothing", Stream: ""},
	})
}

func TestStreamJoinsChunks(t *testing.T) {
	f := &filters.Stream{}
	for _, chunk := range []string{"a", "", "bc"} {
		if err := f.Feed([]byte(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	if got := drain(t, f); len(got) != 1 || got[0] != "abc" {
		t.Errorf("got %q, want abc", got)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("abc"), []byte(""))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := &filters.Stream{}
		var got string
		for _, chunk := range [][]byte{first, second, first} {
			if err := s.Feed(chunk); err != nil {
				t.Fatal(err)
			}
			if item, ok, _ := s.Next(); ok {
				got += item.(string)
			}
		}
		if want := string(first) + string(second) + string(first); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
