package bindings

import (
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// kindText says how an event came to be, in the words of poe.peek.
func kindText(k kernel.Kind) string {
	switch k {
	case kernel.KindPost:
		return "post"
	case kernel.KindCall:
		return "call"
	case kernel.KindTimer:
		return "timer"
	case kernel.KindSignal, kernel.KindDie:
		return "signal"
	case kernel.KindProcess:
		return "child"
	case kernel.KindIO, kernel.KindWheel:
		return "io"
	}
	return "internal"
}

var eventShape = luax.NewShape(
	"id", "event", "session", "sender", "due", "timer",
	"args", "type", "file", "line", "from", "age",
)

// eventRecord tells about an event of the queue.
func (b *Lib) eventRecord(p kernel.Pending) lua.LValue {
	var file, line, age lua.LValue = lua.LNil, lua.LNil, lua.LNil
	if name, n := b.k.Locate(p.Site); name != "" {
		file, line = lua.LString(name), lua.LNumber(n)
	}
	timer := p.Kind == kernel.KindTimer
	if !timer {
		age = lua.LNumber(p.Age.Seconds())
	}
	return eventShape.New(
		lua.LNumber(p.ID), lua.LString(p.Event), b.taskID(p.Task), b.taskID(p.From), luax.Seconds(p.Due), lua.LBool(timer),
		b.packed(p.Args), lua.LString(kindText(p.Kind)), file, line, stringOrNil(p.FromState), age,
	)
}

// queued lists events of the queue.
func (b *Lib) queued(t *kernel.Task, wanted func(kernel.Kind) bool) lua.LValue {
	list := b.main.CreateTable(0, 0)
	for p := range b.k.Queue(t) {
		if wanted(p.Kind) {
			list.Append(b.eventRecord(p))
		}
	}
	return list
}

func (b *Lib) peekQueue(l *lua.LState) int {
	return b.onSome(l, "queue", func(t *kernel.Task) lua.LValue {
		return b.queued(t, func(kernel.Kind) bool { return true })
	})
}

func (b *Lib) peekTimers(l *lua.LState) int {
	return b.onSome(l, "timers", func(t *kernel.Task) lua.LValue {
		return b.queued(t, func(k kernel.Kind) bool { return k == kernel.KindTimer })
	})
}

// peekEvent finds an event by its ID. That it is over is no failure.
func (b *Lib) peekEvent(l *lua.LState) int {
	id := peekArgs(l, "event").Int(1)
	if p, ok := b.k.EventByID(int64(id)); ok {
		l.Push(b.eventRecord(p))
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

func (b *Lib) peekEventsTo(l *lua.LState) int {
	return b.onSession(l, "events_to", func(t *kernel.Task) lua.LValue { return lua.LNumber(t.Counts().EventsTo) })
}

// peekEventsFrom leaves out what a session has sent to itself.
func (b *Lib) peekEventsFrom(l *lua.LState) int {
	return b.onSession(l, "events_from", func(t *kernel.Task) lua.LValue { return lua.LNumber(t.Counts().EventsFrom) })
}

// peekHandles has a record for each descriptor and session.
func (b *Lib) peekHandles(l *lua.LState) int {
	return b.onSome(l, "handles", func(t *kernel.Task) lua.LValue {
		type watch struct {
			fd    int
			owner *kernel.Task
		}
		watches := b.watchesOf(t)
		records := make(map[watch]*lua.LTable, len(watches))
		list := b.main.CreateTable(len(watches), 0)
		for _, w := range watches {
			key := watch{w.FD, w.Task}
			r := records[key]
			if r == nil {
				r = b.main.CreateTable(0, 5)
				r.RawSetString("fd", lua.LNumber(w.FD))
				r.RawSetString("session", b.taskID(w.Task))
				records[key] = r
				list.Append(r)
			}
			mode := b.main.CreateTable(0, 3)
			if w.Event != "" {
				mode.RawSetString("event", lua.LString(w.Event))
			}
			mode.RawSetString("paused", lua.LBool(w.Paused))
			if w.IO != nil {
				mode.RawSetString("wheel", lua.LString(w.IO.String()))
			}
			r.RawSetString(w.Mode.String(), mode)
		}
		return list
	})
}

// watchesOf lists who watches which descriptors, wheels included, whose owner takes the place of the task: a task's, or
// with nil all.
func (b *Lib) watchesOf(t *kernel.Task) (watches []kernel.Watching) {
	if t != nil && len(b.wheelsOf(t)) == 0 {
		return b.k.Watched(t)
	}
	for _, w := range b.k.Watched(nil) {
		if part, ok := w.IO.(interface{ Owner() *kernel.Task }); ok {
			w.Task = part.Owner()
		}
		if t == nil || w.Task == t {
			watches = append(watches, w)
		}
	}
	return watches
}

// clockSeconds is a time of the kernel's clock as scripts see times.
func (b *Lib) clockSeconds(d time.Duration) lua.LValue {
	clock := b.k.Clock()
	return luax.Seconds(clock.Wall().Add(d - clock.Now()))
}
