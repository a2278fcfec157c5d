//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

var pollers = []kind{{"kqueue", newKqueue}, {"poll", newPortable}}

const (
	firstEvents = 256  // room for what one call reports
	mostEvents  = 4096 // and what it may grow to
)

// filter is how one mode is asked of kqueue.
type filter struct {
	mode          Events
	filter, flags int
}

// filters is complete but for Expedite, which not every system has.
var filters = append([]filter{{Read, unix.EVFILT_READ, 0}, {Write, unix.EVFILT_WRITE, 0}}, expedite...)

// kqueue costs what is ready, not what is watched. The system forgets a descriptor's filters when its number is closed.
type kqueue struct {
	waker
	table
	fd    int
	files pollSet // regular files and directories: kqueue would compare offset and end
	buf   []unix.Kevent_t
}

var _ Poller = (*kqueue)(nil)

func newKqueue() (Poller, error) {
	p := &kqueue{buf: make([]unix.Kevent_t, firstEvents)}
	if err := p.openPipe(); err != nil {
		return nil, err
	}
	fd, err := unix.Kqueue() // no child inherits a kqueue by fork
	if err != nil {
		p.waker.close()
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(fd)
	p.fd = fd
	if err := p.control(p.read, filters[0], unix.EV_ADD); err != nil {
		p.Close()
		return nil, os.NewSyscallError("kevent", err)
	}
	return p, nil
}

func (p *kqueue) control(fd int, f filter, action int) error {
	changes := make([]unix.Kevent_t, 1)
	unix.SetKevent(&changes[0], fd, f.filter, action)
	changes[0].Fflags = uint32(f.flags)
	_, err := unix.Kevent(p.fd, changes, nil, nil)
	return err
}

func (p *kqueue) Name() string { return "kqueue" }

func (p *kqueue) Watch(fd int, events Events) error {
	if events != 0 {
		if p.closed() {
			return os.ErrClosed
		}
		if events&Expedite != 0 && len(expedite) == 0 {
			return fmt.Errorf("watch descriptor %d for priority input: %w", fd, errors.ErrUnsupported)
		}
		always, err := isAlwaysReady(fd)
		if err != nil {
			return os.NewSyscallError("fstat", err)
		}
		if always {
			p.adjust(fd, 0)
			p.files.set(fd, events)
			p.table.set(fd, watch{events: events})
			return nil
		}
	}
	p.files.set(fd, 0)
	return p.adjust(fd, events)
}

// adjust brings fd's filters in line with events.
func (p *kqueue) adjust(fd int, events Events) error {
	had := p.get(fd).events
	for _, f := range filters {
		if events&f.mode != 0 { // also if it had it: the number may have become another file's
			if err := p.control(fd, f, unix.EV_ADD); err != nil {
				return os.NewSyscallError("kevent", err)
			}
		} else if had&f.mode != 0 {
			p.control(fd, f, unix.EV_DELETE) // gone already is fine
		}
		had = had&^f.mode | events&f.mode
		p.table.set(fd, watch{events: had})
	}
	return nil
}

func isAlwaysReady(fd int) (bool, error) {
	var info unix.Stat_t
	err := unix.Fstat(fd, &info)
	kind := info.Mode & unix.S_IFMT
	return kind == unix.S_IFREG || kind == unix.S_IFDIR, err
}

func (p *kqueue) Wait(timeout time.Duration, ready []Ready) ([]Ready, error) {
	return wait(p, timeout, ready)
}

func (p *kqueue) look(timeout time.Duration, ready []Ready) (_ []Ready, woken bool, err error) {
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
		p.buf = make([]unix.Kevent_t, 2*n)
		n, err = p.call(0)
	}
	if err == unix.EINTR {
		return ready, false, nil
	}
	if err != nil {
		return ready, false, os.NewSyscallError("kevent", err)
	}
	for i := range p.buf[:n] {
		e := &p.buf[i]
		fd := int(e.Ident)
		if fd == p.read {
			p.drain()
			woken = true
			continue
		}
		for _, f := range filters {
			if f.filter == int(e.Filter) {
				ready = append(ready, Ready{fd, f.mode & p.get(fd).events})
			}
		}
	}
	return ready[:had+len(merge(ready[had:]))], woken, nil
}

// merge sorts ready and makes one entry of a descriptor's modes, which kqueue reports one by one.
func merge(ready []Ready) []Ready {
	slices.SortFunc(ready, byFD)
	merged := ready[:0]
	for _, r := range ready {
		if last := len(merged) - 1; last >= 0 && merged[last].FD == r.FD {
			merged[last].Events |= r.Events
		} else if r.Events != 0 {
			merged = append(merged, r)
		}
	}
	return merged
}

func (p *kqueue) call(timeout time.Duration) (int, error) {
	if timeout < 0 {
		return unix.Kevent(p.fd, nil, p.buf, nil)
	}
	limit := unix.NsecToTimespec(int64(timeout))
	return unix.Kevent(p.fd, nil, p.buf, &limit)
}

func (p *kqueue) Close() error {
	if p.closed() {
		return nil
	}
	p.waker.close()
	p.table, p.files = nil, nil
	return os.NewSyscallError("close", unix.Close(p.fd))
}
