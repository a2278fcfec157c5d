package handle_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

func TestTLSCarriesDataBothWays(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		for _, kind := range []string{"socketpair", "inet"} {
			t.Run(tls.VersionName(version)+" over "+kind, func(t *testing.T) {
				r := newRig(t)
				client, server := configs(t)
				client.MinVersion, client.MaxVersion = version, version
				server.MinVersion = version
				a, b := r.pair(kind)
				c := r.start(a, handle.TLS{Config: client, Side: handle.Client}, 4096)
				s := r.start(b, handle.TLS{Config: server, Side: handle.Server}, 4096)
				c.send("to the server")
				s.send("to the client")
				s.expect("to the server")
				c.expect("to the client")
				if info := c.Info(); info == nil || info.Version != version {
					t.Errorf("the client's state is %+v", info)
				}
			})
		}
	}
}

func TestTLSTellsNothingBeforeTheHandshakeIsOver(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	client.NextProtos, server.NextProtos = []string{"h2", "poe"}, []string{"poe"}
	a, b := r.pair("socketpair")
	c := r.start(a, handle.TLS{Config: client}, 100)
	if !c.Handshaking() || c.Info() != nil {
		t.Errorf("handshaking %v, info %v", c.Handshaking(), c.Info())
	}
	if _, err := c.Read(make([]byte, 10)); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("read: %v, want EAGAIN", err)
	}
	s := r.start(b, handle.TLS{Config: server, Side: handle.Server}, 100)
	r.until("the handshake", func() bool { return c.shaken && s.shaken })
	if c.Handshaking() {
		t.Error("the handshake goes on")
	}
	info := c.Info()
	if info == nil || info.NegotiatedProtocol != "poe" || len(info.VerifiedChains) == 0 || info.PeerCertificates[0].Subject.CommonName != "example.org" {
		t.Errorf("the client's state is %+v", info)
	}
	if info := s.Info(); info == nil || info.ServerName != "example.org" || len(info.VerifiedChains) > 0 {
		t.Errorf("the server's state is %+v", info)
	}
	if !strings.HasSuffix(c.Handle.String(), " with TLS") {
		t.Errorf("it is called %q", c.Handle)
	}
}

func TestTheOldHandleIsClosedAndUnwatched(t *testing.T) {
	r := newRig(t)
	client, _ := configs(t)
	a, b := r.pair("socketpair")
	old := r.attach(a, 100)
	fd := a.FD()
	secure, err := a.StartTLS(r.k, handle.TLS{Config: client})
	if err != nil {
		t.Fatal(err)
	}
	if secure.FD() != fd || a.FD() >= 0 || secure.Kind() != a.Kind() {
		t.Errorf("the new one has descriptor %d of kind %s, the old one %d; it was %d", secure.FD(), secure.Kind(), a.FD(), fd)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EBADF) {
		t.Errorf("write to the old handle: %v", err)
	}
	if err := r.k.Want(fd, kernel.Write, old, true); err == nil {
		t.Error("the old end still watches")
	}
	if _, err := secure.StartTLS(r.k, handle.TLS{Config: client}); !errors.Is(err, syscall.EISCONN) {
		t.Errorf("a second time: %v", err)
	}
	_, dup := secure.Dup()
	_, file := secure.File()
	_, _, _, recv := secure.RecvFrom(make([]byte, 1), false)
	_, send := secure.SendTo([]byte("secret"), host.Address{})
	_, passed := secure.RecvHandle()
	for name, err := range map[string]error{
		"Dup": dup, "File": file, "RecvFrom": recv, "SendTo": send, "RecvHandle": passed, "SendDescriptor": secure.SendDescriptor(0),
	} {
		if !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("%s goes past TLS: %v", name, err)
		}
	}
	if err := errors.Join(secure.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	if err := secure.Close(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("close a second time: %v", err)
	}
	if _, err := secure.Read(make([]byte, 1)); !errors.Is(err, syscall.EBADF) {
		t.Errorf("read after close: %v", err)
	}
}

