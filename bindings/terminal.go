package bindings

import (
	"math"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

const (
	sizeMost  = math.MaxUint16 // rows and columns
	speedMost = math.MaxInt32
	waitMost  = 25500 * time.Millisecond // a terminal counts tenths of a second in a byte
)

// terminalMethods are methods of poe.Handle.
func (b *Lib) terminalMethods() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"isatty":      b.onHandle("isatty", b.handleIsatty),
		"winsize":     b.onHandle("winsize", b.handleWinsize),
		"termios":     b.onHandle("termios", b.handleTermios),
		"make_raw":    b.onHandle("make_raw", b.handleMakeRaw),
		"restore":     b.onHandle("restore", b.handleRestore),
		"pty_name":    b.onHandle("pty_name", b.handlePtyName),
		"modem_lines": b.onHandle("modem_lines", b.handleModemLines),
		"send_break":  b.onHandle("send_break", b.handleSendBreak),
		"drain":       b.onHandle("drain", b.handleDrain),
		"discard":     b.onHandle("discard", b.handleDiscard),
	}
}

func (b *Lib) openTerminals(l *lua.LState) {
	b.module.RawSetString("pty", class(l, map[string]lua.LGFunction{"new": b.ptyNew}))
	b.module.RawSetString("serial", class(l, map[string]lua.LGFunction{"open": b.serialOpen}))
}

// ptyNew makes a pseudo-terminal: its master and its slave.
func (b *Lib) ptyNew(l *lua.LState) int {
	p := luax.NewParams(l, 1, "poe.pty.new")
	pty := host.Pty{
		Rows: p.Int("rows", 1, sizeMost, 24),
		Cols: p.Int("cols", 1, sizeMost, 80),
		Raw:  p.Bool("raw", true),
		Echo: p.Bool("echo", false),
	}
	p.Done()
	var master, slave *host.Handle
	err := b.opening(func() (err error) {
		master, slave, err = b.host.OpenPty(pty)
		return err
	})
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(master)))
	l.Push(b.newHandle(handle.New(slave)))
	return 2
}

// serialOpen opens a serial line.
func (b *Lib) serialOpen(l *lua.LState) int {
	path := luax.Args{L: l, Name: "open"}.String(1)
	p := luax.NewParams(l, 2, "poe.serial.open")
	serial := host.Serial{
		Speed:     p.Int("speed", 1, speedMost, 9600),
		DataBits:  p.Int("data_bits", 5, 8, 8),
		Parity:    oneOf(p, "parity", "none", "even", "odd"),
		StopBits:  p.Int("stop_bits", 1, 2, 1),
		Flow:      oneOf(p, "flow", "none", "hardware", "software"),
		Exclusive: p.Bool("exclusive", true),
	}
	p.Done()
	var h *host.Handle
	err := b.opening(func() (err error) {
		h, err = b.host.OpenSerial(path, serial)
		return err
	})
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(h)))
	return 1
}

// oneOf is a parameter that is one of three words, the first if it is absent.
func oneOf(p *luax.Params, key string, words ...string) string {
	word, ok := p.String(key)
	if !ok {
		return words[0]
	}
	for _, w := range words {
		if w == word {
			return word
		}
	}
	p.Raise("%s: '%s', '%s' or '%s' expected, got '%s'", key, words[0], words[1], words[2], word)
	return ""
}

func (b *Lib) handleIsatty(h *handle.Handle, a luax.Args) int {
	is, err := h.IsTerminal()
	if err != nil {
		return luax.Failure(a.L, err)
	}
	a.L.Push(lua.LBool(is))
	return 1
}

// handleWinsize tells rows and columns, or sets them.
func (b *Lib) handleWinsize(h *handle.Handle, a luax.Args) int {
	if !a.Missing(1) || !a.Missing(2) {
		for n := 1; n <= 2; n++ {
			if size := a.Int(n); size < 0 || size > sizeMost {
				luax.ArgError(a.L, a.Name, n, "a number from 0 to 65535 expected")
			}
		}
		return answer(a.L, h.SetWindowSize(a.Int(1), a.Int(2)))
	}
	rows, cols, err := h.WindowSize()
	if err != nil {
		return luax.Failure(a.L, err)
	}
	a.L.Push(lua.LNumber(rows))
	a.L.Push(lua.LNumber(cols))
	return 2
}

// handleTermios tells a terminal's settings, or sets those that are named.
func (b *Lib) handleTermios(h *handle.Handle, a luax.Args) int {
	s, err := h.Settings()
	if a.Missing(1) {
		if err != nil {
			return luax.Failure(a.L, err)
		}
		a.L.Push(settingsTable(a.L, s))
		return 1
	}
	p := luax.NewParams(a.L, 2, "handle:termios")
	s = host.Settings{
		Echo:         p.Bool("echo", s.Echo),
		Canonical:    p.Bool("canonical", s.Canonical),
		Signals:      p.Bool("signals", s.Signals),
		CRLFIn:       p.Bool("crlf_in", s.CRLFIn),
		CRLFOut:      p.Bool("crlf_out", s.CRLFOut),
		XON:          p.Bool("xon", s.XON),
		Speed:        p.Int("speed", 1, speedMost, s.Speed),
		DataBits:     p.Int("data_bits", 5, 8, s.DataBits),
		Parity:       parityParam(p, s.Parity),
		StopBits:     p.Int("stop_bits", 1, 2, s.StopBits),
		HardwareFlow: p.Bool("hardware_flow", s.HardwareFlow),
		Min:          p.Int("min", 0, 255, s.Min),
		Time:         waitParam(p, s.Time),
	}
	p.Done()
	if err == nil {
		err = h.SetSettings(s)
	}
	return answer(a.L, err)
}

