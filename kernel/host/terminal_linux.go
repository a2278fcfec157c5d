package host

import "golang.org/x/sys/unix"

// Speeds are numbers: any that the driver can make, not only those that have a name.

func speedOf(t *unix.Termios) int { return int(t.Ospeed) }

func setSpeed(t *unix.Termios, speed int) {
	t.Cflag &^= unix.CBAUD | unix.CBAUD<<unix.IBSHIFT // no speed of its own for input
	t.Cflag |= unix.BOTHER
	t.Ispeed, t.Ospeed = uint32(speed), uint32(speed)
}

// ioctlInt asks for a number.
func ioctlInt(fd int, request uint) (int, error) {
	n, err := unix.IoctlGetUint32(fd, request)
	return int(int32(n)), err
}

// discardInput and its like are what discard takes.
const (
	discardInput  = unix.TCIFLUSH
	discardOutput = unix.TCOFLUSH
	discardBoth   = unix.TCIOFLUSH
)

// discard drops bytes that were received and not read, or written and not sent.
func discard(fd, what int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, what) }

// sending says whether bytes have not left the line's own register yet. Not all drivers can tell.
func sending(fd int) bool {
	status, err := ioctlInt(fd, unix.TIOCSERGETLSR)
	return err == nil && status&unix.TIOCSER_TEMT == 0
}
