package host_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

// newPty makes a pseudo-terminal that is closed when the test ends.
func newPty(t *testing.T, h *host.Host, p host.Pty) (master, slave *host.Handle) {
	t.Helper()
	master, slave, err := h.OpenPty(p)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		master.Close()
		slave.Close()
	})
	return master, slave
}

// openSlave opens a pty's slave by its path, as a terminal that is somebody else's.
func openSlave(t *testing.T, h *host.Host, master *host.Handle) *host.Handle {
	t.Helper()
	handle := must[*host.Handle](t)(h.Open(must[string](t)(master.PtyName()), os.O_RDWR, 0))
	t.Cleanup(func() { handle.Close() })
	return handle
}

func settings(t *testing.T, h *host.Handle) host.Settings {
	t.Helper()
	return must[host.Settings](t)(h.Settings())
}

// wantRead reads from a handle until it has as much as wanted.
func wantRead(t *testing.T, h *host.Handle, want string) {
	t.Helper()
	p, got := make([]byte, 4096), ""
	for len(got) < len(want) {
		await(t, h.FD(), unix.POLLIN)
		n, err := h.Read(p)
		if err != nil {
			t.Fatalf("got %q, then %v, want %q", got, err, want)
		}
		got += string(p[:n])
	}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPtyCarriesBytesBothWays(t *testing.T) {
	for _, c := range []struct {
		name                  string
		pty                   host.Pty
		typed, heard, printed string
		echo                  string
	}{
		{"raw", host.Pty{Raw: true}, "a\rb\x03\n", "a\rb\x03\n", "x\n", ""},
		{"raw with echo", host.Pty{Raw: true, Echo: true}, "ab", "ab", "x\n", "ab"},
		{"by lines", host.Pty{}, "ab\r", "ab\n", "x\r\n", ""},
		{"by lines with echo", host.Pty{Echo: true}, "ab\r", "ab\n", "x\r\n", "ab\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			master, slave := newPty(t, newHost(t), c.pty)
			if master.Kind() != "pty" || slave.Kind() != "tty" {
				t.Errorf("got kinds %q and %q", master.Kind(), slave.Kind())
			}
			master.Write([]byte(c.typed))
			wantRead(t, slave, c.heard)
			slave.Write([]byte("x\n"))
			wantRead(t, master, c.echo+c.printed)
		})
	}
}

func TestPtyEndsWhenTheLastSlaveHasClosed(t *testing.T) {
	h := newHost(t)
	master, slave := newPty(t, h, host.Pty{})
	second := openSlave(t, h, master)
	slave.Close()
	if _, err := master.Read(make([]byte, 1)); err != syscall.EAGAIN {
		t.Errorf("with a slave open: got %v, want EAGAIN", err)
	}
	second.Close()
	if _, err := master.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestWindowSizeIsToldOnBothSides(t *testing.T) {
	master, slave := newPty(t, newHost(t), host.Pty{Rows: 30, Cols: 100})
	check := func(want ...int) {
		t.Helper()
		for _, side := range []*host.Handle{master, slave} {
			rows, cols, err := side.WindowSize()
			if rows != want[0] || cols != want[1] || err != nil {
				t.Errorf("got %d, %d, %v, want %v", rows, cols, err, want)
			}
		}
	}
	check(30, 100)
	if err := master.SetWindowSize(1, 2); err != nil {
		t.Fatal(err)
	}
	check(1, 2)
	if err := slave.SetWindowSize(60, 65535); err != nil {
		t.Fatal(err)
	}
	check(60, 65535)
}

func TestSettingsReadBack(t *testing.T) {
	master, slave := newPty(t, newHost(t), host.Pty{})
	// A pty makes all characters 8 bits without parity, whatever is asked for.
	all := host.Settings{
		Echo: true, Canonical: true, Signals: true, CRLFIn: true, CRLFOut: true, XON: true, Speed: 115200,
		DataBits: 8, Parity: "none", StopBits: 2, HardwareFlow: true, Min: 255, Time: 25500 * time.Millisecond,
	}
	none := host.Settings{Speed: 12345, DataBits: 8, Parity: "none", StopBits: 1}
	for _, want := range []host.Settings{all, none, all} {
		if err := slave.SetSettings(want); err != nil {
			t.Fatal(err)
		}
		if got := settings(t, slave); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if err := slave.MakeRaw(); err != nil {
		t.Fatal(err)
	}
	want := all
	want.Echo, want.Canonical, want.Signals, want.CRLFIn, want.CRLFOut, want.XON, want.Min, want.Time = false, false, false, false, false, false, 1, 0
	if got := settings(t, master); got != want {
		t.Errorf("raw: got  %+v\nwant %+v", got, want)
	}
}

func TestSettingsThatNoTerminalKnowsAreEINVAL(t *testing.T) {
	_, slave := newPty(t, newHost(t), host.Pty{})
	for name, change := range map[string]func(s *host.Settings){
		"speed":     func(s *host.Settings) { s.Speed = 0 },
		"data bits": func(s *host.Settings) { s.DataBits = 9 },
		"parity":    func(s *host.Settings) { s.Parity = "mark" },
		"stop bits": func(s *host.Settings) { s.StopBits = 3 },
		"min":       func(s *host.Settings) { s.Min = 256 },
		"time":      func(s *host.Settings) { s.Time = time.Minute },
	} {
		before := settings(t, slave)
		s := before
		change(&s)
		if err := slave.SetSettings(s); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: got %v, want EINVAL", name, err)
		}
		if settings(t, slave) != before {
			t.Errorf("%s: the settings have changed", name)
		}
	}
}

func TestTerminalOperationsNeedATerminal(t *testing.T) {
	r, w, err := newHost(t).Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, want := range []syscall.Errno{syscall.ENOTTY, syscall.EBADF} {
		_, _, size := r.WindowSize()
		_, all := r.Settings()
		_, name := r.PtyName()
		_, lines := r.ModemLines()
		on := true
		for op, err := range map[string]error{
			"winsize": size, "set winsize": r.SetWindowSize(1, 1), "termios": all, "set termios": r.SetSettings(host.Settings{}),
			"make_raw": r.MakeRaw(), "restore": r.RestoreTerminal(), "pty_name": name, "modem_lines": lines,
			"set modem_lines": r.SetModemLines(&on, &on), "send_break": r.SendBreak(time.Second), "discard": r.Discard(true, true),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", op, err, want)
			}
		}
		r.Close()
	}
}

