package bindings

import (
	"errors"
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// socketFactory is a script's SocketFactory wheel.
type socketFactory struct {
	*wheels.SocketFactory
	success, failure wheels.Event
}

func (w *socketFactory) event(name string) *wheels.Event {
	switch name {
	case "success_event":
		return &w.success
	case "failure_event":
		return &w.failure
	}
	return nil
}

func (w *socketFactory) changed() { w.SetEvents(w.success, w.failure) }

func (w *socketFactory) held(yield func(lua.LValue)) {
	yieldEvent(w.success, yield)
	yieldEvent(w.failure, yield)
}

func buildSocketFactory(b *Lib, p *luax.Params, c wheels.Config) (wheelObject, error) {
	o := wheels.SocketFactoryConfig{Config: c, Success: wantedEvent(p, "success_event"), Failure: wantedEvent(p, "failure_event")}
	factoryKind(p, &o)
	o.BindAddress, _ = p.String("bind_address")
	o.RemoteAddress, _ = p.String("remote_address")
	o.BindPort, o.RemotePort = portParam(p, "bind_port"), portParam(p, "remote_port")
	factoryEnds(p, &o)
	o.Bind = host.BindOptions{
		Reuse: reuseParam(p), ReusePort: p.Bool("reuse_port", false), Only6: p.Bool("only_v6", false), KeepPath: p.Bool("keep_path", false),
	}
	server := o.RemoteAddress == "" && o.RemotePort == ""
	if p.Has("listen_queue") && (!server || o.Kind == host.DatagramSocket) {
		p.Raise("listen_queue is for servers of streams")
	}
	o.Backlog = paramBacklog(p)
	o.Nodelay = p.Bool("nodelay", true)
	timeout := p.Number("connect_timeout", 0)
	if p.Has("connect_timeout") && timeout <= 0 {
		p.Raise("connect_timeout: number of seconds above 0 expected, got %v", timeout)
	}
	if o.ConnectTimeout = luax.Duration(timeout); timeout > 0 {
		o.ConnectTimeout = max(o.ConnectTimeout, 1)
	}
	if t := p.Table("tls"); t != nil {
		if o.Kind == host.DatagramSocket {
			p.Raise("tls is for streams")
		}
		d := tlsDefaults{side: "server"}
		if !server {
			d = tlsDefaults{side: "client", serverName: o.RemoteAddress}
		}
		secure, err := b.newTLS(p.L, t, p.Who+": tls", d)
		if err != nil {
			return nil, err
		}
		o.TLS = &secure
	}
	p.Done()
	return &socketFactory{wheels.NewSocketFactory(o), o.Success, o.Failure}, nil
}

// factoryKind reads what kind of socket is wanted.
func factoryKind(p *luax.Params, o *wheels.SocketFactoryConfig) {
	switch domain, ok := p.String("socket_domain"); {
	case !ok: // what the addresses are
	case domain == "inet":
		o.Family = host.Inet
	case domain == "inet6":
		o.Family = host.Inet6
	case domain == "unix":
		o.Family = host.Unix
	default:
		p.Raise("socket_domain: 'inet', 'inet6' or 'unix' expected, got '%s'", domain)
	}
	protocol, hasProtocol := p.String("socket_protocol")
	switch {
	case !hasProtocol, protocol == "tcp":
	case protocol == "udp":
		o.Kind = host.DatagramSocket
	default:
		p.Raise("socket_protocol: 'tcp' or 'udp' expected, got '%s'", protocol)
	}
	if hasProtocol && o.Family == host.Unix {
		p.Raise("socket_protocol is not for UNIX sockets")
	}
	kind, hasKind := p.String("socket_type")
	switch {
	case !hasKind:
		return
	case kind != "stream" && kind != "datagram":
		p.Raise("socket_type: 'stream' or 'datagram' expected, got '%s'", kind)
	case hasProtocol && (kind == "datagram") != (protocol == "udp"):
		p.Raise("socket_type '%s' does not go with socket_protocol '%s'", kind, protocol)
	case kind == "datagram":
		o.Kind = host.DatagramSocket
	}
}

// factoryEnds checks that the addresses and ports make sense together.
func factoryEnds(p *luax.Params, o *wheels.SocketFactoryConfig) {
	if o.Family == host.Unix {
		for _, key := range []string{"bind_port", "remote_port"} {
			if p.Has(key) {
				p.Raise("%s is not for UNIX sockets", key)
			}
		}
		if o.BindAddress == "" && o.RemoteAddress == "" {
			p.Raise("bind_address or remote_address is required for UNIX sockets")
		}
		return
	}
	switch {
	case o.RemoteAddress != "" && o.RemotePort == "":
		p.Raise("remote_port is required with remote_address")
	case o.RemoteAddress == "" && o.RemotePort != "":
		p.Raise("remote_address is required with remote_port")
	}
}

// portParam is a parameter that is a port or the name of a service, as text; "" if it is absent.
func portParam(p *luax.Params, key string) string {
	if s, ok := p.Get(key).(lua.LString); ok {
		if s == "" {
			p.Raise("%s: port or name of a service expected, got an empty string", key)
		}
		return string(s)
	}
	if !p.Has(key) {
		return ""
	}
	return strconv.Itoa(p.Int(key, 0, math.MaxUint16, 0))
}

// reuseParam is the parameter reuse: true, "yes", "on" or 1, as in POE.
func reuseParam(p *luax.Params) bool {
	switch v := p.Get("reuse").(type) {
	case lua.LBool:
		return bool(v)
	case *lua.LNilType:
		return false
	case lua.LNumber:
		if v == 0 || v == 1 {
			return v == 1
		}
	case lua.LString:
		switch v {
		case "yes", "on", "1":
			return true
		case "no", "off", "0":
			return false
		}
	}
	p.Raise("reuse: boolean, 'yes', 'no', 'on' or 'off' expected, got %s", luax.Text(p.Get("reuse")))
	return false
}

func socketFactoryMethods(b *Lib) map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"getsockname": liveWheel("getsockname", func(l *lua.LState, w *socketFactory, a luax.Args) int {
			return pushSockname(l, w.Sockname)
		}),
		"pause_accept":  liveWheel("pause_accept", func(l *lua.LState, w *socketFactory, a luax.Args) int { return b.outcome(a, w.PauseAccept()) }),
		"resume_accept": liveWheel("resume_accept", func(l *lua.LState, w *socketFactory, a luax.Args) int { return b.outcome(a, w.ResumeAccept()) }),
		"detach": liveWheel("detach", func(l *lua.LState, w *socketFactory, a luax.Args) int {
			h, err := w.Release()
			if err != nil {
				return luax.Failure(l, err)
			}
			l.Push(b.newHandle(h))
			return 1
		}),
	}
}

