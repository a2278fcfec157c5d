package tests

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is a poelua with a console.
type served struct {
	*poeluaProcess
	dir string // XDG_RUNTIME_DIR
}

// lasting is a program that goes on until "leave" is posted to it, and prints what happens to it.
const lasting = `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("main") ctx.kernel:delay("leave", 1000) print("ready") end,
  say = function(ctx, text) print(text) end,
  spin = function(ctx) while true do end end,
  leave = function(ctx) ctx.kernel:alarm_remove_all() ctx.kernel:alias_remove("main") end,
  _stop = function() print("stopped") end,
} }`

// serve starts a program with a console in a directory of its own, and waits until it is there.
func serve(t *testing.T, source string, options ...string) *served {
	t.Helper()
	dir, err := os.MkdirTemp("", "poelua") // short, as a socket's path must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &served{dir: dir}
	cmd := poeluaCommand(t, append(append([]string{"--console"}, options...), scriptFile(t, source))...)
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+dir)
	s.poeluaProcess = startServing(t, cmd)
	s.waitFor(t, s.stdout, "ready\n")
	return s
}

func startServing(t *testing.T, cmd *exec.Cmd) *poeluaProcess {
	t.Helper()
	p := &poeluaProcess{cmd: cmd, stdout: newWatchedBuffer(), stderr: newWatchedBuffer(), ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = p.stdout
	}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// socket is the path of its console.
func (s *served) socket() string {
	return filepath.Join(s.dir, "poelua", strconv.Itoa(s.cmd.Process.Pid)+".sock")
}

// attachCommand is a poelua attach, to be started.
func (s *served) attachCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := poeluaCommand(t, append([]string{"attach"}, args...)...)
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+s.dir)
	return cmd
}

// ask attaches, hands over lines and gives what was answered.
func (s *served) ask(t *testing.T, lines string) poeluaResult {
	t.Helper()
	cmd := s.attachCommand(t, s.socket())
	cmd.Stdin = strings.NewReader(lines)
	return runCommand(t, cmd)
}

