package host

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// openMaster makes a pty. The system call does not take O_NONBLOCK.
func openMaster() (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_POSIX_OPENPT, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	if err := unix.SetNonblock(int(fd), true); err != nil {
		unix.Close(int(fd))
		return -1, err
	}
	return int(fd), nil
}

func slaveName(master int) (string, error) {
	n, err := ioctlInt(master, unix.TIOCGPTN)
	return "/dev/pts/" + strconv.Itoa(n), err
}
