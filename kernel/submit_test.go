package kernel_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
	"github.com/poelua/poelua/kernel/poll"
)

// watchdog ends a run that should have ended by itself.
const watchdog = time.Minute

// onPollers runs a test on a kernel of each of the platform's pollers, in real time.
func onPollers(t *testing.T, f func(t *testing.T, k *kernel.Kernel, reports *kerneltest.Log)) {
	for _, name := range poll.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := poll.New(name)
			if err != nil {
				t.Fatal(err)
			}
			var reports kerneltest.Log
			k := kernel.New(kernel.Options{Poller: p, Report: func(err error) { reports.Add("%v", err) }})
			k.SetAssert(kernel.AssertData)
			f(t, k, &reports)
			kerneltest.Clean(t, k)
			if err := k.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// runReal runs a kernel in real time to its end.
func runReal(t *testing.T, k *kernel.Kernel) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	if err := k.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
		k.Stop()
	}
}

func TestSubmitKeepsEachGoroutinesOrder(t *testing.T) {
	const goroutines, each = 16, 1000
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var next [goroutines]int
		done := 0
		spawn(t, k, kernel.Session{Alias: "counter", States: states{"count": func(c *kernel.Context, args ...any) any {
			g, i := args[0].(int), args[1].(int)
			if next[g] != i {
				t.Errorf("goroutine %d: got %d, want %d", g, i, next[g])
			}
			next[g] = i + 1
			if done++; done == goroutines*each {
				c.Kernel.RemoveAlias("counter")
			}
			return nil
		}}})
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					k.Submit(func() {
						if err := k.Post(k.Resolve("counter"), "count", kernel.Site{}, []any{g, i}); err != nil {
							t.Error(err)
						}
					})
				}
			})
		}
		runReal(t, k)
		wg.Wait()
		if done != goroutines*each {
			t.Errorf("got %d, want %d", done, goroutines*each)
		}
	})
}

// Each submission comes when the kernel has nothing to do but wait, as far as can be told.
func TestSubmitWakesAWaitingKernel(t *testing.T) {
	const rounds = 500
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		spawn(t, k, kernel.Session{Alias: "waiting"})
		done := make(chan int)
		go func() {
			for i := range rounds {
				k.Submit(func() { done <- i })
				if got := <-done; got != i {
					t.Errorf("got %d, want %d", got, i)
				}
			}
			k.Submit(k.Stop)
		}()
		runReal(t, k)
	})
}

// What is submitted while the submitted is being done, waits for its turn but not for an event.
func TestSubmitFromSubmitted(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		spawn(t, k, kernel.Session{Alias: "waiting"})
		n := 0
		var again func()
		again = func() {
			if n++; n == 10_000 {
				k.Stop()
				return
			}
			k.Submit(again)
		}
		k.Submit(again)
		runReal(t, k)
		if n != 10_000 {
			t.Errorf("got %d, want 10000", n)
		}
	})
}

func TestSubmittedWorkIsDoneBeforeTheQueue(t *testing.T) {
	var log kerneltest.Log
	kerneltest.Run(t, func(k *kernel.Kernel) {
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				c.Yield("x", 1)
				k.Submit(func() { log.Add("submitted") })
				c.Yield("x", 2)
			}),
			States: states{"x": func(c *kernel.Context, args ...any) any {
				log.Add("x %v", args[0])
				if args[0] == 1 {
					k.Submit(func() { log.Add("submitted in x") })
					c.Yield("x", 3)
				}
				return nil
			}},
		})
	})
	log.Want(t, "submitted", "x 1", "x 2", "submitted in x", "x 3")
}

func TestContextEndsARunAndALaterOneGoesOn(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var log kerneltest.Log
		spawn(t, k, kernel.Session{
			Alias: "s",
			Stop:  do(func(c *kernel.Context) { log.Add("stop") }),
			States: states{"end": func(c *kernel.Context, args ...any) any {
				log.Add("end")
				c.Kernel.RemoveAlias("s")
				return nil
			}},
		})
		ctx, cancel := context.WithCancel(context.Background())
		k.Submit(func() { go cancel() }) // the run is on, and about to wait without end
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("again: got %v, want %v", err, context.Canceled)
		}
		if k.Sessions() != 1 {
			t.Errorf("got %d sessions, want 1", k.Sessions())
		}
		log.Want(t)
		if err := k.Post(k.Resolve("s"), "end", kernel.Site{}, nil); err != nil {
			t.Error(err)
		}
		runReal(t, k)
		log.Want(t, "end", "stop")
		if err := k.Run(ctx); err != nil {
			t.Errorf("with nothing to run: %v", err)
		}
	})
}

func TestContextEndsARunThatIsBusy(t *testing.T) {
	k := kerneltest.New(t)
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) { c.Yield("again") }),
		States: states{"again": func(c *kernel.Context, args ...any) any {
			if n++; n == 1000 {
				cancel()
			}
			c.Yield("again")
			return nil
		}},
	})
	if err := k.Run(ctx); !errors.Is(err, context.Canceled) || n != 1000 {
		t.Errorf("got %v after %d, want %v after 1000", err, n, context.Canceled)
	}
	k.Stop()
}

func TestKnownIsSafeFromAnyGoroutine(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		stop := make(chan bool)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						k.Known("here")
						k.Known("2")
					}
				}
			})
		}
		n := 0
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("turn") }),
			States: states{"turn": func(c *kernel.Context, args ...any) any {
				c.Kernel.SetAlias("here")
				spawn(t, c.Kernel, kernel.Session{})
				c.Kernel.RemoveAlias("here")
				if n++; n < 1000 {
					c.Yield("turn")
				}
				return nil
			}},
		})
		if !k.Known("1") || k.Known("here") {
			t.Error("session 1 is not known, or an alias is that nobody has")
		}
		runReal(t, k)
		close(stop)
		wg.Wait()
		if k.Known("1") {
			t.Error("a stopped session is known")
		}
	})
}
