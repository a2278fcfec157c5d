package bindings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// traceKinds are the records that a trace can ask for, by their names.
var traceKinds = map[string]kernel.Records{
	"queued":        kernel.RecordQueued,
	"dispatch":      kernel.RecordDispatch,
	"return":        kernel.RecordReturn,
	"error":         kernel.RecordError,
	"default":       kernel.RecordDefault,
	"dropped":       kernel.RecordDropped,
	"start":         kernel.RecordStart,
	"stop":          kernel.RecordStop,
	"child":         kernel.RecordChild,
	"timer_set":     kernel.RecordTimerSet,
	"timer_removed": kernel.RecordTimerRemoved,
	"watch":         kernel.RecordWatch,
	"unwatch":       kernel.RecordUnwatch,
	"signal":        kernel.RecordSignal,
	"ref":           kernel.RecordRef,
}

// trace is what a script has of peek.trace.
type trace struct {
	lib      *Lib
	f        *lua.LFunction
	observer *kernel.Observer
}

// peekTrace has a function called for what happens to a session, or to all.
func (b *Lib) peekTrace(l *lua.LState) int {
	b.changing(l, "poe.peek.trace")
	a := peekArgs(l, "trace")
	var of *kernel.Task
	all := a.Get(1) == lua.LString("*")
	if !all {
		of = b.sessionArg(a, 1)
	}
	t := &trace{lib: b, f: a.Function(2)}
	kinds := traceKindsArg(a)
	if of == nil && !all {
		return b.unknown(a, 1)
	}
	t.observer = b.k.Observe(kinds, of, t.tell)
	l.Push(&lua.LUserData{Value: t, Metatable: b.traceMeta})
	return 1
}

// traceKindsArg is the third argument: an array of names. Without it all are meant.
func traceKindsArg(a luax.Args) (kinds kernel.Records) {
	if a.Missing(3) {
		for _, kind := range traceKinds {
			kinds |= kind
		}
		return kinds
	}
	list, ok := a.Get(3).(*lua.LTable)
	if !ok {
		a.Fail(3, "table")
	}
	for i := range list.Len() {
		name, _ := list.RawGetInt(i + 1).(lua.LString)
		kind, ok := traceKinds[string(name)]
		if !ok {
			known := strings.Join(slices.Sorted(maps.Keys(traceKinds)), ", ")
			given := luax.Text(list.RawGetInt(i + 1))
			luax.ArgError(a.L, a.Name, 3, fmt.Sprintf("unknown kind '%.100s' (known: %s)", given, known))
		}
		kinds |= kind
	}
	return kinds
}

func traceStop(l *lua.LState) int {
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		if t, ok := ud.Value.(*trace); ok {
			t.observer.Stop()
			return luax.True(l)
		}
	}
	l.RaiseError("calling 'stop' on a bad self (use trace:stop)")
	return 0
}

// running is the state that runs: the main one or a coroutine's.
func (b *Lib) running() *lua.LState {
	if l := b.main.G.CurrentThread; l != nil {
		return l
	}
	return b.main
}

// changing raises for what would change the kernel while the function of a trace is being called: the kernel is in the
// middle of something.
func (b *Lib) changing(l *lua.LState, what string) {
	if b.k.Observing() {
		l.RaiseError("%s cannot be used in a trace function", what)
	}
}

// tell calls the function with a record. It runs where the script runs now, which may be a coroutine, and has limits of
// its own.
func (t *trace) tell(r *kernel.Record) {
	b := t.lib
	l := b.running()
	if b.meter != nil {
		defer b.meter.Leave(b.meter.Enter())
	}
	top := l.GetTop()
	defer func() {
		if v := recover(); v != nil { // no room was left on the stack, not even for the call
			l.SetTop(top)
			t.fail(fmt.Sprint(v))
		}
	}()
	record := b.traceRecord(r)
	b.on(l, func() {
		l.Push(t.f)
		l.Push(record)
		if err := b.Guard.Call(l, 1, 0, true); err != nil {
			t.fail(err.Error() + "\n" + err.Traceback)
		}
	})
}

