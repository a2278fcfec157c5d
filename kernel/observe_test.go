package kernel_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

var recordNames = map[kernel.Records]string{
	kernel.RecordQueued: "queued", kernel.RecordDispatch: "dispatch", kernel.RecordReturn: "return", kernel.RecordError: "error",
	kernel.RecordDefault: "default", kernel.RecordDropped: "dropped", kernel.RecordStart: "start", kernel.RecordStop: "stop",
	kernel.RecordChild: "child", kernel.RecordTimerSet: "timer set", kernel.RecordTimerRemoved: "timer removed",
	kernel.RecordWatch: "watch", kernel.RecordUnwatch: "unwatch", kernel.RecordReady: "ready", kernel.RecordSignal: "signal",
	kernel.RecordRef: "ref", kernel.RecordPass: "pass",
}

// line shows of a record what its kind sets.
func line(r *kernel.Record) string {
	s := fmt.Sprintf("%s %v", recordNames[r.Kind], r.Task.ID())
	switch r.Kind {
	case kernel.RecordQueued, kernel.RecordDispatch:
		s += fmt.Sprintf(" %s %v from %v in '%s' %v", r.Event, r.EventKind, r.From.ID(), r.FromState, r.Args)
	case kernel.RecordReturn:
		s += fmt.Sprintf(" %s %v %v %v", r.Event, r.Results, r.Handled, r.Took)
	case kernel.RecordError:
		s += fmt.Sprintf(" %s %v", r.Event, r.Err)
	case kernel.RecordDefault, kernel.RecordDropped:
		s += " " + r.Event
	case kernel.RecordStart, kernel.RecordStop:
		s += fmt.Sprintf(" %v", r.Other.ID())
	case kernel.RecordChild:
		s += fmt.Sprintf(" %s %v", r.What, r.Other.ID())
	case kernel.RecordTimerSet, kernel.RecordTimerRemoved:
		s += fmt.Sprintf(" %d %s %v", r.ID, r.Event, r.Due)
	case kernel.RecordSignal:
		s += fmt.Sprintf(" %s '%s' %v", r.What, r.Event, r.Handled)
	case kernel.RecordRef:
		s += fmt.Sprintf(" %s %d %+d", r.What, r.Count, r.Delta)
	case kernel.RecordWatch, kernel.RecordUnwatch, kernel.RecordReady:
		s += fmt.Sprintf(" %v '%s' '%s'", r.Mode, r.Event, r.What)
	}
	return s
}

// observe notes records.
func observe(k *kernel.Kernel, log *kerneltest.Log, kinds kernel.Records, t *kernel.Task) *kernel.Observer {
	return k.Observe(kinds, t, func(r *kernel.Record) { log.Add("%s", line(r)) })
}

