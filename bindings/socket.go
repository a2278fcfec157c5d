package bindings

import (
	"errors"
	"fmt"
	"io"
	"net/netip"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// socketMethods are methods of poe.Handle.
func (b *Lib) socketMethods() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"recv":             b.handleRecv,
		"send":             b.handleSend,
		"accept":           b.handleAccept,
		"sockname":         b.handleAddress("sockname", (*host.Handle).LocalAddress),
		"peername":         b.handleAddress("peername", (*host.Handle).PeerAddress),
		"shutdown":         b.handleShutdown,
		"option":           b.handleOption,
		"dup":              b.handleDup,
		"inherit":          b.handleInherit,
		"peer_credentials": b.handlePeerCredentials,
		"send_handle":      b.handleSendHandle,
		"recv_handle":      b.handleRecvHandle,
	}
}

func (b *Lib) openSockets(l *lua.LState) {
	b.module.RawSetString("socket", class(l, map[string]lua.LGFunction{
		"udp":    b.socketUDP,
		"unix":   b.socketUnix,
		"listen": b.socketListen,
	}))
}

// openSocket makes a socket and takes the steps that give it its addresses. What cannot be had is nil, message, errno.
func (b *Lib) openSocket(l *lua.LState, family host.Family, kind host.SocketKind, steps ...func(h *host.Handle) error) int {
	h, err := b.madeSocket(family, kind, steps)
	if err != nil {
		return luax.Failure(l, err)
	}
	b.k.Touch()
	l.Push(b.newHandle(h))
	return 1
}

func (b *Lib) madeSocket(family host.Family, kind host.SocketKind, steps []func(h *host.Handle) error) (*handle.Handle, error) {
	h, err := b.host.Socket(family, kind)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		if err := step(h); err != nil {
			_ = h.Close() // the first failure is the one to tell
			return nil, err
		}
	}
	return handle.New(h), nil
}

// paramAddress is a parameter that is an address in numbers: nothing here waits for a name server. An absent one is the
// zero Addr.
func paramAddress(p *luax.Params, key string) netip.Addr {
	text, ok := p.String(key)
	if !ok {
		return netip.Addr{}
	}
	ip, ok := host.ParseAddress(text)
	if !ok {
		p.Raise("%s: address in numbers expected, got '%s'", key, text)
	}
	return ip
}

func paramPort(p *luax.Params, key string) uint16 { return uint16(p.Int(key, 0, 65535, 0)) }

// firstFamily is the family of the first address that there is, Inet without one.
func firstFamily(addresses ...netip.Addr) host.Family {
	for _, ip := range addresses {
		if ip.IsValid() {
			return host.FamilyOf(ip)
		}
	}
	return host.Inet
}

// localAddress is where to bind: without an address to every local one.
func localAddress(family host.Family, ip netip.Addr, port uint16) host.Address {
	if !ip.IsValid() {
		return host.AnyAddress(family, port)
	}
	return host.Address{IP: netip.AddrPortFrom(ip, port)}
}

// socketUDP makes a socket for datagrams: bound if a local address is said, connected if a remote one is.
func (b *Lib) socketUDP(l *lua.LState) int {
	p := luax.NewParams(l, 1, "poe.socket.udp")
	family, steps := udpSteps(p)
	p.Done()
	return b.openSocket(l, family, host.DatagramSocket, steps...)
}

// udpSteps reads what a socket for datagrams is to be, and gives the steps to that.
func udpSteps(p *luax.Params) (host.Family, []func(h *host.Handle) error) {
	binds := p.Has("bind_address") || p.Has("bind_port") || p.Has("multicast")
	bindIP, bindPort := paramAddress(p, "bind_address"), paramPort(p, "bind_port")
	remoteIP, remotePort := paramAddress(p, "remote_address"), paramPort(p, "remote_port")
	broadcast := p.Bool("broadcast", false)
	options := host.BindOptions{Reuse: p.Bool("reuse", false), ReusePort: p.Bool("reuse_port", false), Only6: p.Bool("only_v6", false)}
	group, groupInterface := paramMulticast(p)
	if remoteIP.IsValid() != (remotePort != 0) {
		p.Raise("remote_address and remote_port go together")
	}

	family := firstFamily(bindIP, remoteIP, group)
	var steps []func(h *host.Handle) error
	if broadcast {
		steps = append(steps, func(h *host.Handle) error {
			option, _ := host.FindSocketOption("broadcast")
			return h.SetOption(option, 1)
		})
	}
	if binds {
		local := localAddress(family, bindIP, bindPort)
		steps = append(steps, func(h *host.Handle) error { return h.Bind(local, options) })
	}
	if group.IsValid() {
		steps = append(steps, func(h *host.Handle) error { return h.JoinGroup(group, groupInterface) })
	}
	if remoteIP.IsValid() {
		remote := host.Address{IP: netip.AddrPortFrom(remoteIP, remotePort)}
		steps = append(steps, func(h *host.Handle) error { return h.Connect(remote) })
	}
	return family, steps
}

