package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// What these make is non-blocking and close-on-exec. The system has no calls that do so in one step, so starting a
// process has to wait meanwhile: it holds ForkLock.

// sendFlags are none: quieten keeps a write to a closed socket from raising SIGPIPE.
const sendFlags = 0

func newPipe() (r, w int, err error) {
	var fds [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(fds[:]); err != nil {
		return -1, -1, err
	}
	return fds[0], fds[1], prepare(fds[0], fds[1])
}

func newSocket(domain, kind int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(domain, kind, 0)
	if err != nil {
		return -1, err
	}
	return fd, prepare(fd)
}

func newSocketpair() (a, b int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, -1, err
	}
	return fds[0], fds[1], prepare(fds[0], fds[1])
}

func accept(fd int) (int, unix.Sockaddr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	peer, address, err := unix.Accept(fd)
	if err != nil {
		return -1, nil, err
	}
	return peer, address, prepare(peer)
}

// prepare closes all of them when one of them cannot be prepared.
func prepare(fds ...int) error {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return err
		}
	}
	return nil
}

func quieten(fd int) {
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
}
