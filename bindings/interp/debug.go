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
	guarded := func(v lua.LValue) lua.LValue {
		if name := l.GetMetaField(v, "__metatable"); name != lua.LNil && l.GetMetaField(v, "__name") == name {
			return name
		}
		return nil
	}
	t.RawSetString("getmetatable", l.NewFunction(func(l *lua.LState) int {
		v := anyArg(luax.Args{L: l, Name: "getmetatable"}, 1)
		if name := guarded(v); name != nil {
			l.Push(name)
		} else {
			l.Push(l.GetMetatable(v))
		}
		return 1
	}))
	t.RawSetString("setmetatable", l.NewFunction(func(l *lua.LState) int {
		a := luax.Args{L: l, Name: "setmetatable"}
		if mt := a.Get(2); a.Count() < 2 || mt != lua.LNil && mt.Type() != lua.LTTable {
			luax.ArgError(l, a.Name, 2, "nil or table expected")
		}
		if name := guarded(a.Get(1)); name != nil {
			luax.ArgError(l, a.Name, 1, "the metatable of "+name.String()+" cannot be changed")
		}
		l.SetMetatable(a.Get(1), a.Get(2))
		l.Push(lua.LTrue)
		return 1
	}))
	d := debugger{c}
	for name, f := range map[string]lua.LGFunction{
		"getfenv":    d.getfenv,
		"getinfo":    d.getinfo,
		"getlocal":   d.getlocal,
		"getupvalue": d.getupvalue,
		"setfenv":    d.setfenv,
		"setlocal":   d.setlocal,
		"setupvalue": d.setupvalue,
		"traceback":  d.traceback,
	} {
		t.RawSetString(name, l.NewFunction(f))
	}
}

// debugger is the library debug of one Lua state.
type debugger struct{ coroutines *luax.Coroutines }

// ofCoroutine looks whether argument 1 is a coroutine, and gives the number of the argument after it. Without it, and for
// the coroutine that runs, co is nil.
func (d debugger) ofCoroutine(l *lua.LState) (co *luax.Coroutine, next int) {
	co, next = luax.AsCoroutine(l.Get(1)), 1
	if co != nil {
		next = 2
	}
	if co == d.coroutines.Running() {
		co = nil
	}
	return co, next
}

// local finds what getlocal and setlocal are asked for, in arguments next and the one after it. Differs: of a coroutine that an
// error has ended, nothing is left.
func (d debugger) local(a luax.Args, co *luax.Coroutine, next int) luax.Local {
	level := integerArg(a, next)
	find := func(n int) (luax.Local, bool) {
		if co != nil {
			return d.coroutines.LocalOf(co, level, n)
		}
		return luax.LocalAt(a.L, level, n)
	}
	if _, ok := find(0); !ok && level >= 0 {
		luax.ArgError(a.L, a.Name, next, "level out of range")
	}
	local, _ := find(integerArg(a, next+1))
	return local
}

// getlocal is debug.getlocal([coroutine,] level, n).
func (d debugger) getlocal(l *lua.LState) int {
	co, next := d.ofCoroutine(l)
	local := d.local(luax.Args{L: l, Name: "getlocal"}, co, next)
	if local.Name == "" {
		l.Push(lua.LNil)
		return 1
	}
	v := local.Value()
	l.Push(lua.LString(local.Name))
	l.Push(v)
	return 2
}

// setlocal is debug.setlocal([coroutine,] level, n, value). Differs: what cannot be changed (see luax.Local) is as if it were
// not there.
func (d debugger) setlocal(l *lua.LState) int {
	a := luax.Args{L: l, Name: "setlocal"}
	co, next := d.ofCoroutine(l)
	local := d.local(a, co, next)
	v := anyArg(a, next+2)
	if local.Name == "" || !local.Set(v) {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LString(local.Name))
	return 1
}

// upvalue is what getupvalue and setupvalue are asked for: a function and the number of one of its upvalues. Those of
// functions written in Go are out of reach.
func upvalue(a luax.Args) (fn *lua.LFunction, n int, ok bool) {
	n = integerArg(a, 2)
	fn = a.Function(1)
	return fn, n, !fn.IsG && n >= 1 && n <= len(fn.Upvalues)
}

