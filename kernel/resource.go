package kernel

import (
	"fmt"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel/poll"
)

// Resource is what a task owns beside sessions, watchers and timers: a wheel, work that goes on elsewhere. A task that
// stops closes its resources, the newest first. String names one for people: "wheel 3 (ReadWrite)".
type Resource interface {
	// OwnerStopped closes what the resource holds. It is owned no more when this is called.
	OwnerStopped()
	String() string
}

// Owned is a resource's entry with its owner, for the resource to embed. The zero value belongs to nobody.
type Owned struct {
	resource     Resource
	task         *Task
	newer, older *Owned
	id           uint64
	busy         bool
}

// Own gives a resource to a task that is alive. Loop goroutine only, as all of this.
func (k *Kernel) Own(t *Task, r Resource, o *Owned) {
	owner := t.seldom()
	k.lastResource++
	o.resource, o.task, o.older, o.id = r, t, owner.owned, k.lastResource
	if o.older != nil {
		o.older.newer = o
	}
	owner.owned = o
}

// Owner is the task that has the resource; nil if none has it any more.
func (o *Owned) Owner() *Task { return o.task }

// SetBusy says whether the resource keeps its owner alive.
func (o *Owned) SetBusy(on bool) {
	if o.task == nil || o.busy == on {
		return
	}
	o.busy = on
	if on {
		o.task.k.busy++
		o.task.retain("resource")
	} else {
		o.task.k.busy--
		o.task.release("resource")
	}
}

// Busy says whether the resource keeps its owner alive.
func (o *Owned) Busy() bool { return o.busy }

// Disown takes the resource away from its owner. A second time does nothing.
func (o *Owned) Disown() {
	t := o.task
	if t == nil {
		return
	}
	o.SetBusy(false)
	if o.newer != nil {
		o.newer.older = o.older
	} else {
		t.rare.owned = o.older
	}
	if o.older != nil {
		o.older.newer = o.newer
	}
	*o = Owned{id: o.id}
}

// ID is a number that no other resource of the kernel ever has.
func (o *Owned) ID() uint64 { return o.id }

// Resources are what the task owns, the newest first.
func (t *Task) Resources() (all []Resource) {
	t.EachResource(func(r Resource) { all = append(all, r) })
	return all
}

// EachResource calls f for what the task owns, the newest first. f changes nothing of that.
func (t *Task) EachResource(f func(Resource)) {
	if t.rare == nil {
		return
	}
	for o := t.rare.owned; o != nil; o = o.older {
		f(o.resource)
	}
}

func (k *Kernel) dropOwned(t *Task) {
	for t.rare != nil && t.rare.owned != nil {
		o := t.rare.owned
		r := o.resource
		o.Disown()
		r.OwnerStopped()
	}
}

// IO is a resource's part in a descriptor.
type IO interface {
	String() string
	Ready(m Mode)  // the descriptor is ready; the loop calls it, outside of handlers
	Closed(m Mode) // it is about to be closed, by somebody else, and watched no more; perhaps within a handler
}

// Modes is a set of modes: what a Gate is asked about.
type Modes = poll.Events

// The members of Modes.
const (
	CanRead     = poll.Read
	CanWrite    = poll.Write
	CanExpedite = poll.Expedite
)

// Gate stands between a descriptor and those who watch it, where what is ready for the system is not what is ready for
// them: TLS. Its methods do not dispatch anything.
type Gate interface {
	// Wants says what the system is to be asked for those who wait for want, and what of want needs no asking: ready now.
	Wants(want Modes) (ask, now Modes)
	// Ready says what is ready for those who watch, when the system says that ready is.
	Ready(ready Modes) Modes
}

// Attach gives a resource its part in a descriptor: it alone will read, or write. It hears of nothing until Want.
// Error: EBUSY if another resource has that part.
func (k *Kernel) Attach(fd int, m Mode, io IO) error {
	d := k.watch(fd)
	if d.io[m] != nil && d.io[m] != io {
		return &Error{syscall.EBUSY, fmt.Sprintf("descriptor %d belongs to %v already (%v)", fd, d.io[m], m)}
	}
	d.io[m] = io
	k.watched[fd] = d
	return nil
}

