package tests

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// deadline is how long a started poelua may take for anything; none of them should need more than a fraction of it.
const deadline = 20 * time.Second

// buildBinary builds the command once for all tests. The file stays in the temporary directory, one for each checkout:
// no single test is the last to need it.
var buildBinary = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	sum := fnv.New32a()
	sum.Write([]byte(root))
	path := filepath.Join(os.TempDir(), fmt.Sprintf("poelua-tests-%08x.exe", sum.Sum32()))
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid()) // another run may be using the old one
	build := exec.Command("go", "build", "-o", fresh, "./cmd/poelua")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return path, os.Rename(fresh, path)
})

// poeluaBinary gives the path of the poelua command, built from this checkout.
func poeluaBinary(t testing.TB) string {
	t.Helper()
	path, err := buildBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// poeluaCommand is a poelua to start, with the environment's own settings for it taken away.
func poeluaCommand(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(poeluaBinary(t), args...)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "POELUA_") && !strings.HasPrefix(pair, "LUA_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// scriptFile writes a script into a folder of its own and gives its path. Unlike t.TempDir's, the path does not contain
// the test's name: it stands in error messages, which are searched for words.
func scriptFile(t testing.TB, source string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "poelua")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "script.lua")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// poeluaResult is how a poelua ended.
type poeluaResult struct {
	stdout, stderr string
	status         int // -1: a signal killed it
}

// runPoelua runs poelua to its end with nothing on stdin.
func runPoelua(t testing.TB, args ...string) poeluaResult {
	t.Helper()
	return runCommand(t, poeluaCommand(t, args...))
}

// runCommand runs a command to its end.
func runCommand(t testing.TB, cmd *exec.Cmd) poeluaResult {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(deadline, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !stuck.Stop() {
		t.Fatalf("poelua %q did not end\nstdout: %s\nstderr: %s", cmd.Args[1:], &stdout, &stderr)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return poeluaResult{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// want checks exit status and stdout.
func (r poeluaResult) want(t testing.TB, status int, stdout string) {
	t.Helper()
	if r.status != status || r.stdout != stdout {
		t.Errorf("got status %d and stdout %q, want %d and %q\nstderr: %s", r.status, r.stdout, status, stdout, r.stderr)
	}
}

// wantStderr checks that stderr contains each text, and nothing that only a Go programmer should see.
func (r poeluaResult) wantStderr(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
	for _, text := range []string{"goroutine", "[recovered]", "panic:", ".go:"} {
		if strings.Contains(r.stderr, text) {
			t.Errorf("stderr contains %q:\n%s", text, r.stderr)
		}
	}
}

// poeluaProcess is a poelua that runs.
type poeluaProcess struct {
	cmd            *exec.Cmd
	stdout, stderr *watchedBuffer
	ended          chan struct{}
}

// startPoelua starts poelua; the test's end kills it if it still runs.
func startPoelua(t testing.TB, args ...string) *poeluaProcess {
	t.Helper()
	p := &poeluaProcess{
		cmd:    poeluaCommand(t, args...),
		stdout: newWatchedBuffer(), stderr: newWatchedBuffer(),
		ended: make(chan struct{}),
	}
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

// signal sends a signal.
func (p *poeluaProcess) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until buf, one of the process's outputs, contains a text.
func (p *poeluaProcess) waitFor(t testing.TB, buf *watchedBuffer, text string) {
	t.Helper()
	late := time.After(deadline)
	for {
		got, changed := buf.look()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-changed:
		case <-p.ended:
			if got, _ := buf.look(); strings.Contains(got, text) {
				return
			}
			t.Fatalf("ended without the output %q\nstdout: %s\nstderr: %s", text, p.stdout, p.stderr)
		case <-late:
			t.Fatalf("no %q in time\nstdout: %s\nstderr: %s", text, p.stdout, p.stderr)
		}
	}
}

// wait waits for the end.
func (p *poeluaProcess) wait(t testing.TB) poeluaResult {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(deadline):
		t.Fatalf("did not end\nstdout: %s\nstderr: %s", p.stdout, p.stderr)
	}
	return poeluaResult{p.stdout.String(), p.stderr.String(), p.cmd.ProcessState.ExitCode()}
}

// watchedBuffer collects output and tells when it grows. Safe from any goroutine.
type watchedBuffer struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed at the next write
}

func newWatchedBuffer() *watchedBuffer { return &watchedBuffer{changed: make(chan struct{})} }

func (b *watchedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.changed)
	b.changed = make(chan struct{})
	return b.buf.Write(p)
}

func (b *watchedBuffer) look() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String(), b.changed
}

func (b *watchedBuffer) String() string {
	text, _ := b.look()
	return text
}
