package filters_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
)

// feedItems feeds a filter with items and gives what comes, failures of its functions included.
func feedItems(t testing.TB, f filters.Filter, items ...any) []any {
	t.Helper()
	for _, item := range items {
		if err := f.(filters.ItemFeeder).FeedItem(item); err != nil {
			t.Fatal(err)
		}
	}
	var out []any
	for {
		item, ok, err := f.Next()
		switch {
		case err != nil:
			out = append(out, err)
		case !ok:
			return out
		default:
			out = append(out, item)
		}
	}
}

func putItems(t testing.TB, f filters.Filter, items ...any) []any {
	t.Helper()
	var out []any
	for _, item := range items {
		list, err := f.(filters.ItemPutter).PutItem(item)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list...)
	}
	return out
}

func TestRecordBlockGroupsItems(t *testing.T) {
	f := &filters.RecordBlock{Size: 4}
	expect(t, "ten items", feedItems(t, f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), []any{[]any{1, 2, 3, 4}, []any{5, 6, 7, 8}})
	expect(t, "pending", f.PendingItems(), []any{9, 10})
	expect(t, "pending again", f.PendingItems(), []any{9, 10})
	clone := f.Clone()
	expect(t, "a clone", feedItems(t, clone, 1, 2, 3), []any(nil))
	expect(t, "two more", feedItems(t, f, 11, 12), []any{[]any{9, 10, 11, 12}})
	f.Size = 2
	expect(t, "another size", feedItems(t, f, 1, 2, 3), []any{[]any{1, 2}})
	f.Reset()
	expect(t, "pending after a reset", len(f.PendingItems()), 0)
}

