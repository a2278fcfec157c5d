package tests

import (
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

// Nobody else would: a program leaves the terminal to the next one as it is.
func TestD35TerminalIsRestoredOnEveryWayOut(t *testing.T) {
	const raw = `
local poe = require "poe"
local terminal = assert(poe.open(arg[1], "r+"))
assert(terminal:make_raw())
assert(terminal:termios{ speed = 1200 })
`
	for _, c := range []struct {
		name, script string
		signal       syscall.Signal
		status       int
	}{
		{"the end of the script", ``, 0, 0},
		{"os.exit", `os.exit(3)`, 0, 3},
		{"an error", `error("over")`, 0, 1},
		{"an error in a handler", `poe.Session.create { inline_states = { _start = function() error("over") end } }`, 0, 1},
		{"SIGTERM", `poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:alias_set("x") ctx.kernel:delay("x", 1000) print("ready") end } }`, syscall.SIGTERM, 143},
		{"SIGINT", `poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:delay("x", 1000) print("ready") end } }`, syscall.SIGINT, 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := host.New()
			defer h.Close()
			master, slave, err := h.OpenPty(host.Pty{Rows: 24, Cols: 80, Echo: true})
			if err != nil {
				t.Skip(err)
			}
			defer master.Close()
			defer slave.Close()
			name, err := master.PtyName()
			if err != nil {
				t.Fatal(err)
			}
			before, err := master.Settings()
			if err != nil {
				t.Fatal(err)
			}
			p := startPoelua(t, scriptFile(t, raw+`print("raw") `+c.script), name)
			p.waitFor(t, p.stdout, "raw\n")
			if c.signal != 0 {
				p.waitFor(t, p.stdout, "ready\n")
				if s, err := master.Settings(); err != nil || s == before {
					t.Errorf("got %+v, %v: the script has not changed the terminal", s, err)
				}
				p.signal(t, c.signal)
			}
			r := p.wait(t)
			if r.status != c.status {
				t.Errorf("got status %d, want %d: %s", r.status, c.status, r.stderr)
			}
			if after, err := master.Settings(); err != nil || after != before {
				t.Errorf("got  %+v, %v\nwant %+v", after, err, before)
			}
		})
	}
}
