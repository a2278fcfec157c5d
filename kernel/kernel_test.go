package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

// spawn makes a session that must not fail to be made.
func spawn(t testing.TB, k *kernel.Kernel, s kernel.Session) kernel.SessionID {
	t.Helper()
	id, err := k.Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

type states = map[string]kernel.Handler

// do makes a Start that returns nothing.
func do(f func(c *kernel.Context)) func(c *kernel.Context) any {
	return func(c *kernel.Context) any { f(c); return nil }
}

func TestPostsArriveInTheOrderMade(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		note := func(c *kernel.Context, args ...any) any {
			log.Add("%v %s %v from %v", c.Task.ID(), c.Event, args, c.Sender.ID())
			return nil
		}
		a := spawn(t, k, kernel.Session{States: states{"one": note, "two": func(c *kernel.Context, args ...any) any {
			c.Yield("one", "again")
			return note(c, args...)
		}}})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.Post(a, "one", 1, nil)
				c.Yield("own", 2)
				c.Post(a.String(), "two", 3)
				c.Post(c.Kernel.ByID(a), "one", nil, nil)
				c.Yield("own", 4)
			}),
			States: states{"own": note},
		})
	})
	log.Want(t, "1 one [1 <nil>] from 2", "2 own [2] from 2", "1 two [3] from 2", "1 one [<nil> <nil>] from 2",
		"2 own [4] from 2", "1 one [again] from 1")
}

func TestPostToNobodyIsRefused(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		gone := spawn(t, k, kernel.Session{})
		task := k.ByID(gone)
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Delay("try", time.Second) }),
			States: states{"try": func(c *kernel.Context, args ...any) any {
				for _, dest := range []any{"nobody", gone, gone.String(), task, kernel.SessionID(99), 3.5, nil} {
					if err := c.Post(dest, "x"); !errors.Is(err, syscall.ESRCH) {
						t.Errorf("post to %v: got %v, want ESRCH", dest, err)
					}
					if _, err := c.Call(dest, "x"); !errors.Is(err, syscall.ESRCH) {
						t.Errorf("call of %v: got %v, want ESRCH", dest, err)
					}
					if err := c.Signal(dest, "X"); !errors.Is(err, syscall.ESRCH) {
						t.Errorf("signal to %v: got %v, want ESRCH", dest, err)
					}
				}
				if err := c.Post(c.Kernel.ID(), "x"); err != nil {
					t.Errorf("post to the kernel: %v", err)
				}
				if err := c.Post(c.Kernel.Root(), "x"); err != nil {
					t.Errorf("post to the kernel: %v", err)
				}
				return nil
			}},
		})
	})
}

func TestTimersArriveInTheOrderDue(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				now := c.Kernel.Clock().Wall()
				c.DelaySet("tick", 3*time.Second, "three")
				c.DelaySet("tick", time.Second, "one")
				c.AlarmSet("tick", now.Add(2*time.Second), "two")
				c.AlarmSet("tick", now.Add(2*time.Second), "two again")
				c.Yield("tick", "post")
				c.DelaySet("tick", 0, "zero")
				c.Yield("tick", "post after zero")
				c.AlarmSet("tick", now.Add(-time.Second), "past")
				c.AlarmSet("tick", now.Add(-2*time.Second), "long past")
			}),
			States: states{"tick": func(c *kernel.Context, args ...any) any {
				log.Add("%v %v", args[0], c.Kernel.Clock().Wall().Sub(kerneltest.Start))
				return nil
			}},
		})
	})
	log.Want(t, "long past 0s", "past 0s", "post 0s", "zero 0s", "post after zero 0s", "one 1s", "two 2s", "two again 2s", "three 3s")
}