func TestTLSHandshakeFailuresSayWhy(t *testing.T) {
	none := func(*testing.T, *tls.Config, *tls.Config) {}
	for _, c := range []struct {
		name                   string
		change                 func(t *testing.T, client, server *tls.Config)
		clientWant, serverWant string // "" no failure
	}{
		{"none", none, "", ""},
		{"wrong name", func(t *testing.T, c, s *tls.Config) { c.ServerName = "other.org" },
			"wrong name: certificate is valid for example.org, not other.org", "the peer refuses: bad certificate"},
		{"wrong address", func(t *testing.T, c, s *tls.Config) { c.ServerName = "127.0.0.1" },
			"wrong name: cannot validate certificate for 127.0.0.1", "bad certificate"},
		{"unknown authority", func(t *testing.T, c, s *tls.Config) { c.RootCAs = newAuthority(t).pool() },
			"unknown authority: certificate signed by unknown authority", "the peer refuses: bad certificate"},
		{"expired", func(t *testing.T, c, s *tls.Config) {
			a := newAuthority(t)
			c.RootCAs, s.Certificates[0] = a.pool(), a.issue(t, "example.org", -time.Minute)
		}, "expired: certificate has expired", "the peer refuses: bad certificate"},
		{"not verified", func(t *testing.T, c, s *tls.Config) {
			c.ServerName, c.RootCAs, c.InsecureSkipVerify = "other.org", newAuthority(t).pool(), true
		}, "", ""},
		{"version", func(t *testing.T, c, s *tls.Config) { c.MaxVersion, s.MinVersion = tls.VersionTLS12, tls.VersionTLS13 },
			"the peer refuses: protocol version not supported", "client offered only unsupported versions"},
		{"no protocol in common", func(t *testing.T, c, s *tls.Config) { c.NextProtos, s.NextProtos = []string{"a"}, []string{"b"} },
			"the peer refuses: no application protocol", "unsupported application protocols"},
		{"no certificate of the client", func(t *testing.T, c, s *tls.Config) {
			c.MaxVersion, s.ClientAuth = tls.VersionTLS12, tls.RequireAndVerifyClientCert
		}, "the peer refuses: handshake failure", "client didn't provide a certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			client, server := configs(t)
			c.change(t, client, server)
			a, b := r.connect(client, server)
			for _, e := range []struct {
				*end
				want string
			}{{a, c.clientWant}, {b, c.serverWant}} {
				if e.want == "" {
					if e.failure != nil {
						t.Errorf("failed: %v", e.failure)
					}
					continue
				}
				wantFailure(t, e.failure, syscall.EPROTO, "tls handshake: ")
				wantFailure(t, e.failure, syscall.EPROTO, e.want)
				_, readErr := e.Read(make([]byte, 1))
				_, writeErr := e.Write([]byte("x"))
				if readErr != e.failure || writeErr != e.failure {
					t.Errorf("read gives %v, write %v, want %v", readErr, writeErr, e.failure)
				}
				if e.Info() != nil {
					t.Error("there is a state")
				}
			}
		})
	}
}

// In TLS 1.3 a client is done before the server has seen its certificate: the refusal comes with the first read.
func TestTLSClientWithoutItsCertificateFails(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	server.ClientAuth = tls.RequireAndVerifyClientCert
	c, s := r.connect(client, server)
	wantFailure(t, s.failure, syscall.EPROTO, "client didn't provide a certificate")
	wantFailure(t, c.over(), syscall.EPROTO, "the peer refuses: certificate required")
}

