package filters_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func upper(item any) ([]any, error) { return []any{strings.ToUpper(item.(string))}, nil }

func notB(item any) (bool, error) { return !strings.EqualFold(item.(string), "b"), nil }

func TestStackable(t *testing.T) {
	lines := filters.NewStack(&filters.Line{Limits: limit(3)}, &filters.MapItems{In: upper})
	filtertest.Run(t, lines, []filtertest.Case{
		{Name: "items go from filter to filter", Stream: "a\nb\r\nc", Items: []any{"A", "B"}, Rest: "c"},
		{Name: "empty items are items", Stream: "\n\na\n", Items: []any{"", "", "A"}},
		{Name: "a failure of one is the stack's", Stream: "abc\nabcd\nb\n", Items: []any{"ABC", overLong, "B"}},
		{Name: "blocks within blocks", Filter: filters.NewStack(&filters.Block{}, &filters.Block{Size: 2}),
			Stream: "3\x00abc2\x00de1\x00f", Items: []any{"ab", "cd", "ef"}, RoundTrip: true},
		{Name: "a final failure", Filter: filters.NewStack(&filters.Line{}, &filters.Block{}),
			Stream: "1\x00a\nx\n1\x00a\n", Items: []any{"a", badBlock}},
		{Name: "dropped items do not stop later ones", Filter: filters.NewStack(&filters.Line{}, &filters.GrepItems{In: notB}, &filters.MapItems{In: upper}),
			Stream: "a\nb\nb\nc\nb\nd\n", Items: []any{"A", "C", "D"}},
		{Name: "the end of input goes through all", Filter: filters.NewStack(&filters.Line{LastLine: true}, &filters.MapItems{In: upper}, &filters.Line{LastLine: true, Input: "-"}),
			Stream: "a-b\nc", Items: []any{"A"}, Rest: "Bc", EOF: []any{"BC"}},
		{Name: "none passes all through", Filter: filters.NewStack(), Stream: "abc", Items: []any{"abc"}, Joined: true, RoundTrip: true},
	})
}

// The example of POE's own test.
func TestStackableOfFour(t *testing.T) {
	f := filters.NewStack(
		&filters.Line{Input: "!", Output: "!"},
		&filters.MapItems{
			In:  func(item any) ([]any, error) { return []any{"((" + item.(string) + "))"}, nil },
			Out: func(item any) ([]any, error) { return []any{"[" + item.(string) + "]"}, nil },
		},
		&filters.GrepItems{
			In:  func(item any) (bool, error) { return item.(string)[2] == '1', nil },
			Out: func(item any) (bool, error) { return item.(string)[0] == '1', nil },
		},
		&filters.RecordBlock{Size: 2},
	)
	if got := feed(t, f, "test 1: first!1 one!2 two!1 three"); got == nil {
		expect(t, "pending", string(f.Pending()), "((1 one))1 three")
	} else {
		t.Errorf("got %v, want nothing yet", got)
	}
	expect(t, "pending items", f.PendingItems(), []any{"((1 one))", "1 three"})
	expect(t, "the rest", feed(t, f, "!2 four!"), []any{[]any{"((1 one))", "((1 three))"}})
	if out, err := f.Put([]byte("> "), []any{"1 one", "2 two", "1 three"}); string(out) != "> [1 one]![1 three]!" || err != nil {
		t.Errorf("put: got %q, %v", out, err)
	}
	if out, err := f.Put([]byte("> "), []any{"2 two"}); string(out) != "> " || err != nil {
		t.Errorf("put of what Grep drops: got %q, %v, want nothing", out, err)
	}
	expect(t, "put of items", putItems(t, f, []any{"1 one", "1 two"}), []any{"[1 one]!", "[1 two]!"})
}

func TestStackableDrivesNoFilterMoreThanNeeded(t *testing.T) {
	counted := 0
	f := filters.NewStack(&filters.Line{}, &filters.MapItems{In: func(item any) ([]any, error) {
		counted++
		return []any{item}, nil
	}})
	if err := f.Feed([]byte("a\nb\nc\n")); err != nil {
		t.Fatal(err)
	}
	if item, ok, err := f.Next(); item != "a" || !ok || err != nil || counted != 1 {
		t.Errorf("got %v, %v, %v and %d calls, want a and one", item, ok, err, counted)
	}
	expect(t, "pending", string(f.Pending()), "b\nc\n")
}

