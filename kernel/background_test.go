package kernel_test

import (
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

// console makes a session in the background that has everything that would keep a session alive.
func console(t *testing.T, k *kernel.Kernel, log *kerneltest.Log) *kernel.Task {
	task := k.ByID(spawn(t, k, kernel.Session{
		Alias: "console",
		Start: do(func(c *kernel.Context) {
			c.Delay("hour", time.Hour)
			c.Delay("twice", 2*time.Hour)
			c.WatchSignal("IDLE", "idle")
			c.WatchSignal("CHLD", "idle")
			k.Retain(c.Task, "tag")
			own(c, &kerneltest.Log{}, "wheel")[0].SetBusy(true)
		}),
		Stop: stopped(log),
		States: states{
			"hour": log.Handler(), "twice": log.Handler(), "again": func(c *kernel.Context, _ ...any) any { c.Yield("again"); return nil },
			"idle": func(c *kernel.Context, _ ...any) any { log.Add("the console gets it"); c.SignalHandled(); return nil },
			"fail": func(*kernel.Context, ...any) any { panic("no luck") },
			"spawn": on(func(*kernel.Context) {
				spawn(t, k, kernel.Session{
					Start:  do(func(c *kernel.Context) { c.Delay("x", time.Minute) }),
					States: states{"x": on(func(*kernel.Context) { log.Add("started") })}, Stop: stopped(log),
				})
			}),
		},
	}))
	k.SetBackground(task, true)
	return task
}

func TestASessionInTheBackgroundLeavesTheProgramAsItWouldBe(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task)
		want []string
	}{
		{"the program ends", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, _ *kernel.Task) {
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("x", time.Second) }), Stop: stopped(log)})
		}, []string{"stop 2", "stop 1"}},
		{"there is no other session", func(*testing.T, *kernel.Kernel, *kerneltest.Log, *kernel.Task) {}, []string{"stop 1"}},
		{"the program is idle", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, _ *kernel.Task) {
			spawn(t, k, kernel.Session{Alias: "idler", Stop: stopped(log)})
		}, []string{"stop 2", "stop 1"}},
		{"the program is idle, the console busy", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			spawn(t, k, kernel.Session{Alias: "idler", Stop: stopped(log), Start: do(func(c *kernel.Context) { c.Post(console, "again") })})
		}, []string{"stop 2", "stop 1"}},
		{"the program is idle and goes on", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, _ *kernel.Task) {
			spawn(t, k, kernel.Session{
				Alias: "idler", Stop: stopped(log), Start: do(func(c *kernel.Context) { c.WatchSignal("IDLE", "idle") }),
				States: states{"idle": func(c *kernel.Context, _ ...any) any {
					log.Add("idle")
					c.SignalHandled()
					c.Kernel.IgnoreSignal("IDLE")
					c.Delay("x", time.Second)
					return nil
				}},
			})
		}, []string{"idle", "stop 2", "stop 1"}},
		{"it has no work and stays, hears of events and timers", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			bare := spawn(t, k, kernel.Session{Stop: stopped(log), States: states{"say": log.Handler()}})
			k.SetBackground(k.ByID(bare), true)
			spawn(t, k, kernel.Session{
				Start:  do(func(c *kernel.Context) { c.Delay("tell", 3*time.Hour) }),
				States: states{"tell": func(c *kernel.Context, _ ...any) any { c.Call(bare, "say", "hi"); return nil }},
			})
		}, []string{"hour", "twice", "say hi", "stop 2", "stop 1"}},
		{"what it started keeps the program", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			k.Submit(func() { k.Post(console, "spawn", kernel.Site{}, nil) })
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("x", time.Second) }), Stop: stopped(log)})
		}, []string{"stop 2", "started", "stop 3", "stop 1"}},
		{"its errors end nothing", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			spawn(t, k, kernel.Session{
				Start:  do(func(c *kernel.Context) { c.Post(console, "fail"); c.Call(console, "fail"); c.Delay("x", time.Second) }),
				States: states{"x": log.Handler()}, Stop: stopped(log),
			})
		}, []string{"panic: no luck", "panic: no luck", "x", "stop 2", "stop 1"}},
		{"a signal ends the program", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			early := spawn(t, k, kernel.Session{Alias: "early", Stop: stopped(log)})
			k.SetBackground(k.ByID(early), true)
			spawn(t, k, kernel.Session{
				Start: do(func(c *kernel.Context) { c.Delay("x", time.Hour); k.SystemSignal("TERM") }), Stop: stopped(log),
			})
		}, []string{"stop 3", "stop 2", "stop 1"}},
		{"stopped by a handler", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("x") }), Stop: stopped(log), States: states{
				"x": func(c *kernel.Context, _ ...any) any { k.Stop(); return nil },
			}})
		}, []string{"stop 2", "stop 1"}},
		{"it stops for lack of work once in the foreground", func(t *testing.T, k *kernel.Kernel, log *kerneltest.Log, console *kernel.Task) {
			bare := k.ByID(spawn(t, k, kernel.Session{Stop: stopped(log)}))
			k.SetBackground(bare, true)
			spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("x", time.Second); c.Delay("y", time.Minute) }), States: states{
				"x": on(func(*kernel.Context) { log.Add("x"); k.SetBackground(bare, false) }), "y": log.Handler(),
			}})
		}, []string{"x", "stop 2", "y", "stop 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log kerneltest.Log
			k := kerneltest.New(t, func(o *kernel.Options) { o.Report = func(err error) { log.Add("%v", err) } })
			task := console(t, k, &log)
			c.run(t, k, &log, task)
			if err := kerneltest.Finish(t, k); err != nil {
				t.Error(err)
			}
			log.Want(t, c.want...)
			kerneltest.Clean(t, k)
		})
	}
}

