package kernel

import (
	"fmt"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

// Session is a session written in Go. Spawn makes one.
type Session struct {
	Alias  string               // set before Start runs; "" none
	Start  func(c *Context) any // its result goes to the parent's _child; nil does nothing
	Stop   func(c *Context) any // likewise
	States map[string]Handler   // handlers by event; "_default" gets what has none, with the event's name and a []any
}

// Handler handles an event of a Go session. Its result is what a call gives; several are Values. A panic in it is an
// error of the handler.
type Handler func(c *Context, args ...any) any

// Context is what a handler of a Go session works with. Valid until the handler returns. Loop goroutine only.
type Context struct {
	Kernel *Kernel
	Task   *Task  // the session
	Sender *Task  // who sent the event
	Event  string // the event's name
}

// PanicError is the error that a panic in a Go handler becomes.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprint("panic: ", e.Value) }

// Unwrap gives the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// goSession receives the events of a Session.
type goSession struct {
	Task
	Session
}

// Spawn creates a session as a child of the active one and runs its Start. Error: EEXIST, and no session, if the alias
// is taken.
func (k *Kernel) Spawn(s Session) (SessionID, error) {
	if s.Alias != "" && k.names.aliases[s.Alias] != nil {
		return 0, k.failure(refuse(syscall.EEXIST, fmt.Sprintf("spawn: %v has the alias '%s'", k.names.aliases[s.Alias], s.Alias)))
	}
	g := &goSession{Session: s}
	k.Start(&g.Task, g, nil)
	return g.id, nil
}

// Receive implements Receiver.
func (g *goSession) Receive(d *Dispatch) (err error) {
	depth := g.k.depth
	defer func() {
		if v := recover(); v != nil {
			for g.k.depth > depth { // what panicked in the middle of a call to itself
				g.k.leave(g.k.frames[g.k.depth])
			}
			err = &PanicError{v, debug.Stack()}
		}
	}()
	c := &Context{Kernel: g.k, Task: &g.Task, Sender: d.From, Event: d.Event}
	result, handled := g.handle(c, d)
	d.Unhandled = !handled
	switch v := result.(type) {
	case nil:
	case Values:
		d.Results = v
	default:
		d.Results = Values{v}
	}
	return nil
}

func (g *goSession) handle(c *Context, d *Dispatch) (result any, handled bool) {
	switch {
	case d.Event == EventStart && d.Kind == KindStart:
		if g.Alias != "" {
			if err := g.k.SetAlias(g.Alias); err != nil {
				panic(err)
			}
		}
		if g.Start != nil {
			return g.Start(c), true
		}
	case d.Event == EventStop && d.Kind == KindStop && g.Stop != nil:
		return g.Stop(c), true
	}
	if h := g.States[d.Event]; h != nil {
		if d.Kind == KindWheel {
			return h(c, slices.Clone(d.Args)...), true // which are the kernel's, and a handler may keep them
		}
		return h(c, d.Args...), true
	}
	if h := g.States[EventDefault]; h != nil && d.Kind != KindStart {
		d.State = EventDefault
		return h(c, d.Event, append([]any(nil), d.Args...)), true
	}
	return nil, d.Kind == KindStart
}

// resolve finds a destination: a *Task, a SessionID, or a string that is an alias or an ID in decimal.
func (c *Context) resolve(op string, dest any) (*Task, error) {
	var t *Task
	switch v := dest.(type) {
	case *Task:
		t = v
	case SessionID:
		t = c.Kernel.ByID(v)
	case string:
		t = c.Kernel.Resolve(v)
	}
	if t == nil {
		return nil, c.Kernel.noSession(op, dest)
	}
	return t, nil
}

// Post queues an event. dest is a *Task, a SessionID, or a string: an alias or an ID in decimal. Error: ESRCH.
func (c *Context) Post(dest any, event string, args ...any) error {
	t, err := c.resolve("post", dest)
	if err != nil {
		return err
	}
	return c.Kernel.Post(t, event, Site{}, args)
}

// Yield queues an event for the session itself.
func (c *Context) Yield(event string, args ...any) { c.Kernel.Yield(event, Site{}, args) }

// Call runs a handler now and returns its results. Errors: ESRCH, ENOSYS.
func (c *Context) Call(dest any, event string, args ...any) (Values, error) {
	t, err := c.resolve("call", dest)
	if err != nil {
		return nil, err
	}
	return c.Kernel.Call(t, event, Site{}, args, WantAll)
}

// Delay replaces all timers of this name by one that is due d from now.
func (c *Context) Delay(event string, d time.Duration, args ...any) TimerID {
	c.Kernel.RemoveTimers(event)
	return c.Kernel.SetDelay(event, d, Site{}, args)
}

// DelaySet sets one more timer.
func (c *Context) DelaySet(event string, d time.Duration, args ...any) TimerID {
	return c.Kernel.SetDelay(event, d, Site{}, args)
}

// Alarm replaces all timers of this name by one that is due at a wall-clock time.
func (c *Context) Alarm(event string, at time.Time, args ...any) TimerID {
	c.Kernel.RemoveTimers(event)
	return c.Kernel.SetAlarm(event, at, Site{}, args)
}

// AlarmSet sets one more timer for a wall-clock time.
func (c *Context) AlarmSet(event string, at time.Time, args ...any) TimerID {
	return c.Kernel.SetAlarm(event, at, Site{}, args)
}

// RemoveTimer removes a timer of the session. Errors: ESRCH, EPERM.
func (c *Context) RemoveTimer(id TimerID) (Timer, error) { return c.Kernel.RemoveTimer(id) }

// Watch makes the session receive event, with handle, the Mode and args, while fd is ready. The caller has made fd
// non-blocking.
func (c *Context) Watch(fd int, m Mode, event string, handle any, args ...any) error {
	return c.Kernel.SetWatch(Watch{FD: fd, Handle: handle, Mode: m, Event: event, Args: args})
}

// Unwatch removes the session's watcher.
func (c *Context) Unwatch(fd int, m Mode) { c.Kernel.RemoveWatch(fd, m) }

// Signal sends a signal to a session and its descendants. Error: ESRCH.
func (c *Context) Signal(dest any, name string, args ...any) error {
	t, err := c.resolve("signal", dest)
	if err != nil {
		return err
	}
	return c.Kernel.Signal(t, name, Site{}, args)
}

// WatchSignal makes the session receive event when a signal reaches it.
func (c *Context) WatchSignal(name, event string, args ...any) {
	c.Kernel.WatchSignal(name, event, args)
}

// SignalHandled marks the signal that is being handled as handled.
func (c *Context) SignalHandled() { c.Kernel.SignalHandled() }
