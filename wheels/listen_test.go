package wheels_test

import (
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// listenAccept makes a ListenAccept for the active session. Its events are "accepted" and "failure".
func (b *bench) listenAccept(h *handle.Handle) *wheels.ListenAccept {
	b.t.Helper()
	w, err := wheels.NewListenAccept(wheels.ListenAcceptConfig{
		Config: wheels.Config{Env: b.env, Owner: b.k.Active()}, Handle: h,
		Accept: wheels.Event{Name: "accepted"}, Error: wheels.Event{Name: "failure"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return w
}

// dial has the system connect to an address that listens.
func (b *bench) dial(at host.Address) *handle.Handle {
	b.t.Helper()
	h, err := b.env.Host.Socket(host.Inet, host.StreamSocket)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := h.Connect(at); err != nil && err != syscall.EINPROGRESS {
		b.t.Fatal(err)
	}
	return handle.New(h)
}

func TestFailuresOfAccept(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails []error // one for each try
		want  []string
		most  uint64 // turns of the loop
	}{
		{"clients that have gone away are not told", []error{syscall.ECONNABORTED, syscall.EPROTO, syscall.EAGAIN}, []string{"accepted"}, 50},
		{"a lack of descriptors is told, and does not make the loop spin", []error{syscall.EMFILE, syscall.ENFILE},
			[]string{said("accept", syscall.EMFILE), said("accept", syscall.ENFILE), "accepted"}, 50},
		{"what cannot be is told once", []error{syscall.EINVAL, syscall.EMFILE}, []string{said("accept", syscall.EINVAL)}, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			h, at := b.listener(0)
			b.env.Host.Fail = func(op, name string) error {
				if op != "accept" || len(c.fails) == 0 {
					return nil
				}
				err := c.fails[0]
				c.fails = c.fails[1:]
				return err
			}
			client := b.dial(at)
			var w *wheels.ListenAccept
			b.spawn(func(*kernel.Context) { w = b.listenAccept(h) }, map[string]kernel.Handler{
				"failure": b.failed(),
				"accepted": func(c *kernel.Context, args ...any) any {
					b.log.Add("accepted")
					b.close(args[0].(*handle.Handle))
					w.Destroy()
					return nil
				},
			})
			b.run()
			b.log.Want(t, c.want...)
			if n := b.k.Stats().Iterations; n > c.most {
				t.Errorf("the loop has turned %d times", n)
			}
			b.close(client)
		})
	}
}

func TestAcceptingGoesOnAfterItsRest(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(w *wheels.ListenAccept) error
		want []string
	}{
		{"paused meanwhile it stays so, until it is resumed", func(w *wheels.ListenAccept) error { return w.PauseAccept() },
			[]string{said("accept", syscall.EMFILE), "resumed", "accepted"}},
		{"paused and resumed meanwhile it rests all the same", func(w *wheels.ListenAccept) error {
			if err := w.PauseAccept(); err != nil {
				return err
			}
			return w.ResumeAccept()
		}, []string{said("accept", syscall.EMFILE), "accepted", "resumed"}},
		{"destroyed meanwhile it is over", func(w *wheels.ListenAccept) error { w.Destroy(); return nil },
			[]string{said("accept", syscall.EMFILE), "resumed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			h, at := b.listener(0)
			starved := true
			b.env.Host.Fail = func(op, name string) error {
				if op == "accept" && starved {
					starved = false
					return syscall.EMFILE
				}
				return nil
			}
			client := b.dial(at)
			var w *wheels.ListenAccept
			logged := b.failed()
			b.spawn(func(*kernel.Context) { w = b.listenAccept(h) }, map[string]kernel.Handler{
				"failure": func(ctx *kernel.Context, args ...any) any {
					logged(ctx, args...)
					if err := c.then(w); err != nil {
						t.Error(err)
					}
					ctx.Delay("resume", 2*wheels.AcceptRest)
					return nil
				},
				"resume": func(*kernel.Context, ...any) any {
					b.log.Add("resumed")
					if err := w.ResumeAccept(); err != nil {
						t.Error(err)
					}
					return nil
				},
				"accepted": func(ctx *kernel.Context, args ...any) any {
					b.log.Add("accepted")
					b.close(args[0].(*handle.Handle))
					w.Destroy()
					return nil
				},
			})
			b.run()
			b.log.Want(t, c.want...)
			b.close(client)
		})
	}
}
