package host

import (
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Settings are a terminal's, as far as they can be told and set here.
type Settings struct {
	Echo      bool // what is typed comes back
	Canonical bool // input arrives by lines, which can be edited
	Signals   bool // keys such as ^C raise signals
	CRLFIn    bool // a carriage return is read as a newline
	CRLFOut   bool // a newline is written as carriage return and newline
	XON       bool // ^S and ^Q stop and start output

	Speed        int    // bits in a second
	DataBits     int    // 5 to 8
	Parity       string // "none", "even", "odd"
	StopBits     int    // 1 or 2
	HardwareFlow bool   // RTS and CTS stop and start output

	Min  int           // bytes that make a terminal without lines readable, 0 to 255
	Time time.Duration // what a read may wait for more, in tenths of a second up to 25.5
}

// tick is what terminals count the time of Settings in.
const tick = time.Second / 10

// speedTolerance says by which part a line's speed may be off what was asked for: two ends that differ by more do not
// understand each other.
const speedTolerance = 20

var (
	dataBits = map[int]uint32{5: unix.CS5, 6: unix.CS6, 7: unix.CS7, 8: unix.CS8}
	parities = map[string]uint32{"none": 0, "even": unix.PARENB, "odd": unix.PARENB | unix.PARODD}
	stopBits = map[int]uint32{1: 0, 2: unix.CSTOPB}
)

// IsTerminal says whether the handle is a terminal. A closed one is EBADF.
func (h *Handle) IsTerminal() (is bool, err error) {
	err = h.lend("isatty", func(fd int) error {
		is = IsTerminal(fd)
		return nil
	})
	return is, err
}

// WindowSize tells a terminal's size in characters.
func (h *Handle) WindowSize() (rows, cols int, err error) {
	err = h.lend("winsize", func(fd int) error {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		rows, cols = int(size.Row), int(size.Col)
		return err
	})
	return rows, cols, err
}

// SetWindowSize sets a terminal's size, from either side of a pty. Programs in its foreground get SIGWINCH if it changes.
func (h *Handle) SetWindowSize(rows, cols int) error {
	return h.lend("winsize", func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(cols)})
	})
}

// Settings tells a terminal's settings.
func (h *Handle) Settings() (s Settings, err error) {
	err = h.lend("termios", func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, getSettings)
		if err == nil {
			s = settingsOf(t)
		}
		return err
	})
	return s, err
}

// SetSettings sets a terminal's settings. What it had before we changed it for the first time is put back by
// RestoreTerminal, when the last handle closes that changed it, and on every way out. A pty of our own keeps what was
// set. Values that no terminal knows are EINVAL, as is a speed that this one does not.
func (h *Handle) SetSettings(s Settings) error {
	return h.changeTerminal("termios", func(fd int, t *unix.Termios) error { return s.apply(fd, t) })
}

// MakeRaw makes a terminal pass all bytes through as they are, both ways. It is a change as SetSettings makes them.
func (h *Handle) MakeRaw() error {
	return h.changeTerminal("make_raw", func(fd int, t *unix.Termios) error {
		makeRaw(t)
		return unix.IoctlSetTermios(fd, setSettings, t)
	})
}

// RestoreTerminal puts back the settings that a terminal had before this Host changed it. If it has not, nothing happens.
func (h *Handle) RestoreTerminal() error {
	return h.lend("restore", func(fd int) error {
		if !IsTerminal(fd) {
			return syscall.ENOTTY
		}
		return h.host.terminals.putBack(fd)
	})
}

func (h *Handle) changeTerminal(op string, change func(fd int, t *unix.Termios) error) error {
	return h.lend(op, func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, getSettings)
		if err != nil {
			return err
		}
		if err := h.host.terminals.remember(h, *t); err != nil {
			return err
		}
		return change(fd, t)
	})
}

func settingsOf(t *unix.Termios) Settings {
	s := Settings{
		Echo:         t.Lflag&unix.ECHO != 0,
		Canonical:    t.Lflag&unix.ICANON != 0,
		Signals:      t.Lflag&unix.ISIG != 0,
		CRLFIn:       t.Iflag&unix.ICRNL != 0,
		CRLFOut:      t.Oflag&unix.OPOST != 0 && t.Oflag&unix.ONLCR != 0,
		XON:          t.Iflag&unix.IXON != 0,
		Speed:        speedOf(t),
		Parity:       "none",
		StopBits:     1,
		HardwareFlow: t.Cflag&unix.CRTSCTS != 0,
		Min:          int(t.Cc[unix.VMIN]),
		Time:         time.Duration(t.Cc[unix.VTIME]) * tick,
	}
	for n, bits := range dataBits {
		if uint32(t.Cflag&unix.CSIZE) == bits {
			s.DataBits = n
		}
	}
	if t.Cflag&unix.PARENB != 0 {
		s.Parity = "even"
		if t.Cflag&unix.PARODD != 0 {
			s.Parity = "odd"
		}
	}
	if t.Cflag&unix.CSTOPB != 0 {
		s.StopBits = 2
	}
	return s
}

