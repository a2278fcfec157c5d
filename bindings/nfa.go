package bindings

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// A machine is a session with one look-up more: an event goes to a handler of the current state, then to one of the
// session's own, which kernel:state made and which belong to no state, then to the state's _default. Moves are events,
// too. They have handlers like any other, written in Go, so there is one way for all to be dispatched and to fail.

// machine is what a state machine has beside what sessions have.
type machine struct {
	states    *stateSet
	state     string // the current one; "" with the handlers of noState before the first move
	handlers  *handlerSet
	stack     []returnPoint
	immediate bool // the option
}

// noState are the handlers of a machine that is in no state.
var noState = handlerSet{shared: true}

// placed says whether the machine is in a state.
func (m *machine) placed() bool { return m.handlers != &noState }

// stateValue is the current state's name for scripts.
func (m *machine) stateValue() lua.LValue {
	if !m.placed() {
		return lua.LNil
	}
	return lua.LString(m.state)
}

// returnPoint is where return_state goes.
type returnPoint struct {
	state string
	event lua.LValue // a name or nil
}

// mostReturns bounds the stack of a machine: one that never returns would fill the memory.
//
// Differs: POE has no bound.
const mostReturns = 1 << 20

// stopped lets go of what a machine no longer needs. The name of its state stays.
func (m *machine) stopped() {
	m.states, m.stack = &stateSet{}, nil
	if m.placed() {
		m.handlers = &noHandlers
	}
}

// held yields what a machine leads to.
func (m *machine) held(yield func(lua.LValue)) {
	for _, name := range m.states.names {
		m.states.handlers[name].held(yield)
	}
}

func (h *handlerSet) held(yield func(lua.LValue)) {
	for i := range h.list {
		if o := &h.list[i]; o.fn != nil {
			yield(o.fn)
		} else {
			yield(o.object)
		}
	}
}

// nfaLib is what the library has for machines.
type nfaLib struct {
	class     *lua.LTable // poe.NFA
	meta      *lua.LTable // the metatable of its objects
	moves     handlerSet  // by their events
	unhandled handler     // of what a machine has no handler for
	failed    failedMove  // the last one
	sets      [4]cachedStates
	nextSet   int
}

// cachedStates are states that were made of a table of inline states, as in cachedSet.
type cachedStates struct {
	table  *lua.LTable
	states *stateSet
}

func (b *Lib) openNFA(l *lua.LState) {
	b.nfa.class = class(l, map[string]lua.LGFunction{
		"spawn":             b.nfaSpawn,
		"goto_state":        b.nfaGotoState,
		"call_state":        b.nfaCallState,
		"return_state":      b.nfaReturnState,
		"stop":              b.nfaStop,
		"get_current_state": b.nfaCurrentState,
		"get_runstate":      b.nfaRunstate,
		"get_heap":          b.sessionGetHeap,
		"id":                b.sessionID,
		"option":            b.sessionOption,
		"postback":          b.sessionPostback,
		"callback":          b.sessionCallback,
		"is_alive":          b.sessionIsAlive,
		"wheels":            b.sessionWheels,
	})
	b.nfa.class.RawSetString("wheel", l.GetField(b.session, "wheel"))
	b.nfa.meta = b.sessionMetatable(l, "poe.NFA", b.nfa.class)
	for event, do := range map[string]func(mover){
		moveGoto: mover.gotoState, movePush: mover.pushState, movePop: mover.popState, moveStop: mover.stop,
	} {
		b.nfa.moves.put(handler{event: event, fn: l.NewFunction(b.nfaMoved(do))})
	}
	b.nfa.unhandled.fn = l.NewFunction(b.nfaMoved(mover.unhandled))
	b.module.RawSetString("NFA", b.nfa.class)
}

