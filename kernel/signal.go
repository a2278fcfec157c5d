package kernel

import "slices"

// class says what a signal does if nobody handles it.
type class uint8

const (
	benign      class = iota
	terminal          // stops every session that it touched
	nonmaskable       // stops them, handled or not
)

// As in POE, POE::Resource::Signals.
var classes = map[string]class{
	"HUP": terminal, "INT": terminal, "KILL": terminal, "QUIT": terminal, "TERM": terminal,
	"IDLE": terminal, "DIE": terminal,
	"ZOMBIE": nonmaskable, "UIDESTROY": nonmaskable,
}

// signalWatcher is what a task wants to hear of a signal.
type signalWatcher struct {
	event string
	args  []any
}

// signalState is the signal that is being dispatched.
type signalState struct{ handled int }

// canonical gives the one name of a signal that has two.
func canonical(name string) string {
	if name == "CLD" {
		return "CHLD"
	}
	return name
}

// WatchSignal makes the active task receive event when the signal reaches it, with the signal's arguments, then args.
// A second call replaces the first. A watcher does not keep its task alive.
func (k *Kernel) WatchSignal(name, event string, args []any) {
	name = canonical(name)
	r := k.active.seldom()
	if r.signals == nil {
		r.signals = map[string]*signalWatcher{}
	}
	if r.signals[name] == nil {
		k.signalWatchers[name]++
		if k.signalWatchers[name] == 1 && k.options.Signals != nil {
			// A name that is no signal of the system, or one that it keeps for itself, can still be sent by a script.
			_ = k.options.Signals.Catch(name)
		}
	}
	r.signals[name] = &signalWatcher{event, args}
	if k.observed&recordSignalLine != 0 {
		k.signalLine("%v watches %s as '%s'", k.active, name, event)
	}
}

// IgnoreSignal removes the active task's watcher.
func (k *Kernel) IgnoreSignal(name string) { k.ignoreSignal(k.active, canonical(name)) }

func (k *Kernel) ignoreSignal(t *Task, name string) {
	if t.rare == nil || t.rare.signals[name] == nil {
		return
	}
	delete(t.rare.signals, name)
	k.signalWatchers[name]--
	if k.signalWatchers[name] > 0 {
		return
	}
	delete(k.signalWatchers, name)
	if k.options.Signals != nil {
		k.options.Signals.Release(name)
	}
}

// dropSignals removes all signal and process watchers of a task that is being freed.
func (k *Kernel) dropSignals(t *Task) {
	if t.rare == nil {
		return
	}
	for name := range t.rare.signals {
		k.ignoreSignal(t, name)
	}
	for len(t.rare.processes) > 0 {
		k.ignoreProcess(t, t.rare.processes[len(t.rare.processes)-1])
	}
}

// Signal queues a signal for t, sent by the active task. Sent to the kernel's own task it reaches the whole program. No
// process is signalled.
func (k *Kernel) Signal(t *Task, name string, site Site, args []any) error {
	if t.gone {
		return k.noSession("signal", t)
	}
	k.post(t, k.active, EventSignal, KindSignal, site, k.ActiveEvent(), append([]any{canonical(name)}, args...))
	return nil
}

// SystemSignal queues a signal of the operating system for the kernel.
func (k *Kernel) SystemSignal(name string) {
	if k.observed&recordSignalLine != 0 {
		k.signalLine("SIG%s arrives", name)
	}
	k.post(k.root, k.root, fromSystem, KindSignal, Site{}, "", []any{name})
}

// The event names of signals that the operating system, or the kernel itself, sent. Others have EventSignal.
const (
	fromSystem = "_system"
	ownSignal  = "_own" // IDLE and ZOMBIE, which do not count as events that wait
)

func (k *Kernel) postOwn(name string) {
	k.own++
	k.post(k.root, k.root, ownSignal, KindSignal, Site{}, "", []any{name})
}

// SignalHandled marks the signal that is being dispatched as handled. At any other time it does nothing.
func (k *Kernel) SignalHandled() {
	if k.current != nil {
		k.current.handled++
	}
}