func TestTimersOfOneNameReplaceOneAnother(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.DelaySet("tick", time.Second, 1)
				c.DelaySet("tick", 2*time.Second, 2)
				c.DelaySet("other", time.Second)
				c.Delay("tick", 3*time.Second, 3)
				c.Alarm("other", kerneltest.Start.Add(4*time.Second), 4)
				id := c.DelaySet("gone", time.Minute, "x", nil)
				timer, err := c.RemoveTimer(id)
				if err != nil || timer.ID != id || timer.Name != "gone" || len(timer.Args) != 2 || timer.Args[0] != "x" ||
					!timer.At.Equal(kerneltest.Start.Add(time.Minute)) {
					t.Errorf("got %+v, %v", timer, err)
				}
				if _, err := c.RemoveTimer(id); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("got %v, want ESRCH", err)
				}
			}),
			States: states{"tick": log.Handler(), "other": log.Handler(), "gone": log.Handler()},
		})
	})
	log.Want(t, "tick 3", "other 4")
}

// A session ticks once a second for a whole day; the day takes no time.
func TestADayOfTimers(t *testing.T) {
	const day = 24 * 60 * 60
	ticks := 0
	var end time.Duration
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Delay("tick", time.Second) }),
			States: states{"tick": func(c *kernel.Context, args ...any) any {
				if ticks++; ticks < day {
					c.Delay("tick", time.Second)
				}
				end = c.Kernel.Clock().Now()
				return nil
			}},
		})
	})
	if ticks != day || end != 24*time.Hour {
		t.Errorf("got %d ticks in %v, want %d in 24h", ticks, end, day)
	}
}

func TestCallReturnsWhatTheHandlerDid(t *testing.T) {
	tests := []struct {
		name   string
		result any
		want   string
	}{
		{"nothing", nil, "[]"},
		{"one value", "x", "[x]"},
		{"several", kernel.Values{1, nil, "y", nil}, "[1 <nil> y <nil>]"},
		{"none in Values", kernel.Values{}, "[]"},
		{"a slice is one value", []any{1, 2}, "[[1 2]]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log kerneltest.Log
			kerneltest.Run(t, func(k *kernel.Kernel) {
				give := func(c *kernel.Context, args ...any) any {
					log.Add("%v %s %v", c.Sender.ID(), c.Event, args)
					return test.result
				}
				other := spawn(t, k, kernel.Session{States: states{"give": give}})
				spawn(t, k, kernel.Session{
					Start: do(func(c *kernel.Context) {
						c.Post(other, "give", "posted")
						for _, dest := range []any{other, c.Task} {
							results, err := c.Call(dest, "give", "called", nil)
							log.Add("%v %v", results, err)
						}
					}),
					States: states{"give": give},
				})
			})
			log.Want(t, "2 give [called <nil>]", test.want+" <nil>", "2 give [called <nil>]", test.want+" <nil>", "2 give [posted]")
		})
	}
}

func TestCallWithoutHandlerIsRefused(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		other := spawn(t, k, kernel.Session{})
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
			for _, dest := range []any{other, c.Task} {
				if _, err := c.Call(dest, "none"); !errors.Is(err, syscall.ENOSYS) {
					t.Errorf("got %v, want ENOSYS", err)
				}
			}
			if results, err := c.Call(c.Kernel.Root(), "any"); results != nil || err != nil {
				t.Errorf("call of the kernel: got %v, %v, want nothing", results, err)
			}
		})})
	})
}

// The active session and event are the innermost call's, and the outer one's again afterwards.
func TestNestedCallsKnowWhoIsActive(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		note := func(c *kernel.Context) {
			log.Add("%v/%s from %v", c.Kernel.Active().ID(), c.Kernel.ActiveEvent(), c.Sender.ID())
		}
		const chain = 5
		for i := range chain {
			spawn(t, k, kernel.Session{Alias: fmt.Sprint("s", i), States: states{
				"go": func(c *kernel.Context, args ...any) any {
					note(c)
					if i+1 < chain {
						c.Call(fmt.Sprint("s", i+1), "go")
						note(c)
					}
					return nil
				},
			}})
		}
		k.Post(k.Resolve("s0"), "go", kernel.Site{}, nil)
	})
	log.Want(t, "1/go from 0", "2/go from 1", "3/go from 2", "4/go from 3", "5/go from 4", "4/go from 3", "3/go from 2",
		"2/go from 1", "1/go from 0")
}

