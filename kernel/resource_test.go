//go:build unix

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

// resource is one that does what a test says.
type resource struct {
	kernel.Owned
	name   string
	log    *kerneltest.Log
	turn   func()
	flush  func()
	batch  func()
	closes func()
}

func (r *resource) String() string { return r.name }
func (r *resource) Turn()          { r.turn() }
func (r *resource) FlushOutput()   { r.flush() }
func (r *resource) DeliverBatch()  { r.batch() }

func (r *resource) OwnerStopped() {
	if r.Owner() != nil {
		panic("it is owned still")
	}
	r.log.Add("%s closed", r.name)
	if r.closes != nil {
		r.closes()
	}
}

// own makes resources of a session, the first of these names first.
func own(c *kernel.Context, log *kerneltest.Log, names ...string) (all []*resource) {
	for _, name := range names {
		r := &resource{name: name, log: log}
		c.Kernel.Own(c.Task, r, &r.Owned)
		all = append(all, r)
	}
	return all
}

// stopped is a handler of _stop that notes it.
func stopped(log *kerneltest.Log) func(c *kernel.Context) any {
	return do(func(c *kernel.Context) { log.Add("stop %v", c.Task.ID()) })
}

func TestABusyResourceKeepsItsOwner(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				r := own(c, &log, "a", "b")
				r[0].SetBusy(true)
				r[0].SetBusy(true) // which counts once
				r[1].SetBusy(true)
				k.After(time.Hour, func() { log.Add("one less"); r[0].SetBusy(false); r[0].SetBusy(false) })
				k.After(2*time.Hour, func() { log.Add("none"); r[1].SetBusy(false) })
			}),
			Stop: stopped(&log),
		})
	})
	log.Want(t, "one less", "none", "stop 1", "b closed", "a closed")
}

func TestAnIdleResourceKeepsNobody(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				r := own(c, &log, "a")[0]
				r.SetBusy(true)
				r.SetBusy(false)
				if r.Busy() || r.Owner() != c.Task {
					t.Errorf("busy: %v, owner %v", r.Busy(), r.Owner())
				}
			}),
			Stop: stopped(&log),
		})
	})
	log.Want(t, "stop 1", "a closed")
}

func TestWhatIsDisownedIsNotClosed(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}} {
					all := own(c, &log, "a", "b", "c")
					kept := own(c, &log, "kept")[0]
					for _, i := range order {
						all[i].SetBusy(true)
						id := all[i].ID()
						all[i].Disown()
						all[i].Disown()
						all[i].SetBusy(true) // of nobody
						if all[i].Owner() != nil || all[i].Busy() || all[i].ID() != id {
							t.Errorf("%v: owner %v, busy %v, number %d, want %d", all[i], all[i].Owner(), all[i].Busy(), all[i].ID(), id)
						}
					}
					if left := c.Task.Resources(); len(left) != 1 || left[0] != kernel.Resource(kept) {
						t.Errorf("got %v, want %v alone", left, kept)
					}
					kept.Disown()
				}
			}),
		})
	})
	log.Want(t)
}

func TestResourcesAreClosedNewestFirst(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				r := own(c, &log, "a", "b", "c", "d")
				r[3].closes = r[1].Disown // one closes another
				r[2].closes = func() { r[0].SetBusy(true) }
				if got := fmt.Sprint(c.Task.Resources()); got != "[d c b a]" {
					t.Errorf("got %s", got)
				}
			}),
			Stop: do(func(c *kernel.Context) { own(c, &log, "late") }), // in _stop it can still be given one
		})
	})
	log.Want(t, "late closed", "d closed", "c closed", "a closed")
}

func TestNumbersOfResourcesAreNeverUsedAgain(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		last := uint64(0)
		for range 3 {
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
				for range 10 {
					r := own(c, &log, "r")[0]
					r.Disown()
					if r.ID() <= last {
						t.Errorf("got %d after %d", r.ID(), last)
					}
					last = r.ID()
				}
			})})
		}
	})
}