// leave has the program end in order.
func (s *served) leave(t *testing.T) {
	t.Helper()
	s.ask(t, "poe.kernel:post('main', 'leave')\n")
	if r := s.wait(t); r.status != 0 || !strings.HasSuffix(r.stdout, "stopped\n") {
		t.Errorf("got status %d, stdout %q, stderr %q", r.status, r.stdout, r.stderr)
	}
	if _, err := os.Lstat(s.socket()); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestAttachedPrompt(t *testing.T) {
	s := serve(t, lasting)
	s.ask(t, "1 + 1\nshared = 'seen by all'\n").want(t, 0, "2\n")
	s.ask(t, "shared\nfor i = 1, 2 do\nx = i\nend\nx\n.quit\n3\n").want(t, 0, "\"seen by all\"\n2\n")
	s.ask(t, "x = poe.kernel:post('main', 'say', 'hello')\n").want(t, 0, "")
	s.waitFor(t, s.stdout, "hello\n")
	r := s.ask(t, "while\n")
	if r.status != 0 || !strings.Contains(r.stdout, "syntax error") {
		t.Errorf("got %+v", r)
	}
	s.leave(t)
}

func TestDetachingLeavesNoTrace(t *testing.T) {
	s := serve(t, lasting)
	for range 3 {
		s.ask(t, "poe.kernel:alias_list()\n")
	}
	// The session of the one that asks is all there is beside the program's.
	s.ask(t, "n = 0 for id = 1, 100 do if poe.kernel:id_to_session(id) then n = n + 1 end end\nn\n").want(t, 0, "2\n")
	s.leave(t)
}

func TestSeveralAreAttachedAtOnce(t *testing.T) {
	s := serve(t, lasting)
	var all []*typist
	for i := range 3 {
		p := typeAt(t, s.attachCommand(t, strconv.Itoa(s.cmd.Process.Pid)), t.TempDir())
		p.line(t, fmt.Sprintf("mine%d = %d", i, i*111), "\n")
		all = append(all, p)
	}
	for i, p := range all {
		p.line(t, fmt.Sprintf("mine%d + 1000", (i+1)%3), strconv.Itoa(1000+(i+1)%3*111))
	}
	all[0].expect(t, "> ")
	all[0].types(t, ctrlD)
	all[0].leaves(t, 0)
	all[1].line(t, "'still there'", `"still there"`)
	all[1].line(t, "poe.kernel:post('main', 'leave')")
	for _, p := range all[1:] {
		p.expect(t, "the program has ended")
		p.leaves(t, 1)
	}
	if r := s.wait(t); r.status != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestInterruptReachesAnAttachedEvaluation(t *testing.T) {
	s := serve(t, lasting)
	p := typeAt(t, s.attachCommand(t, s.socket()), t.TempDir())
	p.line(t, "while true do end", "\n")
	p.interruptAll(t)
	p.expect(t, "interrupted")
	p.line(t, "shining_example = { alpha = 1, beta = 2 }", "\n")
	p.expect(t, "> ")
	p.types(t, "shining_ex"+tab+"."+tab)
	p.expect(t, "alpha", "beta")
	p.types(t, ctrlC)
	p.line(t, ".quit")
	p.leaves(t, 0)
	s.leave(t)
}

func TestWhoHangsUpEndsItsEvaluation(t *testing.T) {
	s := serve(t, lasting)
	c := s.dial(t)
	c.attach(t)
	c.send(t, 'l', "while true do end")
	c.Close()
	s.ask(t, "1 + 1\n").want(t, 0, "2\n")
	s.leave(t)
}

func TestAProgramThatDoesNotAnswerIsLeft(t *testing.T) {
	s := serve(t, lasting)
	p := typeAt(t, s.attachCommand(t, s.socket()), t.TempDir())
	p.line(t, "x = poe.kernel:post('main', 'spin')", "\n")
	p.line(t, "1 + 1", "\n")
	p.settled(t)
	for left := false; !left; { // signals that come fast become one
		select {
		case <-p.ended:
			left = true
		default:
			p.cmd.Process.Signal(syscall.SIGINT) // it fails when the program has just left
		}
	}
	p.expect(t, "does not answer")
	p.leaves(t, 1)
	s.signal(t, syscall.SIGKILL)
	<-s.ended
	if r := s.ask(t, "1\n"); r.status != 1 || !strings.Contains(r.stderr, "refused") {
		t.Errorf("got %+v", r)
	}
}

func TestTerminalIsRestoredWhenAttachEnds(t *testing.T) {
	s := serve(t, lasting)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		p := typeAt(t, s.attachCommand(t, s.socket()), t.TempDir())
		p.expect(t, "> ")
		p.signal(t, sig)
		p.leaves(t, 128+int(sig))
	}
	s.leave(t)
}

func TestAttachListsPrograms(t *testing.T) {
	s := serve(t, lasting)
	r := runCommand(t, s.attachCommand(t))
	pid, script := strconv.Itoa(s.cmd.Process.Pid), s.cmd.Args[len(s.cmd.Args)-1]
	if r.status != 0 || !strings.Contains(r.stdout, pid) || !strings.Contains(r.stdout, script) {
		t.Errorf("got %+v", r)
	}
	s.signal(t, syscall.SIGKILL)
	<-s.ended
	runCommand(t, s.attachCommand(t)).want(t, 0, "no program of yours has a console (it is opened by --console)\n")
	if _, err := os.Lstat(s.socket()); !os.IsNotExist(err) {
		t.Errorf("the socket of a dead program is left: %v", err)
	}
}

func TestAttachRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"a process without a console", []string{"4194399"}, 1, "no console of process 4194399"},
		{"a path where nothing is", []string{filepath.Join(dir, "none")}, 1, "no such file"},
		{"a file", []string{file}, 1, "refused"},
		{"two addresses", []string{"1", "2"}, 2, "one address"},
		{"an option", []string{"--now"}, 2, "unknown option '--now'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runPoelua(t, append([]string{"attach"}, c.args...)...)
			r.want(t, c.status, "")
			r.wantStderr(t, c.stderr)
		})
	}
}

func TestConsolePathRefuses(t *testing.T) {
	s := serve(t, lasting)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, stderr string }{
		{"a socket that is in use", s.socket(), "in use"},
		{"a file", file, "no socket"},
		{"a directory that is not there", filepath.Join(dir, "no", "socket"), "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runPoelua(t, "--console="+c.path, "-e", "print 'never'")
			r.want(t, 1, "")
			r.wantStderr(t, c.stderr)
		})
	}
	s.leave(t)
}

func TestConsoleIsForItsOwnerAlone(t *testing.T) {
	s := serve(t, lasting)
	for path, want := range map[string]os.FileMode{s.socket(): 0o600, filepath.Dir(s.socket()): 0o700} {
		if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v", path, info.Mode(), err)
		}
	}
	s.leave(t)

	// A directory that others may write to is not used.
	open, err := os.MkdirTemp("", "poelua")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	if err := os.Mkdir(filepath.Join(open, "poelua"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(open, "poelua"), 0o777); err != nil {
		t.Fatal(err)
	}
	p := poeluaCommand(t, "--console", "-e", "print 'ran'")
	p.Env = append(p.Env, "XDG_RUNTIME_DIR="+open)
	if r := runCommand(t, p); r.status == 0 && r.stdout != "ran\n" {
		t.Errorf("got %+v", r)
	}
	if entries, _ := os.ReadDir(filepath.Join(open, "poelua")); len(entries) > 0 {
		t.Errorf("got %v in it", entries)
	}
}

func TestConsoleTakesOverAStaleSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "poelua")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "socket")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	runPoelua(t, "--console="+path, "-e", "print 'ran'").want(t, 0, "ran\n")
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestConsoleKeepsNoProgramAlive(t *testing.T) {
	s := serve(t, strings.Replace(lasting, `ctx.kernel:delay("leave", 1000)`, `ctx.kernel:sig("USR1", "leave")`, 1)+`
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:sig("USR2", "over") ctx.kernel:select_read(poe.pipe.OneWay.new(), "never") end,
  over = function(ctx) ctx.kernel:call("main", "leave") os.exit(0) end,
} }`)
	p := typeAt(t, s.attachCommand(t, s.socket()), t.TempDir())
	p.line(t, "1 + 1", "2")
	s.signal(t, syscall.SIGUSR2)
	if r := s.wait(t); r.status != 0 {
		t.Errorf("got %+v", r)
	}
	p.expect(t, "the program has ended")
	p.leaves(t, 1)
}

// rawClient says to a console what a client never says.
type rawClient struct{ net.Conn }

func (s *served) dial(t *testing.T) rawClient {
	t.Helper()
	c, err := net.Dial("unix", s.socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	r := rawClient{c}
	if kind, text := r.receive(t); kind != 'g' || !strings.Contains(text, `"version":1`) {
		t.Fatalf("got the greeting %q %q", kind, text)
	}
	return r
}

func (c rawClient) send(t *testing.T, kind byte, payload string) {
	t.Helper()
	frame := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	if _, err := c.Write(append(frame, payload...)); err != nil {
		t.Fatal(err)
	}
}

func (c rawClient) attach(t *testing.T) { c.send(t, 'a', "\x00\x00\x00\x00\x50") }

func (c rawClient) receive(t *testing.T) (kind byte, payload string) {
	t.Helper()
	var head [5]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, binary.BigEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(c, text); err != nil {
		t.Fatal(err)
	}
	return head[0], string(text)
}

func TestBadInputOnTheConsoleEndsTheConnectionAndNothingElse(t *testing.T) {
	s := serve(t, lasting)
	for _, c := range []struct {
		name     string
		attached bool
		bytes    string
	}{
		{"garbage", false, "\xff\xfe\x00GET / HTTP/1.0\r\n\r\n\x00\x01\x02\x03"},
		{"a frame that is too long", false, "a\xff\xff\xff\xff"},
		{"a line before it has attached", false, "l\x00\x00\x00\x011"},
		{"a width of no length", true, "w\x00\x00\x00\x00"},
		{"a line that is too long", true, "l\x00\x01\x00\x01" + strings.Repeat("x", 65537)},
		{"a kind that there is not", true, "z\x00\x00\x00\x00"},
		{"a position outside of the text", true, "c\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x05x"},
		{"two lines at once", true, strings.Repeat("l\x00\x00\x00\x11while true do end", 2)},
		{"more questions than it waits for", true,
			"l\x00\x00\x00\x11while true do end" + strings.Repeat("c\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x00x", 100)},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := s.dial(t)
			if c.attached {
				client.attach(t)
			}
			client.Write([]byte(c.bytes)) // it may be cut off in the middle
			if _, err := io.Copy(io.Discard, client); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
	for _, part := range []string{"", "a", "a\x00\x00\x00\x05\x00"} { // who hangs up in the middle
		c := s.dial(t)
		io.WriteString(c, part)
		c.Close()
	}
	c := s.dial(t)
	c.attach(t)
	c.send(t, 'l', "1 +")
	io.WriteString(c, "l\x00\x00\x00\x111 + ")
	c.Close()
	s.ask(t, "1 + 1\n").want(t, 0, "2\n")
	s.leave(t)
}

func TestASlowReaderDelaysNobody(t *testing.T) {
	s := serve(t, lasting)
	slow := s.dial(t)
	slow.attach(t)
	slow.send(t, 'l', "for i = 1, 100000 do print(('x'):rep(100)) end poe.kernel:post('main', 'say', 'went on')")
	s.waitFor(t, s.stdout, "went on\n")
	s.ask(t, "1 + 1\n").want(t, 0, "2\n")
	left := false
	for { // what it has missed it is told of
		kind, text := slow.receive(t)
		left = left || kind == 'o' && strings.Contains(text, "left out")
		if kind == 's' {
			break
		}
	}
	if !left {
		t.Error("it is not told that output was left out")
	}
	s.leave(t)
}

func TestConnectionsHaveABound(t *testing.T) {
	s := serve(t, lasting)
	for range 16 {
		s.dial(t)
	}
	if c, err := net.Dial("unix", s.socket()); err == nil {
		c.SetDeadline(time.Now().Add(deadline))
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("one more is served: %v", err)
		}
		c.Close()
	}
	s.signal(t, syscall.SIGTERM)
	if r := s.wait(t); r.status != 143 {
		t.Errorf("got %+v", r)
	}
}
