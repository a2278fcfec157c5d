package bindings

import (
	"context"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// The kernel is a table that holds its methods itself: a method call on a table takes 20 ns less than one on a userdata.
func (b *Lib) openKernel(l *lua.LState) {
	b.kernelTable = class(l, map[string]lua.LGFunction{
		"post":                b.kernelPost,
		"yield":               b.kernelYield,
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
	b.kernelTable.Metatable = metatable(l, "poe.Kernel", lua.LNil, map[string]lua.LGFunction{
		"__tostring": func(l *lua.LState) int {
			l.Push(lua.LString("poe.Kernel(" + b.k.ID() + ")"))
			return 1
		},
	})
}

// self checks that a method was called with a colon.
func (b *Lib) self(l *lua.LState, method string) {
	if t, ok := l.Get(1).(*lua.LTable); !ok || t != b.kernelTable {
		l.RaiseError("calling '%s' on a bad self (use kernel:%s)", method, method)
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

// session finds the session that argument n names: an object, an ID, an alias, or the kernel. It is nil if there is none
// such; what can name no session at all raises.
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

func (b *Lib) kernelCall(l *lua.LState) int {
	a := b.args(l, "call")
	t := b.sessionArg(a, 1)
	name := b.eventArg(a, 2)
	if t == nil {
		return b.unknown(a, 1)
	}
	return b.call(l, t, name, a.Rest(2))
}

// call calls a handler and pushes what it returned.
func (b *Lib) call(l *lua.LState, t *kernel.Task, event string, args []any) int {
	state := b.Guard.State
	b.Guard.State = l
	results, err := b.k.Call(t, event, site(l), args, kernel.WantAll)
	b.Guard.State = state
	if err != nil {
		return b.failure(l, err)
	}
	for _, v := range results {
		l.Push(b.toLua(v))
	}
	return len(results)
}

// timer makes alarm, alarm_add, delay and delay_add.
func (b *Lib) timer(method string, absolute, replace bool) lua.LGFunction {
	return func(l *lua.LState) int {
		a := b.handlerArgs(l, method)
		name := b.eventArg(a, 1)
		if replace && a.Missing(2) && a.Count() <= 2 {
			b.k.RemoveTimers(name)
			return luax.True(l)
		}
		when := a.Number(2)
		args := a.Rest(2)
		if replace {
			b.k.RemoveTimers(name)
		}
		b.setTimer(l, name, when, absolute, args)
		return luax.True(l)
	}
}

// timerSet makes alarm_set and delay_set.
func (b *Lib) timerSet(method string, absolute bool) lua.LGFunction {
	return func(l *lua.LState) int {
		a := b.handlerArgs(l, method)
		name := b.eventArg(a, 1)
		l.Push(lua.LNumber(b.setTimer(l, name, a.Number(2), absolute, a.Rest(2))))
		return 1
	}
}

func (b *Lib) setTimer(l *lua.LState, name string, when float64, absolute bool, args []any) kernel.TimerID {
	if absolute {
		return b.k.SetAlarm(name, luax.Time(when), site(l), args)
	}
	return b.k.SetDelay(name, luax.Duration(when), site(l), args)
}

// timerID is argument 1, a timer's ID. A number that no timer can have is one that is not there.
func timerID(a luax.Args) kernel.TimerID {
	id := a.Number(1)
	if id < 1 || id > 1<<53 || id != float64(uint64(id)) {
		return 0
	}
	return kernel.TimerID(id)
}

func (b *Lib) kernelAlarmAdjust(l *lua.LState) int {
	a := b.handlerArgs(l, "alarm_adjust")
	at, err := b.k.AdjustAlarm(timerID(a), luax.Duration(a.Number(2)))
	if err != nil {
		return b.failure(l, err)
	}
	l.Push(luax.Seconds(at))
	return 1
}

func (b *Lib) kernelDelayAdjust(l *lua.LState) int {
	a := b.handlerArgs(l, "delay_adjust")
	at, err := b.k.AdjustDelay(timerID(a), luax.Duration(a.Number(2)))
	if err != nil {
		return b.failure(l, err)
	}
	l.Push(luax.Seconds(at))
	return 1
}

func (b *Lib) kernelAlarmRemove(l *lua.LState) int {
	a := b.handlerArgs(l, "alarm_remove")
	t, err := b.k.RemoveTimer(timerID(a))
	if err != nil {
		return b.failure(l, err)
	}
	l.Push(lua.LString(t.Name))
	if luax.Wanted(l) == 0 {
		return 1 // nobody looks: a table would cost more than all the rest
	}
	l.Push(luax.Seconds(t.At))
	l.Push(b.packed(t.Args))
	return 3
}

func (b *Lib) kernelAlarmRemoveAll(l *lua.LState) int {
	b.handlerArgs(l, "alarm_remove_all")
	timers := b.k.RemoveAllTimers()
	list := l.CreateTable(len(timers), 0)
	for i, t := range timers {
		entry := l.CreateTable(0, 4)
		entry.RawSetString("id", lua.LNumber(t.ID))
		entry.RawSetString("name", lua.LString(t.Name))
		entry.RawSetString("time", luax.Seconds(t.At))
		entry.RawSetString("args", b.packed(t.Args))
		list.RawSetInt(i+1, entry)
	}
	l.Push(list)
	return 1
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

func (b *Lib) kernelSig(l *lua.LState) int {
	a := b.handlerArgs(l, "sig")
	name := a.String(1)
	if a.Missing(2) {
		b.k.IgnoreSignal(name)
		return luax.True(l)
	}
	b.k.WatchSignal(name, b.eventArg(a, 2), a.Rest(2))
	return luax.True(l)
}

func (b *Lib) kernelSigChild(l *lua.LState) int {
	a := b.handlerArgs(l, "sig_child")
	pid := a.Int(1)
	if a.Missing(2) {
		b.k.IgnoreProcess(pid)
		return luax.True(l)
	}
	if b.k.LoopName() == "simulated" {
		luax.ArgError(l, "sig_child", 1, "the simulated clock watches no real process")
	}
	return b.result(l, b.k.WatchProcess(pid, b.eventArg(a, 2), site(l), a.Rest(2)))
}

func (b *Lib) kernelSigHandled(l *lua.LState) int {
	b.self(l, "sig_handled")
	b.k.SignalHandled()
	return luax.True(l)
}

func (b *Lib) kernelSignal(l *lua.LState) int {
	a := b.args(l, "signal")
	t := b.sessionArg(a, 1)
	name := a.String(2)
	if t == nil {
		return b.unknown(a, 1)
	}
	return b.result(l, b.k.Signal(t, name, site(l), a.Rest(2)))
}

// kernelSignalUIDestroy makes the closing of a handle send UIDESTROY to the whole program.
func (b *Lib) kernelSignalUIDestroy(l *lua.LState) int {
	a := b.args(l, "signal_ui_destroy")
	ud, _ := a.Get(1).(*lua.LUserData)
	if ud == nil {
		a.Fail(1, "handle")
	}
	d, ok := ud.Value.(descriptor)
	if !ok {
		a.Fail(1, "handle")
	}
	fd := d.FD()
	if fd < 0 {
		luax.ArgError(l, "signal_ui_destroy", 1, "the handle is closed")
	}
	b.interfaces[fd] = site(l)
	return luax.True(l)
}

// Closing tells the library that a descriptor is about to be closed: what watched it no longer does.
func (b *Lib) Closing(fd int) {
	b.k.CloseWatched(fd)
	if site, ok := b.interfaces[fd]; ok {
		delete(b.interfaces, fd)
		_ = b.k.Signal(b.k.Root(), "UIDESTROY", site, nil) // the kernel's own task is always there
	}
}

func (b *Lib) kernelDetachChild(l *lua.LState) int {
	a := b.handlerArgs(l, "detach_child")
	t := b.sessionArg(a, 1)
	if t == nil {
		return b.unknown(a, 1)
	}
	state := b.Guard.State
	b.Guard.State = l
	err := b.k.DetachChild(t)
	b.Guard.State = state
	return b.result(l, err)
}

func (b *Lib) kernelDetachMyself(l *lua.LState) int {
	b.handlerArgs(l, "detach_myself")
	state := b.Guard.State
	b.Guard.State = l
	err := b.k.DetachSelf()
	b.Guard.State = state
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

// loop runs the kernel on the state that asked for it.
func (b *Lib) loop(l *lua.LState, run func() error) {
	state := b.Guard.State
	b.Guard.State = l
	b.last = nil
	err := run()
	b.Guard.State = state
	if err != nil {
		if err == kernel.ErrRunning {
			l.RaiseError("%s", err.Error())
		}
		b.raise(l, err)
	}
}

func (b *Lib) kernelRun(l *lua.LState) int {
	b.self(l, "run")
	b.loop(l, func() error { return b.k.Run(context.Background()) })
	return luax.True(l)
}

func (b *Lib) kernelRunWhile(l *lua.LState) int {
	a := b.args(l, "run_while")
	more := a.Function(1)
	b.loop(l, func() error {
		return b.k.RunWhile(context.Background(), func() bool {
			l.Push(more)
			l.Call(0, 1)
			v := l.Get(-1)
			l.Pop(1)
			return lua.LVAsBool(v)
		})
	})
	return luax.True(l)
}

func (b *Lib) kernelRunOneTimeslice(l *lua.LState) int {
	b.self(l, "run_one_timeslice")
	more := false
	b.loop(l, func() (err error) {
		more, err = b.k.RunOneTimeslice(context.Background())
		return err
	})
	l.Push(lua.LBool(more))
	return 1
}

func (b *Lib) kernelStop(l *lua.LState) int {
	b.self(l, "stop")
	state := b.Guard.State
	b.Guard.State = l
	b.k.Stop()
	b.Guard.State = state
	return luax.True(l)
}

// kernelHasForked does nothing: a process of this program never forks.
func (b *Lib) kernelHasForked(l *lua.LState) int {
	b.self(l, "has_forked")
	return luax.True(l)
}

// kernelOption reads and sets the kernel's options.
func (b *Lib) kernelOption(l *lua.LState) int {
	a := b.args(l, "option")
	if t, ok := a.Get(1).(*lua.LTable); ok {
		old := l.CreateTable(0, 4)
		for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
			name, isString := k.(lua.LString)
			if !isString {
				luax.ArgError(l, "option", 1, "option names are strings, got "+luax.TypeName(k))
			}
			if _, isBool := v.(lua.LBool); !isBool {
				luax.ArgError(l, "option", 1, fmt.Sprintf("option '%s': boolean expected, got %s", string(name), luax.TypeName(v)))
			}
			if _, err := b.k.Option(string(name)); err != nil {
				luax.ArgError(l, "option", 1, err.Error())
			}
		}
		for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
			was, _ := b.k.SetOption(k.String(), lua.LVAsBool(v))
			old.RawSet(k, lua.LBool(was))
		}
		l.Push(old)
		return 1
	}
	name := a.String(1)
	was, err := b.k.Option(name)
	if err != nil {
		luax.ArgError(l, "option", 1, err.Error())
	}
	if a.Count() >= 2 {
		on, ok := a.Get(2).(lua.LBool)
		if !ok {
			a.Fail(2, "boolean")
		}
		b.k.SetOption(name, bool(on))
	}
	l.Push(lua.LBool(was))
	return 1
}

func (b *Lib) kernelStats(l *lua.LState) int {
	b.self(l, "stats")
	s := b.k.Stats()
	t := l.CreateTable(0, 13)
	for name, v := range map[string]lua.LNumber{
		"events_dispatched": lua.LNumber(s.Dispatched),
		"events_queued":     lua.LNumber(s.Queued),
		"timers":            lua.LNumber(s.Timers),
		"io_events":         lua.LNumber(s.IOEvents),
		"signals":           lua.LNumber(s.Signals),
		"calls":             lua.LNumber(s.Calls),
		"sessions_created":  lua.LNumber(s.SessionsCreated),
		"sessions_stopped":  lua.LNumber(s.SessionsStopped),
		"iterations":        lua.LNumber(s.Iterations),
		"errors":            lua.LNumber(s.Errors),
		"idle_seconds":      lua.LNumber(s.Idle.Seconds()),
		"user_seconds":      lua.LNumber(s.User.Seconds()),
		"max_queue":         lua.LNumber(s.MaxQueue),
	} {
		t.RawSetString(name, v)
	}
	l.Push(t)
	return 1
}
