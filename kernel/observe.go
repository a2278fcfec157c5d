package kernel

import (
	"math/bits"
	"runtime/debug"
	"slices"
	"time"
)

// Records is a set of kinds of Record.
type Records uint32

// The kinds of records.
const (
	RecordQueued       Records = 1 << iota // an event was queued: Event, EventKind, From, FromState, Site, Args, Due, ID, Cause
	RecordDispatch                         // a handler is about to be called: Event, EventKind, From, FromState, Site, Args, ID, Number, Cause, Depth
	RecordReturn                           // it has returned, or failed: Event, EventKind, Results, Took, Number, Depth, Handled
	RecordError                            // it has failed, or a look-up has, outside of handlers with Event "": Event, Err, Number
	RecordDefault                          // an event went to _default: Event
	RecordDropped                          // nothing handled an event: Event
	RecordStart                            // a task was created: Other is its parent
	RecordStop                             // it stops: Other is its parent
	RecordChild                            // Other became or ceased to be its child: What is ChildCreate, ChildGain, ChildLose
	RecordTimerSet                         // ID, Event, Due; also for a timer that was adjusted
	RecordTimerRemoved                     // before its time: ID, Event, Due
	RecordWatch                            // FD, Mode, Event; What is the resource that watches, "" for a task's own watcher
	RecordUnwatch                          // FD, Mode, Event, What
	RecordReady                            // a descriptor is ready: FD, Mode, Event, What
	RecordSignal                           // a signal was dispatched: What is its name, Event the handler's, "" if the task has none; Handled
	RecordRef                              // what keeps the task alive has changed: What, Count, Delta
	RecordPass                             // an iteration begins; Task is the kernel's

	AllRecords = 1<<iota - 1

	recordSignalLine Records = AllRecords + 1 // for the trace of signals: What is the line
)

// The records that are made around a handler.
const aroundHandlers = RecordDispatch | RecordReturn | RecordDefault | RecordDropped

// Record is one thing that happened to a task. Its kind says which of the fields from Event on are set; the comments at
// the kinds name them. It is valid until the function that it was given to returns.
type Record struct {
	Kind Records // one of them
	Seq  uint64  // of the kernel's records, growing
	Time time.Duration
	Task *Task

	Event     string
	EventKind Kind
	From      *Task
	FromState string
	Site      Site
	Args      []any // read only
	ID        int64 // as Pending.ID; 0 of an event that was never queued
	Due       time.Duration
	Depth     int    // dispatches in progress, this one included
	Number    uint64 // of the dispatch, growing
	Cause     uint64 // the number of the dispatch whose handler sent the event; 0 none
	Results   Values
	Took      time.Duration
	Err       error
	Other     *Task
	What      string
	FD        int
	Mode      Mode
	Count     int // reasons that keep the task alive
	Delta     int // +1 or -1
	Handled   bool
}

// Observer is somebody who looks at records. Observe makes one.
type Observer struct {
	k       *Kernel // nil once it has ended
	kinds   Records
	task    *Task
	untimed bool // it does not look at Time and Took
	f       func(*Record)
}

// observers are those of one task, or of every task. One that has ended stays in the list until there are enough of
// them.
type observers struct {
	list  []*Observer
	ended int
}

// tidy takes out those that have ended, when they are half of all.
func (l *observers) tidy() {
	if 2*l.ended >= len(l.list) {
		l.list = slices.DeleteFunc(l.list, func(o *Observer) bool { return o.k == nil })
		l.ended = 0
	}
}

// kindCounts counts observers by kind of record. kinds are those that any of them wants.
type kindCounts struct {
	counts [32]int
	kinds  Records
}

func (c *kindCounts) add(kinds Records, n int) {
	for left := kinds; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(uint32(left))
		c.counts[i] += n
		if c.counts[i] > 0 {
			c.kinds |= 1 << i
		} else {
			c.kinds &^= 1 << i
		}
	}
}

// recorder knows who observes what. Places that make records test Kernel.observed, which is wanted.kinds, but empty
// while an observer's function is called.
type recorder struct {
	all      observers
	tasks    map[*Task]*observers
	wanted   kindCounts
	everyone kindCounts // of every task
	timed    int        // observers that look at the time
	seq      uint64     // of the last record
	record   Record     // the one that is shown
	own      *observers // of its task
	calling  bool
	called   *Observer // the last one

	ended time.Duration // when the last dispatch ended that was within no other
	fresh bool          // since then the loop has done next to nothing
}

