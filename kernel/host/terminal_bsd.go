//go:build darwin || freebsd

package host

import "golang.org/x/sys/unix"

const (
	getSettings = unix.TIOCGETA
	setSettings = unix.TIOCSETA
)

// ioctlInt asks for a number.
func ioctlInt(fd int, request uint) (int, error) {
	n, err := unix.IoctlGetInt(fd, request)
	return int(int32(n)), err
}

// discardInput and its like are what discard takes: the modes of open files that are meant.
const (
	discardInput  = 1
	discardOutput = 2
	discardBoth   = discardInput | discardOutput
)

// discard drops bytes that were received and not read, or written and not sent.
func discard(fd, what int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCFLUSH, what) }

// sending cannot be told here.
func sending(int) bool { return false }
