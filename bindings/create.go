package bindings

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// sessionCreate is poe.Session.create{...} and, for subclasses, Class:create{...}.
func (b *Lib) sessionCreate(l *lua.LState) int {
	params, isTable := l.Get(1).(*lua.LTable)
	var class *lua.LTable
	n := 1
	if l.GetTop() >= 2 && isTable && b.isClass(l, params) {
		class, n = params, 2
		params, isTable = l.Get(2).(*lua.LTable)
		if class == b.session {
			class = nil
		}
	}
	if !isTable {
		luax.TypeError(l, "create", n, "table", luax.Args{L: l, Base: 0}.Get(n))
	}
	if class == nil {
		s := b.newSession(nil)
		b.alloc(l, s, s.process(l, params))
		l.Push(&s.object)
		return 1
	}
	return b.createSubclass(l, class, params)
}

// isClass says whether a table is poe.Session or a subclass of it.
func (b *Lib) isClass(l *lua.LState, t *lua.LTable) bool {
	return t == b.session || t.Metatable != lua.LNil && l.GetField(t, "create") == b.session.RawGetString("create")
}

// createSubclass goes through the methods that a subclass may override.
func (b *Lib) createSubclass(l *lua.LState, class, params *lua.LTable) int {
	copied := l.CreateTable(0, 6)
	for k, v := params.Next(lua.LNil); k != lua.LNil; k, v = params.Next(k) {
		copied.RawSet(k, v)
	}
	l.Push(l.GetField(class, "instantiate"))
	l.Push(class)
	l.Push(copied)
	l.Call(2, 1)
	object := l.Get(-1)
	ud, _ := object.(*lua.LUserData)
	var s *session
	if ud != nil {
		s, _ = ud.Value.(*session)
	}
	if s == nil || s.started {
		l.RaiseError("poe.Session.create: instantiate must return the new session, got %s", luax.TypeName(object))
	}
	args := s.process(l, copied)
	top := l.GetTop()
	l.Push(l.GetField(object, "try_alloc"))
	l.Push(object)
	for _, v := range args {
		l.Push(b.toLua(v))
	}
	l.Call(1+len(args), 1)
	l.Insert(object, top+1)
	l.SetTop(top + 2)
	return 1
}

// sessionInstantiate makes an empty session of a class.
func (b *Lib) sessionInstantiate(l *lua.LState) int {
	class, ok := l.Get(1).(*lua.LTable)
	if !ok || !b.isClass(l, class) {
		l.RaiseError("calling 'instantiate' on a bad self (use class:instantiate)")
	}
	if class == b.session {
		class = nil
	}
	l.Push(&b.newSession(class).object)
	return 1
}

// sessionTryAlloc gives the session to the kernel and runs its _start.
func (b *Lib) sessionTryAlloc(l *lua.LState) int {
	s := b.checkSession(l, "try_alloc")
	if s == nil || s.started {
		l.RaiseError("try_alloc: the session was given to the kernel before")
	}
	b.alloc(l, s, luax.Args{L: l, Base: 1}.Rest(0))
	l.Push(&s.object)
	return 1
}

func (b *Lib) alloc(l *lua.LState, s *session, args []any) {
	b.changing(l, "making a session")
	s.started = true
	b.on(l, func() { b.k.Start(&s.Task, s, args) })
}

func createError(l *lua.LState, format string, args ...any) {
	l.RaiseError("poe.Session.create: %s", fmt.Sprintf(format, args...))
}

// process checks what create was given and fills the session with it. It returns the arguments of _start.
func (s *session) process(l *lua.LState, params *lua.LTable) []any {
	left := luax.Fields(params) + params.Len()
	take := func(name string) lua.LValue {
		if left == 0 {
			return nil
		}
		v := params.RawGetString(name)
		if v == lua.LNil {
			return nil
		}
		left--
		return v
	}
	inline, given := take("inline_states"), take("args")
	heap, objects, packages, options := take("heap"), take("object_states"), take("package_states"), take("options")
	if left > 0 {
		unknownParameter(l, params)
	}
	s.heap = heap
	if options != nil {
		t, ok := options.(*lua.LTable)
		if !ok {
			createError(l, "options: table expected, got %s", luax.TypeName(options))
		}
		for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
			name, ok := k.(lua.LString)
			if !ok {
				createError(l, "options: names are strings, got %s", luax.TypeName(k))
			}
			s.setOption(string(name), v)
		}
	}
	if inline != nil {
		s.inlineStates(l, inline)
	}
	if objects != nil {
		s.objectStates(l, "object_states", "object", objects)
	}
	if packages != nil {
		s.objectStates(l, "package_states", "class", packages)
	}
	if s.handlers.find(kernel.EventStart) == nil {
		createError(l, "no _start state")
	}
	if given == nil {
		return nil
	}
	return startArgs(given)
}