// paramMulticast is the parameter multicast: a group, and the interface to use if it is not the system that chooses.
func paramMulticast(p *luax.Params) (group netip.Addr, groupInterface string) {
	t := p.Table("multicast")
	if t == nil {
		return netip.Addr{}, ""
	}
	inner := tableParams(p.L, t, p.Who+": multicast")
	group = paramAddress(inner, "group")
	groupInterface, _ = inner.String("interface")
	inner.Done()
	if !group.IsMulticast() {
		inner.Raise("group: multicast address required")
	}
	return group, groupInterface
}

// tableParams are the parameters in a table that is itself a parameter or an argument.
func tableParams(l *lua.LState, t *lua.LTable, who string) *luax.Params {
	l.Push(t)
	defer l.Pop(1)
	return luax.NewParams(l, l.GetTop(), who)
}

// socketUnix makes a UNIX socket. A stream that is bound and not connected listens.
func (b *Lib) socketUnix(l *lua.LState) int {
	p := luax.NewParams(l, 1, "poe.socket.unix")
	kind := host.StreamSocket
	switch name, ok := p.String("type"); {
	case name == "datagram":
		kind = host.DatagramSocket
	case ok && name != "stream":
		p.Raise("type: 'stream' or 'datagram' expected, got '%s'", name)
	}
	path, binds := p.String("bind")
	remote, connects := p.String("connect")
	options := host.BindOptions{Reuse: p.Bool("reuse", false), KeepPath: p.Bool("keep_path", false)}
	backlog := paramBacklog(p)
	p.Done()
	if kind == host.StreamSocket && !binds && !connects {
		p.Raise("bind or connect is required")
	}

	var steps []func(h *host.Handle) error
	if binds {
		steps = append(steps, func(h *host.Handle) error { return h.Bind(host.Address{Path: path}, options) })
	}
	switch {
	case connects:
		steps = append(steps, func(h *host.Handle) error { return h.Connect(host.Address{Path: remote}) })
	case kind == host.StreamSocket:
		steps = append(steps, func(h *host.Handle) error { return h.Listen(backlog) })
	}
	return b.openSocket(l, host.Unix, kind, steps...)
}

// paramBacklog is how many connections may wait to be accepted; 0 means as many as the system allows.
func paramBacklog(p *luax.Params) int { return p.Int("listen_queue", 1, 1<<31-1, 0) }

// socketListen makes a TCP socket that listens, or with a path a UNIX socket.
func (b *Lib) socketListen(l *lua.LState) int {
	p := luax.NewParams(l, 1, "poe.socket.listen")
	inet := p.Has("bind_address") || p.Has("bind_port") || p.Has("reuse_port") || p.Has("only_v6")
	path, isUnix := p.String("path")
	ip, port := paramAddress(p, "bind_address"), paramPort(p, "bind_port")
	options := host.BindOptions{
		Reuse:     p.Bool("reuse", false),
		ReusePort: p.Bool("reuse_port", false),
		Only6:     p.Bool("only_v6", false),
		KeepPath:  p.Bool("keep_path", false),
	}
	backlog := paramBacklog(p)
	p.Done()
	if isUnix && inet {
		p.Raise("path does not go with bind_address, bind_port, reuse_port or only_v6")
	}
	family, local := host.Unix, host.Address{Path: path}
	if !isUnix {
		family = firstFamily(ip)
		local = localAddress(family, ip, port)
	}
	return b.openSocket(l, family, host.StreamSocket,
		func(h *host.Handle) error { return h.Bind(local, options) },
		func(h *host.Handle) error { return h.Listen(backlog) })
}

// pushAddress pushes address and port, or a UNIX socket's path and nil.
func pushAddress(l *lua.LState, a host.Address) {
	l.Push(lua.LString(a.Host()))
	if a.IP.IsValid() {
		l.Push(lua.LNumber(a.Port()))
	} else {
		l.Push(lua.LNil)
	}
}

// handleAddress makes the methods that tell one of a socket's addresses.
func (b *Lib) handleAddress(method string, ask func(h *host.Handle) (host.Address, error)) lua.LGFunction {
	return func(l *lua.LState) int {
		h := b.checkHandle(l, method)
		if h.FD() < 0 {
			return luax.Failure(l, errClosed)
		}
		a, err := ask(h.Handle)
		if err != nil {
			return luax.Failure(l, err)
		}
		pushAddress(l, a)
		if !a.IP.IsValid() {
			l.Pop(1)
			return 1
		}
		return 2
	}
}