func TestAPanicBecomesDIE(t *testing.T) {
	cause := errors.New("the cause")
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.WatchSignal("DIE", "died", "watcher's")
				c.Yield("fail", "x")
				c.Yield("next")
			}),
			States: states{
				"fail": func(c *kernel.Context, args ...any) any { panic(cause) },
				"next": log.Handler(),
				"died": func(c *kernel.Context, args ...any) any {
					die := args[1].(*kernel.Die)
					var p *kernel.PanicError
					if !errors.As(die.Err, &p) || p.Value != any(cause) || !strings.Contains(string(p.Stack), "kernel_test.go") {
						t.Errorf("got %#v", die.Err)
					}
					if !errors.Is(die.Err, cause) || die.Err.Error() != "panic: the cause" {
						t.Errorf("got %q", die.Err)
					}
					log.Add("%v %v %v to %v %s in %s", args[0], args[2], die.Source.ID(), die.Dest.ID(), die.Event, die.FromState)
					c.SignalHandled()
					c.Yield("next", "after")
					return nil
				},
			},
		})
	})
	log.Want(t, "next", "DIE watcher's 1 to 1 fail in _start", "next after")
}

func TestAnUnhandledPanicEndsTheRun(t *testing.T) {
	k := kerneltest.New(t)
	var log kerneltest.Log
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) {
			c.Yield("fail")
			c.Delay("never", time.Second)
		}),
		Stop: do(func(c *kernel.Context) { log.Add("stop %v", c.Task.ID()) }),
		//lint:ignore SA5000 it is to panic
		States: states{"fail": func(c *kernel.Context, args ...any) any { var m map[string]int; m["x"] = 1; return nil }, "never": log.Handler()},
	})
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) { c.Delay("never", time.Second) }),
		Stop:  do(func(c *kernel.Context) { log.Add("stop %v", c.Task.ID()) }),
	})
	err := kerneltest.Finish(t, k)
	var p *kernel.PanicError
	if !errors.As(err, &p) || !strings.Contains(err.Error(), "nil map") {
		t.Errorf("got %v, want the panic", err)
	}
	log.Want(t, "stop 1", "stop 2")
	kerneltest.Clean(t, k)

	spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("again") }), States: states{"again": log.Handler()}})
	if err := kerneltest.Finish(t, k); err != nil {
		t.Errorf("a later run: %v", err)
	}
	log.Want(t, "stop 1", "stop 2", "again")
	kerneltest.Clean(t, k)
}

func TestPanicsInEveryKindOfHandlerAreErrors(t *testing.T) {
	boom := func(c *kernel.Context) any { panic("boom") }
	fail := func(c *kernel.Context, args ...any) any { panic("boom") }
	tests := []struct {
		name    string
		session kernel.Session
	}{
		{"Start", kernel.Session{Start: boom}},
		{"Stop", kernel.Session{Stop: boom}},
		{"a state", kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("x") }), States: states{"x": fail}}},
		{"a timer", kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("x", time.Hour) }), States: states{"x": fail}}},
		{"a signal", kernel.Session{Start: do(func(c *kernel.Context) {
			c.WatchSignal("X", "x")
			c.Signal(c.Task, "X")
		}), States: states{"x": fail}}},
		{"DIE", kernel.Session{Start: do(func(c *kernel.Context) {
			c.WatchSignal("DIE", "x")
			panic("first")
		}), States: states{"x": fail}}},
		{"_default", kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("y") }), States: states{"_default": func(c *kernel.Context, args ...any) any {
			if args[0] == "y" {
				panic("boom")
			}
			return nil
		}}}},
		{"_child", kernel.Session{Start: do(func(c *kernel.Context) { c.Kernel.Spawn(kernel.Session{}) }), States: states{"_child": fail}}},
		{"a call of itself", kernel.Session{Start: do(func(c *kernel.Context) {
			if _, err := c.Call(c.Task, "x"); err != nil {
				panic(err)
			}
		}), States: states{"x": fail}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := kerneltest.New(t)
			spawn(t, k, test.session)
			var p *kernel.PanicError
			if err := kerneltest.Finish(t, k); !errors.As(err, &p) || !strings.Contains(err.Error(), "boom") {
				t.Errorf("got %v, want a PanicError with boom", err)
			}
			if k.Active() != k.Root() || k.ActiveEvent() != "" {
				t.Errorf("%v is still active", k.Active())
			}
			kerneltest.Clean(t, k)
		})
	}
}

