package wheels

import (
	"bytes"
	"errors"
	"math"
	"syscall"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels/handle"
)

// ReadWriteEvents are the events of a ReadWrite. Several wheels may share one: it is never changed.
type ReadWriteEvents struct {
	Input   Event // (item, id); without it nothing is read, and no end noticed
	Error   Event // (operation, errno, message, id)
	Flushed Event // (id)
	High    Event // (id)
	Low     Event // (id)
}

// ReadWriteConfig says what a ReadWrite is made of.
type ReadWriteConfig struct {
	Config
	Input, Output             *handle.Handle // one may be nil; both may be the same
	InputFilter, OutputFilter filters.Filter // may be the same
	Driver                    Driver         // nil: handle.SysRW
	BlockSize                 int            // the most that one read takes, without Driver; 0: 65,536
	Events                    *ReadWriteEvents
	High, Low                 int // marks in bytes; 0: none
	AutoFlush                 bool
	ReadLimit                 int // reads before others get their turn; 0: 16
}

// Driver moves bytes for a wheel in the place of handle.SysRW.
type Driver interface {
	// Get reads what is there: none and no error is nothing now, io.EOF the end. The caller is done with it at the next call.
	// An error that has no errno, here and in Flush, is the driver's own fault: an error in the wheel's owner.
	Get(h *handle.Handle) ([]byte, error)
	// Put queues what an item became and gives the bytes queued.
	Put(chunk []byte) (int, error)
	// Flush writes what the handle takes and gives the bytes left.
	Flush(h *handle.Handle) (int, error)
	Messages() (int, error)
}

// ReadWrite reads items from a handle and writes items to one.
//
// Output is queued, and written at the end of the pass: what the handlers of one pass put to a wheel goes out in one system
// call.
type ReadWrite struct {
	base
	in, out             *handle.Handle
	inFilter, outFilter filters.Filter
	events              *ReadWriteEvents
	queue               handle.SysRW // output that waits
	rare                *rare        // nil: nothing of it
	readLimit           int32

	autoFlush  bool
	paused     bool // by PauseInput
	inputOver  bool // the end, a failure, or ShutdownInput: nothing more is read
	deaf       bool // no more of input is told: that it has ended was, or nobody is to hear it
	reading    bool // within the reads of a turn; still set after them when a handler has failed there
	outputOver bool // a failure, or ShutdownOutput
	blocked    bool // the handle takes no more: it is watched
	scheduled  bool // FlushOutput will be called
	turning    bool // Turn will be called
	afterFlush after
}

// rare is what few wheels need, or few of them at the same time: most of many thousand connections have nothing to do.
type rare struct {
	custom   *customDriver // in the place of the queue; nil: none
	marks    *marks        // nil: none
	tail     *tail         // the end of input that is to be told; nil: not there yet
	notes    []note        // what is to be told at the end of the pass
	writeErr error         // why writing has ended
	upgrade  *upgrade      // to TLS, as soon as plain output is written; nil: none
}

var none rare // of wheels that have none of it; nobody writes to it

// has is what there is of the rare.
func (w *ReadWrite) has() *rare {
	if w.rare == nil {
		return &none
	}
	return w.rare
}

// seldom is the same, to be changed.
func (w *ReadWrite) seldom() *rare {
	if w.rare == nil {
		w.rare = &rare{}
	}
	return w.rare
}

const (
	defaultReadLimit = 16
	maxNotes         = 1024 // a handler that flushes more often hears of it less often
)

// NewReadWrite makes a wheel. Errors: EBUSY when another wheel reads or writes the same handle, EBADF when a handle is closed,
// and the system's when it cannot be watched.
func NewReadWrite(c ReadWriteConfig) (*ReadWrite, error) {
	w := &ReadWrite{
		in: c.Input, out: c.Output, inFilter: c.InputFilter, outFilter: c.OutputFilter, events: c.Events,
		autoFlush: c.AutoFlush, readLimit: defaultReadLimit,
	}
	if c.ReadLimit > 0 {
		w.readLimit = int32(min(c.ReadLimit, math.MaxInt32))
	}
	if c.High > 0 {
		w.seldom().marks = &marks{high: c.High, low: c.Low}
	}
	w.queue = handle.SysRW{BlockSize: c.BlockSize, Spare: c.Env.Spare}
	if c.Driver != nil {
		w.seldom().custom = &customDriver{d: c.Driver}
	}
	w.origin = c.Env.origin(c.Site)
	w.inputOver, w.outputOver = c.Input == nil, c.Output == nil
	if err := w.attach(); err != nil {
		return nil, err
	}
	w.open(&c.Config, w)
	if err := w.watch(); err != nil {
		w.detach()
		w.Disown()
		return nil, err
	}
	return w, nil
}

