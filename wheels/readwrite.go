package wheels

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// upgrade is a start of TLS that waits for output that is to go out before it.
type upgrade struct {
	tls   handle.TLS
	plain handle.SysRW
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

// after is what is to come when all output is written.
type after uint8

const (
	goOn after = iota
	shutDown
	destroy
)

// marks are a wheel's water marks.
type marks struct {
	high, low int
	isHigh    bool
}

// tail is how input ends: with what the filter still gives, then with its failure, then with err.
type tail struct {
	items []any
	bad   error // nil: the filter does not object
	err   error
}

// note is something to be told at the end of the pass.
type note uint8

const (
	noteHigh note = iota
	noteLow
	noteFlushed
	noteWriteFailed
)

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

// reads says whether input is wanted now.
func (w *ReadWrite) reads() bool {
	return !w.inputOver && !w.paused && w.has().upgrade == nil && w.has().tail == nil && w.events.Input.Wanted()
}

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

// DeliverBatch implements kernel.Batch: it delivers the items that the filter has, then takes what the handle has. When a
// handler has failed in the middle of that, only what was read is delivered: else a peer that sends as fast as handlers fail
// would have the loop for itself.
func (w *ReadWrite) DeliverBatch() {
	if w.deliver() && !w.reading {
		w.reading = true
		w.readTurn()
	}
	w.reading = false
}

// readTurn reads and delivers, as often as the limit allows.
func (w *ReadWrite) readTurn() {
	for range w.readLimit {
		if !w.reads() {
			return
		}
		chunk, full, err := w.get()
		if w.dead {
			return // a driver of the program's has destroyed it
		}
		if len(chunk) > 0 {
			if err := w.inFilter.Feed(chunk); err != nil {
				if !w.filterFailed(err) {
					return
				}
			}
			if !w.deliver() {
				return
			}
		}
		switch {
		case err == nil && !full:
			return
		case err != nil:
			w.failRead(err)
			return
		}
	}
}

// get reads once. full says that there may be more.
func (w *ReadWrite) get() (chunk []byte, full bool, err error) {
	if c := w.has().custom; c != nil {
		chunk, err = c.d.Get(w.in)
		return chunk, len(chunk) > 0, err
	}
	chunk, err = w.queue.Get(w.in)
	return chunk, len(chunk) >= w.queue.Size(), err
}

// deliver tells the items that the filter has. It is false when the wheel may not go on reading.
func (w *ReadWrite) deliver() bool {
	for !w.dead && !w.deaf && !w.paused && w.events.Input.Wanted() {
		item, ok, err := w.next()
		switch {
		case err != nil:
			if !w.filterFailed(err) {
				return false
			}
		case ok:
			if !w.tell(w.events.Input, item, w.tag) {
				return false
			}
		default:
			end := w.has().tail
			if end == nil {
				return true
			}
			if !w.deliverEnd(end) {
				return false
			}
		}
	}
	return false
}

// deliverEnd tells one thing of the end of input. It is false when there is no more.
func (w *ReadWrite) deliverEnd(end *tail) bool {
	switch {
	case len(end.items) > 0:
		item := w.env.item(end.items[0])
		end.items = end.items[1:]
		return w.tell(w.events.Input, item, w.tag)
	case end.bad != nil:
		bad := end.bad
		end.bad = nil
		return w.filterFailed(bad)
	}
	w.rare.tail, w.deaf = nil, true
	w.rewatch()
	if errors.Is(end.err, io.EOF) {
		w.tell(w.events.Error, "read", 0, "", w.tag)
	} else {
		w.tellFailure("read", w.events.Input.Name, end.err)
	}
	return false
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

// next is the filter's next item as events carry it.
func (w *ReadWrite) next() (item any, ok bool, err error) {
	if f, isFast := w.inFilter.(filters.BytesNexter); isFast {
		line, ok, err := f.NextBytes()
		if !ok || err != nil {
			return nil, false, err
		}
		return w.env.text(line), true, nil
	}
	item, ok, err = w.inFilter.Next()
	if ok && err == nil {
		item = w.env.item(item)
	}
	return item, ok, err
}

// failRead ends input: what the filter still has is told first.
func (w *ReadWrite) failRead(err error) {
	if w.inputOver {
		return
	}
	w.inputOver = true
	end := &tail{err: err}
	w.seldom().tail = end
	if w.in != nil && w.in.FD() >= 0 {
		_ = w.env.Kernel.Want(w.in.FD(), kernel.Read, w, false) // it is attached
	}
	if f, ok := w.inFilter.(filters.EOFer); ok && errors.Is(err, io.EOF) {
		end.items, end.bad = f.EOF()
	}
	w.turn()
}

// filterFailed tells that a filter refuses input. A final failure ends input. It is false when the wheel may not go on.
func (w *ReadWrite) filterFailed(err error) bool {
	var bad *filters.Error
	if !errors.As(err, &bad) { // an error in the filter itself: the owner's
		w.stopInput()
		w.env.Kernel.Raise(w.Owner(), w.events.Input.Name, w.site, err)
		return false
	}
	if bad.Final {
		w.stopInput()
	}
	if !w.events.Error.Wanted() {
		w.env.Kernel.Raise(w.Owner(), w.events.Input.Name, w.site, fmt.Errorf("%s%v: %w", w.place(), w, bad))
		return !bad.Final && !w.dead
	}
	return w.tellError(w.events.Error, "filter", bad) && !bad.Final
}

// stopInput ends input, and nothing more of it is told.
func (w *ReadWrite) stopInput() {
	w.inputOver, w.deaf = true, true
	if w.rare != nil {
		w.rare.tail = nil
	}
	if w.in != nil && w.in.FD() >= 0 {
		_ = w.env.Kernel.Want(w.in.FD(), kernel.Read, w, false) // it is attached
	}
	w.rewatch()
}

// turn has what is held delivered in the next pass.
func (w *ReadWrite) turn() {
	if !w.turning && !w.dead {
		w.turning = true
		w.env.Kernel.Turn(w)
		w.SetBusy(true)
	}
}

// Turn implements kernel.Turner.
func (w *ReadWrite) Turn() {
	w.turning = false
	if w.dead {
		return
	}
	w.env.Kernel.Batch(w)
	w.rewatch()
}

// Put queues items. high says that the marks are set and the queue is at the high mark or above. Errors: EPIPE when output has
// ended or failed, ENOBUFS when too much waits already; others are faults of an item, and then nothing was queued. A driver of
// the program's that fails may have taken some of the items.
func (w *ReadWrite) Put(items ...any) (high bool, err error) {
	before, err := w.takesOutput()
	if err != nil {
		return false, err
	}
	if c := w.has().custom; c != nil {
		err = w.env.encode(w.outFilter, items, c.put)
	} else {
		err = w.env.encode(w.outFilter, items, w.queue.PutAll)
	}
	return w.queued(before, err)
}

// PutText is Put for one byte string.
func (w *ReadWrite) PutText(item string) (high bool, err error) {
	f, ok := w.outFilter.(filters.TextPutter)
	if !ok || w.has().custom != nil {
		return w.Put(item)
	}
	before, err := w.takesOutput()
	if err != nil {
		return false, err
	}
	out, err := f.PutText(w.env.out[:0], item)
	if err == nil {
		err = w.queue.Put(out)
	}
	w.env.keep(out)
	return w.queued(before, err)
}

// takesOutput says whether anything can be put, and how much waits already.
func (w *ReadWrite) takesOutput() (octets int, err error) {
	switch {
	case w.dead:
		return 0, ErrDestroyed
	case w.outputOver || w.afterFlush != goOn:
		return 0, &kernel.Error{Errno: syscall.EPIPE, Message: "output has ended"}
	}
	return w.octets(), nil
}

// queued does what there is to do when something was queued.
func (w *ReadWrite) queued(before int, err error) (high bool, _ error) {
	switch {
	case w.dead: // a filter or a driver of the program's has destroyed it
		w.drop()
		if err == nil {
			err = ErrDestroyed
		}
		return false, err
	case err != nil && w.has().custom == nil:
		return false, err
	}
	octets, marks := w.octets(), w.has().marks
	if marks != nil && octets >= marks.high && !marks.isHigh {
		marks.isHigh = true
		w.note(noteHigh)
	}
	if octets > before {
		if w.autoFlush {
			w.write()
		} else {
			w.schedule()
		}
	}
	return err == nil && marks != nil && w.octets() >= marks.high, err
}

func (w *ReadWrite) octets() int {
	if c := w.has().custom; c != nil {
		return c.octets
	}
	if up := w.has().upgrade; up != nil {
		return up.plain.Octets() + w.queue.Octets()
	}
	return w.queue.Octets()
}

// schedule has output written, and notes told, at the end of the pass.
func (w *ReadWrite) schedule() {
	if !w.scheduled && !w.dead {
		w.scheduled = true
		w.env.Kernel.Flush(w)
		w.SetBusy(true)
	}
}

func (w *ReadWrite) note(n note) {
	if n != noteWriteFailed && !w.noted(n).Wanted() {
		return
	}
	r := w.seldom()
	if last := len(r.notes); last < maxNotes || r.notes[last-1] != n {
		if last >= maxNotes && n == noteHigh {
			r.forgetCycle()
		}
		r.notes = append(r.notes, n)
	}
	w.schedule()
}

// forgetCycle forgets that the queue has been high, and all that came of it.
func (r *rare) forgetCycle() {
	for i := len(r.notes) - 1; i >= 0 && r.notes[i] != noteWriteFailed; i-- {
		if r.notes[i] == noteHigh {
			r.notes = r.notes[:i]
			return
		}
	}
}

// noted is the event of a note.
func (w *ReadWrite) noted(n note) Event {
	switch n {
	case noteHigh:
		return w.events.High
	case noteLow:
		return w.events.Low
	case noteFlushed:
		return w.events.Flushed
	}
	return w.events.Error
}

// FlushOutput implements kernel.Flusher.
func (w *ReadWrite) FlushOutput() {
	w.scheduled = false
	if w.dead {
		return
	}
	switch {
	case !w.tellNotes():
	case w.blocked:
		w.settle()
	default:
		w.writeAndTell()
	}
}

// writeAndTell writes, and tells what comes of it: that need not wait for the end of a pass.
func (w *ReadWrite) writeAndTell() {
	was := w.scheduled
	w.scheduled = true
	w.write()
	w.scheduled = was
	w.settle()
}

// settle tells what has come up, and does what was to come after all output is written.
func (w *ReadWrite) settle() {
	if !w.tellNotes() || w.dead {
		return
	}
	if w.afterFlush != goOn && (w.outputOver || w.octets() == 0 && !w.blocked) {
		w.finishOutput()
		return
	}
	w.settleBusy()
}

// tellNotes tells what there is to tell now; what its handlers bring up waits for the next time.
func (w *ReadWrite) tellNotes() bool {
	notes := w.has().notes
	if len(notes) == 0 {
		return true
	}
	w.rare.notes = nil
	for _, n := range notes {
		going := true
		if n == noteWriteFailed {
			going = w.tellFailure("write", w.events.Flushed.Name, w.rare.writeErr)
		} else {
			going = w.tell(w.noted(n), w.tag)
		}
		if !going {
			return false
		}
	}
	if w.rare.notes == nil {
		w.rare.notes = notes[:0]
	}
	return true
}

// write writes what waits, as far as the handle takes it, and notes what came of it.
func (w *ReadWrite) write() {
	if w.outputOver || w.octets() == 0 && !w.blocked {
		return
	}
	w.env.Kernel.Touch()
	if w.has().upgrade != nil && !w.writePlain() {
		return
	}
	var left int
	var err error
	if c := w.has().custom; c != nil {
		left, err = c.flush(w.out)
	} else {
		left, err = w.queue.Flush(w.out)
	}
	switch {
	case w.dead:
		return // a driver of the program's has destroyed it
	case err != nil:
		w.failWrite(err)
		return
	}
	if marks := w.has().marks; marks != nil && marks.isHigh && left <= marks.low {
		marks.isHigh = false
		w.note(noteLow)
	}
	was := w.blocked
	w.blocked = left > 0 || w.out.Unsent() > 0
	if !w.blocked {
		w.note(noteFlushed)
	}
	if w.blocked != was {
		w.rewatch()
	}
}

// writePlain writes what is to go out before TLS begins, and then begins it. It is false while something is left.
func (w *ReadWrite) writePlain() bool {
	up := w.rare.upgrade
	left, err := up.plain.Flush(w.out)
	if err != nil {
		w.failRead(err) // what comes now is not what the owner has asked for
		w.failWrite(err)
		return false
	}
	w.blocked = left > 0
	if left > 0 {
		w.rewatch()
		return false
	}
	w.rare.upgrade = nil
	if err := w.secure(up.tls); err != nil {
		w.failRead(err)
		w.failWrite(err)
		return false
	}
	return true
}

// secure puts a handle with TLS in the place of the wheel's.
func (w *ReadWrite) secure(t handle.TLS) error {
	w.detach()
	h, err := w.in.StartTLS(w.env.Kernel, t)
	if err == nil {
		w.in, w.out = h, h
	}
	if attachErr := w.attach(); err == nil {
		err = attachErr
	}
	w.rewatch()
	return err
}

// StartTLS has TLS begin on the wheel's handle: output that waits goes out before, plain; what is put from now on is secret. It
// gives the plain input that was read and is no item yet: that came before TLS, so that it is not to be trusted, and the filter
// does not get it again. A failure of the handshake is told as one of reading or writing. Errors: EINVAL when the wheel has two
// handles, or a driver of the program's; EISCONN when it has TLS, EALREADY when that is about to begin; EBADF, EPIPE when it has
// ended. Then everything is as it was; or else writing has failed, which is told by an event, too.
func (w *ReadWrite) StartTLS(t handle.TLS) (plain []byte, err error) {
	switch {
	case w.dead:
		return nil, ErrDestroyed
	case w.in == nil || w.in != w.out || w.has().custom != nil:
		return nil, &kernel.Error{Errno: syscall.EINVAL, Message: "TLS needs one handle for both directions, and no driver of the program's"}
	case w.inputOver || w.outputOver || w.afterFlush != goOn:
		return nil, &kernel.Error{Errno: syscall.EPIPE, Message: "input or output has ended"}
	case w.has().upgrade != nil:
		return nil, &kernel.Error{Errno: syscall.EALREADY, Message: "TLS is about to begin"}
	}
	if err := w.in.MayStartTLS(t); err != nil {
		return nil, err
	}
	plain = append(plain, w.inFilter.Pending()...)
	filters.Reset(w.inFilter)
	waits := w.queue.Octets() > 0
	w.seldom().upgrade = &upgrade{tls: t, plain: w.queue}
	w.queue = handle.SysRW{BlockSize: w.queue.BlockSize, Spare: w.queue.Spare}
	if waits {
		w.write()
	} else {
		w.writePlain()
	}
	return plain, w.has().writeErr
}

// failWrite ends output; what waits stays counted.
func (w *ReadWrite) failWrite(err error) {
	if w.outputOver {
		return
	}
	w.outputOver, w.blocked = true, false
	w.seldom().writeErr = err
	w.note(noteWriteFailed)
	if w.out != nil && w.out.FD() >= 0 {
		_ = w.env.Kernel.Want(w.out.FD(), kernel.Write, w, false) // it is attached
	}
	w.rewatch()
}

// finishOutput does what was to come when all output is written or writing has failed.
func (w *ReadWrite) finishOutput() {
	then := w.afterFlush
	w.afterFlush = goOn
	switch then {
	case shutDown:
		w.endOutput()
	case destroy:
		w.Destroy()
	}
}

// Flush writes what the handle takes now and gives the bytes left.
func (w *ReadWrite) Flush() int {
	w.write()
	return w.octets()
}

// Octets is the number of bytes that wait to be written.
func (w *ReadWrite) Octets() int { return w.octets() }

// Messages is the number of chunks that wait to be written; one that is half written counts.
func (w *ReadWrite) Messages() (int, error) {
	if c := w.has().custom; c != nil {
		return c.d.Messages()
	}
	if up := w.has().upgrade; up != nil {
		return up.plain.Messages() + w.queue.Messages(), nil
	}
	return w.queue.Messages(), nil
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

// SetOutputFilter has f encode what is put from now on.
func (w *ReadWrite) SetOutputFilter(f filters.Filter) error {
	if w.dead {
		return ErrDestroyed
	}
	w.outFilter = f
	return nil
}

// Marks are the water marks; ok is false if the wheel has none.
func (w *ReadWrite) Marks() (high, low int, ok bool) {
	marks := w.has().marks
	if marks == nil {
		return 0, 0, false
	}
	return marks.high, marks.low, true
}

// SetMarks changes the marks; of a wheel that has none it changes nothing. A high mark that is no more than what waits is
// passed by that.
func (w *ReadWrite) SetMarks(high, low int) {
	marks, octets := w.has().marks, w.octets()
	if marks == nil {
		return
	}
	marks.high, marks.low = high, low
	switch {
	case !marks.isHigh && octets >= high:
		marks.isHigh = true
		w.note(noteHigh)
	case marks.isHigh && octets <= low:
		marks.isHigh = false
		w.note(noteLow)
	}
}

// PauseInput holds input back: items that have been read already, too.
func (w *ReadWrite) PauseInput() {
	w.paused = true
	w.rewatch()
}

// ResumeInput delivers what was held, after the current handler, and goes on reading.
func (w *ReadWrite) ResumeInput() {
	if w.paused {
		w.paused = false
		w.turn()
		w.rewatch()
	}
}

// ShutdownInput ends input: no more of its events. A socket's peer gets EPIPE; what is no socket cannot tell it.
func (w *ReadWrite) ShutdownInput() error {
	if w.dead {
		return ErrDestroyed
	}
	w.stopInput()
	if w.in != nil && w.in != w.out {
		return w.closeWay(&w.in, kernel.Read)
	}
	return shutdown(w.in, "read")
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

// ShutdownOutput ends output: what waits is dropped, or with flush goes out first; then the peer sees the end, if the handle is
// a socket or serves output only.
func (w *ReadWrite) ShutdownOutput(flush bool) error {
	if w.dead {
		return ErrDestroyed
	}
	if flush && (w.octets() > 0 || w.blocked) && !w.outputOver {
		if w.afterFlush == goOn {
			w.afterFlush = shutDown
		}
		return nil
	}
	return w.endOutput()
}

func (w *ReadWrite) endOutput() error {
	if w.out == nil {
		return nil
	}
	w.outputOver, w.blocked = true, false
	if w.has().upgrade != nil {
		w.failRead(&kernel.Error{Errno: syscall.EPIPE, Message: "output has ended before TLS began"})
		w.rare.upgrade = nil
	}
	w.drop()
	if w.out.FD() >= 0 {
		_ = w.env.Kernel.Want(w.out.FD(), kernel.Write, w, false) // it is attached
	}
	w.rewatch()
	w.hasten()
	if w.out != w.in {
		return w.closeWay(&w.out, kernel.Write)
	}
	return shutdown(w.out, "write")
}

// hasten sees to what was to come when all output is written, after output has ended in another way.
func (w *ReadWrite) hasten() {
	if w.afterFlush != goOn {
		w.schedule()
	}
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

func (w *ReadWrite) drop() {
	if c := w.has().custom; c != nil {
		c.octets = 0
	}
	w.queue.Drop()
}

// CloseAfterFlush ends input, and destroys the wheel when all output is written or writing fails; at once when none waits.
func (w *ReadWrite) CloseAfterFlush() {
	if w.dead {
		return
	}
	w.stopInput()
	if w.outputOver || w.octets() == 0 && !w.scheduled && !w.blocked {
		w.Destroy()
		return
	}
	w.afterFlush = destroy
	w.schedule()
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

// takeOutput writes what it can and takes the rest out of the queue.
func (w *ReadWrite) takeOutput() []byte {
	queue := &w.queue
	up := w.has().upgrade
	if up != nil {
		queue = &up.plain
	}
	switch c := w.has().custom; {
	case w.dead:
		return nil
	case c != nil:
		w.write()
		return nil
	case up == nil:
		w.write()
	case !w.outputOver:
		w.env.Kernel.Touch()
		_, _ = queue.Flush(w.out) // what it did not take is left, whatever the reason
	}
	var rest bytes.Buffer
	_, _ = queue.Flush(&rest) // which takes all
	return rest.Bytes()
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
