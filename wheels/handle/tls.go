package handle

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
)

// Side is one's part in a handshake.
type Side uint8

// The sides.
const (
	Client Side = iota
	Server
)

// TLS is how a connection becomes one with TLS.
type TLS struct {
	Config  *tls.Config // shared by many connections, so that sessions can be resumed
	Side    Side
	Early   []byte        // of the peer's side of the handshake, read already as plain input; at most 64 KiB
	Timeout time.Duration // of the handshake; 0: a minute
}

const (
	handshakeTime = time.Minute
	lingerTime    = 10 * time.Second // how long a closed handle goes on sending what it has taken

	recordSize  = 16 << 10 // the most plaintext that a record of TLS holds
	recordSlack = 1 << 10  // the most that it has around that
	aheadMax    = 64 << 10 // ciphertext that is read before the handshake wants it
	heldMax     = 64 << 10 // plaintext that waits for the end of the handshake
	outMax      = 64 << 10 // ciphertext that waits, beyond which Write takes nothing
	replyMax    = 4 * outMax
	looksMost   = 4 // reads of one look whether there is something to read
)

// secure is a TLS connection. Its handshake runs on a goroutine, which ends with it, and touches nothing but wire: the loop
// reads and writes the descriptor. Afterwards everything happens on the loop, within Read and Write, since crypto/tls bears
// that its connection says "not now" in the middle of a record.
//
// It is the gate of its descriptor: what the system calls readable may be half a record, and what is decrypted already the
// system does not know.
type secure struct {
	k    *kernel.Kernel
	raw  *host.Handle // what lies below
	conn *tls.Conn
	wire wire

	shaking bool // the handshake is going on
	done    bool // it has succeeded
	closed  bool
	after   func(err error)
	held    []byte // written during the handshake

	peek     [1]byte // the next byte for Read, if there is one: how else to know that there is more
	peeked   bool
	readErr  error // what Read gives from now on
	writeErr error // what Write gives from now on
	lost     error // the descriptor takes no more

	readShut  bool
	writeShut bool
	halfClose bool // the descriptor is to be shut down when all has gone out

	told   state // what the kernel knows
	linger *kernel.Timeout
}

// state is what of a connection decides what the kernel is asked.
type state struct{ readable, sending, taking bool }

// MayStartTLS says why StartTLS would be refused: EBADF for a closed handle, EISCONN for one with TLS, EOPNOTSUPP for what is no
// stream, EMSGSIZE when too much was read before. nil: it is not.
func (h *Handle) MayStartTLS(t TLS) error {
	switch {
	case h.FD() < 0:
		return refusal("", syscall.EBADF, "the handle is closed")
	case h.secure != nil:
		return refusal("", syscall.EISCONN, "the handle has it already")
	case len(t.Early) > aheadMax:
		return refusal("", syscall.EMSGSIZE, fmt.Sprintf("more than %d bytes were read before", aheadMax))
	}
	switch h.Kind() {
	case "udp", "unixgram", "file", "dir":
		return refusal("", syscall.EOPNOTSUPP, "not over a handle of kind "+h.Kind())
	}
	return nil
}

// StartTLS takes a stream's descriptor over and begins a handshake, which runs by itself. The old handle is closed then, and
// nobody watches it any more. A failure of the handshake is what Read and Write of the new one give.
func (h *Handle) StartTLS(k *kernel.Kernel, t TLS) (*Handle, error) {
	if err := h.MayStartTLS(t); err != nil {
		return nil, err
	}
	fd := h.FD()
	s := &secure{k: k, shaking: true}
	s.wire.open(s, t.Early)
	k.CloseWatched(fd)
	if err := k.SetGate(fd, s); err != nil {
		return nil, &host.OpError{Op: "tls", Err: err}
	}
	raw, err := h.Move()
	if err != nil {
		k.CloseWatched(fd)
		return nil, &host.OpError{Op: "tls", Err: err}
	}
	s.raw = raw
	if t.Side == Client {
		s.conn = tls.Client(&s.wire, t.Config)
	} else {
		s.conn = tls.Server(&s.wire, t.Config)
	}
	if t.Timeout <= 0 {
		t.Timeout = handshakeTime
	}
	go s.shake(t.Timeout)
	return &Handle{Handle: raw, secure: s}, nil
}

// shake is the goroutine of the handshake. Its time is bounded here and not by the kernel, so that it ends even when the loop
// has ended before.
func (s *secure) shake(limit time.Duration) {
	timer := time.AfterFunc(limit, func() {
		s.wire.stop(&kernel.Error{Errno: syscall.ETIMEDOUT, Message: fmt.Sprintf("the peer took longer than %v", limit)})
	})
	err := s.conn.Handshake()
	timer.Stop()
	s.k.Submit(func() { s.shaken(err) })
}