// A panic in another session's handler does not come back to the caller; one in its own does, as the error of the call.
func TestPanicsAndCalls(t *testing.T) {
	var log kerneltest.Log
	fail := func(c *kernel.Context, args ...any) any { panic("boom") }
	died := func(c *kernel.Context, args ...any) any {
		log.Add("DIE of %v", args[1].(*kernel.Die).Dest.ID())
		c.SignalHandled()
		return nil
	}
	kerneltest.Run(t, func(k *kernel.Kernel) {
		other := spawn(t, k, kernel.Session{
			Start:  do(func(c *kernel.Context) { c.WatchSignal("DIE", "died") }),
			States: states{"fail": fail, "died": died},
		})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("go") }),
			States: states{"fail": fail, "deep": func(c *kernel.Context, args ...any) any {
				results, err := c.Call(c.Task, "fail")
				log.Add("deep: %v, %v, in %s", results, err, c.Kernel.ActiveEvent())
				return "fine"
			}, "go": func(c *kernel.Context, args ...any) any {
				results, err := c.Call(other, "fail")
				log.Add("other: %v, %v", results, err)
				results, err = c.Call(c.Task, "fail")
				var p *kernel.PanicError
				log.Add("own: %v, %v, %v, in %s", results, err, errors.As(err, &p), c.Kernel.ActiveEvent())
				results, err = c.Call(c.Task, "deep")
				log.Add("%v, %v", results, err)
				return nil
			}},
		})
	})
	log.Want(t, "other: [], <nil>", "own: [], panic: boom, true, in go", "deep: [], panic: boom, in deep", "[fine], <nil>", "DIE of 1")
}

func TestDefaultGetsWhatNothingElseHandles(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.Yield("known", 1)
				c.Yield("unknown", 2, nil)
				c.Yield("_default", 3)
				c.Yield("_start", 4)
				results, err := c.Call(c.Task, "called")
				log.Add("%v %v", results, err)
			}),
			States: states{"known": log.Handler(), "_default": func(c *kernel.Context, args ...any) any {
				log.Add("default of %s: %v", c.Event, args)
				return "default's"
			}},
		})
	})
	log.Want(t, "default of called: [called []]", "[default's] <nil>", "known 1", "default of unknown: [unknown [2 <nil>]]",
		"default of _default: [3]", "default of _start: [_start [4]]", "default of _stop: [_stop []]")
}

// _default may keep and change the list of arguments it is given: nobody else has it.
func TestDefaultOwnsItsArguments(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		args := []any{"as", "sent"}
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Kernel.Yield("x", kernel.Site{}, args) }),
			Stop: do(func(c *kernel.Context) {
				if args[0] != "as" {
					t.Errorf("got %q, want %q", args[0], "as")
				}
			}),
			States: states{"_default": func(c *kernel.Context, args ...any) any { args[1].([]any)[0] = "changed"; return nil }},
		})
	})
}

