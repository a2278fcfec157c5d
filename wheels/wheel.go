// Package wheels does I/O for sessions: a wheel watches handles for the session that owns it and tells it with events what
// happened.
//
//	ReadWrite      items in and out of a stream, through filters
//	SocketFactory  servers and clients: gives handles
//	ListenAccept   accepts on a listening handle made elsewhere
//	Datagram       items in and out of datagrams
//
// As data: a descriptor is ready -> the loop calls the wheel -> its handle reads, its filter cuts items -> one event each to
// the owner, dispatched at once. The way back: Put -> filter -> the driver's queue -> written at the end of the pass, when
// everything that its handlers had to say is there. No goroutine and no queue of the kernel lies on this way.
//
// Events are never dispatched within a call of a wheel's method: what comes up in one waits for the end of the pass or the
// next one. All methods: loop goroutine only.
package wheels

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// Env is what all wheels of a kernel share.
type Env struct {
	Kernel *kernel.Kernel
	Host   *host.Host
	Close  func(h *handle.Handle) error // closes a handle and ends what watches it
	Ended  func(id uint64)              // a wheel was destroyed; nil: nobody wants to know
	Item   func(item any) any           // makes of an item what events carry; nil: the item
	// Text is Item for byte strings, which it copies. nth is how many of them came before in the same turn of the wheel. nil: they
	// are strings.
	Text func(item []byte, nth int) any

	// Handle makes of a new handle what events of a wheel of owner's carry; nil: the handle.
	Handle func(h *handle.Handle, owner *kernel.Task) any
	// Opening calls open, and once more if no descriptor was left and one could be got back; nil: it calls open.
	Opening func(open func() error) error

	Spare  *handle.Spare // of the drivers of wheels
	out    []byte        // items on their way into a driver
	chunks [][]byte      // likewise: the parts of out
	nth    int           // byte strings told in this turn of a wheel
	last   *origin
	long   []byte // for datagrams that Kernel.Scratch is too short for
}

const (
	mostOut    = 64 << 10 // bytes that out may keep
	mostChunks = 1024
)

// encode makes bytes of items and hands them to put together.
func (v *Env) encode(f filters.Filter, items []any, put func(chunks [][]byte) error) (err error) {
	out, chunks := v.out[:0], v.chunks[:0]
	v.out, v.chunks = nil, nil // a filter of the program's may put to another wheel
	for _, item := range items {
		begin := len(out)
		if out, err = f.Put(out, item); err != nil {
			break
		}
		chunks = append(chunks, out[begin:len(out):len(out)]) // which stays what it is when out moves
	}
	if err == nil {
		err = put(chunks)
	}
	clear(chunks)
	if cap(chunks) <= mostChunks {
		v.chunks = chunks
	}
	v.keep(out)
	return err
}

// keep keeps the memory of out for the next item.
func (v *Env) keep(out []byte) {
	if cap(out) <= mostOut {
		v.out = out
	}
}

// opening has open, which takes a descriptor, called.
func (v *Env) opening(open func() error) error {
	if v.Opening != nil {
		return v.Opening(open)
	}
	return open()
}

func (v *Env) ended(id uint64) {
	if v.Ended != nil {
		v.Ended(id)
	}
}

func (v *Env) item(item any) any {
	if v.Item != nil {
		return v.Item(item)
	}
	return item
}

func (v *Env) text(item []byte) any {
	if v.Text != nil {
		v.nth++
		return v.Text(item, v.nth-1)
	}
	return string(item)
}

// Event is what a wheel tells its owner. The zero Event is not wanted.
type Event struct {
	Name    string
	Handler any // what the owner's receiver calls in the place of a handler of that name; nil: there is one
}

// Wanted says whether somebody wants to hear of it.
func (e Event) Wanted() bool { return e.Name != "" }

