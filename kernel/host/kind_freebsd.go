package host

import "golang.org/x/sys/unix"

const getTermios = unix.TIOCGETA

// isNamedPipe: an anonymous pipe has no name that counts as a link.
func isNamedPipe(_ int, st *unix.Stat_t) bool { return st.Nlink > 0 }

// terminalKind: only a pty's master accepts being asked whether it is one. Serial lines cannot be told from other
// terminals: the system makes up modem lines for those without.
func terminalKind(fd int) string {
	if unix.IoctlSetInt(fd, unix.TIOCPTMASTER, 0) == nil {
		return "pty"
	}
	return "tty"
}