func TestSettingsArePutBack(t *testing.T) {
	for _, c := range []struct {
		name string
		undo func(t *testing.T, h *host.Host, changed *host.Handle)
	}{
		{"by restore", func(t *testing.T, _ *host.Host, changed *host.Handle) {
			if err := changed.RestoreTerminal(); err != nil {
				t.Fatal(err)
			}
		}},
		{"when the handle closes", func(_ *testing.T, _ *host.Host, changed *host.Handle) { changed.Close() }},
		{"when its descriptor is given away", func(t *testing.T, _ *host.Host, changed *host.Handle) {
			must[*os.File](t)(changed.File()).Close()
		}},
		{"when the host closes", func(_ *testing.T, h *host.Host, _ *host.Handle) { h.Close() }},
		{"on exit", func(_ *testing.T, h *host.Host, _ *host.Handle) { h.Exit(0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			master, _ := newPty(t, newHost(t), host.Pty{Echo: true})
			h := newHost(t)
			h.ExitFunc = func(int) {}
			changed := openSlave(t, h, master)
			before := settings(t, changed)
			if err := changed.MakeRaw(); err != nil {
				t.Fatal(err)
			}
			s := settings(t, changed)
			s.Speed = 4800
			if err := changed.SetSettings(s); err != nil {
				t.Fatal(err)
			}
			c.undo(t, h, changed)
			if got := settings(t, master); got != before {
				t.Errorf("got  %+v\nwant %+v", got, before)
			}
		})
	}
}

func TestSettingsArePutBackByTheLastHandleThatChangedThem(t *testing.T) {
	master, _ := newPty(t, newHost(t), host.Pty{Echo: true})
	h := newHost(t)
	first, second := openSlave(t, h, master), openSlave(t, h, master)
	before := settings(t, master)
	for _, handle := range []*host.Handle{first, second} {
		if err := handle.MakeRaw(); err != nil {
			t.Fatal(err)
		}
	}
	raw := settings(t, master)
	first.Close()
	if got := settings(t, master); got != raw {
		t.Errorf("after the first: got %+v, want %+v", got, raw)
	}
	second.Close()
	if got := settings(t, master); got != before {
		t.Errorf("after the second: got %+v, want %+v", got, before)
	}
}

// Who gets the other end of a pty of ours gets it as we made it.
func TestOurPtyKeepsItsSettings(t *testing.T) {
	master, slave := newPty(t, newHost(t), host.Pty{Echo: true})
	if err := slave.MakeRaw(); err != nil {
		t.Fatal(err)
	}
	raw := settings(t, master)
	slave.Close()
	if got := settings(t, master); got != raw {
		t.Errorf("got %+v, want %+v", got, raw)
	}
}

func openSerial(t *testing.T, h *host.Host, s host.Serial) (master, line *host.Handle, err error) {
	t.Helper()
	master, _ = newPty(t, newHost(t), host.Pty{Echo: true})
	line, err = h.OpenSerial(must[string](t)(master.PtyName()), s)
	if err == nil {
		t.Cleanup(func() { line.Close() })
	}
	return master, line, err
}

var usualSerial = host.Serial{Speed: 9600, DataBits: 8, Parity: "none", StopBits: 1, Flow: "none", Exclusive: true}

func TestSerialLineCarriesEveryByte(t *testing.T) {
	for _, flow := range []string{"none", "hardware"} {
		t.Run(flow, func(t *testing.T) {
			s := usualSerial
			s.Flow = flow
			master, line, err := openSerial(t, newHost(t), s)
			if err != nil {
				t.Fatal(err)
			}
			if line.Kind() != "serial" {
				t.Errorf("got kind %q", line.Kind())
			}
			var all bytes.Buffer
			for i := range 256 {
				all.WriteByte(byte(i))
			}
			master.Write(all.Bytes())
			wantRead(t, line, all.String())
			line.Write(all.Bytes())
			wantRead(t, master, all.String())
		})
	}
}

func TestSerialLineHasTheSettingsAskedFor(t *testing.T) {
	_, line, err := openSerial(t, newHost(t), host.Serial{Speed: 250000, DataBits: 8, Parity: "none", StopBits: 2, Flow: "software"})
	if err != nil {
		t.Fatal(err)
	}
	want := host.Settings{Speed: 250000, DataBits: 8, Parity: "none", StopBits: 2, XON: true, Min: 1}
	if got := settings(t, line); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSerialLineIsPutBack(t *testing.T) {
	h := newHost(t)
	master, _ := newPty(t, newHost(t), host.Pty{Echo: true})
	before := settings(t, master)
	line := must[*host.Handle](t)(h.OpenSerial(must[string](t)(master.PtyName()), usualSerial))
	if settings(t, master) == before {
		t.Error("opening did not change the settings")
	}
	line.Close()
	if got := settings(t, master); got != before {
		t.Errorf("got  %+v\nwant %+v", got, before)
	}
}

func TestSerialLineIsExclusive(t *testing.T) {
	h := newHost(t)
	master, line, err := openSerial(t, h, usualSerial)
	if err != nil {
		t.Fatal(err)
	}
	name := must[string](t)(master.PtyName())
	if _, err := h.OpenSerial(name, usualSerial); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("got %v, want EBUSY", err)
	}
	line.Close()
	again, err := h.OpenSerial(name, usualSerial)
	if err != nil {
		t.Fatalf("after closing: %v", err)
	}
	again.Close()
}

func TestWhatIsNoSerialLineIsRefused(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]syscall.Errno{dir + "/missing": syscall.ENOENT, dir + "/file": syscall.ENOTTY, dir: syscall.EISDIR} {
		for _, exclusive := range []bool{false, true} {
			s := usualSerial
			s.Exclusive = exclusive
			if _, err := h.OpenSerial(path, s); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", path, err, want)
			}
		}
	}
	s := usualSerial
	s.Speed = -1
	if _, _, err := openSerial(t, h, s); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a bad speed: got %v, want EINVAL", err)
	}
	if n := h.Handles(); n != 0 {
		t.Errorf("%d handles are left open", n)
	}
}

