package wheels_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// udp is a socket for datagrams at a port of this machine.
func (b *bench) udp() (*handle.Handle, host.Address) {
	b.t.Helper()
	h, err := b.env.Host.Socket(host.Inet, host.DatagramSocket)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := h.Bind(host.Address{IP: netip.MustParseAddrPort("127.0.0.1:0")}, host.BindOptions{}); err != nil {
		b.t.Fatal(err)
	}
	at, err := h.LocalAddress()
	if err != nil {
		b.t.Fatal(err)
	}
	return handle.New(h), at
}

// datagram makes a Datagram for the active session. Its events are "input" and "failure".
func (b *bench) datagram(h *handle.Handle, f filters.Filter) *wheels.Datagram {
	b.t.Helper()
	w, err := wheels.NewDatagram(wheels.DatagramConfig{
		Config: wheels.Config{Env: b.env, Owner: b.k.Active()}, Handle: h, Filter: f,
		Events: wheels.DatagramEvents{Input: wheels.Event{Name: "input"}, Error: wheels.Event{Name: "failure"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return w
}

func (b *bench) sendTo(h *handle.Handle, to host.Address, items ...string) {
	b.t.Helper()
	for _, item := range items {
		if _, err := h.SendTo([]byte(item), to); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Put's failures come back from it, but those that are not of this datagram.
func TestFailuresOfSending(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails []error // one for each try
		err   error
		want  []string
	}{
		{"no room now: it goes out later", []error{syscall.EAGAIN}, nil, []string{"input x"}},
		{"no buffers now: the same", []error{syscall.ENOBUFS, syscall.ENOBUFS}, nil, []string{"input x"}},
		{"one before it was refused: told, and it goes out", []error{syscall.ECONNREFUSED}, nil, []string{said("send", syscall.ECONNREFUSED), "input x"}},
		{"one before it was refused, and there is no room", []error{syscall.EHOSTUNREACH, syscall.EAGAIN}, nil, []string{said("send", syscall.EHOSTUNREACH), "input x"}},
		{"it is refused itself", []error{syscall.ECONNREFUSED, syscall.ECONNREFUSED}, syscall.ECONNREFUSED, []string{"input y"}},
		{"it is too large", []error{syscall.EMSGSIZE}, syscall.EMSGSIZE, []string{"input y"}},
		{"it waited in vain: told", []error{syscall.EAGAIN, syscall.EMSGSIZE}, nil, []string{said("send", syscall.EMSGSIZE), "input y"}},
		{"no address", []error{syscall.ENOTCONN}, syscall.EDESTADDRREQ, []string{"input y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			h, at := b.udp()
			if err := h.Connect(at); err != nil { // to itself
				t.Fatal(err)
			}
			b.env.Host.Fail = func(op, name string) error {
				if op != "write" || len(c.fails) == 0 {
					return nil
				}
				err := c.fails[0]
				c.fails = c.fails[1:]
				return err
			}
			var w *wheels.Datagram
			b.spawn(func(*kernel.Context) {
				w = b.datagram(h, nil)
				if err := w.Put("x", host.Address{}); err != c.err {
					t.Errorf("got %v, want %v", err, c.err)
				}
				if strings.HasSuffix(c.want[len(c.want)-1], "y") {
					if err := w.Put("y", host.Address{}); err != nil {
						t.Error(err)
					}
				}
			}, map[string]kernel.Handler{"failure": b.failed(), "input": func(_ *kernel.Context, args ...any) any {
				b.log.Add("input %v", args[0])
				w.Destroy()
				return nil
			}})
			b.run()
			b.log.Want(t, c.want...)
		})
	}
}

func TestReceivingThatFailsAgainAndAgainDoesNotSpin(t *testing.T) {
	b := newBench(t)
	h, at := b.udp()
	b.sendTo(h, at, "x")
	failing := true
	b.env.Host.Fail = func(op, name string) error {
		if op != "recv" || !failing {
			return nil
		}
		return syscall.ENOMEM
	}
	var w *wheels.Datagram
	b.spawn(func(c *kernel.Context) {
		w = b.datagram(h, nil)
		c.Delay("over", 50*time.Millisecond)
	}, map[string]kernel.Handler{
		"over": func(*kernel.Context, ...any) any {
			failing = false
			return nil
		},
		"failure": func(_ *kernel.Context, args ...any) any {
			if len(b.log) == 0 {
				b.log.Add("%v %v", args[0], syscall.Errno(args[1].(int)) == syscall.ENOMEM)
			}
			return nil
		},
		"input": func(_ *kernel.Context, args ...any) any {
			b.log.Add("input %v", args[0])
			w.Destroy()
			return nil
		},
	})
	b.run()
	b.log.Want(t, "recv true", "input x")
	if n := b.k.Stats().Iterations; n > 50 {
		t.Errorf("the loop has turned %d times", n)
	}
}

func TestItemsNeverGoAcrossDatagrams(t *testing.T) {
	for _, c := range []struct {
		name   string
		filter filters.Filter
		sent   []string
		want   []string
	}{
		{"without a filter a datagram is an item", nil, []string{"a", "", "b\n"}, []string{"a", "", "b\n"}},
		{"so it is with a Stream", &filters.Stream{}, []string{"a", "", "b\n"}, []string{"a", "", "b\n"}},
		{"lines", &filters.Line{}, []string{"a\nb\nhalf", "er\n", "\n"}, []string{"a", "b", "er", ""}},
		{"line ends are found anew", &filters.Line{}, []string{"a\r\nb\r\n", "c\nd\n"}, []string{"a", "b", "c", "d"}},
		{"netstrings", &filters.Netstring{}, []string{"1:a,2:", "bc,1:d,", "1:e,"}, []string{"a", "e"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			h, at := b.udp()
			b.sendTo(h, at, c.sent...)
			var got []string
			var w *wheels.Datagram
			b.spawn(func(*kernel.Context) { w = b.datagram(h, c.filter) }, map[string]kernel.Handler{
				"failure": func(*kernel.Context, ...any) any { return nil },
				"input": func(_ *kernel.Context, args ...any) any {
					if got = append(got, args[0].(string)); len(got) == len(c.want) {
						w.Destroy()
					}
					return nil
				},
			})
			b.run()
			b.log = got
			b.log.Want(t, c.want...)
		})
	}
}

func BenchmarkDatagramEcho(b *testing.B) {
	e := newBench(b)
	h, at := e.udp()
	var w *wheels.Datagram
	e.spawn(func(*kernel.Context) {
		w = e.datagram(h, nil)
		if err := w.Put("x", at); err != nil {
			b.Fatal(err)
		}
	}, map[string]kernel.Handler{"input": func(_ *kernel.Context, args ...any) any {
		if !b.Loop() {
			w.Destroy()
			return nil
		}
		if err := w.Put(args[0], at); err != nil {
			b.Fatal(err)
		}
		return nil
	}})
	e.run()
}