func TestRecordsTellWhatHappens(t *testing.T) {
	const around = kernel.RecordDispatch | kernel.RecordReturn | kernel.RecordDefault | kernel.RecordDropped
	for _, c := range []struct {
		name  string
		kinds kernel.Records
		start func(c *kernel.Context)
		want  []string
	}{
		{"a post", kernel.RecordQueued | around, func(c *kernel.Context) { c.Yield("tell", 7) }, []string{
			"dispatch 1 _start start from 0 in '' []", "queued 1 tell post from 1 in '_start' [7]", "return 1 _start [] true 0s",
			"dispatch 1 tell post from 1 in '_start' [7]", "return 1 tell [said 7] true 0s",
			"dispatch 1 _stop stop from 0 in '' []", "dropped 1 _stop", "return 1 _stop [] false 0s",
		}},
		{"calls, to itself and what nothing handles", around, func(c *kernel.Context) {
			c.Call(c.Task, "tell", 1)
			c.Call(c.Task, "lost")
		}, []string{
			"dispatch 1 _start start from 0 in '' []",
			"dispatch 1 tell call from 1 in '_start' [1]", "return 1 tell [said 1] true 0s",
			"dispatch 1 lost call from 1 in '_start' []", "dropped 1 lost", "return 1 lost [] false 0s",
			"return 1 _start [] true 0s",
			"dispatch 1 _stop stop from 0 in '' []", "dropped 1 _stop", "return 1 _stop [] false 0s",
		}},
		{"errors", kernel.RecordError, func(c *kernel.Context) {
			c.Post("nobody", "x")
			c.WatchSignal("DIE", "died")
			c.Yield("fail")
		}, []string{"error 1  post: no session 'nobody'", "error 1 fail panic: no luck"}},
		{"timers", kernel.RecordTimerSet | kernel.RecordTimerRemoved | kernel.RecordQueued, func(c *kernel.Context) {
			id := c.DelaySet("tell", time.Second, 1)
			c.Kernel.AdjustDelay(id, time.Minute)
			c.RemoveTimer(id)
			c.Delay("tell", time.Hour)
			c.Delay("tell", time.Second)
		}, []string{
			"queued 1 tell timer from 1 in '_start' [1]", "timer set 1 1 tell 1s", "timer set 1 1 tell 1m0s", "timer removed 1 1 tell 1m0s",
			"queued 1 tell timer from 1 in '_start' []", "timer set 1 2 tell 1h0m0s", "timer removed 1 2 tell 1h0m0s",
			"queued 1 tell timer from 1 in '_start' []", "timer set 1 3 tell 1s",
		}},
		{"the tree", kernel.RecordStart | kernel.RecordStop | kernel.RecordChild, func(c *kernel.Context) {
			c.Kernel.Spawn(kernel.Session{Start: do(func(c *kernel.Context) {
				c.Kernel.Spawn(kernel.Session{Start: do(func(c *kernel.Context) { c.Kernel.DetachSelf() })})
			})})
		}, []string{
			"start 1 0", "child 0 create 1", "start 2 1", "child 1 create 2", "start 3 2", "child 2 create 3",
			"child 2 lose 3", "child 0 gain 3", "stop 2 1", "child 1 lose 2", "stop 3 0", "child 0 lose 3", "stop 1 0", "child 0 lose 1",
		}},
		{"signals", kernel.RecordSignal, func(c *kernel.Context) {
			c.WatchSignal("USR1", "tell")
			c.WatchSignal("TERM", "handle")
			c.Signal(c.Task, "USR1", 9)
			c.Signal(c.Task, "TERM")
			c.Signal(c.Task, "USR2")
		}, []string{"signal 1 USR1 'tell' false", "signal 1 TERM 'handle' true", "signal 1 USR2 '' false"}},
		{"what keeps a task", kernel.RecordRef, func(c *kernel.Context) {
			c.Kernel.SetAlias("one")
			c.Kernel.Retain(c.Task, "tag")
			c.Kernel.RemoveAlias("one")
			c.Kernel.Release(c.Task, "tag")
		}, []string{
			"ref 0 child 1 +1", "ref 1 alias 1 +1", "ref 1 reference tag 2 +1", "ref 1 alias 1 -1", "ref 1 reference tag 0 -1",
			"ref 1 event 1 +1", "ref 1 event 0 -1", "ref 0 child 0 -1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log kerneltest.Log
			k := kerneltest.New(t)
			observe(k, &log, c.kinds, nil)
			spawn(t, k, kernel.Session{Start: do(c.start), States: states{
				"tell":   func(_ *kernel.Context, args ...any) any { return fmt.Sprint(append([]any{"said "}, args...)...) },
				"fail":   func(*kernel.Context, ...any) any { panic("no luck") },
				"died":   func(c *kernel.Context, _ ...any) any { c.SignalHandled(); return nil },
				"handle": func(c *kernel.Context, _ ...any) any { c.SignalHandled(); return nil },
			}})
			if err := kerneltest.Finish(t, k); err != nil {
				t.Error(err)
			}
			log.Want(t, c.want...)
		})
	}
}

