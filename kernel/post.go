package kernel

// newEvent takes an event from the pool.
func (k *Kernel) newEvent() *event {
	if n := len(k.pool); n > 0 {
		e := k.pool[n-1]
		k.pool = k.pool[:n-1]
		return e
	}
	slab := make([]event, slabSize)
	for i := range slab {
		slab[i].slot = -1
		if i > 0 {
			k.pool = append(k.pool, &slab[i])
		}
	}
	return &slab[0]
}

const slabSize = 32 // events that are allocated together

const poolSize = 1024 // events kept for reuse

// recycle gives an event back that is in no list and not in the heap. One that was cancelled in the ring is left to the
// garbage collector, since the ring still points to it. What the event held is let go; its names hold nothing.
func (k *Kernel) recycle(e *event) {
	if e.cancelled || len(k.pool) == poolSize {
		return
	}
	e.Task, e.From, e.Args = nil, nil, nil
	e.absolute = false
	k.pool = append(k.pool, e)
}

// post queues an event for now.
func (k *Kernel) post(to, from *Task, name string, kind Kind, site Site, fromState string, args []any) {
	if len(k.queue.heap) > 0 {
		k.tick() // without timers the order of posting is the order
	}
	e := k.newEvent()
	e.Kind, e.Task, e.From, e.Event, e.Site, e.FromState, e.Args = kind, to, from, name, site, fromState, args
	k.queue.seq++
	e.due, e.seq, e.cause, e.slot = k.now, k.queue.seq, k.cause(), -1
	to.retainEvent()
	if to == from {
		to.toSelf++
	} else {
		k.link(e)
	}
	k.queue.push(e)
	if k.observed&RecordQueued != 0 {
		k.recordQueued(e)
	}
}

// link counts an event that is for another as work of its sender.
func (k *Kernel) link(e *event) {
	e.linked = true
	e.Task.to.push(e, taskLink)
	e.From.from.push(e, fromLink)
	e.From.fromCount++
	if e.From.fromCount == 1 {
		e.From.retain("event sent")
	}
}

// unlink undoes what was counted when the event leaves the queue.
func (k *Kernel) unlink(e *event) {
	switch {
	case e.linked:
		e.linked = false
		e.Task.to.remove(e, taskLink)
		e.Task.releaseEvent()
		e.From.from.remove(e, fromLink)
		e.From.fromCount--
		if e.From.fromCount == 0 {
			e.From.release("event sent")
		}
		return
	case e.group != nil:
		e.group.remove(e)
	default:
		e.Task.toSelf--
	}
	e.Task.releaseEvent()
}

func (t *Task) retainEvent() {
	t.toCount++
	if t.toCount == 1 {
		t.retain("event")
	}
}

func (t *Task) releaseEvent() {
	t.toCount--
	if t.toCount == 0 {
		t.release("event")
	}
}

// cancel takes an event out of the queue before its time.
func (k *Kernel) cancel(e *event) {
	if k.observed&RecordTimerRemoved != 0 && e.Kind == KindTimer {
		k.recordTimer(RecordTimerRemoved, e)
	}
	k.queue.cancel(e)
	k.unlink(e)
	k.recycle(e)
}

// Post queues an event for t, sent by the active task. Posting to the kernel's own task succeeds and does nothing. The
// event keeps args.
func (k *Kernel) Post(t *Task, name string, site Site, args []any) error {
	if t.gone {
		return k.noSession("post", t)
	}
	k.post(t, k.active, name, KindPost, site, k.ActiveEvent(), args)
	return nil
}

// Yield is Post to the active task.
func (k *Kernel) Yield(name string, site Site, args []any) {
	k.post(k.active, k.active, name, KindPost, site, k.ActiveEvent(), args)
}