func TestDumpNamesWhatKeepsASession(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
			own(c, &log, "wheel 1 (Idle)", "wheel 2 (Busy)")[1].SetBusy(true)
			var dump strings.Builder
			k.Dump(&dump)
			if got := dump.String(); !strings.Contains(got, "session 1: wheel 2 (Busy)\n") {
				t.Errorf("got %s", got)
			}
			c.Yield("over")
		}), States: states{"over": on(func(*kernel.Context) { k.Stop() })}})
	})
}

func TestTurnsComeInTheNextPassInTheOrderAsked(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("ask"); c.Yield("same pass") }),
			States: states{
				"ask": on(func(c *kernel.Context) {
					r := own(c, &log, "a", "b")
					again := 0
					r[0].turn = func() {
						log.Add("turn a")
						if again++; again < 3 {
							k.Turn(r[0]) // waits for the pass after this one
						}
						c.Kernel.Deliver(r[0].Owner(), "told", nil, kernel.Site{}, again)
					}
					r[1].turn = func() { log.Add("turn b") }
					k.Turn(r[0])
					k.Turn(r[1])
					c.Yield("next pass")
				}),
				"same pass": log.Handler(),
				"next pass": func(c *kernel.Context, _ ...any) any {
					log.Add("next pass")
					c.Yield("third pass")
					return nil
				},
				"third pass": func(c *kernel.Context, _ ...any) any {
					log.Add("third pass")
					c.Yield("fourth pass")
					return nil
				},
				"fourth pass": log.Handler(),
				"told":        log.Handler(),
			},
		})
	})
	log.Want(t, "same pass", "turn a", "told 1", "turn b", "next pass", "turn a", "told 2", "third pass", "turn a", "told 3", "fourth pass",
		"b closed", "a closed")
}

func TestOutputGoesOutAtTheEndOfThePass(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("ask"); c.Yield("same pass") }),
			States: states{
				"ask": on(func(c *kernel.Context) {
					r := own(c, &log, "a", "b")
					again := false
					r[0].flush = func() {
						log.Add("flush a")
						if !again {
							again = true
							k.Flush(r[0]) // what comes up meanwhile waits for the end of the next pass
							k.Deliver(r[0].Owner(), "flushed", nil, kernel.Site{})
						}
					}
					r[1].flush = func() { log.Add("flush b") }
					k.Flush(r[0])
					k.Flush(r[1])
					c.Yield("next pass")
				}),
				"same pass": log.Handler(), "next pass": log.Handler(),
				"flushed": func(c *kernel.Context, _ ...any) any {
					log.Add("flushed")
					c.Yield("posted by flushed")
					return nil
				},
				"posted by flushed": log.Handler(),
			},
		})
	})
	log.Want(t, "same pass", "flush a", "flushed", "flush b", "next pass", "posted by flushed", "flush a", "b closed", "a closed")
}

func TestTimeoutsComeBetweenEventsInTheOrderDue(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				r := own(c, &log, "r")[0]
				r.SetBusy(true)
				add := func(d time.Duration, name string) *kernel.Timeout {
					return k.After(d, func() { log.Add("%s at %v", name, k.Clock().Now()) })
				}
				add(time.Hour, "hour")
				add(time.Minute, "minute")
				c.DelaySet("timer", time.Minute)
				stopped := add(time.Minute, "stopped")
				twice := add(time.Second, "stopped before")
				k.After(time.Minute, func() { stopped.Stop(); log.Add("stops another") })
				k.After(time.Minute, func() { stopped.Stop(); twice.Stop() }) // what is over already
				add(time.Minute, "minute again")
				add(0, "now")
				twice.Stop()
				twice.Stop()
				(*kernel.Timeout)(nil).Stop()
				(&kernel.Timeout{}).Stop()
				k.After(2*time.Hour, r.Disown)
				if n := k.Events(); n != 1 {
					t.Errorf("%d events wait, want the session's timer alone", n)
				}
			}),
			States: states{"timer": log.Handler()},
		})
	})
	log.Want(t, "now at 0s", "minute at 1m0s", "timer", "stopped at 1m0s", "stops another", "minute again at 1m0s", "hour at 1h0m0s")
}