func TestTLSWithoutTLSOnTheOtherSide(t *testing.T) {
	for _, c := range []struct {
		name, input string
		side        handle.Side
		errno       syscall.Errno
		want        string
	}{
		{"a browser without TLS", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", handle.Server, syscall.EPROTO, "the peer speaks plain HTTP"},
		{"a server without TLS", "HTTP/1.1 400 Bad Request\r\n\r\n", handle.Client, syscall.EPROTO, "the peer speaks plain HTTP"},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", handle.Client, syscall.EPROTO, `the peer does not speak TLS (first record does not look like a TLS handshake): it sent "SSH-2"`},
		{"zeros", strings.Repeat("\x00", 1000), handle.Server, syscall.EPROTO, "the peer does not speak TLS"},
		{"a record too long", "\x16\x03\x01\xff\xff" + strings.Repeat("x", 100), handle.Server, syscall.EPROTO, "oversized record"},
		{"a message too long", "\x16\x03\x01\x00\x04\x01\xff\xff\xff", handle.Server, syscall.EPROTO, "handshake message of length 16777215 bytes exceeds maximum"},
		{"the end", "", handle.Server, syscall.EPROTO, "the connection was cut"},
		{"the end in a record", "\x16\x03\x01\x00\x04\x01", handle.Client, syscall.EPROTO, "the connection was cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			client, server := configs(t)
			a, b := r.pair("socketpair")
			config := client
			if c.side == handle.Server {
				config = server
			}
			e := r.start(a, handle.TLS{Config: config, Side: c.side}, 100)
			if _, err := b.Write([]byte(c.input)); err != nil {
				t.Fatal(err)
			}
			if err := b.Shutdown("write"); err != nil {
				t.Fatal(err)
			}
			wantFailure(t, e.over(), c.errno, c.want)
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTLSHandshakeHasABoundInTime(t *testing.T) {
	r := newRig(t)
	_, server := configs(t)
	a, b := r.pair("socketpair")
	e := r.start(a, handle.TLS{Config: server, Side: handle.Server, Timeout: time.Millisecond}, 100)
	if _, err := b.Write([]byte("\x16\x03\x01\x01\x00")); err != nil { // begins, and never goes on
		t.Fatal(err)
	}
	wantFailure(t, e.over(), syscall.ETIMEDOUT, "tls handshake: the peer took longer than 1ms")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestTLSReadsABoundedAmountBeforeTheHandshakeWantsIt(t *testing.T) {
	r := newRig(t)
	_, server := configs(t)
	release := make(chan struct{})
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { <-release; return nil, nil }
	a, b := r.pair("socketpair")
	s := r.start(a, handle.TLS{Config: server, Side: handle.Server}, 100)
	hello := clientHello(t)
	sent := 0
	for pass := 0; pass < 200; pass++ {
		if sent < len(hello) {
			hello = append(hello, make([]byte, 64<<10)...)
		}
		n, err := b.Write(hello[sent:])
		if sent += n; err != nil && !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
		r.turn()
	}
	close(release)
	if sent > 2<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
	wantFailure(t, s.over(), syscall.EPROTO, "tls handshake: ")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// clientHello is what a client begins with.
func clientHello(t *testing.T) []byte {
	t.Helper()
	r := newRig(t)
	client, _ := configs(t)
	a, b := r.pair("socketpair")
	e := r.start(a, handle.TLS{Config: client}, 100)
	buf := make([]byte, 8192)
	n := 0
	r.until("a client's hello", func() bool { n, _ = b.Read(buf); return n > 0 })
	e.shut()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	return buf[:n]
}

func TestClosingEndsAHandshake(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	a, b := r.pair("socketpair")
	e := r.start(a, handle.TLS{Config: client}, 100)
	e.shut()
	if _, err := io.ReadAll(untilEnd{r, b}); err != nil { // part of a hello may have come
		t.Error(err)
	}
	if e.shaken {
		t.Error("the handshake's end was told")
	}
	s := r.start(b, handle.TLS{Config: server, Side: handle.Server}, 100)
	s.shut()
}

// untilEnd waits for input.
type untilEnd struct {
	r *rig
	h *handle.Handle
}

func (u untilEnd) Read(p []byte) (n int, err error) {
	for {
		n, err = u.h.Read(p)
		if !errors.Is(err, syscall.EAGAIN) {
			return n, err
		}
		u.r.turn()
	}
}

func TestTLSEndsCleanlyOnlyWithCloseNotify(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(e *end)
		want func(t *testing.T, err error)
	}{
		{"close", func(e *end) { e.shut() }, func(t *testing.T, err error) {
			if !isEnd(err) {
				t.Errorf("got %v, want the end", err)
			}
		}},
		{"a cut", func(e *end) { e.r.k.CloseWatched(e.FD()); _ = e.Handle.Handle.Close() }, func(t *testing.T, err error) {
			wantFailure(t, err, syscall.EPROTO, "tls: the connection was cut")
		}},
		{"a reset", func(e *end) {
			if err := syscall.SetsockoptLinger(e.FD(), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}); err != nil {
				e.r.t.Fatal(err)
			}
			e.r.k.CloseWatched(e.FD())
			_ = e.Handle.Handle.Close()
		}, func(t *testing.T, err error) { wantFailure(t, err, syscall.ECONNRESET, "tls: connection reset") }},
		{"garbage", func(e *end) { _, _ = e.Handle.Handle.Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32))) },
			func(t *testing.T, err error) { wantFailure(t, err, syscall.EPROTO, "tls: bad record MAC") }},
		{"plain text", func(e *end) { _, _ = e.Handle.Handle.Write([]byte("HTTP/1.1 500 no\r\n")) },
			func(t *testing.T, err error) { wantFailure(t, err, syscall.EPROTO, "tls: ") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			client, server := configs(t)
			a, b := r.pair("inet")
			cl := r.start(a, handle.TLS{Config: client, Side: handle.Client}, 4096)
			s := r.start(b, handle.TLS{Config: server, Side: handle.Server}, 4096)
			cl.send("hello")
			s.expect("hello")
			c.end(cl)
			err := s.over()
			c.want(t, err)
			if _, again := s.Read(make([]byte, 1)); again != err {
				t.Errorf("a second read gives %v, want %v again", again, err)
			}
		})
	}
}

func TestTLSEndComesAfterTheLastBytes(t *testing.T) {
	r := newRig(t)
	c, s := r.established(configs(t))
	s.block = 3
	c.send("0123456789")
	c.shut()
	if err := s.over(); !isEnd(err) {
		t.Errorf("got %v, want the end", err)
	}
	s.expect("0123456789")
}

func TestTLSHalfClose(t *testing.T) {
	r := newRig(t)
	c, s := r.established(configs(t))
	c.send("question")
	if err := c.Shutdown("write"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write after shutdown: %v", err)
	}
	if err := s.over(); !isEnd(err) {
		t.Errorf("the server's input ends with %v", err)
	}
	s.expect("question")
	s.send("answer")
	c.expect("answer")
	if err := s.Shutdown("both"); err != nil {
		t.Fatal(err)
	}
	if err := c.over(); !isEnd(err) {
		t.Errorf("the client's input ends with %v", err)
	}
	if _, err := s.Read(make([]byte, 1)); !isEnd(err) {
		t.Errorf("read after shutdown: %v", err)
	}
	if err := s.Shutdown("nothing"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("an unknown way: %v", err)
	}
}

func TestTLSStartsInMidConnection(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	a, b := r.pair("socketpair")
	if _, err := a.Write([]byte("STARTTLS\n")); err != nil {
		t.Fatal(err)
	}
	c := r.start(a, handle.TLS{Config: client}, 100) // does not wait for an answer
	buf := make([]byte, 4096)
	var plain []byte
	r.until("the hello behind the plain line", func() bool {
		n, _ := b.Read(buf)
		plain = append(plain, buf[:n]...)
		return len(plain) > 100
	})
	line, early, _ := bytes.Cut(plain, []byte("\n"))
	if string(line) != "STARTTLS" {
		t.Errorf("the plain line is %q", line)
	}
	s := r.start(b, handle.TLS{Config: server, Side: handle.Server, Early: early}, 100)
	c.send("secret")
	s.expect("secret")
}

// relay moves bytes between two descriptors, a few in each turn.
type relay struct {
	r     *rig
	from  *handle.Handle
	to    *handle.Handle
	bytes int
	moved []byte // all of them
}

func (x *relay) String() string     { return "a relay" }
func (x *relay) Closed(kernel.Mode) {}
func (x *relay) Ready(kernel.Mode) {
	buf := make([]byte, x.bytes)
	n, err := x.from.Read(buf)
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		if err := x.r.k.Want(x.from.FD(), kernel.Read, x, false); err != nil {
			x.r.t.Error(err)
		}
		return
	}
	x.moved = append(x.moved, buf[:n]...)
	if _, err := x.to.Write(buf[:n]); err != nil {
		x.r.t.Errorf("relay: %v", err)
	}
}

