// Package handle is what wheels, drivers and scripts read and write: descriptors made non-blocking, with TLS over them where
// it was started, and the driver that moves bytes between one and memory.
//
//	Handle  a descriptor, plain or with TLS
//	SysRW   the driver: a queue of output, and reads of a bounded size
package handle

import (
	"crypto/tls"
	"errors"
	"os"
	"syscall"

	"github.com/poelua/poelua/kernel/host"
)

// Handle is a descriptor. Whoever made it closes it. Loop goroutine only.
type Handle struct {
	*host.Handle
	secure *secure // nil: plain
}

// New makes a handle of one of the host's.
func New(h *host.Handle) *Handle { return &Handle{Handle: h} }

// Read reads what is there: io.EOF at the end, EAGAIN when nothing is there now. With TLS, the end is the peer's close_notify;
// one without it is EPROTO, and so is a handshake that failed.
func (h *Handle) Read(p []byte) (int, error) {
	if h.secure == nil {
		return h.Handle.Read(p)
	}
	if h.FD() < 0 {
		return 0, syscall.EBADF
	}
	return h.secure.read(p)
}

// Write gives the number of bytes taken, which may be fewer than all: EAGAIN when none. With TLS, what was taken may still
// wait within: Unsent tells.
func (h *Handle) Write(p []byte) (int, error) {
	if h.secure == nil {
		return h.Handle.Write(p)
	}
	if h.FD() < 0 {
		return 0, syscall.EBADF
	}
	return h.secure.write(p)
}

// Unsent is the number of bytes that Write has taken and the system has not, as they are on the wire. It is 0 without TLS.
func (h *Handle) Unsent() int {
	if h.hasTLS() {
		return h.secure.unsent()
	}
	return 0
}

// Close closes the handle; a second time is EBADF. With TLS, close_notify goes out first. What the system does not take at once
// is sent by and by, for lingerTime at most; nobody waits for that. A handshake is given up.
func (h *Handle) Close() error {
	if h.secure == nil {
		return h.Handle.Close()
	}
	if h.FD() < 0 {
		return syscall.EBADF
	}
	return h.secure.close()
}

// Shutdown ends a direction: "read", "write" or "both". With TLS, "write" sends close_notify when all else has gone out, and
// reading goes on.
func (h *Handle) Shutdown(how string) error {
	read, write := how == "read" || how == "both", how == "write" || how == "both"
	switch {
	case !read && !write:
		return syscall.EINVAL
	case h.hasTLS():
		return h.secure.shutdown(read, write)
	}
	return h.Handle.Shutdown(read, write)
}

// Dup gives a second handle on the same open file. Each is closed by itself. It is ENOTSUP with TLS, and so are File, RecvFrom,
// SendTo, SendDescriptor and RecvHandle: they would go past it.
func (h *Handle) Dup() (*host.Handle, error) {
	if h.hasTLS() {
		return nil, errNotWithTLS
	}
	return h.Handle.Dup()
}

// File closes the handle and gives its descriptor as an ordinary, blocking file that the caller closes.
func (h *Handle) File() (*os.File, error) {
	if h.hasTLS() {
		return nil, errNotWithTLS
	}
	return h.Handle.File()
}

// RecvFrom is the host's.
func (h *Handle) RecvFrom(p []byte, peek bool) (n int, from host.Address, truncated bool, err error) {
	if h.hasTLS() {
		return 0, from, false, errNotWithTLS
	}
	return h.Handle.RecvFrom(p, peek)
}

// SendTo is the host's.
func (h *Handle) SendTo(p []byte, to host.Address) (int, error) {
	if h.hasTLS() {
		return 0, errNotWithTLS
	}
	return h.Handle.SendTo(p, to)
}

// SendDescriptor is the host's.
func (h *Handle) SendDescriptor(fd int) error {
	if h.hasTLS() {
		return errNotWithTLS
	}
	return h.Handle.SendDescriptor(fd)
}

// RecvHandle is the host's.
func (h *Handle) RecvHandle() (*host.Handle, error) {
	if h.hasTLS() {
		return nil, errNotWithTLS
	}
	return h.Handle.RecvHandle()
}

func (h *Handle) hasTLS() bool { return h.secure != nil && h.FD() >= 0 }

// String names kind, number and addresses: "tcp 9 127.0.0.1:80->127.0.0.1:4711 with TLS".
func (h *Handle) String() string {
	if h.hasTLS() {
		return h.Handle.String() + " with TLS"
	}
	return h.Handle.String()
}

// Handshaking says whether a TLS handshake is going on.
func (h *Handle) Handshaking() bool { return h.hasTLS() && h.secure.shaking }

// OnHandshake has f called by the loop when the handshake ends, with what it failed with. It is not called when the handle is
// closed before, nor when the handshake is over already.
func (h *Handle) OnHandshake(f func(err error)) {
	if h.Handshaking() {
		h.secure.after = f
	}
}

// Info tells about the TLS connection; nil before the end of its handshake, after one that failed, and without TLS.
func (h *Handle) Info() *tls.ConnectionState {
	if h.secure == nil || !h.secure.done {
		return nil
	}
	state := h.secure.conn.ConnectionState()
	return &state
}

// wouldBlock says that an error means "not now".
func wouldBlock(err error) bool { return errors.Is(err, syscall.EAGAIN) }
