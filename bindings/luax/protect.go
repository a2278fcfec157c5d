package luax

import (
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Error is an error that was raised in Lua.
type Error struct {
	Value     lua.LValue // what was raised
	Message   string     // the same as text; a table is shown by its contents; "" if it was not asked for
	Traceback string     // "stack traceback:" and the Lua calls, innermost first; "" if it was not asked for
	Cause     error      // the Go error behind it, if there is one
}

func (e *Error) Error() string {
	if e.Message == "" {
		return Text(e.Value)
	}
	return e.Message
}

// Unwrap gives the Go error behind it.
func (e *Error) Unwrap() error { return e.Cause }

// Guard makes protected calls in a Lua state and its coroutines.
//
// gopher-lua's own PCall has two faults that this works around. Raising an error closes the upvalues of every
// call in progress, also of those that go on: a local variable and the closures that share it part company. With an error
// function it closes none, and upvalues of calls that are gone point to registers that others use by then. Here those
// of the failed calls are closed, no others.
//
// How: PCall calls enter, a Go function, which calls what is wanted. As a panic passes enter on its way to PCall, the
// failed calls are still on Lua's stack, also when it is the stack that overflowed.
type Guard struct {
	State *lua.LState // where handlers run: the state that runs now; the bindings set it, a protected call restores it
	enter *lua.LFunction
	calls []guarded
}

// guarded is a protected call in progress.
type guarded struct {
	l         *lua.LState
	base      frame          // enter's
	f         func()         // what to call instead of a Lua function
	handler   *lua.LFunction // xpcall's; nil if none
	trace     bool
	traceback string
}

// NewGuard makes the Guard of a main state.
func NewGuard(l *lua.LState) *Guard {
	g := &Guard{State: l}
	g.enter = l.NewFunction(g.entered)
	g.enter.Upvalues = []*lua.Upvalue{passage}
	return g
}

// passage is the upvalue that enter is known by. Nothing looks at its value.
var passage = &lua.Upvalue{}

// isPassage says whether a function is the enter of a Guard, which scripts are not to see among their calls.
func isPassage(fn *lua.LFunction) bool { return len(fn.Upvalues) == 1 && fn.Upvalues[0] == passage }

// Call calls the function that lies under nargs arguments on the stack of l, protected. When it fails, the stack is as if
// function and arguments had never been pushed. trace asks for a traceback and a message.
func (g *Guard) Call(l *lua.LState, nargs, nret int, trace bool) *Error {
	l.Insert(g.enter, -nargs-1)
	return g.call(l, nargs+1, nret, guarded{l: l, trace: trace})
}

// Run calls f, protected: an error that is raised in it, on l, ends it.
func (g *Guard) Run(l *lua.LState, f func()) *Error {
	l.Push(g.enter)
	return g.call(l, 0, 0, guarded{l: l, f: f, trace: true})
}

func (g *Guard) call(l *lua.LState, nargs, nret int, c guarded) *Error {
	n := len(g.calls)
	g.calls = append(g.calls, c)
	flag, state := errorFlag(l), g.State
	hadFlag := *flag
	err := l.PCall(nargs, nret, nil)
	*flag = hadFlag
	if err == nil {
		g.calls = g.calls[:n]
		return nil
	}
	c = g.calls[n]
	g.calls[n] = guarded{}
	g.calls = g.calls[:n]
	g.State = state
	return g.failed(err, c)
}

// entered is enter.
func (g *Guard) entered(l *lua.LState) int {
	c := &g.calls[len(g.calls)-1]
	c.base = currentFrame(l)
	*errorFlag(l) = true // raising closes nothing
	defer g.leaving(l)
	if c.f != nil {
		c.f()
		return 0
	}
	l.Call(l.GetTop()-1, Wanted(l))
	return l.GetTop()
}

// leaving sees to a panic that passes.
func (g *Guard) leaving(l *lua.LState) {
	v := recover()
	if v == nil {
		return
	}
	api := asAPIError(l, v)
	n := len(g.calls) - 1
	if g.calls[n].trace {
		g.calls[n].traceback = joinTraces(api.StackTrace, g.traceback(l, g.calls[n].base))
	}
	closeUpvalues(l, g.calls[n].base)
	if handler := g.calls[n].handler; handler != nil {
		api.Object = g.handle(l, handler, api.Object)
	}
	api.StackTrace = "-" // else PCall would make one, which takes a second when the stack has overflowed
	panic(api)
}

// asAPIError gives what was recovered from a panic in l as an error of Lua.
func asAPIError(l *lua.LState, v any) *lua.ApiError {
	api, ok := v.(*lua.ApiError)
	if !ok {
		api = &lua.ApiError{Type: lua.ApiErrorPanic, Object: lua.LString(fmt.Sprint(v))}
	}
	if api.Object == lua.LString("lua callstack overflow") { // a coroutine's; gopher-lua has no place for it
		api.Object = lua.LString(Place(l, 0) + "stack overflow")
	}
	return api
}

// handle calls xpcall's handler. An error in it takes the place of the first.
func (g *Guard) handle(l *lua.LState, handler *lua.LFunction, v lua.LValue) lua.LValue {
	l.Push(handler)
	l.Push(v)
	if err := g.Call(l, 1, 1, false); err != nil {
		return err.Value
	}
	v = l.Get(-1)
	l.Pop(1)
	return v
}

func (g *Guard) failed(err error, c guarded) *Error {
	e := &Error{Value: lua.LNil, Traceback: c.traceback}
	var api *lua.ApiError
	if errors.As(err, &api) {
		e.Cause = api.Cause
		if api.Object != nil {
			e.Value = api.Object
		}
	} else {
		e.Cause, e.Value = err, lua.LString(err.Error())
	}
	if ud, ok := e.Value.(*lua.LUserData); ok {
		if cause, ok := ud.Value.(error); ok {
			e.Cause = cause
		}
	}
	if c.trace {
		e.Message = g.text(c.l, e.Value)
	}
	return e
}

// text is Text, but a __tostring written in Lua has its say.
func (g *Guard) text(l *lua.LState, v lua.LValue) string {
	switch v.(type) {
	case *lua.LTable, *lua.LUserData:
	default:
		return Text(v)
	}
	f, ok := l.GetMetaField(v, "__tostring").(*lua.LFunction)
	if !ok {
		return Text(v)
	}
	l.Push(f)
	l.Push(v)
	if g.Call(l, 1, 1, false) != nil {
		return Text(v)
	}
	s := l.Get(-1)
	l.Pop(1)
	return Text(s)
}

// Raise raises e again, the same value.
func Raise(l *lua.LState, e *Error) { l.Error(e.Value, 0) }

// PCall is Lua's pcall, across which a coroutine cannot yield; Coroutines has one for them.
func (g *Guard) PCall(l *lua.LState) int {
	if l.GetTop() < 1 {
		ArgError(l, "pcall", 1, "value expected")
	}
	return g.protected(l, nil)
}

// XPCall is Lua's xpcall; arguments after the handler are passed on, as in Lua 5.2.
func (g *Guard) XPCall(l *lua.LState) int {
	if l.GetTop() < 2 {
		ArgError(l, "xpcall", 2, "value expected")
	}
	handler := Args{L: l, Name: "xpcall"}.Function(2)
	l.Remove(2)
	return g.protected(l, handler)
}

func callable(l *lua.LState, v lua.LValue) bool {
	return v.Type() == lua.LTFunction || l.GetMetaField(v, "__call").Type() == lua.LTFunction
}

func (g *Guard) protected(l *lua.LState, handler *lua.LFunction) int {
	fn := l.Get(1)
	if !callable(l, fn) {
		l.Push(lua.LFalse)
		l.Push(lua.LString("attempt to call a " + fn.Type().String() + " value"))
		return 2
	}
	l.Insert(g.enter, 1)
	if err := g.call(l, l.GetTop()-1, lua.MultRet, guarded{l: l, handler: handler}); err != nil {
		l.Push(lua.LFalse)
		l.Push(err.Value)
		return 2
	}
	l.Insert(lua.LTrue, 1)
	return l.GetTop()
}

// describe names the Go function of a call. One without a name was called by one that has it.
func describe(f frame) string {
	for ; f != nil && frameFunction(f).IsG; f = parentFrame(f) {
		if name := frameName(f); name != "" {
			return "a call of '" + name + "'"
		}
	}
	return "a Go function"
}
