package bindings

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// movePrefix begins the names of the events by which machines move.
const movePrefix = "poe_nfa_"

// The moves.
const (
	moveGoto = movePrefix + "goto_state" // state, event, arguments
	movePush = movePrefix + "push_state" // return event, state, event, arguments
	movePop  = movePrefix + "pop_state"  // arguments
	moveStop = movePrefix + "stop"
)

func isMove(event string) bool { return strings.HasPrefix(event, movePrefix) }

// eventLeave is what a state is told, if it wants to know, before another takes its place.
const eventLeave = "leave"

// pickInState finds the handler of an event of a machine, none if the event is dropped. It sets d.State and d.Object.
//
// Differs: POE fails for a _child and a _parent that have no handler, too.
func (s *session) pickInState(d *kernel.Dispatch) *handler {
	if h, ok := d.Handler.(*handler); ok {
		return h // a wheel's function
	}
	h := s.machine.handlers.find(d.Event)
	if h == nil {
		if h = s.pickBeside(d); h == nil {
			d.Unhandled = true
			return nil
		}
	}
	if h.object != nil {
		d.Object = h.object
	}
	return h
}

// pickBeside finds the handler of an event for which the current state has none.
func (s *session) pickBeside(d *kernel.Dispatch) *handler {
	nfa := &s.lib.nfa
	switch {
	case neverTold(d.Event):
		return nil
	case isMove(d.Event):
		if h := nfa.moves.find(d.Event); h != nil {
			return h
		}
		return &nfa.unhandled
	}
	if h := s.handlers.find(d.Event); h != nil {
		return h
	}
	h := s.machine.handlers.find(kernel.EventDefault)
	switch {
	case h != nil:
		if s.trace {
			s.lib.k.Warn("%v -> %s redirected to _default in state '%s'", s.ID(), d.Event, s.machine.state)
		}
		d.State = kernel.EventDefault
		return h
	case strings.HasPrefix(d.Event, "_"):
		if s.fallback {
			s.warnUnhandled(d)
		}
		return nil
	}
	return &nfa.unhandled
}

// ask has the machine move: at once if it is in no state yet or has the option immediate, else when the event's turn
// comes.
func (s *session) ask(a luax.Args, move string) int {
	b, l := s.lib, a.L
	b.changing(l, "machine:"+a.Name)
	if !s.Alive() {
		return b.failure(l, b.k.NoSession(a.Name, &s.Task))
	}
	args := a.Rest(0)
	if s.machine.placed() && !s.machine.immediate {
		return b.result(l, b.k.Post(&s.Task, move, site(l), args))
	}
	var err error
	b.on(l, func() { _, err = b.k.Call(&s.Task, move, site(l), args, kernel.WantNothing) })
	return b.result(l, err)
}

// A mover does what an event of a move asks for, when its turn has come.
type mover struct {
	*session
	d         *kernel.Dispatch // the event
	luax.Args                  // its arguments
}

// nfaMoved makes the handler of a move's event.
func (b *Lib) nfaMoved(do func(m mover)) lua.LGFunction {
	return func(l *lua.LState) int {
		s := b.contextSession(l.Get(1))
		if s == nil || s.machine == nil || s.Dispatch() == nil {
			l.RaiseError("this is for the events of a machine")
		}
		do(mover{s, s.Dispatch(), luax.Args{L: l, Base: 1}})
		return 0
	}
}

// fail raises an error that has no place in a script.
func (m mover) fail(format string, args ...any) {
	m.L.Error(lua.LString(fmt.Sprintf(format, args...)), 0)
}

// gotoState is the move to the state that the first argument names.
func (m mover) gotoState() { m.enter(m.Get(1), m.Get(2), m.Rest(2), func() {}) }

// pushState is gotoState with a way back.
//
// Differs: in POE the way back is there also when the move fails.
func (m mover) pushState() {
	from, event, placed := m.machine.state, m.Get(1), m.machine.placed()
	if len(m.machine.stack) == mostReturns {
		m.fail("%v has called %d states without returning", &m.Task, mostReturns)
	}
	m.enter(m.Get(2), m.Get(3), m.Rest(3), func() {
		if placed { // else there is nothing to return to
			m.machine.stack = append(m.machine.stack, returnPoint{from, event})
		}
	})
}

// popState is the move back.
//
// Differs: in POE the way back is gone also when the move fails.
func (m mover) popState() {
	n := len(m.machine.stack) - 1
	if n < 0 {
		m.fail("%v has no state to return to", &m.Task)
	}
	back := m.machine.stack[n]
	m.enter(lua.LString(back.state), back.event, m.Rest(0), func() {
		m.machine.stack = slices.Delete(m.machine.stack, min(n, len(m.machine.stack)), len(m.machine.stack))
	})
}

// enter checks a move, tells the old state, switches, and tells the new one. moved is called with the switch.
func (m mover) enter(name, event lua.LValue, args []any, moved func()) {
	state, _ := name.(lua.LString)
	handlers := m.machine.states.handlers[string(state)]
	if name.Type() != lua.LTString || handlers == nil {
		m.fail("%v has no state '%s'", &m.Task, luax.Text(name))
	}
	entry, isName := event.(lua.LString)
	if event != lua.LNil && (!isName || handlers.search(string(entry)) < 0) {
		m.fail("%v has no handler for entry event '%s' in state '%s'", &m.Task, luax.Text(event), string(state))
	}
	if m.machine.handlers.search(eventLeave) >= 0 {
		if m.tell(eventLeave, nil); !m.Alive() {
			return // it was stopped there
		}
	}
	moved()
	m.machine.state, m.machine.handlers = string(state), handlers
	if isName {
		m.tell(string(entry), args)
	}
}

// failedMove is the dispatch of a move, and the event in whose handler it failed. An error passes from there through
// the move, so nobody else can tell afterwards.
type failedMove struct {
	number uint64
	event  string
}

// tell calls a handler of the current state. It was sent from where the move was asked for.
//
// Differs: in POE such an event comes from no file and no line.
func (m mover) tell(event string, args []any) {
	var err error
	told := false
	defer func() {
		if !told {
			m.lib.nfa.failed = failedMove{m.lib.k.Hops(1)[0].Number, event}
		}
	}()
	m.lib.on(m.L, func() { _, err = m.lib.k.Call(&m.Task, event, m.d.Site, args, kernel.WantNothing) })
	if told = true; err != nil {
		m.fail("%v", err)
	}
}

// stop is the end of the machine. Called, it is posted: the handler that calls it goes on.
//
// Differs: in POE a called one stops the machine at once.
func (m mover) stop() {
	if m.d.Kind == kernel.KindCall {
		_ = m.lib.k.Post(&m.Task, moveStop, m.d.Site, nil) // it is alive
		return
	}
	m.lib.k.End(&m.Task)
}

// unhandled is for an event that nothing handles.
func (m mover) unhandled() {
	if m.machine.placed() {
		m.fail("no handler for event '%s' in state '%s' of %v", m.d.Event, m.machine.state, &m.Task)
	}
	m.fail("no handler for event '%s' of %v, which is in no state yet", m.d.Event, &m.Task)
}
