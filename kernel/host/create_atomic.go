//go:build linux || freebsd

package host

import "golang.org/x/sys/unix"

// What these make is non-blocking and close-on-exec from the first moment.

// sendFlags keep a write to a closed socket from raising SIGPIPE.
const sendFlags = unix.MSG_NOSIGNAL

func newPipe() (r, w int, err error) {
	var fds [2]int
	err = unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	return fds[0], fds[1], err
}

func newSocket(domain, kind int) (int, error) {
	return unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

func newSocketpair() (a, b int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return fds[0], fds[1], err
}

func accept(fd int) (int, unix.Sockaddr, error) {
	return unix.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
}

// quieten has nothing to do where sendFlags suffice.
func quieten(int) {}
