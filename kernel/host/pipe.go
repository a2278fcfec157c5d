package host

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// PipeKinds names the kinds that Pipe and PipePair take.
func PipeKinds() []string { return []string{"pipe", "socketpair", "inet"} }

// Pipe makes a one-way pipe: what is written to w is read from r. kind "" means "pipe". Sockets are shut down in the
// direction that is not used.
func (h *Host) Pipe(kind string) (r, w *Handle, err error) {
	if err := h.Check("pipe", kind); err != nil {
		return nil, nil, err
	}
	if kind == "" || kind == "pipe" {
		return h.adoptBoth(newPipe())
	}
	r, w, err = h.socketPair(kind)
	if err != nil {
		return nil, nil, err
	}
	err = unix.Shutdown(r.fd, unix.SHUT_WR)
	if err == nil {
		err = unix.Shutdown(w.fd, unix.SHUT_RD)
	}
	if err != nil {
		r.Close()
		w.Close()
		return nil, nil, os.NewSyscallError("shutdown", err)
	}
	return r, w, nil
}

// PipePair makes a two-way pipe: what is written to aWrite is read from bRead, and the reverse. kind "" means
// "socketpair". Of sockets, aRead and aWrite are one handle, and so are bRead and bWrite.
func (h *Host) PipePair(kind string) (aRead, aWrite, bRead, bWrite *Handle, err error) {
	if err := h.Check("pipe", kind); err != nil {
		return nil, nil, nil, nil, err
	}
	if kind == "" {
		kind = "socketpair"
	}
	if kind != "pipe" {
		a, b, err := h.socketPair(kind)
		return a, a, b, b, err
	}
	bRead, aWrite, err = h.adoptBoth(newPipe())
	if err != nil {
		return nil, nil, nil, nil, err
	}
	aRead, bWrite, err = h.adoptBoth(newPipe())
	if err != nil {
		bRead.Close()
		aWrite.Close()
		return nil, nil, nil, nil, err
	}
	return aRead, aWrite, bRead, bWrite, nil
}

func (h *Host) socketPair(kind string) (a, b *Handle, err error) {
	switch kind {
	case "socketpair":
		return h.adoptBoth(newSocketpair())
	case "inet":
		return h.adoptBoth(newInetPair())
	}
	return nil, nil, fmt.Errorf("pipe: unknown kind %q: %w", kind, syscall.EINVAL)
}

func (h *Host) adoptBoth(a, b int, err error) (*Handle, *Handle, error) {
	if err != nil {
		return nil, nil, os.NewSyscallError("pipe", err)
	}
	return h.adopt(a), h.adopt(b), nil
}

const (
	inetBacklog  = 16   // room for strangers that connect before we do
	inetPatience = 1000 // milliseconds; loopback answers at once unless something is very wrong
	inetTries    = 100  // strangers turned away before giving up
)

// newInetPair connects two TCP sockets over 127.0.0.1. Until the listener is closed any local process could connect to
// it, so a peer that does not come from our own socket is turned away.
func newInetPair() (a, b int, err error) {
	listener, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
	if err != nil {
		return -1, -1, err
	}
	defer unix.Close(listener)
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return -1, -1, err
	}
	if err := unix.Listen(listener, inetBacklog); err != nil {
		return -1, -1, err
	}
	address, err := unix.Getsockname(listener)
	if err != nil {
		return -1, -1, err
	}
	a, err = connectedSocket(address)
	if err != nil {
		return -1, -1, err
	}
	b, err = acceptFrom(listener, a)
	if err != nil {
		unix.Close(a)
		return -1, -1, err
	}
	for _, fd := range []int{a, b} {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // a pipe does not hold small writes back
	}
	return a, b, nil
}

func connectedSocket(address unix.Sockaddr) (int, error) {
	fd, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
	if err != nil {
		return -1, err
	}
	err = unix.Connect(fd, address)
	if err == unix.EINPROGRESS || err == unix.EINTR {
		err = waitFor(fd, unix.POLLOUT, inetPatience)
		if err == nil {
			err = socketError(fd)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func socketError(fd int) error {
	number, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && number != 0 {
		err = syscall.Errno(number)
	}
	return err
}

// acceptFrom accepts the connection that ours has made.
func acceptFrom(listener, ours int) (int, error) {
	address, err := unix.Getsockname(ours)
	if err != nil {
		return -1, err
	}
	want := addressText(address)
	for range inetTries {
		if err := waitFor(listener, unix.POLLIN, inetPatience); err != nil {
			return -1, err
		}
		fd, peer, err := accept(listener)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR || err == unix.ECONNABORTED:
			continue
		case err != nil:
			return -1, err
		case addressText(peer) == want:
			return fd, nil
		}
		unix.Close(fd)
	}
	return -1, unix.ECONNABORTED
}
