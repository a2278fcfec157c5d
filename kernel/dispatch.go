package kernel

import (
	"fmt"
	"syscall"
	"time"
)

// Values is what a handler returned.
type Values []any

func (v Values) first() any {
	if len(v) == 0 {
		return nil
	}
	return v[0]
}

// Want says how many of a handler's results the sender of the event will look at.
type Want uint8

// What may be wanted.
const (
	WantNothing Want = iota
	WantFirst
	WantAll
)

// Receiver is what a task's events are given to.
type Receiver interface {
	// Receive handles one event and leaves what was wanted of the results in d.Results. An event for which there is
	// no handler sets d.Unhandled. An error is a failure of the handler; with d.Bare it may be a panic
	// instead, which the kernel lets pass. d is valid until Receive returns. Loop goroutine only.
	Receive(d *Dispatch) error
}

// Hearer is a Receiver that can tell beforehand that it has nothing to do for an event: then the event need not be
// made.
type Hearer interface {
	Hears(event string) bool
}

// tell sends a task a notice of the tree, if it cares to hear it.
func (k *Kernel) tell(t *Task, event string, what, who, value any) {
	if t == k.root || t.gone {
		return
	}
	if h, ok := t.receiver.(Hearer); ok && !h.Hears(event) {
		return
	}
	args := []any{what, who}
	if what == ChildCreate || what == ChildLose {
		args = append(args, value)
	}
	k.deliver(t, k.root, event, KindTree, WantNothing, args)
}

// Dispatch is one event being handled. Its first part is the event.
type Dispatch struct {
	*event
	Want Want
	Bare bool // the receiver may let panics pass: the kernel, or the handler that calls its own task, sees to them
	self bool // a task calls itself: as a plain function call

	Results   Values
	Unhandled bool
	Handler   any    // what a resource has for this event in the place of a handler of the task; nil: there is none
	Object    any    // for the receiver: the object of an object's handler, nil if there is none
	State     string // for the receiver: the name under which the handler was found, if it is not the event's

	observed bool          // its end is to be told
	began    time.Duration // when, if it is observed

	outer      *Dispatch // the one around it in the same task
	heldActive *Task
	number     uint64            // of the dispatch, among all of the kernel
	called     event             // the event of a dispatch that was never queued
	args       [maxDelivered]any // of what a resource tells
}

const maxDelivered = 5 // arguments that a resource may tell

// frame is the Dispatch of the next depth.
func (k *Kernel) frame() *Dispatch {
	if k.depth+1 == len(k.frames) {
		d := new(Dispatch)
		d.event = &d.called
		k.frames = append(k.frames, d)
	}
	return k.frames[k.depth+1]
}

// enter makes the handling of e the innermost one.
func (k *Kernel) enter(e *event, want Want) *Dispatch {
	d := k.frame()
	k.depth++
	t := e.Task
	d.event, d.Want, d.Bare = e, want, false
	d.outer, t.dispatch = t.dispatch, d
	d.heldActive, k.active = k.active, t
	d.number = k.hops.add(e)
	t.handled++
	return d
}

func (k *Kernel) leave(d *Dispatch) {
	d.Task.dispatch = d.outer
	k.active = d.heldActive
	k.depth--
	d.outer, d.heldActive = nil, nil
	if d.touched() {
		d.Results, d.Handler, d.Object, d.State = nil, nil, nil, ""
		d.Unhandled, d.self = false, false
	}
	if d.event == &d.called {
		d.called.Task, d.called.From, d.called.Args = nil, nil, nil
	}
}

func (d *Dispatch) touched() bool {
	return d.Results != nil || d.Handler != nil || d.Object != nil || d.State != "" || d.Unhandled || d.self
}

// deliver dispatches one of the kernel's own events, which are sent from nowhere.
func (k *Kernel) deliver(t, from *Task, event string, kind Kind, want Want, args []any) Values {
	results, _ := k.dispatch(t, from, event, kind, Site{}, "", args, want)
	return results
}

// dispatch runs a handler of t now, protected: an error in it becomes a DIE signal.
func (k *Kernel) dispatch(t, from *Task, event string, kind Kind, site Site, fromState string, args []any, want Want) (Values, bool) {
	e := &k.frame().called
	e.Task, e.From, e.Event, e.Kind, e.Site, e.FromState, e.Args = t, from, event, kind, site, fromState, args
	e.cause = k.cause()
	return k.handle(e, want, false)
}

// handle is dispatch for an event that is made already.
func (k *Kernel) handle(e *event, want Want, bare bool) (results Values, handled bool) {
	t := e.Task
	if t.receiver == nil || t.gone {
		return nil, t.receiver == nil
	}
	d := k.enter(e, want)
	if k.observed&aroundHandlers != 0 {
		return k.handleObserved(d, bare)
	}
	d.Bare = bare
	if err := t.receiver.Receive(d); err != nil {
		k.failed(d, err)
	}
	results, handled = d.Results, !d.Unhandled
	k.leave(d)
	return results, handled
}

