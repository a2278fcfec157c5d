package bindings

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// The kernel is a table that holds its methods itself: a method call on a table takes 20 ns less than one on a
// userdata.
func (b *Lib) openKernel(l *lua.LState) {
	b.kernelTable = class(l, map[string]lua.LGFunction{
		"call":                b.kernelCall,
		"alarm":               b.timer("alarm", true, true),
		"alarm_add":           b.timer("alarm_add", true, false),
		"delay":               b.timer("delay", false, true),
		"delay_add":           b.timer("delay_add", false, false),
		"alarm_set":           b.timerSet("alarm_set", true),
		"delay_set":           b.timerSet("delay_set", false),
		"alarm_adjust":        b.kernelAlarmAdjust,
		"delay_adjust":        b.kernelDelayAdjust,
		"alarm_remove":        b.kernelAlarmRemove,
		"alarm_remove_all":    b.kernelAlarmRemoveAll,
		"alias_set":           b.kernelAliasSet,
		"alias_remove":        b.kernelAliasRemove,
		"alias_resolve":       b.kernelAliasResolve,
		"alias_list":          b.kernelAliasList,
		"select":              b.kernelSelect,
		"select_read":         b.selectMode("select_read", kernel.Read),
		"select_write":        b.selectMode("select_write", kernel.Write),
		"select_expedite":     b.selectMode("select_expedite", kernel.Expedite),
		"select_pause_read":   b.selectPause("select_pause_read", kernel.Read, true),
		"select_resume_read":  b.selectPause("select_resume_read", kernel.Read, false),
		"select_pause_write":  b.selectPause("select_pause_write", kernel.Write, true),
		"select_resume_write": b.selectPause("select_resume_write", kernel.Write, false),
		"state":               b.kernelState,
		"sig":                 b.kernelSig,
		"sig_child":           b.kernelSigChild,
		"sig_handled":         b.kernelSigHandled,
		"signal":              b.kernelSignal,
		"signal_ui_destroy":   b.kernelSignalUIDestroy,
		"detach_child":        b.kernelDetachChild,
		"detach_myself":       b.kernelDetachMyself,
		"refcount_increment":  b.refcount("refcount_increment", (*kernel.Kernel).Retain),
		"refcount_decrement":  b.refcount("refcount_decrement", (*kernel.Kernel).Release),
		"id":                  b.kernelID,
		"id_to_session":       b.kernelIDToSession,
		"session_to_id":       b.kernelSessionToID,
		"get_active_session":  b.kernelActiveSession,
		"get_active_event":    b.kernelActiveEvent,
		"get_event_count":     b.kernelEventCount,
		"get_next_event_time": b.kernelNextEventTime,
		"run":                 b.kernelRun,
		"run_while":           b.kernelRunWhile,
		"run_one_timeslice":   b.kernelRunOneTimeslice,
		"stop":                b.kernelStop,
		"has_forked":          b.kernelHasForked,
		"option":              b.kernelOption,
		"stats":               b.kernelStats,
	})
	b.kernelTable.RawSetString("post", luax.NewDirect(l, b.kernelPost, b.directPost))
	b.kernelTable.RawSetString("yield", luax.NewDirect(l, b.kernelYield, b.directYield))
	b.kernelTable.Metatable = metatable(l, "poe.Kernel", lua.LNil, map[string]lua.LGFunction{
		"__tostring": func(l *lua.LState) int {
			l.Push(lua.LString("poe.Kernel(" + b.k.ID() + ")"))
			return 1
		},
	})
}

// kernelReaders are the methods that change nothing, so that the function of a trace may call them; option does not if
// it only reads.
var kernelReaders = map[string]bool{
	"alias_resolve": true, "alias_list": true, "id": true, "id_to_session": true, "session_to_id": true,
	"get_active_session": true, "get_active_event": true, "get_event_count": true, "get_next_event_time": true,
	"option": true, "stats": true,
}

