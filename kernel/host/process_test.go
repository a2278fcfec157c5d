package host_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

type exit struct{ pid, status int }

// reports gives the ends of processes that a host started.
func reports(h *host.Host) <-chan exit {
	ended := make(chan exit, 100)
	h.OnExit(func(pid, status int) { ended <- exit{pid, status} })
	return ended
}

func shell(script string) host.Command {
	return host.Command{Args: []string{"/bin/sh", "-c", script}}
}

// output runs a command and gives what it writes to stdout.
func output(t *testing.T, h *host.Host, c host.Command) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdout = w
	pid, err := h.Start(c)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	all := must[[]byte](t)(io.ReadAll(r))
	h.Wait(pid)
	return strings.TrimSpace(string(all))
}

func TestExitReportsTheWaitStatus(t *testing.T) {
	cases := []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 3", 3 * 256},
		{"kill -TERM $$", int(syscall.SIGTERM)},
		{"kill -KILL $$", int(syscall.SIGKILL)},
	}
	h := newHost(t)
	ended := reports(h)
	for _, c := range cases {
		pid := must[int](t)(h.Start(shell(c.script)))
		if got := <-ended; got != (exit{pid, c.want}) {
			t.Errorf("%s: got %v, want %v", c.script, got, exit{pid, c.want})
		}
		if status, err := h.Run(shell(c.script)); status != c.want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", c.script, status, err, c.want)
		}
		<-ended
	}
}

func TestEachProcessIsReportedOnce(t *testing.T) {
	h := newHost(t)
	ended := reports(h)
	want := map[int]bool{}
	for range 20 {
		want[must[int](t)(h.Start(shell("exit 0")))] = true
	}
	for range 20 {
		pid := (<-ended).pid
		if !want[pid] {
			t.Errorf("%d was not started or reported twice", pid)
		}
		delete(want, pid)
	}
	h.Close()
	if len(ended) != 0 {
		t.Errorf("%d reports too many", len(ended))
	}
}

func TestProcessCountsUntilItIsReported(t *testing.T) {
	h := newHost(t)
	counts, reported := make(chan int), make(chan bool)
	h.OnExit(func(pid, status int) {
		counts <- h.Running()
		<-reported
	})
	r, w := osPipe(t)
	c := shell("read line")
	c.Stdin = r
	pid := must[int](t)(h.Start(c))
	if n := h.Running(); n != 1 {
		t.Errorf("got %d running, want 1", n)
	}
	w.Close()
	if n := <-counts; n != 1 {
		t.Errorf("got %d running while it is being reported, want 1", n)
	}
	h.Wait(pid)
	close(reported)
	h.Close() // waits for the report
}

func TestProgramThatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/data", []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/garbage", []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	cases := []struct {
		name    string
		command host.Command
		want    syscall.Errno
	}{
		{"nothing", host.Command{}, syscall.EINVAL},
		{"missing name", host.Command{Args: []string{"no-such-program-anywhere"}}, syscall.ENOENT},
		{"missing path", host.Command{Args: []string{dir + "/missing"}}, syscall.ENOENT},
		{"not executable", host.Command{Args: []string{dir + "/data"}}, syscall.EACCES},
		{"no format", host.Command{Args: []string{dir + "/garbage"}}, syscall.ENOEXEC},
		{"missing directory", host.Command{Args: []string{"true"}, Dir: dir + "/missing"}, syscall.ENOENT},
	}
	for _, c := range cases {
		if _, err := h.Start(c.command); host.Errno(err) != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if n := h.Running(); n != 0 {
		t.Errorf("got %d running, want 0", n)
	}
}

