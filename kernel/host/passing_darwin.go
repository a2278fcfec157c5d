package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// recvRights receives with descriptors. No process is started before they are close-on-exec.
func recvRights(fd int, p, control []byte) (n, length, flags int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for {
		n, length, flags, _, err = unix.Recvmsg(fd, p, control, 0)
		if err != unix.EINTR {
			break
		}
	}
	if err == nil {
		for _, passed := range rightsIn(control[:length]) {
			unix.CloseOnExec(passed)
		}
	}
	return n, length, flags, err
}
