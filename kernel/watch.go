package kernel

import (
	"fmt"
	"slices"

	"github.com/poelua/poelua/kernel/poll"
)

// Mode is one way in which a handle can be ready.
type Mode uint8

// The modes, in the order in which they are dispatched.
const (
	Read Mode = iota
	Write
	Expedite
	modes
)

var modeNames = [modes]string{"read", "write", "expedite"}

func (m Mode) String() string { return modeNames[m] }

func (m Mode) events() poll.Events {
	return [modes]poll.Events{poll.Read, poll.Write, poll.Expedite}[m]
}

// Watch is what a task wants to hear when a descriptor is ready.
type Watch struct {
	FD     int
	Handle any // what the handler gets: the handle as it was given to the kernel
	Mode   Mode
	Event  string
	Site   Site
	Args   []any
}

// watcher is a Watch in force.
type watcher struct {
	Watch
	task      *Task
	fromState string
	cause     uint64 // the dispatch in which it was set
	removed   bool
}

// descriptor is a watched one.
type descriptor struct {
	io    [Expedite]IO // of resources: one that reads, one that writes
	raw   *rawWatchers // nil: no task watches it itself
	gate  Gate         // nil: what is ready at the system is ready for those who watch
	round uint64       // in which it was first watched: what was ready then was another file of this number

	number int32
	want   [Expedite]bool // which of io want to hear now
	asked  bool           // the poller was asked about it
	told   poll.Events    // what the poller was last asked for
	forced bool           // it is in Kernel.forced
}

func (d *descriptor) fd() int { return int(d.number) }

// rawWatchers are the watchers that tasks have set themselves, in ascending order of task.
type rawWatchers struct {
	of     [modes][]*watcher
	paused [modes]bool
}

// fdUse counts, for a task, in which modes it watches a descriptor.
type fdUse struct {
	fd    int
	count int
}

func (d *rawWatchers) find(m Mode, t *Task) (int, bool) {
	return slices.BinarySearchFunc(d.of[m], t.id, func(w *watcher, id SessionID) int {
		return int(w.task.id) - int(id)
	})
}

// watchers are those of a mode that tasks have set themselves.
func (d *descriptor) watchers(m Mode) []*watcher {
	if d == nil || d.raw == nil {
		return nil
	}
	return d.raw.of[m]
}

// idle says whether nobody watches the descriptor.
func (d *descriptor) idle() bool {
	return d.raw == nil && d.io == [Expedite]IO{} && d.gate == nil
}

// events are what those who watch the descriptor want to hear of.
func (d *descriptor) events() (events poll.Events) {
	for m, io := range d.io {
		if io != nil && d.want[m] {
			events |= Mode(m).events()
		}
	}
	if d.raw != nil {
		for m := range modes {
			if len(d.raw.of[m]) > 0 && !d.raw.paused[m] {
				events |= m.events()
			}
		}
	}
	return events
}

// watch is the descriptor of a number, made if it is not watched yet.
func (k *Kernel) watch(fd int) *descriptor {
	if d := k.watched[fd]; d != nil {
		return d
	}
	return &descriptor{number: int32(fd), round: k.round}
}

// ask tells the poller what is wanted of a descriptor.
func (k *Kernel) ask(d *descriptor, events poll.Events) error {
	if d.gate != nil {
		var now poll.Events
		events, now = d.gate.Wants(events)
		k.force(d, now)
	}
	if events != 0 || d.asked {
		if err := k.poller.Watch(d.fd(), events); err != nil {
			return err
		}
		k.touched = true
		k.noteAsked(d, events != 0)
	}
	d.told = events
	k.watched[d.fd()] = d
	return nil
}

func (k *Kernel) noteAsked(d *descriptor, asked bool) {
	if d.asked == asked {
		return
	}
	d.asked = asked
	if asked {
		k.asking++
	} else {
		k.asking--
	}
}