// self checks that a method was called with a colon, and where it may be called.
func (b *Lib) self(l *lua.LState, method string) {
	if t, ok := l.Get(1).(*lua.LTable); !ok || t != b.kernelTable {
		l.RaiseError("calling '%s' on a bad self (use kernel:%s)", method, method)
	}
	if b.k.Observing() && !kernelReaders[method] {
		b.changing(l, "poe.kernel:"+method)
	}
}

// args is self and the arguments after it.
func (b *Lib) args(l *lua.LState, method string) luax.Args {
	b.self(l, method)
	return luax.Args{L: l, Name: method, Base: 1}
}

// handlerArgs is args for what only an event handler may call.
func (b *Lib) handlerArgs(l *lua.LState, method string) luax.Args {
	b.self(l, method)
	b.inHandler(l, method)
	return luax.Args{L: l, Name: method, Base: 1}
}

func (b *Lib) inHandler(l *lua.LState, method string) {
	if b.k.Active() == b.k.Root() {
		l.RaiseError("'%s' must be called from an event handler", method)
	}
}

// session finds the session that argument n names: an object, an ID, an alias, or the kernel. It is nil if there is
// none such; what can name no session at all raises.
func (b *Lib) sessionArg(a luax.Args, n int) *kernel.Task {
	switch v := a.Get(n).(type) {
	case *lua.LUserData:
		if t := sessionTask(v); t != nil {
			if t.ID() == 0 || !t.Alive() {
				return nil
			}
			return t
		}
	case lua.LNumber:
		if v >= 1 && v < 1<<53 && v == lua.LNumber(kernel.SessionID(v)) {
			return b.k.ByID(kernel.SessionID(v))
		}
		return nil
	case lua.LString:
		return b.k.Resolve(string(v))
	case *lua.LTable:
		if v == b.kernelTable {
			return b.k.Root()
		}
	}
	a.Fail(n, "session, ID or alias")
	return nil
}

// unknown is the failure when sessionArg found nothing.
func (b *Lib) unknown(a luax.Args, n int) int {
	name := any(a.Get(n).String())
	if t := sessionTask(a.Get(n)); t != nil && t.ID() != 0 {
		name = t
	}
	return b.failure(a.L, b.k.NoSession(a.Name, name))
}

// eventArg is argument n, the name of an event to send.
func (b *Lib) eventArg(a luax.Args, n int) string {
	name, ok := a.Get(n).(lua.LString)
	if !ok {
		a.Fail(n, "string")
	}
	if b.k.Assert()&kernel.AssertUsage != 0 {
		b.checkReserved(a, n, string(name))
	}
	return string(name)
}

// checkReserved raises for events that are the kernel's own.
func (b *Lib) checkReserved(a luax.Args, n int, name string) {
	switch name {
	case kernel.EventStart, kernel.EventStop, kernel.EventChild, kernel.EventParent, kernel.EventDefault, kernel.EventSignal:
	default:
		if !strings.HasPrefix(name, "_poe_") {
			return
		}
	}
	luax.ArgError(a.L, a.Name, n, fmt.Sprintf("the event name '%s' is reserved", name))
}

func (b *Lib) kernelPost(l *lua.LState) int {
	a := b.args(l, "post")
	t := b.sessionArg(a, 1)
	name := b.eventArg(a, 2)
	if t == nil {
		return b.unknown(a, 1)
	}
	if err := b.k.Post(t, name, site(l), a.Rest(2)); err != nil {
		return b.failure(l, err)
	}
	return luax.True(l)
}

func (b *Lib) kernelYield(l *lua.LState) int {
	a := b.handlerArgs(l, "yield")
	b.k.Yield(b.eventArg(a, 1), site(l), a.Rest(1))
	return luax.True(l)
}

