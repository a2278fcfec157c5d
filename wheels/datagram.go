package wheels

import (
	"errors"
	"syscall"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

const (
	datagramsPerTurn = 64  // before others get theirs
	datagramsQueued  = 256 // that wait to be sent
)

// DatagramConfig says what a Datagram is made of.
type DatagramConfig struct {
	Config
	Handle *handle.Handle // of datagrams
	Filter filters.Filter // of which each datagram gets a clone; nil: a datagram is an item
	Events DatagramEvents
	Queue  int // datagrams that may wait to be sent; 0: 256
}

// DatagramEvents are the events of a Datagram.
type DatagramEvents struct {
	Input Event // (item, address, port, id); without it nothing is read
	Error Event // (operation, errno, message, id)
}

// Datagram receives and sends datagrams.
type Datagram struct {
	base
	Events  DatagramEvents
	h       *handle.Handle
	filter  filters.Filter // nil: none
	queue   []datagram
	limit   int
	late    []error // to be told in the next pass
	turning bool
}

type datagram struct {
	payload []byte
	to      host.Address
}

// NewDatagram makes a wheel. Errors: EBUSY when another wheel has the handle, and the system's.
func NewDatagram(c DatagramConfig) (*Datagram, error) {
	w := &Datagram{Events: c.Events, h: c.Handle, filter: c.Filter, limit: datagramsQueued}
	if c.Queue > 0 {
		w.limit = c.Queue
	}
	k := c.Env.Kernel
	for _, m := range []kernel.Mode{kernel.Read, kernel.Write} {
		if err := k.Attach(w.h.FD(), m, w); err != nil {
			k.Detach(w.h.FD(), kernel.Read, w)
			return nil, err
		}
	}
	w.open(&c.Config, w)
	if err := w.watch(); err != nil {
		w.detach()
		w.end()
		return nil, err
	}
	return w, nil
}

// Kind implements Wheel.
func (w *Datagram) Kind() string { return "Datagram" }

func (w *Datagram) String() string { return w.name("Datagram") }

// watch tells the kernel what the wheel waits for.
func (w *Datagram) watch() error {
	reads := w.h != nil && w.Events.Input.Wanted()
	if w.h != nil {
		k := w.env.Kernel
		if err := k.Want(w.h.FD(), kernel.Read, w, reads); err != nil {
			return err
		}
		if err := k.Want(w.h.FD(), kernel.Write, w, len(w.queue) > 0); err != nil {
			return err
		}
	}
	w.SetBusy(reads || len(w.queue) > 0 || w.turning)
	return nil
}

func (w *Datagram) rewatch() {
	if err := w.watch(); err != nil {
		w.note(&host.OpError{Op: "recv", Err: err})
	}
}

// SetEvents changes what is told from now on.
func (w *Datagram) SetEvents(e DatagramEvents) {
	w.Events = e
	w.rewatch()
}

func (w *Datagram) detach() {
	if w.h != nil && w.h.FD() >= 0 {
		w.env.Kernel.Detach(w.h.FD(), kernel.Read, w)
		w.env.Kernel.Detach(w.h.FD(), kernel.Write, w)
	}
}

// Ready implements kernel.IO.
func (w *Datagram) Ready(m kernel.Mode) {
	switch {
	case w.dead || w.h == nil:
	case m == kernel.Write:
		w.sendQueued()
	default:
		for range datagramsPerTurn {
			if w.dead || w.h == nil || !w.Events.Input.Wanted() || !w.receive() {
				return
			}
		}
	}
}

// receive takes one datagram and delivers what is in it. It is false when there is none, or the wheel may not go on.
func (w *Datagram) receive() bool {
	buf := w.env.Kernel.Scratch()
	n, from, _, err := w.h.RecvFrom(buf, false)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return false
	case err != nil: // what became of a datagram that was sent before, mostly
		return w.tellError(w.Events.Error, "recv", err)
	}
	address, port := addressArgs(from)
	if w.filter == nil {
		return w.tell(w.Events.Input, w.env.text(buf[:n]), address, port, w.tag)
	}
	return w.deliver(buf[:n], address, port)
}