// attach claims the handles.
func (w *ReadWrite) attach() error {
	for m, h := range w.ways() {
		if h == nil {
			continue // this way is not used
		}
		fd := h.FD()
		if fd < 0 {
			w.detach()
			return &kernel.Error{Errno: syscall.EBADF, Message: "the handle is closed"}
		}
		if err := w.env.Kernel.Attach(fd, kernel.Mode(m), w); err != nil {
			w.detach()
			return err
		}
	}
	return nil
}

// ways are the handles by mode; nil for one that is not used any more.
func (w *ReadWrite) ways() [2]*handle.Handle {
	return [2]*handle.Handle{kernel.Read: w.in, kernel.Write: w.out}
}

func (w *ReadWrite) detach() {
	for m, h := range w.ways() {
		if h != nil && h.FD() >= 0 {
			w.env.Kernel.Detach(h.FD(), kernel.Mode(m), w)
		}
	}
}

// Kind implements Wheel.
func (w *ReadWrite) Kind() string { return "ReadWrite" }

func (w *ReadWrite) String() string { return w.name("ReadWrite") }

// watch tells the kernel what the wheel waits for.
func (w *ReadWrite) watch() error {
	if w.dead {
		return nil
	}
	k := w.env.Kernel
	if w.in != nil && !w.inputOver {
		if err := k.Want(w.in.FD(), kernel.Read, w, w.reads()); err != nil {
			return err
		}
	}
	if w.out != nil && !w.outputOver {
		if err := k.Want(w.out.FD(), kernel.Write, w, w.blocked); err != nil {
			return err
		}
	}
	w.settleBusy()
	return nil
}

// settleBusy says whether the wheel keeps its owner alive.
func (w *ReadWrite) settleBusy() {
	w.SetBusy((!w.inputOver || w.has().tail != nil) && w.events.Input.Wanted() || w.scheduled || w.turning || w.blocked)
}

// rewatch is watch after a change that cannot fail: what was watched before can be watched again. Should the system refuse
// after all, that ends the wheel's input and output.
func (w *ReadWrite) rewatch() {
	if err := w.watch(); err != nil {
		w.failRead(err)
		w.failWrite(err)
	}
}

// Ready implements kernel.IO.
func (w *ReadWrite) Ready(m kernel.Mode) {
	switch {
	case w.dead:
	case m == kernel.Read:
		w.env.Kernel.Batch(w)
	default:
		w.writeAndTell()
	}
}

// Closed implements kernel.IO: somebody else closes a handle of the wheel's.
func (w *ReadWrite) Closed(m kernel.Mode) {
	if w.dead {
		return
	}
	err := &kernel.Error{Errno: syscall.EBADF, Message: "the handle was closed"}
	if m == kernel.Read {
		if !w.inputOver {
			w.in = nil
			w.failRead(err)
		}
		return
	}
	if !w.outputOver {
		w.out = nil
		if w.octets() > 0 {
			w.failWrite(err)
			return
		}
		w.outputOver, w.blocked = true, false
		w.rewatch()
		w.hasten()
	}
}

// tellFailure tells that reading or writing has failed. A fault of a driver of the program's is an error in the owner, as if the
// handler of event had raised it.
func (w *ReadWrite) tellFailure(op, event string, err error) bool {
	if _, refused := errors.AsType[syscall.Errno](err); !refused && w.has().custom != nil {
		w.env.Kernel.Raise(w.Owner(), event, w.site, err)
		return !w.dead
	}
	return w.tellError(w.events.Error, op, err)
}

// Handles are the wheel's handles; nil for a way that it does not have, or has no more.
func (w *ReadWrite) Handles() (in, out *handle.Handle) { return w.in, w.out }

