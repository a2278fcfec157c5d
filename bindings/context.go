package bindings

import (
	"reflect"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// A ctx is an empty table inside its session: most sessions handle few events, and a table with three fields would take
// three quarters of a kilobyte. Its fields are answered in Go, which takes 80 ns each. A session that looks at them often
// is worth more: promote puts kernel, session and heap into the table, where they are found in 12. From then on
// they are the script's to spoil, and the field heap is the heap.

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
	case "kernel", "session", "heap":
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
	if d == nil {
		return lua.LNil
	}
	switch name {
	case "state":
		if d.State != "" {
			return lua.LString(d.State)
		}
		return lua.LString(d.Event)
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

// contextNewIndex sets ctx.heap; any other field raises.
func (b *Lib) contextNewIndex(l *lua.LState) int {
	s := b.checkContext(l)
	name, _ := l.Get(2).(lua.LString)
	switch name {
	case "heap":
		s.setHeap(l.Get(3))
	case "kernel", "session", "object", "state", "sender", "caller_file", "caller_line", "caller_state":
		l.RaiseError("ctx.%s cannot be set", string(name))
	default:
		l.RaiseError("ctx has no field '%s' (keep things in ctx.heap)", l.Get(2).String())
	}
	return 0
}

// promoted says whether the fields are in the table. A heap that was set to nil is looked for again.
func (s *session) promoted() bool { return s.looked >= promoteAfter }

func (s *session) getHeap() lua.LValue {
	if s.promoted() {
		if v := s.ctx.RawGetString("heap"); v != lua.LNil {
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
		s.ctx.RawSetString("heap", v)
	}
}

// promote gives the ctx of a busy session its constant fields.
func (s *session) promote() {
	t := s.lib.main.CreateTable(0, 3)
	t.Metatable = s.lib.contextMeta
	t.RawSetString("kernel", s.lib.kernelTable)
	t.RawSetString("session", &s.object)
	if s.heap != nil {
		t.RawSetString("heap", s.heap)
	}
	s.ctx = *t
}
