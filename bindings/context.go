package bindings

import (
	"reflect"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// A ctx is an empty table inside its session: most sessions handle few events, and a table with three fields would take
// three quarters of a kilobyte. Its fields are answered in Go, which takes 80 ns each. A session that looks at them often
// is worth more: promote puts kernel, session and heap into the table, where they are found in 12. From then on
// they are the script's to spoil, and the field heap is the heap. In a machine's ctx the heap's field is runstate, and heap is
// another name for it that is answered in Go.

// promoteAfter is how often a session may look at kernel, session and heap before its ctx gets them as fields.
const promoteAfter = 256

var contextOffset = fieldOffset[session]("ctx")

func fieldOffset[T any](name string) uintptr {
	f, _ := reflect.TypeFor[T]().FieldByName(name)
	return f.Offset
}

func (b *Lib) openContext(l *lua.LState) {
	b.contextMeta = metatable(l, "poe.Context", l.NewFunction(b.contextIndex), map[string]lua.LGFunction{
		"__newindex": b.contextNewIndex,
		"__tostring": b.contextString,
	})
}

// contextSession is the session whose ctx v is; nil if it is none. Scripts cannot get at the metatable that tells.
func (b *Lib) contextSession(v lua.LValue) *session {
	if t, ok := v.(*lua.LTable); ok && t.Metatable == lua.LValue(b.contextMeta) {
		return luax.Container[session](t, contextOffset)
	}
	return nil
}

func (b *Lib) checkContext(l *lua.LState) *session {
	s := b.contextSession(l.Get(1))
	if s == nil {
		l.RaiseError("poe.Context expected, got %s", l.Get(1).Type().String())
	}
	return s
}

func (b *Lib) contextString(l *lua.LState) int {
	l.Push(lua.LString("poe.Context(" + b.checkContext(l).ID().String() + ")"))
	return 1
}

// contextIndex answers a field of a ctx.
func (b *Lib) contextIndex(l *lua.LState) int {
	l.Push(b.contextField(b.checkContext(l), l.Get(2)))
	return 1
}

func (b *Lib) contextField(s *session, key lua.LValue) lua.LValue {
	name, _ := key.(lua.LString)
	switch name {
	case "kernel", "session", "heap", "machine", "runstate":
		if s.looked++; s.looked == promoteAfter {
			s.promote()
		}
	}
	switch name {
	case "kernel":
		return b.kernelTable
	case "session":
		return &s.object
	case "heap":
		return s.getHeap()
	}
	d := s.Dispatch()
	if s.machine != nil {
		if v := s.machineField(d, name); v != nil {
			return v
		}
	}
	if d == nil {
		return lua.LNil
	}
	switch name {
	case "state":
		return handledEvent(d)
	case "object":
		if object, ok := d.Object.(lua.LValue); ok {
			return object
		}
	case "sender":
		return b.taskValue(d.From)
	case "caller_state":
		return stringOrNil(d.FromState)
	case "caller_file":
		if file, _ := b.k.Locate(d.Site); file != "" {
			return lua.LString(file)
		}
	case "caller_line":
		if file, line := b.k.Locate(d.Site); file != "" {
			return lua.LNumber(line)
		}
	}
	return lua.LNil
}

// handledEvent is the name under which the handler of an event was found.
func handledEvent(d *kernel.Dispatch) lua.LValue {
	if d.State != "" {
		return lua.LString(d.State)
	}
	return lua.LString(d.Event)
}

// machineField answers the fields that a machine's ctx has beside those of a session's, and state, which is the
// machine's; nil for others.
//
// Differs: in POE the state that a handler sees stays the one that it was found in, also after an immediate move.
func (s *session) machineField(d *kernel.Dispatch, name lua.LString) lua.LValue {
	switch {
	case name == "machine":
		return &s.object
	case name == "runstate":
		return s.getHeap()
	case d == nil:
	case name == "event":
		return handledEvent(d)
	case name == "state":
		return s.machine.stateValue()
	}
	return nil
}

// contextNewIndex sets ctx.heap; any other field raises.
func (b *Lib) contextNewIndex(l *lua.LState) int {
	s := b.checkContext(l)
	name, _ := l.Get(2).(lua.LString)
	if s.machine != nil {
		switch name {
		case "runstate":
			name = "heap"
		case "machine", "event":
			l.RaiseError("ctx.%s cannot be set", string(name))
		}
	}
	switch name {
	case "heap":
		s.setHeap(l.Get(3))
	case "kernel", "session", "object", "state", "sender", "caller_file", "caller_line", "caller_state":
		l.RaiseError("ctx.%s cannot be set", string(name))
	default:
		l.RaiseError("ctx has no field '%s' (keep things in ctx.%s)", l.Get(2).String(), s.heapField())
	}
	return 0
}

// promoted says whether the fields are in the table. A heap that was set to nil is looked for again.
func (s *session) promoted() bool { return s.looked >= promoteAfter }

// heapField is the name under which the heap is in the table then.
func (s *session) heapField() string {
	if s.machine != nil {
		return "runstate"
	}
	return "heap"
}

func (s *session) getHeap() lua.LValue {
	if s.promoted() {
		if v := s.ctx.RawGetString(s.heapField()); v != lua.LNil {
			return v
		}
		s.heap = nil
	}
	if s.heap == nil {
		s.setHeap(lua.LNil)
	}
	return s.heap
}

func (s *session) setHeap(v lua.LValue) {
	if v == lua.LNil {
		v = s.lib.main.CreateTable(0, 4)
	}
	s.heap = v
	if s.promoted() {
		s.ctx.RawSetString(s.heapField(), v)
	}
}

// promote gives the ctx of a busy session its constant fields.
func (s *session) promote() {
	t := s.lib.main.CreateTable(0, 4)
	t.Metatable = s.lib.contextMeta
	t.RawSetString("kernel", s.lib.kernelTable)
	t.RawSetString("session", &s.object)
	if s.heap != nil {
		t.RawSetString(s.heapField(), s.heap)
	}
	if s.machine != nil {
		t.RawSetString("machine", &s.object)
	}
	s.ctx = *t
}
