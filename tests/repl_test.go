package tests

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel/host"
)

// typist is a poelua at a terminal, and somebody who types there and reads.
type typist struct {
	*poeluaProcess
	master *host.Handle
	file   *os.File // the master's
	before host.Settings
	screen *watchedBuffer
	seen   int // bytes of screen that were expected before
	state  string
}

// startTyping starts poelua at a terminal of its own. What is kept from one run to the next is in a new directory.
func startTyping(t *testing.T, args ...string) *typist {
	t.Helper()
	return typeAt(t, poeluaCommand(t, args...), t.TempDir())
}

// typeAt starts a command at a terminal.
func typeAt(t *testing.T, cmd *exec.Cmd, state string) *typist {
	t.Helper()
	h := host.New()
	master, slave, err := h.OpenPty(host.Pty{Rows: 24, Cols: 80, Echo: true})
	if err != nil {
		t.Skip(err)
	}
	name, err := master.PtyName()
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer line.Close()
	p := &typist{master: master, screen: newWatchedBuffer(), state: state}
	if p.before, err = master.Settings(); err != nil {
		t.Fatal(err)
	}
	typed, err := master.Dup()
	if err != nil {
		t.Fatal(err)
	}
	if p.file, err = typed.File(); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "TERM=vt100", "XDG_STATE_HOME="+p.state)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.poeluaProcess = &poeluaProcess{cmd: cmd, stdout: p.screen, stderr: newWatchedBuffer(), ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(p.screen, p.file)
	go func() {
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
		p.file.Close()
		master.Close()
		slave.Close() // it is held for the settings to stay
		h.Close()
	})
	return p
}

// types presses keys.
func (p *typist) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(p.file, keys); err != nil {
		t.Fatal(err)
	}
}

// expect waits until the texts have appeared, one after the other, after what was expected before.
func (p *typist) expect(t *testing.T, texts ...string) {
	t.Helper()
	late := time.After(deadline)
	for _, text := range texts {
		for {
			screen, changed := p.screen.look()
			if i := strings.Index(screen[p.seen:], text); i >= 0 {
				p.seen += i + len(text)
				break
			}
			select {
			case <-changed:
			case <-late:
				t.Fatalf("no %q in time\nscreen: %q", text, screen[p.seen:])
			case <-p.ended:
				select {
				case <-changed:
				case <-time.After(time.Second):
					screen, _ := p.screen.look()
					t.Fatalf("ended without %q\nscreen: %q", text, screen[p.seen:])
				}
			}
		}
	}
}

// line types a line once there is a prompt, and waits for what it shows.
func (p *typist) line(t *testing.T, text string, shows ...string) {
	t.Helper()
	p.expect(t, "> ")
	p.types(t, text+"\r")
	p.expect(t, text)
	p.expect(t, shows...)
}

// leaves waits for the end and checks the terminal's settings.
func (p *typist) leaves(t *testing.T, status int) {
	t.Helper()
	if r := p.wait(t); r.status != status {
		t.Errorf("got status %d, want %d\nscreen: %q", r.status, status, p.screen)
	}
	if after, err := p.master.Settings(); err != nil || after != p.before {
		t.Errorf("the terminal: got  %+v, %v\nwant %+v", after, err, p.before)
	}
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlR = "\x12"
	tab   = "\t"
	up    = "\x1b[A"
)

// ticking is a program that prints a line for each event "tick" and for USR1, and writes what is no line for USR2.
const ticking = `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx)
    ctx.kernel:alias_set("ticker")
    ctx.kernel:sig("USR1", "noticed")
    ctx.kernel:sig("USR2", "part")
    ctx.kernel:delay("leave", 1000)
  end,
  tick = function(ctx, n) print("tick " .. n) end,
  noticed = function(ctx) print "noticed" end,
  part = function(ctx) io.write "part" end,
  leave = function() os.exit(7) end,
} }`

func TestPromptAtATerminal(t *testing.T) {
	p := startTyping(t)
	p.line(t, "x = 6 * 7", "\n")
	p.line(t, "x", "42")
	p.line(t, "_ + 1", "43")
	p.line(t, "for i = 1, 2 do", ">> ")
	p.types(t, "print('line ' .. i) end\r")
	p.expect(t, "line 1", "line 2")
	p.line(t, "error('no luck')", "no luck", "stack traceback")
	p.line(t, "x = = 1", "syntax error")
	p.expect(t, "> ")
	p.types(t, ctrlD)
	p.leaves(t, 0)
}

