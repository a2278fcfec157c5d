package wheels_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// factory makes a SocketFactory for the active session. Its events are "success" and "failure".
func (b *bench) factory(c wheels.SocketFactoryConfig) *wheels.SocketFactory {
	c.Config = wheels.Config{Env: b.env, Owner: b.k.Active()}
	c.Success, c.Failure = wheels.Event{Name: "success"}, wheels.Event{Name: "failure"}
	return wheels.NewSocketFactory(c)
}

// listener is a socket that listens at a port of this machine.
func (b *bench) listener(backlog int) (*handle.Handle, host.Address) {
	b.t.Helper()
	h, err := b.env.Host.Socket(host.Inet, host.StreamSocket)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := h.Bind(host.Address{IP: netip.MustParseAddrPort("127.0.0.1:0")}, host.BindOptions{}); err != nil {
		b.t.Fatal(err)
	}
	if err := h.Listen(backlog); err != nil {
		b.t.Fatal(err)
	}
	at, err := h.LocalAddress()
	if err != nil {
		b.t.Fatal(err)
	}
	return handle.New(h), at
}

// failed logs operation and number: the texts are the system's.
func (b *bench) failed() kernel.Handler {
	return func(c *kernel.Context, args ...any) any {
		b.log.Add("%s %v %v", c.Event, args[0], syscall.Errno(args[1].(int)))
		return nil
	}
}

// said is how failed logs a failure.
func said(op string, number syscall.Errno) string { return "failure " + op + " " + number.Error() }

var lookups = []struct {
	name, op string
	c        wheels.SocketFactoryConfig
}{
	{"a host", "getaddrinfo", wheels.SocketFactoryConfig{RemoteAddress: "somewhere.invalid", RemotePort: "80"}},
	{"a service", "getservbyname", wheels.SocketFactoryConfig{RemoteAddress: "127.0.0.1", RemotePort: "no-such-service"}},
	{"a host to bind to", "getaddrinfo", wheels.SocketFactoryConfig{BindAddress: "somewhere.invalid"}},
}

func TestNamesAreLookedUpBesideTheLoop(t *testing.T) {
	for _, c := range lookups {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			answer := make(chan struct{})
			b.env.Host.Fail = func(op, name string) error {
				if op != c.op {
					return nil
				}
				<-answer
				return &host.OpError{Op: op, Name: name, Err: syscall.EADDRNOTAVAIL}
			}
			ticks := 0
			b.spawn(func(ctx *kernel.Context) {
				b.factory(c.c)
				ctx.Delay("tick", 10*time.Millisecond)
			}, map[string]kernel.Handler{"failure": b.failed(), "tick": func(c *kernel.Context, args ...any) any {
				if ticks++; ticks < 5 {
					c.Delay("tick", 10*time.Millisecond)
					return nil
				}
				b.log.Add("five ticks")
				close(answer)
				return nil
			}})
			b.run()
			b.log.Want(t, "five ticks", said(c.op, syscall.EADDRNOTAVAIL))
		})
	}
}

func TestLookUpGoesOnAloneWhenItsWheelIsGone(t *testing.T) {
	ends := []struct {
		name string
		end  func(c *kernel.Context, w *wheels.SocketFactory)
		want []string
	}{
		{"destroyed", func(c *kernel.Context, w *wheels.SocketFactory) { w.Destroy() }, nil},
		{"its session stops", func(c *kernel.Context, w *wheels.SocketFactory) {
			if err := c.Signal(c.Task, "KILL"); err != nil {
				t.Error(err)
			}
		}, nil},
		{"it has had its time", func(*kernel.Context, *wheels.SocketFactory) {}, []string{said("connect", syscall.ETIMEDOUT)}},
	}
	for _, c := range ends {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			answer := make(chan struct{})
			b.env.Host.Fail = func(op, name string) error {
				if op != "getaddrinfo" {
					return nil
				}
				<-answer
				return &host.OpError{Op: op, Name: name, Err: syscall.EADDRNOTAVAIL}
			}
			var w *wheels.SocketFactory
			b.spawn(func(ctx *kernel.Context) {
				w = b.factory(wheels.SocketFactoryConfig{
					RemoteAddress: "somewhere.invalid", RemotePort: "80", ConnectTimeout: 20 * time.Millisecond,
				})
				ctx.Yield("end")
			}, map[string]kernel.Handler{"failure": b.failed(), "end": func(ctx *kernel.Context, args ...any) any {
				c.end(ctx, w)
				return nil
			}})
			b.run()
			b.log.Want(t, c.want...)
			if w.Alive() {
				t.Error("the wheel is alive")
			}
			close(answer)
		})
	}
}

