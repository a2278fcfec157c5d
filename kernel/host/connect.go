package host

import (
	"golang.org/x/sys/unix"
)

// Connect begins to connect. EINPROGRESS, bare, means that it goes on: once the handle is writable, ConnectError tells what
// has come of it. For datagrams it sets the peer, whose refusals are then heard of. It needs Connect, or Write for a UNIX
// path. A UNIX listener whose backlog is full is EAGAIN: nothing goes on, it is to be tried later.
func (h *Handle) Connect(a Address) error {
	if err := h.host.checkAddress("connect", a, Connect); err != nil {
		return err
	}
	return h.with("connect", func(fd int) error {
		address, err := a.sockaddr(h.familyOf(fd))
		if err == nil {
			err = unix.Connect(fd, address)
		}
		switch err {
		case unix.EINPROGRESS, unix.EINTR: // interrupted, it goes on all the same
			return unix.EINPROGRESS
		}
		return failed("connect", a.String(), err)
	})
}

// ConnectError is what a connection that was in progress failed with, nil if it did not. It is told once.
func (h *Handle) ConnectError() error {
	return h.with("connect", func(fd int) error {
		return failed("connect", "", socketError(fd))
	})
}
