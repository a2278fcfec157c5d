package host_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

func option(t *testing.T, name string) host.SocketOption {
	t.Helper()
	o, ok := host.FindSocketOption(name)
	if !ok {
		t.Fatalf("there is no option %s", name)
	}
	return o
}

func TestOptionsReadBack(t *testing.T) {
	const tcp, udp = host.StreamSocket, host.DatagramSocket
	cases := []struct {
		name   string
		kind   host.SocketKind
		values []int
	}{
		{"nodelay", tcp, []int{1, 0}},
		{"keepalive", tcp, []int{1, 0}},
		{"reuse_address", tcp, []int{1, 0}},
		{"reuse_port", tcp, []int{1, 0}},
		{"broadcast", udp, []int{1, 0}},
		{"linger", tcp, []int{0, 7, -1}},
		{"ttl", tcp, []int{1, 255}},
		{"multicast_ttl", udp, []int{0, 255}},
		{"multicast_loop", udp, []int{0, 1}},
	}
	for _, family := range []host.Family{host.Inet, host.Inet6} {
		for _, c := range cases {
			t.Run(family.String()+"/"+c.name, func(t *testing.T) {
				h := newHost(t)
				s, err := h.Socket(family, c.kind)
				if err != nil {
					t.Skip(err)
				}
				defer s.Close()
				o := option(t, c.name)
				for _, value := range c.values {
					if err := s.SetOption(o, value); err != nil {
						t.Fatal(err)
					}
					if got := must[int](t)(s.Option(o)); got != value {
						t.Errorf("got %d, want %d", got, value)
					}
				}
				for _, value := range []int{o.Least - 1, o.Most + 1} {
					if err := s.SetOption(o, value); host.Errno(err) != syscall.EINVAL {
						t.Errorf("%d: got %v, want EINVAL", value, err)
					}
				}
			})
		}
	}
}

func TestBuffersAreAtLeastWhatWasAsked(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.StreamSocket)
	for _, name := range []string{"receive_buffer", "send_buffer"} {
		if err := s.SetOption(option(t, name), 20_000); err != nil {
			t.Fatal(err)
		}
		if got := must[int](t)(s.Option(option(t, name))); got < 20_000 {
			t.Errorf("%s: got %d", name, got)
		}
	}
}

func TestOptionsOfOtherSockets(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.StreamSocket)
	if _, err := s.Option(option(t, "only_v6")); host.Errno(err) != syscall.ENOPROTOOPT {
		t.Errorf("IPv4: got %v, want ENOPROTOOPT", err)
	}
	if err := s.SetOption(option(t, "error"), 0); host.Errno(err) != syscall.ENOPROTOOPT {
		t.Errorf("error: got %v, want ENOPROTOOPT", err)
	}
	if _, ok := host.FindSocketOption("colour"); ok {
		t.Error("an option that there is not was found")
	}
	r, w, err := h.Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := r.Option(option(t, "keepalive")); host.Errno(err) != syscall.ENOTSOCK {
		t.Errorf("pipe: got %v, want ENOTSOCK", err)
	}
}

func TestTheErrorIsToldOnce(t *testing.T) {
	h := newHost(t)
	closed := bindTo(t, h, host.DatagramSocket, ip("127.0.0.1:0"))
	at := must[host.Address](t)(closed.LocalAddress())
	closed.Close()
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	if err := s.Connect(at); err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("x"))
	await(t, s.FD(), unix.POLLIN)
	for _, want := range []int{int(syscall.ECONNREFUSED), 0} {
		if got := must[int](t)(s.Option(option(t, "error"))); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
}

func TestKeepAliveReadsBack(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Inet, host.StreamSocket)
	before := must[host.KeepAlive](t)(s.KeepAlive())
	if err := s.SetKeepAlive(host.KeepAlive{Idle: 11, Count: 3}); err != nil {
		t.Fatal(err)
	}
	want := host.KeepAlive{Idle: 11, Interval: before.Interval, Count: 3}
	if got := must[host.KeepAlive](t)(s.KeepAlive()); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if must[int](t)(s.Option(option(t, "keepalive"))) != 1 {
		t.Error("it is not on")
	}
}
