package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

// queue lists what waits, for people.
func queue(k *kernel.Kernel, t *kernel.Task) (list []string) {
	for p := range k.Queue(t) {
		list = append(list, fmt.Sprintf("%v %v", p.Task.ID(), strings.TrimSpace(fmt.Sprint(p.Event, " ", p.Args))))
	}
	return list
}

func TestQueueIsInTheOrderOfDispatch(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var got, want []string
		kerneltest.Run(t, func(k *kernel.Kernel) {
			note := func(c *kernel.Context, args ...any) any {
				got = append(got, fmt.Sprintf("%v x %v", c.Task.ID(), args))
				return nil
			}
			looked := func(c *kernel.Context, _ ...any) any {
				k.After(time.Second, func() {})
				want = queue(k, nil)
				var each []string
				for _, task := range k.Tasks() {
					own := queue(k, task)
					filtered := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !strings.HasPrefix(s, task.ID().String()+" ") })
					if !slices.Equal(own, filtered) {
						t.Errorf("seed %d: got %q for %v, want %q", seed, own, task, filtered)
					}
					each = append(each, own...)
				}
				if len(each) != len(want) || len(want) != k.Events() {
					t.Errorf("seed %d: %d events of sessions, %d in all, %d counted", seed, len(each), len(want), k.Events())
				}
				return nil
			}
			for range 10 {
				spawn(t, k, kernel.Session{
					Start: do(func(c *kernel.Context) { c.Yield("fill") }),
					States: states{"x": note, "look": looked, "fill": func(c *kernel.Context, _ ...any) any {
						for range random.IntN(40) {
							n := random.IntN(1000)
							switch random.IntN(4) {
							case 0:
								c.Post(kernel.SessionID(1+random.IntN(10)), "x", n)
							case 1:
								c.Yield("x", n)
							case 2:
								c.DelaySet("x", time.Duration(random.IntN(5))*time.Second, n)
							default:
								c.RemoveTimer(c.DelaySet("x", time.Second))
							}
						}
						if c.Task.ID() == 10 {
							c.DelaySet("look", -time.Second)
						}
						return nil
					}},
				})
			}
		})
		if !slices.Equal(got[len(got)-len(want):], want) || len(want) == 0 {
			t.Errorf("seed %d: got %q, want %q", seed, got, want)
		}
	}
}

func TestTheFirstOfAMillionCostLittle(t *testing.T) {
	k := kerneltest.New(t)
	spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
		for i := range 200_000 {
			c.DelaySet("x", time.Duration(i*7919%200_000)*time.Millisecond)
		}
	})})
	allocated := testing.AllocsPerRun(1, func() {
		n := 0
		for range k.Queue(nil) {
			if n++; n == 100 {
				break
			}
		}
	})
	if allocated > 2000 {
		t.Errorf("%v allocations for a hundred events", allocated)
	}
	k.Stop()
}

func TestWhatWaitsIsFoundByItsID(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.Yield("one", 1)
				c.DelaySet("two", time.Minute, 2)
				c.AlarmSet("three", kerneltest.Start.Add(time.Hour), 3)
				c.Signal(c.Task, "USR1")
				n := 0
				for p := range k.Queue(nil) {
					n++
					found, ok := k.EventByID(p.ID)
					if !ok || !reflect.DeepEqual(found, p) || p.ID == 0 || (p.ID > 0) != (p.Kind == kernel.KindTimer) {
						t.Errorf("got %+v, %v, want %+v", found, ok, p)
					}
					if p.From != c.Task || p.FromState != "_start" || p.Age != 0 {
						t.Errorf("got %+v", p)
					}
				}
				if n != 4 {
					t.Errorf("got %d events", n)
				}
				timer, _ := k.EventByID(1)
				alarm, _ := k.EventByID(2)
				if d := timer.Due.Sub(kerneltest.Start); d != time.Minute {
					t.Errorf("the timer is due in %v", d)
				}
				if d := alarm.Due.Sub(kerneltest.Start); d != time.Hour {
					t.Errorf("the alarm is due in %v", d)
				}
				c.RemoveTimer(1)
				c.RemoveTimer(2)
				for _, id := range []int64{0, 1, 2, 3, -1000, 1 << 62, -1 << 63} {
					if p, ok := k.EventByID(id); ok {
						t.Errorf("got %+v for %d", p, id)
					}
				}
			}),
			States: states{"one": func(c *kernel.Context, _ ...any) any { c.Delay("later", time.Second); return nil }},
		})
	})
}