// Want says whether an attached resource wants to hear that the descriptor is ready. An error is the system's.
func (k *Kernel) Want(fd int, m Mode, io IO, on bool) error {
	d := k.watched[fd]
	if d == nil || d.io[m] != io {
		return &Error{syscall.EBADF, fmt.Sprintf("descriptor %d is not watched", fd)}
	}
	if d.want[m] == on {
		return nil
	}
	d.want[m] = on
	if err := k.ask(d, d.events()); err != nil {
		d.want[m] = !on
		return err
	}
	kind := RecordWatch
	if !on {
		kind = RecordUnwatch
	}
	if k.observed&kind != 0 {
		k.recordWatch(kind, nil, fd, m, "", io)
	}
	return nil
}

// Detach ends what Attach began. Without that it does nothing.
func (k *Kernel) Detach(fd int, m Mode, io IO) {
	if d := k.watched[fd]; d != nil && d.io[m] == io {
		if d.want[m] && k.observed&RecordUnwatch != 0 {
			k.recordWatch(RecordUnwatch, nil, fd, m, "", io)
		}
		d.io[m], d.want[m] = nil, false
		k.rewatch(d)
	}
}

// SetGate puts a gate before a descriptor, or with nil takes it away. CloseWatched takes it away, too.
func (k *Kernel) SetGate(fd int, g Gate) error {
	d := k.watch(fd)
	d.gate = g
	if g == nil {
		if k.watched[fd] != nil {
			k.rewatch(d)
		}
		return nil
	}
	return k.ask(d, d.events())
}

// Regate asks a descriptor's gate again what it wants, because that may have changed.
func (k *Kernel) Regate(fd int) {
	d := k.watched[fd]
	if d == nil || d.gate == nil {
		return
	}
	ask, now := d.gate.Wants(d.events())
	if ask == d.told {
		k.force(d, now) // the poller need not be told again
		return
	}
	k.rewatch(d)
}

// force has the gate of a descriptor asked in the next pass for what is ready, whatever the system says.
func (k *Kernel) force(d *descriptor, now poll.Events) {
	if now == 0 || d.forced {
		return
	}
	d.forced = true
	k.forced = append(k.forced, d.fd())
}

// takeForced adds the descriptors to what is ready whose gates have said that something is.
func (k *Kernel) takeForced() {
	for i := range k.ready {
		if d := k.watched[k.ready[i].FD]; d != nil {
			d.forced = false
		}
	}
	for _, fd := range k.forced {
		if d := k.watched[fd]; d != nil && d.forced {
			d.forced = false
			k.ready = append(k.ready, poll.Ready{FD: fd})
		}
	}
	k.forced = k.forced[:0]
}

// askGates asks again the gates that had a part in the pass: what was not read is still ready.
func (k *Kernel) askGates() {
	for _, fd := range k.gated {
		k.Regate(fd)
	}
	k.gated = k.gated[:0]
}

// Turner is a resource with something to tell that came up in a handler, so that it has to wait for the next pass.
type Turner interface{ Turn() }

// Turn has r.Turn called after what is ready, when the loop comes to that: asked from within Ready in this pass, else
// in the next one. Those who ask first go first. A resource asks once at a time.
func (k *Kernel) Turn(r Turner) { k.turns = append(k.turns, r) }

func (k *Kernel) takeTurns() {
	turns := k.turns
	k.turns = nil
	for _, r := range turns {
		r.Turn()
	}
	if k.turns == nil && cap(turns) <= 1024 {
		clear(turns)
		k.turns = turns[:0]
	}
}

// Flusher is a resource with output that is to go out at the end of the pass.
type Flusher interface{ FlushOutput() }

// Flush has r.FlushOutput called at the end of this pass: what handlers write in it goes out together. A resource asks
// once at a time.
func (k *Kernel) Flush(r Flusher) { k.outputs = append(k.outputs, r) }

// bringOut has output written. What comes up meanwhile waits for the end of the next pass.
func (k *Kernel) bringOut() {
	outputs := k.outputs
	k.outputs = nil
	for _, r := range outputs {
		r.FlushOutput()
	}
	if k.outputs == nil && cap(outputs) <= 1024 {
		clear(outputs)
		k.outputs = outputs[:0]
	}
}