func TestPromptIsLeftByQuit(t *testing.T) {
	p := startTyping(t)
	p.line(t, ".quit")
	p.leaves(t, 0)
}

func TestPromptBesideAScript(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		goesOn       bool
	}{
		{"the program goes on", "y\r", true},
		{"it goes on unless refused", "\r", true},
		{"and at the end of the input", ctrlD, true},
		{"the program stops", "n\r", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startTyping(t, "-i", scriptFile(t, ticking))
			p.line(t, `poe.kernel:post("ticker", "tick", 1)`, "tick 1")
			p.expect(t, "> ")
			p.types(t, ctrlD)
			p.expect(t, "go on?", "[Y/n] ")
			p.types(t, ctrlC) // neither
			p.line(t, "1 + 1", "2")
			p.line(t, ".quit", "1 session left", "go on?", "[Y/n] ")
			p.types(t, c.answer)
			if !c.goesOn {
				p.leaves(t, 0)
				return
			}
			p.settled(t)
			p.signal(t, syscall.SIGUSR1)
			p.expect(t, "noticed")
			p.signal(t, syscall.SIGTERM)
			p.leaves(t, 143)
		})
	}
}

// settled waits until the terminal has its settings back.
func (p *typist) settled(t *testing.T) {
	t.Helper()
	for late := time.Now().Add(deadline); ; {
		s, err := p.master.Settings()
		if err != nil || s == p.before {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("the terminal has %+v", s)
		}
	}
}

func TestInterruptEndsAnEvaluationOnly(t *testing.T) {
	p := startTyping(t, "-i", scriptFile(t, ticking))
	p.line(t, "while true do end", "\n")
	p.interruptAll(t)
	p.expect(t, "interrupted")
	p.line(t, "while true do pcall(function() while true do end end) end", "\n")
	p.interruptAll(t)
	p.expect(t, "interrupted")
	p.expect(t, "> ")
	p.types(t, "half a li"+ctrlC)
	p.expect(t, "half a li", "^C")
	p.line(t, "do", ">> ")
	p.types(t, ctrlC)
	p.line(t, `poe.kernel:post("ticker", "tick", 3)`, "tick 3")
	p.line(t, `poe.kernel:post("ticker", "leave")`)
	p.leaves(t, 7)
}

// interruptAll presses ^C when it raises a signal again.
func (p *typist) interruptAll(t *testing.T) {
	t.Helper()
	p.settled(t)
	p.types(t, ctrlC)
}

func TestOutputAppearsAboveTheHalfTypedLine(t *testing.T) {
	p := startTyping(t, "-i", scriptFile(t, ticking))
	p.expect(t, "> ")
	p.types(t, "1000 + ")
	p.expect(t, "1000 + ")
	p.signal(t, syscall.SIGUSR1)
	p.expect(t, "noticed\r\n", "> 1000 + ")
	p.signal(t, syscall.SIGUSR2)
	p.expect(t, "part> 1000 + ") // what is no line yet stays before the prompt
	p.signal(t, syscall.SIGUSR2)
	p.expect(t, "partpart> 1000 + ")
	p.signal(t, syscall.SIGUSR1)
	p.expect(t, "partpartnoticed\r\n", "> 1000 + ")
	p.types(t, "1\r")
	p.expect(t, "1001")
	p.line(t, `x = io.write("no end")`, "no end> ")
	p.types(t, ".quit\r")
	p.expect(t, "go on?", "[Y/n] ")
	p.types(t, "n\r")
	p.leaves(t, 0)
}

