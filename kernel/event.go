package kernel

import "time"

// Names of the events that the kernel itself sends.
const (
	EventStart   = "_start"
	EventStop    = "_stop"
	EventChild   = "_child"
	EventParent  = "_parent"
	EventDefault = "_default" // a receiver's, for events that nothing else handles
	EventSignal  = "_signal"
)

// What a _child event tells in its first argument.
const (
	ChildCreate = "create"
	ChildGain   = "gain"
	ChildLose   = "lose"
)

// Kind says how an event came to be.
type Kind uint8

// The kinds of events.
const (
	KindPost    Kind = iota // posted or yielded
	KindCall                // called, never queued
	KindStart               // _start
	KindStop                // _stop
	KindTree                // _child, _parent
	KindTimer               // alarm or delay
	KindIO                  // readiness of a watched handle
	KindSignal              // a signal on its way, or its delivery to a watcher
	KindDie                 // the same for the DIE of a failed handler
	KindProcess             // the end of a process, for sig_child
)

var kindNames = [...]string{"post", "call", "start", "stop", "tree", "timer", "io", "signal", "die", "child"}

func (d Kind) String() string { return kindNames[d] }

// Site is a place in a program: code, as only the one who wrote it down can read it, and a position in it.
// The zero Site is nowhere. Options.Locate turns one into a file and a line.
type Site struct {
	Code any
	Pos  int
}

// event is one event, in the queue or being handled.
type event struct {
	Kind      Kind
	cancelled bool // a post that was taken out; its slot in the ring is skipped
	absolute  bool // at is what the script gave; otherwise the due time is computed from due when asked
	linked    bool // in the lists of its task and its sender; a post to itself needs not be

	Task      *Task
	From      *Task
	Event     string
	FromState string // the event in whose handler it was sent; "" if it was sent outside of handlers
	Site      Site   // where it was sent from
	Args      []any  // read only

	due time.Duration // on the kernel's clock
	at  int64         // Unix nanoseconds
	seq uint64        // the order of queueing
	id  TimerID       // of a timer

	slot int // place in the heap; -1 when it is not there

	// A linked event is in its receiver's list and, unless it sent it itself, in its sender's.
	toPrev, toNext     *event
	fromPrev, fromNext *event

	// A timer is also in the list of its session's timers of one name.
	group                *timerGroup
	groupPrev, groupNext *event
}

// eventList is a list of events, oldest first.
type eventList struct{ first, last *event }

func (l *eventList) pushTo(e *event) {
	e.toPrev = l.last
	if l.last == nil {
		l.first = e
	} else {
		l.last.toNext = e
	}
	l.last = e
}

func (l *eventList) removeTo(e *event) {
	if e.toPrev == nil {
		l.first = e.toNext
	} else {
		e.toPrev.toNext = e.toNext
	}
	if e.toNext == nil {
		l.last = e.toPrev
	} else {
		e.toNext.toPrev = e.toPrev
	}
	e.toPrev, e.toNext = nil, nil
}

func (l *eventList) pushFrom(e *event) {
	e.fromPrev = l.last
	if l.last == nil {
		l.first = e
	} else {
		l.last.fromNext = e
	}
	l.last = e
}

func (l *eventList) removeFrom(e *event) {
	if e.fromPrev == nil {
		l.first = e.fromNext
	} else {
		e.fromPrev.fromNext = e.fromNext
	}
	if e.fromNext == nil {
		l.last = e.fromPrev
	} else {
		e.fromNext.fromPrev = e.fromPrev
	}
	e.fromPrev, e.fromNext = nil, nil
}