// direct says whether a method of the kernel may be done directly: there is nothing to complain about. n is how many
// arguments it needs, the kernel included.
func (b *Lib) direct(args []lua.LValue, n int) bool {
	if len(args) < n || b.k.Observing() || b.k.Assert()&kernel.AssertUsage != 0 {
		return false
	}
	t, ok := args[0].(*lua.LTable)
	return ok && t == b.kernelTable
}

// directPost is kernelPost to a session that is alive.
func (b *Lib) directPost(l *lua.LState, args []lua.LValue) (lua.LValue, bool) {
	if !b.direct(args, 3) {
		return nil, false
	}
	event, ok := args[2].(lua.LString)
	if !ok {
		return nil, false
	}
	t := b.sessionNamed(args[1])
	if t == nil || b.k.Post(t, string(event), site(l), restOf(args[3:])) != nil {
		return nil, false
	}
	return lua.LTrue, true
}

// directYield is kernelYield.
func (b *Lib) directYield(l *lua.LState, args []lua.LValue) (lua.LValue, bool) {
	if !b.direct(args, 2) || b.k.Active() == b.k.Root() {
		return nil, false
	}
	event, ok := args[1].(lua.LString)
	if !ok {
		return nil, false
	}
	b.k.Yield(string(event), site(l), restOf(args[2:]))
	return lua.LTrue, true
}

// restOf is what an event keeps of arguments.
func restOf(args []lua.LValue) []any {
	if len(args) == 0 {
		return nil
	}
	rest := make([]any, len(args))
	for i, v := range args {
		rest[i] = v
	}
	return rest
}

func (b *Lib) kernelCall(l *lua.LState) int {
	a := b.args(l, "call")
	t := b.sessionArg(a, 1)
	name := b.eventArg(a, 2)
	if t == nil {
		return b.unknown(a, 1)
	}
	return b.call(l, t, name, a.Rest(2))
}

// on calls f, in which handlers run on the state that asked for it: it may be a coroutine's.
func (b *Lib) on(l *lua.LState, f func()) {
	state := b.Guard.State
	b.Guard.State = l
	f()
	b.Guard.State = state
}

// call calls a handler and pushes what it returned.
func (b *Lib) call(l *lua.LState, t *kernel.Task, event string, args []any) int {
	var results kernel.Values
	var err error
	b.on(l, func() { results, err = b.k.Call(t, event, site(l), args, kernel.WantAll) })
	if err != nil {
		return b.failure(l, err)
	}
	for _, v := range results {
		l.Push(b.toLua(v))
	}
	return len(results)
}

func (b *Lib) kernelAliasSet(l *lua.LState) int {
	return b.result(l, b.k.SetAlias(b.args(l, "alias_set").String(1)))
}

func (b *Lib) kernelAliasRemove(l *lua.LState) int {
	return b.result(l, b.k.RemoveAlias(b.args(l, "alias_remove").String(1)))
}

func (b *Lib) kernelAliasResolve(l *lua.LState) int {
	a := b.args(l, "alias_resolve")
	t := b.sessionArg(a, 1)
	if t == nil {
		return b.unknown(a, 1)
	}
	l.Push(b.taskValue(t))
	return 1
}

func (b *Lib) kernelAliasList(l *lua.LState) int {
	a := b.args(l, "alias_list")
	t := b.k.Active()
	if !a.Missing(1) {
		if t = b.sessionArg(a, 1); t == nil {
			return b.unknown(a, 1)
		}
	}
	aliases := t.Aliases()
	list := l.CreateTable(len(aliases), 0)
	for i, name := range aliases {
		list.RawSetInt(i+1, lua.LString(name))
	}
	l.Push(list)
	return 1
}