func TestASessionComesBackToTheForeground(t *testing.T) {
	var log kerneltest.Log
	k := kerneltest.New(t)
	task := console(t, k, &log)
	k.SetBackground(task, true)
	k.SetBackground(task, false)
	k.SetBackground(task, false)
	if err := k.RunWhile(t.Context(), func() bool { return len(log) < 2 }); err != nil {
		t.Error(err)
	}
	log.Want(t, "hour", "twice")
	k.Stop()
}

func TestErrorsAndCloseStopTheBackgroundLast(t *testing.T) {
	t.Run("an error", func(t *testing.T) {
		var log kerneltest.Log
		k := kerneltest.New(t)
		console(t, k, &log)
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("fail") }), Stop: stopped(&log),
			States: states{"fail": func(*kernel.Context, ...any) any { panic("no luck") }},
		})
		spawn(t, k, kernel.Session{Alias: "another", Stop: stopped(&log)})
		if err := kerneltest.Finish(t, k); err == nil {
			t.Error("the error is lost")
		}
		log.Want(t, "stop 2", "stop 3", "stop 1")
		kerneltest.Clean(t, k)
	})
	t.Run("Close", func(t *testing.T) {
		var log kerneltest.Log
		k := kerneltest.New(t)
		spawn(t, k, kernel.Session{Alias: "another", Stop: stopped(&log)})
		console(t, k, &log)
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		log.Want(t, "stop 1", "stop 2")
	})
}

// A console's session that was made within a handler does not keep its parent.
func TestASessionInTheBackgroundIsTheKernels(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				id := spawn(t, k, kernel.Session{Stop: stopped(&log)})
				k.SetBackground(k.ByID(id), true)
				if p := k.ByID(id).Parent(); p != k.Root() {
					t.Errorf("its parent is %v", p)
				}
			}),
			Stop: stopped(&log),
			States: states{"_child": func(_ *kernel.Context, args ...any) any {
				log.Add("%v", args[0])
				return nil
			}},
		})
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Delay("x", time.Second) }), Stop: stopped(&log)})
	})
	log.Want(t, "create", "lose", "stop 1", "stop 3", "stop 2")
}
