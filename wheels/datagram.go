package wheels

import (
	"errors"
	"syscall"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

const (
	datagramsPerTurn = 64        // before others get theirs
	datagramsQueued  = 256       // that wait to be sent, if nothing else is said
	octetsQueued     = 256 << 20 // in them, whatever is said
	longestUnix      = 1 << 20   // bytes of a datagram that comes over UNIX; of the others 65,535 are the most there is

	datagramRest = 10 * time.Millisecond // when the system says that a socket is ready, and it is not
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

// Datagram receives and sends datagrams. Those that wait to be sent leave in their order.
type Datagram struct {
	base
	Events   DatagramEvents
	h        *handle.Handle
	filter   filters.Filter // nil: none
	queue    []datagram
	octets   int // in the queue
	limit    int
	rests    [2]*kernel.Timeout // of reading and writing; nil: it goes on
	troubled bool               // the last try to receive has failed
	lost     bool               // the system cannot watch the handle
	held     *parcel            // what is left of a datagram when its events were turned off; nil: nothing
	late     []error            // to be told in the next pass
	turning  bool
}

// datagram is one that waits to be sent.
type datagram struct {
	payload []byte
	to      host.Address
}

// parcel is a datagram that has come, in its filter.
type parcel struct {
	filter        filters.Filter
	address, port any
	opened        bool  // the filter has given all but what follows
	last          []any // what it has given at the end
	err           error // what comes after that
}

// NewDatagram makes a wheel. Errors: EBUSY when another wheel has the handle, and the system's.
func NewDatagram(c DatagramConfig) (*Datagram, error) {
	w := &Datagram{Events: c.Events, h: c.Handle, filter: c.Filter, limit: datagramsQueued}
	if _, ok := c.Filter.(*filters.Stream); ok {
		w.filter = nil // which is the same, but for empty datagrams: a Stream makes no items of them
	}
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
	reads := w.reads()
	if w.h != nil && !w.lost {
		k := w.env.Kernel
		if err := k.Want(w.h.FD(), kernel.Read, w, reads && w.rests[kernel.Read] == nil); err != nil {
			return err
		}
		if err := k.Want(w.h.FD(), kernel.Write, w, len(w.queue) > 0 && w.rests[kernel.Write] == nil); err != nil {
			return err
		}
	}
	w.SetBusy(reads || len(w.queue) > 0 || w.turning)
	return nil
}

// reads says whether a datagram would be received now.
func (w *Datagram) reads() bool {
	return !w.dead && w.h != nil && !w.lost && w.held == nil && w.Events.Input.Wanted()
}

// rest keeps the loop from spinning over a socket that says it is ready and is not: an unconnected UNIX one whose receiver is
// full, one that was shut down, one that fails again and again.
func (w *Datagram) rest(m kernel.Mode) {
	if w.rests[m] != nil {
		return
	}
	w.rests[m] = w.env.Kernel.After(datagramRest, func() {
		w.rests[m] = nil
		w.rewatch()
	})
	w.rewatch()
}

func (w *Datagram) rewatch() {
	if err := w.watch(); err != nil {
		w.lost = true
		w.note(&host.OpError{Op: "recv", Err: err})
	}
}

// SetEvents changes what is told from now on.
func (w *Datagram) SetEvents(e DatagramEvents) {
	w.Events = e
	if w.held != nil && e.Input.Wanted() {
		w.turn()
	}
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
		w.receiveAll()
	}
}

// receiveAll receives what is there, and rests if that is nothing.
func (w *Datagram) receiveAll() {
	w.tellLate() // which has come up before what is there now
	for i := range datagramsPerTurn {
		if !w.reads() {
			return
		}
		failed := w.troubled
		err := w.receive()
		w.troubled = err != nil
		switch {
		case err == nil:
		case errors.Is(err, syscall.EAGAIN):
			w.troubled = false
			if i == 0 {
				w.rest(kernel.Read)
			}
			return
		default: // what became of a datagram that was sent before, mostly
			if failed {
				w.rest(kernel.Read)
			}
			if w.tellError(w.Events.Error, "recv", err); failed {
				return
			}
		}
	}
}

// receive takes one datagram and delivers what is in it. EAGAIN when there is none.
func (w *Datagram) receive() error {
	buf := w.buffer()
	n, from, truncated, err := w.h.RecvFrom(buf, false)
	switch {
	case err != nil:
		return err
	case truncated:
		return syscall.EMSGSIZE
	}
	address, port := addressArgs(from)
	if w.filter == nil {
		w.tell(w.Events.Input, w.env.text(buf[:n]), address, port, w.tag)
		return nil
	}
	p := &parcel{filter: w.filter.Clone(), address: address, port: port}
	if p.err = p.filter.Feed(buf[:n]); p.err != nil {
		p.opened = true
	}
	w.deliver(p)
	return nil
}

// buffer is memory for one datagram.
func (w *Datagram) buffer() []byte {
	if w.h.Kind() != "unixgram" {
		return w.env.Kernel.Scratch()
	}
	if w.env.long == nil {
		w.env.long = make([]byte, longestUnix)
	}
	return w.env.long
}

// next is the next item of a datagram. After a failure there may be more.
func (p *parcel) next() (item any, ok bool, err error) {
	if !p.opened {
		item, ok, err = p.filter.Next()
		bad, isBad := errors.AsType[*filters.Error](err)
		if ok || isBad && !bad.Final {
			return item, ok, err
		}
		p.opened, p.err = true, err
		if end, has := p.filter.(filters.EOFer); has && err == nil {
			p.last, p.err = end.EOF()
		}
	}
	if len(p.last) > 0 {
		item, p.last = p.last[0], p.last[1:]
		return item, true, nil
	}
	err, p.err = p.err, nil
	return nil, false, err
}

// deliver tells the items of one datagram. Those that nobody wants now are held.
func (w *Datagram) deliver(p *parcel) {
	for w.Events.Input.Wanted() {
		item, ok, err := p.next()
		switch {
		case err != nil:
			if !w.filterFailed(err) {
				return
			}
		case !ok:
			return
		default:
			if !w.tell(w.Events.Input, w.env.item(item), p.address, p.port, w.tag) {
				return
			}
		}
	}
	w.held = p
	w.rewatch()
}

func (w *Datagram) filterFailed(err error) bool {
	if _, ok := errors.AsType[*filters.Error](err); !ok || !w.Events.Error.Wanted() {
		w.env.Kernel.Raise(w.Owner(), w.Events.Input.Name, w.site, err)
		return !w.dead
	}
	return w.tellError(w.Events.Error, "filter", err)
}

// Put sends one datagram; the zero Address is the peer of a connected socket. One that the system does not take now waits.
// Errors: EMSGSIZE, EDESTADDRREQ and others of the system's, ENOBUFS when too many wait already; others are faults of the item.
func (w *Datagram) Put(item any, to host.Address) error {
	if w.dead || w.h == nil {
		return ErrDestroyed
	}
	payload, err := w.encode(item)
	if err != nil {
		return err
	}
	if len(w.queue) == 0 {
		if err = w.send(payload, to); !hasToWait(err) {
			return err
		}
	}
	if len(w.queue) >= w.limit || w.octets+len(payload) > octetsQueued {
		return &kernel.Error{Errno: syscall.ENOBUFS, Message: "too many datagrams wait to be sent"}
	}
	w.queue = append(w.queue, datagram{payload, to})
	w.octets += len(payload)
	if errors.Is(err, syscall.ENOBUFS) {
		w.rest(kernel.Write) // the system does not tell when there is room
	}
	w.rewatch()
	return nil
}

// hasToWait says whether a failure to send is that there is no room now. Some systems say ENOBUFS for it.
func hasToWait(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS)
}