func TestCountsAndWorkSayWhatKeepsASession(t *testing.T) {
	var log kerneltest.Log
	k := kerneltest.New(t)
	other := spawn(t, k, kernel.Session{Alias: "other"})
	var self *kernel.Task
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) { c.Yield("go") }),
		States: states{"go": func(c *kernel.Context, _ ...any) any {
			self = c.Task
			if got := self.Work(); len(got) > 0 || self.Counts() != (kernel.Counts{}) {
				t.Errorf("got %q and %+v of a session that is about to stop", got, self.Counts())
			}
			c.Yield("x")
			c.Post(other, "x")
			c.DelaySet("tick", 3200*time.Millisecond)
			c.Kernel.SetAlias("logger")
			k.Spawn(kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("x") })})
			own(c, &log, "busy wheel", "idle wheel")[0].SetBusy(true)
			k.Retain(self, "anon_event")
			k.Retain(self, "anon_event")
			k.ProcessStarted(4711)
			k.WatchProcess(4711, "x", kernel.Site{}, nil)
			want := []string{
				"1 event queued for it", "1 timer in 3.2 s: tick", "1 event sent by it to others", "alias logger", "child 3", "busy wheel",
				"reference anon_event x2", "process 4711",
			}
			if got := self.Work(); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			counts := kernel.Counts{
				Refcount: 7, EventsTo: 2, EventsFrom: 1, Timers: 1, Children: 1, Aliases: 1, Tags: 1, Processes: 1, Resources: 2, Busy: 1,
			}
			if got := self.Counts(); got != counts {
				t.Errorf("got %+v, want %+v", got, counts)
			}
			if got := self.Tags(); !slices.Equal(got, []kernel.Tag{{Name: "anon_event", Count: 2}}) {
				t.Errorf("got %v", got)
			}
			for i := range 12 {
				c.DelaySet("more", time.Duration(i)*time.Hour)
				k.Retain(self, fmt.Sprint("tag", i))
			}
			got := self.Work()
			if !slices.Contains(got, "13 timers, the first in 0 ms: more") || !slices.Contains(got, "reference tag8 x1") ||
				slices.Contains(got, "reference tag9 x1") || !slices.Contains(got, "3 more references") {
				t.Errorf("got %q", got)
			}
			k.Stop()
			return nil
		}},
	})
	if err := kerneltest.Finish(t, k); err != nil {
		t.Error(err)
	}
	if got := self.Work(); len(got) > 0 || self.Counts() != (kernel.Counts{}) {
		t.Errorf("got %q and %+v of a session that has stopped", got, self.Counts())
	}
}

func TestTheBirthOfASessionIsNoEvent(t *testing.T) {
	k := kerneltest.New(t)
	task := k.ByID(spawn(t, k, kernel.Session{}))
	if c := task.Counts(); c != (kernel.Counts{}) || len(task.Work()) > 0 {
		t.Errorf("got %+v and %q", c, task.Work())
	}
	k.Stop()
}

func TestTasksAreInOrderAndKnowTheirAge(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Delay("later", time.Minute) }),
			States: states{"later": func(c *kernel.Context, _ ...any) any {
				k.Spawn(kernel.Session{Start: do(func(c *kernel.Context) { c.Call(c.Task, "x") })})
				var got []string
				for _, task := range k.Tasks() {
					got = append(got, fmt.Sprintf("%v %v %d", task.ID(), task.Created().Sub(kerneltest.Start), task.Handled()))
				}
				if want := []string{"0 0s 0", "1 0s 3", "2 1m0s 2"}; !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
				return nil
			}},
		})
	})
}

