package host_test

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

// datagram is what RecvFrom gives.
type datagram struct {
	payload   string
	from      host.Address
	truncated bool
}

// receive waits for a datagram and reads at most size bytes of it.
func receive(t testing.TB, s *host.Handle, size int, peek bool) datagram {
	t.Helper()
	await(t, s.FD(), unix.POLLIN)
	p := make([]byte, size)
	n, from, truncated, err := s.RecvFrom(p, peek)
	if err != nil {
		t.Fatal(err)
	}
	return datagram{string(p[:n]), from, truncated}
}

func TestDatagramsArriveWithTheirSender(t *testing.T) {
	for name, address := range map[string]func() host.Address{
		"IPv4":     func() host.Address { return ip("127.0.0.1:0") },
		"IPv6":     func() host.Address { return ip("[::1]:0") },
		"path":     func() host.Address { return host.Address{Path: t.TempDir() + "/socket"} },
		"abstract": func() host.Address { return abstractName(t) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			a := bindTo(t, h, host.DatagramSocket, address())
			other := address()
			if other.Path != "" {
				other.Path += "-b"
			}
			b := bindTo(t, h, host.DatagramSocket, other)
			at, from := must[host.Address](t)(a.LocalAddress()), must[host.Address](t)(b.LocalAddress())
			for _, payload := range []string{"hello", "", "0123456789"} {
				must[int](t)(b.SendTo([]byte(payload), at))
			}
			want := []datagram{{"hello", from, false}, {"hello", from, false}, {"", from, false}, {"0123", from, true}}
			got := []datagram{receive(t, a, 64, true), receive(t, a, 64, false), receive(t, a, 64, false), receive(t, a, 4, false)}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if _, _, _, err := a.RecvFrom(make([]byte, 8), false); err != syscall.EAGAIN {
				t.Errorf("got %v, want EAGAIN: the rest of a cut one is lost", err)
			}
			must[int](t)(a.SendTo([]byte("back"), want[0].from))
			if got := receive(t, b, 64, false); got.payload != "back" || got.from != at {
				t.Errorf("got %v, want an answer from %v", got, at)
			}
		})
	}
}

func TestDatagramWithoutASendersName(t *testing.T) {
	h := newHost(t)
	at := host.Address{Path: t.TempDir() + "/socket"}
	a := bindTo(t, h, host.DatagramSocket, at)
	must[int](t)(newSocket(t, h, host.Unix, host.DatagramSocket).SendTo([]byte("x"), at))
	if got := receive(t, a, 8, false); got != (datagram{payload: "x"}) {
		t.Errorf("got %v, want a sender without a name", got)
	}
}

