package handle

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
)

// wire is what crypto/tls takes for its connection: two buffers of ciphertext. During the handshake its Read waits for the loop
// to feed it, and mu is held by whoever uses the buffers; afterwards Read says EAGAIN when nothing is there.
type wire struct {
	s *secure

	mu      sync.Mutex
	fed     sync.Cond // in, over or stopped is new
	waits   bool      // Read waits
	full    bool      // the loop does not read on before Read has taken something
	pending bool      // the loop knows that there is something to send
	stopped error     // what ends the handshake
	gone    chan struct{}

	in   []byte // what crypto/tls has not taken
	loan bool   // in is the kernel's memory
	over error  // what comes after in
	out  []byte // what is to be sent, from sent on
	sent int
	lent bool // out is the kernel's memory
}

var _ net.Conn = (*wire)(nil)

func (w *wire) open(s *secure, early []byte) {
	w.s, w.waits = s, true
	w.fed.L = &w.mu
	w.gone = make(chan struct{})
	w.in = append(w.in, early...)
}

// stop ends the handshake. Safe from any goroutine; it does nothing afterwards.
func (w *wire) stop(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped == nil && w.waits {
		w.stopped = err
		close(w.gone)
		w.fed.Broadcast()
	}
}

// settle ends the waiting: the handshake has succeeded.
func (w *wire) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits, w.gone = false, nil
}

// feed takes over what was read during the handshake, and the error that came instead.
func (w *wire) feed(p []byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in = append(w.in, p...)
	w.over = err
	w.fed.Broadcast()
}

// hungry says whether the handshake can use more input.
func (w *wire) hungry() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full = len(w.in) >= aheadMax
	return !w.full && w.over == nil && w.stopped == nil
}

// unsent is the number of bytes to be sent.
func (w *wire) unsent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.out) - w.sent
}

// Read is for crypto/tls.
func (w *wire) Read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.waits && len(w.in) == 0 && w.over == nil && w.stopped == nil {
		if w.full {
			w.full = false
			w.s.k.Submit(w.s.pump)
		}
		w.fed.Wait()
	}
	switch {
	case w.waits && w.stopped != nil:
		return 0, w.stopped
	case len(w.in) > 0:
		n := copy(p, w.in)
		if w.in = w.in[n:]; len(w.in) == 0 {
			w.in = nil
		}
		return n, nil
	case w.over != nil:
		return 0, w.over
	}
	return 0, syscall.EAGAIN // crypto/tls takes it for what passes, and goes on where it was
}

// Write is for crypto/tls. It takes everything: what a program writes is bounded by secure.write, and what TLS itself has to say
// beyond replyMax is an error.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.out)-w.sent+len(p) > replyMax {
		return 0, &kernel.Error{Errno: syscall.ENOBUFS, Message: "the peer does not take what it asks for"}
	}
	w.out = append(w.out, p...)
	if w.waits && !w.pending {
		w.pending = true
		w.s.k.Submit(w.s.pump)
	}
	return len(p), nil
}

// borrow has output gathered in the kernel's memory, if there is none yet; send gives it back.
func (w *wire) borrow(p []byte) {
	if len(w.out) == 0 {
		w.out, w.sent, w.lent = p[:0], 0, true
	}
}

// send writes to the descriptor what it takes. When it fails, what was to be sent is dropped.
func (w *wire) send(h *host.Handle) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = false
	for w.sent < len(w.out) {
		n, err := h.Write(w.out[w.sent:])
		w.sent += n
		if wouldBlock(err) {
			break
		}
		if err != nil {
			w.out, w.sent, w.lent = nil, 0, false
			return err
		}
	}
	switch rest := w.out[w.sent:]; {
	case len(rest) == 0:
		w.out = nil
	case w.lent:
		w.out = append([]byte(nil), rest...)
	case w.sent < len(w.out)/2:
		return nil
	default:
		w.out = w.out[:copy(w.out, rest)]
	}
	w.sent, w.lent = 0, false
	return nil
}

// keep ends the loan of in's memory.
func (w *wire) keep() {
	if w.loan {
		w.in, w.loan = append([]byte(nil), w.in...), false
	}
}

// Close is for crypto/tls, which never calls it here: the descriptor is not the wire's.
func (w *wire) Close() error { return nil }

// LocalAddr, RemoteAddr and the deadlines are for crypto/tls, which is content with these.
func (w *wire) LocalAddr() net.Addr              { return wireAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return wireAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

type wireAddr struct{}

func (wireAddr) Network() string { return "tls" }
func (wireAddr) String() string  { return "" }

// pump does for the handshake what it asks the loop for.
func (s *secure) pump() {
	if !s.closed {
		s.flush()
		s.k.Regate(s.raw.FD())
	}
}

// AskLoop makes a tls.Config's GetCertificate of a function that the loop calls, with the name that the client asked for. The
// handshake waits for it, and gives up when its handle is closed.
func AskLoop(k *kernel.Kernel, f func(name string) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	type answer struct {
		certificate *tls.Certificate
		err         error
	}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		w, ok := hello.Conn.(*wire)
		if !ok {
			return nil, fmt.Errorf("a connection that is not a handle's: %T", hello.Conn)
		}
		answers := make(chan answer, 1)
		k.Submit(func() {
			if !w.s.closed {
				c, err := f(hello.ServerName)
				answers <- answer{c, err}
			}
		})
		select {
		case a := <-answers:
			return a.certificate, a.err
		case <-w.gone:
			return nil, w.reason()
		}
	}
}

func (w *wire) reason() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped
}

// cut makes the end of the descriptor's input what it is for TLS, which has an end of its own: a failure.
func cut(err error) error {
	if err == io.EOF {
		return errCut
	}
	return err
}
