package kernel

import (
	"iter"
	"time"
)

// What this file gives is for people and tools that look at a running kernel: copies, made when asked for. Nothing of it
// changes the kernel. Loop goroutine only.

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

// Queue gives what waits, in the order of dispatch; with t, what waits for that task. To stop early is cheap. Meanwhile
// nothing is to be queued or removed.
func (k *Kernel) Queue(t *Task) iter.Seq[Pending] { return func(yield func(Pending) bool) {} }

// EventByID finds an event of the queue.
func (k *Kernel) EventByID(id int64) (p Pending, ok bool) { return Pending{}, false }

// Tasks are the living sessions in ascending order of ID, the kernel's own task before them.
func (k *Kernel) Tasks() []*Task { return nil }

// Counts says how much a task has of what keeps it alive, and of what does not.
type Counts struct {
	Refcount   int // 1 if events wait for it, 1 if events it sent wait, 1 for each of the rest but resources that are not busy
	EventsTo   int // timers included
	EventsFrom int // events for others that it sent, and those for itself
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
func (t *Task) Counts() Counts { return Counts{} }

// Created is when the task was made, to the clock's last reading then; of the kernel's own when the kernel was.
func (t *Task) Created() time.Time { return time.Time{} }

// Handled is how many events were dispatched to the task, calls included.
func (t *Task) Handled() uint64 { return 0 }

// Work lists for people what keeps the task alive, such as "2 events queued for it", "1 timer in 3.2 s: tick",
// "alias logger", "child 7", "handle 5 (read)", "wheel 3 (ReadWrite)", "reference anon_event x1", "process 4711", in this order.
// Nothing: the task is about to stop. Of each kind ten are named, the rest counted.
func (t *Task) Work() []string { return nil }

// Tag is a reference that was counted up under a name.
type Tag struct {
	Name  string
	Count int
}

// Tags are the task's, the oldest first.
func (t *Task) Tags() []Tag { return nil }

// Watching is how a descriptor is watched by a task or by a resource in one mode.
type Watching struct {
	FD     int
	Mode   Mode
	Task   *Task // nil for a resource's part
	IO     IO    // the resource's part; nil for a task's own watcher
	Event  string
	Paused bool // of a resource: it does not want to hear now
}

// Watched lists who watches which descriptors, in ascending order of descriptor, mode and session; with t its own
// watchers only.
func (k *Kernel) Watched(t *Task) []Watching { return nil }

// SignalWatch is a task's watcher of a signal.
type SignalWatch struct {
	Signal string
	Task   *Task
	Event  string
	Args   []any
}

// SignalWatches lists who watches signals, by name and session; with t its own.
func (k *Kernel) SignalWatches(t *Task) []SignalWatch { return nil }

// ProcessWatch is a task's watcher of a process.
type ProcessWatch struct {
	PID   int
	Task  *Task
	Event string
}

// ProcessWatches lists who waits for the end of processes, by process and session; with t its own.
func (k *Kernel) ProcessWatches(t *Task) []ProcessWatch { return nil }

// Running are the dispatches in progress, innermost first.
func (k *Kernel) Running() []Pending { return nil }

// SetBackground says that a session neither keeps the program alive nor stops for lack of work: a console's. When no
// others are left it is stopped.
func (k *Kernel) SetBackground(t *Task, on bool) {}
