package wheels

import (
	"bytes"
	"syscall"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
)

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

// note is something to be told at the end of the pass.
type note uint8

const (
	noteHigh note = iota
	noteLow
	noteFlushed
	noteWriteFailed
)

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

// TakesText says whether PutText runs nothing of the program's.
func (w *ReadWrite) TakesText() bool {
	_, ok := w.outFilter.(filters.TextPutter)
	return ok && w.has().custom == nil
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