func TestRecordsOfDescriptorsNameWhoWatches(t *testing.T) {
	var log kerneltest.Log
	k := kernel.New(kernel.Options{})
	a, b := socketPair(t)
	put(t, b, "x")
	p := &part{}
	p.ready = func(m kernel.Mode) { k.Detach(a, m, p) }
	observe(k, &log, kernel.RecordWatch|kernel.RecordUnwatch|kernel.RecordReady, nil)
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) {
			watch(t, c, a, kernel.Write, "writable", nil)
			if err := errors.Join(k.Attach(a, kernel.Read, p), k.Want(a, kernel.Read, p, true)); err != nil {
				t.Error(err)
			}
		}),
		States: states{"writable": on(func(c *kernel.Context) { c.Unwatch(a, kernel.Write) })},
	})
	runReal(t, k)
	log.Want(t, "watch 1 write 'writable' ''", "watch 0 read '' 'a part'", "ready 0 read '' 'a part'", "unwatch 0 read '' 'a part'",
		"ready 1 write 'writable' ''", "unwatch 1 write 'writable' ''")
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestDefaultIsRecorded(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		observe(k, &log, kernel.RecordDefault|kernel.RecordDropped, nil)
		spawn(t, k, kernel.Session{
			Start:  do(func(c *kernel.Context) { c.Yield("unknown") }),
			States: states{"_default": func(*kernel.Context, ...any) any { return nil }},
		})
	})
	log.Want(t, "default 1 unknown", "default 1 _stop")
}

func TestRecordsAreNumberedAndTimed(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		last := uint64(0)
		k.Observe(kernel.AllRecords, nil, func(r *kernel.Record) {
			if r.Seq <= last {
				t.Errorf("record %d after %d", r.Seq, last)
			}
			last = r.Seq
			if now := k.Clock().Now(); r.Time != now {
				t.Errorf("got the time %v, want %v", r.Time, now)
			}
		})
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("tick", time.Second) }), States: states{
			"tick": func(c *kernel.Context, _ ...any) any { c.Yield("tock"); return nil }, "tock": nil,
		}})
	})
}

func TestAnObserverHearsOfItsTaskOnly(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		tick := states{"tick": on(func(*kernel.Context) {})}
		start := do(func(c *kernel.Context) { c.Delay("tick", time.Second) })
		spawn(t, k, kernel.Session{Start: start, States: tick})
		second := spawn(t, k, kernel.Session{Start: start, States: tick})
		observe(k, &log, kernel.RecordDispatch|kernel.RecordStop, k.ByID(second))
	})
	log.Want(t, "dispatch 2 tick timer from 2 in '_start' []", "stop 2 0", "dispatch 2 _stop stop from 0 in '' []")
}

func TestObserversEnd(t *testing.T) {
	t.Run("with Stop, also a second one", func(t *testing.T) {
		var log kerneltest.Log
		k := kerneltest.New(t)
		o := observe(k, &log, kernel.AllRecords, nil)
		o.Stop()
		o.Stop()
		spawn(t, k, kernel.Session{})
		k.Stop()
		log.Want(t)
	})
	t.Run("with their task", func(t *testing.T) {
		k := kerneltest.New(t)
		id := spawn(t, k, kernel.Session{})
		task := k.ByID(id)
		var log kerneltest.Log
		o := observe(k, &log, kernel.RecordStop, task)
		k.Stop()
		o.Stop()
		observe(k, &log, kernel.AllRecords, task).Stop()
		spawn(t, k, kernel.Session{})
		k.Stop()
		log.Want(t, "stop 1 0")
	})
	t.Run("from within", func(t *testing.T) {
		var log kerneltest.Log
		k := kerneltest.New(t)
		var first, second, third *kernel.Observer
		first = k.Observe(kernel.RecordStart, nil, func(*kernel.Record) { log.Add("first"); first.Stop(); third.Stop() })
		second = k.Observe(kernel.RecordStart, nil, func(*kernel.Record) {
			log.Add("second")
			second.Stop()
			second = k.Observe(kernel.RecordStart, nil, func(*kernel.Record) { log.Add("another") })
		})
		third = k.Observe(kernel.RecordStart, nil, func(*kernel.Record) { log.Add("third") })
		spawn(t, k, kernel.Session{})
		spawn(t, k, kernel.Session{})
		k.Stop()
		log.Want(t, "first", "second", "another")
	})
}

