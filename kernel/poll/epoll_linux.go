package poll

import (
	"os"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var pollers = []kind{{"epoll", newEpoll}, {"poll", newPortable}}

const (
	firstEvents = 256  // room for what one call reports
	mostEvents  = 4096 // and what it may grow to; beyond, the system hands out what is ready in turns
)

// epoll costs what is ready, not what is watched.
type epoll struct {
	waker
	table
	fd       int
	precise  bool // there is epoll_pwait2, and with it timeouts below a millisecond
	parallel bool // other goroutines have processors to run on while this one waits
	serial   int32
	files    pollSet // what epoll refuses because it is always ready: regular files, directories, some devices
	buf      []unix.EpollEvent
}

var _ Poller = (*epoll)(nil)

func newEpoll() (Poller, error) {
	p := &epoll{buf: make([]unix.EpollEvent, firstEvents), parallel: runtime.GOMAXPROCS(0) > 1}
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	p.read, p.write = fd, fd
	if err := p.open(); err != nil {
		p.waker.close()
		return nil, err
	}
	p.precise = true
	_, err = p.call(time.Nanosecond)
	p.precise = err == nil // an old kernel says ENOSYS, an old sandbox EPERM
	return p, nil
}

// open makes the epoll instance and registers the waker.
func (p *epoll) open() (err error) {
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err = p.control(unix.EPOLL_CTL_ADD, p.read, watch{events: Read}); err != nil {
		unix.Close(p.fd)
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

// renew replaces the epoll instance. A registration belongs to the open file, not to its number: when the number is
// closed while a duplicate lives, it stays, keeps reporting, and nothing can remove it but this.
func (p *epoll) renew() error {
	unix.Close(p.fd) // first, so that its number is free if there are no others
	if err := p.open(); err != nil {
		p.waker.close()
		return err
	}
	for fd, w := range p.table {
		if w.events != 0 {
			p.control(unix.EPOLL_CTL_ADD, fd, w) // what is closed or always ready is refused again
		}
	}
	return nil
}

func (p *epoll) control(op, fd int, w watch) error {
	e := unix.EpollEvent{Fd: int32(fd), Pad: w.serial}
	if w.events&Read != 0 {
		e.Events |= unix.EPOLLIN // not EPOLLRDHUP: a peer that only stopped sending would make Write ready for ever
	}
	if w.events&Write != 0 {
		e.Events |= unix.EPOLLOUT
	}
	if w.events&Expedite != 0 {
		e.Events |= unix.EPOLLPRI
	}
	return unix.EpollCtl(p.fd, op, fd, &e)
}

func (p *epoll) Name() string { return "epoll" }

func (p *epoll) Watch(fd int, events Events) error {
	if events == 0 {
		if p.get(fd).events != 0 {
			p.control(unix.EPOLL_CTL_DEL, fd, watch{}) // with no events it would still report a hang-up
		}
		p.files.set(fd, 0)
		p.table.set(fd, watch{})
		return nil
	}
	if p.closed() {
		return os.ErrClosed
	}
	p.serial++
	w := watch{events, p.serial}
	op := unix.EPOLL_CTL_ADD
	if p.get(fd).events != 0 {
		op = unix.EPOLL_CTL_MOD
	}
	err := p.control(op, fd, w)
	switch err {
	case unix.ENOENT: // the number became another file's, or was dropped for hanging up
		err = p.control(unix.EPOLL_CTL_ADD, fd, w)
	case unix.EEXIST: // the number became that of a file it had been before
		err = p.control(unix.EPOLL_CTL_MOD, fd, w)
	}
	switch err {
	case nil:
		p.files.set(fd, 0)
	case unix.EPERM:
		p.files.set(fd, events)
	default:
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.table.set(fd, w)
	return nil
}

func (p *epoll) Wait(timeout time.Duration, ready []Ready) ([]Ready, error) {
	return wait(p, timeout, ready)
}

func (p *epoll) look(timeout time.Duration, ready []Ready) (_ []Ready, woken bool, err error) {
	if p.closed() {
		return ready, false, os.ErrClosed
	}
	had := len(ready)
	if len(p.files) > 0 {
		if ready, err = p.files.look(0, ready); err != nil {
			return ready, false, err
		}
		if len(ready) > had {
			timeout = 0
		}
	}
	n, err := p.call(timeout)
	for n == len(p.buf) && n < mostEvents { // look again with more room: what was ready still is
		p.buf = make([]unix.EpollEvent, 2*n)
		n, err = p.call(0)
	}
	if err == unix.EINTR {
		return ready, false, nil
	}
	if err != nil {
		return ready, false, os.NewSyscallError("epoll_wait", err)
	}
	ready, woken, err = p.collect(p.buf[:n], ready)
	if len(ready)-had > 1 {
		slices.SortFunc(ready[had:], byFD)
	}
	return ready, woken, err
}

// collect turns what the system reports into what is watched.
func (p *epoll) collect(events []unix.EpollEvent, ready []Ready) (_ []Ready, woken bool, err error) {
	outdated := false
	for i := range events {
		e := &events[i]
		fd := int(e.Fd)
		if fd == p.read {
			p.drain()
			woken = true
			continue
		}
		w := p.get(fd)
		if w.events == 0 || w.serial != e.Pad {
			outdated = true
			continue
		}
		var got Events
		if e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			got |= Read
		}
		if e.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			got |= Write
		}
		if e.Events&unix.EPOLLPRI != 0 {
			got |= Expedite
		}
		if got &= w.events; got != 0 {
			ready = append(ready, Ready{fd, got})
			continue
		}
		// It hung up while only Expedite is watched, and would end every call from now on.
		if p.control(unix.EPOLL_CTL_DEL, fd, watch{}) != nil {
			outdated = true
		}
	}
	if outdated {
		err = p.renew()
	}
	return ready, woken, err
}

// shortWait is the longest wait that keeps its processor. Told of a system call that blocks, Go's scheduler gives the
// processor to another thread, which looks for work in vain: for a wait of a millisecond that took 0.4 ms of
// processor time. Whoever stops the world meanwhile interrupts the wait by a signal.
const shortWait = 2 * time.Millisecond

// call asks the system once. Only looking cannot block, so it goes past the scheduler, which otherwise is told of
// every system call's begin and end: that is a quarter of the cost of a call that finds nothing.
func (p *epoll) call(timeout time.Duration) (int, error) {
	var n uintptr
	var errno unix.Errno
	switch {
	case timeout == 0:
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.buf[0])), uintptr(len(p.buf)), 0, 0, 0)
	case p.precise:
		var limit *[2]int64 // seconds and nanoseconds: 64 bits each on every architecture
		if timeout > 0 {
			limit = &[2]int64{int64(timeout / time.Second), int64(timeout % time.Second)}
		}
		syscall := unix.Syscall6
		if 0 < timeout && timeout <= shortWait && p.parallel {
			syscall = unix.RawSyscall6
		}
		n, _, errno = syscall(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.buf[0])), uintptr(len(p.buf)), uintptr(unsafe.Pointer(limit)), 0, 0)
	default:
		return unix.EpollWait(p.fd, p.buf, milliseconds(timeout))
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (p *epoll) Close() error {
	if p.closed() {
		return nil
	}
	p.waker.close()
	p.table, p.files = nil, nil
	return os.NewSyscallError("close", unix.Close(p.fd))
}
