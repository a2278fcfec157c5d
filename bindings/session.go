package bindings

import (
	"fmt"
	"maps"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// session is a session whose handlers are Lua functions: the kernel's task, the object that scripts see and its ctx, in
// one piece.
type session struct {
	kernel.Task
	lib      *Lib
	object   lua.LUserData
	ctx      lua.LTable
	heap     lua.LValue // nil until somebody looks
	handlers *handlerSet
	machine  *machine    // what only a state machine has; nil for other sessions
	class    *lua.LTable // of a subclass; nil for poe.Session and poe.NFA themselves
	options  map[string]lua.LValue
	looked   uint64

	started  bool
	detour   bool // events take another way to their handlers: the class has an invoke of its own, or it is a machine
	trace    bool
	debug    bool
	fallback bool // the option default
}

func (b *Lib) openSession(l *lua.LState) {
	b.session = class(l, map[string]lua.LGFunction{
		"create":      b.sessionCreate,
		"instantiate": b.sessionInstantiate,
		"try_alloc":   b.sessionTryAlloc,
		"id":          b.sessionID,
		"get_heap":    b.sessionGetHeap,
		"option":      b.sessionOption,
		"postback":    b.sessionPostback,
		"callback":    b.sessionCallback,
		"is_alive":    b.sessionIsAlive,
		"wheels":      b.sessionWheels,
	})
	wheel := luax.NewDirect(l, b.sessionWheel, b.directWheel)
	b.hotMethod(l, "wheel", wheel)
	b.invoke = l.NewFunction(b.sessionInvoke)
	b.session.RawSetString("invoke", b.invoke)
	b.sessionMeta = b.sessionMetatable(l, "poe.Session", b.session, "wheel")
	b.method = l.NewFunction(b.callMethod)
}

// sessionMetatable makes the metatable of the objects of a class.
func (b *Lib) sessionMetatable(l *lua.LState, name string, class lua.LValue, hot ...string) *lua.LTable {
	return metatable(l, name, class, map[string]lua.LGFunction{
		"__newindex": b.sessionNewIndex,
		"__tostring": b.sessionString,
	}, hot...)
}

// hotMethod gives poe.Session a method that is found by a short way as long as the script does not put another in its place. That
// is noticed because the method lies in a table behind the class.
func (b *Lib) hotMethod(l *lua.LState, name string, method *lua.LFunction) {
	behind, up := l.CreateTable(0, 1), l.CreateTable(0, 3)
	behind.RawSetString(name, method)
	up.RawSetString("__index", behind)
	up.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		luax.DropHot(b.sessionMeta)
		key := l.CheckAny(2)
		if n, ok := key.(lua.LNumber); key == lua.LNil || ok && n != n {
			l.RaiseError("table index is %s", key.String())
		}
		l.CheckTable(1).RawSet(key, l.CheckAny(3))
		return 0
	}))
	up.RawSetString("__metatable", lua.LString("poe.Session"))
	b.session.Metatable = up
}

// newSession makes a session that the kernel does not know yet.
func (b *Lib) newSession(class *lua.LTable) *session {
	s := &session{lib: b, handlers: &noHandlers, class: class}
	s.object = lua.LUserData{Value: s, Metatable: b.sessionMeta}
	s.ctx.Metatable = b.contextMeta
	if class != nil {
		s.object.Metatable = b.classMetatable("poe.Session", class)
		s.detour = b.main.GetField(class, "invoke") != b.invoke
	}
	if b.k.Assert()&kernel.AssertStates != 0 {
		s.setOption("default", lua.LTrue)
	}
	return s
}

// classesKept bounds the metatables that are kept for subclasses: a script may make a class for each session.
const classesKept = 256

// classMetatable is the metatable of the objects of a subclass, of the class that is called name. Its own __tostring,
// __eq and __call have precedence.
func (b *Lib) classMetatable(name string, class *lua.LTable) *lua.LTable {
	mt := b.classMetas[class]
	if mt == nil {
		if len(b.classMetas) == classesKept {
			clear(b.classMetas) // a class that is used again gets another that does the same
		}
		mt = b.sessionMetatable(b.main, name, class)
		for _, event := range []string{"__tostring", "__eq", "__call"} {
			if f, ok := class.RawGetString(event).(*lua.LFunction); ok {
				mt.RawSetString(event, f)
			}
		}
		b.classMetas[class] = mt
	}
	return mt
}

// sessionNewIndex gives one session object a field of its own.
func (b *Lib) sessionNewIndex(l *lua.LState) int {
	s := b.checkSession(l, "__newindex")
	if s == nil {
		l.RaiseError("this session is not one of Lua's: it takes no fields")
	}
	shared, _ := s.object.Metatable.(*lua.LTable)
	own, _ := shared.RawGetString("__index").(*lua.LTable)
	if shared == b.sessionMeta || shared == b.nfa.meta || own == s.class {
		own = l.CreateTable(0, 4)
		up := l.CreateTable(0, 1)
		up.RawSetString("__index", shared.RawGetString("__index"))
		own.Metatable = up
		mt := l.CreateTable(0, 6)
		shared.ForEach(func(k, v lua.LValue) { mt.RawSet(k, v) })
		mt.RawSetString("__index", own)
		s.object.Metatable = mt
	}
	own.RawSet(l.Get(2), l.Get(3))
	return 0
}

// String names the session for people: poe.Session(3 logger).
func (s *session) String() string { return taskString(&s.Task) }

