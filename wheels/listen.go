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
	deaf   bool            // nobody wants to hear of connections now
	over   bool            // the handle will never give one
	rest   *kernel.Timeout // after which accepting goes on; nil: it goes on
	name   func() string
}

func (a *acceptor) String() string { return a.name() }

func (a *acceptor) start() error {
	if err := a.env.Kernel.Attach(a.h.FD(), kernel.Read, a); err != nil {
		return err
	}
	if err := a.watch(); err != nil {
		a.env.Kernel.Detach(a.h.FD(), kernel.Read, a)
		return err
	}
	return nil
}

// accepts says whether a connection would be accepted now.
func (a *acceptor) accepts() bool {
	return a.h != nil && !a.paused && !a.deaf && !a.over && a.rest == nil
}

// watch tells the kernel whether it would.
func (a *acceptor) watch() error {
	if a.h == nil {
		return nil
	}
	return a.env.Kernel.Want(a.h.FD(), kernel.Read, a, a.accepts())
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
	return a.watch()
}

// hear says whether somebody wants to hear of connections. If not, they stay in the system's queue, too.
func (a *acceptor) hear(on bool) error {
	a.deaf = !on
	return a.watch()
}

// Ready implements kernel.IO.
func (a *acceptor) Ready(kernel.Mode) {
	for range acceptsPerTurn {
		if !a.accepts() {
			return
		}
		var accepted *host.Handle
		var from host.Address
		err := a.env.opening(func() (err error) {
			accepted, from, err = a.h.Accept()
			return err
		})
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
			if a.over = errors.Is(err, syscall.EINVAL); a.over { // it was shut down
				_ = a.watch() // it is attached, and less is asked than before
			} else {
				a.takeRest()
			}
			a.failed(&host.OpError{Op: "accept", Err: err})
			return
		}
	}
}

// takeRest keeps the loop from spinning over a connection that cannot be accepted now.
func (a *acceptor) takeRest() {
	a.rest = a.env.Kernel.After(acceptRest, func() {
		a.rest = nil
		if err := a.watch(); err != nil {
			a.failed(&host.OpError{Op: "accept", Err: err})
		}
	})
	_ = a.watch() // it is attached, and less is asked than before
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

// NewListenAccept makes a wheel. Errors: EBUSY when another wheel has the handle, EINVAL when it does not listen, and the
// system's.
func NewListenAccept(c ListenAcceptConfig) (*ListenAccept, error) {
	if err := listens(c.Handle); err != nil {
		return nil, &host.OpError{Op: "accept", Err: err}
	}
	w := &ListenAccept{Events: ListenAcceptEvents{c.Accept, c.Error}}
	w.acceptor = acceptor{env: c.Env, h: c.Handle, name: w.String, deaf: !c.Accept.Wanted()}
	w.acceptor.accepted = func(h *handle.Handle, from host.Address) bool {
		address, port := addressArgs(from)
		return w.give(w.Events.Accept, h, address, port, w.tag)
	}
	w.acceptor.failed = func(err error) bool {
		if w.h != nil {
			w.SetBusy(w.busy())
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
	w.SetBusy(w.busy())
	return w, nil
}

// listens says why a handle cannot be accepted on; nil if it can.
//
// Differs: POE tells of it when the handle becomes readable, which may be never.
func listens(h *handle.Handle) error {
	on, err := syscall.GetsockoptInt(h.FD(), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err == nil && on == 0 {
		return syscall.EINVAL
	}
	return err
}

func (w *ListenAccept) busy() bool { return w.h != nil && !w.deaf && !w.over }

// SetEvents changes what is told from now on. While there is no event for them, connections stay in the system's queue.
func (w *ListenAccept) SetEvents(e ListenAcceptEvents) {
	w.Events = e
	if err := w.hear(e.Accept.Wanted()); err != nil {
		w.late = &host.OpError{Op: "accept", Err: err}
		w.base.env.Kernel.Turn(w)
	}
	w.SetBusy(w.busy() || w.late != nil)
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
	err := w.late
	w.late = nil
	if !w.dead && err != nil && w.tellError(w.Events.Error, "accept", err) {
		w.SetBusy(w.busy())
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
