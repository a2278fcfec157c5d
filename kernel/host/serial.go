package host

import (
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Serial says how a serial line is used.
type Serial struct {
	Speed     int    // bits in a second
	DataBits  int    // 5 to 8
	Parity    string // "none", "even", "odd"
	StopBits  int    // 1 or 2
	Flow      string // "none", "hardware", "software"
	Exclusive bool   // EBUSY when another has it, and for others as long as it is open
}

// OpenSerial opens a serial line, which passes all bytes through as they are. Its settings are put back as those of any
// terminal are. What is not a terminal is ENOTTY; values that the line does not know are EINVAL.
func (h *Host) OpenSerial(path string, s Serial) (*Handle, error) {
	handle, err := h.Open(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	handle.kind = "serial"
	if s.Exclusive {
		err = handle.seize()
	}
	if err == nil {
		err = handle.changeTerminal("serial", s.apply)
	}
	if err != nil {
		handle.Close()
		return nil, &fs.PathError{Op: "serial", Path: path, Err: Errno(err)}
	}
	return handle, nil
}

// seize keeps others from opening the line. The lock is for those whom the system lets open it all the same.
func (h *Handle) seize() error {
	return h.lend("serial", func(fd int) error {
		if !IsTerminal(fd) {
			return syscall.ENOTTY
		}
		switch err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
		case unix.EWOULDBLOCK:
			return syscall.EBUSY
		default:
			return err
		}
		if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
			return err
		}
		h.host.terminals.of(h, func(l *line) { l.alone = true })
		return nil
	})
}

func (s Serial) apply(fd int, t *unix.Termios) error {
	makeRaw(t)
	t.Cflag |= unix.CLOCAL | unix.CREAD
	set(&t.Iflag, unix.IXOFF, s.Flow == "software")
	settings := settingsOf(t)
	settings.Speed, settings.DataBits, settings.Parity, settings.StopBits = s.Speed, s.DataBits, s.Parity, s.StopBits
	settings.XON, settings.HardwareFlow = s.Flow == "software", s.Flow == "hardware"
	return settings.apply(fd, t)
}

// of lets f change what is known of a handle's line.
func (ts *terminals) of(h *Handle, f func(l *line)) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.hook(h.host)
	if ts.lines == nil {
		ts.lines = map[*Handle]*line{}
	}
	if ts.lines[h] == nil {
		ts.lines[h] = &line{}
	}
	f(ts.lines[h])
}

// ModemLines are the wires of a serial line beside those for bytes: the first four are the other side's.
type ModemLines struct{ CTS, DSR, RI, DCD, DTR, RTS bool }

// ModemLines tells how the wires are.
func (h *Handle) ModemLines() (m ModemLines, err error) {
	err = h.lend("modem_lines", func(fd int) error {
		bits, err := ioctlInt(fd, unix.TIOCMGET)
		m = ModemLines{
			CTS: bits&unix.TIOCM_CTS != 0, DSR: bits&unix.TIOCM_DSR != 0, RI: bits&unix.TIOCM_RI != 0,
			DCD: bits&unix.TIOCM_CD != 0, DTR: bits&unix.TIOCM_DTR != 0, RTS: bits&unix.TIOCM_RTS != 0,
		}
		return err
	})
	return m, err
}

// SetModemLines sets our own wires; nil leaves one as it is.
func (h *Handle) SetModemLines(dtr, rts *bool) error {
	return h.lend("modem_lines", func(fd int) error {
		on, off := 0, 0
		for bit, want := range map[int]*bool{unix.TIOCM_DTR: dtr, unix.TIOCM_RTS: rts} {
			switch {
			case want == nil:
			case *want:
				on |= bit
			default:
				off |= bit
			}
		}
		if on != 0 {
			if err := unix.IoctlSetPointerInt(fd, unix.TIOCMBIS, on); err != nil {
				return err
			}
		}
		if off != 0 {
			return unix.IoctlSetPointerInt(fd, unix.TIOCMBIC, off)
		}
		return nil
	})
}

// SendBreak begins a break and ends it after d, or when the handle closes. It does not wait. During a break, it makes that
// one end after d from now.
func (h *Handle) SendBreak(d time.Duration) error {
	return h.lend("send_break", func(fd int) error {
		if !IsTerminal(fd) {
			return syscall.ENOTTY
		}
		if err := unix.IoctlSetInt(fd, unix.TIOCSBRK, 0); err != nil {
			return err
		}
		h.host.terminals.of(h, func(l *line) {
			if l.breaking != nil {
				l.breaking.Stop()
			}
			l.breaks++
			number := l.breaks
			l.breaking = time.AfterFunc(d, func() { h.host.terminals.endBreak(h, number) })
		})
		return nil
	})
}

// endBreak ends a handle's break unless another one has begun. As long as the line is known here its descriptor is open.
func (ts *terminals) endBreak(h *Handle, number int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if l := ts.lines[h]; l != nil && l.breaks == number {
		unix.IoctlSetInt(h.fd, unix.TIOCCBRK, 0)
		l.breaking = nil
	}
}

// Drain tells whether all that was written has been sent: EAGAIN when some of it has not.
func (h *Handle) Drain() error {
	return h.lend("drain", func(fd int) error {
		waiting, err := ioctlInt(fd, unix.TIOCOUTQ)
		if err == nil && (waiting > 0 || sending(fd)) {
			err = syscall.EAGAIN
		}
		return err
	})
}

// Discard drops what was received and not read, and what was written and not sent.
func (h *Handle) Discard(in, out bool) error {
	what := discardBoth
	switch {
	case !in && !out:
		return nil
	case !out:
		what = discardInput
	case !in:
		what = discardOutput
	}
	return h.lend("discard", func(fd int) error {
		if !IsTerminal(fd) {
			return syscall.ENOTTY
		}
		return discard(fd, what)
	})
}