// dispatchSignal dispatches one signal. The sessions that it touches, and their watchers, are fixed at its beginning.
func (k *Kernel) dispatchSignal(e *event) {
	target, kind, site, fromState, args, event := e.Task, e.Kind, e.Site, e.FromState, e.Args, e.Event
	name, _ := args[0].(string)
	k.count.Signals++
	touched := target.family()
	if event == ownSignal {
		k.own--
		touched = slices.DeleteFunc(touched, (*Task).background) // what is idle is the program
	}
	if name == "DIE" {
		touched = append(ancestors(target), touched...)
	}
	if k.observed&recordSignalLine != 0 {
		k.signalLine("%s is dispatched to %v; %d sessions", name, target, len(touched))
	}
	state := &signalState{}
	k.current = state
	k.onBehalf(e.cause)
	defer func() {
		k.current = nil
		k.onBehalf(0)
	}()
	k.callWatchers(name, kind, touched, site, fromState, args)

	if name == "IDLE" && target == k.root {
		if p := k.prospects(); p.queued == 0 && p.watched == 0 && p.busy == 0 {
			k.postOwn("ZOMBIE")
		}
	}

	c := classes[name]
	if c == benign || c == terminal && state.handled > 0 {
		return
	}
	if name == "DIE" && (k.isolate || target.background()) {
		k.isolateError(target, args)
		return
	}
	if target == k.root && event == fromSystem {
		k.endedBy = name
	}
	k.ending.Store(k.endedBy != "")
	k.stopTouched(name, touched)
	if target == k.root {
		k.stopAll() // what was created meanwhile
	}
	// As in POE, a sig_handled in a _stop that the signal caused comes too late for the sessions, but saves the run.
	if name == "DIE" && state.handled == 0 {
		k.unhandled(args)
	}
}

// callWatchers calls every touched session's watcher, from the end of the list to its front.
func (k *Kernel) callWatchers(name string, kind Kind, touched []*Task, site Site, fromState string, args []any) {
	if k.signalWatchers[name] == 0 && k.observed&RecordSignal == 0 {
		return
	}
	watchers := make([]*signalWatcher, len(touched))
	for i, t := range touched {
		if t.rare != nil {
			watchers[i] = t.rare.signals[name]
		}
	}
	for i := len(touched) - 1; i >= 0; i-- {
		t, w := touched[i], watchers[i]
		if t.gone {
			continue
		}
		if w == nil {
			if k.observed&RecordSignal != 0 {
				k.recordSignal(t, name, "", false)
			}
			continue
		}
		if k.observed&recordSignalLine != 0 {
			k.signalLine("%s calls '%s' of %v", name, w.event, t)
		}
		all := make([]any, 0, len(args)+len(w.args))
		all = append(append(all, args...), w.args...)
		handled := k.current.handled
		k.dispatch(t, k.root, w.event, kind, site, fromState, all, WantNothing)
		if k.observed&RecordSignal != 0 {
			k.recordSignal(t, name, w.event, k.current.handled > handled)
		}
	}
}

func (k *Kernel) stopTouched(name string, touched []*Task) {
	for i := len(touched) - 1; i >= 0; i-- {
		t := touched[i]
		if t.gone || t == k.root || touched[0] == k.root && t.background() {
			continue // what is in the background is stopped last
		}
		if k.observed&recordSignalLine != 0 {
			k.signalLine("%s stops %v", name, t)
		}
		k.stop(t)
	}
}

// isolateError stops only the session whose handler failed, and not even that if it is in the background.
//
// Differs: POE has no such option.
func (k *Kernel) isolateError(t *Task, args []any) {
	held := k.exception
	k.exception = nil
	k.unhandled(args)
	err := k.exception
	k.exception = held
	k.report(err)
	if !t.background() {
		k.stop(t)
	}
}

// ancestors are t's parent, grandparent and so on up to, not including, the kernel; the highest first.
func ancestors(t *Task) []*Task {
	var up []*Task
	for p := t.parent; p != nil && p != t.k.root; p = p.parent {
		up = append([]*Task{p}, up...)
	}
	return up
}

// testIdle queues IDLE when nothing can make an event happen any more.
func (k *Kernel) testIdle() {
	if k.prospects() == (prospects{}) && !k.awaitsProcesses() && k.tasks > 0 && !k.pending.Load() {
		k.postOwn("IDLE")
	}
}
