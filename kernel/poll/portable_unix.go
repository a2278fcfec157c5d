//go:build unix

package poll

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// portable is the poller every Unix has. Its cost grows with what is watched, and its timeouts are whole
// milliseconds, rounded up.
type portable struct {
	waker
	table
	asked pollSet // what the table says, and the waker
}

var _ Poller = (*portable)(nil)

func newPortable() (Poller, error) {
	p := &portable{}
	if err := p.openPipe(); err != nil {
		return nil, err
	}
	p.asked.set(p.read, Read)
	return p, nil
}

func (p *portable) Name() string { return "poll" }

func (p *portable) Watch(fd int, events Events) error {
	switch {
	case events == 0:
	case p.closed():
		return os.ErrClosed
	case fd < 0 || !isOpen(fd):
		return os.NewSyscallError("poll", unix.EBADF)
	}
	p.asked.set(fd, events)
	p.table.set(fd, watch{events: events})
	return nil
}

func (p *portable) Wait(timeout time.Duration, ready []Ready) ([]Ready, error) {
	return wait(p, timeout, ready)
}

func (p *portable) look(timeout time.Duration, ready []Ready) ([]Ready, bool, error) {
	if p.closed() {
		return ready, false, os.ErrClosed
	}
	had := len(ready)
	ready, err := p.asked.look(timeout, ready)
	i, woken := slices.BinarySearchFunc(ready[had:], Ready{FD: p.read}, byFD)
	if woken {
		ready = slices.Delete(ready, had+i, had+i+1)
		p.drain()
	}
	return ready, woken, err
}

func (p *portable) Close() error {
	p.waker.close()
	p.table, p.asked = nil, nil
	return nil
}
