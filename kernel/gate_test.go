//go:build unix

package kernel_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
	"github.com/poelua/poelua/kernel/poll"
)

// buffered is a gate that reads ahead: what it has read is ready though the system knows nothing of it.
type buffered struct {
	fd     int
	held   string
	output string // goes out as soon as that is possible, whoever watches
	hides  bool   // what comes in is nothing to those who watch
	wants  []poll.Events
}

func (g *buffered) Wants(want poll.Events) (ask, now poll.Events) {
	g.wants = append(g.wants, want)
	if g.held != "" {
		now = want & poll.Read
	}
	ask = want &^ now
	if g.output != "" {
		ask |= poll.Write
	}
	return ask, now
}

func (g *buffered) Ready(ready poll.Events) poll.Events {
	if ready&poll.Read != 0 {
		if text := take(g.fd); !g.hides {
			g.held += text
		}
	}
	if ready&poll.Write != 0 && g.output != "" {
		unix.Write(g.fd, []byte(g.output))
		g.output = ""
	}
	if g.held != "" {
		return ready | poll.Read
	}
	return ready &^ poll.Read
}

// next takes one byte of what the gate holds.
func (g *buffered) next() string {
	c := g.held[:1]
	g.held = g.held[1:]
	return c
}

func setGate(t *testing.T, k *kernel.Kernel, fd int, g kernel.Gate) {
	t.Helper()
	if err := k.SetGate(fd, g); err != nil {
		t.Fatal(err)
	}
}

func TestWhatAGateHoldsIsReadyUntilItIsTaken(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, b := socketPair(t)
		g := &buffered{fd: a}
		setGate(t, k, a, g)
		put(t, b, "abc")
		got := ""
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, a, kernel.Read, "ready", nil) }),
			States: states{"ready": func(c *kernel.Context, _ ...any) any {
				if got += g.next(); got == "abc" {
					c.Unwatch(a, kernel.Read)
				}
				return nil
			}},
		})
		runReal(t, k)
		setGate(t, k, a, nil)
		if got != "abc" {
			t.Errorf("got %q, want %q", got, "abc")
		}
	})
}

func TestWhatAGateHeldBeforeAnybodyWatchedIsReady(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, _ := socketPair(t)
		g := &buffered{fd: a, held: "x"}
		setGate(t, k, a, g)
		told := 0
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, a, kernel.Read, "ready", nil) }),
			States: states{"ready": func(c *kernel.Context, _ ...any) any {
				told++
				c.Unwatch(a, kernel.Read)
				return nil
			}},
		})
		runReal(t, k)
		setGate(t, k, a, nil)
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
	})
}

func TestRegateTellsOfWhatCameUpElsewhere(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, _ := socketPair(t)
		g := &buffered{fd: a}
		setGate(t, k, a, g)
		told := 0
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				watch(t, c, a, kernel.Read, "ready", nil)
				c.Yield("arrive")
			}),
			States: states{
				"arrive": on(func(*kernel.Context) {
					g.held = "x"
					k.Regate(a)
				}),
				"ready": func(c *kernel.Context, _ ...any) any {
					told++
					c.Unwatch(a, kernel.Read)
					return nil
				},
			},
		})
		runReal(t, k)
		setGate(t, k, a, nil)
		k.Regate(a) // without one it does nothing
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
	})
}

// What is ready for the system and not for those who watch reaches nobody, and what a gate wants for itself it gets though
// nobody watches.
func TestAGateWorksForItself(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, b := socketPair(t)
		g := &buffered{fd: a, hides: true, output: "from the gate"}
		setGate(t, k, a, g)
		put(t, b, "nothing to see")
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				watch(t, c, a, kernel.Read, "never", nil)
				watch(t, c, b, kernel.Read, "output", nil)
			}),
			States: states{
				"never": on(func(*kernel.Context) { t.Error("told of what is hidden") }),
				"output": on(func(c *kernel.Context) {
					if got := take(b); got != "from the gate" {
						t.Errorf("got %q", got)
					}
					c.Unwatch(a, kernel.Read)
					c.Unwatch(b, kernel.Read)
				}),
			},
		})
		runReal(t, k)
		setGate(t, k, a, nil)
	})
}

// on makes a handler of what needs no arguments.
func on(f func(c *kernel.Context)) kernel.Handler {
	return func(c *kernel.Context, _ ...any) any { f(c); return nil }
}

// part is a resource's part in a descriptor.
type part struct {
	ready  func(m kernel.Mode)
	closed int
}

func (p *part) String() string      { return "a part" }
func (p *part) Ready(m kernel.Mode) { p.ready(m) }
func (p *part) Closed(kernel.Mode)  { p.closed++ }

func TestResourcesHearOfWhatAGateHolds(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, _ := socketPair(t)
		g := &buffered{fd: a, held: "abc"}
		setGate(t, k, a, g)
		got := ""
		p := &part{}
		p.ready = func(m kernel.Mode) {
			if got += g.next(); got == "abc" {
				k.Detach(a, m, p)
				k.Stop()
			}
		}
		spawn(t, k, kernel.Session{Alias: "keeper"})
		if err := errors.Join(k.Attach(a, kernel.Read, p), k.Want(a, kernel.Read, p, true)); err != nil {
			t.Fatal(err)
		}
		runReal(t, k)
		setGate(t, k, a, nil)
		if got != "abc" || p.closed != 0 {
			t.Errorf("got %q, closed %d times", got, p.closed)
		}
	})
}

func TestCloseWatchedTakesTheGateAway(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		a, b := socketPair(t)
		g := &buffered{fd: a, held: "x"}
		setGate(t, k, a, g)
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				watch(t, c, a, kernel.Read, "never", nil)
				k.CloseWatched(a) // the gate has said that something is ready
				asked := len(g.wants)
				watch(t, c, a, kernel.Read, "plain", nil)
				if len(g.wants) != asked {
					t.Error("the gate is still asked")
				}
				put(t, b, "data")
			}),
			States: states{
				"never": on(func(*kernel.Context) { t.Error("told after CloseWatched") }),
				"plain": on(func(c *kernel.Context) {
					if got := take(a); got != "data" {
						t.Errorf("got %q", got)
					}
					c.Unwatch(a, kernel.Read)
				}),
			},
		})
		runReal(t, k)
	})
}