func TestWhatAnObserverBringsAboutIsNotRecorded(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		n := 0
		k.Observe(kernel.RecordError, nil, func(*kernel.Record) {
			n++
			if !k.Observing() {
				t.Error("an observer is called, and Observing says no")
			}
			_ = k.RemoveAlias("nobody's")
		})
		_ = k.RemoveAlias("nobody's")
		if n != 1 || k.Observing() {
			t.Errorf("got %d records and Observing %v", n, k.Observing())
		}
	})
}

// Wherever an observer panics, the tables stay in order and the run ends with what it panicked with.
func TestAPanicOfAnObserverEndsTheRunAndNothingElse(t *testing.T) {
	for kind, name := range recordNames {
		if kind&(kernel.RecordWatch|kernel.RecordUnwatch|kernel.RecordReady) != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			k := kerneltest.New(t)
			other := 0
			k.Observe(kind, nil, func(*kernel.Record) { other++ })
			k.Observe(kind, nil, func(*kernel.Record) { panic(errors.New("an observer's fault")) })
			spawn(t, k, kernel.Session{
				Start: do(func(c *kernel.Context) {
					c.Kernel.SetAlias("busy")
					c.Kernel.RemoveAlias("nobody's")
					c.Delay("tick", time.Second)
					c.Delay("tick", time.Minute)
					c.Yield("tick")
					c.Call(c.Task, "tick")
					c.Signal(c.Task, "USR1")
					c.Kernel.Spawn(kernel.Session{})
				}),
				States: states{
					"tick":     func(c *kernel.Context, _ ...any) any { return nil },
					"_default": func(*kernel.Context, ...any) any { return nil },
				},
			})
			err := kerneltest.Finish(t, k)
			var p *kernel.PanicError
			if !errors.As(err, &p) || !strings.Contains(err.Error(), "an observer's fault") || k.Observing() {
				t.Errorf("got %v, Observing %v", err, k.Observing())
			}
			if other == 0 {
				t.Error("the other observer has ended, too")
			}
			kerneltest.Clean(t, k)
		})
	}
}

// What was observed and is no more keeps no memory: neither observers that come and go, nor sessions.
func TestObserversThatComeAndGo(t *testing.T) {
	k := kerneltest.New(t)
	task := k.ByID(spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Kernel.SetAlias("here") })}))
	before := testing.AllocsPerRun(100, func() { k.Observe(kernel.AllRecords, task, nil).Stop() })
	for range 100_000 {
		k.Observe(kernel.AllRecords, task, nil).Stop()
	}
	all := make([]*kernel.Observer, 100_000)
	for i := range all {
		all[i] = k.Observe(kernel.RecordStop, task, func(*kernel.Record) {})
	}
	for _, o := range all {
		o.Stop()
	}
	if after := testing.AllocsPerRun(100, func() { k.Observe(kernel.AllRecords, task, nil).Stop() }); after > before {
		t.Errorf("got %v allocations after, %v before", after, before)
	}
	k.Stop()
}