func (w *Datagram) encode(item any) ([]byte, error) {
	if w.filter == nil {
		return (&filters.Stream{}).Put(nil, item)
	}
	return w.filter.Put(nil, item)
}

// send sends a datagram. That an earlier one has not arrived is told as an event, and is no reason not to send this one.
func (w *Datagram) send(payload []byte, to host.Address) error {
	w.env.Kernel.Touch()
	_, err := w.h.SendTo(payload, to)
	if mayBeOld(err) {
		old := err
		if _, err = w.h.SendTo(payload, to); err == nil || hasToWait(err) {
			w.note(&host.OpError{Op: "send", Err: old})
		}
	}
	if to == (host.Address{}) && errors.Is(err, syscall.ENOTCONN) {
		err = syscall.EDESTADDRREQ // which is what it is called where the socket is no UNIX one
	}
	return err
}

// mayBeOld says whether a failure to send may be that of an earlier datagram: what comes back from the network is told when
// the socket is next used.
func mayBeOld(err error) bool {
	number, _ := errors.AsType[syscall.Errno](err)
	switch number {
	case syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EPROTO, syscall.ENOPROTOOPT:
		return true
	}
	return false
}

func (w *Datagram) sendQueued() {
	for i := range datagramsPerTurn {
		if len(w.queue) == 0 {
			break
		}
		d := w.queue[0]
		err := w.send(d.payload, d.to)
		if hasToWait(err) {
			if i == 0 || errors.Is(err, syscall.ENOBUFS) {
				w.rest(kernel.Write)
			}
			break
		}
		w.octets -= len(d.payload)
		w.queue[0] = datagram{}
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
	w.turn()
}

func (w *Datagram) turn() {
	if !w.turning {
		w.turning = true
		w.env.Kernel.Turn(w)
		w.SetBusy(true)
	}
}

// Turn implements kernel.Turner.
func (w *Datagram) Turn() {
	w.turning = false
	w.tellLate()
	if p := w.held; p != nil && !w.dead && w.Events.Input.Wanted() {
		w.held = nil
		w.deliver(p)
	}
	if !w.dead {
		w.rewatch()
	}
}

// tellLate tells the failures that have waited for the pass.
func (w *Datagram) tellLate() {
	late := w.late
	w.late = nil
	for _, err := range late {
		if !w.tellError(w.Events.Error, operation(err), err) {
			return
		}
	}
}

// Closed implements kernel.IO.
func (w *Datagram) Closed(m kernel.Mode) {
	if m == kernel.Read && !w.dead {
		w.note(&host.OpError{Op: "recv", Err: syscall.EBADF})
	}
	w.forget()
}

// forget drops the handle and what waits for it.
func (w *Datagram) forget() {
	for m := range w.rests {
		w.rests[m].Stop()
		w.rests[m] = nil
	}
	w.h, w.queue, w.octets = nil, nil, 0
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
	w.forget()
	w.held, w.late = nil, nil
	return h
}
