package kernel_test

import (
	"errors"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

func TestSignalsAreCaughtWhileWatched(t *testing.T) {
	signals := &kerneltest.Signals{}
	k := kerneltest.New(t, func(o *kernel.Options) { o.Signals = signals })
	watch := func(names ...string) func(c *kernel.Context) any {
		return do(func(c *kernel.Context) {
			for _, name := range names {
				c.WatchSignal(name, "x")
			}
			c.Delay("x", time.Hour)
		})
	}
	spawn(t, k, kernel.Session{Start: watch("USR1", "USR1", "HUP")})
	spawn(t, k, kernel.Session{Start: watch("USR1", "CLD"), States: states{"x": func(c *kernel.Context, args ...any) any {
		signals.Log.Add("ignore")
		c.Kernel.IgnoreSignal("USR1")
		c.Kernel.IgnoreSignal("USR1")
		c.Kernel.IgnoreSignal("CHLD")
		c.Kernel.IgnoreSignal("never watched")
		c.Yield("y")
		return nil
	}}})
	if err := kerneltest.Finish(t, k); err != nil {
		t.Fatal(err)
	}
	kerneltest.Clean(t, k)
	// The first session stops after the second has let go, so the last watcher of USR1 is its.
	got := signals.Log
	if len(got) == 7 && got[5] == "release HUP" { // a session that stops lets go in no defined order
		got[5], got[6] = got[6], got[5]
	}
	got.Want(t, "catch USR1", "catch HUP", "catch CHLD", "ignore", "release CHLD", "release USR1", "release HUP")
}

// A name that the system does not let a program catch can still be watched and sent.
func TestASignalThatCannotBeCaughtCanBeWatched(t *testing.T) {
	var log kerneltest.Log
	k := kerneltest.New(t, func(o *kernel.Options) { o.Signals = refusing{} })
	spawn(t, k, kernel.Session{
		Start: do(func(c *kernel.Context) {
			c.WatchSignal("STOP", "x", "watcher's", nil)
			c.Signal(c.Task, "STOP", nil, 2)
		}),
		States: states{"x": log.Handler()},
	})
	if err := kerneltest.Finish(t, k); err != nil {
		t.Fatal(err)
	}
	log.Want(t, "x STOP <nil> 2 watcher's <nil>")
}

type refusing struct{}

func (refusing) Catch(name string) error { return errors.New(name + " cannot be caught") }
func (refusing) Release(name string)     {}

func TestSystemSignals(t *testing.T) {
	tests := []struct {
		name    string
		signal  string
		handle  bool
		endedBy string
	}{
		{"a terminal one ends the program", "TERM", false, "TERM"},
		{"a handled one does not", "TERM", true, ""},
		{"a benign one does not", "USR1", false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log kerneltest.Log
			k := kerneltest.New(t)
			spawn(t, k, kernel.Session{
				Start: do(func(c *kernel.Context) {
					c.WatchSignal(test.signal, "sig")
					c.Delay("end", time.Hour)
				}),
				States: states{"sig": func(c *kernel.Context, args ...any) any {
					if test.handle {
						c.SignalHandled()
					}
					log.Add("%v from %v", args, c.Sender.ID())
					return nil
				}, "end": log.Handler()},
				Stop: do(func(c *kernel.Context) { log.Add("stop, ending %v", c.Kernel.Ending()) }),
			})
			k.Submit(func() { k.SystemSignal(test.signal) })
			if err := kerneltest.Finish(t, k); err != nil {
				t.Fatal(err)
			}
			if got := k.EndedBy(); got != test.endedBy {
				t.Errorf("got %q, want %q", got, test.endedBy)
			}
			want := []string{"[" + test.signal + "] from 0", "end", "stop, ending false"}
			if test.endedBy != "" {
				want = []string{want[0], "stop, ending true"}
			}
			log.Want(t, want...)
			kerneltest.Clean(t, k)
		})
	}
}