// kernelState defines, replaces or removes a handler of the current session.
func (b *Lib) kernelState(l *lua.LState) int {
	a := b.handlerArgs(l, "state")
	event := a.String(1)
	if event == kernel.EventSignal {
		luax.ArgError(l, "state", 1, "a state cannot be called _signal (watch signals with kernel:sig)")
	}
	s, ok := b.k.Active().Receiver().(*session)
	if !ok {
		l.RaiseError("'state' works on sessions of Lua only")
	}
	h := handler{event: event}
	switch v := a.Get(2).(type) {
	case *lua.LNilType:
		s.own()
		s.handlers.remove(event)
		return luax.True(l)
	case *lua.LFunction:
		h.fn = v
	case *lua.LTable, *lua.LUserData:
		h.object, h.method = v, event
		if !a.Missing(3) {
			h.method = a.String(3)
		}
		if !callable(l, l.GetField(v, h.method)) {
			luax.ArgError(l, "state", 2, fmt.Sprintf("the object has no method '%s'", h.method))
		}
	default:
		a.Fail(2, "function, object or class")
	}
	s.define(l, h)
	return luax.True(l)
}

func (b *Lib) kernelDetachChild(l *lua.LState) int {
	a := b.handlerArgs(l, "detach_child")
	t := b.sessionArg(a, 1)
	if t == nil {
		return b.unknown(a, 1)
	}
	var err error
	b.on(l, func() { err = b.k.DetachChild(t) })
	return b.result(l, err)
}

func (b *Lib) kernelDetachMyself(l *lua.LState) int {
	b.handlerArgs(l, "detach_myself")
	var err error
	b.on(l, func() { err = b.k.DetachSelf() })
	return b.result(l, err)
}

func (b *Lib) refcount(method string, count func(*kernel.Kernel, *kernel.Task, string) (int, error)) lua.LGFunction {
	return func(l *lua.LState) int {
		a := b.args(l, method)
		t := b.sessionArg(a, 1)
		tag := a.String(2)
		if t == nil {
			return b.unknown(a, 1)
		}
		n, err := count(b.k, t, tag)
		if err != nil {
			return b.failure(l, err)
		}
		l.Push(lua.LNumber(n))
		return 1
	}
}

func (b *Lib) kernelID(l *lua.LState) int {
	b.self(l, "id")
	l.Push(lua.LString(b.k.ID()))
	return 1
}

// kernelIDToSession takes IDs only: numbers, the same in decimal, and the kernel's.
func (b *Lib) kernelIDToSession(l *lua.LState) int {
	a := b.args(l, "id_to_session")
	switch v := a.Get(1).(type) {
	case lua.LNumber:
	case lua.LString:
		if t := b.k.Resolve(string(v)); t != nil && (t.ID().String() == string(v) || t == b.k.Root()) {
			l.Push(b.taskValue(t))
			return 1
		}
		return b.unknown(a, 1)
	default:
		a.Fail(1, "ID")
	}
	t := b.sessionArg(a, 1)
	if t == nil {
		return b.unknown(a, 1)
	}
	l.Push(b.taskValue(t))
	return 1
}

func (b *Lib) kernelSessionToID(l *lua.LState) int {
	a := b.args(l, "session_to_id")
	t := b.sessionArg(a, 1)
	switch {
	case t == nil:
		return b.unknown(a, 1)
	case t == b.k.Root():
		l.Push(lua.LString(b.k.ID()))
	default:
		l.Push(lua.LNumber(t.ID()))
	}
	return 1
}

func (b *Lib) kernelActiveSession(l *lua.LState) int {
	b.self(l, "get_active_session")
	l.Push(b.taskValue(b.k.Active()))
	return 1
}

func (b *Lib) kernelActiveEvent(l *lua.LState) int {
	b.self(l, "get_active_event")
	l.Push(stringOrNil(b.k.ActiveEvent()))
	return 1
}

func (b *Lib) kernelEventCount(l *lua.LState) int {
	b.self(l, "get_event_count")
	l.Push(lua.LNumber(b.k.Events()))
	return 1
}

func (b *Lib) kernelNextEventTime(l *lua.LState) int {
	b.self(l, "get_next_event_time")
	if at, ok := b.k.NextEvent(); ok {
		l.Push(luax.Seconds(at))
	} else {
		l.Push(lua.LNil)
	}
	return 1
}