// handleRecv reads one datagram, at most n bytes of it: payload, address, port, and whether it was longer. At the end of
// a stream it gives nil, "" and 0.
func (b *Lib) handleRecv(l *lua.LState) int {
	h := b.checkHandle(l, "recv")
	a := luax.Args{L: l, Name: "recv", Base: 1}
	n := readSize
	if !a.Missing(1) {
		if n = a.Int(1); n < 1 {
			luax.ArgError(l, "recv", 1, "a number of bytes above 0 expected")
		}
		n = min(n, 1<<24)
	}
	peek := false
	if !a.Missing(2) {
		on, ok := a.Get(2).(lua.LBool)
		if !ok {
			a.Fail(2, "boolean")
		}
		peek = bool(on)
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	if b.buffer == nil {
		b.buffer = make([]byte, readSize)
	}
	buf := b.buffer
	if n > len(buf) {
		buf = make([]byte, n)
	}
	b.k.Touch()
	n, from, truncated, err := h.RecvFrom(buf[:n], peek)
	switch {
	case errors.Is(err, io.EOF):
		l.Push(lua.LNil)
		l.Push(lua.LString(""))
		l.Push(lua.LNumber(0))
		return 3
	case err != nil:
		return luax.Failure(l, err)
	}
	l.Push(lua.LString(buf[:n]))
	if h.Kind() == "tcp" { // which has told its peer's address when it began
		l.Push(lua.LNil)
		l.Push(lua.LNil)
	} else {
		pushAddress(l, from)
	}
	l.Push(lua.LBool(truncated))
	return 4
}

// handleSend sends one datagram, to the peer of a connected socket if no address is given, and returns its length.
func (b *Lib) handleSend(l *lua.LState) int {
	h := b.checkHandle(l, "send")
	a := luax.Args{L: l, Name: "send", Base: 1}
	s := a.String(1)
	to := host.Address{}
	if !a.Missing(2) {
		to = destination(a, h)
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	b.k.Touch()
	n, err := h.SendTo([]byte(s), to)
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(lua.LNumber(n))
	return 1
}

// destination is arguments 2 and 3 of send: a path, or an address in numbers and a port.
func destination(a luax.Args, h *handle.Handle) host.Address {
	text := a.String(2)
	if kind := h.Kind(); kind == "unix" || kind == "unixgram" {
		if !a.Missing(3) {
			luax.ArgError(a.L, a.Name, 3, "a UNIX socket has no port")
		}
		if text == "" {
			luax.ArgError(a.L, a.Name, 2, "a path expected")
		}
		return host.Address{Path: text}
	}
	ip, ok := host.ParseAddress(text)
	if !ok {
		luax.ArgError(a.L, a.Name, 2, "address in numbers expected, got '"+text+"'")
	}
	port := a.Int(3)
	if port < 0 || port > 65535 {
		luax.ArgError(a.L, a.Name, 3, fmt.Sprintf("port from 0 to 65535 expected, got %d", port))
	}
	return host.Address{IP: netip.AddrPortFrom(ip, uint16(port))}
}

// handleAccept takes a connection that waits: handle, address, port. When none does it is EAGAIN.
func (b *Lib) handleAccept(l *lua.LState) int {
	h := b.checkHandle(l, "accept")
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	b.k.Touch()
	peer, from, err := h.Accept()
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(peer)))
	pushAddress(l, from)
	return 3
}

