//go:build unix

package tests

import (
	"bufio"
	"bytes"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prelude gives the scripts here: poe, say, which prints a line at once, and stay, a _start which keeps its session for
// an hour.
const prelude = `
local poe = require "poe"
local function say(...) print(...) io.stdout:flush() end
local function stay(ctx) ctx.kernel:delay("hour", 3600) end
`

// twoSessions is a program of two sessions which say when they are ready and when they stop. %START% stands in the
// second one's _start.
const twoSessions = prelude + `
poe.Session.create { inline_states = { _start = stay, _stop = function() say("stop first") end } }
poe.Session.create {
  inline_states = {
    _start = function(ctx) stay(ctx) %START% ctx.kernel:yield("begin") end,
    begin = function() say("ready") end,
    caught = function(ctx, name) say("caught " .. name) end,
    handled = function(ctx, name)
      ctx.kernel:sig_handled()
      ctx.kernel:sig(name)
      say("handled " .. name)
    end,
    _stop = function() say("stop second") end,
  },
}
`

func startTwoSessions(t *testing.T, start string) *poeluaProcess {
	t.Helper()
	p := startPoelua(t, "-e", strings.Replace(twoSessions, "%START%", start, 1))
	p.waitFor(t, p.stdout, "ready\n")
	return p
}

func TestG20TerminalSignalStopsEverySession(t *testing.T) {
	const stops = "stop second\nstop first\n"
	for _, c := range []struct {
		name   string
		start  string
		signal syscall.Signal
		stdout string
		status int
	}{
		{"TERM unwatched", "", syscall.SIGTERM, "ready\n" + stops, 143},
		{"INT unwatched", "", syscall.SIGINT, "ready\n" + stops, 130},
		{"TERM watched", `ctx.kernel:sig("TERM", "caught")`, syscall.SIGTERM, "ready\ncaught TERM\n" + stops, 143},
		{"INT watched", `ctx.kernel:sig("INT", "caught")`, syscall.SIGINT, "ready\ncaught INT\n" + stops, 130},
		{"HUP watched", `ctx.kernel:sig("HUP", "caught")`, syscall.SIGHUP, "ready\ncaught HUP\n" + stops, 129},
		{"QUIT watched", `ctx.kernel:sig("QUIT", "caught")`, syscall.SIGQUIT, "ready\ncaught QUIT\n" + stops, 131},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startTwoSessions(t, c.start)
			p.signal(t, c.signal)
			r := p.wait(t)
			r.want(t, c.status, c.stdout)
			r.wantStderr(t)
		})
	}
}

func TestG20TerminalSignalIsSurvivedWhenHandled(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT} {
		t.Run(name, func(t *testing.T) {
			p := startTwoSessions(t, `ctx.kernel:sig("`+name+`", "handled")`)
			p.signal(t, s)
			p.waitFor(t, p.stdout, "handled "+name+"\n")
			p.signal(t, syscall.SIGTERM) // nobody watches any more
			p.wait(t).want(t, 143, "ready\nhandled "+name+"\nstop second\nstop first\n")
		})
	}
}

func TestTermBeforeTheLoopRunsIsNotLost(t *testing.T) {
	p := startPoelua(t, "-e", prelude+`
poe.Session.create { inline_states = { _start = stay, _stop = function() say("stop") end } }
os.execute("kill -TERM " .. poe.pid())`)
	p.wait(t).want(t, 143, "stop\n")
}

func TestG20UnwatchedHupKillsTheProcess(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("this process ignores HUP, and what it starts does, too")
	}
	for name, start := range map[string]string{
		"never watched": ``,
		"watcher gone":  `ctx.kernel:sig("HUP", "caught") ctx.kernel:sig("HUP")`,
	} {
		t.Run(name, func(t *testing.T) {
			p := startTwoSessions(t, start)
			p.signal(t, syscall.SIGHUP)
			p.wait(t).want(t, -1, "ready\n")
			if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGHUP {
				t.Errorf("got killed by %v, want %v", status.Signal(), syscall.SIGHUP)
			}
		})
	}
}