// A session that waits for a timeout of its resource waits for something; one whose resource is idle does not.
func TestIdleIsNotSentWhileATimeoutOrAResourceIsPending(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy %v", busy), func(t *testing.T) {
			var log kerneltest.Log
			kerneltest.Run(t, func(k *kernel.Kernel) {
				spawn(t, k, kernel.Session{
					Alias: "stays", // which alone does not keep the program
					Start: do(func(c *kernel.Context) {
						r := own(c, &log, "r")[0]
						c.WatchSignal("IDLE", "idle")
						k.After(time.Hour, func() {
							log.Add("hour")
							r.SetBusy(busy)
						})
						k.After(2*time.Hour, func() {
							log.Add("two hours")
							r.SetBusy(false)
						})
					}),
					States: states{"idle": func(c *kernel.Context, _ ...any) any {
						log.Add("idle at %v", k.Clock().Now())
						return nil
					}},
				})
			})
			log.Want(t, "hour", "two hours", "idle at 2h0m0s", "r closed")
		})
	}
}

func TestDeliverCallsTheOwner(t *testing.T) {
	var log kerneltest.Log
	var kept [][]any
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				r := own(c, &log, "r")[0]
				r.turn = func() {
					for _, to := range []*kernel.Task{c.Task, k.Root(), nil} {
						for _, event := range []string{"heard", "unheard"} {
							going, heard := k.Deliver(to, event, "a handler", kernel.Site{}, 1, nil, "x", 4, 5)
							log.Add("%v %v", going, heard)
						}
					}
					k.Deliver(c.Task, "keep", nil, kernel.Site{}, "a", "b")
					k.Deliver(c.Task, "keep", nil, kernel.Site{}, "c")
					if err := c.Post(c.Task, "heard", "later"); err != nil { // the handler of Deliver has left nothing behind
						t.Error(err)
					}
				}
				k.Turn(r)
				c.Yield("first")
			}),
			States: states{
				"first": log.Handler(), "heard": log.Handler(),
				"keep": func(_ *kernel.Context, args ...any) any { kept = append(kept, args); return nil },
			},
		})
	})
	log.Want(t, "heard 1 <nil> x 4 5", "true true", "true false", "false false", "false false", "false false", "false false",
		"first", "heard later", "r closed")
	if got := fmt.Sprint(kept); got != "[[a b] [c]]" {
		t.Errorf("a handler that keeps its arguments has %s", got)
	}
}

func TestAFailureOfAResourceIsItsOwners(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name    string
		handles bool // DIE
		option  string
		off     bool
		want    []string
		err     error
	}{
		{"handled", true, "", false, []string{"died in 'told': broken", "later", "r closed", "other"}, nil},
		{"unhandled", false, "", false, []string{"r closed"}, broken},
		{"isolated", false, "isolate", false, []string{"r closed", "other"}, nil},
		{"not caught", false, "catch_exceptions", true, []string{"r closed"}, broken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log kerneltest.Log
			k := kerneltest.New(t)
			if test.option != "" {
				if _, err := k.SetOption(test.option, !test.off); err != nil {
					t.Fatal(err)
				}
			}
			spawn(t, k, kernel.Session{
				Start: do(func(c *kernel.Context) {
					if test.handles {
						c.WatchSignal("DIE", "died")
					}
					r := own(c, &log, "r")[0]
					r.turn = func() {
						k.Raise(r.Owner(), "told", kernel.Site{}, broken)
						if err := c.Post(c.Task, "later"); err != nil {
							t.Error(err)
						}
					}
					k.Turn(r)
				}),
				States: states{
					"died": func(c *kernel.Context, args ...any) any {
						die := args[1].(*kernel.Die)
						log.Add("died in '%s': %v", die.Event, die.Err)
						c.SignalHandled()
						return nil
					},
					"later": log.Handler(),
				},
			})
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("other", time.Minute) }), States: states{"other": log.Handler()}})
			if err := kerneltest.Finish(t, k); !errors.Is(err, test.err) {
				t.Errorf("the run gives %v, want %v", err, test.err)
			}
			log.Want(t, test.want...)
			kerneltest.Clean(t, k)
		})
	}
}

