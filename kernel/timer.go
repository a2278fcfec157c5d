package kernel

import (
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"
)

// TimerID names a timer; no two timers of a kernel ever have the same.
type TimerID uint64

// Timer is what was known of a timer that was removed.
type Timer struct {
	ID   TimerID
	Name string
	At   time.Time // when it would have fired
	Args []any
}

// timerGroup is the timers of one name of one task.
type timerGroup struct {
	task   *Task
	name   string
	events eventList
	count  int
	next   *timerGroup
	prev   *timerGroup
}

const fewGroups = 8 // names of timers that a task has before it gets an index of them

func (t *Task) timersNamed(name string) *timerGroup {
	if t.rare != nil && t.rare.timerIndex != nil {
		return t.rare.timerIndex[name]
	}
	for g := t.timers; g != nil; g = g.next {
		if g.name == name {
			return g
		}
	}
	return nil
}

func (t *Task) addGroup(name string) *timerGroup {
	g := t.k.spareGroup // of a timer that was set again and again there is mostly one
	if g == nil {
		g = &timerGroup{}
	}
	t.k.spareGroup = nil
	*g = timerGroup{task: t, name: name, next: t.timers}
	n := 1
	if t.timers != nil {
		t.timers.prev = g
		for o := t.timers; o != nil && n <= fewGroups; o = o.next {
			n++
		}
	}
	t.timers = g
	switch {
	case t.rare != nil && t.rare.timerIndex != nil:
		t.rare.timerIndex[name] = g
	case n > fewGroups:
		index := map[string]*timerGroup{}
		for o := t.timers; o != nil; o = o.next {
			index[o.name] = o
		}
		t.seldom().timerIndex = index
	}
	return g
}

func (g *timerGroup) add(e *event) {
	e.group = g
	g.events.push(e, taskLink)
	g.count++
}

// remove takes a timer out of its group and drops the group when it was the last.
func (g *timerGroup) remove(e *event) {
	g.events.remove(e, taskLink)
	g.count--
	e.group = nil
	g.task.k.timers.remove(uint64(e.id))
	if g.events.first != nil {
		return
	}
	t := g.task
	if g.prev == nil {
		t.timers = g.next
	} else {
		g.prev.next = g.next
	}
	if g.next != nil {
		g.next.prev = g.prev
	}
	if t.rare != nil && t.rare.timerIndex != nil {
		delete(t.rare.timerIndex, g.name)
		if t.timers == nil {
			t.rare.timerIndex = nil
		}
	}
	*g = timerGroup{}
	t.k.spareGroup = g
}

func (k *Kernel) setTimer(name string, due time.Duration, site Site, args []any) *event {
	e := k.newEvent()
	t := k.active
	e.Kind, e.Task, e.From, e.Event, e.Site, e.FromState, e.Args = KindTimer, t, t, name, site, k.ActiveEvent(), args
	t.retainEvent()
	k.queue.seq++
	e.due, e.seq, e.cause = due, k.queue.seq, k.cause()
	g := t.timersNamed(name)
	if g == nil {
		g = t.addGroup(name)
	}
	g.add(e)
	k.lastTimer++
	e.id = k.lastTimer
	k.timers.add(uint64(e.id), e)
	k.queue.pushTimer(e)
	k.count.Timers++
	if k.observed&(RecordQueued|RecordTimerSet) != 0 {
		k.recordNewTimer(e)
	}
	return e
}

// SetAlarm sets a timer of the active task for a wall-clock time. A time in the past is due at once and goes before
// all that was posted. The distance is fixed now: later steps of the wall clock do not matter.
func (k *Kernel) SetAlarm(name string, at time.Time, site Site, args []any) TimerID {
	e := k.setTimer(name, k.due(at), site, args)
	e.absolute, e.at = true, at.UnixNano()
	return e.id
}

// SetDelay sets a timer of the active task for d from now.
func (k *Kernel) SetDelay(name string, d time.Duration, site Site, args []any) TimerID {
	return k.setTimer(name, later(k.tick(), d), site, args).id
}

func (k *Kernel) due(at time.Time) time.Duration {
	now := k.tick()
	return later(now, at.Sub(k.clock.Wall()))
}

// later is t+d without overflow.
func later(t, d time.Duration) time.Duration {
	if d > 0 && t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}

// at is when a timer is due by the wall clock.
func (k *Kernel) at(e *event) time.Time {
	if e.absolute {
		return time.Unix(0, e.at)
	}
	return k.wall(e.due)
}

// RemoveTimers removes all timers of the active task that have this name.
func (k *Kernel) RemoveTimers(name string) {
	g := k.active.timersNamed(name)
	if g == nil {
		return
	}
	g.events.each(taskLink, k.cancel)
}

// timer finds a timer of the active task.
func (k *Kernel) timer(op string, id TimerID) (*event, error) {
	e := k.timers.find(uint64(id))
	if e == nil {
		return nil, k.failure(refuse(syscall.ESRCH, fmt.Sprintf("%s: no timer %d", op, id)))
	}
	if e.Task != k.active {
		return nil, k.failure(refuse(syscall.EPERM, fmt.Sprintf("%s: timer %d is %v's", op, id, e.Task)))
	}
	return e, nil
}

// CancelTimer is RemoveTimer for those who do not ask what it was.
func (k *Kernel) CancelTimer(id TimerID) error {
	e, err := k.timer("alarm_remove", id)
	if err == nil {
		k.cancel(e)
	}
	return err
}

// RemoveTimer removes a timer of the active task. Errors: ESRCH if there is none such (any more), EPERM if it is
// another task's.
func (k *Kernel) RemoveTimer(id TimerID) (Timer, error) {
	e, err := k.timer("alarm_remove", id)
	if err != nil {
		return Timer{}, err
	}
	t := Timer{id, e.Event, k.at(e), e.Args}
	k.cancel(e)
	return t, nil
}

// RemoveAllTimers removes all timers of the active task and returns them in the order in which they were due.
func (k *Kernel) RemoveAllTimers() []Timer {
	var events []*event
	for g := k.active.timers; g != nil; g = g.next {
		g.events.each(taskLink, func(e *event) { events = append(events, e) })
	}
	slices.SortFunc(events, func(a, b *event) int {
		if a.due < b.due || a.due == b.due && a.seq < b.seq {
			return -1
		}
		return 1
	})
	timers := make([]Timer, len(events))
	for i, e := range events {
		timers[i] = Timer{e.id, e.Event, k.at(e), e.Args}
		k.cancel(e)
	}
	return timers
}

// AdjustAlarm moves a timer by delta and returns the new time. Errors as for RemoveTimer.
func (k *Kernel) AdjustAlarm(id TimerID, delta time.Duration) (time.Time, error) {
	e, err := k.timer("alarm_adjust", id)
	if err != nil {
		return time.Time{}, err
	}
	k.queue.heap.move(e, later(e.due, delta))
	if e.absolute {
		e.at += int64(delta)
	}
	k.adjusted(e)
	return k.at(e), nil
}

// AdjustDelay makes a timer due d from now and returns the new time. Errors as for RemoveTimer.
func (k *Kernel) AdjustDelay(id TimerID, d time.Duration) (time.Time, error) {
	e, err := k.timer("delay_adjust", id)
	if err != nil {
		return time.Time{}, err
	}
	k.queue.heap.move(e, later(k.tick(), d))
	e.absolute = false
	k.adjusted(e)
	return k.at(e), nil
}

func (k *Kernel) adjusted(e *event) {
	if k.observed&RecordTimerSet != 0 {
		k.recordTimer(RecordTimerSet, e)
	}
}