// relayed gives the ends of a connection whose bytes pass a relay.
func (r *rig) relayed(client, server *tls.Config, bytes int) (c, s *end, toServer *relay) {
	r.t.Helper()
	a, x := r.pair("socketpair")
	y, b := r.pair("socketpair")
	toServer = &relay{r: r, from: x, to: y, bytes: bytes}
	for _, way := range []*relay{toServer, {r: r, from: y, to: x, bytes: bytes}} {
		if err := errors.Join(r.k.Attach(way.from.FD(), kernel.Read, way), r.k.Want(way.from.FD(), kernel.Read, way, true)); err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() {
			r.k.CloseWatched(way.from.FD())
			if err := way.from.Close(); err != nil {
				r.t.Error(err)
			}
		})
	}
	c = r.start(a, handle.TLS{Config: client, Side: handle.Client}, 4096)
	s = r.start(b, handle.TLS{Config: server, Side: handle.Server}, 4096)
	return c, s, toServer
}

func TestTLSBearsRecordsCutAtEveryByte(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newRig(t)
			client, server := configs(t)
			client.MaxVersion = version
			c, s, _ := r.relayed(client, server, 1)
			c.send("one")
			c.send("two")
			s.expect("onetwo")
			s.send("three")
			c.expect("three")
			if c.emptyRead+s.emptyRead > 0 {
				t.Errorf("of the calls because there was something to read, %d and %d found nothing", c.emptyRead, s.emptyRead)
			}
			c.shut()
			if err := s.over(); !isEnd(err) {
				t.Errorf("got %v, want the end", err)
			}
		})
	}
}

