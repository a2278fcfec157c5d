package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command says what to start.
type Command struct {
	Args       []string // the program and its arguments; one without a slash is looked for in our own search path
	Dir        string   // where it starts, and where a relative program is found; "" means our own directory
	Env        []string // "name=value"; nil means all of our own environment, whatever Allow.Env says
	NewGroup   bool     // it leads a process group
	NewSession bool     // it leads a session, with Stdin as its terminal if that is one
	Finish     bool     // it works on what it was given: KillChildren waits for it instead

	Stdin, Stdout, Stderr *os.File // nil means /dev/null; the caller closes them
}

// processes is what one Host has started.
type processes struct {
	mu      sync.Mutex
	running map[int]*process
	report  func(pid, status int)
	count   int        // started, and not yet reported
	turn    sync.Mutex // one report at a time
}

type process struct {
	system *os.Process
	ended  chan struct{} // closed when status is known
	status int
	finish bool
}

// unknownStatus is reported when somebody else took the child's end from us: exit code 255.
const unknownStatus = 255 << 8

// OnExit sets what is called when a process has ended: once for each that was started. status is the raw wait status, 256
// times the exit code or the number of the signal that killed it. It is set before the first Start, and called on a
// goroutine of the host's, one report at a time; that may be before Start has returned.
func (h *Host) OnExit(f func(pid, status int)) {
	h.processes.turn.Lock()
	defer h.processes.turn.Unlock()
	h.processes.report = f
}

// Start starts a process. It has default signal handling, and of our descriptors the three it is given. A goroutine waits
// for it, so that none is left a zombie. It needs Run.
func (h *Host) Start(c Command) (pid int, err error) {
	p, err := h.start(c)
	if err != nil {
		return 0, err
	}
	return p.system.Pid, nil
}

// Run starts a process and waits for its end, which is reported to OnExit like that of any other.
func (h *Host) Run(c Command) (status int, err error) {
	p, err := h.start(c)
	if err != nil {
		return 0, err
	}
	<-p.ended
	return p.status, nil
}

// Wait waits until a process that was started here has ended, though perhaps not yet until that was reported. It returns at
// once if there is no such process.
func (h *Host) Wait(pid int) {
	if p := h.processes.find(pid); p != nil {
		<-p.ended
	}
}

// Running tells how many processes were started and have not ended. One whose end is just being reported counts until
// OnExit's function has returned.
func (h *Host) Running() int {
	h.processes.mu.Lock()
	defer h.processes.mu.Unlock()
	return h.processes.count
}

// Kill sends a signal to a process, or to a process group if pid is negative. A process of ours whose end is just being
// reported is ESRCH: the signal does not reach another one that got its number. It needs Signals.
func (h *Host) Kill(pid, signal int) error {
	if err := h.Check("kill", strconv.Itoa(pid), Signals); err != nil {
		return err
	}
	var err error
	if p := h.processes.find(pid); p != nil {
		err = p.system.Signal(syscall.Signal(signal))
	} else {
		err = unix.Kill(pid, syscall.Signal(signal))
	}
	if err != nil {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	return nil
}

// KillChildren sends KILL to every process that was started here and still runs, but waits for those that are to finish. As
// the owner's last act it needs no permission.
func (h *Host) KillChildren() {
	var finishing []*process
	h.processes.mu.Lock()
	for _, p := range h.processes.running {
		if p.finish {
			finishing = append(finishing, p)
		} else {
			p.system.Kill()
		}
	}
	h.processes.mu.Unlock()
	for _, p := range finishing {
		<-p.ended
	}
}

func (h *Host) start(c Command) (*process, error) {
	if len(c.Args) == 0 {
		return nil, fmt.Errorf("start: no program: %w", syscall.EINVAL)
	}
	name := c.Args[0]
	if c.Dir != "" && strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = c.Dir + "/" + name
	}
	if err := h.Check("start", name, Run); err != nil {
		return nil, err
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(path) { // the child changes its directory before it looks
		here, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		path = here + "/" + path
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	files := []*os.File{c.Stdin, c.Stdout, c.Stderr}
	for i, file := range files {
		if file == nil {
			files[i] = null
		}
	}
	system, err := os.StartProcess(path, c.Args, &os.ProcAttr{
		Dir:   c.Dir,
		Env:   c.Env,
		Files: files,
		Sys: &syscall.SysProcAttr{
			Setpgid: c.NewGroup && !c.NewSession, // who leads a session leads a group already
			Setsid:  c.NewSession,
			Setctty: c.NewSession && IsTerminal(int(files[0].Fd())),
		},
	})
	if err != nil {
		return nil, err
	}
	p := &process{system: system, ended: make(chan struct{}), finish: c.Finish}
	h.processes.add(p)
	go h.processes.wait(p)
	return p, nil
}

func (s *processes) find(pid int) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[pid]
}

func (s *processes) add(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = map[int]*process{}
	}
	s.running[p.system.Pid] = p
	s.count++
}

func (s *processes) wait(p *process) {
	p.status = unknownStatus
	if state, err := p.system.Wait(); err == nil {
		p.status = int(state.Sys().(syscall.WaitStatus))
	}
	close(p.ended)

	pid := p.system.Pid
	s.turn.Lock()
	if s.report != nil {
		s.report(pid, p.status)
	}
	s.turn.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
	if s.running[pid] == p { // the number may be that of a younger process by now
		delete(s.running, pid)
	}
}

// stop ends reporting and waits until no report is under way.
func (s *processes) stop() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.report = nil
}