// A failure of a resource that has lost its owner is nobody's, and still it is told.
func TestAFailureOfNobodyIsReported(t *testing.T) {
	var reports kerneltest.Log
	k := kerneltest.New(t, func(o *kernel.Options) { o.Report = func(err error) { reports.Add("%v", err) } })
	k.Raise(nil, "told", kernel.Site{}, errors.New("broken"))
	reports.Want(t, "broken")
}

// bare is a session whose handlers fail by panics that pass through the kernel, as those of scripts do.
type bare struct {
	kernel.Task
	handle func(d *kernel.Dispatch)
}

// failure is what they fail with.
type failure string

func (f failure) Error() string { return string(f) }

// guarded catches failures and nothing else.
func guarded(f func()) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case failure:
			err = v
		default:
			panic(v)
		}
	}()
	f()
	return nil
}

// Receive implements kernel.Receiver.
func (s *bare) Receive(d *kernel.Dispatch) error {
	if d.Bare {
		s.handle(d)
		return nil
	}
	return guarded(func() { s.handle(d) })
}

// batched runs a session with a resource that tells it 1 to 5 in one batch. handle handles what it is told.
func batched(t *testing.T, handle func(k *kernel.Kernel, r *resource, n int), options ...string) (log kerneltest.Log, err error) {
	t.Helper()
	k := kerneltest.New(t, func(o *kernel.Options) {
		o.Protect = guarded
		o.Blame = func(d *kernel.Dispatch, err error) error { return fmt.Errorf("%s %v: %w", d.Event, d.Task.ID(), err) }
		o.Report = func(err error) { log.Add("report: %v", err) }
	})
	for _, name := range options {
		if _, err := k.SetOption(name, true); err != nil {
			t.Fatal(err)
		}
	}
	r := &resource{name: "r", log: &log}
	s := &bare{}
	s.handle = func(d *kernel.Dispatch) {
		switch d.Event {
		case kernel.EventStart:
			k.Own(&s.Task, r, &r.Owned)
			k.Turn(r)
			k.Yield("after", kernel.Site{}, nil)
		case "told":
			log.Add("told %v", d.Args[0])
			handle(k, r, d.Args[0].(int))
		case "died":
			log.Add("died: %v", d.Args[1].(*kernel.Die).Err)
			k.SignalHandled()
		case "called":
			log.Add("called")
			panic(failure("in a call"))
		case "after":
			log.Add("after")
		}
	}
	n := 0
	r.turn = func() { k.Batch(r) }
	r.batch = func() {
		for n < 5 {
			n++
			if going, _ := k.Deliver(r.Owner(), "told", nil, kernel.Site{}, n); !going {
				return
			}
		}
	}
	k.Start(&s.Task, s, nil)
	err = kerneltest.Finish(t, k)
	kerneltest.Clean(t, k)
	return log, err
}

