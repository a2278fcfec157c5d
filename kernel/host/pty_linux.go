package host

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// openMaster makes a pty and lets its slave be opened.
func openMaster() (int, error) {
	fd, err := openTerminal("/dev/ptmx")
	if err != nil {
		return -1, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func slaveName(master int) (string, error) {
	n, err := ioctlInt(master, unix.TIOCGPTN)
	return "/dev/pts/" + strconv.Itoa(n), err
}