func TestUnwatchedBenignSignalsDoNothing(t *testing.T) {
	p := startTwoSessions(t, "")
	for _, s := range []syscall.Signal{
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGCHLD,
	} {
		p.signal(t, s)
	}
	p.signal(t, syscall.SIGTERM)
	r := p.wait(t)
	r.want(t, 143, "ready\nstop second\nstop first\n")
	if r.stderr != "" {
		t.Errorf("got stderr %q, want none", r.stderr)
	}
}

func TestUnwatchedQuitPrintsSessionsAndQueue(t *testing.T) {
	p := startTwoSessions(t, `ctx.kernel:alias_set("my_alias") ctx.kernel:delay("my_timer", 3600)`)
	p.signal(t, syscall.SIGQUIT)
	p.waitFor(t, p.stderr, "my_timer")
	p.waitFor(t, p.stderr, "my_alias")
	p.signal(t, syscall.SIGTERM)
	r := p.wait(t)
	r.want(t, 143, "ready\nstop second\nstop first\n")
	r.wantStderr(t, "my_alias", "my_timer", "hour")
}

// endlessLoops are scripts that get into an endless loop after they said "ready".
var endlessLoops = map[string]string{
	"in a handler": prelude + `poe.Session.create { inline_states = {
		_start = function(ctx) ctx.kernel:yield("loop") end, loop = function() say("ready") while true do end end } }`,
	"in the main chunk": prelude + `say("ready") while true do end`,
	"in a coroutine":    prelude + `say("ready") coroutine.wrap(function() while true do end end)()`,
}

func TestG20TwoInterruptsEndAnEndlessLoop(t *testing.T) {
	for name, source := range endlessLoops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPoelua(t, "-e", source)
			p.waitFor(t, p.stdout, "ready\n")
			p.signal(t, syscall.SIGINT)
			p.signal(t, syscall.SIGINT) // soon after the first: the loop may yet come to it
			// That the second one counts only a second after the first is the promise itself, so it takes real time.
			select {
			case <-p.ended:
				t.Fatal("ended by interrupts less than a second apart")
			case <-time.After(1100 * time.Millisecond):
			}
			p.signal(t, syscall.SIGINT)
			r := p.wait(t)
			r.want(t, 130, "ready\n")
			r.wantStderr(t)
		})
	}
}

func TestSecondTermEndsAStopHandlerThatLoops(t *testing.T) {
	p := startPoelua(t, "-e", prelude+`
poe.Session.create { inline_states = { _start = function(ctx) stay(ctx) ctx.kernel:yield("begin") end, begin = function() say("ready") end,
  _stop = function() say("stopping") while true do end end } }`)
	p.waitFor(t, p.stdout, "ready\n")
	p.signal(t, syscall.SIGTERM)
	p.waitFor(t, p.stdout, "stopping\n")
	p.signal(t, syscall.SIGTERM)
	r := p.wait(t)
	r.want(t, 143, "ready\nstopping\n")
	r.wantStderr(t)
}

func TestStdoutWithoutReaderIsAnError(t *testing.T) {
	for name, source := range map[string]string{
		"one handler":   `while true do print("line") end`,
		"many handlers": `local poe = require "poe" poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:yield("line") end, line = function(ctx) print("line") ctx.kernel:yield("line") end } }`,
		"io.write":      `while true do assert(io.write("line\n")) end`,
	} {
		t.Run(name, func(t *testing.T) {
			cmd := poeluaCommand(t, "-e", source)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stuck := time.AfterFunc(deadline, func() { cmd.Process.Kill() })
			if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "line\n" {
				t.Errorf("got %q and %v, want a line", line, err)
			}
			stdout.Close()
			cmd.Wait() // its error says no more than the exit status
			if !stuck.Stop() {
				t.Fatal("did not end")
			}
			r := poeluaResult{stderr: stderr.String(), status: cmd.ProcessState.ExitCode()}
			if r.status != 1 {
				t.Errorf("got status %d, want 1", r.status)
			}
			r.wantStderr(t, "poelua: ", "pipe")
		})
	}
}