func TestTracesAreLines(t *testing.T) {
	var out strings.Builder
	k := kerneltest.New(t, func(o *kernel.Options) {
		o.Log = &out
		o.Locate = func(s kernel.Site) (string, int) { return s.Code.(string), s.Pos }
	})
	k.SetTrace(kernel.TraceAll &^ kernel.TraceStats)
	spawn(t, k, kernel.Session{
		Alias: "bot",
		Start: do(func(c *kernel.Context) {
			c.Kernel.Yield("go", kernel.Site{Code: "bot.lua", Pos: 5}, []any{1, "x", nil, c.Task})
			c.Kernel.SetDelay("later", time.Second, kernel.Site{}, nil)
			c.WatchSignal("TERM", "term")
		}),
		States: states{
			"go": func(c *kernel.Context, _ ...any) any {
				c.Call(c.Task, "lost")
				return kernel.Values{1, true}
			},
			"later": func(c *kernel.Context, _ ...any) any { c.Kernel.SystemSignal("TERM"); return nil },
			"term":  func(*kernel.Context, ...any) any { return nil },
		},
	})
	if err := kerneltest.Finish(t, k); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"<rc> the kernel: 1 (+ child)\n<ss> session 1 is created by the kernel\n",
		"<ev> dispatching '_start'() from the kernel to session 1\n<rc> session 1 (bot): 1 (+ alias)\n",
		"<ev> queued 1 'go'(1, x, nil, session 1 (bot)) from session 1 (bot) to session 1 (bot) at bot.lua:5\n",
		"<ev> queued timer 1 'later'() from session 1 (bot) to session 1 (bot), due in 1s\n<sg> session 1 (bot) watches TERM as 'term'\n",
		"<ev> '_start' returns\n", "<ev> iteration 1: 2 events, 1 sessions, 0 handles\n",
		"<ev> dispatching 'go'(1, x, nil, session 1 (bot)) from session 1 (bot) to session 1 (bot) at bot.lua:5\n" +
			"<ev>   dispatching 'lost'() from session 1 (bot) to session 1 (bot)\n<ev>   'lost' has no handler in session 1 (bot)\n" +
			"<er> session 1 (bot) has no handler for event 'lost'\n<ev> 'go' returns (1, true)\n",
		"<sg> SIGTERM arrives\n", "'signal TERM'(TERM) from the kernel to the kernel\n",
		"<sg> TERM is dispatched to the kernel; 2 sessions\n<sg> TERM calls 'term' of session 1 (bot)\n",
		"<sg> TERM stops session 1 (bot)\n<ss> session 1 (bot) stops\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, &out)
		}
	}
}

func TestATraceEndsWhenItIsSetOff(t *testing.T) {
	var out strings.Builder
	k := kerneltest.New(t, func(o *kernel.Options) { o.Log = &out })
	k.SetTrace(kernel.TraceSessions)
	k.SetTrace(kernel.TraceSessions | kernel.TraceErrors)
	if _, err := k.SetOption("trace_errors", false); err != nil {
		t.Error(err)
	}
	spawn(t, k, kernel.Session{})
	k.SetTrace(0)
	_ = k.RemoveAlias("x")
	k.Stop()
	if got, want := out.String(), "<ss> session 1 is created by the kernel\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func benchmarkYield(b *testing.B, prepare func(k *kernel.Kernel)) {
	k := kernel.New(kernel.Options{Idle: true, Log: io.Discard})
	r := &looper{left: b.N}
	k.Start(&r.Task, r, nil)
	prepare(k)
	b.ReportAllocs()
	b.ResetTimer()
	if err := k.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkYieldObserved(b *testing.B) {
	benchmarkYield(b, func(k *kernel.Kernel) {
		k.Observe(kernel.RecordDispatch|kernel.RecordReturn, nil, func(*kernel.Record) {})
	})
}

// Somebody observes another session.
func BenchmarkYieldBesideObserved(b *testing.B) {
	benchmarkYield(b, func(k *kernel.Kernel) {
		k.Observe(kernel.AllRecords, k.ByID(spawn(b, k, kernel.Session{Alias: "other"})), func(*kernel.Record) {})
	})
}

func BenchmarkYieldTraced(b *testing.B) {
	benchmarkYield(b, func(k *kernel.Kernel) { k.SetTrace(kernel.TraceEvents) })
}
