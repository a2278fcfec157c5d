package bindings

import (
	"context"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// loop runs the kernel on the state that asked for it.
func (b *Lib) loop(l *lua.LState, run func() error) {
	b.last = nil
	if b.meter != nil {
		defer b.meter.Leave(b.meter.Pause())
	}
	var err error
	b.on(l, func() { err = run() })
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
			if b.meter != nil {
				defer b.meter.Leave(b.meter.Enter())
			}
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
	b.on(l, b.k.Stop)
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
		b.changing(l, "poe.kernel:option")
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
		b.changing(l, "poe.kernel:option")
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
	l.Push(b.statsTable())
	return 1
}

func (b *Lib) statsTable() *lua.LTable {
	s := b.k.Stats()
	t := b.main.CreateTable(0, 13)
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
	return t
}
