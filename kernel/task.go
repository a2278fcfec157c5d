package kernel

import (
	"slices"
	"strconv"
	"time"
)

// SessionID names a session: 1, 2, 3 and so on, never used twice in a kernel. The kernel itself is 0.
type SessionID uint64

func (id SessionID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Task is a session as the kernel keeps it. It is made by Kernel.Spawn or Kernel.Start and lives until it has no
// work left, or is stopped. All methods: loop goroutine only.
//
// What every event has to do with comes first: two lines of the processor's cache.
type Task struct {
	k        *Kernel
	id       SessionID
	receiver Receiver
	handled  uint64 // events
	created  time.Duration
	timers   *timerGroup
	rare     *rare

	dispatch *Dispatch // the innermost event that is being handled, nil if none

	// What keeps the task alive. work is the number of kinds of work that there are: 1 if any event waits for it, 1 if
	// any event it sent to others waits, 1 for each child, alias, watched descriptor, tag and watched process.
	toCount, fromCount int32 // events waiting for it, and for others from it
	toSelf             int32 // of toCount, posts to itself: they are in no list
	work               int32
	mark               int32 // place in Kernel.marked plus 1; 0 when there is work or the sweep has it already

	gone     bool // stopped and taken out of the tree
	stopping bool
	unsorted bool
	newborn  bool // its birth is in the queue

	to, from eventList
	aliases  []string

	// The tree. Children are in ascending order of ID unless unsorted is set; then they are put in order before
	// anybody looks. prev of the first one is the last.
	parent     *Task
	first      *Task
	prev, next *Task
}

// rare is what most tasks never need.
type rare struct {
	signals    map[string]*signalWatcher
	tags       []tag
	fds        []fdUse
	owned      *Owned // the newest of its resources
	processes  []*process
	timerIndex map[string]*timerGroup // once a task has timers of many names
}

func (t *Task) seldom() *rare {
	if t.rare == nil {
		t.rare = &rare{}
	}
	return t.rare
}

// ID is the task's number, which it keeps after its end.
func (t *Task) ID() SessionID { return t.id }

// Kernel is the kernel that the task belongs to.
func (t *Task) Kernel() *Kernel { return t.k }

// Receiver is what the task's events are given to; nil for the kernel's own task.
func (t *Task) Receiver() Receiver { return t.receiver }

// Alive says whether the kernel still has the task.
func (t *Task) Alive() bool { return !t.gone }

// Parent is the task that this one is a child of; nil for the kernel's own and for one that has stopped.
func (t *Task) Parent() *Task { return t.parent }

// Dispatch is the innermost event that the task is handling, nil if it is handling none.
func (t *Task) Dispatch() *Dispatch { return t.dispatch }

// Children are the task's children in ascending order of ID.
func (t *Task) Children() []*Task {
	if t.first == nil {
		return nil
	}
	var children []*Task
	for c := t.first; c != nil; c = c.next {
		children = append(children, c)
	}
	if t.unsorted {
		slices.SortFunc(children, func(a, b *Task) int {
			if a.id < b.id {
				return -1
			}
			return 1
		})
		t.first = nil
		for _, c := range children {
			c.prev, c.next = nil, nil
			t.link(c)
		}
		t.unsorted = false
	}
	return children
}

// String names the task for people: its first alias, else its number.
func (t *Task) String() string { return string(t.append(nil)) }

func (t *Task) append(b []byte) []byte {
	if t == t.k.root {
		return append(b, "the kernel"...)
	}
	b = strconv.AppendUint(append(b, "session "...), uint64(t.id), 10)
	if len(t.aliases) > 0 {
		b = append(append(append(b, " ("...), t.aliases[0]...), ')')
	}
	return b
}

func (t *Task) link(c *Task) {
	c.next = nil
	if t.first == nil {
		t.first, c.prev = c, c
		return
	}
	last := t.first.prev
	if last.id > c.id {
		t.unsorted = true
	}
	last.next, c.prev, t.first.prev = c, last, c
}

func (t *Task) unlink(c *Task) {
	if c != t.first {
		c.prev.next = c.next
	} else {
		t.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else if t.first != nil {
		t.first.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

// adopt puts a child under t and counts it as work.
func (t *Task) adopt(c *Task) {
	c.parent = t
	t.link(c)
	t.retain("child")
}

// disown takes a child away from t.
func (t *Task) disown(c *Task) {
	t.unlink(c)
	c.parent = nil
	t.release("child")
}

// move gives the task another parent, without notices.
func (t *Task) move(parent *Task) {
	old := t.parent
	old.disown(t)
	parent.adopt(t)
	if t.k.observed&RecordChild != 0 {
		t.k.recordTree(RecordChild, old, t, ChildLose)
		t.k.recordTree(RecordChild, parent, t, ChildGain)
	}
}

// family is t and its descendants, breadth first, children in ascending order of ID.
func (t *Task) family() []*Task {
	family := []*Task{t}
	for i := 0; i < len(family); i++ {
		family = append(family, family[i].Children()...)
	}
	return family
}