// What is decrypted already makes a handle readable again and again, until it is read.
func TestTLSReadableMeansThatThereIsSomethingToRead(t *testing.T) {
	r := newRig(t)
	c, s := r.established(configs(t)) // the server has sent tickets, which are nothing to read
	for range 5 {
		r.turn()
	}
	if c.readable > 0 {
		t.Errorf("the client was told %d times of nothing", c.readable)
	}
	c.block = 1
	s.send("0123456789")
	c.expect("0123456789")
	if c.readable != 10 || c.emptyRead != 0 {
		t.Errorf("told %d times, %d of them of nothing; want 10 and 0", c.readable, c.emptyRead)
	}
	c.want(kernel.Read, false)
	s.send("more")
	for range 5 {
		r.turn()
	}
	if c.readable != 10 {
		t.Error("told without wanting to hear")
	}
	c.want(kernel.Read, true)
	c.expect("more")
}

func TestTLSMovesMuchBothWaysAtOnce(t *testing.T) {
	const size = 8 << 20
	r := newRig(t)
	c, s := r.established(configs(t))
	c.block, s.block = 7777, 64<<10
	up, down := strings.Repeat("0123456789abcdef", size/16), strings.Repeat("fedcba9876543210", size/16)
	c.send(up)
	s.send(down)
	r.until("all", func() bool { return s.got.Len() == size && c.got.Len() == size || c.readErr != nil || s.readErr != nil })
	if s.got.String() != up || c.got.String() != down {
		t.Errorf("the bytes differ: %d and %d, %v and %v", s.got.Len(), c.got.Len(), c.readErr, s.readErr)
	}
}

func TestTLSTakesABoundedAmount(t *testing.T) {
	r := newRig(t)
	c, s := r.established(configs(t))
	s.want(kernel.Read, false)
	taken := fill(t, c)
	if n := c.Unsent(); n == 0 || n > 96<<10 {
		t.Errorf("%d bytes wait", n)
	}
	for range 5 {
		r.turn()
	}
	if n := fill(t, c); n > 0 {
		t.Errorf("%d more bytes were taken though nobody has read", n)
	}
	s.want(kernel.Read, true)
	r.until("all that was taken", func() bool { return s.got.Len() == taken })
	if c.Unsent() != 0 {
		t.Errorf("%d bytes wait", c.Unsent())
	}
}