func TestABatchGoesOnAfterAHandlerThatFails(t *testing.T) {
	watch := func(k *kernel.Kernel, n int) {
		if n == 1 {
			k.WatchSignal("DIE", "died", nil)
		}
	}
	all := []string{"told 1", "told 2", "told 3", "told 4", "told 5"}
	tests := []struct {
		name    string
		options []string
		handle  func(k *kernel.Kernel, r *resource, n int)
		want    []string
		err     string
	}{
		{"none fails", nil, func(*kernel.Kernel, *resource, int) {}, append(all[:5:5], "after", "r closed"), ""},
		{"two fail, DIE is handled", nil, func(k *kernel.Kernel, _ *resource, n int) {
			if watch(k, n); n == 2 || n == 5 {
				panic(failure("broken"))
			}
		}, append(all[:5:5], "after", "died: told 1: broken", "died: told 1: broken", "r closed"), ""},
		{"one fails, DIE is not handled", nil, func(_ *kernel.Kernel, _ *resource, n int) {
			if n == 2 {
				panic(failure("broken"))
			}
		}, append(all[:5:5], "after", "r closed"), "told 1: broken"},
		{"one fails, isolated", []string{"isolate"}, func(_ *kernel.Kernel, _ *resource, n int) {
			if n == 4 {
				panic(failure("broken"))
			}
		}, append(all[:5:5], "after", "report: told 1: broken", "r closed"), ""},
		{"a call to itself fails", nil, func(k *kernel.Kernel, r *resource, n int) {
			if watch(k, n); n == 3 {
				k.Call(r.Owner(), "called", kernel.Site{}, nil, kernel.WantNothing)
				t.Error("the call has returned")
			}
		}, []string{"told 1", "told 2", "told 3", "called", "told 4", "told 5", "after", "died: told 1: in a call", "r closed"}, ""},
		{"one stops everything", nil, func(k *kernel.Kernel, _ *resource, n int) {
			if n == 2 {
				k.Stop()
			}
		}, []string{"told 1", "told 2", "r closed"}, ""},
		{"one stops everything, then fails", nil, func(k *kernel.Kernel, _ *resource, n int) {
			if n == 2 {
				k.Stop()
				panic(failure("broken"))
			}
		}, []string{"told 1", "told 2", "r closed"}, "told 1: broken"},
		{"one disowns the resource", nil, func(_ *kernel.Kernel, r *resource, n int) {
			if n == 2 {
				r.Disown()
			}
		}, []string{"told 1", "told 2", "after"}, ""},
		{"one runs the kernel, which is refused", nil, func(k *kernel.Kernel, _ *resource, n int) {
			if n == 2 {
				if _, err := k.RunOneTimeslice(context.Background()); err != kernel.ErrRunning {
					t.Errorf("got %v, want ErrRunning", err)
				}
			}
		}, append(all[:5:5], "after", "r closed"), ""},
		{"one begins another batch", nil, func(k *kernel.Kernel, r *resource, n int) {
			if watch(k, n); n != 2 {
				return
			}
			inner := 100
			o := &resource{name: "o"}
			o.batch = func() {
				for inner < 102 {
					inner++
					k.Deliver(r.Owner(), "told", nil, kernel.Site{}, inner)
					if inner == 101 {
						panic(failure("a fault of the resource")) // which is none of a handler
					}
				}
			}
			k.Batch(o)
		}, []string{"told 1", "told 2", "told 101", "r closed"}, "a fault of the resource"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log, err := batched(t, test.handle, test.options...)
			log.Want(t, test.want...)
			if got := fmt.Sprint(err); err == nil && test.err != "" || err != nil && got != test.err {
				t.Errorf("the run gives %v, want %q", err, test.err)
			}
		})
	}
}

func TestABatchWithinABatchGoesOnByItself(t *testing.T) {
	log, err := batched(t, func(k *kernel.Kernel, r *resource, n int) {
		switch n {
		case 1:
			k.WatchSignal("DIE", "died", nil)
		case 2:
			inner := 10
			o := &resource{name: "o"}
			o.batch = func() {
				for inner < 13 {
					inner++
					k.Deliver(r.Owner(), "told", nil, kernel.Site{}, inner)
				}
			}
			k.Batch(o)
		case 3, 12:
			panic(failure("broken"))
		}
	})
	if err != nil {
		t.Errorf("the run gives %v", err)
	}
	log.Want(t, "told 1", "told 2", "told 11", "told 12", "told 13", "told 3", "told 4", "told 5", "after",
		"died: told 1: broken", "died: told 1: broken", "r closed")
}

