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
	KindWheel               // what a resource has to tell
	kindTimeout             // a resource's timer, which no task hears of
)

var kindNames = [...]string{"post", "call", "start", "stop", "tree", "timer", "io", "signal", "die", "child", "wheel", "timeout"}

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

	slot int32 // place in the heap; -1 when it is not there

	Task      *Task
	From      *Task
	Event     string
	FromState string // the event in whose handler it was sent; "" if it was sent outside of handlers
	Site      Site   // where it was sent from
	Args      []any  // read only

	due   time.Duration // on the kernel's clock
	at    int64         // Unix nanoseconds
	seq   uint64        // the order of queueing
	id    TimerID       // of a timer
	cause uint64        // the number of the dispatch in which it was sent; 0 outside of handlers

	// A linked event is in its task's list and, unless the task sent it itself, in its sender's. A timer is in the list
	// of its session's timers of one name.
	group *timerGroup
	links [2]eventLink
}

// The lists that an event can be in.
const (
	taskLink = iota // its task's, or its group's
	fromLink        // its sender's
)

type eventLink struct{ prev, next *event }

// eventList is a list of events, oldest first.
type eventList struct{ first, last *event }

func (l *eventList) push(e *event, which int) {
	e.links[which].prev = l.last
	if l.last == nil {
		l.first = e
	} else {
		l.last.links[which].next = e
	}
	l.last = e
}

func (l *eventList) remove(e *event, which int) {
	link := e.links[which]
	e.links[which] = eventLink{}
	if link.prev == nil {
		l.first = link.next
	} else {
		link.prev.links[which].next = link.next
	}
	if link.next == nil {
		l.last = link.prev
	} else {
		link.next.links[which].prev = link.prev
	}
}

// each calls f for every event of the list; f may take that event out.
func (l *eventList) each(which int, f func(e *event)) {
	for e := l.first; e != nil; {
		next := e.links[which].next
		f(e)
		e = next
	}
}