// Wheel is what all wheels can do.
type Wheel interface {
	kernel.Resource
	ID() uint64
	Kind() string
	Owner() *kernel.Task
	Alive() bool
	// Destroy ends the wheel: nothing of it is delivered any more, and its handles are closed. A second time does nothing.
	Destroy()
}

// Config is what every wheel is made with.
type Config struct {
	Env   *Env
	Owner *kernel.Task
	Tag   func(id uint64) any // what events carry for the wheel's number; nil: the number
	Site  kernel.Site         // where it was made
}

// base is what all wheels have.
type base struct {
	kernel.Owned
	*origin
	tag  any // the wheel's number, as events carry it
	dead bool
}

// origin is what wheels have in common that were made at one place.
type origin struct {
	env  *Env
	site kernel.Site
}

// origin is that of a wheel that is made at site. It mostly is the same place as the last time.
func (v *Env) origin(site kernel.Site) *origin {
	if v.last == nil || v.last.site != site {
		v.last = &origin{v, site}
	}
	return v.last
}

func (w *base) open(c *Config, r kernel.Resource) {
	w.origin = c.Env.origin(c.Site)
	c.Env.Kernel.Own(c.Owner, r, &w.Owned)
	w.tag = w.ID()
	if c.Tag != nil {
		w.tag = c.Tag(w.ID())
	}
}

// Alive says whether the wheel has not been destroyed.
func (w *base) Alive() bool { return !w.dead }

func (w *base) name(kind string) string { return fmt.Sprintf("wheel %d (%s)", w.ID(), kind) }

// tell dispatches an event to the owner and says whether the wheel may go on.
func (w *base) tell(e Event, args ...any) bool {
	if w.dead {
		return false
	}
	if !e.Wanted() {
		return true
	}
	going, _ := w.env.Kernel.Deliver(w.Owner(), e.Name, e.Handler, w.site, args...)
	return going && !w.dead
}

// give is tell for a handle. One that nobody takes, because the event is off or the owner has no handler any more, is closed.
func (w *base) give(e Event, h *handle.Handle, args ...any) bool {
	going, heard := !w.dead, false
	if going && e.Wanted() {
		var v any = h
		if w.env.Handle != nil {
			v = w.env.Handle(h, w.Owner())
		}
		going, heard = w.env.Kernel.Deliver(w.Owner(), e.Name, e.Handler, w.site, append([]any{v}, args...)...)
	}
	if !heard {
		_ = w.env.Close(h) // the descriptor is free whatever the system says
	}
	return going && !w.dead
}

// place is where the wheel was made, as errors begin: "chat.lua:12: "; "" if that is nowhere.
func (w *base) place() string {
	if file, line := w.env.Kernel.Locate(w.site); file != "" {
		return fmt.Sprintf("%s:%d: ", file, line)
	}
	return ""
}

// end takes the wheel away from its owner; it is false if that has happened before.
func (w *base) end() bool {
	if w.dead {
		return false
	}
	w.dead = true
	w.Disown()
	w.env.ended(w.ID())
	return true
}

// tellError dispatches an error event.
func (w *base) tellError(e Event, op string, err error) bool {
	return w.tell(e, op, int(host.Errno(err)), message(err), w.tag)
}

// message is what people read of an error.
func message(err error) string {
	op, ok := errors.AsType[*host.OpError](err)
	if !ok {
		return err.Error()
	}
	text := op.Err.Error() // the operation is an argument of its own
	if op.Op == "getaddrinfo" || op.Op == "getservbyname" {
		text += " '" + op.Name + "'"
	}
	return text
}

// ErrDestroyed is the failure of a method of a wheel that was destroyed.
var ErrDestroyed = &kernel.Error{Errno: syscall.EBADF, Message: "wheel is destroyed"}

// operation is what the host was doing when it failed with err; "" if err does not tell.
func operation(err error) string {
	if failed, ok := errors.AsType[*host.OpError](err); ok {
		return failed.Op
	}
	if refused, ok := errors.AsType[*host.PermissionError](err); ok {
		return refused.Op
	}
	return ""
}