// Observe has f called at once for each record of some kinds that is about t, about every task if t is nil. f changes
// nothing of the kernel; Observing tells others. It ends with Stop and with the task. It keeps nothing alive. What f
// brings about is not recorded. A panic in f ends the observation and the run. Loop goroutine only.
func (k *Kernel) Observe(kinds Records, t *Task, f func(*Record)) *Observer {
	o := &Observer{k: k, kinds: kinds & AllRecords, task: t, f: f}
	k.observe(o)
	return o
}

func (k *Kernel) observe(o *Observer) {
	if o.task != nil && o.task.gone {
		*o = Observer{}
		return
	}
	l := k.observersOf(o.task)
	if l == nil {
		if k.recorder.tasks == nil {
			k.recorder.tasks = map[*Task]*observers{}
		}
		l = &observers{}
		k.recorder.tasks[o.task] = l
	}
	l.list = append(l.list, o)
	k.countObserver(o, +1)
}

// observersOf gives the observers of one task, or of every task; nil if the task has none.
func (k *Kernel) observersOf(t *Task) *observers {
	if t == nil {
		return &k.recorder.all
	}
	return k.recorder.tasks[t]
}

func (k *Kernel) countObserver(o *Observer, n int) {
	r := &k.recorder
	r.wanted.add(o.kinds, n)
	if o.task == nil {
		r.everyone.add(o.kinds, n)
	}
	if !o.untimed {
		r.timed += n
	}
	if !r.calling {
		k.observed = r.wanted.kinds
	}
}

// Stop ends the observation; again it does nothing.
func (o *Observer) Stop() {
	k := o.k
	if k == nil {
		return
	}
	k.countObserver(o, -1)
	l, t := k.observersOf(o.task), o.task
	*o = Observer{}
	l.ended++
	if !k.recorder.calling { // otherwise the list is being gone through
		k.tidyObservers(l, t)
	}
}

func (k *Kernel) tidyObservers(l *observers, t *Task) {
	l.tidy()
	if len(l.list) == 0 && t != nil {
		delete(k.recorder.tasks, t)
	}
}

// endObservers ends the observation of a task that has stopped.
func (k *Kernel) endObservers(t *Task) {
	if l := k.recorder.tasks[t]; l != nil {
		for _, o := range slices.Clone(l.list) {
			o.Stop()
		}
		delete(k.recorder.tasks, t) // also when those of it had ended before
	}
}

// Observing says whether an observer's function is being called: then nothing of the kernel is to be changed.
func (k *Kernel) Observing() bool { return k.recorder.calling }

// newRecord begins a record; nil if nobody wants it. There is one at a time, since none is made while observers look at
// one.
func (k *Kernel) newRecord(kind Records, t *Task) *Record {
	c := &k.recorder
	if k.observed&kind == 0 {
		return nil
	}
	c.own = nil
	if len(c.tasks) > 0 {
		c.own = c.tasks[t]
	}
	if c.own == nil && c.everyone.kinds&kind == 0 {
		return nil
	}
	r := &c.record
	c.seq++
	r.Kind, r.Seq, r.Task = kind, c.seq, t
	if c.timed > 0 {
		r.Time = k.recordTime(kind)
	}
	return r
}

// recordTime is what the clock says. For a dispatch that follows upon another it is not asked again.
func (k *Kernel) recordTime(kind Records) time.Duration {
	c := &k.recorder
	now := c.ended
	if !c.fresh || k.depth != 1 || kind != RecordDispatch {
		now = k.clock.Now()
	}
	c.fresh = false
	if kind == RecordReturn && k.depth == 1 {
		c.ended, c.fresh = now, true
	}
	return now
}

// show shows the record to those who want it, those who observe every task first.
func (k *Kernel) show(r *Record) {
	c := &k.recorder
	c.calling, k.observed = true, 0
	defer k.shown()
	for i, n := 0, len(c.all.list); i < n; i++ {
		if c.called = c.all.list[i]; c.called.kinds&r.Kind != 0 {
			c.called.f(r)
		}
	}
	if c.own == nil {
		return
	}
	for i, n := 0, len(c.own.list); i < n; i++ {
		if c.called = c.own.list[i]; c.called.kinds&r.Kind != 0 {
			c.called.f(r)
		}
	}
}

// shown is deferred by show.
func (k *Kernel) shown() {
	c := &k.recorder
	c.calling, k.observed = false, c.wanted.kinds
	if v := recover(); v != nil {
		c.called.Stop()
		k.raise(&PanicError{v, debug.Stack()})
	}
	if c.all.ended > 0 {
		k.tidyObservers(&c.all, nil)
	}
	if c.own != nil && c.own.ended > 0 {
		k.tidyObservers(c.own, c.record.Task)
	}
	c.record = Record{} // it keeps nothing alive
}
