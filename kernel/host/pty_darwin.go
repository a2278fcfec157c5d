package host

import (
	"bytes"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openMaster makes a pty and lets its slave be opened.
func openMaster() (int, error) {
	fd, err := openTerminal("/dev/ptmx")
	if err != nil {
		return -1, err
	}
	err = unix.IoctlSetInt(fd, unix.TIOCPTYGRANT, 0)
	if err == nil {
		err = unix.IoctlSetInt(fd, unix.TIOCPTYUNLK, 0)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func slaveName(master int) (string, error) {
	var name [128]byte // the size is part of the request's number
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(master), unix.TIOCPTYGNAME, uintptr(unsafe.Pointer(&name)))
	if errno != 0 {
		return "", errno
	}
	path, _, _ := bytes.Cut(name[:], []byte{0})
	return string(path), nil
}
