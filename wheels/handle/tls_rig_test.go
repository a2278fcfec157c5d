package handle_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// patience is how long a test may wait for what must come.
const patience = 20 * time.Second

// rig is a kernel in real time, which runs while a test waits for something.
type rig struct {
	t    testing.TB
	k    *kernel.Kernel
	host *host.Host
}

// newRig makes a rig. At the end of the test no handle may be open, and no handshake's goroutine be left.
func newRig(t testing.TB) *rig {
	r := &rig{t, kernel.New(kernel.Options{}), host.New()}
	if _, err := r.k.Spawn(kernel.Session{Alias: "keeper"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); handshakes() > 0; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Error("goroutines of handshakes are left")
				break
			}
		}
		if n := r.host.Handles(); n > 0 {
			t.Errorf("%d handles are left open", n)
		}
		if err := errors.Join(r.k.Close(), r.host.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// handshakes counts the goroutines of handshakes.
func handshakes() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*secure).shake(")
}

// until runs the kernel until ok is true.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := false
	err := r.k.RunWhile(ctx, func() bool { done = ok(); return !done })
	if err != nil || !done {
		r.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// turn runs the kernel for one pass that finds nothing to wait for.
func (r *rig) turn() {
	turned := false
	r.k.Submit(func() { turned = true })
	r.until("a turn", func() bool { return turned })
}

// end is one end of a connection: it reads all that comes and writes all that it has, as a wheel does.
type end struct {
	*handle.Handle
	r         *rig
	block     int // bytes of one read
	got       bytes.Buffer
	readable  int // calls because there is something to read
	emptyRead int // of these, those that found nothing
	readErr   error
	queue     []byte
	writeErr  error
	shaken    bool
	failure   error // of the handshake
}

func (e *end) String() string { return "an end" }

func (e *end) Closed(kernel.Mode) {}

func (e *end) Ready(m kernel.Mode) {
	if m == kernel.Write {
		e.push()
		return
	}
	e.readable++
	buf := make([]byte, e.block)
	switch n, err := e.Read(buf); {
	case err == nil:
		e.got.Write(buf[:n])
	case errors.Is(err, syscall.EAGAIN):
		e.emptyRead++
	default:
		e.readErr = err
		e.want(kernel.Read, false)
	}
}

func (e *end) push() {
	for len(e.queue) > 0 && e.writeErr == nil {
		n, err := e.Write(e.queue)
		e.queue = e.queue[n:]
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		e.writeErr = err
	}
	e.want(kernel.Write, len(e.queue) > 0 && e.writeErr == nil)
}

func (e *end) want(m kernel.Mode, on bool) {
	e.r.t.Helper()
	if err := e.r.k.Want(e.FD(), m, e, on); err != nil {
		e.r.t.Fatal(err)
	}
}

func (e *end) send(s string) {
	e.r.t.Helper()
	e.queue = append(e.queue, s...)
	e.push()
}

// shut closes the end as a wheel does.
func (e *end) shut() {
	e.r.t.Helper()
	e.r.k.CloseWatched(e.FD())
	if err := e.Close(); err != nil {
		e.r.t.Errorf("close: %v", err)
	}
}

// attach has an end read and write by itself.
func (r *rig) attach(h *handle.Handle, block int) *end {
	r.t.Helper()
	e := &end{Handle: h, r: r, block: block}
	for _, m := range []kernel.Mode{kernel.Read, kernel.Write} {
		if err := r.k.Attach(h.FD(), m, e); err != nil {
			r.t.Fatal(err)
		}
	}
	e.want(kernel.Read, true)
	r.t.Cleanup(func() {
		if h.FD() >= 0 {
			e.shut()
		}
	})
	return e
}

// start begins TLS on a handle.
func (r *rig) start(h *handle.Handle, o handle.TLS, block int) *end {
	r.t.Helper()
	secure, err := h.StartTLS(r.k, o)
	if err != nil {
		r.t.Fatal(err)
	}
	e := r.attach(secure, block)
	secure.OnHandshake(func(err error) { e.shaken, e.failure = true, err })
	return e
}

func (r *rig) pair(kind string) (a, b *handle.Handle) {
	r.t.Helper()
	x, _, y, _, err := r.host.PipePair(kind)
	if err != nil {
		r.t.Fatal(err)
	}
	return handle.New(x), handle.New(y)
}

// connect gives the two ends of a new connection after their handshake.
func (r *rig) connect(client, server *tls.Config) (c, s *end) {
	r.t.Helper()
	a, b := r.pair("socketpair")
	c = r.start(a, handle.TLS{Config: client, Side: handle.Client}, 4096)
	s = r.start(b, handle.TLS{Config: server, Side: handle.Server}, 4096)
	r.until("the handshake", func() bool { return c.shaken && s.shaken })
	return c, s
}

// established is connect for what must succeed.
func (r *rig) established(client, server *tls.Config) (c, s *end) {
	r.t.Helper()
	c, s = r.connect(client, server)
	if c.failure != nil || s.failure != nil {
		r.t.Fatalf("client: %v, server: %v", c.failure, s.failure)
	}
	return c, s
}

// expect waits until an end has got exactly this.
func (e *end) expect(want string) {
	e.r.t.Helper()
	e.r.until("input", func() bool { return e.got.Len() >= len(want) || e.readErr != nil })
	if got := e.got.String(); got != want {
		e.r.t.Errorf("got %d bytes %.80q (then %v), want %.80q", len(got), got, e.readErr, want)
	}
	e.got.Reset()
}

// over waits for the end of an end's input.
func (e *end) over() error {
	e.r.t.Helper()
	e.r.until("the end of input", func() bool { return e.readErr != nil })
	return e.readErr
}

func wantFailure(t testing.TB, err error, errno syscall.Errno, text string) {
	t.Helper()
	if !errors.Is(err, errno) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%d), want %q and %v", err, host.Errno(err), text, errno)
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	made := a.issue(t, "the authority", time.Hour)
	a.cert, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate for a name or address that is valid for so long from now on.
func (a *authority) issue(t testing.TB, name string, valid time.Duration) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(valid)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: end.Add(-24 * time.Hour), NotAfter: end, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		template.IsCA, template.KeyUsage, template.DNSNames, template.ExtKeyUsage = true, x509.KeyUsageCertSign, nil, nil
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// configs are a client's and a server's that go together.
func configs(t testing.TB) (client, server *tls.Config) {
	t.Helper()
	a := newAuthority(t)
	server = &tls.Config{Certificates: []tls.Certificate{a.issue(t, "example.org", time.Hour)}}
	return &tls.Config{ServerName: "example.org", RootCAs: a.pool()}, server
}

// isEnd says whether an error is the clean end.
func isEnd(err error) bool { return err == io.EOF }
