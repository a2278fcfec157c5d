package host_test

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

// openPty gives the two ends of a pseudo-terminal.
func openPty(t *testing.T, h *host.Host) (master, slave *host.Handle) {
	t.Helper()
	master, err := h.Open("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	if err := unix.IoctlSetPointerInt(master.FD(), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master.FD()), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	return master, must[*host.Handle](t)(h.Wrap(int(fd), false))
}

func TestKindTellsAPtyFromATerminal(t *testing.T) {
	h := newHost(t)
	master, slave := openPty(t, h)
	defer master.Close()
	defer slave.Close()
	if master.Kind() != "pty" || slave.Kind() != "tty" {
		t.Errorf("got %q and %q, want pty and tty", master.Kind(), slave.Kind())
	}
}

func TestEndOfAPtysOtherSideIsAnEnd(t *testing.T) {
	h := newHost(t)
	master, slave := openPty(t, h)
	defer master.Close()
	slave.Write([]byte("bye"))
	slave.Close()
	if got := readToEnd(t, master); string(got) != "bye" {
		t.Errorf("got %q", got)
	}
	if _, err := master.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestSessionLeaderGetsItsTerminal(t *testing.T) {
	h := newHost(t)
	master, slave := openPty(t, h)
	defer master.Close()
	file := must[*os.File](t)(slave.File())
	pid := must[int](t)(h.Start(host.Command{
		Args:       []string{"/bin/sh", "-c", "echo heard </dev/tty >/dev/tty"},
		Stdin:      file,
		NewSession: true,
	}))
	file.Close()
	h.Wait(pid)
	if got := readToEnd(t, master); string(got) != "heard\r\n" {
		t.Errorf("got %q, want the terminal to be the session's", got)
	}
}