// SetWatch makes the active task receive w.Event with the handle, the mode's name, then w.Args, in every pass in which
// the descriptor is ready. It replaces the task's watcher of the same descriptor and mode, and resumes it. The caller
// has made the descriptor non-blocking. An error is the system's: the descriptor cannot be watched.
//
// Differs: POE keeps the old event when a watcher is set again.
func (k *Kernel) SetWatch(w Watch) error {
	t := k.active
	d := k.watch(w.FD)
	if err := k.ask(d, d.events()|w.Mode.events()); err != nil {
		return err
	}
	if d.raw == nil {
		d.raw = &rawWatchers{}
		k.rawWatched++
		k.checked, k.checkAfter = k.clock.Now(), staleFirst
	}
	i, found := d.raw.find(w.Mode, t)
	entry := &watcher{Watch: w, task: t, fromState: k.ActiveEvent(), cause: k.cause()}
	list := &d.raw.of[w.Mode]
	if found {
		(*list)[i].removed = true
		(*list)[i] = entry
	} else {
		*list = slices.Insert(*list, i, entry)
	}
	d.raw.paused[w.Mode] = false
	if !found {
		k.useFD(t, w.FD)
	}
	if k.observed&RecordWatch != 0 {
		k.recordWatch(RecordWatch, t, w.FD, w.Mode, w.Event, nil)
	}
	return nil
}

func (k *Kernel) useFD(t *Task, fd int) {
	r := t.seldom()
	for i := range r.fds {
		if r.fds[i].fd == fd {
			r.fds[i].count++
			return
		}
	}
	r.fds = append(r.fds, fdUse{fd, 1})
	t.retain("handle")
}

func (k *Kernel) disuseFD(t *Task, fd int) {
	i := slices.IndexFunc(t.rare.fds, func(u fdUse) bool { return u.fd == fd })
	t.rare.fds[i].count--
	if t.rare.fds[i].count == 0 {
		t.rare.fds = slices.Delete(t.rare.fds, i, i+1)
		t.release("handle")
	}
}

// RemoveWatch removes the active task's watcher of a descriptor in a mode. Removing one that is not there is fine.
func (k *Kernel) RemoveWatch(fd int, m Mode) {
	if d := k.watched[fd]; d != nil {
		k.removeWatch(d, m, k.active)
	}
}

func (k *Kernel) removeWatch(d *descriptor, m Mode, t *Task) {
	if d.raw == nil {
		return
	}
	i, found := d.raw.find(m, t)
	if !found {
		return
	}
	list := &d.raw.of[m]
	w := (*list)[i]
	w.removed = true
	*list = slices.Delete(*list, i, i+1)
	k.disuseFD(t, d.fd())
	if len(*list) == 0 {
		d.raw.paused[m] = false
		if len(d.raw.of[Read])+len(d.raw.of[Write])+len(d.raw.of[Expedite]) == 0 {
			d.raw = nil
			k.rawWatched--
		}
	}
	k.rewatch(d)
	if k.observed&RecordUnwatch != 0 {
		k.recordWatch(RecordUnwatch, t, d.fd(), m, w.Event, nil)
	}
}

// rewatch tells the poller what is still wanted of a descriptor.
func (k *Kernel) rewatch(d *descriptor) {
	if d.idle() {
		delete(k.watched, d.fd())
		if d.asked {
			k.touched = true
			_ = k.poller.Watch(d.fd(), 0) // what is closed already is forgotten
			k.noteAsked(d, false)
		}
		return
	}
	if err := k.ask(d, d.events()); err != nil {
		k.lost(d.fd())
	}
}

// CloseWatched removes every watcher of a descriptor that is about to be closed. Unwatch before closing: the number may
// be another file's at once. Resources that watch it are told.
func (k *Kernel) CloseWatched(fd int) {
	d := k.watched[fd]
	if d == nil {
		return
	}
	for m := range modes {
		for len(d.watchers(m)) > 0 {
			k.removeWatch(d, m, d.watchers(m)[0].task)
		}
	}
	d.gate = nil
	io := d.io
	d.io, d.want = [Expedite]IO{}, [Expedite]bool{}
	k.rewatch(d)
	for m, r := range io {
		if r != nil {
			r.Closed(Mode(m))
		}
	}
}

