package kernel

import (
	"fmt"
	"time"
)

// The functions of this file make records. Callers test Kernel.observed first, so that what nobody observes costs one
// test.

// pendingID is how people name an event.
func (e *event) pendingID() int64 {
	if e.Kind == KindTimer {
		return int64(e.id)
	}
	return -int64(e.seq) // 0 if it was never queued
}

//go:noinline
func (k *Kernel) recordQueued(e *event) {
	if r := k.newRecord(RecordQueued, e.Task); r != nil {
		r.Event, r.EventKind, r.From, r.FromState, r.Site, r.Args = e.Event, e.Kind, e.From, e.FromState, e.Site, e.Args
		r.Due, r.ID, r.Cause = e.due, e.pendingID(), e.cause
		k.show(r)
	}
}

//go:noinline
func (k *Kernel) recordNewTimer(e *event) {
	k.recordQueued(e)
	k.recordTimer(RecordTimerSet, e)
}

func (k *Kernel) recordTimer(kind Records, e *event) {
	if r := k.newRecord(kind, e.Task); r != nil {
		r.ID, r.Event, r.Due = int64(e.id), e.Event, e.due
		k.show(r)
	}
}

// recordDispatch gives the time at which the handler begins, -1 if nobody asks for it.
func (k *Kernel) recordDispatch(d *Dispatch) (began time.Duration) {
	if r := k.newRecord(RecordDispatch, d.Task); r != nil {
		r.Event, r.EventKind, r.From, r.FromState, r.Site, r.Args = d.Event, d.Kind, d.From, d.FromState, d.Site, d.Args
		r.ID, r.Number, r.Cause, r.Depth = d.pendingID(), d.number, d.cause, k.depth
		began = r.Time
		k.show(r)
		if k.recorder.timed > 0 {
			return began
		}
	}
	if k.observed&RecordReturn == 0 || k.recorder.timed == 0 {
		return -1
	}
	return k.clock.Now()
}

func (k *Kernel) recordReturn(d *Dispatch, began time.Duration) {
	if d.State == EventDefault {
		k.recordFate(RecordDefault, d)
	}
	if d.Unhandled {
		k.recordFate(RecordDropped, d)
	}
	if r := k.newRecord(RecordReturn, d.Task); r != nil {
		if began >= 0 && k.recorder.timed > 0 {
			r.Took = r.Time - began
		}
		r.Event, r.EventKind, r.Results = d.Event, d.Kind, d.Results
		r.Number, r.Depth, r.Handled = d.number, k.depth, !d.Unhandled
		k.show(r)
	}
}

func (k *Kernel) recordFate(kind Records, d *Dispatch) {
	if r := k.newRecord(kind, d.Task); r != nil {
		r.Event = d.Event
		k.show(r)
	}
}

// recordError tells of an error in a handler; of a refused look-up if d is nil.
func (k *Kernel) recordError(d *Dispatch, err error) {
	t := k.active
	if d != nil {
		t = d.Task
	}
	if r := k.newRecord(RecordError, t); r != nil {
		r.Err = err
		if d != nil {
			r.Event, r.Number = d.Event, d.number
		}
		k.show(r)
	}
}

func (k *Kernel) recordStart(t, creator *Task) {
	k.recordTree(RecordStart, t, creator, "")
	k.recordTree(RecordChild, creator, t, ChildCreate)
}

// recordTree is for RecordStart, RecordStop and RecordChild.
func (k *Kernel) recordTree(kind Records, t, other *Task, what string) {
	if r := k.newRecord(kind, t); r != nil {
		r.Other, r.What = other, what
		k.show(r)
	}
}

// recordWatch is for RecordWatch, RecordUnwatch and RecordReady; io is nil for a task's own watcher.
func (k *Kernel) recordWatch(kind Records, t *Task, fd int, m Mode, event string, io IO) {
	what := ""
	if io != nil {
		what, t = io.String(), k.root
		if o, ok := io.(interface{ Owner() *Task }); ok && o.Owner() != nil {
			t = o.Owner()
		}
	}
	if r := k.newRecord(kind, t); r != nil {
		r.FD, r.Mode, r.Event, r.What = fd, m, event, what
		k.show(r)
	}
}

func (k *Kernel) recordSignal(t *Task, name, event string, handled bool) {
	if r := k.newRecord(RecordSignal, t); r != nil {
		r.What, r.Event, r.Handled = name, event, handled
		k.show(r)
	}
}

func (k *Kernel) signalLine(format string, args ...any) {
	if r := k.newRecord(recordSignalLine, k.root); r != nil {
		r.What = fmt.Sprintf(format, args...)
		k.show(r)
	}
}

//go:noinline
func (k *Kernel) recordRef(t *Task, what string, delta int) {
	if r := k.newRecord(RecordRef, t); r != nil {
		r.What, r.Count, r.Delta = what, int(t.work), delta
		k.show(r)
	}
}

func (k *Kernel) recordPass() {
	if r := k.newRecord(RecordPass, k.root); r != nil {
		k.show(r)
	}
}
