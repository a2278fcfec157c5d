package kernel

import (
	"fmt"
	"syscall"
)

// Start gives a task to the kernel as a child of the active one and runs its _start with args; the parent hears of it
// by _child. t is a zero Task, which the caller may have embedded in a struct of its own; r receives its events.
//
// A failing _start becomes a DIE signal; the task is there all the same. If _start stopped everything, the task is gone
// when Start returns.
func (k *Kernel) Start(t *Task, r Receiver, args []any) {
	k.lastID++
	*t = Task{k: k, id: k.lastID, receiver: r, created: k.now}
	k.tasks++
	k.count.SessionsCreated++
	k.know(t)
	creator := k.active
	creator.adopt(t)
	k.markIdle(t)
	if k.observed&(RecordStart|RecordChild) != 0 {
		k.recordStart(t, creator)
	}
	results := k.deliver(t, creator, EventStart, KindStart, WantFirst, args)
	if t.gone {
		return
	}
	// Whoever is the parent by now: _start may have detached itself.
	k.tell(t.parent, EventChild, ChildCreate, t, results.first())
	if t.gone {
		return
	}
	// The creator has until the end of the next pass to give the task work.
	k.queue.seq++
	k.queue.ring.push(slot{born: t, due: k.now, seq: k.queue.seq})
	t.newborn = true
	t.retainEvent()
}

// DetachSelf makes the active task a child of the kernel. Error: EPERM if it is one already.
func (k *Kernel) DetachSelf() error {
	t := k.active
	parent := t.parent
	if parent == nil || parent == k.root {
		return k.failure(refuse(syscall.EPERM, fmt.Sprintf("detach_myself: %v is the kernel's already", t)))
	}
	// As in POE: within _start the parent has not heard of the child yet, so it is not told that it loses it.
	d := t.dispatch
	for d != nil && d.self {
		d = d.outer // a call to itself is a part of the handler around it
	}
	if d == nil || d.Kind != KindStart {
		k.tell(parent, EventChild, ChildLose, t, nil)
	}
	k.toKernel(t, parent)
	return nil
}

// DetachChild makes a child of the active task a child of the kernel. Error: EPERM if it is no child of it.
func (k *Kernel) DetachChild(t *Task) error {
	if t.gone {
		return k.noSession("detach_child", t)
	}
	parent := k.active
	if t.parent != parent {
		return k.failure(refuse(syscall.EPERM, fmt.Sprintf("detach_child: %v is no child of %v", t, parent)))
	}
	k.tell(parent, EventChild, ChildLose, t, nil)
	k.toKernel(t, parent)
	return nil
}

func (k *Kernel) toKernel(t, old *Task) {
	k.tell(t, EventParent, old, k.root, nil)
	if !t.gone && t.parent != k.root {
		t.move(k.root)
	}
}
