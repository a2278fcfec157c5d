package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketKind tells connections from single messages.
type SocketKind uint8

// The kinds of sockets.
const (
	StreamSocket SocketKind = iota
	DatagramSocket
)

func (k SocketKind) system() int {
	if k == DatagramSocket {
		return unix.SOCK_DGRAM
	}
	return unix.SOCK_STREAM
}

// OpError is what an operation on a socket, or a look-up for one, failed with.
type OpError struct {
	Op   string // "socket" "setsockopt" "bind" "listen" "connect" "getaddrinfo" ...
	Name string // of what: an address, an option, a name; "" if there is nothing to say
	Err  error
}

func (e *OpError) Error() string {
	if e.Name == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " " + e.Name + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Socket makes a socket that is neither bound nor connected. It asks for no permission: it can reach nothing yet.
func (h *Host) Socket(family Family, kind SocketKind) (*Handle, error) {
	if err := h.Check("socket", family.String()); err != nil {
		return nil, err
	}
	fd, err := newSocket(family.domain(), kind.system())
	if err != nil {
		return nil, &OpError{"socket", family.String(), err}
	}
	name := "tcp"
	switch {
	case family == Unix && kind == DatagramSocket:
		name = "unixgram"
	case family == Unix:
		name = "unix"
	case kind == DatagramSocket:
		name = "udp"
	}
	return h.adoptSocket(fd, name, family), nil
}

// adoptSocket is adopt for what is known to be a socket.
func (h *Host) adoptSocket(fd int, kind string, family Family) *Handle {
	quieten(fd)
	h.handles.Add(1)
	return &Handle{host: h, fd: fd, kind: kind, socket: true, family: family}
}

// with calls f with the descriptor, which stays open meanwhile.
func (h *Handle) with(op string, f func(fd int) error) error {
	if err := h.failing(op); err != nil {
		return err
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return syscall.EBADF
	}
	return f(h.fd)
}

func (h *Handle) failing(op string) error {
	if h.host.Fail == nil {
		return nil
	}
	return h.host.Fail(op, h.String())
}

// failed wraps the failure of an operation, if it is one.
func failed(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{op, name, err}
}

// LocalAddress is the socket's own address.
func (h *Handle) LocalAddress() (a Address, err error) {
	err = h.with("getsockname", func(fd int) error {
		local, err := unix.Getsockname(fd)
		a = addressOf(local)
		return failed("getsockname", "", err)
	})
	return a, err
}

// PeerAddress is the address of the other side: ENOTCONN if there is none.
func (h *Handle) PeerAddress() (a Address, err error) {
	err = h.with("getpeername", func(fd int) error {
		peer, err := unix.Getpeername(fd)
		a = addressOf(peer)
		return failed("getpeername", "", err)
	})
	return a, err
}

// Shutdown ends one direction or both. The other side of what is written no more sees the end.
func (h *Handle) Shutdown(read, write bool) error {
	how := unix.SHUT_RDWR
	switch {
	case !read && !write:
		return nil
	case !write:
		how = unix.SHUT_RD
	case !read:
		how = unix.SHUT_WR
	}
	return h.with("shutdown", func(fd int) error {
		return failed("shutdown", "", unix.Shutdown(fd, how))
	})
}

// Inherit says whether processes that are started get the descriptor, under its number. At first they do not.
func (h *Handle) Inherit(on bool) error {
	flags := unix.FD_CLOEXEC
	if on {
		flags = 0
	}
	return h.with("inherit", func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags)
		return failed("fcntl", "", err)
	})
}