func TestWhoWatchesWhat(t *testing.T) {
	k := kernel.New(kernel.Options{})
	a, _ := socketPair(t)
	p := &part{}
	var tasks []*kernel.Task
	start := func(more func(c *kernel.Context)) func(c *kernel.Context) any {
		return do(func(c *kernel.Context) {
			tasks = append(tasks, c.Task)
			watch(t, c, a, kernel.Read, "ready", nil)
			c.WatchSignal("USR1", "usr", 1)
			k.WatchProcess(7, "ended", kernel.Site{}, nil)
			more(c)
		})
	}
	k.ProcessStarted(7)
	spawn(t, k, kernel.Session{Start: start(func(c *kernel.Context) { c.WatchSignal("HUP", "hup") })})
	spawn(t, k, kernel.Session{Start: start(func(c *kernel.Context) {
		k.Attach(a, kernel.Read, p)
		k.PauseWatch(a, kernel.Read)
	})})
	one, two := tasks[0], tasks[1]
	if got, want := k.Watched(nil), []kernel.Watching{
		{FD: a, IO: p, Paused: true}, {FD: a, Task: one, Event: "ready", Paused: true}, {FD: a, Task: two, Event: "ready", Paused: true},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := k.Watched(two); len(got) != 1 || got[0].Task != two {
		t.Errorf("got %+v", got)
	}
	if got, want := two.Work(), fmt.Sprintf("handle %d (read)", a); !slices.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
	if got, want := k.SignalWatches(nil), []kernel.SignalWatch{
		{Signal: "HUP", Task: one, Event: "hup"}, {"USR1", one, "usr", []any{1}}, {"USR1", two, "usr", []any{1}},
	}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := k.SignalWatches(two); len(got) != 1 || got[0].Task != two {
		t.Errorf("got %+v", got)
	}
	if got, want := k.ProcessWatches(nil), []kernel.ProcessWatch{{7, one, "ended"}, {7, two, "ended"}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := k.ProcessWatches(one); len(got) != 1 || got[0].Task != one {
		t.Errorf("got %+v", got)
	}
	k.Detach(a, kernel.Read, p)
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestRunningAreTheDispatchesInProgress(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		if got := k.Running(); len(got) > 0 {
			t.Errorf("got %+v outside of handlers", got)
		}
		callee := spawn(t, k, kernel.Session{Alias: "callee", States: states{"get": func(c *kernel.Context, _ ...any) any {
			var got []string
			for _, p := range k.Running() {
				got = append(got, fmt.Sprintf("%v %s %v %d", p.Task.ID(), p.Event, p.Kind, p.ID))
			}
			if want := []string{"1 get call 0", "2 tick timer 1"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			return nil
		}}})
		spawn(t, k, kernel.Session{
			Start:  do(func(c *kernel.Context) { c.Delay("tick", time.Second) }),
			States: states{"tick": func(c *kernel.Context, _ ...any) any { c.Call(callee, "get"); return nil }},
		})
	})
}

func TestADumpOfManySessionsCountsTheLast(t *testing.T) {
	kerneltest.Run(t, func(k *kernel.Kernel) {
		for range 1500 {
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("tick", time.Minute) })})
		}
		var b strings.Builder
		k.Dump(&b)
		got := b.String()
		if n := strings.Count(got, "\nsession "); n != 1000 {
			t.Errorf("got %d sessions in\n%.200s", n, got)
		}
		if want := "\nand 500 more sessions\nevent "; !strings.Contains(got, want) {
			t.Errorf("got no %q", want)
		}
	})
}

func TestADumpOfADeepTreeIsNotWide(t *testing.T) {
	k := kerneltest.New(t)
	deeper := 0
	var start func(c *kernel.Context) any
	start = func(c *kernel.Context) any {
		if deeper++; deeper < 1000 {
			k.Spawn(kernel.Session{Start: start})
		}
		return nil
	}
	spawn(t, k, kernel.Session{Start: start})
	var b strings.Builder
	k.Dump(&b)
	if n := b.Len(); n > 100_000 {
		t.Errorf("got %d bytes", n)
	}
	k.Stop()
}