// apply sets what s names, leaves the rest, and looks whether a new speed was taken: terminals take others silently.
func (s Settings) apply(fd int, t *unix.Termios) error {
	size, okSize := dataBits[s.DataBits]
	parity, okParity := parities[s.Parity]
	stop, okStop := stopBits[s.StopBits]
	least, wait := s.Min, s.Time/tick
	if !okSize || !okParity || !okStop || s.Speed <= 0 || least < 0 || least > 255 || wait < 0 || wait > 255 {
		return syscall.EINVAL
	}
	set(&t.Lflag, unix.ECHO, s.Echo)
	set(&t.Lflag, unix.ICANON, s.Canonical)
	set(&t.Lflag, unix.ISIG, s.Signals)
	set(&t.Iflag, unix.ICRNL, s.CRLFIn)
	set(&t.Oflag, unix.ONLCR, s.CRLFOut)
	if s.CRLFOut {
		set(&t.Oflag, unix.OPOST, true)
	}
	set(&t.Iflag, unix.IXON, s.XON)
	set(&t.Cflag, unix.CSIZE, false)
	set(&t.Cflag, size, true)
	set(&t.Cflag, unix.PARENB|unix.PARODD, false)
	set(&t.Cflag, parity, true)
	set(&t.Cflag, unix.CSTOPB, false)
	set(&t.Cflag, stop, true)
	set(&t.Cflag, unix.CRTSCTS, s.HardwareFlow)
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = uint8(least), uint8(wait)
	change := s.Speed != speedOf(t)
	if change {
		setSpeed(t, s.Speed)
	}
	if err := unix.IoctlSetTermios(fd, setSettings, t); err != nil || !change {
		return err
	}
	now, err := unix.IoctlGetTermios(fd, getSettings)
	if err != nil {
		return err
	}
	if off := speedOf(now) - s.Speed; max(off, -off) > s.Speed/speedTolerance {
		return syscall.EINVAL
	}
	return nil
}

// set sets or clears bits of flags, which not all systems have in the same type.
func set[T uint32 | uint64](flags *T, bits uint32, on bool) {
	if *flags &^= T(bits); on {
		*flags |= T(bits)
	}
}

func makeRaw(t *unix.Termios) {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

// terminals remembers what is to be undone about terminals.
type terminals struct {
	mu      sync.Mutex
	hooked  bool // AtExit knows of us
	changed []*terminal
	lines   map[*Handle]*line
}

// terminal is one whose settings we have changed.
type terminal struct {
	file    fileID
	ours    bool // a pty that we made: others take it as it is
	before  unix.Termios
	holders []*Handle // open ones that have changed it
}

// line is what we have done to a serial line beside its settings.
type line struct {
	alone    bool        // nobody else may open it
	breaking *time.Timer // ends the break; nil when there is none
	breaks   int         // begun so far
}

// remember notes that h is about to change its terminal, which has these settings now. h.mu is held for reading.
func (ts *terminals) remember(h *Handle, now unix.Termios) error {
	file, err := identify(h.fd)
	if err != nil {
		return err
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.hook(h.host)
	i := slices.IndexFunc(ts.changed, func(t *terminal) bool { return t.file == file && t.ours == h.ours })
	if i < 0 {
		i = len(ts.changed)
		ts.changed = append(ts.changed, &terminal{file: file, ours: h.ours, before: now})
	}
	if t := ts.changed[i]; !slices.Contains(t.holders, h) {
		t.holders = append(t.holders, h)
	}
	return nil
}

// hook sees to it that all is undone on the way out.
func (ts *terminals) hook(h *Host) {
	if !ts.hooked {
		ts.hooked = true
		h.AtExit(ts.leave)
	}
}

// putBack restores the terminal that fd is and forgets that it was changed.
func (ts *terminals) putBack(fd int) error {
	file, err := identify(fd)
	if err != nil {
		return err
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	i := slices.IndexFunc(ts.changed, func(t *terminal) bool { return t.file == file })
	if i < 0 {
		return nil
	}
	if err := unix.IoctlSetTermios(fd, setSettings, &ts.changed[i].before); err != nil {
		return err
	}
	ts.changed = slices.Delete(ts.changed, i, i+1)
	return nil
}

// forget undoes what was done through a handle that is about to be closed. Its descriptor is still open, and its mu held.
func (ts *terminals) forget(h *Handle) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if l := ts.lines[h]; l != nil {
		l.release(h.fd)
		delete(ts.lines, h)
	}
	ts.changed = slices.DeleteFunc(ts.changed, func(t *terminal) bool {
		i := slices.Index(t.holders, h)
		if i < 0 {
			return false
		}
		if len(t.holders) == 1 {
			t.restore()
			return true
		}
		t.holders = slices.Delete(t.holders, i, i+1)
		return false
	})
}

// leave undoes everything, on the way out.
func (ts *terminals) leave() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for h, l := range ts.lines {
		l.release(h.fd)
	}
	for _, t := range ts.changed {
		t.restore()
	}
	ts.lines, ts.changed, ts.hooked = nil, nil, false
}

// restore goes through any holder: those that are known here are open. In the background the terminal is somebody else's
// now, and setting it would stop this process. There is nobody to tell of a failure: the terminal may be gone.
func (t *terminal) restore() {
	fd := t.holders[0].fd
	if group, err := ioctlInt(fd, unix.TIOCGPGRP); t.ours || err == nil && group != unix.Getpgrp() {
		return
	}
	unix.IoctlSetTermios(fd, setSettings, &t.before)
}

func (l *line) release(fd int) {
	if l.breaking != nil {
		l.breaking.Stop()
		unix.IoctlSetInt(fd, unix.TIOCCBRK, 0)
	}
	if l.alone {
		unix.IoctlSetInt(fd, unix.TIOCNXCL, 0)
	}
}