func (b *Lib) handleShutdown(l *lua.LState) int {
	h := b.checkHandle(l, "shutdown")
	how := luax.Args{L: l, Name: "shutdown", Base: 1}.String(1)
	if how != "read" && how != "write" && how != "both" {
		luax.ArgError(l, "shutdown", 1, "'read', 'write' or 'both' expected, got '"+how+"'")
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	b.k.Touch()
	if err := h.Shutdown(how); err != nil {
		return luax.Failure(l, err)
	}
	return luax.True(l)
}

// handleOption asks for an option, or sets it. Of keepalive there is a second result: how it works.
func (b *Lib) handleOption(l *lua.LState) int {
	h := b.checkHandle(l, "option")
	a := luax.Args{L: l, Name: "option", Base: 1}
	o, ok := host.FindSocketOption(a.String(1))
	if !ok {
		luax.ArgError(l, "option", 1, "unknown option '"+a.String(1)+"'")
	}
	if a.Missing(2) {
		return b.getOption(l, h, o)
	}
	var set func() error
	if t, ok := a.Get(2).(*lua.LTable); ok && o.Name == "keepalive" {
		k := keepAlive(l, t)
		set = func() error { return h.SetKeepAlive(k) }
	} else {
		value := optionValue(a, o)
		set = func() error { return h.SetOption(o, value) }
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	if err := set(); err != nil {
		return luax.Failure(l, err)
	}
	return luax.True(l)
}

func (b *Lib) getOption(l *lua.LState, h *handle.Handle, o host.SocketOption) int {
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	value, err := h.Option(o)
	if err != nil {
		return luax.Failure(l, err)
	}
	switch {
	case o.Name == "keepalive":
		return b.getKeepAlive(l, h, value != 0)
	case o.Flag:
		l.Push(lua.LBool(value != 0))
	case value < 0: // linger, which is off
		l.Push(lua.LFalse)
	default:
		l.Push(lua.LNumber(value))
	}
	return 1
}

func (b *Lib) getKeepAlive(l *lua.LState, h *handle.Handle, on bool) int {
	l.Push(lua.LBool(on))
	if h.Kind() != "tcp" {
		return 1
	}
	k, err := h.KeepAlive()
	if err != nil {
		return luax.Failure(l, err)
	}
	t := l.CreateTable(0, 3)
	t.RawSetString("idle", lua.LNumber(k.Idle))
	t.RawSetString("interval", lua.LNumber(k.Interval))
	t.RawSetString("count", lua.LNumber(k.Count))
	l.Push(t)
	return 2
}

// optionValue is argument 2 of option: a boolean, or a number in the option's bounds; false turns linger off.
func optionValue(a luax.Args, o host.SocketOption) int {
	switch v := a.Get(2).(type) {
	case lua.LBool:
		if o.Flag && bool(v) {
			return 1
		}
		if o.Flag {
			return 0
		}
		if !v && o.Least < 0 {
			return -1
		}
	case lua.LNumber:
		if o.ReadOnly || o.Flag {
			break
		}
		n := a.Int(2)
		if least := max(o.Least, 0); n < least || n > o.Most {
			luax.ArgError(a.L, a.Name, 2, fmt.Sprintf("%s: whole number from %d to %d expected, got %d", o.Name, least, o.Most, n))
		}
		return n
	}
	switch {
	case o.ReadOnly:
		luax.ArgError(a.L, a.Name, 2, o.Name+" cannot be set")
	case o.Flag:
		a.Fail(2, "boolean")
	default:
		a.Fail(2, "number")
	}
	return 0
}

const keepAliveMost = 32767 // seconds; the least of what the systems take as their most

func keepAlive(l *lua.LState, t *lua.LTable) host.KeepAlive {
	p := tableParams(l, t, "option: keepalive")
	k := host.KeepAlive{
		Idle:     p.Int("idle", 1, keepAliveMost, 0),
		Interval: p.Int("interval", 1, keepAliveMost, 0),
		Count:    p.Int("count", 1, 127, 0),
	}
	p.Done()
	return k
}

// handleDup gives a second handle on the same thing.
func (b *Lib) handleDup(l *lua.LState) int {
	h := b.checkHandle(l, "dup")
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	second, err := h.Dup()
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(second)))
	return 1
}

func (b *Lib) handleInherit(l *lua.LState) int {
	h := b.checkHandle(l, "inherit")
	a := luax.Args{L: l, Name: "inherit", Base: 1}
	on, ok := a.Get(1).(lua.LBool)
	if !ok {
		a.Fail(1, "boolean")
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	if err := h.Inherit(bool(on)); err != nil {
		return luax.Failure(l, err)
	}
	return luax.True(l)
}

func (b *Lib) handlePeerCredentials(l *lua.LState) int {
	h := b.checkHandle(l, "peer_credentials")
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	c, err := h.PeerCredentials()
	if err != nil {
		return luax.Failure(l, err)
	}
	t := l.CreateTable(0, 3)
	if c.Pid > 0 {
		t.RawSetString("pid", lua.LNumber(c.Pid))
	}
	t.RawSetString("uid", lua.LNumber(c.UID))
	t.RawSetString("gid", lua.LNumber(c.GID))
	l.Push(t)
	return 1
}

// handleSendHandle passes a handle to the process at the other end. Ours stays open.
func (b *Lib) handleSendHandle(l *lua.LState) int {
	h := b.checkHandle(l, "send_handle")
	fd, _ := b.watched(luax.Args{L: l, Name: "send_handle", Base: 1})
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	b.k.Touch()
	if err := h.SendDescriptor(fd); err != nil {
		return luax.Failure(l, err)
	}
	return luax.True(l)
}

// handleRecvHandle takes a handle that was passed. At the end of input it gives nil, "" and 0.
func (b *Lib) handleRecvHandle(l *lua.LState) int {
	h := b.checkHandle(l, "recv_handle")
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	b.k.Touch()
	passed, err := h.RecvHandle()
	switch {
	case errors.Is(err, io.EOF):
		l.Push(lua.LNil)
		l.Push(lua.LString(""))
		l.Push(lua.LNumber(0))
		return 3
	case err != nil:
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(passed)))
	return 1
}
