package host_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

// roleVariable makes the test binary play one of roles instead of running tests: what ends a process, or belongs to
// its standard streams, is tried in a child.
const roleVariable = "POELUA_HOST_TEST_ROLE"

var roles = map[string]func(h *host.Host){}

func TestMain(m *testing.M) {
	if r, w, err := os.Pipe(); err == nil { // now the Go runtime has opened what it needs for itself
		r.Close()
		w.Close()
	}
	if role, ok := roles[os.Getenv(roleVariable)]; ok {
		role(host.New())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// asRole is the command that runs this binary as role.
func asRole(t *testing.T, role string) host.Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	return host.Command{Args: []string{self}, Env: env, Stderr: os.Stderr}
}

// newHost gives a host that is closed at the test's end, when as many descriptors must be open as now.
func newHost(t testing.TB) *host.Host {
	t.Helper()
	before := openDescriptors()
	h := host.New()
	t.Cleanup(func() {
		h.Close()
		if n := h.Handles(); n != 0 {
			t.Errorf("%d handles left open", n)
		}
		if after := openDescriptors(); !slices.Equal(after, before) {
			t.Errorf("descriptors %v are open, want %v", after, before)
		}
	})
	return h
}

func openDescriptors() []int {
	var open []int
	for fd := range 256 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			open = append(open, fd)
		}
	}
	return open
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// await waits until the descriptor is readable or writable.
func await(t testing.TB, fd int, events int16) {
	t.Helper()
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1)
		if err == nil {
			return
		}
		if err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

func isBlocking(t testing.TB, fd int) bool {
	t.Helper()
	flags := must[int](t)(unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0))
	return flags&unix.O_NONBLOCK == 0
}

func TestExitRunsAtExitNewestFirstAndOnce(t *testing.T) {
	h := newHost(t)
	var did []string
	h.ExitFunc = func(code int) { did = append(did, fmt.Sprint("exit ", code)) }
	h.AtExit(func() { did = append(did, "older") })
	h.AtExit(func() { did = append(did, "newer") })
	h.Exit(3)
	h.Close()
	if want := []string{"newer", "older", "exit 3"}; !slices.Equal(did, want) {
		t.Errorf("got %q, want %q", did, want)
	}
}

func TestExitEndsTheProcessWithItsCode(t *testing.T) {
	h := newHost(t)
	status := must[int](t)(h.Run(asRole(t, "exit 7")))
	if status != 7*256 {
		t.Errorf("got status %d, want %d", status, 7*256)
	}
}

func init() {
	roles["exit 7"] = func(h *host.Host) { h.Exit(7) }
}

func TestFailMakesAnythingFail(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	handle := must[*host.Handle](t)(h.Open(file, os.O_RDWR, 0))
	defer handle.Close()
	first := func(_ any, err error) error { return err }
	acts := map[string]func() error{
		"open": func() error { return first(h.Open(file, os.O_RDONLY, 0)) },
		"wrap": func() error { return first(h.Wrap(handle.FD(), true)) },
		"dup":  func() error { return first(handle.Dup()) },
		"pipe": func() error { _, _, err := h.Pipe("inet"); return err },
		"pipe ": func() error {
			_, _, _, _, err := h.PipePair("")
			return err
		},
		"read":     func() error { return first(handle.Read(make([]byte, 1))) },
		"write":    func() error { return first(handle.Write([]byte("x"))) },
		"nonblock": func() error { return h.SetNonblock(handle.FD()) },
		"open ":    func() error { return first(h.OpenFile(file, os.O_RDONLY, 0)) },
		"stat":     func() error { return first(h.Stat(file)) },
		"remove":   func() error { return h.Remove(file) },
		"rename":   func() error { return h.Rename(file, file+"2") },
		"tempname": func() error { return first(h.TempName()) },
		"tempfile": func() error { return first(h.TempFile()) },
		"getwd":    func() error { return first(h.Getwd()) },
		"catch":    func() error { return h.Catch("USR1") },
		"start":    func() error { return first(h.Start(host.Command{Args: []string{"true"}})) },
		"start ":   func() error { return first(h.Run(host.Command{Args: []string{"true"}})) },
		"kill":     func() error { return h.Kill(os.Getpid(), 0) },
		"write to": func() error { return first(h.Stdout().Write([]byte("x"))) },
		"read of":  func() error { return first(h.Stdin().Read(make([]byte, 1))) },
	}
	h.Fail = func(op, name string) error { return syscall.EMFILE }
	for op, act := range acts {
		if err := act(); err != syscall.EMFILE {
			t.Errorf("%s: got %v, want %v", op, err, syscall.EMFILE)
		}
	}
	if _, ok := h.Getenv("PATH"); ok {
		t.Error("getenv did not fail")
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Error("a failing act was done")
	}
}

func TestGetenvTellsUnsetFromEmpty(t *testing.T) {
	t.Setenv("POELUA_EMPTY", "")
	h := newHost(t)
	if value, ok := h.Getenv("POELUA_EMPTY"); value != "" || !ok {
		t.Errorf("got %q, %v, want an empty value", value, ok)
	}
	if _, ok := h.Getenv("POELUA_UNSET"); ok {
		t.Error("a variable that is not set was found")
	}
	if !slices.Contains(h.Environ(), "POELUA_EMPTY=") {
		t.Error("Environ leaves out a variable")
	}
}
