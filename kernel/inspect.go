package kernel

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// What this file gives is for people and tools that look at a running kernel: copies, made when asked for. Nothing of
// it changes the kernel. Loop goroutine only.

// Pending is an event in the queue, as it was when somebody looked.
type Pending struct {
	ID        int64 // of a timer its TimerID; of other events a number below 0
	Kind      Kind
	Event     string // of a signal what the kernel calls it; its name is the first of Args
	Task      *Task
	From      *Task
	FromState string
	Site      Site
	Args      []any         // read only
	Due       time.Time     // of a post when it was posted, to the clock's last reading then
	Age       time.Duration // since then; of a timer 0
}

// pendingOf is an event for people. base is the wall clock when the kernel's showed 0.
func (k *Kernel) pendingOf(e *event, now time.Duration, base time.Time) Pending {
	p := Pending{
		ID: e.pendingID(), Kind: e.Kind, Event: e.Event, Task: e.Task,
		From: e.From, FromState: e.FromState, Site: e.Site, Args: e.Args,
	}
	switch {
	case e.Kind != KindTimer:
		p.Due, p.Age = base.Add(e.due), max(0, now-e.due)
	case e.absolute:
		p.Due = time.Unix(0, e.at)
	default:
		p.Due = base.Add(e.due)
	}
	return p
}

// clocks reads both.
func (k *Kernel) clocks() (now time.Duration, base time.Time) {
	now = k.clock.Now()
	return now, k.clock.Wall().Add(-now)
}

// Queue gives what waits, in the order of dispatch; with t, what waits for that task. To stop early is cheap. Meanwhile
// nothing is to be queued or removed.
func (k *Kernel) Queue(t *Task) iter.Seq[Pending] {
	return func(yield func(Pending) bool) {
		now, base := k.clocks()
		for e := range k.waiting(t) {
			if !yield(k.pendingOf(e, now, base)) {
				return
			}
		}
	}
}

// manyOthers is how many times more events there must be for others before those for one task are put in order apart.
const manyOthers = 8

// waiting gives the events that wait for t, for all if t is nil, but the kernel's own.
func (k *Kernel) waiting(t *Task) iter.Seq[*event] {
	if t == nil {
		return func(yield func(*event) bool) {
			k.queue.inOrder(func(e *event) bool { return e.hidden() || yield(e) })
		}
	}
	left := t.queued()
	if left < k.queue.events/manyOthers {
		return slices.Values(k.gather(t))
	}
	return func(yield func(*event) bool) {
		if left == 0 {
			return
		}
		k.queue.inOrder(func(e *event) bool {
			if e.Task != t || e.hidden() {
				return true
			}
			left--
			return yield(e) && left > 0
		})
	}
}

// hidden says whether an event is the kernel's own affair.
func (e *event) hidden() bool {
	return e.Kind == kindTimeout || e.Event == ownSignal && e.Task == e.Task.k.root
}

// gather collects the events that wait for a task, in the order of dispatch.
func (k *Kernel) gather(t *Task) []*event {
	var events []*event
	add := func(e *event) { events = append(events, e) }
	t.to.each(taskLink, add)
	for g := t.timers; g != nil; g = g.next {
		g.events.each(taskLink, add)
	}
	if left := t.toSelf; left > 0 {
		k.queue.ring.each(func(e *event) bool {
			if e.Task == t && !e.linked {
				add(e)
				left--
			}
			return left > 0
		})
	}
	events = slices.DeleteFunc(events, (*event).hidden)
	slices.SortFunc(events, func(a, b *event) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq))
	})
	return events
}

// EventByID finds an event of the queue.
func (k *Kernel) EventByID(id int64) (p Pending, ok bool) {
	var e *event
	if id > 0 {
		e = k.timers.find(uint64(id))
	} else if id < 0 {
		e = k.queue.ring.find(uint64(-id))
	}
	if e == nil || e.hidden() {
		return Pending{}, false
	}
	now, base := k.clocks()
	return k.pendingOf(e, now, base), true
}

