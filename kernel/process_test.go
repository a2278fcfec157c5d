package kernel_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

const exit3 = 3 << 8 // a wait status

func TestProcessWatchersHearOfTheEnd(t *testing.T) {
	var log kerneltest.Log
	note := func(c *kernel.Context, args ...any) any {
		log.Add("%v %s %v from %v", c.Task.ID(), c.Event, args, c.Sender.ID())
		return nil
	}
	kerneltest.Run(t, func(k *kernel.Kernel) {
		k.ProcessStarted(7)
		watch := func(c *kernel.Context) any {
			for _, event := range []string{"replaced", "ended"} {
				if err := k.WatchProcess(7, event, kernel.Site{}, []any{"arg", nil}); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
			c.WatchSignal("CHLD", "chld", "watcher's")
			c.Kernel.Spawn(kernel.Session{Start: watch, States: states{"ended": note}})
		}), States: states{"chld": note}})
		spawn(t, k, kernel.Session{Start: watch, States: states{"ended": note}})
		spawn(t, k, kernel.Session{ // it lets go, so nothing keeps it
			Start:  do(func(c *kernel.Context) { watch(c); k.IgnoreProcess(7); k.IgnoreProcess(7); k.IgnoreProcess(8) }),
			States: states{"ended": note},
			Stop:   do(func(c *kernel.Context) { log.Add("%v stops", c.Task.ID()) }),
		})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Delay("end", time.Hour) }),
			States: states{"end": func(c *kernel.Context, args ...any) any {
				k.ProcessEnded(7, exit3)
				k.ProcessEnded(7, exit3)
				k.ProcessEnded(8, 0)
				return nil
			}},
		})
	})
	log.Want(t, "4 stops", "2 ended [CHLD 7 768 arg <nil>] from 0", "3 ended [CHLD 7 768 arg <nil>] from 0",
		"1 chld [CHLD 7 768 watcher's] from 0")
}

func TestALateProcessWatcherIsToldOnce(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		k.ProcessStarted(7)
		k.ProcessEnded(7, exit3)
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				if err := k.WatchProcess(7, "ended", kernel.Site{}, nil); err != nil {
					t.Error(err)
				}
				for _, pid := range []int{7, 8} { // told already; never started
					if err := k.WatchProcess(pid, "ended", kernel.Site{}, nil); !errors.Is(err, syscall.ECHILD) {
						t.Errorf("process %d: got %v, want ECHILD", pid, err)
					}
				}
				log.Add("watched")
			}),
			States: states{"ended": log.Handler()},
		})
	})
	log.Want(t, "watched", "ended CHLD 7 768")
}

// A number may come again as another process's; what was remembered of the first is not told of the second.
func TestAProcessIDMayComeAgain(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		k.ProcessStarted(7)
		k.ProcessEnded(7, 1)
		k.ProcessStarted(7)
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				if err := k.WatchProcess(7, "ended", kernel.Site{}, nil); err != nil {
					t.Error(err)
				}
				c.Delay("end", time.Hour)
			}),
			States: states{"ended": log.Handler(), "end": func(c *kernel.Context, args ...any) any { k.ProcessEnded(7, 2); return nil }},
		})
	})
	log.Want(t, "ended CHLD 7 2")
}

func TestTheLast1024UntoldProcessesAreRemembered(t *testing.T) {
	const untold, extra = 1024, 10
	kerneltest.Run(t, func(k *kernel.Kernel) {
		for pid := range untold + extra {
			k.ProcessStarted(pid)
		}
		for pid := range untold + extra {
			k.ProcessEnded(pid, pid)
		}
		told := 0
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				for pid := range untold + extra {
					err := k.WatchProcess(pid, "ended", kernel.Site{}, nil)
					if pid < extra && !errors.Is(err, syscall.ECHILD) || pid >= extra && err != nil {
						t.Fatalf("process %d: got %v", pid, err)
					}
				}
			}),
			States: states{"ended": func(c *kernel.Context, args ...any) any {
				if want := told + extra; args[1] != want || args[2] != want {
					t.Errorf("got %v, want process and status %d", args, want)
				}
				told++
				return nil
			}},
			Stop: do(func(c *kernel.Context) {
				if told != untold {
					t.Errorf("%d were told of, want %d", told, untold)
				}
			}),
		})
	})
}

// A running process whose end somebody waits for keeps the program from being idle.
func TestAProcessIsAwaited(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		k.ProcessStarted(7)
		spawn(t, k, kernel.Session{
			Alias: "waiting", // alone, this would be idle
			Start: do(func(c *kernel.Context) {
				c.WatchSignal("CHLD", "chld")
				go k.Submit(func() { k.ProcessEnded(7, 0) })
			}),
			States: states{"chld": log.Handler()},
		})
	})
	log.Want(t, "chld CHLD 7 0")
}