// fill writes until nothing more is taken.
func fill(t *testing.T, e *end) (taken int) {
	t.Helper()
	for {
		n, err := e.Write(make([]byte, 100_000))
		taken += n
		if errors.Is(err, syscall.EAGAIN) {
			return taken
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Closed or not, what was taken arrives, and the end behind it.
func TestTLSCloseSendsWhatWasTaken(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, e *end)
	}{
		{"close", func(t *testing.T, e *end) { e.shut() }},
		{"shutdown", func(t *testing.T, e *end) {
			if err := e.Shutdown("write"); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			client, s := r.established(configs(t))
			s.want(kernel.Read, false)
			taken := fill(t, client)
			c.end(t, client)
			s.want(kernel.Read, true)
			if err := s.over(); !isEnd(err) || s.got.Len() != taken {
				t.Errorf("%d bytes came, then %v; %d were taken", s.got.Len(), err, taken)
			}
		})
	}
}

func TestTLSCloseGivesUpWhenThePeerIsGone(t *testing.T) {
	r := newRig(t)
	c, s := r.established(configs(t))
	s.want(kernel.Read, false)
	fill(t, c)
	c.shut()
	s.shut()
	r.until("the descriptor's end", func() bool { return r.host.Handles() == 0 })
}

func TestTLSHoldsWhatIsWrittenDuringTheHandshake(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	a, b := r.pair("socketpair")
	c := r.start(a, handle.TLS{Config: client}, 4096)
	taken := fill(t, c)
	if taken != 64<<10 || c.Unsent() < taken {
		t.Errorf("%d bytes were taken, %d are not sent", taken, c.Unsent())
	}
	if err := c.Shutdown("write"); err != nil {
		t.Error(err)
	}
	s := r.start(b, handle.TLS{Config: server, Side: handle.Server}, 4096)
	if err := s.over(); !isEnd(err) || s.got.Len() != taken {
		t.Errorf("%d bytes came, then %v", s.got.Len(), err)
	}
}

func TestTLSWhatIsHeldIsNotWritable(t *testing.T) {
	r := newRig(t)
	client, _ := configs(t)
	a, b := r.pair("socketpair")
	c := r.start(a, handle.TLS{Config: client}, 4096)
	w := &writes{}
	r.k.Detach(c.FD(), kernel.Write, c)
	if err := errors.Join(r.k.Attach(c.FD(), kernel.Write, w), r.k.Want(c.FD(), kernel.Write, w, true)); err != nil {
		t.Fatal(err)
	}
	if r.turn(); w.calls == 0 {
		t.Error("a handle that holds nothing is not writable")
	}
	if n, err := c.Write([]byte("held")); n != 4 || err != nil {
		t.Errorf("%d bytes were taken: %v", n, err)
	}
	w.calls = 0
	for range 10 {
		r.turn()
	}
	if w.calls > 0 {
		t.Errorf("writable %d times in 10 turns", w.calls)
	}
	r.k.Detach(c.FD(), kernel.Write, w)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// writes counts how often a handle is writable.
type writes struct{ calls int }

func (w *writes) String() string     { return "a counter" }
func (w *writes) Closed(kernel.Mode) {}
func (w *writes) Ready(kernel.Mode)  { w.calls++ }

func TestTLSNothingLeavesInPlain(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	c, s, toServer := r.relayed(client, server, 1000)
	c.send("a secret that nobody may see")
	s.expect("a secret that nobody may see")
	if bytes.Contains(toServer.moved, []byte("secret")) {
		t.Error("it was seen")
	}
}

func TestTLSSessionsAreResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newRig(t)
			client, server := configs(t)
			client.MaxVersion, client.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
			for i := range 2 {
				c, s := r.established(client, server)
				s.send("x") // behind the ticket
				c.expect("x")
				if got := c.Info().DidResume; got != (i == 1) {
					t.Errorf("connection %d: resumed %v", i, got)
				}
				if len(c.Info().VerifiedChains) == 0 {
					t.Errorf("connection %d is not verified", i)
				}
				c.shut()
				s.shut()
			}
		})
	}
}

