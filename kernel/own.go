package kernel

import "slices"

// retain counts one more kind of work that keeps the task alive. what names it in traces.
func (t *Task) retain(what string) {
	t.work++
	if t.mark > 0 {
		t.k.unmark(t)
	}
	if t.k.observed&RecordRef != 0 {
		t.k.recordRef(t, what, +1)
	}
}

// release counts one kind of work less. A task that has none left is marked for the next sweep.
func (t *Task) release(what string) {
	t.work--
	if t.work == 0 {
		t.k.markIdle(t)
	}
	if t.k.observed&RecordRef != 0 {
		t.k.recordRef(t, what, -1)
	}
}

// markIdle puts a task that has run out of work on the sweep's list. The list keeps the order in which tasks ran out.
func (k *Kernel) markIdle(t *Task) {
	if t == k.root || t.gone || t.mark > 0 || t.background() {
		return
	}
	k.marked = append(k.marked, t)
	t.mark = int32(len(k.marked))
}

// unmark takes a task off the sweep's list, since it has work again.
func (k *Kernel) unmark(t *Task) {
	i := int(t.mark) - 1
	t.mark = 0
	if i < len(k.marked)-1 {
		k.marked[i] = nil
		return
	}
	for i > 0 && k.marked[i-1] == nil {
		i--
	}
	k.marked = k.marked[:i]
}

// sweep stops the tasks that have run out of work, the one that ran out last first, then those that ran out because of
// that, until none is left. A task taken for a round is stopped even if the round gives it new work.
func (k *Kernel) sweep() {
	for len(k.marked) > 0 {
		round := k.marked
		k.marked, k.spareMarks = k.spareMarks[:0], nil // a _stop may call Stop, which sweeps, too
		for _, t := range round {
			if t != nil {
				t.mark = 0
			}
		}
		for i := len(round) - 1; i >= 0; i-- {
			if t := round[i]; t != nil && !t.gone && !t.background() {
				k.stop(t)
			}
		}
		clear(round)
		k.spareMarks = round[:0]
		if cap(k.spareMarks) > 4096 {
			k.spareMarks = nil
		}
	}
}

// stop stops a task with all notices, then takes it out of the tree and releases what it owns. During the notices the
// task is still alive: it has its aliases and its children, and can be called.
//
// As in POE (_data_ses_stop), the parent is the one it has when the stop begins.
func (k *Kernel) stop(t *Task) {
	if t.stopping || t.gone {
		return // an error in _stop, or a stop of everything from within it
	}
	t.stopping = true
	parent := t.parent
	if k.observed&RecordStop != 0 {
		k.recordTree(RecordStop, t, parent, "")
	}
	for _, c := range t.Children() {
		if c.gone {
			continue
		}
		k.tell(parent, EventChild, ChildGain, c, nil)
		if !c.gone {
			k.tell(c, EventParent, c.parent, parent, nil)
		}
	}
	results := k.deliver(t, k.active, EventStop, KindStop, WantFirst, nil)
	k.tell(parent, EventChild, ChildLose, t, results.first())
	if !t.gone {
		k.free(t)
	}
}

// free takes a task out of the tree and releases all it owns. The order is POE's (_data_ses_free); it decides who runs
// out of work first.
func (k *Kernel) free(t *Task) {
	children := t.Children()
	parent := t.parent
	parent.disown(t)
	if k.observed&RecordChild != 0 {
		k.recordTree(RecordChild, parent, t, ChildLose)
	}
	for _, c := range children {
		c.move(parent)
	}
	k.forget(t)
	k.dropSignals(t)
	for len(t.aliases) > 0 {
		k.dropAlias(t, t.aliases[len(t.aliases)-1])
	}
	k.dropTags(t)
	k.dropOwned(t)
	k.dropWatchers(t)
	for t.timers != nil {
		k.cancel(t.timers.events.first)
	}
	for e := t.to.first; e != nil; e = t.to.first {
		k.dropped(e)
		k.cancel(e)
	}
	k.queue.events -= int(t.toSelf) // the ring skips what is for nobody
	k.queue.ring.dead += int(t.toSelf)
	if t.newborn {
		k.queue.ring.dead++
	}
	for e := t.from.first; e != nil; e = t.from.first {
		k.cancel(e)
	}
	t.gone = true
	if t.mark > 0 {
		k.unmark(t)
	}
	t.rare, t.timers = nil, nil
	k.tasks--
	k.count.SessionsStopped++
	if r, ok := t.receiver.(interface{ Stopped() }); ok {
		r.Stopped()
	}
	if t.background() {
		k.toForeground(t)
	}
	if len(k.recorder.tasks) > 0 {
		k.endObservers(t)
	}
}

// dropped tells about an error that nobody will hear of, because the task that it waited for is stopped first.
func (k *Kernel) dropped(e *event) {
	if e.Kind != KindDie {
		return
	}
	if die, ok := e.Args[1].(*Die); ok {
		k.report(die.Err)
	}
}

// stopAll stops every task, deepest and youngest first: the reverse of a breadth-first walk. Tasks that are created
// meanwhile are stopped, too; after a hundred rounds of such the rest goes without notice. Those in the background come
// last.
func (k *Kernel) stopAll() {
	for round := 0; k.tasks > 0; round++ {
		if !k.stopRound(round, false) && !k.stopRound(round, true) {
			return // what is left is in the middle of its own stop
		}
	}
}

// stopRound says whether it has stopped any.
func (k *Kernel) stopRound(round int, background bool) (any bool) {
	for _, t := range slices.Backward(k.root.family()[1:]) {
		if t.gone || t.stopping || t.background() != background {
			continue
		}
		any = true
		if round < 100 {
			k.stop(t)
		} else {
			k.free(t)
		}
	}
	return any
}

// Stop stops every session with full notice. When a handler calls it, the handler runs on to its end with the
// kernel as the current session; an error after that ends the run.
//
// As in POE's code (its manual says that no events happen).
func (k *Kernel) Stop() {
	k.stopAll()
	k.active = k.root
	for _, d := range k.frames[1 : k.depth+1] {
		d.heldActive = k.root
	}
	k.sweep()
}