// Scratch is memory to read into, the same each time: who reads is done with it before anything is dispatched.
func (k *Kernel) Scratch() []byte {
	if k.scratch == nil {
		k.scratch = make([]byte, scratchSize)
	}
	return k.scratch
}

// UnderScratch is more such memory, for what stands between Scratch and a descriptor: TLS.
func (k *Kernel) UnderScratch() []byte {
	if k.underScratch == nil {
		k.underScratch = make([]byte, scratchSize+underSize)
	}
	return k.underScratch
}

const (
	scratchSize = 64 << 10
	underSize   = 4 << 10 // what records of TLS add to as much
)

// Deliver dispatches what a resource has to tell its owner: event, with args; handler is what the owner's receiver is
// to use in the place of a handler of its own, nil for that. The resource may go on if its owner is not gone and the
// run is not about to end; heard says that there was a handler. There are five args at most, and the handler does not
// keep the slice. The loop calls the resource that calls this; within handlers there is Turn.
func (k *Kernel) Deliver(t *Task, event string, handler any, site Site, args ...any) (going, heard bool) {
	if t == nil || t.gone || t.receiver == nil || k.exception != nil {
		return false, false
	}
	f := k.frame()
	if handler != nil {
		f.Handler = handler
	}
	n := copy(f.args[:], args)
	e := &f.called
	e.Task, e.From, e.Event, e.Kind, e.Site, e.FromState, e.Args = t, t, event, KindWheel, site, "", f.args[:n:n]
	e.cause = k.cause()
	_, heard = k.handle(e, WantNothing, k.bareDepth == k.depth+1)
	clear(f.args[:n])
	return !t.gone && k.exception == nil, heard
}

// Batch is a resource with several things to tell one after the other.
type Batch interface {
	// DeliverBatch calls Deliver for each. When a handler fails it is called again for the rest: what the handler failed
	// with was delivered.
	DeliverBatch()
}

// Batch has b deliver what it has, with one protected call around all of it in the place of one around each handler.
// The loop calls the resource that calls this.
func (k *Kernel) Batch(b Batch) {
	if k.options.Protect == nil {
		b.DeliverBatch()
		return
	}
	if k.batchFunc == nil {
		k.batchFunc = func() { k.batch.DeliverBatch() }
	}
	depth, outer := k.depth, k.bareDepth
	for {
		k.batch, k.bareDepth = b, depth+1
		err := k.options.Protect(k.batchFunc)
		k.bareDepth = outer
		switch {
		case err == nil:
			k.batch = nil
			return
		case k.depth == depth: // not a handler: the resource itself
			k.batch = nil
			k.raise(err)
			return
		}
		clear(k.frames[k.depth].args[:])
		k.broken(err)
	}
}

// Raise makes an error of a resource one of its owner's: as if a handler of that event had raised it.
func (k *Kernel) Raise(t *Task, event string, site Site, err error) {
	if t == nil || t.gone {
		k.report(err)
		return
	}
	e := &k.frame().called
	e.Task, e.From, e.Event, e.Kind, e.Site, e.FromState, e.Args = t, t, event, KindWheel, site, "", nil
	e.cause = k.cause()
	d := k.enter(e, WantNothing)
	k.failed(d, err)
	k.leave(d)
}

// Timeout is a timer of a resource. The zero value is none.
type Timeout struct {
	k     *Kernel
	event *event
}

// After has f called once, d from now, between other events.
func (k *Kernel) After(d time.Duration, f func()) *Timeout {
	e := k.newEvent()
	e.Kind, e.Task, e.From = kindTimeout, k.root, k.root
	k.queue.seq++
	e.due, e.seq = later(k.tick(), d), k.queue.seq
	t := &Timeout{k, e}
	e.Args = []any{t, f}
	k.queue.pushTimer(e)
	k.timeouts++
	return t
}

// Stop keeps the function from being called. A nil or past one is fine.
func (t *Timeout) Stop() {
	if t == nil || t.event == nil {
		return
	}
	k, e := t.k, t.event
	t.event = nil
	k.queue.cancel(e)
	k.timeouts--
	k.recycle(e)
}

func (k *Kernel) timeoutOver(e *event) {
	t, f := e.Args[0].(*Timeout), e.Args[1].(func())
	t.event = nil
	k.timeouts--
	k.recycle(e)
	f()
}
