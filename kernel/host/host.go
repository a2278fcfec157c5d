// Package host is the world outside: files, descriptors, standard streams, signals, processes and the environment,
// as one runtime sees them.
//
//	Host         one runtime's view of the operating system; made with New, closed at the end
//	Permissions  what that runtime may touch (permissions.go)
//	Handle       a non-blocking, close-on-exec descriptor (handle.go, pipe.go)
//	Sockets      Socket, and Bind, Listen, Accept, Connect, SendTo and their like (socket.go)
//	Names        LookupHost, LookupService, which block (resolve.go)
//	Stream       standard output and error: takes everything, waits for room (stream.go); Input is its counterpart
//	Signals      Catch, Release, Guard, OnSignal (signal.go)
//	Processes    Start, OnExit, Kill (process.go)
//	Files        OpenFile, Remove, Rename and their like, which may block (file.go)
//	Terminals    OpenPty, OpenSerial; settings are put back on the way out (terminal.go, pty.go, serial.go)
//
// Every act that a script can ask for is checked against Host.Allow first, and can be made to fail by Host.Fail. Errors
// wrap the system's number, which Errno digs out.
//
// It posts no events, knows no session and waits for nothing but the streams, Wait and Run: readiness is the poller's
// business. Two Hosts in one process share only what the process shares: descriptors, environment, children.
//
// All methods of Host, Handle, Stream and Input are safe from any goroutine; fields are set before the first call.
package host

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// Host is one runtime's view of the operating system.
type Host struct {
	Allow    *Permissions                // what may be done; nil allows everything, the zero Permissions nothing
	Fail     func(op, name string) error // for tests: a result other than nil makes the operation fail with it
	ExitFunc func(code int)              // what Exit ends with; nil means os.Exit

	dir     string // the working directory when the Host was made: relative path prefixes in Allow begin there
	handles atomic.Int64

	stdout, stderr *Stream
	stdin          *Input

	modes     modes
	signals   signals
	processes processes
	lookups   lookups
	terminals terminals

	leaving sync.Mutex
	atExit  []func() // run newest first, each once
}

// New gives a Host that may do everything, catches no signal and has started no process.
func New() *Host {
	h := &Host{}
	h.dir, _ = os.Getwd() // without one, relative prefixes allow nothing
	h.stdout = &Stream{host: h, name: "stdout", conn: standard(1)}
	h.stderr = &Stream{host: h, name: "stderr", conn: standard(2)}
	h.stdin = &Input{host: h, name: "stdin", conn: standard(0)}
	return h
}

// Close runs what AtExit was given, puts blocking modes back and stops catching signals. Once it has returned, neither
// OnSignal's nor OnExit's function is called any more; it must not be called from within them. Open handles stay open
// and processes go on. A second call does nothing.
func (h *Host) Close() error {
	h.leave()
	h.signals.stop()
	h.processes.stop()
	return nil
}

// AtExit has f called on every way out: by Exit and by Close, the newest first, each once. Buffers that stand above
// the streams are flushed and terminals restored in this way.
func (h *Host) AtExit(f func()) {
	h.leaving.Lock()
	defer h.leaving.Unlock()
	h.atExit = append(h.atExit, f)
}

// Exit runs what AtExit was given, puts blocking modes back and ends the process. It asks for no permission: the
// command leaves through it, too. What a script asks for is to be checked with Check("exit", "", OS) first.
func (h *Host) Exit(code int) {
	h.leave()
	if h.ExitFunc != nil {
		h.ExitFunc(code)
		return
	}
	os.Exit(code)
}

func (h *Host) leave() {
	for {
		h.leaving.Lock()
		last := len(h.atExit) - 1
		if last < 0 {
			h.leaving.Unlock()
			break
		}
		f := h.atExit[last]
		h.atExit = h.atExit[:last]
		h.leaving.Unlock()
		f()
	}
	h.Restore()
}

// Handles tells how many handles are open.
func (h *Host) Handles() int { return int(h.handles.Load()) }

// Pid is the process's own number.
func (h *Host) Pid() int { return os.Getpid() }

// Getenv gives a variable of the environment. One that Allow does not name looks as if it was not set.
func (h *Host) Getenv(name string) (value string, ok bool) {
	if h.Check("getenv", name, Env) != nil {
		return "", false
	}
	return os.LookupEnv(name)
}

// Environ gives the variables that Getenv would give, as "name=value".
func (h *Host) Environ() []string {
	var visible []string
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); h.allows(Env, name, false) {
			visible = append(visible, entry)
		}
	}
	return visible
}