// handleObserved is handle with what somebody wants to know of it.
func (k *Kernel) handleObserved(d *Dispatch, bare bool) (results Values, handled bool) {
	d.began, d.observed, d.Bare = k.recordDispatch(d), true, bare
	if err := d.Task.receiver.Receive(d); err != nil {
		k.failed(d, err)
	}
	results, handled = d.Results, !d.Unhandled
	k.handledObserved(d)
	k.leave(d)
	return results, handled
}

// handledObserved tells of the end of what handleObserved began, if it did.
func (k *Kernel) handledObserved(d *Dispatch) {
	if d.observed {
		d.observed = false
		k.recordReturn(d, d.began)
	}
}

// Call runs the handler of event in t now and returns its results; the queue is not involved. An error in the handler
// of another task does not come back: it becomes a DIE signal, and there are no results. An error in the handler of the
// active task itself is the caller's: it passes through as the panic or the error that it is.
func (k *Kernel) Call(t *Task, event string, site Site, args []any, want Want) (Values, error) {
	k.count.Calls++
	if t.gone {
		return nil, k.noSession("call", t)
	}
	if t.receiver == nil {
		return nil, nil
	}
	var results Values
	var handled bool
	if t == k.active {
		var err error
		if results, handled, err = k.callSelf(t, event, site, args, want); err != nil {
			return nil, err
		}
	} else {
		results, handled = k.dispatch(t, k.active, event, KindCall, site, k.ActiveEvent(), args, want)
	}
	if !handled {
		return nil, k.failure(refuse(syscall.ENOSYS, fmt.Sprintf("%v has no handler for event '%s'", t, event)))
	}
	return results, nil
}

// callSelf is Call for the active task.
//
// Differs: POE leaves the outer event the active one; here it is the inner one until the call returns.
func (k *Kernel) callSelf(t *Task, event string, site Site, args []any, want Want) (Values, bool, error) {
	e := &k.frame().called
	e.Task, e.From, e.Event, e.Kind, e.Site, e.FromState, e.Args = t, t, event, KindCall, site, k.ActiveEvent(), args
	e.cause = k.cause()
	d := k.enter(e, want)
	d.Bare, d.self = true, true
	depth := k.depth
	began := time.Duration(-1)
	defer func() { // the handler may panic through; what it called has left by then
		k.depth = depth
		if k.observed&aroundHandlers != 0 {
			k.recordReturn(d, began)
		}
		k.leave(d)
	}()
	if k.observed&aroundHandlers != 0 {
		began = k.recordDispatch(d)
	}
	err := t.receiver.Receive(d)
	return d.Results, !d.Unhandled, err
}

// failed turns the error of a handler into a DIE signal for its task, or into the end of the run.
func (k *Kernel) failed(d *Dispatch, err error) {
	k.count.Errors++
	if k.observed&RecordError != 0 {
		k.recordError(d, err)
	}
	d.Results = nil
	switch {
	case !k.catch && !d.Task.background():
		k.raise(err)
	case d.Kind != KindStop && d.Kind != KindDie && k.active != k.root:
		k.postDie(d, err)
	case d.Task.background():
		k.report(err)
	case k.isolate:
		k.report(err)
		if d.Kind == KindDie && !d.Task.gone {
			k.stop(d.Task)
		}
	default:
		// As in POE: a task that stops cannot be told, and an error in the handler of an error is one too many.
		k.raise(err)
	}
}

// report tells of an error that does not end the run.
func (k *Kernel) report(err error) {
	k.writeTrace()
	if k.options.Report != nil {
		k.options.Report(err)
		return
	}
	fmt.Fprintf(k.log, "error: %v\n", err)
}

func (k *Kernel) warn(format string, args ...any) {
	k.writeTrace()
	message := fmt.Sprintf(format, args...)
	if k.options.Warn != nil {
		k.options.Warn(message)
		return
	}
	fmt.Fprintln(k.log, message)
}

// noSession is the failure of a look-up.
func (k *Kernel) noSession(op string, name any) error {
	message := fmt.Sprintf("%s: no session '%v'", op, name)
	if t, ok := name.(*Task); ok {
		message = fmt.Sprintf("%s: session %v has stopped", op, t.id)
	}
	return k.failure(refuse(syscall.ESRCH, message))
}

// failure passes a refusal on its way to the caller; traces show it.
func (k *Kernel) failure(err *Error) error {
	if k.observed&RecordError != 0 {
		k.recordError(nil, err)
	}
	return err
}
