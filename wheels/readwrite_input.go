package wheels

import (
	"errors"
	"fmt"
	"io"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
)

// tail is how input ends: with what the filter still gives, then with its failure, then with err.
type tail struct {
	items []any
	bad   error // nil: the filter does not object
	err   error
}

// reads says whether input is wanted now.
func (w *ReadWrite) reads() bool {
	return !w.inputOver && !w.paused && w.has().upgrade == nil && w.has().tail == nil && w.events.Input.Wanted()
}

// DeliverBatch implements kernel.Batch: it delivers the items that the filter has, then takes what the handle has. When a
// handler has failed in the middle of that, only what was read is delivered: else a peer that sends as fast as handlers fail
// would have the loop for itself.
func (w *ReadWrite) DeliverBatch() {
	w.env.nth = 0
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
