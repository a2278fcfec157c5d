package interp

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// coroutines is the library coroutine, and pcall and xpcall, of one Lua state.
type coroutines struct{ *luax.Coroutines }

// openCoroutine makes the library coroutine of Lua 5.1, with isyieldable of 5.3 and close of 5.4.
func openCoroutine(l *lua.LState, all *luax.Coroutines) {
	c := coroutines{all}
	t := l.GetGlobal(lua.CoroutineLibName).(*lua.LTable)
	for name, f := range map[string]lua.LGFunction{
		"close":       c.close,
		"create":      c.create,
		"isyieldable": c.isYieldable,
		"resume":      c.resume,
		"running":     c.current,
		"status":      c.status,
		"wrap":        c.wrap,
		"yield":       c.Yield,
	} {
		t.RawSetString(name, l.NewFunction(f))
	}
	l.SetGlobal("pcall", l.NewFunction(c.PCall))
	l.SetGlobal("xpcall", l.NewFunction(c.XPCall))
}

// coroutineArg is argument 1, which must be a coroutine.
func coroutineArg(l *lua.LState, name string) *luax.Coroutine {
	co := luax.AsCoroutine(l.Get(1))
	if co == nil {
		luax.ArgError(l, name, 1, "coroutine expected")
	}
	return co
}

// create is coroutine.create. Differs: of a function written in Go, too.
func (c coroutines) create(l *lua.LState) int {
	a := luax.Args{L: l, Name: "create"}
	l.Push(c.New(l, a.Function(1)).Value())
	return 1
}

func (c coroutines) resume(l *lua.LState) int {
	co := coroutineArg(l, "resume")
	if err := c.Resume(l, co); err != nil {
		l.Push(lua.LFalse)
		l.Push(err.Value)
		return 2
	}
	l.Replace(1, lua.LTrue)
	return l.GetTop()
}

func (c coroutines) wrap(l *lua.LState) int {
	a := luax.Args{L: l, Name: "wrap"}
	co := c.New(l, a.Function(1))
	l.Push(l.NewClosure(func(l *lua.LState) int {
		l.Insert(lua.LNil, 1)
		started := co.Status() == luax.Suspended
		err := c.Resume(l, co)
		if err == nil {
			return l.GetTop() - 1
		}
		v := err.Value
		if s, ok := v.(lua.LString); ok {
			v = lua.LString(luax.Place(l, 1)) + s
		}
		if !started {
			l.Error(v, 0)
		}
		c.Fail(co, v)
		return 0
	}, co.Value())) // for those who look at all that a program can reach
	return 1
}

func (c coroutines) status(l *lua.LState) int {
	l.Push(lua.LString(coroutineArg(l, "status").Status().String()))
	return 1
}

func (c coroutines) current(l *lua.LState) int {
	if co := c.Running(); co != nil {
		l.Push(co.Value())
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

func (c coroutines) isYieldable(l *lua.LState) int {
	l.Push(lua.LBool(c.CanYield(l)))
	return 1
}

// close is Lua 5.4's, but it does not tell of the error that a dead coroutine ended with.
func (c coroutines) close(l *lua.LState) int {
	co := coroutineArg(l, "close")
	if !c.Close(co) {
		l.RaiseError("cannot close a %s coroutine", co.Status())
	}
	l.Push(lua.LTrue)
	return 1
}
