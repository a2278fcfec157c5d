package host

import "golang.org/x/sys/unix"

const getTermios = unix.TCGETS

// isNamedPipe: an anonymous pipe lives in a file system of its own.
func isNamedPipe(fd int, _ *unix.Stat_t) bool {
	var fs unix.Statfs_t
	err := unix.Fstatfs(fd, &fs)
	return err == nil && fs.Type != unix.PIPEFS_MAGIC
}

// terminalKind: only a pty's master has a number to give, only a serial line has modem lines.
func terminalKind(fd int) string {
	if _, err := unix.IoctlGetInt(fd, unix.TIOCGPTN); err == nil {
		return "pty"
	}
	if _, err := unix.IoctlGetInt(fd, unix.TIOCMGET); err == nil {
		return "serial"
	}
	return "tty"
}