func TestOnePartOfADescriptorHasOneResource(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, _ := socketPair(t)
		p, q := &part{}, &part{}
		if err := errors.Join(k.Attach(a, kernel.Read, p), k.Attach(a, kernel.Read, p), k.Attach(a, kernel.Write, q)); err != nil {
			t.Fatal(err)
		}
		if err := k.Attach(a, kernel.Read, q); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "belongs to a part already (read)") {
			t.Errorf("got %v, want EBUSY", err)
		}
		if err := k.Want(a, kernel.Read, q, true); !errors.Is(err, syscall.EBADF) {
			t.Errorf("got %v from one that has no part, want EBADF", err)
		}
		k.Detach(a, kernel.Read, q) // which is not its own
		if err := k.Attach(a, kernel.Read, q); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("got %v, want EBUSY", err)
		}
		k.Detach(a, kernel.Read, p)
		k.Detach(a, kernel.Read, p)
		if err := k.Attach(a, kernel.Read, q); err != nil {
			t.Errorf("got %v after Detach", err)
		}
		k.CloseWatched(a)
		if p.closed != 0 || q.closed != 2 {
			t.Errorf("told of the close %d and %d times, want 0 and 2", p.closed, q.closed)
		}
		if err := k.Want(a, kernel.Read, q, true); !errors.Is(err, syscall.EBADF) {
			t.Errorf("got %v after the close, want EBADF", err)
		}
		if err := k.Attach(9999, kernel.Read, p); err != nil {
			t.Errorf("got %v: nobody has asked the system yet", err)
		}
		if err := k.Want(9999, kernel.Read, p, true); !errors.Is(err, syscall.EBADF) {
			t.Errorf("got %v for what is not open, want EBADF", err)
		}
		k.Detach(9999, kernel.Read, p)
	})
}

func TestAResourceHearsOnlyWhatItWants(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var log kerneltest.Log
		a, b := socketPair(t)
		put(t, b, "x")
		reader, writer := &part{}, &part{}
		reader.ready = func(m kernel.Mode) {
			log.Add("%v", m)
			k.Want(a, kernel.Read, reader, false)
			k.Want(a, kernel.Write, writer, true)
		}
		writer.ready = func(m kernel.Mode) {
			log.Add("%v", m)
			k.Detach(a, kernel.Write, writer)
			k.Detach(a, kernel.Read, reader)
		}
		err := errors.Join(k.Attach(a, kernel.Read, reader), k.Attach(a, kernel.Write, writer), k.Want(a, kernel.Read, reader, true))
		if err != nil {
			t.Fatal(err)
		}
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, b, kernel.Write, "turn", nil) }),
			States: states{"turn": func(c *kernel.Context, _ ...any) any {
				if len(log) == 2 {
					c.Unwatch(b, kernel.Write)
				}
				return nil
			}},
		})
		runReal(t, k)
		log.Want(t, "read", "write")
	})
}

// The resource goes before the sessions that watch the same descriptor, and whoever closes it spares the others.
func TestAResourceThatClosesADescriptorSparesItsWatchers(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, b := socketPair(t)
		put(t, b, "x")
		p, q := &part{}, &part{}
		p.ready = func(kernel.Mode) { k.CloseWatched(a) }
		q.ready = func(kernel.Mode) { t.Error("told after the close") }
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				watch(t, c, a, kernel.Read, "never", nil)
				err := errors.Join(k.Attach(a, kernel.Read, p), k.Attach(a, kernel.Write, q), k.Want(a, kernel.Read, p, true), k.Want(a, kernel.Write, q, true))
				if err != nil {
					t.Error(err)
				}
			}),
			States: states{"never": on(func(*kernel.Context) { t.Error("told after the close") })},
		})
		runReal(t, k)
		if p.closed != 1 || q.closed != 1 {
			t.Errorf("told of the close %d and %d times, want once each", p.closed, q.closed)
		}
	})
}

func TestTraceFilesNamesResources(t *testing.T) {
	var out strings.Builder
	k := kernel.New(kernel.Options{Log: &out})
	k.SetTrace(kernel.TraceFiles)
	a, b := socketPair(t)
	put(t, b, "x")
	p := &part{}
	p.ready = func(m kernel.Mode) { k.Detach(a, m, p); k.Stop() }
	spawn(t, k, kernel.Session{Alias: "keeper"})
	if err := errors.Join(k.Attach(a, kernel.Read, p), k.Want(a, kernel.Read, p, true)); err != nil {
		t.Fatal(err)
	}
	runReal(t, k)
	for _, want := range []string{
		"<fh> a part watches descriptor %d (read)\n", "<fh> descriptor %d is ready (read) for a part\n",
		"<fh> a part no longer watches descriptor %d (read)\n",
	} {
		if want = fmt.Sprintf(want, a); !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want %q in it", out.String(), want)
		}
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
