package interp_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

// program is a Lua state with its own working directory, whose output is kept.
type program struct {
	t     testing.TB
	c     interp.Config
	lua   *interp.Lua
	l     *lua.LState
	guard *luax.Guard
	out   bytes.Buffer
}

// newProgram makes a program. When the test ends its host is closed, and no descriptor may be left open.
func newProgram(t testing.TB, configure ...func(*interp.Config)) *program {
	t.Helper()
	before := openDescriptors()
	p := &program{t: t}
	p.c = interp.Config{
		Host:   host.New(),
		Stdin:  host.NewInput(strings.NewReader("")),
		Stdout: host.NewStream(&p.out),
		Stderr: host.NewStream(io.Discard),
	}
	for _, f := range configure {
		f(&p.c)
	}
	p.lua = interp.New(p.c)
	p.l, p.guard = p.lua.State, p.lua.Guard
	t.Cleanup(func() {
		p.l.Close()
		p.c.Host.Close()
		for _, open := range openDescriptors() {
			if !slices.Contains(before, open) {
				t.Errorf("descriptor %s was left open", open)
			}
		}
	})
	return p
}

// openDescriptors lists what is open, but for what the Go runtime opens for itself when it likes.
func openDescriptors() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(target, "anon_inode:") {
			open = append(open, e.Name()+" "+target)
		}
	}
	return open
}

// try runs a script and gives the error that it ended with, "" if none.
func (p *program) try(source string) string {
	p.t.Helper()
	fn, err := interp.Load(p.l, "script", []byte(source))
	if err != nil {
		return err.Error()
	}
	p.l.Push(fn)
	if err := p.guard.Call(p.l, 0, 0, false); err != nil {
		return err.Error()
	}
	return ""
}

// run runs a script and gives what it has written.
func (p *program) run(source string) string {
	p.t.Helper()
	p.out.Reset()
	if message := p.try(source); message != "" {
		p.t.Fatalf("%s\nin %s", message, source)
	}
	return p.out.String()
}

// prelude gives snippets say, which writes values on a line, and try, which says what a function returned or raised.
const prelude = `local function say(...)
  local n, t = select("#", ...), { ... }
  for i = 1, n do
    io.stdout:write(i > 1 and " " or "", type(t[i]) == "number" and t[i] or tostring(t[i]))
  end
  io.stdout:write("\n")
end
local function try(f, ...) say(pcall(f, ...)) end
`

// likeLua51 runs snippets here and in lua5.1, each in an empty directory, and compares what they write.
func likeLua51(t *testing.T, snippets map[string]string) {
	t.Helper()
	reference, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip(err)
	}
	for name, source := range snippets {
		t.Run(name, func(t *testing.T) {
			source := strings.ReplaceAll(prelude, "\n", " ") + source
			t.Chdir(t.TempDir())
			if err := os.WriteFile("script", []byte(source), 0o666); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(reference, "script")
			want, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("lua5.1: %v: %s", err, want)
			}
			t.Chdir(t.TempDir())
			if err := os.WriteFile("script", []byte(source), 0o666); err != nil {
				t.Fatal(err)
			}
			compareLines(t, newProgram(t).run(source), string(want))
		})
	}
}

// compareLines tells of the first lines that differ.
func compareLines(t *testing.T, got, want string) {
	t.Helper()
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	told := 0
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] && told < 5 {
			t.Errorf("line %d: got %q, want %q", i+1, gotLines[i], wantLines[i])
			told++
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("got %d lines, want %d", len(gotLines), len(wantLines))
	}
}

// write makes a file.
func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// content reads a file.
func content(t testing.TB, name string) string {
	t.Helper()
	p, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}
