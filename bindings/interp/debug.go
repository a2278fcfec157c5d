package interp

import (
	"strings"

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
	t.RawSetString("getinfo", l.NewFunction(func(l *lua.LState) int { return getInfo(l, c) }))
	t.RawSetString("traceback", l.NewFunction(func(l *lua.LState) int { return traceback(l, c) }))
}

// getInfo is debug.getinfo([coroutine,] function or level [, what]). Differs: namewhat is "" also where the name is known.
func getInfo(l *lua.LState, c *luax.Coroutines) int {
	n := 0
	co := luax.AsCoroutine(l.Get(1))
	if co != nil {
		n = 1
	}
	a := luax.Args{L: l, Name: "getinfo", Base: n}
	what := optText(a, 2, "flnSu")
	for _, option := range what {
		if !strings.ContainsRune("flnSuL", option) {
			luax.ArgError(l, a.Name, n+2, "invalid option")
		}
	}
	var call luax.CallInfo
	ok := true
	isCall := false
	switch v := a.Get(1).(type) {
	case *lua.LFunction:
		call.Func = v
	default:
		level, isNumber := toNumber(v)
		if !isNumber {
			luax.ArgError(l, a.Name, n+1, "function or level expected")
		}
		isCall = true
		if co == nil || co == c.Running() {
			call, ok = luax.CallAt(l, int(whole(level)))
		} else {
			call, ok = c.CallOf(co, int(whole(level)))
		}
	}
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	t := l.CreateTable(0, 8)
	for _, option := range what {
		switch option {
		case 'S':
			describeSource(t, call)
		case 'l':
			line := -1
			if call.Line > 0 {
				line = call.Line
			}
			t.RawSetString("currentline", lua.LNumber(line))
		case 'n':
			t.RawSetString("namewhat", lua.LString(""))
			if isCall && call.Name != "" {
				t.RawSetString("name", lua.LString(call.Name))
			}
		case 'u':
			nups := 0
			if call.Func != nil {
				nups = len(call.Func.Upvalues)
			}
			t.RawSetString("nups", lua.LNumber(nups))
		case 'f':
			if call.Func != nil {
				t.RawSetString("func", call.Func)
			}
		case 'L':
			if call.Func != nil && !call.Func.IsG {
				lines := l.CreateTable(0, 0)
				for _, line := range call.Func.Proto.DbgSourcePositions {
					lines.RawSetInt(line, lua.LTrue)
				}
				t.RawSetString("activelines", lines)
			}
		}
	}
	l.Push(t)
	return 1
}

// describeSource tells where a function comes from.
func describeSource(t *lua.LTable, call luax.CallInfo) {
	what, source, short, first, last := "Lua", "", "", -1, -1
	switch f := call.Func; {
	case f == nil && call.Name == "": // a tail call has replaced it
		what, source, short = "tail", "=(tail call)", "(tail call)"
	case f == nil || f.IsG:
		what, source, short = "C", "=[C]", "[C]"
	default:
		short, first, last = f.Proto.SourceName, f.Proto.LineDefined, f.Proto.LastLineDefined
		source = "@" + short
		if text, ok := strings.CutPrefix(short, `[string "`); ok {
			source = strings.TrimSuffix(text, `"]`)
		} else if strings.HasPrefix(short, "(") || short == "stdin" {
			source = "=" + short
		}
		if first == 0 {
			what, last = "main", 0
		}
	}
	t.RawSetString("what", lua.LString(what))
	t.RawSetString("source", lua.LString(source))
	t.RawSetString("short_src", lua.LString(short))
	t.RawSetString("linedefined", lua.LNumber(first))
	t.RawSetString("lastlinedefined", lua.LNumber(last))
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
