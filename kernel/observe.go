package kernel

import (
	"time"
)

// Records is a set of kinds of Record.
type Records uint32

// The kinds of records.
const (
	RecordQueued       Records = 1 << iota // an event was queued: Event, EventKind, From, FromState, Site, Args, Due, ID, Cause
	RecordDispatch                         // a handler is about to be called: Event, EventKind, From, FromState, Site, Args, ID, Number, Cause, Depth
	RecordReturn                           // it has returned: Event, EventKind, Results, Took, Number, Depth
	RecordError                            // it has failed, or a look-up has, outside of handlers with Event "": Event, Err, Number
	RecordDefault                          // an event went to _default: Event
	RecordDropped                          // nothing handled an event: Event
	RecordStart                            // a task was created: Other is its parent
	RecordStop                             // it stops: Other is its parent
	RecordChild                            // Other became or ceased to be its child: What is ChildCreate, ChildGain, ChildLose
	RecordTimerSet                         // ID, Event, Due
	RecordTimerRemoved                     // before its time: ID, Event, Due
	RecordWatch                            // FD, Mode, Event; What is the resource that watches, "" for a task's own watcher
	RecordUnwatch                          // FD, Mode, Event, What
	RecordReady                            // a descriptor is ready: FD, Mode, Event, What
	RecordSignal                           // a signal was dispatched: What is its name, Event the handler's, "" if the task has none; Handled
	RecordRef                              // what keeps the task alive has changed: What, Count, Delta
	RecordPass                             // an iteration begins; Task is the kernel's

	AllRecords = 1<<iota - 1
)

// Record is one thing that happened to a task. Its kind says which of the fields from Event on are set; the comments at the
// kinds name them. It is valid until the function that it was given to returns.
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
	k     *Kernel
	kinds Records
	task  *Task
	f     func(*Record)
}

// Observe has f called at once for each record of some kinds that is about t, about every task if t is nil. f changes nothing of
// the kernel; Observing tells others. It ends with Stop and with the task. It keeps nothing alive. Loop goroutine only.
func (k *Kernel) Observe(kinds Records, t *Task, f func(*Record)) *Observer {
	return &Observer{k: k, kinds: kinds, task: t, f: f}
}

// Stop ends the observation; again it does nothing.
func (o *Observer) Stop() {}

// Observing says whether an observer's function is being called: then nothing of the kernel is to be changed.
func (k *Kernel) Observing() bool { return false }

// Hop is a dispatch: one of those that led to another.
type Hop struct {
	Number  uint64 // of the dispatch
	Session SessionID
	Event   string
	Kind    Kind
	From    SessionID // who sent the event
	State   string    // the event in whose handler it was sent; "" if it was sent outside of handlers
	Site    Site      // where it was sent from
}

// Hops gives the dispatch in progress, then the one whose handler sent its event, and so on, n at most. Of dispatches that
// lie further back than some thousand nothing is known any more.
func (k *Kernel) Hops(n int) []Hop { return nil }