func TestSpawnRefusesAnAliasThatIsTaken(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		first := spawn(t, k, kernel.Session{Alias: "name", Start: do(func(c *kernel.Context) {
			if got := c.Kernel.Resolve("name"); got != c.Task {
				t.Errorf("in Start the alias is %v's", got)
			}
			c.Delay("bye", time.Second)
		}), States: states{"bye": func(c *kernel.Context, args ...any) any { c.Kernel.RemoveAlias("name"); return nil }}})
		id, err := k.Spawn(kernel.Session{Alias: "name", Start: do(func(c *kernel.Context) { log.Add("started") })})
		if id != 0 || !errors.Is(err, syscall.EEXIST) {
			t.Errorf("got session %v and %v, want none and EEXIST", id, err)
		}
		if k.Sessions() != 1 || k.Resolve("name").ID() != first {
			t.Errorf("got %d sessions, the alias is %v's", k.Sessions(), k.Resolve("name"))
		}
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("again", 2*time.Second) }), States: states{
			"again": func(c *kernel.Context, args ...any) any {
				id, err := c.Kernel.Spawn(kernel.Session{Alias: "name"})
				log.Add("%v %v", id, err)
				return nil
			}}})
	})
	log.Want(t, "3 <nil>")
}

func TestSpawnTellsTheParent(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.Kernel.Spawn(kernel.Session{
					Start: func(c *kernel.Context) any { log.Add("start of %v by %v", c.Task.ID(), c.Sender.ID()); return "hello" },
					Stop:  func(c *kernel.Context) any { log.Add("stop of %v", c.Task.ID()); return kernel.Values{"bye", "more"} },
				})
			}),
			States: states{"_child": func(c *kernel.Context, args ...any) any {
				log.Add("%v %v %v from %v", args[0], args[1].(*kernel.Task).ID(), args[2], c.Sender.ID())
				return nil
			}},
			Stop: do(func(c *kernel.Context) { log.Add("stop of %v", c.Task.ID()) }),
		})
	})
	log.Want(t, "start of 2 by 1", "create 2 hello from 0", "stop of 2", "lose 2 bye from 0", "stop of 1")
}

// Sessions that only their aliases hold are stopped by IDLE, and a tag holds one through that.
func TestIdleEndsWhatOnlyAliasesHold(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		stop := do(func(c *kernel.Context) { log.Add("stop %v at %v", c.Task.ID(), c.Kernel.Clock().Now()) })
		spawn(t, k, kernel.Session{Alias: "a", Stop: stop})
		spawn(t, k, kernel.Session{Alias: "b", Stop: stop, Start: do(func(c *kernel.Context) {
			c.Kernel.Retain(c.Task, "tag")
			c.Delay("release", time.Hour)
		}), States: states{"release": func(c *kernel.Context, args ...any) any {
			n, err := c.Kernel.Release(c.Task, "tag")
			log.Add("%d %v", n, err)
			return nil
		}}})
	})
	log.Want(t, "0 <nil>", "stop 2 at 1h0m0s", "stop 1 at 1h0m0s")
}

func TestRunRefusesToRunInsideItself(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("x") }), States: states{"x": func(c *kernel.Context, args ...any) any {
			if err := c.Kernel.Run(context.Background()); err != kernel.ErrRunning {
				t.Errorf("got %v, want %v", err, kernel.ErrRunning)
			}
			if _, err := c.Kernel.RunOneTimeslice(context.Background()); err != kernel.ErrRunning {
				t.Errorf("got %v, want %v", err, kernel.ErrRunning)
			}
			return nil
		}}})
	})
}

func TestRunOneTimesliceSaysWhetherMoreIsToCome(t *testing.T) {
	k := kerneltest.New(t)
	var log kerneltest.Log
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) { c.Yield("x", 3) }),
		States: states{"x": func(c *kernel.Context, args ...any) any {
			n := args[0].(int)
			log.Add("%d", n)
			if n > 1 {
				c.Yield("x", n-1)
			}
			return nil
		}},
	})
	for {
		more, err := k.RunOneTimeslice(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		log.Add("%v", more)
		if !more {
			break
		}
	}
	log.Want(t, "3", "true", "2", "true", "1", "false")
	kerneltest.Clean(t, k)
}

