//go:build linux || freebsd

package host

import "golang.org/x/sys/unix"

// recvRights receives with descriptors, which are close-on-exec from the first moment.
func recvRights(fd int, p, control []byte) (n, length, flags int, err error) {
	for {
		n, length, flags, _, err = unix.Recvmsg(fd, p, control, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, length, flags, err
		}
	}
}