// unknownParameter raises for the first key that create does not know.
func unknownParameter(l *lua.LState, params *lua.LTable) {
	for k, _ := params.Next(lua.LNil); k != lua.LNil; k, _ = params.Next(k) {
		switch name, _ := k.(lua.LString); name {
		case "inline_states", "object_states", "package_states", "args", "heap", "options":
		default:
			createError(l, "unknown parameter '%s'", k.String())
		}
	}
}

// startArgs are the values of args: those of a table, of which n counts if it is there; anything else is one.
func startArgs(v lua.LValue) []any {
	t, ok := v.(*lua.LTable)
	if !ok {
		return []any{v}
	}
	n := t.Len()
	if count, ok := t.RawGetString("n").(lua.LNumber); ok && count >= 0 && count < 1<<24 {
		n = int(count)
	}
	if n == 0 {
		return nil
	}
	args := make([]any, n)
	for i := range args {
		args[i] = t.RawGetInt(i + 1)
	}
	return args
}

// cachedSet is a set of handlers that was made of a table of inline states. Sessions that are made of the same
// table, while it holds the same functions, share it.
type cachedSet struct {
	table *lua.LTable
	set   *handlerSet
}

func (s *session) inlineStates(l *lua.LState, v lua.LValue) {
	t, ok := v.(*lua.LTable)
	if !ok {
		createError(l, "inline_states: table expected, got %s", luax.TypeName(v))
	}
	b := s.lib
	for i := range b.sets {
		if c := &b.sets[i]; c.table == t && c.set.sameAs(t) {
			s.handlers = c.set
			return
		}
	}
	set := &handlerSet{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name := stateName(l, "inline_states", k)
		fn, ok := v.(*lua.LFunction)
		if !ok {
			createError(l, "inline state '%s' needs a function, got %s", name, luax.TypeName(v))
		}
		set.put(handler{event: name, fn: fn})
	}
	set.shared = true
	b.sets[b.nextSet] = cachedSet{t, set}
	b.nextSet = (b.nextSet + 1) % len(b.sets)
	s.handlers = set
}

// stateName checks the name of a state.
func stateName(l *lua.LState, param string, v lua.LValue) string {
	name, ok := v.(lua.LString)
	if !ok {
		createError(l, "%s: names of states are strings, got %s", param, luax.TypeName(v))
	}
	if name == kernel.EventSignal {
		createError(l, "%s: a state cannot be called _signal (watch signals with kernel:sig)", param)
	}
	return string(name)
}

func (s *session) objectStates(l *lua.LState, param, what string, v lua.LValue) {
	t, ok := v.(*lua.LTable)
	if !ok {
		createError(l, "%s: table expected, got %s", param, luax.TypeName(v))
	}
	n := t.Len()
	if n%2 == 1 {
		createError(l, "%s: odd number of elements (%s, states, %s, states, ...)", param, what, what)
	}
	for i := 1; i <= n; i += 2 {
		object := t.RawGetInt(i)
		switch object.(type) {
		case *lua.LTable, *lua.LUserData:
		default:
			createError(l, "%s: element %d: %s expected, got %s", param, i, what, luax.TypeName(object))
		}
		states, ok := t.RawGetInt(i + 1).(*lua.LTable)
		if !ok {
			createError(l, "%s: element %d: table of states expected, got %s", param, i+1, luax.TypeName(t.RawGetInt(i+1)))
		}
		s.methodStates(l, param, what, object, states)
	}
}

// methodStates reads one table of states: a list of names that are both event and method, a map from event to method,
// or both in one.
func (s *session) methodStates(l *lua.LState, param, what string, object lua.LValue, states *lua.LTable) {
	n := states.Len()
	for i := 1; i <= n; i++ {
		name := stateName(l, param, states.RawGetInt(i))
		s.addMethod(l, param, what, object, name, name)
	}
	for k, v := states.Next(lua.LNil); k != lua.LNil; k, v = states.Next(k) {
		if i, ok := k.(lua.LNumber); ok && i >= 1 && i <= lua.LNumber(n) {
			continue
		}
		name := stateName(l, param, k)
		method, ok := v.(lua.LString)
		if !ok {
			createError(l, "%s: state '%s' needs the name of a method, got %s", param, name, luax.TypeName(v))
		}
		s.addMethod(l, param, what, object, name, string(method))
	}
}

func (s *session) addMethod(l *lua.LState, param, what string, object lua.LValue, name, method string) {
	if !callable(l, l.GetField(object, method)) {
		createError(l, "%s: the %s has no method '%s'", param, what, method)
	}
	s.define(l, handler{event: name, object: object, method: method})
}

// callable says whether a value can be called.
func callable(l *lua.LState, v lua.LValue) bool {
	return v.Type() == lua.LTFunction || l.GetMetaField(v, "__call").Type() == lua.LTFunction
}
