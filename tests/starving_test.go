//go:build unix

package tests

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// starving is a server that keeps what it accepts until it was told twice that no descriptors are left. Before that it finds
// out that a client cannot have one either.
const starving = prelude + `
local Factory = poe.wheel.SocketFactory
local kept, accepted, told, most = {}, 0, 0, 60
poe.Session.create { inline_states = {
  _start = function(ctx)
    ctx.heap.server = Factory.new { bind_address = "127.0.0.1", success_event = "accepted", failure_event = "failure" }
    say("port " .. select(2, ctx.heap.server:getsockname()))
  end,
  accepted = function(ctx, handle)
    kept[#kept + 1] = handle
    accepted = accepted + 1
    if accepted == most then
      ctx.heap.server:destroy()
      say("all " .. accepted, ctx.kernel:stats().iterations < 2000)
    end
  end,
  failure = function(ctx, op, errno)
    told = told + 1
    if told == 1 then
      say(op, errno == poe.errno.EMFILE)
      Factory.new { remote_address = "127.0.0.1", remote_port = 9, success_event = "accepted", failure_event = "refused" }
    elseif told == 2 then
      say("again")
      for _, handle in ipairs(kept) do handle:close() end
      kept = {}
      told = 0
    end
  end,
  refused = function(ctx, op, errno) say("client", op, errno == poe.errno.EMFILE) end,
} }
`

// careless is a server that forgets what it accepts.
const careless = prelude + `
local accepted = 0
poe.Session.create { inline_states = {
  _start = function(ctx)
    ctx.heap.server = poe.wheel.SocketFactory.new { bind_address = "127.0.0.1", success_event = "accepted", failure_event = "failure" }
    say("port " .. select(2, ctx.heap.server:getsockname()))
  end,
  accepted = function(ctx, handle)
    accepted = accepted + 1
    if accepted == 60 then
      ctx.heap.server:destroy()
      say("all " .. accepted)
    end
  end,
  failure = function(ctx, op, errno) say(op, errno) end,
} }
`

// startStarved starts poelua with few descriptors, and connects to the port it says until 60 connections wait or were accepted.
func startStarved(t *testing.T, script string) *poeluaProcess {
	t.Helper()
	command := poeluaCommand(t, scriptFile(t, script))
	shell := append([]string{"-c", `ulimit -n 40 && exec "$@"`, "sh"}, command.Args...)
	p := startCommand(t, shell, command.Env)
	p.waitFor(t, p.stdout, "\n")
	out, _ := p.stdout.look()
	port, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out, "port ")))
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
	for range 60 {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	return p
}

func TestAcceptingWithoutDescriptorsIsToldAndAllAreServedOnceThereAreSome(t *testing.T) {
	p := startStarved(t, starving)
	p.waitFor(t, p.stdout, "all 60\ttrue\n")
	r := p.wait(t)
	_, said, _ := strings.Cut(r.stdout, "\n")
	if want := "accept\ttrue\nclient\tsocket\ttrue\nagain\n"; r.status != 0 || !strings.HasPrefix(said, want) {
		t.Errorf("got status %d and %q, want 0 and %q before the rest\nstderr: %s", r.status, said, want, r.stderr)
	}
}

func TestAcceptingWithoutDescriptorsClosesGarbageFirst(t *testing.T) {
	p := startStarved(t, careless)
	p.waitFor(t, p.stdout, "all 60\n")
	r := p.wait(t)
	_, said, _ := strings.Cut(r.stdout, "\n")
	if want := "all 60\n"; r.status != 0 || said != want {
		t.Errorf("got status %d and %q, want 0 and %q\nstderr: %s", r.status, said, want, r.stderr)
	}
}

// startCommand starts a command that becomes poelua.
func startCommand(t *testing.T, args, env []string) *poeluaProcess {
	t.Helper()
	p := &poeluaProcess{
		cmd:    exec.Command("/bin/sh", args...),
		stdout: newWatchedBuffer(), stderr: newWatchedBuffer(),
		ended: make(chan struct{}),
	}
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}
