package host

import "golang.org/x/sys/unix"

const getTermios = unix.TIOCGETA

// isNamedPipe: an anonymous pipe has no name that counts as a link.
func isNamedPipe(_ int, st *unix.Stat_t) bool { return st.Nlink > 0 }

// terminalKind: a pty's master is a device of its own number, only a serial line has modem lines.
func terminalKind(fd int) string {
	var st, ptmx unix.Stat_t
	if unix.Fstat(fd, &st) == nil && unix.Stat("/dev/ptmx", &ptmx) == nil && unix.Major(uint64(st.Rdev)) == unix.Major(uint64(ptmx.Rdev)) {
		return "pty"
	}
	if _, err := unix.IoctlGetInt(fd, unix.TIOCMGET); err == nil {
		return "serial"
	}
	return "tty"
}
