package wheels

import (
	"context"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// SocketFactoryConfig says what socket is to be made. With a remote address it is a client; without, a server, or for
// datagrams a socket that is bound.
type SocketFactoryConfig struct {
	Config
	Family                host.Family     // Unix, Inet or Inet6; AnyFamily: what the remote address is, else Inet
	Kind                  host.SocketKind // streams or datagrams
	BindAddress, BindPort string          // names or numbers, a UNIX path; "" any
	RemoteAddress         string
	RemotePort            string
	Bind                  host.BindOptions
	Backlog               int           // 0: the system's largest
	Nodelay               bool          // small writes leave at once
	ConnectTimeout        time.Duration // for all from the look-up to the handshake; 0: no end
	TLS                   *handle.TLS   // nil: plain
	Success               Event         // (handle, address, port, id)
	Failure               Event         // (operation, errno, message, id)
}

// SocketFactory makes sockets: for a server one for each client, for all others one. Having made it, or having failed to, such
// a wheel is destroyed as soon as its owner was told: it is alive within the handler and not after it.
//
// Differs: POE's goes on existing, and does nothing.
type SocketFactory struct {
	base
	c       SocketFactoryConfig
	Success Event
	Failure Event

	accept   acceptor  // of a server
	connect  connector // of a client
	paused   bool
	failed   error              // what New met, which is told later
	starting bool               // within New: nothing is told yet
	cancel   context.CancelFunc // of a look-up; nil: none
	timeout  *kernel.Timeout
	shakes   map[*handle.Handle]host.Address // handshakes in progress
	late     func()                          // what was known at once, and is told in the next pass
	made     *handle.Handle                  // what a wheel that makes one socket has made
	handed   bool                            // and has told of: it is the owner's
}

// NewSocketFactory makes a wheel. Whatever the world refuses is told by an event.
func NewSocketFactory(c SocketFactoryConfig) *SocketFactory {
	w := &SocketFactory{c: c, Success: c.Success, Failure: c.Failure}
	w.open(&c.Config, w)
	w.SetBusy(true)
	if c.ConnectTimeout > 0 && w.isClient() {
		w.timeout = c.Env.Kernel.After(c.ConnectTimeout, func() {
			w.fail(&host.OpError{Op: "connect", Err: syscall.ETIMEDOUT})
		})
	}
	w.starting = true
	w.resolve()
	w.starting = false
	return w
}

func (w *SocketFactory) isClient() bool { return w.c.RemoteAddress != "" }

// later has f called in the next pass.
func (w *SocketFactory) later(f func()) {
	w.late = f
	w.env.Kernel.Turn(w)
}

// Turn implements kernel.Turner.
func (w *SocketFactory) Turn() {
	if f := w.late; f != nil && !w.dead {
		w.late = nil
		f()
	}
}

// Kind implements Wheel.
func (w *SocketFactory) Kind() string { return "SocketFactory" }

func (w *SocketFactory) String() string { return w.name("SocketFactory") }

// resolve finds out what the names stand for; what is numbers already is no reason to wait.
func (w *SocketFactory) resolve() {
	if w.c.Family == host.Unix {
		w.make(nil)
		return
	}
	network := "tcp"
	if w.c.Kind == host.DatagramSocket {
		network = "udp"
	}
	places := []where{
		{w.c.BindAddress, w.c.BindPort, network, w.bindFamily()},
		{w.c.RemoteAddress, w.c.RemotePort, network, w.c.Family},
	}
	known := true
	for _, p := range places {
		_, isNumber := host.ParseAddress(p.host)
		_, err := strconv.ParseUint(p.service, 10, 16)
		known = known && (p.host == "" || isNumber) && (p.service == "" || err == nil)
	}
	if known {
		all, err := w.env.lookAll(context.Background(), places) // none of it waits
		w.found(all, err)
		return
	}
	w.cancel = w.env.look(places, w.found)
}

// bindFamily is what a name to bind to is looked up for: a server has IPv4 addresses unless it is said otherwise.
func (w *SocketFactory) bindFamily() host.Family {
	if w.c.Family == host.AnyFamily && !w.isClient() {
		if ip, ok := host.ParseAddress(w.c.BindAddress); !ok || ip.Is4() {
			return host.Inet
		}
	}
	return w.c.Family
}

func (w *SocketFactory) found(all []found, err error) {
	w.cancel = nil
	switch {
	case w.dead:
	case err != nil:
		w.fail(err)
	default:
		w.make(all)
	}
}

// make makes the socket, or begins to. all is nil for UNIX.
func (w *SocketFactory) make(all []found) {
	if !w.isClient() {
		at, err := w.local(all, w.c.Family)
		if err != nil {
			w.fail(err)
			return
		}
		w.serve(at)
		return
	}
	w.connect = connector{env: w.env, kind: w.c.Kind, done: w.connected, failed: w.fail}
	w.connect.prepare = func(h *host.Handle, to host.Address) error { return w.prepareClient(h, to, all) }
	if w.c.Family == host.Unix {
		w.connect.left = []host.Address{{Path: w.c.RemoteAddress}}
	} else {
		to := all[1]
		for _, ip := range interleave(to.ips) {
			w.connect.left = append(w.connect.left, host.Address{IP: netip.AddrPortFrom(ip, uint16(to.port)), Name: w.c.RemoteAddress})
		}
	}
	w.connect.step()
}

// local is the address to bind to, of a family: the first of those that the name has, without a name any. A name that has none
// is EAFNOSUPPORT.
func (w *SocketFactory) local(all []found, family host.Family) (host.Address, error) {
	if family == host.Unix {
		return host.Address{Path: w.c.BindAddress}, nil
	}
	here := all[0]
	for _, ip := range here.ips {
		if family == host.AnyFamily || host.FamilyOf(ip) == family {
			return host.Address{IP: netip.AddrPortFrom(ip, uint16(here.port)), Name: w.c.BindAddress}, nil
		}
	}
	if len(here.ips) > 0 {
		return host.Address{}, &host.OpError{Op: "bind", Name: w.c.BindAddress, Err: syscall.EAFNOSUPPORT}
	}
	return host.AnyAddress(family, uint16(here.port)), nil
}

// prepareClient readies a client's socket.
func (w *SocketFactory) prepareClient(h *host.Handle, to host.Address, all []found) error {
	if w.c.BindAddress != "" || w.c.BindPort != "" {
		family := host.Unix
		if to.IP.IsValid() {
			family = host.FamilyOf(to.IP.Addr())
		}
		from, err := w.local(all, family)
		if err == nil {
			err = h.Bind(from, w.c.Bind)
		}
		if err != nil {
			return err
		}
	}
	return w.prepare(h)
}

// prepare sets the options of a connection.
func (w *SocketFactory) prepare(h *host.Handle) error {
	if !w.c.Nodelay || h.Kind() != "tcp" {
		return nil
	}
	option, _ := host.FindSocketOption("nodelay")
	return h.SetOption(option, 1)
}

// serve makes a socket that is bound, and listens if it is one of streams.
func (w *SocketFactory) serve(at host.Address) {
	family := host.Unix
	if at.IP.IsValid() {
		family = host.FamilyOf(at.IP.Addr())
	}
	socket, err := w.env.socket(family, w.c.Kind)
	if err != nil {
		w.fail(err)
		return
	}
	h := handle.New(socket)
	if err = socket.Bind(at, w.c.Bind); err == nil && w.c.Kind == host.StreamSocket {
		err = socket.Listen(w.c.Backlog)
	}
	if err != nil {
		_ = w.env.Close(h) // the descriptor is free whatever the system says
		w.fail(err)
		return
	}
	if w.c.Kind == host.DatagramSocket {
		w.succeed(h, nil, nil)
		return
	}
	w.accept = acceptor{env: w.env, h: h, name: w.String, accepted: w.accepted, failed: w.acceptFailed, paused: w.paused}
	w.accept.prepare = func(h *handle.Handle) { _ = w.prepare(h.Handle) } // a client that is gone already will be noticed
	w.accept.deaf = !w.Success.Wanted()
	if err := w.accept.start(); err != nil {
		w.fail(&host.OpError{Op: "listen", Err: err})
		return
	}
	w.SetBusy(!w.accept.deaf)
}

// SetEvents changes what is told from now on. While a server has no event for them, connections stay in the system's queue.
func (w *SocketFactory) SetEvents(success, failure Event) {
	w.Success, w.Failure = success, failure
	if w.accept.h == nil {
		return
	}
	if err := w.accept.hear(success.Wanted()); err != nil {
		w.later(func() { w.fail(&host.OpError{Op: "accept", Err: err}) })
		return
	}
	w.SetBusy(!w.accept.deaf)
}

func (w *SocketFactory) acceptFailed(err error) bool {
	if w.accept.h != nil {
		return w.tellError(w.Failure, "accept", err)
	}
	w.later(func() { w.fail(err) }) // somebody else has closed the handle
	return false
}

// accepted hands a client over.
func (w *SocketFactory) accepted(h *handle.Handle, from host.Address) bool {
	if w.c.TLS != nil {
		w.shake(h, from)
		return !w.dead
	}
	address, port := addressArgs(from)
	return w.give(w.Success, h, address, port, w.tag)
}

// connected hands over what a client has connected.
func (w *SocketFactory) connected(h *handle.Handle, to host.Address) {
	if w.c.TLS != nil && w.c.Kind == host.StreamSocket {
		w.shake(h, to)
		return
	}
	if ip := to.IP.Addr(); ip.IsValid() && ip.IsUnspecified() { // the system has taken it for one of its own
		if peer, err := h.PeerAddress(); err == nil {
			to = peer
		}
	}
	address, port := addressArgs(to)
	w.succeed(h, address, port)
}

// succeed tells of the one socket that the wheel was for, and ends the wheel.
func (w *SocketFactory) succeed(h *handle.Handle, address, port any) {
	w.made = h
	if w.starting {
		w.later(func() { w.succeed(h, address, port) })
		return
	}
	w.timeout.Stop()
	w.handed = true
	w.give(w.Success, h, address, port, w.tag)
	w.Destroy()
}

// fail tells what the wheel failed with, and ends it.
func (w *SocketFactory) fail(err error) {
	if w.dead {
		return
	}
	w.stop()
	if w.starting {
		w.failed = err
		w.later(func() { w.fail(err) })
		return
	}
	op := operation(err)
	if op == "" {
		op = "connect"
	}
	w.tellError(w.Failure, op, err)
	w.Destroy()
}

// shake begins a handshake. Many may be in progress.
func (w *SocketFactory) shake(h *handle.Handle, peer host.Address) {
	secured, err := h.StartTLS(w.env.Kernel, *w.c.TLS)
	if err != nil {
		_ = w.env.Close(h) // the descriptor is free whatever the system says
		w.shaken(nil, peer, err)
		return
	}
	if w.shakes == nil {
		w.shakes = map[*handle.Handle]host.Address{}
	}
	w.shakes[secured] = peer
	secured.OnHandshake(func(err error) {
		if _, waited := w.shakes[secured]; waited {
			delete(w.shakes, secured)
			w.shaken(secured, peer, err)
		}
	})
}

// shaken is called at the end of a handshake.
func (w *SocketFactory) shaken(h *handle.Handle, peer host.Address, err error) {
	if err != nil && h != nil {
		_ = w.env.Close(h) // the descriptor is free whatever the system says
	}
	address, port := addressArgs(peer)
	switch {
	case err != nil && w.isClient():
		w.fail(err)
	case err != nil:
		w.tellError(w.Failure, "tls", err)
	case w.isClient():
		w.succeed(h, address, port)
	default:
		w.give(w.Success, h, address, port, w.tag)
	}
}

// Sockname is the address that a server listens at, or that a client connects from: ENOTCONN while there is none.
func (w *SocketFactory) Sockname() (host.Address, error) {
	switch {
	case w.dead:
		return host.Address{}, ErrDestroyed
	case w.failed != nil:
		return host.Address{}, w.failed
	case w.accept.h != nil:
		return w.accept.h.LocalAddress()
	case w.made != nil:
		return w.made.LocalAddress()
	case len(w.connect.attempts) > 0:
		return w.connect.attempts[0].h.LocalAddress()
	}
	return host.Address{}, &host.OpError{Op: "getsockname", Err: syscall.ENOTCONN}
}

// PauseAccept leaves connections in the system's queue: clients see themselves connected.
func (w *SocketFactory) PauseAccept() error { return w.setPaused(true) }

// ResumeAccept is the reverse of PauseAccept.
func (w *SocketFactory) ResumeAccept() error { return w.setPaused(false) }

func (w *SocketFactory) setPaused(on bool) error {
	w.paused = on
	return w.accept.pause(on)
}

// stop gives up what is in progress, and closes the listening socket.
func (w *SocketFactory) stop() {
	w.timeout.Stop()
	if w.cancel != nil {
		w.cancel()
		w.cancel = nil
	}
	w.connect.stop()
	listening := w.accept.h
	w.accept.stop()
	if listening != nil && listening.FD() >= 0 {
		_ = w.env.Close(listening) // the descriptor is free whatever the system says
	}
	if w.made != nil && !w.handed {
		_ = w.env.Close(w.made) // the descriptor is free whatever the system says
	}
	w.made = nil
	for h := range w.shakes {
		delete(w.shakes, h)
		_ = w.env.Close(h) // the descriptor is free whatever the system says
	}
}

// Release ends the wheel and leaves its socket open, for somebody else: the one that listens, or one that was made and is not
// told of yet. ENOTCONN when there is none; then the wheel goes on.
func (w *SocketFactory) Release() (*handle.Handle, error) {
	h := w.accept.h
	if h == nil && !w.handed {
		h = w.made
	}
	if h == nil {
		return nil, &host.OpError{Op: "detach", Err: syscall.ENOTCONN}
	}
	w.accept.stop()
	w.made = nil
	w.Destroy()
	return h, nil
}

// Destroy implements Wheel. Connections that were handed over live on.
func (w *SocketFactory) Destroy() {
	if w.end() {
		w.stop()
	}
}

// OwnerStopped implements kernel.Resource.
func (w *SocketFactory) OwnerStopped() { w.Destroy() }