// nfaSpawn is poe.NFA.spawn{...} and, for subclasses, Class:spawn{...}.
func (b *Lib) nfaSpawn(l *lua.LState) int {
	n := 1
	class, ok := l.Get(1).(*lua.LTable)
	if ok && l.GetTop() >= 2 && inherits(class, b.nfa.class) {
		n = 2
	} else {
		class = nil
	}
	p := luax.NewParams(l, n, "poe.NFA.spawn")
	s := b.newSession(nil)
	s.object.Metatable = b.nfa.meta
	if class != nil && class != b.nfa.class {
		s.class = class
		s.object.Metatable = b.classMetatable("poe.NFA", class)
	}
	s.machine = &machine{handlers: &noState}
	s.detour = true
	s.configure(p)
	b.alloc(l, s, nil)
	l.Push(&s.object)
	return 1
}

// inherits says whether a table is a class, or leads to it by __index.
func inherits(t, class *lua.LTable) bool {
	for range 100 {
		if t == class {
			return true
		}
		mt, ok := t.Metatable.(*lua.LTable)
		if !ok {
			return false
		}
		if t, ok = mt.RawGetString("__index").(*lua.LTable); !ok {
			return false
		}
	}
	return false
}

// configure checks what spawn was given and fills the machine with it.
func (s *session) configure(p *luax.Params) {
	runstate, options := p.Get("runstate"), p.Table("options")
	inline, objects, packages := p.Table("inline_states"), p.Table("object_states"), p.Table("package_states")
	p.Done()
	if inline == nil && objects == nil && packages == nil {
		p.Raise("needs inline_states, object_states or package_states")
	}
	if runstate != lua.LNil {
		s.heap = runstate
	}
	if options != nil {
		if k := s.setOptions(options); k != nil {
			p.Raise("options: names are strings, got %s", luax.TypeName(k))
		}
	}
	m := s.machine
	if m.states = s.inlineMachine(p, inline); objects != nil || packages != nil {
		m.states = m.states.clone()
		s.methodMachine(p, byObject, "object_states", objects)
		s.methodMachine(p, byPackage, "package_states", packages)
	}
}

// checkMachine is the machine before the colon.
func (b *Lib) checkMachine(l *lua.LState, method string) *session {
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		if s, ok := ud.Value.(*session); ok && s.machine != nil {
			return s
		}
	}
	l.RaiseError("calling '%s' on a bad self (use machine:%s)", method, method)
	return nil
}

// Differs: in POE a machine that is in no state says "(undef)".
func (b *Lib) nfaCurrentState(l *lua.LState) int {
	l.Push(b.checkMachine(l, "get_current_state").machine.stateValue())
	return 1
}

func (b *Lib) nfaRunstate(l *lua.LState) int {
	l.Push(b.checkMachine(l, "get_runstate").getHeap())
	return 1
}

func (b *Lib) nfaGotoState(l *lua.LState) int {
	s := b.checkMachine(l, "goto_state")
	a := luax.Args{L: l, Name: "goto_state", Base: 1}
	a.String(1)
	optionalEvent(a, 2)
	return s.ask(a, moveGoto)
}

func (b *Lib) nfaCallState(l *lua.LState) int {
	s := b.checkMachine(l, "call_state")
	a := luax.Args{L: l, Name: "call_state", Base: 1}
	optionalEvent(a, 1)
	a.String(2)
	optionalEvent(a, 3)
	return s.ask(a, movePush)
}

func (b *Lib) nfaReturnState(l *lua.LState) int {
	s := b.checkMachine(l, "return_state")
	return s.ask(luax.Args{L: l, Name: "return_state", Base: 1}, movePop)
}

func (b *Lib) nfaStop(l *lua.LState) int {
	s := b.checkMachine(l, "stop")
	b.changing(l, "machine:stop")
	return b.result(l, b.k.Post(&s.Task, moveStop, site(l), nil))
}

func optionalEvent(a luax.Args, n int) {
	if !a.Missing(n) {
		a.String(n)
	}
}