func TestStackableRefusesItemsThatAreNoBytes(t *testing.T) {
	numbers := &filters.MapItems{In: func(item any) ([]any, error) {
		if item == "7" {
			return []any{7}, nil
		}
		return []any{item}, nil
	}}
	f := filters.NewStack(&filters.Line{}, numbers, &filters.Line{})
	if err := f.Feed([]byte("7\na\n")); err != nil {
		t.Fatal(err)
	}
	var wrong *filters.ItemError
	if _, ok, err := f.Next(); ok || !errors.As(err, &wrong) {
		t.Errorf("got %v, want an *ItemError", err)
	}
	expect(t, "what is after it", drain(t, f), []any(nil))
	expect(t, "pending after it", string(f.Pending()), "a")
}

func types(f *filters.Stackable) string {
	var names []string
	for _, stage := range f.Filters() {
		names = append(names, strings.TrimPrefix(fmt.Sprintf("%T", stage), "*filters."))
	}
	return strings.Join(names, " ")
}

func TestStackableOrder(t *testing.T) {
	f := filters.NewStack(&filters.Line{})
	for _, c := range []struct {
		what string
		do   func() error
		want string
	}{
		{"push adds at the items' end", func() error { return f.Push(&filters.MapItems{}, &filters.GrepItems{}) }, "Line MapItems GrepItems"},
		{"unshift adds at the wire", func() error { return f.Unshift(&filters.Stream{}, &filters.Block{}) }, "Stream Block Line MapItems GrepItems"},
		{"pop and unshift", func() error { return f.Unshift(f.Pop()) }, "GrepItems Stream Block Line MapItems"},
		{"shift and push", func() error { return f.Push(f.Shift()) }, "Stream Block Line MapItems GrepItems"},
		{"itself", func() error { return f.Push(&filters.Line{}, f) }, "Stream Block Line MapItems GrepItems"},
		{"itself within another", func() error { return f.Unshift(filters.NewStack(filters.NewStack(f))) }, "Stream Block Line MapItems GrepItems"},
	} {
		refused := strings.HasPrefix(c.what, "itself")
		if err := c.do(); (err != nil) != refused {
			t.Errorf("%s: got %v", c.what, err)
		}
		expect(t, c.what, types(f), c.want)
	}
	for range 5 {
		f.Pop()
	}
	if f.Pop() != nil || f.Shift() != nil {
		t.Error("an empty stack gives a filter")
	}
}

func TestStackableCloneIsDeep(t *testing.T) {
	f := filters.NewStack(&filters.Line{}, filters.NewStack(&filters.RecordBlock{Size: 2}))
	feed(t, f, "a\nb")
	clone := f.Clone().(*filters.Stackable)
	expect(t, "types", types(clone), types(f))
	for i, stage := range clone.Filters() {
		if stage == f.Filters()[i] {
			t.Errorf("filter %d is shared", i)
		}
	}
	expect(t, "the clone", feed(t, clone, "x\ny\n"), []any{[]any{"x", "y"}})
	expect(t, "the original", feed(t, f, "c\n"), []any{[]any{"a", "bc"}})
}

func TestStackableGivesAFilterWithWhatItHolds(t *testing.T) {
	f := filters.NewStack(&filters.Line{}, &filters.RecordBlock{Size: 2})
	feed(t, f, "a\nb")
	records, line := f.Pop().(*filters.RecordBlock), f.Shift()
	expect(t, "the last", records.PendingItems(), []any{"a"})
	expect(t, "the first", string(line.Pending()), "b")
	expect(t, "the stack", f.Pending(), []byte(nil))
}