func TestEachFailureNamesItsOperation(t *testing.T) {
	const away = "192.0.2.1" // nobody's
	cases := []struct {
		name  string
		c     wheels.SocketFactoryConfig
		fail  string // the operation that is made to fail with EMFILE; "" none
		allow *host.Permissions
		want  string
	}{
		{"no descriptor for a client", wheels.SocketFactoryConfig{RemoteAddress: "127.0.0.1", RemotePort: "1"}, "socket", nil, said("socket", syscall.EMFILE)},
		{"no descriptor for a server", wheels.SocketFactoryConfig{}, "socket", nil, said("socket", syscall.EMFILE)},
		{"bind", wheels.SocketFactoryConfig{BindAddress: away}, "", nil, said("bind", syscall.EADDRNOTAVAIL)},
		{"bind of a client", wheels.SocketFactoryConfig{BindAddress: away, RemoteAddress: "127.0.0.1", RemotePort: "1"}, "", nil, said("bind", syscall.EADDRNOTAVAIL)},
		{"listen", wheels.SocketFactoryConfig{BindAddress: "127.0.0.1"}, "listen", nil, said("listen", syscall.EMFILE)},
		{"setsockopt", wheels.SocketFactoryConfig{RemoteAddress: "127.0.0.1", RemotePort: "1", Nodelay: true}, "setsockopt", nil, said("setsockopt", syscall.EMFILE)},
		{"connect", wheels.SocketFactoryConfig{RemoteAddress: "127.0.0.1", RemotePort: "1"}, "connect", nil, said("connect", syscall.EMFILE)},
		{"a host that may not be looked up", wheels.SocketFactoryConfig{RemoteAddress: "somewhere.invalid", RemotePort: "1"}, "", &host.Permissions{}, said("getaddrinfo", syscall.EACCES)},
		{"an address that may not be bound", wheels.SocketFactoryConfig{BindAddress: "127.0.0.1"}, "", &host.Permissions{}, said("bind", syscall.EACCES)},
		{"an address that may not be connected to", wheels.SocketFactoryConfig{RemoteAddress: "127.0.0.1", RemotePort: "1"}, "", &host.Permissions{}, said("connect", syscall.EACCES)},
		{"a path that may not be bound", wheels.SocketFactoryConfig{Family: host.Unix, BindAddress: "/nowhere/x"}, "", &host.Permissions{}, said("bind", syscall.EACCES)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.env.Host.Allow = c.allow
			b.env.Host.Fail = func(op, name string) error {
				if op != c.fail {
					return nil
				}
				return &host.OpError{Op: op, Name: name, Err: syscall.EMFILE}
			}
			b.spawn(func(*kernel.Context) { b.factory(c.c) }, map[string]kernel.Handler{"failure": b.failed()})
			b.run()
			b.log.Want(t, c.want)
		})
	}
}

func TestWhatTakesADescriptorIsTriedAgainWhenSomeWereGotBack(t *testing.T) {
	b := newBench(t)
	listening, at := b.listener(0)
	starved := map[string]bool{"socket": true, "accept": true}
	b.env.Host.Fail = func(op, name string) error {
		if starved[op] {
			return syscall.EMFILE
		}
		return nil
	}
	b.env.Opening = func(open func() error) error {
		err := open()
		if err == syscall.EMFILE {
			b.log.Add("more descriptors")
			clear(starved)
			return open()
		}
		return err
	}
	var w *wheels.ListenAccept
	b.spawn(func(c *kernel.Context) {
		w = b.listenAccept(listening)
		b.factory(wheels.SocketFactoryConfig{RemoteAddress: "127.0.0.1", RemotePort: strconv.Itoa(at.Port())})
		starved["accept"] = true
	}, map[string]kernel.Handler{
		"success": func(c *kernel.Context, args ...any) any {
			b.close(args[0].(*handle.Handle))
			return nil
		},
		"accepted": func(c *kernel.Context, args ...any) any {
			b.log.Add("accepted")
			b.close(args[0].(*handle.Handle))
			w.Destroy()
			return nil
		},
	})
	b.run()
	b.log.Want(t, "more descriptors", "more descriptors", "accepted")
}

// Where the system's queue is full it lets clients wait without an answer. It takes some more than it was told.
func (b *bench) fullListener() (at host.Address, clean func()) {
	h, at := b.listener(1)
	clients := []*handle.Handle{h}
	for range 8 {
		c, err := b.env.Host.Socket(host.Inet, host.StreamSocket)
		if err != nil {
			b.t.Fatal(err)
		}
		clients = append(clients, handle.New(c))
		if err := c.Connect(at); err != nil && err != syscall.EINPROGRESS {
			b.t.Fatal(err)
		}
	}
	return at, func() {
		for _, h := range clients {
			b.close(h)
		}
	}
}

