package host

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// passedMax is how many descriptors may come with one byte; no system sends more at once. We send one, and take one: room for
// all is there so that none gets lost in the process.
const passedMax = 512

// SendDescriptor passes a descriptor to the process at the other end of a UNIX socket, with a zero byte. Both have it then.
// EAGAIN when there is no room. The caller keeps the descriptor, and open until it returns.
func (h *Handle) SendDescriptor(fd int) error {
	return h.with("send_handle", func(own int) error {
		if !h.isUnix() {
			return syscall.EOPNOTSUPP
		}
		for {
			_, err := unix.SendmsgN(own, []byte{0}, unix.UnixRights(fd), nil, sendFlags)
			if err != unix.EINTR {
				return err
			}
		}
	})
}

// RecvHandle takes what SendDescriptor has passed, with one byte: EAGAIN when there is nothing now, io.EOF at the end,
// EBADMSG when the byte has come without a descriptor, EMFILE when there was no room for one. Of several all but the
// first are closed.
func (h *Handle) RecvHandle() (passed *Handle, err error) {
	err = h.with("recv_handle", func(own int) error {
		if !h.isUnix() {
			return syscall.EOPNOTSUPP
		}
		fd, err := h.recvDescriptor(own)
		if err != nil {
			return err
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(fd)
			return err
		}
		passed = h.host.adopt(fd)
		return nil
	})
	return passed, err
}

func (h *Handle) recvDescriptor(own int) (int, error) {
	var p [1]byte
	control := make([]byte, unix.CmsgSpace(4*passedMax))
	n, length, flags, err := recvRights(own, p[:], control)
	if err != nil {
		return -1, err
	}
	fds := rightsIn(control[:length])
	switch {
	case len(fds) > 0:
		for _, surplus := range fds[1:] {
			unix.Close(surplus)
		}
		return fds[0], nil
	case flags&unix.MSG_CTRUNC != 0:
		return -1, syscall.EMFILE
	case n == 0 && !h.isDatagram():
		return -1, io.EOF
	}
	return -1, syscall.EBADMSG
}

// rightsIn gives the descriptors that came with a message.
func rightsIn(control []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		if more, err := unix.ParseUnixRights(&messages[i]); err == nil { // others are of another kind
			fds = append(fds, more...)
		}
	}
	return fds
}

func (h *Handle) isUnix() bool { return h.kind == "unix" || h.kind == "unixgram" }