// fail ends the trace whose function has failed.
func (t *trace) fail(why string) {
	t.observer.Stop()
	t.lib.k.Warn("a trace ends, its function has failed: %s", why)
}

// traceRecord is a record as the function sees it.
func (b *Lib) traceRecord(r *kernel.Record) *lua.LTable {
	t := b.main.CreateTable(0, 12)
	set := func(name string, v lua.LValue) {
		if v != lua.LNil {
			t.RawSetString(name, v)
		}
	}
	set("session", b.taskID(r.Task))
	set("time", b.clockSeconds(r.Time))
	set("seq", lua.LNumber(r.Seq))
	kind := ""
	switch r.Kind {
	case kernel.RecordQueued:
		kind = "queued"
		set("event", lua.LString(r.Event))
		set("sender", b.taskID(r.From))
		set("args", b.packed(r.Args))
		set("due", b.clockSeconds(r.Due))
		set("id", lua.LNumber(r.ID))
	case kernel.RecordDispatch:
		kind = "dispatch"
		set("event", lua.LString(r.Event))
		set("sender", b.taskID(r.From))
		set("args", b.packed(r.Args))
		set("type", lua.LString(kindText(r.EventKind)))
		set("depth", lua.LNumber(r.Depth))
	case kernel.RecordReturn:
		kind = "return"
		set("event", lua.LString(r.Event))
		set("values", b.packed(r.Results))
		set("seconds", lua.LNumber(r.Took.Seconds()))
	case kernel.RecordError:
		kind = "error"
		set("event", stringOrNil(r.Event))
		b.setError(t, r.Err)
	case kernel.RecordDefault:
		kind = "default"
		set("event", lua.LString(r.Event))
	case kernel.RecordDropped:
		kind = "dropped"
		set("event", lua.LString(r.Event))
	case kernel.RecordStart:
		kind = "start"
		set("parent", b.taskID(r.Other))
	case kernel.RecordStop:
		kind = "stop"
		set("parent", b.taskID(r.Other))
	case kernel.RecordChild:
		kind = "child"
		set("what", lua.LString(r.What))
		set("child", b.taskID(r.Other))
	case kernel.RecordTimerSet:
		kind = "timer_set"
		b.setTimerFields(t, r)
	case kernel.RecordTimerRemoved:
		kind = "timer_removed"
		b.setTimerFields(t, r)
	case kernel.RecordWatch:
		kind = "watch"
		setWatchFields(t, r)
	case kernel.RecordUnwatch:
		kind = "unwatch"
		setWatchFields(t, r)
	case kernel.RecordSignal:
		kind = "signal"
		set("signal", lua.LString(r.What))
		set("event", stringOrNil(r.Event))
		set("handled", lua.LBool(r.Handled))
	case kernel.RecordRef:
		kind = "ref"
		set("change", lua.LNumber(r.Delta))
		set("what", lua.LString(r.What))
		set("refcount", lua.LNumber(r.Count))
	}
	set("kind", lua.LString(kind))
	return t
}

// setError sets what is known of an error: the value that was raised, and where.
func (b *Lib) setError(t *lua.LTable, err error) {
	var raised *luax.Error
	if !errors.As(err, &raised) {
		t.RawSetString("error", lua.LString(err.Error()))
		return
	}
	t.RawSetString("error", raised.Value)
	if raised.Traceback != "" {
		t.RawSetString("traceback", lua.LString(raised.Traceback))
	}
}

func (b *Lib) setTimerFields(t *lua.LTable, r *kernel.Record) {
	t.RawSetString("id", lua.LNumber(r.ID))
	t.RawSetString("event", lua.LString(r.Event))
	t.RawSetString("due", b.clockSeconds(r.Due))
}

func setWatchFields(t *lua.LTable, r *kernel.Record) {
	t.RawSetString("fd", lua.LNumber(r.FD))
	t.RawSetString("mode", lua.LString(r.Mode.String()))
	if r.Event != "" {
		t.RawSetString("event", lua.LString(r.Event))
	}
	if r.What != "" {
		t.RawSetString("wheel", lua.LString(r.What))
	}
}
