package bindings

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// stateSet are the states of a machine. Its lists of handlers never change, so that machines share it.
type stateSet struct {
	names    []string // in the order in which they were given
	handlers map[string]*handlerSet
}

// set gives a state the handlers.
func (t *stateSet) set(name string, handlers *handlerSet) {
	if t.handlers[name] == nil {
		t.names = append(t.names, name)
	}
	t.handlers[name] = handlers
}

func (t *stateSet) clone() *stateSet {
	c := &stateSet{handlers: make(map[string]*handlerSet, len(t.names))}
	for _, name := range t.names {
		c.set(name, t.handlers[name])
	}
	return c
}

// sameAs says whether the states are what a table of inline states would give.
func (t *stateSet) sameAs(table *lua.LTable) bool {
	if luax.Fields(table) != len(t.names) || table.Len() > 0 {
		return false
	}
	for _, name := range t.names {
		events, ok := table.RawGetString(name).(*lua.LTable)
		if !ok || !t.handlers[name].sameAs(events) {
			return false
		}
	}
	return true
}

// inlineMachine makes states of functions.
//
// Differs: POE takes the tables for its own and empties those of methods.
func (s *session) inlineMachine(p *luax.Params, t *lua.LTable) *stateSet {
	states := &stateSet{handlers: map[string]*handlerSet{}}
	if t == nil {
		return states
	}
	nfa := &s.lib.nfa
	for i := range nfa.sets {
		if c := &nfa.sets[i]; c.table == t && c.states.sameAs(t) {
			return c.states
		}
	}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, where := stateName(p, "inline_states", k)
		events, ok := v.(*lua.LTable)
		if !ok {
			p.L.RaiseError("%s: table expected, got %s", where, luax.TypeName(v))
		}
		set := &handlerSet{shared: true}
		for k, v := events.Next(lua.LNil); k != lua.LNil; k, v = events.Next(k) {
			event := machineEvent(p.L, where, k)
			fn, ok := v.(*lua.LFunction)
			switch {
			case !ok:
				p.L.RaiseError("%s: event '%s' needs a function, got %s", where, event, luax.TypeName(v))
			case !neverTold(event):
				set.put(handler{event: event, fn: fn, kind: byInline})
			}
		}
		states.set(name, set)
	}
	nfa.sets[nfa.nextSet] = cachedStates{t, states}
	nfa.nextSet = (nfa.nextSet + 1) % len(nfa.sets)
	return states
}

// methodMachine adds states of methods to those that are there.
//
// Differs: in POE a state that is given again replaces the one that was there.
func (s *session) methodMachine(p *luax.Params, kind handlerKind, param string, t *lua.LTable) {
	if t == nil {
		return
	}
	m := s.machine
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, where := stateName(p, param, k)
		if s.handlers = m.states.handlers[name]; s.handlers == nil {
			s.handlers = &noHandlers
		}
		r := methodReader{p.L, s, kind, where, "event"}
		r.objects(v)
		s.handlers.shared = true
		m.states.set(name, s.handlers)
	}
	s.handlers = &noHandlers
}

// stateName checks the name of a state. where is what errors about the state begin with.
func stateName(p *luax.Params, param string, v lua.LValue) (name, where string) {
	s, ok := v.(lua.LString)
	if !ok {
		p.Raise("%s: names of states are strings, got %s", param, luax.TypeName(v))
	}
	return string(s), p.Who + ": " + param + ": state '" + string(s) + "'"
}

// machineEvent is eventName for an event of a machine.
func machineEvent(l *lua.LState, where string, v lua.LValue) string {
	event := eventName(l, where, "event", v)
	if isMove(event) {
		l.RaiseError("%s: no event can be called '%s': names with %s are the machine's own", where, event, movePrefix)
	}
	return event
}

// neverTold says whether no state is told of an event, whether it has a handler or not.
func neverTold(event string) bool { return event == kernel.EventStart || event == kernel.EventStop }