// getupvalue is debug.getupvalue(function, n).
func (debugger) getupvalue(l *lua.LState) int {
	fn, n, ok := upvalue(luax.Args{L: l, Name: "getupvalue"})
	if !ok {
		return 0
	}
	name, v := l.GetUpvalue(fn, n)
	l.Push(lua.LString(name))
	l.Push(v)
	return 2
}

// setupvalue is debug.setupvalue(function, n, value).
func (debugger) setupvalue(l *lua.LState) int {
	a := luax.Args{L: l, Name: "setupvalue"}
	v := anyArg(a, 3)
	fn, n, ok := upvalue(a)
	if !ok {
		return 0
	}
	l.Push(lua.LString(l.SetUpvalue(fn, n, v)))
	return 1
}

// getfenv is debug.getfenv(object).
func (debugger) getfenv(l *lua.LState) int {
	v := anyArg(luax.Args{L: l, Name: "getfenv"}, 1)
	if co := luax.AsCoroutine(v); co != nil {
		l.Push(co.Env())
	} else {
		l.Push(l.GetFEnv(v))
	}
	return 1
}

// setfenv is debug.setfenv(object, table).
func (debugger) setfenv(l *lua.LState) int {
	a := luax.Args{L: l, Name: "setfenv"}
	env, ok := a.Get(2).(*lua.LTable)
	if !ok {
		a.Fail(2, "table")
	}
	switch v := a.Get(1).(type) {
	case *lua.LFunction, *lua.LUserData:
		l.SetFEnv(v, env)
	default:
		co := luax.AsCoroutine(v)
		if co == nil {
			l.RaiseError("'setfenv' cannot change environment of given object")
		}
		co.SetEnv(env)
	}
	l.SetTop(1)
	return 1
}

// getinfo is debug.getinfo([coroutine,] function or level [, what]).
func (d debugger) getinfo(l *lua.LState) int {
	a := luax.Args{L: l, Name: "getinfo"}
	co, next := d.ofCoroutine(l)
	what := optText(a, next+1, "flnSu")
	for _, option := range what {
		if !strings.ContainsRune("flnSuL", option) {
			luax.ArgError(l, a.Name, next+1, "invalid option")
		}
	}
	var call luax.CallInfo
	ok := true
	if fn, isFunction := a.Get(next).(*lua.LFunction); isFunction {
		call.Func = fn
	} else {
		number, isNumber := toNumber(a.Get(next))
		if !isNumber {
			luax.ArgError(l, a.Name, next, "function or level expected")
		}
		switch level := int(whole(number)); {
		case level < 0: // as in Lua, like a call that a tail call has replaced
		case co != nil:
			call, ok = d.coroutines.CallOf(co, level)
		default:
			call, ok = luax.CallAt(l, level)
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
			t.RawSetString("namewhat", lua.LString(call.NameKind))
			if call.Name != "" {
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

// shortMost is how much of a file's name short_src shows, of its end. Messages show all of it.
const shortMost = 52

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
	if len(short) > shortMost && !strings.HasPrefix(short, "[string ") {
		short = "..." + short[len(short)-shortMost:]
	}
	t.RawSetString("what", lua.LString(what))
	t.RawSetString("source", lua.LString(source))
	t.RawSetString("short_src", lua.LString(short))
	t.RawSetString("linedefined", lua.LNumber(first))
	t.RawSetString("lastlinedefined", lua.LNumber(last))
}

// traceback is debug.traceback([coroutine,] [message [, level]]).
func (d debugger) traceback(l *lua.LState) int {
	a := luax.Args{L: l, Name: "traceback"}
	co, next := d.ofCoroutine(l)
	text := ""
	if a.Count() >= next {
		switch v := a.Get(next); v.Type() {
		case lua.LTString, lua.LTNumber:
			text = textArg(a, next) + "\n"
		default:
			l.Push(v)
			return 1
		}
	}
	level := 1
	if next > 1 {
		level = 0
	}
	level = max(optInteger(a, next+1, level), 0)
	if co != nil {
		text += d.coroutines.TracebackOf(co, level)
	} else {
		text += d.coroutines.Traceback(l, level)
	}
	l.Push(lua.LString(text))
	return 1
}