func pushSockname(l *lua.LState, sockname func() (host.Address, error)) int {
	a, err := sockname()
	if err != nil {
		return luax.Failure(l, err)
	}
	pushAddress(l, a)
	return 2
}

// listenAccept is a script's ListenAccept wheel.
type listenAccept struct {
	*wheels.ListenAccept
	handle *lua.LUserData
	events wheels.ListenAcceptEvents
}

func (w *listenAccept) event(name string) *wheels.Event {
	switch name {
	case "accept_event":
		return &w.events.Accept
	case "error_event":
		return &w.events.Error
	}
	return nil
}

func (w *listenAccept) changed() { w.SetEvents(w.events) }

func (w *listenAccept) held(yield func(lua.LValue)) {
	yieldEvent(w.events.Accept, yield)
	yieldEvent(w.events.Error, yield)
}

func buildListenAccept(b *Lib, p *luax.Params, c wheels.Config) (wheelObject, error) {
	o := wheels.ListenAcceptConfig{Config: c, Accept: wantedEvent(p, "accept_event"), Error: eventParam(p, "error_event")}
	h, object := b.handleParam(p, "handle")
	if h == nil {
		p.Raise("handle is required")
	}
	p.Done()
	o.Handle = h
	w, err := wheels.NewListenAccept(o)
	if err != nil {
		return nil, refused(p, err)
	}
	return &listenAccept{w, object, w.Events}, nil
}

// refused raises what lies with the script: that another wheel has the handle. What lies with the world comes back.
func refused(p *luax.Params, err error) error {
	if _, ok := errors.AsType[*kernel.Error](err); ok {
		p.Raise("%s", err.Error())
	}
	return err
}

func listenAcceptMethods(b *Lib) map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"getsockname": liveWheel("getsockname", func(l *lua.LState, w *listenAccept, a luax.Args) int {
			return pushSockname(l, checkedHandle(w.handle).LocalAddress)
		}),
		"pause_accept":  liveWheel("pause_accept", func(l *lua.LState, w *listenAccept, a luax.Args) int { return b.outcome(a, w.PauseAccept()) }),
		"resume_accept": liveWheel("resume_accept", func(l *lua.LState, w *listenAccept, a luax.Args) int { return b.outcome(a, w.ResumeAccept()) }),
		"detach": liveWheel("detach", func(l *lua.LState, w *listenAccept, a luax.Args) int {
			w.Release()
			l.Push(w.handle)
			return 1
		}),
	}
}

// datagram is a script's Datagram wheel.
type datagram struct {
	*wheels.Datagram
	handle *lua.LUserData
	filter *filter // nil: none
	events wheels.DatagramEvents
}

func (w *datagram) event(name string) *wheels.Event {
	switch name {
	case "input_event":
		return &w.events.Input
	case "error_event":
		return &w.events.Error
	}
	return nil
}

func (w *datagram) changed() { w.SetEvents(w.events) }

// letGo frees the filter for other wheels.
func (w *datagram) letGo() {
	if w.filter != nil {
		w.filter.taken = false
	}
}

func (w *datagram) held(yield func(lua.LValue)) {
	if w.filter != nil {
		w.filter.lead(yield)
	}
	yieldEvent(w.events.Input, yield)
	yieldEvent(w.events.Error, yield)
}

