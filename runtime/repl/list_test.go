package repl_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

// endless gives lines without end and notes how many, and that no more are wanted.
type endless struct {
	made    int
	stopped bool
}

func (e *endless) lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		defer func() { e.stopped = true }()
		for yield("a line") {
			e.made++
		}
	}
}

func TestAListingIsPutOutInOrder(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.p.List(slices.Values([]string{"one", "two"}))
	b.p.List(slices.Values([]string{}))
	b.p.List(slices.Values([]string{"three"}))
	if got := b.shown.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("got %q", got)
	}
}

func TestTheProgramGoesOnDuringAListing(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.types("local n = 0", "kernel:state('tick', function() n = n + 1 kernel:yield('tick') end)", "kernel:yield('tick')")
	var e endless
	b.p.List(e.lines())
	turns := 0
	b.until(func() bool { turns++; return turns > 20 })
	b.p.Interrupt()
	b.untilShown("... interrupted\n")
	made := e.made
	if !e.stopped || made == 0 {
		t.Errorf("%d lines were made, stopped: %v", made, e.stopped)
	}
	if got := b.types("n > 5"); got != "true\n" || e.made != made {
		t.Errorf("got %q; %d lines more", got, e.made-made)
	}
	b.p.Interrupt()
}

func TestAListingWaitsForTheReader(t *testing.T) {
	full := false
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true, Full: func() bool { return full }})
	out := b.p.Out
	b.p.Out = func(text string) {
		out(text)
		full = strings.Count(b.shown.String(), "\n")%3 == 0
	}
	b.p.Line(".help") // has more lines than that
	n := strings.Count(b.shown.String(), "\n")
	if n != 3 || len(b.states) != 0 {
		t.Errorf("got %d lines, %d states", n, len(b.states))
	}
	b.p.Drained() // it can take no more than before
	for range 10 {
		full = false
		b.p.Drained()
	}
	if got := b.shown.String(); !strings.HasSuffix(got, "_ is the last value.\n") || len(b.states) != 1 {
		t.Errorf("got %q, %d states", got, len(b.states))
	}
	full = true
	var e endless
	b.p.List(e.lines())
	b.p.Interrupt()
	b.untilShown("... interrupted\n")
	if e.made != 0 {
		t.Errorf("%d lines were made", e.made)
	}
}

func TestALineOrCloseEndsAListing(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	var first, second endless
	b.p.List(first.lines())
	b.types("1")
	b.p.List(second.lines())
	b.p.Close()
	if !first.stopped || !second.stopped {
		t.Error("a listing has not ended")
	}
}