func taskString(t *kernel.Task) string {
	class := "poe.Session"
	if s, ok := t.Receiver().(*session); ok && s.machine != nil {
		class = "poe.NFA"
	}
	if aliases := t.Aliases(); len(aliases) > 0 {
		return fmt.Sprintf("%s(%v %s)", class, t.ID(), strings.Join(aliases, " "))
	}
	return fmt.Sprintf("%s(%v)", class, t.ID())
}

func (b *Lib) sessionString(l *lua.LState) int {
	l.Push(lua.LString(taskString(b.checkTask(l, "tostring"))))
	return 1
}

// checkTask is the session object before the colon.
func (b *Lib) checkTask(l *lua.LState, method string) *kernel.Task {
	if t := sessionTask(l.Get(1)); t != nil {
		return t
	}
	l.RaiseError("calling '%s' on a bad self (use session:%s)", method, method)
	return nil
}

// checkSession is the same, nil for a session that is not Lua's.
func (b *Lib) checkSession(l *lua.LState, method string) *session {
	s, _ := b.checkTask(l, method).Receiver().(*session)
	if s == nil {
		if ud, ok := l.Get(1).(*lua.LUserData); ok {
			s, _ = ud.Value.(*session) // not started yet
		}
	}
	return s
}

// sessionTask is the task of a session object, nil if v is none.
func sessionTask(v lua.LValue) *kernel.Task {
	if ud, ok := v.(*lua.LUserData); ok {
		switch v := ud.Value.(type) {
		case *session:
			return &v.Task
		case *kernel.Task:
			return v
		}
	}
	return nil
}

// foreign is the object of a session that is not Lua's.
func (b *Lib) foreign(t *kernel.Task) lua.LValue {
	if ud := b.foreigners[t]; ud != nil {
		return ud
	}
	if len(b.foreigners) >= b.foreignBound {
		maps.DeleteFunc(b.foreigners, func(old *kernel.Task, _ *lua.LUserData) bool { return !old.Alive() })
		b.foreignBound = max(64, 2*len(b.foreigners))
	}
	ud := &lua.LUserData{Value: t, Metatable: b.sessionMeta}
	b.foreigners[t] = ud
	return ud
}

func (b *Lib) sessionID(l *lua.LState) int {
	if id := b.checkTask(l, "id").ID(); id != 0 {
		l.Push(lua.LNumber(id))
	} else {
		l.Push(lua.LNil) // not given to the kernel yet
	}
	return 1
}

func (b *Lib) sessionIsAlive(l *lua.LState) int {
	t := b.checkTask(l, "is_alive")
	l.Push(lua.LBool(t.ID() != 0 && t.Alive()))
	return 1
}

func (b *Lib) sessionGetHeap(l *lua.LState) int {
	if s := b.checkSession(l, "get_heap"); s != nil {
		l.Push(s.getHeap())
		return 1
	}
	return 0
}

// sessionOption reads and sets options.
func (b *Lib) sessionOption(l *lua.LState) int {
	s := b.checkSession(l, "option")
	if s == nil {
		return 0
	}
	a := luax.Args{L: l, Name: "option", Base: 1}
	if _, name := a.Get(1).(lua.LString); !name || a.Count() > 1 {
		b.changing(l, "session:option")
	}
	if t, ok := a.Get(1).(*lua.LTable); ok {
		old := l.CreateTable(0, 4)
		for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
			name, ok := k.(lua.LString)
			if !ok {
				luax.ArgError(l, "option", 1, "option names are strings, got "+luax.TypeName(k))
			}
			old.RawSetString(strings.ToLower(string(name)), s.setOption(string(name), v))
		}
		l.Push(old)
		return 1
	}
	switch n := a.Count(); {
	case n <= 1:
		l.Push(s.option(a.String(1)))
	case n == 2:
		l.Push(s.setOption(a.String(1), a.Get(2)))
	default:
		old := l.CreateTable(0, 4)
		for i := 1; i <= n; i += 2 {
			a.String(i) // all names before any is set
		}
		for i := 1; i < n; i += 2 {
			old.RawSetString(strings.ToLower(a.String(i)), s.setOption(a.String(i), a.Get(i+1)))
		}
		if n%2 == 1 {
			old.RawSetString(strings.ToLower(a.String(n)), s.option(a.String(n)))
		}
		l.Push(old)
	}
	return 1
}

// setOptions sets those of a table. It returns a key that is no name of one.
func (s *session) setOptions(t *lua.LTable) (wrong lua.LValue) {
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			return k
		}
		s.setOption(string(name), v)
	}
	return nil
}

func (s *session) option(name string) lua.LValue {
	if v, ok := s.options[strings.ToLower(name)]; ok {
		return v
	}
	return lua.LNil
}

// setOption sets an option, removes it if v is nil, and returns what it was.
func (s *session) setOption(name string, v lua.LValue) lua.LValue {
	name = strings.ToLower(name)
	old := s.option(name)
	if word, ok := v.(lua.LString); ok {
		switch strings.ToLower(string(word)) {
		case "on", "yes", "true":
			v = lua.LTrue
		case "off", "no", "false":
			v = lua.LFalse
		}
	}
	if v == lua.LNil {
		delete(s.options, name)
	} else {
		if s.options == nil {
			s.options = map[string]lua.LValue{}
		}
		s.options[name] = v
	}
	on := lua.LVAsBool(v) && v != lua.LNumber(0)
	switch name {
	case "trace":
		s.trace = on
	case "debug":
		s.debug = on
	case "default":
		s.fallback = on
	case "immediate":
		if s.machine != nil {
			s.machine.immediate = on
		}
	}
	return old
}
