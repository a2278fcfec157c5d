package kernel_test

import (
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

func TestHousekeep(t *testing.T) {
	type call struct {
		idle    bool
		handled uint64
	}
	run := func(t *testing.T, answer func(c call) time.Duration, s kernel.Session) (calls []call) {
		k := kerneltest.New(t, func(o *kernel.Options) {
			o.Housekeep = func(idle bool, handled uint64) time.Duration {
				c := call{idle, handled}
				calls = append(calls, c)
				return answer(c)
			}
		})
		defer k.Close()
		if _, err := k.Spawn(s); err != nil {
			t.Fatal(err)
		}
		if err := kerneltest.Finish(t, k); err != nil {
			t.Fatal(err)
		}
		return calls
	}
	const events = 1000
	busy := kernel.Session{
		Start: func(c *kernel.Context) any { c.Yield("tick", events); return nil },
		States: map[string]kernel.Handler{"tick": func(c *kernel.Context, args ...any) any {
			if n := args[0].(int); n > 1 {
				c.Yield("tick", n-1)
			}
			return nil
		}},
	}
	never := func(call) time.Duration { return -1 }

	t.Run("is called now and then while events wait", func(t *testing.T) {
		calls := run(t, never, busy)
		if len(calls) < 5 || len(calls) > events/10 || calls[1].idle || calls[1].handled == 0 {
			t.Errorf("got %d calls %v", len(calls), calls)
		}
	})
	t.Run("is called between all events if it has more to do", func(t *testing.T) {
		calls := run(t, func(call) time.Duration { return 0 }, busy)
		if len(calls) < events {
			t.Errorf("got %d calls, want one for each of %d events", len(calls), events)
		}
	})
	waiting := func(due *time.Duration) kernel.Session {
		var began time.Duration
		return kernel.Session{
			Start: func(c *kernel.Context) any {
				began = c.Kernel.Clock().Now()
				c.Delay("late", time.Hour)
				return nil
			},
			States: map[string]kernel.Handler{"late": func(c *kernel.Context, args ...any) any {
				*due = c.Kernel.Clock().Now() - began
				return nil
			}},
		}
	}
	t.Run("is called again before a wait until it has done", func(t *testing.T) {
		var due time.Duration
		left := 10
		calls := run(t, func(c call) time.Duration {
			if !c.idle {
				return -1
			}
			if left--; left > 0 {
				return 0
			}
			return -1
		}, waiting(&due))
		if left > 0 || due != time.Hour {
			t.Errorf("%d of 10 calls were missing in %v, and the timer came after %v", left, calls, due)
		}
	})
	t.Run("is called again in the middle of a wait", func(t *testing.T) {
		var due time.Duration
		idle := 0
		run(t, func(c call) time.Duration {
			if c.idle {
				idle++
			}
			return 10 * time.Minute
		}, waiting(&due))
		if idle != 6 || due != time.Hour {
			t.Errorf("got %d calls in an hour, want 6; the timer came after %v", idle, due)
		}
	})
}