func TestEmptyStackPassesDataOn(t *testing.T) {
	f := filters.NewStack()
	expect(t, "items", feedItems(t, f, 1, "a"), []any{1, "a"})
	expect(t, "put", putItems(t, f, 1, "a"), []any{1, "a"})

	// What came before there was a filter goes through it, and first.
	for _, chunk := range []string{"a", "b\n"} {
		if err := f.Feed([]byte(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "pending", string(f.Pending()), "ab\n")
	if err := f.Push(&filters.Line{}); err != nil {
		t.Fatal(err)
	}
	expect(t, "with a filter", feed(t, f, "c\nd"), []any{"ab", "c"})
	expect(t, "pending then", string(f.Pending()), "d")
}

func TestStackableResets(t *testing.T) {
	f := filters.NewStack(&filters.Line{}, &unresettable{&filters.Block{}})
	feed(t, f, "a")
	f.Feed([]byte("\nb"))
	if _, _, err := f.Next(); !errors.Is(err, syscall.EBADMSG) {
		t.Fatalf("got %v, want EBADMSG", err)
	}
	f.Reset()
	expect(t, "pending", f.Pending(), []byte(nil))
	expect(t, "afterwards", feed(t, f, "1\x00a\n"), []any{"a"})
}

// unresettable is a filter that only its clone can stand in for.
type unresettable struct{ filters.Filter }

func (f *unresettable) Clone() filters.Filter { return &unresettable{f.Filter.Clone()} }

// A function that takes its own filter out of the stack does not disturb what is being done.
func TestStackableMayChangeWhileItRuns(t *testing.T) {
	f := filters.NewStack(&filters.Line{})
	empties := &filters.MapItems{In: func(item any) ([]any, error) {
		for f.Pop() != nil {
		}
		return []any{item, item}, nil
	}}
	if err := f.Push(empties, &filters.GrepItems{}); err != nil {
		t.Fatal(err)
	}
	expect(t, "items", feed(t, f, "a\nb\n"), []any{"a"})
	expect(t, "what the filter holds", empties.PendingItems(), []any{"a"})
	expect(t, "the empty stack", feed(t, f, "c"), []any{"c"})
}

func TestStackableEndOfInputAfterAFailure(t *testing.T) {
	f := filters.NewStack(&filters.Line{Limits: limit(2), LastLine: true}, &filters.MapItems{In: upper})
	if err := f.Feed([]byte("a\nbcd\ne\nf")); err != nil {
		t.Fatal(err)
	}
	var items []any
	failures := 0
	for {
		list, err := f.EOF()
		items = append(items, list...)
		if err == nil {
			break
		}
		failures++
	}
	expect(t, "items", items, []any{"A", "E", "F"})
	expect(t, "failures", failures, 1)
}

// A filter is replaced by another with what it has pending, and nothing is lost or repeated.
func TestSwitching(t *testing.T) {
	for _, c := range []struct {
		name      string
		old, next filters.Filter
		stream    string
		items     int // to take before the switch
		want      []any
	}{
		{"line to block", &filters.Line{}, &filters.Block{}, "a\n3\x00b\nc", 1, []any{"a", "b\nc"}},
		{"block to line", &filters.Block{}, &filters.Line{}, "1\x00ab\nc\n", 1, []any{"a", "b", "c"}},
		{"line to stream", &filters.Line{}, &filters.Stream{}, "a\nb\r\nc", 1, []any{"a", "b\r\nc"}},
		{"a stack to block", filters.NewStack(&filters.Line{}, &filters.MapItems{In: upper}), &filters.Block{}, "a\n1\x00b", 1, []any{"A", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []any
			f := c.old
			for i := range len(c.stream) {
				if err := f.Feed([]byte(c.stream[i : i+1])); err != nil {
					t.Fatal(err)
				}
				for f == c.old {
					item, ok, err := f.Next()
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						break
					}
					if got = append(got, item); len(got) == c.items {
						f = c.next
						if err := f.Feed(c.old.Pending()); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			expect(t, "byte by byte", append(got, drain(t, f)...), c.want)
		})
	}
}

func FuzzStackable(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter {
		return filters.NewStack(
			&filters.Line{Limits: limit(20), LastLine: true},
			&filters.GrepItems{In: notB},
			&filters.Block{Limits: limit(20)},
			&filters.MapItems{In: upper},
		)
	}, "1\x00a\nb\n3\x00\nabc\n", "0\x00\nx")
}
