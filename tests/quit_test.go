//go:build unix

package tests

import (
	"syscall"
	"testing"
)

const busyHandler = prelude + `
local function spin(n) while true do n = n + 1 end end
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("busy_session") ctx.kernel:delay("my_timer", 3600) ctx.kernel:yield("work") end,
  work = function(ctx) say("ready") coroutine.wrap(function() pcall(spin, 1) end)() end } }`

func TestQuitShowsTheStackOfAnEndlessLoop(t *testing.T) {
	p := startPoelua(t, "--max-dispatch-time", "3600", "-e", busyHandler)
	p.waitFor(t, p.stdout, "ready\n")
	p.signal(t, syscall.SIGQUIT)
	p.waitFor(t, p.stderr, "created outside of handlers\n")
	p.cmd.Process.Kill()
	r := p.wait(t)
	r.wantStderr(t, "running: event 'work' of session 1 (busy_session)", "alias busy_session", "event 'my_timer'", "stack traceback:\n",
		"[Go]: in function 'pcall'", "\tin handler 'work' of session 1 (busy_session)\n\tsent from -e:")
}

func TestQuitShowsTheStackOfTheMainChunk(t *testing.T) {
	p := startPoelua(t, "--max-dispatch-time", "3600", "-e", prelude+`say("ready") while true do end`)
	p.waitFor(t, p.stdout, "ready\n")
	p.signal(t, syscall.SIGQUIT)
	p.waitFor(t, p.stderr, "in main chunk\n")
}

// That it is told after a second is the promise itself, so it takes real time.
func TestQuitSaysWhyItShowsNothing(t *testing.T) {
	for _, c := range []struct {
		name, source, want string
		args               []string
	}{
		{"without a meter", busyHandler, "started with -i, --console or a limit", nil},
		{"while something waits that is not Lua", prelude + `poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:yield("go") end,
			go = function() say("ready") os.execute("exec sleep 3 >/dev/null 2>&1") end } }`, "a function that is not Lua", []string{"--max-dispatch-time", "3600"}},
		{"while somebody watches it", prelude + `poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:sig("QUIT", "quit") ctx.kernel:yield("go") end,
			go = function() say("ready") while true do end end } }`, "who watches QUIT hears of it when it returns", []string{"--max-dispatch-time", "3600"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := startPoelua(t, append(c.args, "-e", c.source)...)
			p.waitFor(t, p.stdout, "ready\n")
			p.signal(t, syscall.SIGQUIT)
			p.waitFor(t, p.stderr, c.want)
		})
	}
}
