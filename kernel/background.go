package kernel

import "slices"

// Sessions in the background are a console's: with them the program goes on, and ends, as it would without. What waits
// for them, and what they watch, is no reason against IDLE. What fails in them is reported and ends nothing.

// SetBackground says that a session neither keeps the program alive nor stops for lack of work: a console's. When no
// others are left it is stopped. It becomes a child of the kernel, since it would keep its parent alive.
func (k *Kernel) SetBackground(t *Task, on bool) {
	switch {
	case t == k.root || t.gone || t.background() == on:
	case on:
		if parent := t.parent; parent != k.root {
			k.tell(parent, EventChild, ChildLose, t, nil)
			k.toKernel(t, parent)
			if t.gone {
				return
			}
		}
		k.background = append(k.background, t)
		if t.mark > 0 {
			k.unmark(t)
		}
	default:
		k.toForeground(t)
		if t.work == 0 {
			k.markIdle(t)
		}
	}
}

func (k *Kernel) toForeground(t *Task) {
	k.background = slices.DeleteFunc(k.background, func(o *Task) bool { return o == t })
}

// background says whether the task is in it. There are few.
func (t *Task) background() bool {
	return len(t.k.background) > 0 && slices.Contains(t.k.background, t)
}

// foreground is the number of sessions that keep the program alive.
func (k *Kernel) foreground() int { return k.tasks - len(k.background) }

// stopBackground stops what is left when the program is over.
func (k *Kernel) stopBackground() {
	for _, t := range slices.Backward(slices.Clone(k.background)) {
		k.stop(t)
	}
	k.sweep()
}

// prospects are what may make an event happen, for sessions that are not in the background.
type prospects struct {
	queued  int // events, and births
	watched int // descriptors, by sessions
	tagged  int // sessions that tags hold
	busy    int // resources
}

func (k *Kernel) prospects() prospects {
	p := prospects{k.queue.events + k.queue.births(), k.rawWatched, k.tagged, k.busy}
	for _, t := range k.background {
		p.queued -= int(t.toCount) // its birth is among them
		r := t.rare
		if r == nil {
			continue
		}
		if len(r.tags) > 0 {
			p.tagged--
		}
		for o := r.owned; o != nil; o = o.older {
			if o.busy {
				p.busy--
			}
		}
		for _, u := range r.fds {
			if k.countedFor(t, u.fd) {
				p.watched--
			}
		}
	}
	return p
}

// countedFor says whether a descriptor is watched by sessions in the background only, and t is the first of them.
func (k *Kernel) countedFor(t *Task, fd int) bool {
	var first *Task
	for m := range modes {
		for _, w := range k.watched[fd].watchers(m) {
			if !w.task.background() {
				return false
			}
			if first == nil {
				first = w.task
			}
		}
	}
	return first == t
}
