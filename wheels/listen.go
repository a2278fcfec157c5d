package wheels

import (
	"errors"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

const (
	acceptsPerTurn = 64                     // before others get theirs
	acceptRest     = 100 * time.Millisecond // after a failure such as having no descriptor left
)

// acceptor accepts connections on a listening handle.
type acceptor struct {
	env      *Env
	h        *handle.Handle
	prepare  func(h *handle.Handle)                         // what every accepted handle gets; nil: nothing
	accepted func(h *handle.Handle, from host.Address) bool // it is false when the wheel may not go on
	failed   func(err error) bool

	paused bool
	rest   *kernel.Timeout // after which accepting goes on; nil: it goes on
	name   func() string
}

func (a *acceptor) String() string { return a.name() }

func (a *acceptor) start() error {
	if err := a.env.Kernel.Attach(a.h.FD(), kernel.Read, a); err != nil {
		return err
	}
	if err := a.env.Kernel.Want(a.h.FD(), kernel.Read, a, !a.paused); err != nil {
		a.env.Kernel.Detach(a.h.FD(), kernel.Read, a)
		return err
	}
	return nil
}

// stop ends accepting and leaves the handle open.
func (a *acceptor) stop() {
	a.rest.Stop()
	a.rest = nil
	if a.h != nil && a.h.FD() >= 0 {
		a.env.Kernel.Detach(a.h.FD(), kernel.Read, a)
	}
	a.h = nil
}

// pause leaves connections in the system's queue: clients see themselves connected.
func (a *acceptor) pause(on bool) error {
	a.paused = on
	if a.h == nil || a.rest != nil {
		return nil
	}
	return a.env.Kernel.Want(a.h.FD(), kernel.Read, a, !on)
}

// Ready implements kernel.IO.
func (a *acceptor) Ready(kernel.Mode) {
	for range acceptsPerTurn {
		if a.h == nil || a.paused || a.rest != nil {
			return
		}
		accepted, from, err := a.h.Accept()
		switch {
		case err == nil:
			h := handle.New(accepted)
			if a.prepare != nil {
				a.prepare(h)
			}
			if !a.accepted(h, from) {
				return
			}
		case errors.Is(err, syscall.EAGAIN):
			return
		case errors.Is(err, syscall.ECONNABORTED), errors.Is(err, syscall.EPROTO):
			// the client has gone away while it waited: nobody's failure
		default:
			a.takeRest()
			a.failed(&host.OpError{Op: "accept", Err: err})
			return
		}
	}
}

// takeRest keeps the loop from spinning over a connection that cannot be accepted now.
func (a *acceptor) takeRest() {
	_ = a.env.Kernel.Want(a.h.FD(), kernel.Read, a, false) // it is attached
	a.rest = a.env.Kernel.After(acceptRest, func() {
		a.rest = nil
		if a.h != nil && !a.paused {
			if err := a.env.Kernel.Want(a.h.FD(), kernel.Read, a, true); err != nil {
				a.failed(&host.OpError{Op: "accept", Err: err})
			}
		}
	})
}

// Closed implements kernel.IO.
func (a *acceptor) Closed(kernel.Mode) {
	a.stop()
	a.failed(&host.OpError{Op: "accept", Err: syscall.EBADF})
}

// ListenAcceptConfig says what a ListenAccept is made of.
type ListenAcceptConfig struct {
	Config
	Handle *handle.Handle // listens already
	Accept Event          // (handle, address, port, id); port is nil for UNIX
	Error  Event          // ("accept", errno, message, id)
}

// ListenAccept accepts connections on a handle that was made elsewhere.
type ListenAccept struct {
	base
	acceptor
	Events ListenAcceptEvents
	late   error // what closed it, to be told in the next pass
}

// ListenAcceptEvents are the events of a ListenAccept.
type ListenAcceptEvents struct{ Accept, Error Event }

// NewListenAccept makes a wheel. Errors: EBUSY when another wheel has the handle, and the system's.
func NewListenAccept(c ListenAcceptConfig) (*ListenAccept, error) {
	w := &ListenAccept{Events: ListenAcceptEvents{c.Accept, c.Error}}
	w.acceptor = acceptor{env: c.Env, h: c.Handle, name: w.String}
	w.acceptor.accepted = func(h *handle.Handle, from host.Address) bool {
		address, port := addressArgs(from)
		return w.give(w.Events.Accept, h, address, port, w.tag)
	}
	w.acceptor.failed = func(err error) bool {
		if w.h != nil {
			return w.tellError(w.Events.Error, "accept", err)
		}
		if !w.dead {
			w.late = err
			w.base.env.Kernel.Turn(w)
		}
		return false
	}
	if err := w.start(); err != nil {
		return nil, err
	}
	w.open(&c.Config, w)
	w.SetBusy(true)
	return w, nil
}

// addressArgs are an address as events carry it.
func addressArgs(a host.Address) (address, port any) {
	if a.IP.IsValid() {
		return a.Host(), a.Port()
	}
	return a.Path, nil
}

// Kind implements Wheel.
func (w *ListenAccept) Kind() string { return "ListenAccept" }

func (w *ListenAccept) String() string { return w.base.name("ListenAccept") }

// Turn implements kernel.Turner.
func (w *ListenAccept) Turn() {
	if !w.dead {
		w.tellError(w.Events.Error, "accept", w.late)
		w.SetBusy(false)
	}
}

// PauseAccept leaves connections in the system's queue.
func (w *ListenAccept) PauseAccept() error { return w.pause(true) }

// ResumeAccept is the reverse of PauseAccept.
func (w *ListenAccept) ResumeAccept() error { return w.pause(false) }

// Destroy implements Wheel.
func (w *ListenAccept) Destroy() {
	h := w.h
	if w.end() {
		w.stop()
		if h != nil && h.FD() >= 0 {
			_ = w.base.env.Close(h) // the descriptor is free whatever the system says
		}
	}
}

// OwnerStopped implements kernel.Resource.
func (w *ListenAccept) OwnerStopped() { w.Destroy() }

// Release ends the wheel and leaves its handle open, for somebody else.
func (w *ListenAccept) Release() *handle.Handle {
	h := w.h
	if w.end() {
		w.stop()
	}
	return h
}