// A pty has no wire to hold down: what shows is that nothing waits, and that closing ends it.
func TestABreakDoesNotWait(t *testing.T) {
	_, line, err := openSerial(t, newHost(t), usualSerial)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{time.Hour, time.Nanosecond, time.Hour} {
		if err := line.SendBreak(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := line.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDiscardDropsWhatIsNotRead(t *testing.T) {
	master, line, err := openSerial(t, newHost(t), usualSerial)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 8)
	master.Write([]byte("lost"))
	await(t, line.FD(), unix.POLLIN)
	if err := line.Discard(false, false); err != nil {
		t.Fatal(err)
	}
	if err := line.Discard(true, false); err != nil {
		t.Fatal(err)
	}
	if n, err := line.Read(p); err != syscall.EAGAIN {
		t.Errorf("got %q, %v, want EAGAIN", p[:n], err)
	}
	if err := line.Drain(); err != nil {
		t.Errorf("drain with nothing to send: %v", err)
	}
}

// Unplugging is told once to a reader and again if it asks again; it is never silence.
func TestALineThatIsGoneIsAFailureOrTheEnd(t *testing.T) {
	master, line, err := openSerial(t, newHost(t), usualSerial)
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	for range 2 {
		if n, err := line.Read(make([]byte, 8)); n != 0 || err != io.EOF && err != syscall.EIO {
			t.Errorf("got %d, %v, want EIO or the end", n, err)
		}
	}
}

func TestANewWindowSizeIsTheForegroundsSignal(t *testing.T) {
	h := newHost(t)
	master, slave := newPty(t, h, host.Pty{Raw: true})
	file := must[*os.File](t)(slave.File())
	pid := must[int](t)(h.Start(host.Command{
		Args:       []string{"/bin/sh", "-c", "trap 'echo winch; kill $!; exit' WINCH; sleep 100 & echo ready; wait"},
		Stdin:      file,
		Stdout:     file,
		NewSession: true,
	}))
	file.Close()
	wantRead(t, master, "ready\n")
	if err := master.SetWindowSize(33, 66); err != nil {
		t.Fatal(err)
	}
	wantRead(t, master, "winch\n")
	h.Wait(pid)
}
