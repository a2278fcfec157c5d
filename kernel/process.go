package kernel

import (
	"fmt"
	"slices"
	"syscall"
)

// process is one that was started by this program. It is known until it has ended and somebody was told.
type process struct {
	pid      int
	ended    bool
	status   int
	watchers []*processWatcher // ascending by task
	older    *process          // one of the same ID, whose end is on its way
}

type processWatcher struct {
	task      *Task
	event     string
	args      []any
	site      Site
	fromState string
	cause     uint64 // the dispatch in which it was set
}

// maxUntold is how many ended processes are remembered for a watcher that comes late.
const maxUntold = 1024

// ProcessStarted makes a process known. Call it before the news of its end can come.
func (k *Kernel) ProcessStarted(pid int) {
	p := &process{pid: pid}
	if old := k.processes[pid]; old != nil {
		if old.ended {
			k.untold = slices.DeleteFunc(k.untold, func(p *process) bool { return p == old })
		} else {
			p.older = old
		}
	}
	k.processes[pid] = p
	k.running++
}

// ProcessEnded tells watchers of the process, then sends the signal CHLD to the kernel. status is the wait status.
func (k *Kernel) ProcessEnded(pid, status int) {
	p := k.processes[pid]
	if p == nil || p.ended {
		return
	}
	newer := p
	for p.older != nil {
		p, newer = p.older, p
	}
	k.running--
	p.ended, p.status = true, status
	if p != newer {
		newer.older = nil // from now on the ID is the newer one's
	}
	if len(p.watchers) == 0 && p == k.processes[pid] {
		k.untold = append(k.untold, p)
		if len(k.untold) > maxUntold {
			delete(k.processes, k.untold[0].pid)
			k.untold = slices.Delete(k.untold, 0, 1)
		}
	} else {
		if p == k.processes[pid] {
			delete(k.processes, pid)
		}
		watchers := slices.Clone(p.watchers)
		for _, w := range watchers {
			k.tellProcess(p, w)
		}
		for _, w := range watchers {
			k.ignoreProcess(w.task, p)
		}
	}
	k.post(k.root, k.root, EventSignal, KindSignal, Site{}, "", []any{"CHLD", pid, status})
}

func (k *Kernel) tellProcess(p *process, w *processWatcher) {
	args := append([]any{"CHLD", p.pid, p.status}, w.args...)
	held := k.onBehalf(w.cause)
	k.post(w.task, k.root, w.event, KindProcess, w.site, w.fromState, args)
	k.onBehalf(held)
}

// WatchProcess makes the active task receive event, with "CHLD", the process ID, the wait status, then args, when the
// process ends; until then the task lives. A second call replaces the first. One that has ended already is reported at
// once, if nobody has been told of it. Error: ECHILD if this program did not start the process.
func (k *Kernel) WatchProcess(pid int, event string, site Site, args []any) error {
	p := k.processes[pid]
	if p == nil {
		return k.failure(refuse(syscall.ECHILD, fmt.Sprintf("sig_child: process %d is none that was started here", pid)))
	}
	t := k.active
	w := &processWatcher{t, event, args, site, k.ActiveEvent(), k.cause()}
	if p.ended {
		delete(k.processes, pid)
		k.untold = slices.DeleteFunc(k.untold, func(o *process) bool { return o == p })
		k.tellProcess(p, w)
		return nil
	}
	i, found := slices.BinarySearchFunc(p.watchers, t.id, func(w *processWatcher, id SessionID) int {
		return int(w.task.id) - int(id)
	})
	if found {
		p.watchers[i] = w
		return nil
	}
	p.watchers = slices.Insert(p.watchers, i, w)
	r := t.seldom()
	r.processes = append(r.processes, p)
	t.retain("process")
	return nil
}

// IgnoreProcess removes the active task's watcher.
func (k *Kernel) IgnoreProcess(pid int) {
	if p := k.processes[pid]; p != nil {
		k.ignoreProcess(k.active, p)
	}
}

func (k *Kernel) ignoreProcess(t *Task, p *process) {
	if t.rare == nil {
		return
	}
	i := slices.Index(t.rare.processes, p)
	if i < 0 {
		return
	}
	t.rare.processes = slices.Delete(t.rare.processes, i, i+1)
	p.watchers = slices.DeleteFunc(p.watchers, func(w *processWatcher) bool { return w.task == t })
	t.release("process")
}

// awaitsProcesses says whether a running process may still make an event happen.
func (k *Kernel) awaitsProcesses() bool {
	if k.running == 0 {
		return false
	}
	watchers := k.signalWatchers["CHLD"]
	for _, t := range k.background {
		if t.rare != nil && t.rare.signals["CHLD"] != nil {
			watchers--
		}
	}
	if watchers > 0 {
		return true
	}
	for _, p := range k.processes {
		if slices.ContainsFunc(p.watchers, func(w *processWatcher) bool { return !w.task.background() }) {
			return true
		}
	}
	return false
}