func buildDatagram(b *Lib, p *luax.Params, c wheels.Config) (wheelObject, error) {
	w := &datagram{events: wheels.DatagramEvents{Input: eventParam(p, "input_event"), Error: eventParam(p, "error_event")}}
	o := wheels.DatagramConfig{Config: c, Events: w.events, Queue: p.Int("queue", 1, 1<<20, 0)}
	if w.filter = b.filterParam(p, "filter"); w.filter != nil {
		if w.filter.taken {
			p.Raise("the filter serves another wheel already")
		}
		o.Filter = w.filter.f
	}
	made := false
	if p.Has("handle") {
		for _, key := range datagramKeys {
			if p.Has(key) {
				p.Raise("handle and %s exclude each other", key)
			}
		}
		o.Handle, w.handle = b.handleParam(p, "handle")
		if o.Handle == nil {
			p.Raise("handle: handle expected, got false")
		}
		p.Done()
		if kind := o.Handle.Kind(); kind != "udp" && kind != "unixgram" {
			p.Raise("handle: a socket of datagrams expected, got one of kind '%s'", kind)
		}
	} else {
		open := b.datagramSocket(p)
		p.Done()
		h, err := open()
		if err != nil {
			return nil, err
		}
		made = true
		object := b.newHandle(h)
		o.Handle, w.handle = h, object
	}
	d, err := wheels.NewDatagram(o)
	if err != nil {
		if made {
			_ = b.closeHandle(o.Handle) // the first failure is the one to tell
		}
		return nil, refused(p, err)
	}
	w.Datagram = d
	if w.filter != nil {
		w.filter.taken = true
	}
	return w, nil
}

func datagramMethods(b *Lib) map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"put": liveWheel("put", func(l *lua.LState, w *datagram, a luax.Args) int {
			if a.Count() < 1 {
				a.Fail(1, "item")
			}
			to := host.Address{}
			if !a.Missing(2) {
				to = destination(a, checkedHandle(w.handle))
			}
			return b.outcome(a, w.Put(b.item(a.Get(1)), to))
		}),
		"getsockname": liveWheel("getsockname", func(l *lua.LState, w *datagram, a luax.Args) int { return pushSockname(l, w.Sockname) }),
		"get_handle": liveWheel("get_handle", func(l *lua.LState, w *datagram, a luax.Args) int {
			l.Push(w.handle)
			return 1
		}),
		"detach": liveWheel("detach", func(l *lua.LState, w *datagram, a luax.Args) int {
			w.Release()
			l.Push(w.handle)
			return 1
		}),
	}
}

// datagramKeys are the parameters of which a Datagram's own socket is made.
var datagramKeys = []string{
	"bind_address", "bind_port", "remote_address", "remote_port", "broadcast", "reuse", "reuse_port", "only_v6", "multicast",
	"socket_domain", "keep_path",
}

// datagramSocket reads what socket a Datagram is to have, and gives a function that makes it.
func (b *Lib) datagramSocket(p *luax.Params) func() (*handle.Handle, error) {
	var steps []func(h *host.Handle) error
	domain, _ := p.String("socket_domain")
	family := host.Unix
	switch domain {
	case "unix":
		path, binds := p.String("bind_address")
		remote, connects := p.String("remote_address")
		options := host.BindOptions{Reuse: p.Bool("reuse", false), KeepPath: p.Bool("keep_path", false)}
		if binds {
			steps = append(steps, func(h *host.Handle) error { return h.Bind(host.Address{Path: path}, options) })
		}
		if connects {
			steps = append(steps, func(h *host.Handle) error { return h.Connect(host.Address{Path: remote}) })
		}
	case "", "inet", "inet6":
		family, steps = udpSteps(p)
		switch {
		case domain == "inet6" && !namesAddress(p): // nothing has said so but this
			family, steps = host.Inet6, anySteps6(p)
		case domain != "" && family.String() != domain:
			p.Raise("socket_domain: the addresses are %v", family)
		}
	default:
		p.Raise("socket_domain: 'inet', 'inet6' or 'unix' expected, got '%s'", domain)
	}
	return func() (h *handle.Handle, err error) {
		err = b.opening(func() (err error) {
			h, err = b.madeSocket(family, host.DatagramSocket, steps)
			return err
		})
		return h, err
	}
}

// namesAddress says whether a parameter tells of what family the socket is.
func namesAddress(p *luax.Params) bool {
	return p.Has("bind_address") || p.Has("remote_address") || p.Has("multicast")
}

// anySteps6 are the steps to a socket for datagrams at every local IPv6 address.
func anySteps6(p *luax.Params) []func(h *host.Handle) error {
	if !p.Has("bind_port") {
		return nil
	}
	local := host.AnyAddress(host.Inet6, paramPort(p, "bind_port"))
	options := host.BindOptions{Reuse: p.Bool("reuse", false), ReusePort: p.Bool("reuse_port", false), Only6: p.Bool("only_v6", false)}
	return []func(h *host.Handle) error{func(h *host.Handle) error { return h.Bind(local, options) }}
}