// lost drops the watchers of a descriptor that somebody closed without telling.
func (k *Kernel) lost(fd int) {
	d := k.watched[fd]
	if d == nil {
		return
	}
	var who *Task
	for m := range modes {
		if len(d.watchers(m)) > 0 {
			who = d.watchers(m)[0].task
		}
	}
	if who != nil {
		k.report(fmt.Errorf("descriptor %d, which %v watches, was closed without the kernel's knowledge; it is no longer watched", fd, who))
	}
	k.CloseWatched(fd)
}

// PauseWatch stops testing a descriptor for a mode, without forgetting who watches it. It is false when nobody
// does. As in POE, it acts on all tasks that watch.
func (k *Kernel) PauseWatch(fd int, m Mode) bool { return k.setPaused(fd, m, true) }

// ResumeWatch is the reverse of PauseWatch.
func (k *Kernel) ResumeWatch(fd int, m Mode) bool { return k.setPaused(fd, m, false) }

func (k *Kernel) setPaused(fd int, m Mode, paused bool) bool {
	d := k.watched[fd]
	if len(d.watchers(m)) == 0 {
		return false
	}
	if d.raw.paused[m] != paused {
		d.raw.paused[m] = paused
		k.rewatch(d)
	}
	return true
}

// Touch says that a handle was read or written: the next pass looks at the handles again.
func (k *Kernel) Touch() { k.touched = true }

// dispatchReady calls the handlers of ready descriptors at once: all reads, then all writes, then all expedites; of one
// descriptor first the resource, then the watchers in ascending order of session. One that an earlier handler of the
// round removed or paused is not called.
func (k *Kernel) dispatchReady() {
	k.round++
	for i := range k.ready {
		r := &k.ready[i]
		if d := k.watched[r.FD]; d != nil && d.gate != nil {
			k.gated = append(k.gated, r.FD)
			r.Events = d.gate.Ready(r.Events)
		}
	}
	for m := range modes {
		for _, r := range k.ready {
			if r.Events&m.events() == 0 {
				continue
			}
			d := k.watched[r.FD]
			if d == nil || d.round == k.round {
				continue
			}
			if m < Expedite && d.want[m] {
				k.count.IOEvents++
				if k.observed&RecordReady != 0 {
					k.recordWatch(RecordReady, nil, r.FD, m, "", d.io[m])
				}
				d.io[m].Ready(m)
			}
			switch list := d.watchers(m); len(list) {
			case 0:
			case 1:
				k.dispatchWatcher(d, list[0])
			default:
				for _, w := range slices.Clone(list) {
					k.dispatchWatcher(d, w)
				}
			}
		}
	}
}

func (k *Kernel) dispatchWatcher(d *descriptor, w *watcher) {
	if w.removed || d.raw.paused[w.Mode] {
		return
	}
	if k.observed&RecordReady != 0 {
		k.recordWatch(RecordReady, w.task, d.fd(), w.Mode, w.Event, nil)
	}
	k.count.IOEvents++
	args := make([]any, 0, 2+len(w.Args))
	args = append(append(args, w.Handle, w.Mode), w.Args...)
	held := k.onBehalf(w.cause)
	k.dispatch(w.task, w.task, w.Event, KindIO, w.Site, w.fromState, args, WantNothing)
	k.onBehalf(held)
}

func (k *Kernel) dropWatchers(t *Task) {
	for t.rare != nil && len(t.rare.fds) > 0 {
		d := k.watched[t.rare.fds[len(t.rare.fds)-1].fd]
		for m := range modes {
			k.removeWatch(d, m, t)
		}
	}
}
