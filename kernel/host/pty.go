package host

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pty says how a pseudo-terminal begins.
type Pty struct {
	Rows, Cols int
	Raw        bool // all bytes pass through as they are
	Echo       bool
}

// OpenPty makes a pseudo-terminal: what a program sees as its terminal is the slave, and who works it has the master.
func (h *Host) OpenPty(p Pty) (master, slave *Handle, err error) {
	if err := h.Check("pty", ""); err != nil {
		return nil, nil, err
	}
	masterFD, err := openMaster()
	if err != nil {
		return nil, nil, os.NewSyscallError("pty", err)
	}
	slaveFD, err := openSlave(masterFD)
	if err == nil {
		if err = p.apply(slaveFD); err != nil {
			unix.Close(slaveFD)
		}
	}
	if err != nil {
		unix.Close(masterFD)
		return nil, nil, os.NewSyscallError("pty", err)
	}
	master, slave = h.adopt(masterFD), h.adopt(slaveFD)
	master.ours, slave.ours = true, true
	return master, slave, nil
}

// PtyName gives the path of the slave of a pty's master.
func (h *Handle) PtyName() (name string, err error) {
	err = h.lend("pty_name", func(fd int) error {
		if h.kind != "pty" {
			return syscall.ENOTTY
		}
		name, err = slaveName(fd)
		return err
	})
	return name, err
}

func openSlave(master int) (int, error) {
	name, err := slaveName(master)
	if err != nil {
		return -1, err
	}
	return openTerminal(name)
}

// openTerminal opens a terminal that does not become the process's own.
func openTerminal(name string) (int, error) {
	for {
		fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (p Pty) apply(slave int) error {
	t, err := unix.IoctlGetTermios(slave, getSettings)
	if err != nil {
		return err
	}
	if p.Raw {
		makeRaw(t)
	}
	set(&t.Lflag, unix.ECHO, p.Echo)
	if err := unix.IoctlSetTermios(slave, setSettings, t); err != nil {
		return err
	}
	return unix.IoctlSetWinsize(slave, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(p.Rows), Col: uint16(p.Cols)})
}
