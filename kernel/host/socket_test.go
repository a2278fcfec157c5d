package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

// newSocket gives a socket that is closed at the test's end.
func newSocket(t testing.TB, h *host.Host, family host.Family, kind host.SocketKind) *host.Handle {
	t.Helper()
	s := must[*host.Handle](t)(h.Socket(family, kind))
	t.Cleanup(func() { s.Close() })
	return s
}

// bindTo binds a new socket; where the machine has no such address the test is skipped.
func bindTo(t testing.TB, h *host.Host, kind host.SocketKind, a host.Address) *host.Handle {
	t.Helper()
	family := host.Unix
	if a.IP.IsValid() {
		family = host.FamilyOf(a.IP.Addr())
	}
	s := newSocket(t, h, family, kind)
	err := s.Bind(a, host.BindOptions{})
	for _, missing := range []error{syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EOPNOTSUPP} { // IPv6, or abstract names
		if errors.Is(err, missing) {
			t.Skip(err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func listenAt(t testing.TB, h *host.Host, a host.Address) *host.Handle {
	t.Helper()
	s := bindTo(t, h, host.StreamSocket, a)
	if err := s.Listen(0); err != nil {
		t.Fatal(err)
	}
	return s
}

// connection gives both ends of a connection to a listener.
func connection(t testing.TB, h *host.Host, listener *host.Handle) (client, server *host.Handle) {
	t.Helper()
	at := must[host.Address](t)(listener.LocalAddress())
	family := host.Unix
	if at.IP.IsValid() {
		family = host.FamilyOf(at.IP.Addr())
	}
	client = newSocket(t, h, family, host.StreamSocket)
	if err := client.Connect(at); err != nil && err != syscall.EINPROGRESS {
		t.Fatal(err)
	}
	await(t, listener.FD(), unix.POLLIN)
	server, _, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	await(t, client.FD(), unix.POLLOUT)
	if err := client.ConnectError(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func ip(text string) host.Address { return host.Address{IP: netip.MustParseAddrPort(text)} }

// abstractName gives a name of the test's own in the abstract name space.
func abstractName(t testing.TB) host.Address {
	return host.Address{Path: fmt.Sprintf("@poelua-%d-%s", os.Getpid(), t.Name())}
}

func TestConnectionsKnowBothAddresses(t *testing.T) {
	for name, a := range map[string]host.Address{
		"IPv4":     ip("127.0.0.1:0"),
		"IPv6":     ip("[::1]:0"),
		"path":     {Path: t.TempDir() + "/socket"},
		"abstract": abstractName(t),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			listener := listenAt(t, h, a)
			at := must[host.Address](t)(listener.LocalAddress())
			if at.Host() != a.Host() || a.IP.IsValid() && at.Port() == 0 {
				t.Errorf("the listener is at %v, want %v", at, a)
			}
			client, server := connection(t, h, listener)
			for _, s := range []*host.Handle{client, server} {
				if s.Kind() != listener.Kind() || isBlocking(t, s.FD()) {
					t.Errorf("got %v, want a non-blocking %s", s, listener.Kind())
				}
				if flags := must[int](t)(unix.FcntlInt(uintptr(s.FD()), unix.F_GETFD, 0)); flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("a child would get %v", s)
				}
			}
			near, far := must[host.Address](t)(client.LocalAddress()), must[host.Address](t)(client.PeerAddress())
			if far != at {
				t.Errorf("the client's peer is %v, want %v", far, at)
			}
			if got := must[host.Address](t)(server.PeerAddress()); got != near {
				t.Errorf("the server's peer is %v, want %v", got, near)
			}
			if near.Path != "" {
				t.Errorf("got %q, want a client without a name", near.Path)
			}
		})
	}
}

func TestAcceptOfNothingIsEAGAIN(t *testing.T) {
	h := newHost(t)
	if _, _, err := listenAt(t, h, ip("127.0.0.1:0")).Accept(); err != syscall.EAGAIN {
		t.Errorf("got %v, want EAGAIN", err)
	}
}

func TestConnectToNobodyIsECONNREFUSED(t *testing.T) {
	h := newHost(t)
	at := must[host.Address](t)(bindTo(t, h, host.StreamSocket, ip("127.0.0.1:0")).LocalAddress())
	client := newSocket(t, h, host.Inet, host.StreamSocket)
	err := client.Connect(at)
	if err == syscall.EINPROGRESS {
		await(t, client.FD(), unix.POLLOUT)
		err = client.ConnectError()
	}
	var failed *host.OpError
	if !errors.As(err, &failed) || failed.Op != "connect" || host.Errno(err) != syscall.ECONNREFUSED {
		t.Errorf("got %v, want connect to be refused", err)
	}
	if _, err := client.PeerAddress(); host.Errno(err) != syscall.ENOTCONN {
		t.Errorf("got %v, want ENOTCONN", err)
	}
}

func TestShutdownOfWritingIsTheEndAtThePeer(t *testing.T) {
	h := newHost(t)
	client, server := connection(t, h, listenAt(t, h, ip("127.0.0.1:0")))
	client.Write([]byte("question"))
	if err := client.Shutdown(false, true); err != nil {
		t.Fatal(err)
	}
	if got := readToEnd(t, server); string(got) != "question" {
		t.Errorf("got %q", got)
	}
	server.Write([]byte("answer"))
	p := make([]byte, 16)
	await(t, client.FD(), unix.POLLIN)
	if n, err := client.Read(p); string(p[:n]) != "answer" {
		t.Errorf("got %q, %v, want an answer", p[:n], err)
	}
	if _, err := client.Write([]byte("x")); err != syscall.EPIPE {
		t.Errorf("got %v, want EPIPE", err)
	}
}

func TestInheritSaysWhetherChildrenGetIt(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.StreamSocket)
	for _, on := range []bool{true, false} {
		if err := s.Inherit(on); err != nil {
			t.Fatal(err)
		}
		status := must[int](t)(h.Run(host.Command{Args: []string{"/bin/sh", "-c", fmt.Sprintf("test -e /dev/fd/%d", s.FD())}}))
		if got := status == 0; got != on {
			t.Errorf("inherited: got %v, want %v", got, on)
		}
	}
}

func TestSocketsAddressesMustBeOfItsFamily(t *testing.T) {
	h := newHost(t)
	cases := []struct {
		family host.Family
		a      host.Address
		want   syscall.Errno
	}{
		{host.Inet, ip("[::1]:0"), syscall.EAFNOSUPPORT},
		{host.Inet, host.Address{Path: "/x"}, syscall.EAFNOSUPPORT},
		{host.Inet, host.Address{}, syscall.EAFNOSUPPORT},
		{host.Inet6, ip("[fe80::1%nonesuch]:0"), syscall.ENODEV},
		{host.Unix, ip("127.0.0.1:0"), syscall.EAFNOSUPPORT},
		{host.Unix, host.Address{}, syscall.EINVAL},
		{host.Unix, host.Address{Path: "/tmp/a\x00b"}, syscall.EINVAL},
	}
	for _, c := range cases {
		s, err := h.Socket(c.family, host.DatagramSocket)
		if errors.Is(err, syscall.EAFNOSUPPORT) {
			continue // no IPv6
		}
		_, sendErr := s.SendTo([]byte("x"), c.a)
		if c.a == (host.Address{}) {
			sendErr = c.want // that is how to send to the peer
		}
		for op, err := range map[string]error{
			"bind":    s.Bind(c.a, host.BindOptions{}),
			"connect": s.Connect(c.a),
			"send":    sendErr,
		} {
			if host.Errno(err) != c.want {
				t.Errorf("%s %v of %v: got %v, want %v", op, c.a, c.family, err, c.want)
			}
		}
		s.Close()
	}
}

func TestClosedSocketIsEBADF(t *testing.T) {
	h := newHost(t)
	s := must[*host.Handle](t)(h.Socket(host.Inet, host.DatagramSocket))
	s.Close()
	option, _ := host.FindSocketOption("ttl")
	for op, err := range socketActs(s, option) {
		if err != syscall.EBADF {
			t.Errorf("%s: got %v, want EBADF", op, err)
		}
	}
}

// socketActs tries all that can be done with a socket.
func socketActs(s *host.Handle, option host.SocketOption) map[string]error {
	a := ip("127.0.0.1:9")
	_, _, accept := s.Accept()
	_, local := s.LocalAddress()
	_, peer := s.PeerAddress()
	_, _, _, recv := s.RecvFrom(make([]byte, 1), false)
	_, send := s.SendTo([]byte("x"), a)
	_, ask := s.Option(option)
	_, keepAlive := s.KeepAlive()
	_, credentials := s.PeerCredentials()
	_, passed := s.RecvHandle()
	return map[string]error{
		"bind": s.Bind(a, host.BindOptions{}), "listen": s.Listen(1), "accept": accept,
		"connect": s.Connect(a), "connect error": s.ConnectError(),
		"local": local, "peer": peer, "recv": recv, "send": send, "ask": ask, "set": s.SetOption(option, 1),
		"keepalive": keepAlive, "set keepalive": s.SetKeepAlive(host.KeepAlive{}),
		"join": s.JoinGroup(netip.MustParseAddr("239.1.1.1"), ""), "leave": s.LeaveGroup(netip.MustParseAddr("239.1.1.1"), ""),
		"shutdown": s.Shutdown(true, true), "inherit": s.Inherit(true), "credentials": credentials,
		"send handle": s.SendDescriptor(0), "recv handle": passed,
	}
}

func TestFailMakesAnythingOfASocketFail(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	option, _ := host.FindSocketOption("ttl")
	h.Fail = func(op, name string) error { return syscall.EMFILE }
	acts := socketActs(s, option)
	_, acts["socket"] = h.Socket(host.Inet, host.StreamSocket)
	_, acts["getaddrinfo"] = h.LookupHost(t.Context(), "localhost", host.AnyFamily)
	_, acts["getservbyname"] = h.LookupService(t.Context(), "tcp", "http")
	for op, err := range acts {
		if err != syscall.EMFILE {
			t.Errorf("%s: got %v, want %v", op, err, syscall.EMFILE)
		}
	}
}

func TestSocketsNeedPermissions(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t)
	bind := func(a host.Address) func() error {
		return func() error {
			s := must[*host.Handle](t)(h.Socket(familyFor(a), host.DatagramSocket))
			defer s.Close()
			return s.Bind(a, host.BindOptions{})
		}
	}
	connect := func(a host.Address) func() error {
		return func() error {
			s := must[*host.Handle](t)(h.Socket(familyFor(a), host.DatagramSocket))
			defer s.Close()
			return s.Connect(a)
		}
	}
	send := func(a host.Address) func() error {
		return func() error {
			s := must[*host.Handle](t)(h.Socket(familyFor(a), host.DatagramSocket))
			defer s.Close()
			_, err := s.SendTo([]byte("x"), a)
			return err
		}
	}
	named := func(name, at string) host.Address {
		a := ip(at)
		a.Name = name
		return a
	}
	cases := []struct {
		name  string
		allow host.Permissions
		act   func() error
		needs string // "" if it is allowed
	}{
		{"binding", host.Permissions{Connect: []string{"*"}}, bind(ip("127.0.0.1:0")), "listen=127.0.0.1:0"},
		{"binding what is allowed", host.Permissions{Listen: []string{"127.0.0.1:0"}}, bind(ip("127.0.0.1:0")), ""},
		{"connecting", host.Permissions{Listen: []string{"*"}}, connect(ip("127.0.0.1:9")), "connect=127.0.0.1:9"},
		{"connecting to another port", host.Permissions{Connect: []string{"127.0.0.1:80"}}, connect(ip("127.0.0.1:9")), "connect=127.0.0.1:9"},
		{"connecting to what is allowed", host.Permissions{Connect: []string{"*:9"}}, connect(ip("127.0.0.1:9")), ""},
		{"sending", host.Permissions{Listen: []string{"*"}}, send(ip("127.0.0.1:9")), "connect=127.0.0.1:9"},
		{"sending to what is allowed", host.Permissions{Connect: []string{"127.0.0.1"}}, send(ip("127.0.0.1:9")), ""},
		{"by a name that is not allowed", host.Permissions{Connect: []string{"b.test"}}, connect(named("a.test", "127.0.0.1:9")), "connect=a.test:9"},
		{"by a name that is", host.Permissions{Connect: []string{"a.test:9"}}, connect(named("a.test", "127.0.0.1:9")), ""},
		{"by an address that is", host.Permissions{Connect: []string{"127.0.0.1"}}, connect(named("a.test", "127.0.0.1:9")), ""},
		{"binding a path", host.Permissions{Listen: []string{"*"}}, bind(host.Address{Path: dir + "/s"}), "write=" + dir + "/s"},
		{"binding an allowed path", host.Permissions{Write: []string{dir}}, bind(host.Address{Path: dir + "/s"}), ""},
		{"connecting to a path", host.Permissions{Connect: []string{"*"}}, connect(host.Address{Path: dir + "/s"}), "write=" + dir + "/s"},
		{"binding an abstract name", host.Permissions{Listen: []string{"*", "*.test"}}, bind(host.Address{Path: "@x.test"}), "listen=@x.test"},
		{"connecting to an abstract name", host.Permissions{Write: []string{"/"}, Connect: []string{"@y"}}, connect(host.Address{Path: "@x"}), "connect=@x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h.Allow = &c.allow
			defer func() { h.Allow = nil }()
			err := c.act()
			var refused *host.PermissionError
			switch {
			case c.needs == "" && err != nil:
				t.Errorf("got %v, want it to be allowed", err)
			case c.needs != "" && (!errors.As(err, &refused) || refused.Needs != c.needs || !errors.Is(err, syscall.EACCES)):
				t.Errorf("got %v, want a refusal that needs %s", err, c.needs)
			}
		})
	}
}