func parityParam(p *luax.Params, now string) string {
	if !p.Has("parity") {
		p.Get("parity")
		return now
	}
	return oneOf(p, "parity", "none", "even", "odd")
}

// waitParam is the parameter time, in seconds.
func waitParam(p *luax.Params, now time.Duration) time.Duration {
	wait := luax.Duration(p.Number("time", now.Seconds())).Round(100 * time.Millisecond)
	if wait < 0 || wait > waitMost {
		p.Raise("time: seconds from 0 to 25.5 expected, got %v", wait.Seconds())
	}
	return wait
}

func settingsTable(l *lua.LState, s host.Settings) *lua.LTable {
	t := l.CreateTable(0, 13)
	t.RawSetString("echo", lua.LBool(s.Echo))
	t.RawSetString("canonical", lua.LBool(s.Canonical))
	t.RawSetString("signals", lua.LBool(s.Signals))
	t.RawSetString("crlf_in", lua.LBool(s.CRLFIn))
	t.RawSetString("crlf_out", lua.LBool(s.CRLFOut))
	t.RawSetString("xon", lua.LBool(s.XON))
	t.RawSetString("speed", lua.LNumber(s.Speed))
	t.RawSetString("data_bits", lua.LNumber(s.DataBits))
	t.RawSetString("parity", lua.LString(s.Parity))
	t.RawSetString("stop_bits", lua.LNumber(s.StopBits))
	t.RawSetString("hardware_flow", lua.LBool(s.HardwareFlow))
	t.RawSetString("min", lua.LNumber(s.Min))
	t.RawSetString("time", lua.LNumber(s.Time.Seconds()))
	return t
}

func (b *Lib) handleMakeRaw(h *handle.Handle, a luax.Args) int { return answer(a.L, h.MakeRaw()) }

func (b *Lib) handleRestore(h *handle.Handle, a luax.Args) int {
	return answer(a.L, h.RestoreTerminal())
}

func (b *Lib) handlePtyName(h *handle.Handle, a luax.Args) int {
	name, err := h.PtyName()
	if err != nil {
		return luax.Failure(a.L, err)
	}
	a.L.Push(lua.LString(name))
	return 1
}

// handleModemLines tells how the wires are, after setting those of ours that are named.
func (b *Lib) handleModemLines(h *handle.Handle, a luax.Args) int {
	l := a.L
	if !a.Missing(1) {
		p := luax.NewParams(l, 2, "handle:modem_lines")
		wire := func(key string) *bool {
			if !p.Has(key) {
				p.Get(key)
				return nil
			}
			on := p.Bool(key, false)
			return &on
		}
		dtr, rts := wire("dtr"), wire("rts")
		p.Done()
		if err := h.SetModemLines(dtr, rts); err != nil {
			return luax.Failure(l, err)
		}
	}
	m, err := h.ModemLines()
	if err != nil {
		return luax.Failure(l, err)
	}
	t := l.CreateTable(0, 6)
	t.RawSetString("cts", lua.LBool(m.CTS))
	t.RawSetString("dsr", lua.LBool(m.DSR))
	t.RawSetString("ri", lua.LBool(m.RI))
	t.RawSetString("dcd", lua.LBool(m.DCD))
	t.RawSetString("dtr", lua.LBool(m.DTR))
	t.RawSetString("rts", lua.LBool(m.RTS))
	l.Push(t)
	return 1
}

// handleSendBreak begins a break that ends by itself.
func (b *Lib) handleSendBreak(h *handle.Handle, a luax.Args) int {
	seconds := a.Number(1)
	if seconds <= 0 {
		luax.ArgError(a.L, a.Name, 1, "seconds above 0 expected")
	}
	return answer(a.L, h.SendBreak(luax.Duration(seconds)))
}

// handleDrain tells whether everything has been sent, EAGAIN when not.
//
// Differs: what other systems call draining waits until then, and everything else would wait with it.
func (b *Lib) handleDrain(h *handle.Handle, a luax.Args) int { return answer(a.L, h.Drain()) }

func (b *Lib) handleDiscard(h *handle.Handle, a luax.Args) int {
	which := a.String(1)
	switch which {
	case "in", "out", "both":
	default:
		luax.ArgError(a.L, a.Name, 1, "unknown direction '"+which+"' (in, out or both)")
	}
	return answer(a.L, h.Discard(which != "out", which != "in"))
}