func TestTerminalIsRestoredOnEveryWayOutOfThePrompt(t *testing.T) {
	const script = ticking + `
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("other") end,
  _stop = function() print "over" end,
  fail = function() error("no luck") end,
} }`
	for _, c := range []struct {
		name   string
		end    func(t *testing.T, p *typist)
		shows  string
		status int
	}{
		{"SIGTERM at the prompt", func(t *testing.T, p *typist) { p.signal(t, syscall.SIGTERM) }, "over", 143},
		{"os.exit at the prompt", func(t *testing.T, p *typist) { p.types(t, "os.exit(3)\r") }, "", 3},
		{"os.exit in a handler", func(t *testing.T, p *typist) { p.types(t, "poe.kernel:post('ticker', 'leave')\r") }, "", 7},
		{"an error in a handler", func(t *testing.T, p *typist) {
			p.types(t, "poe.kernel:post('other', 'fail')\r")
		}, "no luck", 1},
		{"a signal in an endless evaluation", func(t *testing.T, p *typist) {
			p.types(t, "while true do end\r")
			p.expect(t, "while true do end\r\n")
			p.settled(t)
			p.signal(t, syscall.SIGTERM)
			p.signal(t, syscall.SIGINT)
		}, "interrupted", 143},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startTyping(t, "-i", scriptFile(t, script))
			p.expect(t, "> ")
			c.end(t, p)
			p.expect(t, c.shows)
			p.leaves(t, c.status)
		})
	}
}

// A HUP that nobody watches ends the process as the system has it, but leaves the terminal as it was.
func TestHangupAtThePrompt(t *testing.T) {
	p := startTyping(t, "-i", scriptFile(t, ticking))
	p.expect(t, "> ")
	p.types(t, "half")
	p.expect(t, "half")
	p.signal(t, syscall.SIGHUP)
	p.leaves(t, -1)
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGHUP {
		t.Errorf("got %v", p.cmd.ProcessState)
	}

	p = startTyping(t, "-i", scriptFile(t, `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:sig("HUP", "noticed") ctx.kernel:alias_set("listener") end,
  noticed = function(ctx) ctx.kernel:sig_handled() print "noticed" end,
} }`))
	p.expect(t, "> ")
	p.signal(t, syscall.SIGHUP)
	p.expect(t, "noticed")
	p.types(t, "1000 + 1\r")
	p.expect(t, "1001", "> ")
	p.types(t, "os.exit(3)\r")
	p.leaves(t, 3)
}

func TestALongLineIsPasted(t *testing.T) {
	p := startTyping(t)
	p.expect(t, "> ")
	p.types(t, "x = '"+strings.Repeat("y", 40_000)+"' print(#x + 1)\r")
	p.expect(t, "40001\r\n", "> ")
	p.types(t, "x = 'a line that is too long'"+strings.Repeat(" ", 65536)+"\r")
	p.expect(t, "a line of more than 65536 bytes is left out", "> ")
	p.types(t, "#x\r")
	p.expect(t, "40000\r\n", "> ")
	p.types(t, ctrlR+"print(#x + 1"+ctrlC)
	p.expect(t, "^C", "> ")
	p.types(t, ctrlD)
	p.leaves(t, 0)
}

