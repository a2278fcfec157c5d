//go:build unix

package poll

import (
	"cmp"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// longest is the most one system call is asked to wait: some refuse or overflow beyond. Wait then asks again.
const longest = 24 * time.Hour

// looker is what differs between the pollers in a Wait.
type looker interface {
	// look makes one attempt. It may end before timeout with nothing, when a signal interrupts it for instance.
	look(timeout time.Duration, ready []Ready) (_ []Ready, woken bool, err error)
}

// wait looks until something is ready, Wake came or timeout is over.
func wait(l looker, timeout time.Duration, ready []Ready) ([]Ready, error) {
	if timeout == 0 {
		ready, _, err := l.look(0, ready)
		return ready, err
	}
	var end time.Time
	if timeout > 0 {
		end = time.Now().Add(timeout)
	}
	for had := len(ready); ; {
		var woken bool
		var err error
		ready, woken, err = l.look(min(timeout, longest), ready)
		if err != nil || woken || len(ready) > had {
			return ready, err
		}
		if timeout > 0 {
			if timeout = time.Until(end); timeout <= 0 {
				return ready, nil
			}
		}
	}
}

// milliseconds rounds up: rounded down, the last one would be a busy loop. Without end is -1.
func milliseconds(timeout time.Duration) int {
	if timeout < 0 {
		return -1
	}
	return int((timeout + time.Millisecond - 1) / time.Millisecond)
}

func byFD(a, b Ready) int { return cmp.Compare(a.FD, b.FD) }

// table is what is watched, by descriptor number. It is never longer than the system's own table of this process's files.
type table []watch

// watch is one descriptor's entry.
type watch struct {
	events Events
	serial int32 // epoll: tells the newest registration of a number from older ones
}

func (t table) get(fd int) watch {
	if fd < 0 || fd >= len(t) {
		return watch{}
	}
	return t[fd]
}

// set remembers w for fd, which is or was an open descriptor if w has events.
func (t *table) set(fd int, w watch) {
	if fd >= len(*t) && w.events != 0 {
		*t = append(*t, make(table, fd+1-len(*t))...)
	}
	if fd >= 0 && fd < len(*t) {
		(*t)[fd] = w
	}
}

// Stale appends the watched descriptors that are closed.
func (t table) Stale(fds []int) []int {
	for fd, w := range t {
		if w.events != 0 && !isOpen(fd) {
			fds = append(fds, fd)
		}
	}
	return fds
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err != unix.EBADF
}

// waker is a descriptor that Wake makes readable: a pipe, or an eventfd, whose two ends are one number.
type waker struct {
	pending     atomic.Bool // a token is under way or lies in the descriptor; there is never a second one
	mu          sync.Mutex  // held to write and to close: after Close the number may be another file's
	read, write int         // -1 once closed; changed by the loop goroutine only
}

// token fits an eventfd as well as a pipe. It is never changed.
var token = []byte{1, 0, 0, 0, 0, 0, 0, 0}

// Wake ends the Wait that runs now or the next one. Safe from any goroutine, also after Close.
func (w *waker) Wake() {
	if w.pending.Swap(true) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.write >= 0 {
		if _, err := unix.Write(w.write, token); err != unix.EINTR {
			return
		}
	}
}

// drain takes the token out. The flag falls last: the other way round, a Wake in between would leave it up with no
// token to be found, and none would ever come again.
func (w *waker) drain() {
	var buf [8]byte
	unix.Read(w.read, buf[:]) // nothing there is as good
	w.pending.Store(false)
}

func (w *waker) closed() bool { return w.read < 0 }

func (w *waker) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed() {
		return
	}
	unix.Close(w.read)
	if w.write != w.read {
		unix.Close(w.write)
	}
	w.read, w.write = -1, -1
}

// openPipe makes the waker a pipe.
func (w *waker) openPipe() error {
	var ends [2]int
	syscall.ForkLock.RLock() // no child may be born before the ends are marked; not every system has pipe2
	err := unix.Pipe(ends[:])
	if err == nil {
		unix.CloseOnExec(ends[0])
		unix.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return os.NewSyscallError("pipe", err)
	}
	w.read, w.write = ends[0], ends[1]
	for _, fd := range ends {
		if err := unix.SetNonblock(fd, true); err != nil {
			w.close()
			return os.NewSyscallError("fcntl", err)
		}
	}
	return nil
}

// pollSet asks poll(2). It is sorted by number. An entry that would end every call with nothing to report (it is
// closed, or hung up while only Expedite is watched) is parked as ^fd, which poll skips, until it is set again.
type pollSet []unix.PollFd

func number(p unix.PollFd) int {
	if p.Fd < 0 {
		return int(^p.Fd)
	}
	return int(p.Fd)
}

// set replaces what is asked about fd; without events it is asked no more.
func (s *pollSet) set(fd int, events Events) {
	i, found := slices.BinarySearchFunc(*s, fd, func(p unix.PollFd, fd int) int { return cmp.Compare(number(p), fd) })
	if events == 0 {
		if found {
			*s = slices.Delete(*s, i, i+1)
		}
		return
	}
	p := unix.PollFd{Fd: int32(fd)}
	if events&Read != 0 {
		p.Events |= unix.POLLIN
	}
	if events&Write != 0 {
		p.Events |= unix.POLLOUT
	}
	if events&Expedite != 0 {
		p.Events |= unix.POLLPRI
	}
	if found {
		(*s)[i] = p
	} else {
		*s = slices.Insert(*s, i, p)
	}
}

// look calls poll once and appends what is ready, ascending. A signal ends it with nothing.
func (s pollSet) look(timeout time.Duration, ready []Ready) ([]Ready, error) {
	n, err := unix.Poll(s, milliseconds(timeout))
	if err == unix.EINTR {
		return ready, nil
	}
	if err != nil {
		return ready, os.NewSyscallError("poll", err)
	}
	for i := 0; n > 0 && i < len(s); i++ {
		if s[i].Revents == 0 {
			continue
		}
		n--
		if got := outcome(s[i]); got != 0 {
			ready = append(ready, Ready{int(s[i].Fd), got})
		} else {
			s[i].Fd = ^s[i].Fd
		}
	}
	return ready, nil
}

// outcome says which of the modes asked for are ready.
func outcome(p unix.PollFd) (got Events) {
	if p.Revents&unix.POLLNVAL != 0 {
		return 0
	}
	over := p.Revents&(unix.POLLHUP|unix.POLLERR) != 0
	if p.Events&unix.POLLIN != 0 && (over || p.Revents&unix.POLLIN != 0) {
		got |= Read
	}
	if p.Events&unix.POLLOUT != 0 && (over || p.Revents&unix.POLLOUT != 0) {
		got |= Write
	}
	if p.Events&p.Revents&unix.POLLPRI != 0 {
		got |= Expedite
	}
	return got
}