// shaken takes up the end of the handshake.
func (s *secure) shaken(err error) {
	if s.closed {
		return
	}
	s.shaking = false
	held := s.held
	s.held = nil
	if err == nil {
		s.done = true
		s.wire.settle()
		if len(held) > 0 {
			s.encrypt(held)
		}
		if s.writeShut {
			s.sendEnd()
		}
		s.peekOne() // what came behind the peer's last word of the handshake
	} else {
		err = explain("handshake", err)
		s.readErr, s.writeErr = err, err
		s.wire.in = nil
	}
	s.flush()
	s.k.Regate(s.raw.FD())
	if after := s.after; after != nil {
		s.after = nil
		after(err)
	}
}

// Wants implements kernel.Gate.
func (s *secure) Wants(want kernel.Modes) (ask, now kernel.Modes) {
	s.told = s.state()
	ask = want & kernel.CanExpedite
	if s.shaking {
		if s.wire.hungry() {
			ask |= kernel.CanRead
		}
		if s.told.taking {
			now = want & kernel.CanWrite
		}
	} else {
		if s.told.readable {
			now = want & kernel.CanRead
		} else {
			ask |= want & kernel.CanRead
		}
		if s.writeErr != nil || s.writeShut {
			now |= want & kernel.CanWrite
		} else {
			ask |= want & kernel.CanWrite
		}
	}
	if s.told.sending {
		ask |= kernel.CanWrite
	}
	return ask, now
}

// Ready implements kernel.Gate.
func (s *secure) Ready(ready kernel.Modes) (got kernel.Modes) {
	if ready&kernel.CanWrite != 0 {
		s.flush()
	}
	got = ready & kernel.CanExpedite
	if s.shaking {
		if ready&kernel.CanRead != 0 {
			s.feed()
		}
		if s.state().taking {
			got |= kernel.CanWrite
		}
		return got
	}
	if ready&kernel.CanRead != 0 && !s.readable() && !s.closed {
		s.look()
	}
	if s.readable() {
		got |= kernel.CanRead
	}
	if s.writeErr != nil || s.writeShut || ready&kernel.CanWrite != 0 && s.state().taking {
		got |= kernel.CanWrite
	}
	return got
}

func (s *secure) readable() bool { return s.peeked || s.readErr != nil }

func (s *secure) state() state {
	if s.shaking {
		// Writable once: a wheel that has written everything, and waits for it to leave, must not hear of it in each pass.
		return state{sending: s.wire.unsent() > 0, taking: len(s.held) == 0}
	}
	unsent := s.wire.unsent()
	return state{s.readable(), unsent > 0, unsent < outMax}
}

// tell has the kernel ask again when something has changed for it.
func (s *secure) tell() {
	if s.state() != s.told {
		s.k.Regate(s.raw.FD())
	}
}

// unsent is what was taken and not sent.
func (s *secure) unsent() int { return len(s.held) + s.wire.unsent() }

// feed gives the handshake what the descriptor has.
func (s *secure) feed() {
	buf := s.k.UnderScratch()[:recordSize+recordSlack]
	n, err := s.raw.Read(buf)
	if !wouldBlock(err) {
		s.wire.feed(buf[:n], cut(err))
	}
}

// fetch reads from the descriptor for crypto/tls, into memory on loan until keep. more says that there was something;
// drained, that there will be no more now.
func (s *secure) fetch(want int) (more, drained bool) {
	if s.wire.over != nil {
		return false, true
	}
	buf := s.k.UnderScratch()
	buf = buf[:min(len(buf), max(want, recordSize)+recordSlack)]
	n, err := s.raw.Read(buf)
	switch {
	case wouldBlock(err):
		return false, true
	case err != nil:
		s.wire.over = cut(err)
		return true, true
	}
	s.wire.in, s.wire.loan = buf[:n], true
	return true, n < len(buf)
}

// read is Handle.Read. It decrypts as much as p takes.
func (s *secure) read(p []byte) (n int, err error) {
	if s.shaking {
		return 0, syscall.EAGAIN
	}
	if len(p) == 0 {
		return 0, nil
	}
	if s.peeked {
		p[0], n, s.peeked = s.peek[0], 1, false
	}
	for drained := false; n < len(p) && s.readErr == nil; {
		if m, more := s.decrypt(p[n:]); more {
			n += m
			continue
		}
		if drained {
			break
		}
		var more bool
		if more, drained = s.fetch(len(p) - n); !more {
			break
		}
	}
	if n == len(p) && s.readErr == nil {
		s.peekOne()
	}
	s.wire.keep()
	s.flush()
	s.tell()
	switch {
	case n > 0:
		return n, nil
	case s.readErr != nil:
		return 0, s.readErr
	}
	return 0, syscall.EAGAIN
}