func TestRecvFromAStreamHasAnEnd(t *testing.T) {
	h := newHost(t)
	client, server := connection(t, h, listenAt(t, h, ip("127.0.0.1:0")))
	client.Write([]byte("last"))
	client.Close()
	if got := receive(t, server, 64, false); got.payload != "last" || got.truncated {
		t.Errorf("got %v", got)
	}
	await(t, server.FD(), unix.POLLIN)
	if _, _, _, err := server.RecvFrom(make([]byte, 8), false); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestConnectedToAClosedPortIsECONNREFUSED(t *testing.T) {
	h := newHost(t)
	closed := bindTo(t, h, host.DatagramSocket, ip("127.0.0.1:0"))
	at := must[host.Address](t)(closed.LocalAddress())
	closed.Close()
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	if err := s.Connect(at); err != nil {
		t.Fatal(err)
	}
	must[int](t)(s.SendTo([]byte("x"), host.Address{}))
	await(t, s.FD(), unix.POLLIN)
	if _, _, _, err := s.RecvFrom(make([]byte, 8), false); err != syscall.ECONNREFUSED {
		t.Errorf("got %v, want ECONNREFUSED", err)
	}
}

func TestSendingTellsWhyNot(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	if _, err := s.SendTo(make([]byte, 70_000), ip("127.0.0.1:9")); err != syscall.EMSGSIZE {
		t.Errorf("too long: got %v, want EMSGSIZE", err)
	}
	if _, err := s.SendTo([]byte("x"), host.Address{}); err != syscall.EDESTADDRREQ && err != syscall.ENOTCONN {
		t.Errorf("to nobody: got %v, want EDESTADDRREQ", err)
	}
}

func TestBroadcastNeedsItsOption(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	to := ip("255.255.255.255:9")
	if _, err := s.SendTo([]byte("x"), to); err != syscall.EACCES {
		t.Errorf("got %v, want EACCES", err)
	}
	option, _ := host.FindSocketOption("broadcast")
	if err := s.SetOption(option, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SendTo([]byte("x"), to); err == syscall.EACCES {
		t.Errorf("got %v with the option", err)
	}
}

// loopback is the interface of 127.0.0.1.
func loopback(t *testing.T) net.Interface {
	t.Helper()
	for _, candidate := range must[[]net.Interface](t)(net.Interfaces()) {
		if candidate.Flags&(net.FlagLoopback|net.FlagUp) == net.FlagLoopback|net.FlagUp {
			return candidate
		}
	}
	t.Skip("no loopback interface")
	return net.Interface{}
}

// linkLocal is a link-local address of this machine.
func linkLocal(t *testing.T) netip.Addr {
	t.Helper()
	for _, candidate := range must[[]net.Interface](t)(net.Interfaces()) {
		for _, address := range must[[]net.Addr](t)(candidate.Addrs()) {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().Is6() && prefix.Addr().IsLinkLocalUnicast() {
				return prefix.Addr().WithZone(candidate.Name)
			}
		}
	}
	t.Skip("no link-local address")
	return netip.Addr{}
}

func TestMulticastOnLoopback(t *testing.T) {
	lo := loopback(t)
	for _, c := range []struct {
		name, any, group, by string
	}{
		{"IPv4 by name", "0.0.0.0:0", "239.255.70.1", lo.Name},
		{"IPv4 by address", "0.0.0.0:0", "239.255.70.2", "127.0.0.1"},
		{"IPv6", "[::]:0", "ff01::7001", lo.Name},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			group := netip.MustParseAddr(c.group)
			s := bindTo(t, h, host.DatagramSocket, ip(c.any))
			if err := s.JoinGroup(group, c.by); host.Errno(err) == syscall.ENODEV || host.Errno(err) == syscall.EADDRNOTAVAIL {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			port := uint16(must[host.Address](t)(s.LocalAddress()).Port())
			to := host.Address{IP: netip.AddrPortFrom(group, port)}
			if _, err := s.SendTo([]byte("to all"), to); err == syscall.ENETUNREACH {
				t.Skip(err) // the interface has no route for groups
			} else if err != nil {
				t.Fatal(err)
			}
			if got := receive(t, s, 64, false); got.payload != "to all" {
				t.Errorf("got %v", got)
			}
			if err := s.LeaveGroup(group, c.by); err != nil {
				t.Fatal(err)
			}
			if err := s.LeaveGroup(group, c.by); host.Errno(err) != syscall.EADDRNOTAVAIL {
				t.Errorf("leaving twice: got %v, want EADDRNOTAVAIL", err)
			}
		})
	}
}

func TestJoiningTellsWhyNot(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	for _, c := range []struct {
		group, by string
		want      syscall.Errno
	}{
		{"127.0.0.1", "", syscall.EINVAL},
		{"239.1.1.1", "nonesuch", syscall.ENODEV},
		{"239.1.1.1", "192.0.2.1", syscall.ENODEV},
	} {
		if err := s.JoinGroup(netip.MustParseAddr(c.group), c.by); host.Errno(err) != c.want {
			t.Errorf("%s at %q: got %v, want %v", c.group, c.by, err, c.want)
		}
	}
}

func TestIPv4AddressOfAnIPv6Socket(t *testing.T) {
	h := newHost(t)
	a := bindTo(t, h, host.DatagramSocket, ip("127.0.0.1:0"))
	b := bindTo(t, h, host.DatagramSocket, ip("[::]:0"))
	at := must[host.Address](t)(a.LocalAddress())
	must[int](t)(b.SendTo([]byte("x"), at))
	from := receive(t, a, 8, false).from
	must[int](t)(a.SendTo([]byte("y"), from))
	if got := receive(t, b, 8, false); got.payload != "y" || got.from.String() != "[::ffff:127.0.0.1]:"+strconv.Itoa(at.Port()) {
		t.Errorf("got %v, want an answer from %v", got, at)
	}
}

func BenchmarkDatagram(b *testing.B) {
	for name, address := range map[string]host.Address{"udp": ip("127.0.0.1:0"), "unixgram": {Path: b.TempDir() + "/socket"}} {
		b.Run(name, func(b *testing.B) {
			h := host.New()
			s := bindTo(b, h, host.DatagramSocket, address)
			at := must[host.Address](b)(s.LocalAddress())
			p := make([]byte, 1024)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.SendTo(p, at); err != nil {
					b.Fatal(err)
				}
				if _, _, _, err := s.RecvFrom(p, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