// Filters are the wheel's filters.
func (w *ReadWrite) Filters() (in, out filters.Filter) { return w.inFilter, w.outFilter }

// Events are the wheel's events.
func (w *ReadWrite) Events() *ReadWriteEvents { return w.events }

// SetEvents changes what is told from now on. Input that was held because nobody wanted it comes when somebody does.
func (w *ReadWrite) SetEvents(e *ReadWriteEvents) {
	before := w.events.Input.Wanted()
	w.events = e
	if e.Input.Wanted() && !before {
		w.turn()
	}
	w.rewatch()
}

// SetInputFilter puts another filter in the place of the wheel's: what the old one holds goes to the new one. Its items are
// delivered after the current handler. An error is the new filter's refusal; then the old one stays.
//
// Differs: once the end of input was told it stays the last thing of it, also if the new filter finds items in what is left.
func (w *ReadWrite) SetInputFilter(f filters.Filter) error {
	if w.dead {
		return ErrDestroyed
	}
	old := w.inFilter
	if f == old {
		return nil
	}
	moved := false
	if old != nil {
		if pending := old.Pending(); len(pending) > 0 {
			if err := f.Feed(pending); err != nil {
				return err
			}
			filters.Reset(old)
			moved = true
		}
	}
	if w.dead { // a filter of the program's has destroyed it
		return ErrDestroyed
	}
	w.inFilter = f
	if moved {
		w.turn()
	}
	return nil
}

// shutdown ends a direction of a handle that goes on serving the other one, if there is something to end: a terminal has no
// directions, and a connection may be gone.
func shutdown(h *handle.Handle, how string) error {
	if h == nil || h.FD() < 0 {
		return nil
	}
	err := h.Shutdown(how)
	if errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ENOTSOCK) {
		return nil
	}
	return err
}

// closeWay closes a handle that serves one way only.
func (w *ReadWrite) closeWay(h **handle.Handle, m kernel.Mode) error {
	closing := *h
	*h = nil
	if closing.FD() < 0 {
		return nil
	}
	w.env.Kernel.Detach(closing.FD(), m, w)
	return w.env.Close(closing)
}

// Destroy implements Wheel.
func (w *ReadWrite) Destroy() {
	if w.end() {
		for _, h := range []*handle.Handle{w.in, w.out} {
			if h != nil && h.FD() >= 0 {
				_ = w.env.Close(h) // the descriptor is free whatever the system says
			}
		}
		w.in, w.out = nil, nil
	}
}

// OwnerStopped implements kernel.Resource.
func (w *ReadWrite) OwnerStopped() { w.Destroy() }

// Release ends the wheel and leaves its handles open, for somebody else: in and out. unread is what was read and not delivered.
// What was put goes out now as far as the handle takes it; unsent is the rest. A driver of the program's keeps its own. What
// was put after a start of TLS that has not begun is dropped: it was not meant to be read by others.
func (w *ReadWrite) Release() (in, out *handle.Handle, unread, unsent []byte) {
	if w.inFilter != nil {
		unread = bytes.Clone(w.inFilter.Pending())
	}
	unsent = w.takeOutput()
	in, out = w.in, w.out
	w.end()
	w.in, w.out = nil, nil
	return in, out, unread, unsent
}

// end ends the wheel; it is false if that has happened before.
func (w *ReadWrite) end() bool {
	if w.dead {
		return false
	}
	w.inputOver, w.outputOver = true, true
	w.detach()
	w.base.end()
	w.drop()
	w.rare, w.events, w.inFilter, w.outFilter = nil, &silent, nil, nil // a script may keep the wheel for long
	return true
}

var silent ReadWriteEvents // of wheels that were destroyed; nobody writes to it

// customDriver is a driver that a program brings.
type customDriver struct {
	d      Driver
	octets int // that wait, as the driver last said
}

func (c *customDriver) put(chunks [][]byte) error {
	for _, chunk := range chunks {
		if len(chunk) == 0 {
			continue
		}
		octets, err := c.d.Put(chunk)
		if err != nil {
			return err
		}
		c.octets = octets
	}
	return nil
}

func (c *customDriver) flush(h *handle.Handle) (left int, err error) {
	left, err = c.d.Flush(h)
	if err == nil || left > 0 {
		c.octets = left
	}
	return left, err
}