// Tasks are the living sessions in ascending order of ID, the kernel's own task before them.
func (k *Kernel) Tasks() []*Task {
	tasks := make([]*Task, 1, 1+k.tasks)
	tasks[0] = k.root
	for t, next := k.Browse(0); next != 0; t, next = k.Browse(next) {
		if t != nil {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// Counts says how much a task has of what keeps it alive, and of what does not.
type Counts struct {
	Refcount   int // 1 if events wait for it, 1 if events it sent wait, 1 for each of the rest but resources that are not busy
	EventsTo   int // timers included
	EventsFrom int // events for others that it sent
	Timers     int
	Children   int
	Aliases    int
	Handles    int // descriptors that it watches itself
	Tags       int
	Processes  int
	Resources  int // wheels and the like
	Busy       int // resources that keep it alive
}

// Counts counts.
func (t *Task) Counts() Counts {
	if t.gone {
		return Counts{}
	}
	c := Counts{Refcount: int(t.work), EventsTo: t.queued(), Aliases: len(t.aliases)}
	if t.newborn && t.toCount == 1 {
		c.Refcount-- // its birth is nothing that waits
	}
	for g := t.timers; g != nil; g = g.next {
		c.Timers += g.count
	}
	c.EventsFrom = int(t.fromCount)
	for o := t.first; o != nil; o = o.next {
		c.Children++
	}
	if r := t.rare; r != nil {
		c.Handles, c.Tags, c.Processes = len(r.fds), len(r.tags), len(r.processes)
		for o := r.owned; o != nil; o = o.older {
			c.Resources++
			if o.busy {
				c.Busy++
			}
		}
	}
	return c
}

// queued is how many events wait for the task.
func (t *Task) queued() int {
	if t.gone {
		return 0
	}
	n := int(t.toCount)
	if t.newborn {
		n--
	}
	if t == t.k.root {
		n -= t.k.own
	}
	return n
}

// Created is when the task was made, to the clock's last reading then; of the kernel's own when the kernel was.
func (t *Task) Created() time.Time { return t.k.wall(t.created) }

// Handled is how many events were dispatched to the task, calls included.
func (t *Task) Handled() uint64 { return t.handled }

// Tag is a reference that was counted up under a name.
type Tag struct {
	Name  string
	Count int
}

// Tags are the task's, the oldest first.
func (t *Task) Tags() []Tag {
	if t.rare == nil {
		return nil
	}
	tags := make([]Tag, len(t.rare.tags))
	for i, g := range t.rare.tags {
		tags[i] = Tag{g.name, g.count}
	}
	return tags
}

// Watching is how a descriptor is watched by a task or by a resource in one mode.
type Watching struct {
	FD     int
	Mode   Mode
	Task   *Task // nil for a resource's part
	IO     IO    // the resource's part; nil for a task's own watcher
	Event  string
	Paused bool // nothing is to be heard now
}

// Watched lists who watches which descriptors, in ascending order of descriptor, mode and session, resources before
// sessions; with t its own watchers only.
func (k *Kernel) Watched(t *Task) (list []Watching) {
	var fds []int
	if t == nil {
		for fd := range k.watched {
			fds = append(fds, fd)
		}
	} else if t.rare != nil {
		for _, u := range t.rare.fds {
			fds = append(fds, u.fd)
		}
	}
	slices.Sort(fds)
	for _, fd := range fds {
		d := k.watched[fd]
		for m := range modes {
			if t == nil && m < Expedite && d.io[m] != nil {
				list = append(list, Watching{FD: fd, Mode: m, IO: d.io[m], Paused: !d.want[m]})
			}
			for _, w := range d.watchers(m) {
				if t == nil || w.task == t {
					list = append(list, Watching{FD: fd, Mode: m, Task: w.task, Event: w.Event, Paused: d.raw.paused[m]})
				}
			}
		}
	}
	return list
}

// SignalWatch is a task's watcher of a signal.
type SignalWatch struct {
	Signal string
	Task   *Task
	Event  string
	Args   []any
}

// SignalWatches lists who watches signals, by name and session; with t its own.
func (k *Kernel) SignalWatches(t *Task) (list []SignalWatch) {
	tasks := []*Task{t}
	if t == nil {
		if len(k.signalWatchers) == 0 {
			return nil
		}
		tasks = k.Tasks()
	}
	for _, t := range tasks {
		if t.rare == nil {
			continue
		}
		for name, w := range t.rare.signals {
			list = append(list, SignalWatch{name, t, w.event, w.args})
		}
	}
	slices.SortFunc(list, func(a, b SignalWatch) int {
		return cmp.Or(cmp.Compare(a.Signal, b.Signal), cmp.Compare(a.Task.id, b.Task.id))
	})
	return list
}

// ProcessWatch is a task's watcher of a process.
type ProcessWatch struct {
	PID   int
	Task  *Task
	Event string
}

// ProcessWatches lists who waits for the end of processes, by process and session; with t its own.
func (k *Kernel) ProcessWatches(t *Task) (list []ProcessWatch) {
	add := func(p *process) {
		for _, w := range p.watchers {
			if t == nil || w.task == t {
				list = append(list, ProcessWatch{p.pid, w.task, w.event})
			}
		}
	}
	if t == nil {
		for _, p := range k.processes {
			for ; p != nil; p = p.older {
				add(p)
			}
		}
	} else if t.rare != nil {
		for _, p := range t.rare.processes {
			add(p)
		}
	}
	slices.SortStableFunc(list, func(a, b ProcessWatch) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Task.id, b.Task.id))
	})
	return list
}

// Running are the dispatches in progress, innermost first. What was called was never due.
func (k *Kernel) Running() []Pending {
	now, base := k.clocks()
	list := make([]Pending, 0, k.depth)
	for i := k.depth; i > 0; i-- {
		e := k.frames[i].event
		p := k.pendingOf(e, now, base)
		if p.ID == 0 {
			p.Due, p.Age = time.Time{}, 0
		}
		list = append(list, p)
	}
	return list
}
