package runtime

import (
	"testing"
	"time"

	"github.com/poelua/poelua/kernel/poll"
)

func TestTrimmerActsOnceForEachQuietTime(t *testing.T) {
	clock := poll.NewSimulated(time.Unix(0, 0))
	trim := &trimmer{clock: clock, open: func() int { return 0 }}
	step := func(what string, idle bool, handled uint64, want time.Duration) {
		t.Helper()
		if got := trim.Housekeep(idle, handled); got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	wait := func(d time.Duration) {
		if _, err := clock.Wait(d, nil); err != nil {
			t.Fatal(err)
		}
	}
	step("busy", false, 1, -1)
	step("the first idle moment", true, 1, trimAfter)
	wait(trimAfter / 2)
	step("half of it", true, 1, trimAfter/2)
	step("something happens", true, 2, trimAfter)
	if trim.done {
		t.Error("it acted though something had happened")
	}
	wait(trimAfter)
	step("quiet for long enough", true, 2, -1)
	if !trim.done {
		t.Error("it did not act")
	}
	wait(trimAfter)
	step("still quiet", true, 2, -1)
	step("busy again", true, 3, trimAfter)
}

func TestTrimmerCollectsWhileHandlesBecomeMany(t *testing.T) {
	open := 0
	trim := &trimmer{clock: poll.NewSimulated(time.Unix(0, 0)), open: func() int { return open }}
	for _, c := range []struct{ open, lowest int }{
		{10, 0}, {trimHandles - 1, 0}, {trimHandles, trimHandles}, {trimHandles + 5, trimHandles}, {50, 50}, {50 + trimHandles, 50 + trimHandles},
	} {
		open = c.open
		trim.Housekeep(false, 1)
		if trim.lowest != c.lowest {
			t.Errorf("with %d open: got %d, want %d", c.open, trim.lowest, c.lowest)
		}
	}
}