func TestHistoryIsKeptForItsOwnerAlone(t *testing.T) {
	p := startTyping(t)
	p.line(t, "first = 1", "\n")
	p.line(t, "second = 2", "\n")
	p.expect(t, "> ")
	p.types(t, ctrlR+"fir")
	p.expect(t, "first = 1")
	p.types(t, "\r")
	p.expect(t, "> ")
	p.types(t, ctrlD)
	p.leaves(t, 0)
	path := filepath.Join(p.state, "poelua", "history")
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "first = 1\nsecond = 2\nfirst = 1\n" {
		t.Errorf("got %q, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	cmd := poeluaCommand(t)
	q := typeAt(t, cmd, p.state)
	q.expect(t, "> ")
	q.types(t, up+up)
	q.expect(t, "second = 2")
	q.types(t, "+ 0"+ctrlC)
	q.expect(t, "second = 2+ 0^C", "> ")
	q.types(t, ctrlD)
	q.leaves(t, 0)
}

func TestTabCompletes(t *testing.T) {
	p := startTyping(t, "-i", scriptFile(t, ticking+"\nshining_example = { alpha = 1, beta = 2 }"))
	p.expect(t, "> ")
	p.types(t, "shining_ex"+tab)
	p.expect(t, "shining_example")
	p.types(t, "."+tab)
	p.expect(t, "alpha", "beta", "> shining_example.")
	p.types(t, "al"+tab+"\r")
	p.expect(t, "shining_example.alpha", "1\r\n")
}

func TestTheDeleteKeyIsNoEndOfInput(t *testing.T) {
	p := startTyping(t)
	p.expect(t, "> ")
	p.types(t, "\x1b[3~\x00'no'..'end'\r")
	p.expect(t, `"noend"`, "> ")
	p.types(t, "19"+"\x1b[D\x1b[D\x1b[3~"+"\x053\r")
	p.expect(t, "93\r\n", "> ")
	p.types(t, ctrlD)
	p.leaves(t, 0)
}

// Without a terminal there is no prompt to be seen, and the end of the input leaves.
func TestPromptThroughAPipe(t *testing.T) {
	for _, c := range []struct {
		name, script, input, stdout string
	}{
		{"values", "", "1 + 1\nx = 'y'\nx\n", "2\n\"y\"\n"},
		{"the last line needs no end", "", "1 + 1", "2\n"},
		{"lines that end like Windows'", "", "1 + 1\r\n2 + 2\r\n", "2\n4\n"},
		{"several lines", "", "for i = 1, 2 do\nprint(i)\nend\n", "1\n2\n"},
		{".quit", "", ".quit\nprint 'never'\n", ""},
		{"the program goes on until its sessions have ended", `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:delay("ring", 0.2) end,
  ring = function() print "rung" end,
} }`, "print 'before'\n", "before\nrung\n"},
		{"a script that runs the kernel itself", `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("a") end,
  go = function(ctx) print "gone" ctx.kernel:alias_remove("a") end,
} }
poe.kernel:run()
print "after"`, "x = poe.kernel:post('a', 'go')\n", "gone\nafter\n"},
		{"nothing of the input is the script's", `print(io.read())`, "1 + 1\n", "nil\n2\n"},
		{"an error does not leave", "", "error('no luck', 0)\n1 + 1\n", "no luck\n2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"-i"}
			if c.script != "" {
				args = append(args, scriptFile(t, c.script))
			}
			cmd := poeluaCommand(t, args...)
			cmd.Stdin = strings.NewReader(c.input)
			r := runCommand(t, cmd)
			if c.name == "an error does not leave" { // its traceback is not looked at
				r.stdout = strings.Split(r.stdout, "\n")[0] + "\n2\n"
			}
			r.want(t, 0, c.stdout)
		})
	}
}

// The program and the prompt write to one file, each in its turn.
func TestThePromptWritesToAFileInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := poeluaCommand(t, "-i", scriptFile(t, `
local poe = require "poe"
io.write("script\n")
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("bot") end,
  say = function(ctx, text) io.write(text) io.stdout:write("\n") return text end,
} }`))
	cmd.Stdin = strings.NewReader("1\n.call bot say 'a'\nx = io.write('b\\n')\nx = poe.kernel:post('bot', 'say', 'c')\n2\n" +
		".call bot say 'd'\n3\n")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(path)
	before, after := "script\n1\na\n\"a\"\nb\n", "d\n\"d\"\n3\n"
	if text := string(got); err != nil || text != before+"c\n2\n"+after && text != before+"2\nc\n"+after {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAPromptWithoutInputOrOutputIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	cmd := poeluaCommand(t, "-i", scriptFile(t, ticking))
	cmd.Stdin = strings.NewReader("1 + 1\npoe.kernel:post('ticker', 'leave')\n")
	cmd.Stdout = full
	p := startServing(t, cmd)
	p.waitFor(t, p.stderr, "poelua: prompt: output: no space left on device\n")
	p.signal(t, syscall.SIGTERM)
	if r := p.wait(t); r.status != 1 {
		t.Errorf("got %+v", r)
	}

	directory, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	cmd = poeluaCommand(t, "-i")
	cmd.Stdin = directory
	r := runCommand(t, cmd)
	r.want(t, 1, "")
	r.wantStderr(t, "poelua: prompt: is a directory\n")
}

func TestALineThatIsTooLongIsLeftOut(t *testing.T) {
	cmd := poeluaCommand(t, "-i")
	cmd.Stdin = strings.NewReader("x = '" + strings.Repeat("x", 3<<20) + "'\nx\n")
	r := runCommand(t, cmd)
	r.want(t, 0, "nil\n")
	r.wantStderr(t, "a line of more than 1048576 bytes is left out")
}

func TestStandardInputCannotBeScriptAndPrompt(t *testing.T) {
	r := runPoelua(t, "-i", "-")
	r.want(t, 2, "")
	r.wantStderr(t, "poelua: -i: ")
}

func TestHelpAmongOptions(t *testing.T) {
	want := runPoelua(t, "help")
	runPoelua(t, "-i", "--help").want(t, 0, want.stdout)
}