func TestTLSAsksForCertificatesOnTheLoop(t *testing.T) {
	r := newRig(t)
	client, server := configs(t)
	certificate := server.Certificates[0]
	server.Certificates = nil
	outside := errors.New("no such name")
	asked := ""
	server.GetCertificate = handle.AskLoop(r.k, func(name string) (*tls.Certificate, error) {
		asked = name // the race detector looks on
		if name != "example.org" {
			return nil, outside
		}
		return &certificate, nil
	})
	c, s := r.established(client, server)
	c.shut()
	s.shut()
	if asked != "example.org" {
		t.Errorf("asked for %q", asked)
	}
	client.ServerName = "other.org"
	_, s = r.connect(client, server)
	wantFailure(t, s.failure, syscall.EPROTO, "tls handshake: no such name")

	hello := clientHello(t)
	a, b := r.pair("socketpair")
	waiting := r.start(a, handle.TLS{Config: server, Side: handle.Server}, 100)
	if _, err := b.Write(hello); err != nil {
		t.Fatal(err)
	}
	asked = ""
	server.GetCertificate = nil
	waiting.shut() // perhaps while it waits for an answer: its goroutine ends in any case
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestTLSIsForStreams(t *testing.T) {
	r := newRig(t)
	client, _ := configs(t)
	file, err := r.host.Open(t.TempDir(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := handle.New(file)
	if _, err := h.StartTLS(r.k, handle.TLS{Config: client}); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("over a directory: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, err := h.StartTLS(r.k, handle.TLS{Config: client}); !errors.Is(err, syscall.EBADF) {
		t.Errorf("over a closed handle: %v", err)
	}
}

// With K at the beginning of a line, openssl changes its key and asks us to change ours.
func TestTLSWithOpenSSLAndNewKeys(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl")
	}
	r := newRig(t)
	_, server := configs(t)
	server.ClientAuth = tls.RequestClientCert
	ends, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(ends)
	if err := errors.Join(syscall.Bind(ends, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(ends, 1)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(ends)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	cmd := exec.Command(openssl, "s_client", "-connect", address, "-tls1_3")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &output{k: r.k}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	fd, _, err := syscall.Accept(ends)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := r.host.Wrap(fd, false)
	if err != nil {
		t.Fatal(err)
	}
	s := r.start(handle.New(raw), handle.TLS{Config: server, Side: handle.Server}, 100)
	for i := range 5 {
		if _, err := io.WriteString(in, fmt.Sprintf("line %d\n", i)); err != nil {
			t.Fatal(err)
		}
		s.expect(fmt.Sprintf("line %d\n", i))
		if _, err := io.WriteString(in, "K\n"); err != nil {
			t.Fatal(err)
		}
		r.until("the new keys", func() bool { return strings.Count(out.String(), "KEYUPDATE") > i })
		s.send(fmt.Sprintf("answer %d\n", i)) // with the new key
		r.until("the answer", func() bool { return strings.Contains(out.String(), fmt.Sprintf("answer %d\n", i)) })
	}
	if _, err := io.WriteString(in, "the end\n"); err != nil {
		t.Fatal(err)
	}
	s.expect("the end\n") // unread input would make closing a reset
	s.send("goodbye\n")
	s.shut()
	if err := errors.Join(cmd.Wait(), in.Close()); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Log(err) // its version decides what it thinks of the end
	}
	if !strings.Contains(out.String(), "goodbye\n") {
		t.Errorf("openssl's output lacks the last line:\n%s", out.String())
	}
}

// output is what a program has written so far; the loop wakes up when it writes.
type output struct {
	k   *kernel.Kernel
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.k.Submit(func() {})
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Whatever a peer sends, it ends in a failure or in nothing, for both sides.
func FuzzTLSInput(f *testing.F) {
	for _, seed := range []string{
		"", "GET / HTTP/1.1\r\n", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", "\x15\x03\x01\x00\x02\x02\x28",
		"\x15\x03\x01\x00\x02\x01\x00", "\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00", "\x80\x2e\x01\x03\x01", "\x14\x03\x03\x00\x01\x01",
	} {
		f.Add([]byte(seed))
	}
	client, server := configs(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		r := newRig(t)
		for side, config := range []*tls.Config{handle.Client: client, handle.Server: server} {
			a, b := r.pair("socketpair")
			e := r.start(a, handle.TLS{Config: config, Side: handle.Side(side)}, 100)
			if _, err := b.Write(input[:min(len(input), 10_000)]); err != nil {
				t.Fatal(err)
			}
			if err := b.Shutdown("write"); err != nil {
				t.Fatal(err)
			}
			if err := e.over(); err == nil || isEnd(err) {
				t.Errorf("the input ends with %v", err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
