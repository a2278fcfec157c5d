package bindings

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

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
	if luax.Wanted(l) == 0 { // to tell what it was would cost more than to remove it
		return b.result(l, b.k.CancelTimer(timerID(a)))
	}
	t, err := b.k.RemoveTimer(timerID(a))
	if err != nil {
		return b.failure(l, err)
	}
	l.Push(lua.LString(t.Name))
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