// The late events of one pass are bounded: a handler that sets itself an alarm in the past for ever keeps neither
// submitted work nor posts waiting.
func TestPastAlarmsForEverDoNotStarve(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		served, posted := false, false
		n := 0
		other := spawn(t, k, kernel.Session{States: states{"posted": func(c *kernel.Context, args ...any) any { posted = true; return nil }}})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("again") }),
			States: states{"again": func(c *kernel.Context, args ...any) any {
				n++
				if n == 1 {
					c.Post(other, "posted")
					done := make(chan bool)
					go func() { // from outside, while the handler runs
						k.Submit(func() { served = true })
						close(done)
					}()
					<-done
				}
				switch {
				case served && posted:
				case n > 100_000:
					t.Errorf("served %v, posted %v after %d alarms", served, posted, n)
				default:
					c.Alarm("again", kerneltest.Start.Add(-time.Hour))
				}
				return nil
			}},
		})
	})
}

// A thousand sessions with timers and one more that stops among them: the others' timers all fire.
func TestStoppingOneOfManyLeavesTheOthersTimers(t *testing.T) {
	const others, each, own = 1000, 1000, 1000
	k := kerneltest.New(t)
	k.SetAssert(0) // it would go through a million timers after each iteration
	fired, wrong := 0, 0
	for range others {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				for i := range each {
					c.DelaySet("tick", time.Hour+time.Duration(i*7919%each)*time.Second)
				}
			}),
			States: states{"tick": func(c *kernel.Context, args ...any) any { fired++; return nil }},
		})
	}
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) {
			for i := range own {
				c.DelaySet(fmt.Sprint("own", i%100), 2*time.Hour*time.Duration(i%2+1)-time.Duration(i)*time.Second)
			}
			c.Delay("stop", time.Minute)
		}),
		States: states{
			"stop":     func(c *kernel.Context, args ...any) any { return c.Signal(c.Task, "TERM") },
			"_default": func(c *kernel.Context, args ...any) any { wrong += strings.Count(c.Event, "own"); return nil },
		},
	})
	if n := k.Events(); n != others*each+own+1 {
		t.Fatalf("got %d events, want %d", n, others*each+own+1)
	}
	left := -1
	spawn(t, k, kernel.Session{
		Start:  do(func(c *kernel.Context) { c.Delay("look", 2*time.Minute) }),
		States: states{"look": func(c *kernel.Context, args ...any) any { left = c.Kernel.Events(); return nil }},
	})
	if err := kerneltest.Finish(t, k); err != nil {
		t.Fatal(err)
	}
	if left != others*each || fired != others*each || wrong != 0 {
		t.Errorf("got %d left, %d fired, %d of the stopped session; want %d, %d, 0", left, fired, wrong, others*each, others*each)
	}
	kerneltest.Clean(t, k)
}

func TestAHundredThousandSessions(t *testing.T) {
	const sessions = 100_000
	k := kerneltest.New(t)
	k.SetAssert(0) // it would go through all sessions after each iteration
	got, stopped := 0, 0
	for i := range sessions {
		spawn(t, k, kernel.Session{
			Start:  do(func(c *kernel.Context) { c.Yield("x", i) }),
			States: states{"x": func(c *kernel.Context, args ...any) any { got += args[0].(int) + 1; return nil }},
			Stop:   do(func(c *kernel.Context) { stopped++ }),
		})
	}
	if k.Sessions() != sessions {
		t.Errorf("got %d sessions, want %d", k.Sessions(), sessions)
	}
	if err := kerneltest.Finish(t, k); err != nil {
		t.Fatal(err)
	}
	if want := sessions * (sessions + 1) / 2; got != want || stopped != sessions {
		t.Errorf("got %d and %d stops, want %d and %d", got, stopped, want, sessions)
	}
	kerneltest.Clean(t, k)
}