func TestSeveralAddressesAreTried(t *testing.T) {
	type outcome struct {
		to   host.Address
		err  error
		took time.Duration
	}
	try := func(b *bench, to ...host.Address) (got outcome) {
		began := time.Now()
		b.spawn(func(c *kernel.Context) {
			c.Delay("give up", 15*time.Second)
			over := func(o outcome) {
				got = o
				got.took = time.Since(began)
				c.Kernel.Stop()
			}
			wheels.Connect(b.env, to, func(h *handle.Handle, to host.Address) {
				b.close(h)
				over(outcome{to: to})
			}, func(err error) { over(outcome{err: err}) })
		}, nil)
		b.run()
		return got
	}
	nobody := func(b *bench) host.Address {
		h, at := b.listener(1)
		b.close(h)
		return at
	}
	path := host.Address{Path: t.TempDir() + "/missing"}

	t.Run("the next one after a failure, at once", func(t *testing.T) {
		b := newBench(t)
		h, at := b.listener(5)
		defer b.close(h)
		if got := try(b, nobody(b), path, nobody(b), at); got.to != at || got.err != nil {
			t.Errorf("got %+v, want %v", got, at)
		}
	})
	t.Run("the failure told is the last one", func(t *testing.T) {
		b := newBench(t)
		if got := try(b, nobody(b), path); host.Errno(got.err) != syscall.ENOENT {
			t.Errorf("got %v, want %v", got.err, syscall.ENOENT)
		}
		if got := try(newBench(t), path, nobody(b)); host.Errno(got.err) != syscall.ECONNREFUSED {
			t.Errorf("got %v, want %v", got.err, syscall.ECONNREFUSED)
		}
	})
	t.Run("the next one when there was no answer for a while", func(t *testing.T) {
		b := newBench(t)
		silent, clean := b.fullListener()
		defer clean()
		h, at := b.listener(5)
		defer b.close(h)
		if got := try(b, silent, at); got.to != at || got.took < 250*time.Millisecond {
			t.Errorf("got %+v, want %v, not before 250 ms", got, at)
		}
	})
	t.Run("one that has not answered yet is still waited for", func(t *testing.T) {
		b := newBench(t)
		silent, clean := b.fullListener()
		var stop func()
		b.spawn(func(c *kernel.Context) {
			c.Delay("stop", 300*time.Millisecond)
			stop = wheels.Connect(b.env, []host.Address{silent, path, nobody(b)}, func(*handle.Handle, host.Address) {
				t.Error("connected")
			}, func(err error) { t.Error(err) })
		}, map[string]kernel.Handler{"stop": func(*kernel.Context, ...any) any {
			stop()
			clean()
			return nil
		}})
		b.run()
	})
}

func TestInterleave(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"one family keeps its order", "10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2"},
		{"families take turns, that of the first begins", "::1 ::2 ::3 10.0.0.1", "::1 10.0.0.1 ::2 ::3"},
		{"the other way round", "10.0.0.1 10.0.0.2 ::1", "10.0.0.1 ::1 10.0.0.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parse := func(text string) (all []netip.Addr) {
				for _, s := range strings.Fields(text) {
					all = append(all, netip.MustParseAddr(s))
				}
				return all
			}
			if got, want := wheels.Interleave(parse(c.in)), parse(c.want); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func BenchmarkConnectAndAccept(b *testing.B) {
	e := newBench(b)
	e.spawn(func(c *kernel.Context) {
		e.factory(wheels.SocketFactoryConfig{BindAddress: "127.0.0.1"})
		c.Yield("next")
	}, map[string]kernel.Handler{
		"next": func(c *kernel.Context, args ...any) any {
			server := c.Task.Resources()[0].(*wheels.SocketFactory)
			at, err := server.Sockname()
			if err != nil {
				b.Fatal(err)
			}
			w := e.factory(wheels.SocketFactoryConfig{RemoteAddress: at.Host(), RemotePort: strconv.Itoa(at.Port())})
			w.Success.Name = "connected"
			return nil
		},
		"connected": func(c *kernel.Context, args ...any) any {
			e.close(args[0].(*handle.Handle))
			return nil
		},
		"success": func(c *kernel.Context, args ...any) any {
			e.close(args[0].(*handle.Handle))
			if b.Loop() {
				c.Yield("next")
				return nil
			}
			for _, r := range c.Task.Resources() {
				r.(*wheels.SocketFactory).Destroy()
			}
			return nil
		},
	})
	e.run()
}