// deliver tells the items of one datagram.
func (w *Datagram) deliver(payload []byte, address, port any) bool {
	f := w.filter.Clone()
	err := f.Feed(payload)
	for err == nil {
		var item any
		var ok bool
		if item, ok, err = f.Next(); err != nil || !ok {
			if bad, isBad := errors.AsType[*filters.Error](err); isBad && !bad.Final {
				if !w.filterFailed(err) {
					return false
				}
				err = nil
				continue
			}
			break
		}
		if !w.tell(w.Events.Input, w.env.item(item), address, port, w.tag) {
			return false
		}
	}
	if last, ok := f.(filters.EOFer); ok && err == nil {
		var items []any
		items, err = last.EOF()
		for _, item := range items {
			if !w.tell(w.Events.Input, w.env.item(item), address, port, w.tag) {
				return false
			}
		}
	}
	return err == nil || w.filterFailed(err)
}

func (w *Datagram) filterFailed(err error) bool {
	if _, ok := errors.AsType[*filters.Error](err); !ok || !w.Events.Error.Wanted() {
		w.env.Kernel.Raise(w.Owner(), w.Events.Input.Name, w.site, err)
		return !w.dead
	}
	return w.tellError(w.Events.Error, "filter", err)
}

// Put sends one datagram; the zero Address is the peer of a connected socket. Errors: EMSGSIZE, EDESTADDRREQ and others of the
// system's, ENOBUFS when too many wait already; others are faults of the item.
func (w *Datagram) Put(item any, to host.Address) error {
	if w.dead || w.h == nil {
		return ErrDestroyed
	}
	payload, err := w.encode(item)
	if err != nil {
		return err
	}
	if len(w.queue) == 0 {
		if err = w.send(payload, to); !errors.Is(err, syscall.EAGAIN) {
			return err
		}
	}
	if len(w.queue) >= w.limit {
		return &kernel.Error{Errno: syscall.ENOBUFS, Message: "too many datagrams wait to be sent"}
	}
	w.queue = append(w.queue, datagram{payload, to})
	w.rewatch()
	return nil
}

func (w *Datagram) encode(item any) ([]byte, error) {
	if w.filter == nil {
		return (&filters.Stream{}).Put(nil, item)
	}
	return w.filter.Put(nil, item)
}

// send sends a datagram. That an earlier one was refused is told now and is no reason not to send this one.
func (w *Datagram) send(payload []byte, to host.Address) error {
	w.env.Kernel.Touch()
	_, err := w.h.SendTo(payload, to)
	if errors.Is(err, syscall.ECONNREFUSED) {
		w.note(&host.OpError{Op: "send", Err: err})
		_, err = w.h.SendTo(payload, to)
	}
	return err
}

func (w *Datagram) sendQueued() {
	for len(w.queue) > 0 {
		d := w.queue[0]
		err := w.send(d.payload, d.to)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		w.queue = w.queue[1:]
		if err != nil {
			w.note(&host.OpError{Op: "send", Err: err})
		}
	}
	if len(w.queue) == 0 {
		w.queue = nil
	}
	w.rewatch()
}

const mostLate = 64 // failures that wait to be told; more are all of the same kind

// note has a failure told in the next pass.
func (w *Datagram) note(err error) {
	if len(w.late) < mostLate {
		w.late = append(w.late, err)
	}
	if !w.turning {
		w.turning = true
		w.env.Kernel.Turn(w)
		w.SetBusy(true)
	}
}

// Turn implements kernel.Turner.
func (w *Datagram) Turn() {
	late := w.late
	w.late, w.turning = nil, false
	for _, err := range late {
		op := "recv"
		if failed, ok := asOpError(err); ok {
			op = failed.Op
		}
		if !w.tellError(w.Events.Error, op, err) {
			break
		}
	}
	if !w.dead {
		w.rewatch()
	}
}

// Closed implements kernel.IO.
func (w *Datagram) Closed(m kernel.Mode) {
	if m == kernel.Read && !w.dead {
		w.note(&host.OpError{Op: "recv", Err: syscall.EBADF})
	}
	w.h, w.queue = nil, nil
}

// Sockname is the socket's own address.
func (w *Datagram) Sockname() (host.Address, error) {
	if w.dead || w.h == nil {
		return host.Address{}, ErrDestroyed
	}
	return w.h.LocalAddress()
}

// Destroy implements Wheel. What waits to be sent is dropped.
func (w *Datagram) Destroy() {
	h := w.h
	w.Release()
	if h != nil && h.FD() >= 0 {
		_ = w.env.Close(h) // the descriptor is free whatever the system says
	}
}

// OwnerStopped implements kernel.Resource.
func (w *Datagram) OwnerStopped() { w.Destroy() }

// Release ends the wheel and leaves its handle open, for somebody else.
func (w *Datagram) Release() *handle.Handle {
	h := w.h
	if w.end() {
		w.detach()
	}
	w.h, w.queue, w.late = nil, nil, nil
	return h
}
