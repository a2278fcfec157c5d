package interp

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// openDebug mends the library debug: traceback is that of poelua's errors, coroutines are known, and the metatables of
// poelua's own classes are kept out of reach, because what an object is, is told by its metatable.
func openDebug(l *lua.LState, c *luax.Coroutines) {
	t := l.GetGlobal(lua.DebugLibName).(*lua.LTable)
	get, set := t.RawGetString("getmetatable").(*lua.LFunction), t.RawGetString("setmetatable").(*lua.LFunction)
	guarded := func(v lua.LValue) lua.LValue {
		if name := l.GetMetaField(v, "__metatable"); name != lua.LNil && l.GetMetaField(v, "__name") == name {
			return name
		}
		return nil
	}
	t.RawSetString("getmetatable", l.NewFunction(func(l *lua.LState) int {
		if name := guarded(l.CheckAny(1)); name != nil {
			l.Push(name)
			return 1
		}
		return get.GFunction(l)
	}))
	t.RawSetString("setmetatable", l.NewFunction(func(l *lua.LState) int {
		if name := guarded(l.CheckAny(1)); name != nil {
			l.ArgError(1, "the metatable of "+name.String()+" cannot be changed")
		}
		return set.GFunction(l)
	}))
	t.RawSetString("traceback", l.NewFunction(func(l *lua.LState) int { return traceback(l, c) }))
}

// traceback is debug.traceback([coroutine,] [message [, level]]).
func traceback(l *lua.LState, c *luax.Coroutines) int {
	co := luax.AsCoroutine(l.Get(1))
	if co != nil {
		l.Remove(1)
	}
	text := ""
	if l.GetTop() > 0 {
		switch l.Get(1).Type() {
		case lua.LTString, lua.LTNumber:
			text = textArg(luax.Args{L: l}, 1) + "\n"
		default:
			l.SetTop(1)
			return 1
		}
	}
	level := 1
	if co != nil {
		level = 0
	}
	level = max(optInteger(luax.Args{L: l, Name: "traceback"}, 2, level), 0)
	if co != nil && co != c.Running() {
		text += c.TracebackOf(co, level)
	} else {
		text += c.Traceback(l, level)
	}
	l.Push(lua.LString(text))
	return 1
}