func familyFor(a host.Address) host.Family {
	if a.IP.IsValid() {
		return host.FamilyOf(a.IP.Addr())
	}
	return host.Unix
}

func TestListeningWithoutAnAddressNeedsListen(t *testing.T) {
	h := newHost(t)
	h.Allow = &host.Permissions{Connect: []string{"*"}}
	s := newSocket(t, h, host.Inet, host.StreamSocket)
	if err := s.Listen(0); host.Errno(err) != syscall.EACCES {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestExhaustedDescriptorsAreAFailureThatPasses(t *testing.T) {
	if status := must[int](t)(newHost(t).Run(asRole(t, "exhaust descriptors"))); status != 0 {
		t.Errorf("got status %d", status)
	}
}

func init() {
	roles["exhaust descriptors"] = func(h *host.Host) {
		check := func(ok bool, what string) {
			if !ok {
				fmt.Fprintln(os.Stderr, what)
				os.Exit(1)
			}
		}
		limit := unix.Rlimit{Cur: 40, Max: 40}
		check(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) == nil, "no limit")
		listener, err := h.Socket(host.Inet, host.StreamSocket)
		check(err == nil && listener.Bind(ip("127.0.0.1:0"), host.BindOptions{}) == nil && listener.Listen(0) == nil, "no listener")
		at, _ := listener.LocalAddress()
		var all []*host.Handle
		for err == nil {
			var s *host.Handle
			if s, err = h.Socket(host.Inet, host.StreamSocket); err == nil {
				all = append(all, s)
			}
		}
		check(host.Errno(err) == syscall.EMFILE, fmt.Sprint("socket: ", err))
		err = all[0].Connect(at)
		check(err == nil || err == syscall.EINPROGRESS, fmt.Sprint("connect: ", err))
		unix.Poll([]unix.PollFd{{Fd: int32(listener.FD()), Events: unix.POLLIN}}, -1)
		_, _, err = listener.Accept()
		check(err == syscall.EMFILE, fmt.Sprint("accept: ", err))
		_, err = all[0].Dup()
		check(host.Errno(err) == syscall.EMFILE, fmt.Sprint("dup: ", err))
		all[1].Close()
		_, _, err = listener.Accept()
		check(err == nil, fmt.Sprint("accept once there is room: ", err))
	}
}

func BenchmarkAccept(b *testing.B) {
	h := host.New()
	listener := listenAt(b, h, ip("127.0.0.1:0"))
	at := must[host.Address](b)(listener.LocalAddress())
	off, _ := host.FindSocketOption("linger")
	b.ReportAllocs()
	for b.Loop() {
		client := must[*host.Handle](b)(h.Socket(host.Inet, host.StreamSocket))
		if err := client.Connect(at); err != nil && err != syscall.EINPROGRESS {
			b.Fatal(err)
		}
		client.SetOption(off, 0) // no port stays behind
		await(b, listener.FD(), unix.POLLIN)
		server, _, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		client.Close()
		server.Close()
	}
}

func TestAddressText(t *testing.T) {
	cases := []struct {
		a          host.Address
		text, host string
		port       int
	}{
		{ip("127.0.0.1:80"), "127.0.0.1:80", "127.0.0.1", 80},
		{ip("[::1]:80"), "[::1]:80", "::1", 80},
		{ip("[fe80::1%lo]:80"), "[fe80::1%lo]:80", "fe80::1%lo", 80},
		{ip("[::ffff:1.2.3.4]:80"), "[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", 80},
		{host.Address{Path: "/run/x"}, "/run/x", "/run/x", 0},
		{host.Address{}, "", "", 0},
	}
	for _, c := range cases {
		if c.a.String() != c.text || c.a.Host() != c.host || c.a.Port() != c.port {
			t.Errorf("got %q, %q, %d, want %q, %q, %d", c.a, c.a.Host(), c.a.Port(), c.text, c.host, c.port)
		}
	}
}

func TestParseAddressKnowsNumbersOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "fe80::1%eth0": true, "fe80::1%2": true,
		"": false, "localhost": false, "127.1": false, "127.0.0.1:80": false, "[::1]": false, "1.2.3.400": false, "0x7f000001": false,
	} {
		if _, ok := host.ParseAddress(text); ok != want {
			t.Errorf("%q: got %v, want %v", text, ok, want)
		}
	}
}