func TestRecordBlockTakesAChunkAsAnItem(t *testing.T) {
	f := &filters.RecordBlock{Size: 2}
	for _, chunk := range []string{"a", "", "b", "c"} {
		if err := f.Feed([]byte(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "three chunks and an empty one", drain(t, f), []any{[]any{"a", "b"}})
	expect(t, "pending", string(f.Pending()), "c")
}

// A group whose items take too much fails before it is whole. Nothing more is taken then.
func TestRecordBlockBoundsWhatItHolds(t *testing.T) {
	f := &filters.RecordBlock{Size: 1000}
	item := strings.Repeat("x", filters.DefaultMaxBuffer/8) // one for all: this test does not take what it counts
	for range 8 {
		if err := f.FeedItem(item); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, ok, err := f.Next(); ok || !errors.Is(err, syscall.EMSGSIZE) || !err.(*filters.Error).Final {
			t.Errorf("next: got %v, want a final EMSGSIZE", err)
		}
		if err := f.FeedItem("y"); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("feed: got %v, want EMSGSIZE", err)
		}
	}
	f.Reset()
	expect(t, "after a reset", feedItems(t, f, "y"), []any(nil))
}

func TestRecordBlockHoldsBackWhatIsNoMultiple(t *testing.T) {
	f := &filters.RecordBlock{Size: 3, CheckPut: true}
	expect(t, "two arrays", putItems(t, f, []any{1, 2}, []any{3, "A"}), []any{1, 2, 3})
	expect(t, "held back", f.PendingPut(), []any{"A"})
	expect(t, "two more", putItems(t, f, []any{2, 3, 1, 2, 3}, []any{1, 2, 3, "B"}), []any{"A", 2, 3, 1, 2, 3, 1, 2, 3})
	expect(t, "held back then", f.PendingPut(), []any{"B"})
	expect(t, "a clone holds nothing", f.Clone().(*filters.RecordBlock).PendingPut(), []any(nil))
	f.CheckPut = false
	expect(t, "switched off", putItems(t, f, []any{"C", "D"}), []any{"B", "C", "D"})
	expect(t, "held back in the end", f.PendingPut(), []any(nil))
}

func TestRecordBlockPutsAllOrNothing(t *testing.T) {
	f := &filters.RecordBlock{Size: 2, CheckPut: true}
	for _, c := range []struct {
		item any
		want string
		held []any
	}{
		{[]any{"a"}, "> ", []any{"a"}},
		{[]any{7}, "> ", []any{"a"}}, // refused
		{[]any{"b", "c"}, "> ab", []any{"c"}},
	} {
		out, err := f.Put([]byte("> "), c.item)
		if string(out) != c.want || (err != nil) != (c.item.([]any)[0] == 7) {
			t.Errorf("put %v: got %q, %v, want %q", c.item, out, err, c.want)
		}
		expect(t, "held back", f.PendingPut(), c.held)
	}
}

func TestRecordBlockAsksTheProgramForArrays(t *testing.T) {
	f := &filters.RecordBlock{From: func(item any) (any, error) {
		if item == "" {
			return nil, errors.New("no array")
		}
		return []any{item, item}, nil
	}}
	expect(t, "put", putItems(t, f.Clone(), "a"), []any{"a", "a"})
	if _, err := f.PutItem(""); err == nil || err.Error() != "no array" {
		t.Errorf("got %v, want its error", err)
	}
}

// isLower lets lower-case strings through; "!" is an error, "!!" a panic.
func isLower(item any) (bool, error) {
	s := item.(string)
	switch s {
	case "!":
		return false, errors.New("no letter")
	case "!!":
		panic("no letters")
	}
	return s == strings.ToLower(s), nil
}

func TestGrepLetsItemsThrough(t *testing.T) {
	f := &filters.GrepItems{In: isLower}
	expect(t, "in", feedItems(t, f, "A", "b", "C", "D", "e", "F"), []any{"b", "e"})
	expect(t, "out, without a function", putItems(t, f, "A", "b"), []any{"A", "b"})
	f = &filters.GrepItems{Out: isLower}
	expect(t, "in, without a function", feedItems(t, f, "A", "b"), []any{"A", "b"})
	expect(t, "out", putItems(t, f, "A", "b", "C"), []any{"b"})
	expect(t, "what waits", waiting(t, f, "a", 7, "b"), []any{"a", 7, "b"})
	expect(t, "what waits, in bytes", string(f.Pending()), "ab")
}

func TestMapReplacesItems(t *testing.T) {
	words := func(item any) ([]any, error) {
		var list []any
		for _, w := range strings.Fields(item.(string)) {
			list = append(list, w)
		}
		return list, nil
	}
	f := &filters.MapItems{In: words}
	expect(t, "in", feedItems(t, f, "a b", "", "  ", "c", "", "d e f"), []any{"a", "b", "c", "d", "e", "f"})
	expect(t, "out, without a function", putItems(t, f, "a b", ""), []any{"a b", ""})
	f = &filters.MapItems{Out: words}
	expect(t, "in, without a function", feedItems(t, f, "a b", ""), []any{"a b", ""})
	expect(t, "out", putItems(t, f, "a b", "", "c"), []any{"a", "b", "c"})
	if err := f.Feed([]byte("x y")); err != nil {
		t.Fatal(err)
	}
	expect(t, "what waits, in bytes", string(f.Pending()), "x y")
	if out, err := f.Put([]byte("> "), "a b"); string(out) != "> ab" || err != nil {
		t.Errorf("put: got %q, %v, want > ab", out, err)
	}

	f = &filters.MapItems{In: words}
	if err := f.FeedItem("a b c"); err != nil {
		t.Fatal(err)
	}
	f.Next()
	expect(t, "what waits", waiting(t, f, "d e"), []any{"b", "c", "d e"})
	expect(t, "the rest", drain(t, f), []any{"b", "c", "d", "e"})
}

// waiting feeds items and gives what is pending then.
func waiting(t testing.TB, f filters.Filter, items ...any) []any {
	t.Helper()
	for _, item := range items {
		if err := f.(filters.ItemFeeder).FeedItem(item); err != nil {
			t.Fatal(err)
		}
	}
	return f.(filters.ItemPender).PendingItems()
}

func TestAnErrorOfTheFunctionCostsOneItem(t *testing.T) {
	twice := func(item any) ([]any, error) {
		if ok, err := isLower(item); !ok {
			return nil, err
		}
		return []any{item, item}, nil
	}
	noLetter := errors.New("no letter")
	for name, c := range map[string]struct {
		f    filters.Filter
		want []any
	}{
		"grep":       {&filters.GrepItems{In: isLower}, []any{"a", noLetter, "b"}},
		"map":        {&filters.MapItems{In: twice}, []any{"a", "a", noLetter, "b", "b"}},
		"in a stack": {filters.NewStack(&filters.MapItems{}, &filters.GrepItems{In: isLower}), []any{"a", noLetter, "b"}},
	} {
		expect(t, name, feedItems(t, c.f, "a", "!", "b"), c.want)

		waiting(t, c.f, "!!", "c")
		func() {
			defer func() {
				if recover() != "no letters" {
					t.Errorf("%s: the panic does not come through", name)
				}
			}()
			c.f.Next()
		}()
		if got := drain(t, c.f); len(got) == 0 || got[0] != "c" {
			t.Errorf("%s: after a panic got %q, want c", name, got)
		}
	}
	f := &filters.MapItems{Out: twice}
	if out, err := f.Put([]byte("> "), "!"); string(out) != "> " || err.Error() != "no letter" {
		t.Errorf("put: got %q, %v, want the destination as it was and the error", out, err)
	}
}
