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
		if k := s.setOptions(t); k != nil {
			createError(l, "options: names are strings, got %s", luax.TypeName(k))
		}
	}
	if inline != nil {
		s.inlineStates(l, inline)
	}
	if objects != nil {
		r := methodReader{l, s, byObject, "poe.Session.create: object_states", "state"}
		r.objects(objects)
	}
	if packages != nil {
		r := methodReader{l, s, byPackage, "poe.Session.create: package_states", "state"}
		r.objects(packages)
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
		name := eventName(l, "poe.Session.create: inline_states", "state", k)
		fn, ok := v.(*lua.LFunction)
		if !ok {
			createError(l, "inline state '%s' needs a function, got %s", name, luax.TypeName(v))
		}
		set.put(handler{event: name, fn: fn, kind: byInline})
	}
	set.shared = true
	b.sets[b.nextSet] = cachedSet{t, set}
	b.nextSet = (b.nextSet + 1) % len(b.sets)
	s.handlers = set
}

// eventName checks the name of an event that is given a handler. where begins the errors, what is an event's name there.
func eventName(l *lua.LState, where, what string, v lua.LValue) string {
	name, ok := v.(lua.LString)
	if !ok {
		l.RaiseError("%s: names of %ss are strings, got %s", where, what, luax.TypeName(v))
	}
	if name == kernel.EventSignal {
		l.RaiseError("%s: no %s can be called _signal (watch signals with kernel:sig)", where, what)
	}
	return string(name)
}

// methodReader reads handlers that are methods into the handlers of a session.
type methodReader struct {
	l     *lua.LState
	s     *session
	kind  handlerKind // byObject or byPackage
	where string      // what errors begin with
	what  string      // what they call an event: a machine's is no state
}

func (r *methodReader) fail(format string, args ...any) {
	r.l.RaiseError("%s: %s", r.where, fmt.Sprintf(format, args...))
}

// owner is what has the methods.
func (r *methodReader) owner() string {
	if r.kind == byPackage {
		return "class"
	}
	return "object"
}

// objects reads a list: object, events, object, events, ...
func (r *methodReader) objects(v lua.LValue) {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail("table expected, got %s", luax.TypeName(v))
	}
	n := t.Len()
	if n%2 == 1 {
		r.fail("odd number of elements (%[1]s, %[2]ss, %[1]s, %[2]ss, ...)", r.owner(), r.what)
	}
	for i := 1; i <= n; i += 2 {
		object := t.RawGetInt(i)
		switch object.(type) {
		case *lua.LTable, *lua.LUserData:
		default:
			r.fail("element %d: %s expected, got %s", i, r.owner(), luax.TypeName(object))
		}
		events, ok := t.RawGetInt(i + 1).(*lua.LTable)
		if !ok {
			r.fail("element %d: table of %ss expected, got %s", i+1, r.what, luax.TypeName(t.RawGetInt(i+1)))
		}
		r.methods(object, events)
	}
}

// methods reads one table of events: a list of names that are both event and method, a map from event to method, or both
// in one.
func (r *methodReader) methods(object lua.LValue, events *lua.LTable) {
	n := events.Len()
	for i := 1; i <= n; i++ {
		name := r.event(events.RawGetInt(i))
		r.add(object, name, name)
	}
	for k, v := events.Next(lua.LNil); k != lua.LNil; k, v = events.Next(k) {
		if i, ok := k.(lua.LNumber); ok && i >= 1 && i <= lua.LNumber(n) {
			continue
		}
		name := r.event(k)
		method, ok := v.(lua.LString)
		if !ok {
			r.fail("%s '%s' needs the name of a method, got %s", r.what, name, luax.TypeName(v))
		}
		r.add(object, name, string(method))
	}
}

func (r *methodReader) event(v lua.LValue) string {
	if r.s.machine != nil {
		return machineEvent(r.l, r.where, v)
	}
	return eventName(r.l, r.where, r.what, v)
}

func (r *methodReader) add(object lua.LValue, event, method string) {
	if !callable(r.l, r.l.GetField(object, method)) {
		r.fail("the %s has no method '%s'", r.owner(), method)
	}
	if r.s.machine == nil || !neverTold(event) {
		r.s.define(r.l, handler{event: event, object: object, method: method, kind: r.kind})
	}
}

// callable says whether a value can be called.
func callable(l *lua.LState, v lua.LValue) bool {
	return v.Type() == lua.LTFunction || l.GetMetaField(v, "__call").Type() == lua.LTFunction
}