func TestLinkLocalAddressesKeepTheirZone(t *testing.T) {
	local := linkLocal(t)
	h := newHost(t)
	a := bindTo(t, h, host.DatagramSocket, host.Address{IP: netip.AddrPortFrom(local, 0)})
	at := must[host.Address](t)(a.LocalAddress())
	if at.IP.Addr() != local {
		t.Errorf("got %v, want %v", at, local)
	}
	b := bindTo(t, h, host.DatagramSocket, host.Address{IP: netip.AddrPortFrom(local, 0)})
	must[int](t)(b.SendTo([]byte("x"), at))
	await(t, a.FD(), unix.POLLIN)
	_, from, _, err := a.RecvFrom(make([]byte, 8), false)
	if want := must[host.Address](t)(b.LocalAddress()); from != want {
		t.Errorf("got %v, %v, want %v", from, err, want)
	}
}

func TestListenerWithBothFamiliesTellsIPv4Clients(t *testing.T) {
	h := newHost(t)
	for _, only6 := range []bool{false, true} {
		s := newSocket(t, h, host.Inet6, host.StreamSocket)
		if err := s.Bind(host.AnyAddress(host.Inet6, 0), host.BindOptions{Only6: only6}); err != nil {
			t.Skip(err)
		}
		if err := s.Listen(1); err != nil {
			t.Fatal(err)
		}
		port := must[host.Address](t)(s.LocalAddress()).IP.Port()
		client := newSocket(t, h, host.Inet, host.StreamSocket)
		err := client.Connect(host.Address{IP: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)})
		if err == syscall.EINPROGRESS {
			await(t, client.FD(), unix.POLLOUT)
			err = client.ConnectError()
		}
		if refused := host.Errno(err) == syscall.ECONNREFUSED; refused != only6 {
			t.Errorf("only6 %v: got %v", only6, err)
		}
		if only6 {
			continue
		}
		await(t, s.FD(), unix.POLLIN)
		peer, from, err := s.Accept()
		if err != nil {
			t.Fatal(err)
		}
		peer.Close()
		if from.Host() != "::ffff:127.0.0.1" {
			t.Errorf("got %v, want the address as it is on an IPv6 socket", from)
		}
	}
}

func TestReuseAndReusePort(t *testing.T) {
	h := newHost(t)
	port := host.BindOptions{ReusePort: true}
	first := newSocket(t, h, host.Inet, host.StreamSocket)
	if err := first.Bind(ip("127.0.0.1:0"), port); err != nil {
		t.Fatal(err)
	}
	at := must[host.Address](t)(first.LocalAddress())
	if err := newSocket(t, h, host.Inet, host.StreamSocket).Bind(at, port); err != nil {
		t.Errorf("both reuse the port: %v", err)
	}
	err := newSocket(t, h, host.Inet, host.StreamSocket).Bind(at, host.BindOptions{})
	var failed *host.OpError
	if !errors.As(err, &failed) || failed.Op != "bind" || failed.Name != at.String() || host.Errno(err) != syscall.EADDRINUSE {
		t.Errorf("one does not: got %v, want EADDRINUSE", err)
	}
}