func TestDirectoryAndEnvironmentOfAProcess(t *testing.T) {
	dir := must[string](t)(filepath.EvalSymlinks(t.TempDir()))
	if err := os.WriteFile(dir+"/program", []byte("#!/bin/sh\npwd\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POELUA_INHERITED", "yes")
	h := newHost(t)
	if got := output(t, h, host.Command{Args: []string{"./program"}, Dir: dir}); got != dir {
		t.Errorf("a relative program ran in %q, want %q", got, dir)
	}
	if got := output(t, h, host.Command{Args: []string{"/bin/sh", "-c", "echo $POELUA_INHERITED"}}); got != "yes" {
		t.Errorf("got %q, want the environment inherited", got)
	}
	c := shell("echo $ONE-$POELUA_INHERITED")
	c.Env = []string{"ONE=1"}
	if got := output(t, h, c); got != "1-" {
		t.Errorf("got %q, want the environment replaced", got)
	}
}

func TestStreamsOfAProcessDefaultToNull(t *testing.T) {
	h := newHost(t)
	if status := must[int](t)(h.Run(shell("echo lost; echo lost >&2; read line && exit 1; exit 0"))); status != 0 {
		t.Errorf("got status %d, want 0", status)
	}
}

func TestProcessLeadsItsGroupOrSession(t *testing.T) {
	h := newHost(t)
	held := func(c host.Command) (pid, group, session int) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			w.Close() // lets it end
			h.Wait(pid)
		}()
		defer r.Close()
		c.Args, c.Stdin = []string{"/bin/sh", "-c", "read line"}, r
		pid = must[int](t)(h.Start(c))
		group = must[int](t)(syscall.Getpgid(pid))
		return pid, group, must[int](t)(unix.Getsid(pid))
	}
	if pid, group, session := held(host.Command{}); group == pid || session == pid {
		t.Errorf("process %d leads group %d, session %d unasked", pid, group, session)
	}
	if pid, group, session := held(host.Command{NewGroup: true}); group != pid || session == pid {
		t.Errorf("process %d is in group %d, session %d, want its own group", pid, group, session)
	}
	if pid, group, session := held(host.Command{NewGroup: true, NewSession: true}); group != pid || session != pid {
		t.Errorf("process %d is in group %d, session %d, want its own", pid, group, session)
	}
}

func TestKillReachesAProcess(t *testing.T) {
	h := newHost(t)
	ended := reports(h)
	r, _ := osPipe(t)
	c := host.Command{Args: []string{"/bin/cat"}, Stdin: r, NewGroup: true}
	pid := must[int](t)(h.Start(c))
	if err := h.Kill(pid, 0); err != nil {
		t.Error(err)
	}
	if err := h.Kill(pid, int(syscall.SIGTERM)); err != nil {
		t.Error(err)
	}
	if got := <-ended; got.status != int(syscall.SIGTERM) {
		t.Errorf("got status %d, want death by TERM", got.status)
	}
	pid = must[int](t)(h.Start(c))
	if err := h.Kill(-pid, int(syscall.SIGTERM)); err != nil {
		t.Error(err)
	}
	if got := <-ended; got.status != int(syscall.SIGTERM) {
		t.Errorf("got status %d, want its group's death by TERM", got.status)
	}
	must[int](t)(h.Start(c))
	h.Allow = &host.Permissions{}
	h.KillChildren()
	if got := <-ended; got.status != int(syscall.SIGKILL) {
		t.Errorf("got status %d, want death by KILL", got.status)
	}
}

func TestKillDoesNotReachTheSuccessorOfAnEndedProcess(t *testing.T) {
	h := newHost(t)
	got := make(chan error)
	h.OnExit(func(pid, status int) { got <- h.Kill(pid, 0) })
	must[int](t)(h.Start(shell("exit 0")))
	if err := <-got; host.Errno(err) != syscall.ESRCH {
		t.Errorf("got %v, want ESRCH", err)
	}
}

func TestWaitForNoProcessReturns(t *testing.T) {
	newHost(t).Wait(999_999_999)
}

func TestNothingIsReportedAfterClose(t *testing.T) {
	h := newHost(t)
	ended := reports(h)
	r, w := osPipe(t)
	c := shell("read line")
	c.Stdin = r
	pid := must[int](t)(h.Start(c))
	h.Close()
	w.Close()
	h.Wait(pid)
	for h.Running() > 0 {
		runtime.Gosched()
	}
	if len(ended) != 0 {
		t.Error("a process was reported after Close")
	}
}

func TestChildGetsNoHandle(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc")
	}
	h := newHost(t)
	var mine []string
	for _, kind := range host.PipeKinds() {
		r, w, err := h.Pipe(kind)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		for _, handle := range []*host.Handle{r, w} {
			mine = append(mine, must[string](t)(os.Readlink("/proc/self/fd/"+strconv.Itoa(handle.FD()))))
		}
	}
	c := shell("for f in /proc/self/fd/*; do readlink $f; done")
	for line := range strings.Lines(output(t, h, c)) {
		if slices.Contains(mine, strings.TrimSpace(line)) {
			t.Errorf("the child has %s", line)
		}
	}
}

func ExampleHost_Start() {
	h := host.New()
	defer h.Close()
	ended := make(chan int)
	h.OnExit(func(pid, status int) { ended <- status })
	if _, err := h.Start(host.Command{Args: []string{"/bin/sh", "-c", "exit 3"}}); err != nil {
		fmt.Println(err)
	}
	fmt.Println("exit code", <-ended/256)
	// Output: exit code 3
}