// Quadratic time would not be over before the test's own timeout.
func TestStoppingAHundredThousandWithEventsPending(t *testing.T) {
	const sessions = 100_000
	tests := []struct {
		name string
		pend func(c *kernel.Context)
	}{
		{"posts of their own", func(c *kernel.Context) { c.Yield("x") }},
		{"timers", func(c *kernel.Context) { c.DelaySet("x", time.Hour) }},
		{"posts of the parent", func(c *kernel.Context) { c.Kernel.Post(c.Task, "x", kernel.Site{}, nil) }},
		{"posts of one to the other", func(c *kernel.Context) { c.Post(max(1, c.Task.ID()-1), "x") }},
	}
	for _, test := range tests {
		for _, how := range []string{"kernel", "TERM", "parent"} {
			t.Run(test.name+", stopped by "+how, func(t *testing.T) {
				k := kerneltest.New(t)
				k.SetAssert(0)
				handled, stopped := 0, 0
				child := kernel.Session{
					Start:  do(test.pend),
					States: states{"x": func(c *kernel.Context, args ...any) any { handled++; return nil }},
					Stop:   do(func(c *kernel.Context) { stopped++ }),
				}
				spawn(t, k, kernel.Session{
					Start: do(func(c *kernel.Context) {
						for range sessions {
							spawn(t, k, child)
						}
						switch how {
						case "kernel":
							c.Kernel.Stop()
						case "TERM":
							c.Kernel.Signal(c.Kernel.Root(), "TERM", kernel.Site{}, nil)
						case "parent":
							c.Signal(c.Task, "TERM")
						}
					}),
				})
				if err := kerneltest.Finish(t, k); err != nil {
					t.Fatal(err)
				}
				if stopped != sessions {
					t.Errorf("got %d stops, want %d", stopped, sessions)
				}
				if how == "kernel" && handled != 0 {
					t.Errorf("%d events were handled after the stop", handled)
				}
				kerneltest.Clean(t, k)
			})
		}
	}
}

// judge is a test that another test watches.
type judge struct {
	testing.TB
	failures kerneltest.Log
}

func (j *judge) Helper()                           {}
func (j *judge) Logf(format string, args ...any)   {}
func (j *judge) Errorf(format string, args ...any) { j.failures.Add(format, args...) }
func (j *judge) Fatalf(format string, args ...any) { j.failures.Add(format, args...) }

func TestKerneltestTellsWhatIsLeft(t *testing.T) {
	tests := []struct {
		name string
		make func(k *kernel.Kernel)
		want string // in the failure; "" none
	}{
		{"nothing", func(k *kernel.Kernel) { k.Spawn(kernel.Session{}) }, ""},
		{"an alias of the kernel's", func(k *kernel.Kernel) { k.SetAlias("x") }, "aliases [x]"},
		{"a failed run", func(k *kernel.Kernel) { k.Spawn(kernel.Session{Start: func(c *kernel.Context) any { panic("boom") }}) }, "the run failed: panic: boom"},
		{"a signal", func(k *kernel.Kernel) { k.WatchSignal("USR1", "x", nil) }, "still caught: [USR1]"},
	}
	for _, test := range tests {
		j := &judge{TB: t}
		kerneltest.Run(j, test.make)
		if got := strings.Join(j.failures, "\n"); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	j := &judge{TB: t}
	k := kerneltest.New(t)
	k.Spawn(kernel.Session{Alias: "left", Start: func(c *kernel.Context) any { c.Delay("x", time.Hour); return nil }})
	kerneltest.Clean(j, k)
	if got := strings.Join(j.failures, "\n"); !strings.Contains(got, "1 sessions are left") || !strings.Contains(got, "1 events are left") || !strings.Contains(got, "left") {
		t.Errorf("got %q", got)
	}
}