// decrypt reads what has come in; more is false when crypto/tls needs more for a record.
func (s *secure) decrypt(p []byte) (n int, more bool) {
	n, err := s.conn.Read(p)
	if err != nil && !wouldBlock(err) {
		s.readErr = io.EOF
		if err != io.EOF && !s.readShut {
			s.readErr = explain("", err)
		}
	}
	return n, n > 0 || s.readErr != nil
}

func (s *secure) peekOne() {
	if n, _ := s.decrypt(s.peek[:]); n == 1 {
		s.peeked = true
	}
}

// look finds out whether there is something to read: what has come may be half a record, or one of TLS's own.
func (s *secure) look() {
	s.peekOne()
	for range looksMost {
		if s.readable() {
			break
		}
		more, drained := s.fetch(0)
		if !more {
			break
		}
		if s.peekOne(); drained {
			break
		}
	}
	s.wire.keep()
}

// write is Handle.Write. During the handshake it holds what it takes.
func (s *secure) write(p []byte) (n int, err error) {
	switch {
	case s.writeErr != nil:
		return 0, s.writeErr
	case s.writeShut:
		return 0, syscall.EPIPE
	case len(p) == 0:
		return 0, nil
	case s.shaking:
		if n = min(len(p), heldMax-len(s.held)); n == 0 {
			return 0, syscall.EAGAIN
		}
		s.held = append(s.held, p[:n]...)
		s.tell()
		return n, nil
	}
	for n < len(p) && s.writeErr == nil {
		if s.wire.unsent() >= outMax {
			if s.flush(); s.wire.unsent() >= outMax {
				break
			}
		}
		n += s.encrypt(p[n:min(n+recordSize, len(p))])
	}
	s.flush()
	s.tell()
	switch {
	case n > 0:
		return n, nil
	case s.writeErr != nil:
		return 0, s.writeErr
	}
	return 0, syscall.EAGAIN
}

// encrypt puts plaintext into what is to be sent.
func (s *secure) encrypt(p []byte) int {
	s.wire.borrow(s.k.UnderScratch())
	n, err := s.conn.Write(p)
	if err != nil && s.writeErr == nil {
		s.writeErr = explain("", err)
	}
	return n
}

// flush sends what is to be sent, as far as the descriptor takes it.
func (s *secure) flush() {
	if err := s.wire.send(s.raw); err != nil && s.lost == nil {
		s.lost = err
		if s.writeErr == nil {
			s.writeErr = err
		}
	}
	if s.wire.unsent() > 0 {
		return
	}
	if s.halfClose && !s.shaking {
		s.halfClose = false
		_ = s.raw.Shutdown(false, true) // the peer may be gone, which is told by the next read
	}
	if s.linger != nil {
		s.lingered()
	}
}

// sendEnd puts close_notify behind what is to be sent.
func (s *secure) sendEnd() {
	if s.writeErr != nil {
		return
	}
	s.wire.borrow(s.k.UnderScratch())
	if err := s.conn.CloseWrite(); err != nil {
		s.writeErr = explain("", err)
	}
}

func (s *secure) shutdown(read, write bool) error {
	if read && !s.readShut {
		s.readShut = true
		if err := s.raw.Shutdown(true, false); err != nil {
			return err
		}
	}
	if write && !s.writeShut {
		s.writeShut, s.halfClose = true, true
		if !s.shaking {
			s.sendEnd()
			s.flush()
		}
	}
	s.tell()
	return nil
}

// close is Handle.Close. In the middle of a handshake it gives that up.
func (s *secure) close() error {
	_ = s.k.SetGate(s.raw.FD(), nil) // nothing is asked of the poller any more
	s.closed, s.after = true, nil
	if s.shaking {
		s.wire.stop(net.ErrClosed)
		return s.raw.Close()
	}
	if s.done && !s.writeShut {
		s.sendEnd()
	}
	s.flush()
	if s.wire.unsent() == 0 || s.lost != nil {
		return s.raw.Close()
	}
	raw, err := s.raw.Move()
	if err != nil {
		return err
	}
	s.raw = raw
	s.linger = s.k.After(lingerTime, s.lingered)
	if err := s.k.SetGate(raw.FD(), s); err != nil {
		s.lingered()
	}
	return nil
}

// lingered closes what a closed handle has left open.
func (s *secure) lingered() {
	s.linger.Stop()
	s.linger = nil
	_ = s.k.SetGate(s.raw.FD(), nil)
	_ = s.raw.Close() // nobody is left to be told
}
