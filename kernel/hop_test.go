package kernel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

// hops lists those that led to the handler that calls it.
func hops(k *kernel.Kernel, n int) (list kerneltest.Log) {
	for _, h := range k.Hops(n) {
		list.Add("%v %s %v from %v in '%s' %d", h.Session, h.Event, h.Kind, h.From, h.State, h.Site.Pos)
	}
	return list
}

func wantHops(t *testing.T, k *kernel.Kernel, n int, want ...string) {
	t.Helper()
	log := hops(k, n)
	log.Want(t, want...)
}

func at(pos int) kernel.Site { return kernel.Site{Code: "x", Pos: pos} }

func TestHopsLeadFromTheDispatchInProgressToTheFirst(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		if got := k.Hops(5); len(got) > 0 {
			t.Errorf("got %v outside of handlers", got)
		}
		last := spawn(t, k, kernel.Session{Alias: "last", States: states{
			"ask": func(c *kernel.Context, args ...any) any {
				wantHops(t, k, 9, "1 ask call from 2 in 'third' 4", "2 third post from 2 in 'second' 3", "2 second timer from 2 in 'first' 2",
					"2 first post from 2 in '_start' 1", "2 _start start from 0 in '' 0")
				wantHops(t, k, 2, "1 ask call from 2 in 'third' 4", "2 third post from 2 in 'second' 3")
				wantHops(t, k, 0)
				return nil
			},
		}})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { k.Yield("first", at(1), nil) }),
			States: states{
				"first":  on(func(*kernel.Context) { k.SetDelay("second", time.Second, at(2), nil) }),
				"second": on(func(*kernel.Context) { k.Yield("third", at(3), nil) }),
				"third": on(func(c *kernel.Context) {
					for range 1000 { // calls in between are not what led here
						c.Call(c.Task, "idle")
					}
					k.Call(k.ByID(last), "ask", at(4), nil, kernel.WantNothing)
				}),
				"idle": on(func(*kernel.Context) {}),
			},
		})
	})
}

func TestHopsGoThroughErrorsSignalsAndTheTree(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.WatchSignal("DIE", "died")
				k.Yield("fail", at(1), nil)
			}),
			States: states{
				"fail": func(*kernel.Context, ...any) any { panic("no luck") },
				"died": func(c *kernel.Context, _ ...any) any {
					c.SignalHandled()
					log = append(log, hops(k, 9)...)
					c.WatchSignal("USR1", "usr")
					k.Signal(c.Task, "USR1", at(2), nil)
					return nil
				},
				"usr": func(c *kernel.Context, _ ...any) any {
					log = append(log, hops(k, 2)...)
					k.Spawn(kernel.Session{Start: func(*kernel.Context) any {
						log = append(log, hops(k, 2)...)
						return nil
					}})
					return nil
				},
			},
		})
	})
	log.Want(t,
		"1 died die from 0 in 'fail' 0", "1 fail post from 1 in '_start' 1", "1 _start start from 0 in '' 0",
		"1 usr signal from 0 in 'died' 2", "1 died die from 0 in 'fail' 0",
		"2 _start start from 1 in 'usr' 0", "1 usr signal from 0 in 'died' 2")
}

// A dispatch in progress is known however much has happened in it.
func TestHopsKnowWhatIsInProgress(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { k.Yield("go", at(1), nil) }),
			States: states{
				"go": on(func(c *kernel.Context) {
					for range 3000 {
						c.Call(c.Task, "idle")
					}
					wantHops(t, k, 9, "1 go post from 1 in '_start' 1")
					k.Call(c.Task, "ask", at(2), nil, kernel.WantNothing)
				}),
				"ask": on(func(*kernel.Context) {
					wantHops(t, k, 9, "1 ask call from 1 in 'go' 2", "1 go post from 1 in '_start' 1")
				}),
				"idle": on(func(*kernel.Context) {}),
			},
		})
	})
}

func TestHopsEndWhereNothingIsRemembered(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		n := 0
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.Yield("tick")
				k.SetDelay("late", time.Second, at(3), nil)
			}),
			States: states{
				"tick": func(c *kernel.Context, _ ...any) any {
					if n++; n < 3000 {
						c.Yield("tick")
						return nil
					}
					got := k.Hops(5000)
					if len(got) != 1024 {
						t.Errorf("got %d hops, want 1024", len(got))
					}
					for i, h := range got[1:] {
						if h.Number != got[i].Number-1 || h.Event != "tick" {
							t.Fatalf("got %+v after %+v", h, got[i])
						}
					}
					return nil
				},
				"late": func(c *kernel.Context, _ ...any) any {
					wantHops(t, k, 9, "1 late timer from 1 in '_start' 3")
					return nil
				},
			},
		})
	})
}

func TestDispatchesAreNumberedAlikeInRecordsAndHops(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		var number, cause, queued uint64
		k.Observe(kernel.RecordDispatch|kernel.RecordQueued, nil, func(r *kernel.Record) {
			if r.Kind == kernel.RecordQueued {
				queued = r.Cause
				return
			}
			number, cause = r.Number, r.Cause
		})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("tick") }),
			States: states{"tick": func(c *kernel.Context, _ ...any) any {
				h := k.Hops(2)
				if h[0].Number != number || h[1].Number != cause || cause != queued {
					t.Errorf("got %v, want %d and %d (queued with %d)", fmt.Sprint(h), number, cause, queued)
				}
				return nil
			}},
		})
	})
}
