package bindings

import (
	"reflect"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// Memory is an estimate, in bytes, of what the things of the kernel take. What values lead to is not counted: of a heap
// it is the table, of an argument the value.
type Memory struct {
	Sessions int // with their heaps and the handlers that are theirs alone
	Queue    int // events that wait, with their arguments
	Handles  int // watched descriptors and wheels, with what wheels have to write
	Signals  int // watchers of signals
	Aliases  int
}

// Total is all of it.
func (m Memory) Total() int { return m.Sessions + m.Queue + m.Handles + m.Signals + m.Aliases }

func (m *Memory) add(o Memory) {
	m.Sessions += o.Sessions
	m.Queue += o.Queue
	m.Handles += o.Handles
	m.Signals += o.Signals
	m.Aliases += o.Aliases
}

// What the kernel's own parts take, about.
const (
	eventSize  = 256 // with its place in the queue
	watchSize  = 256 // a watcher and its part of the descriptor
	wheelSize  = 1024
	signalSize = 128
	aliasSize  = 64
	tableEntry = 16 // an option, an argument
)

var (
	sessionSize = int(reflect.TypeFor[session]().Size())
	taskSize    = int(reflect.TypeFor[kernel.Task]().Size())
	handlerSize = int(reflect.TypeFor[handler]().Size())
)

// mostSized is how many events are looked at for their arguments; the others count as these do on average. With
// that, the memory of a hundred thousand sessions is told in a tenth of a second, however many events wait.
const mostSized = 10_000

// Memory estimates what all takes. Loop goroutine only.
func (b *Lib) Memory() (m Memory) {
	for _, t := range b.k.Tasks() {
		m.add(b.ownMemory(t))
	}
	m.Queue = b.queueMemory(nil, b.k.Events())
	m.Handles = len(b.k.Watched(nil)) * watchSize
	for _, w := range b.wheelsOf(nil) {
		m.Handles += wheelMemory(w)
	}
	return m
}

// memoryOf estimates what one task takes.
func (b *Lib) memoryOf(t *kernel.Task) Memory {
	m := b.ownMemory(t)
	m.Queue = b.queueMemory(t, t.Counts().EventsTo)
	m.Handles = len(b.watchesOf(t)) * watchSize
	for _, w := range b.wheelsOf(t) {
		m.Handles += wheelMemory(w)
	}
	return m
}

// ownMemory is what can be told of a task without looking through what all tasks share.
func (b *Lib) ownMemory(t *kernel.Task) (m Memory) {
	m.Sessions = taskSize
	if s, ok := t.Receiver().(*session); ok {
		m.Sessions = sessionSize + len(s.options)*tableEntry
		if s.heap != nil {
			m.Sessions += luax.Size(s.heap)
		}
		if !s.handlers.shared {
			m.Sessions += cap(s.handlers.list) * handlerSize
		}
	}
	for _, alias := range t.Aliases() {
		m.Aliases += aliasSize + len(alias)
	}
	for _, w := range b.k.SignalWatches(t) {
		m.Signals += signalSize + argsMemory(w.Args)
	}
	return m
}

// queueMemory is what n events take, those of a task or with nil of all.
func (b *Lib) queueMemory(t *kernel.Task, n int) int {
	sized, size := 0, 0
	for p := range b.k.Queue(t) {
		if sized == mostSized {
			break
		}
		sized++
		size += argsMemory(p.Args)
	}
	if sized == 0 {
		return 0
	}
	return n * (eventSize + size/sized)
}

func argsMemory(args []any) int {
	size := 0
	for _, v := range args {
		size += tableEntry
		if v, ok := v.(lua.LValue); ok {
			size += luax.Size(v)
		}
	}
	return size
}

func wheelMemory(w any) int {
	if w, ok := w.(interface{ Octets() int }); ok {
		return wheelSize + w.Octets()
	}
	return wheelSize
}

var memoryShape = luax.NewShape("total", "sessions", "queue", "handles", "signals", "aliases")

func (b *Lib) peekMemory(l *lua.LState) int {
	return b.onSome(l, "memory", func(t *kernel.Task) lua.LValue {
		if t != nil {
			return lua.LNumber(b.memoryOf(t).Total())
		}
		m := b.Memory()
		return memoryShape.New(
			lua.LNumber(m.Total()), lua.LNumber(m.Sessions), lua.LNumber(m.Queue),
			lua.LNumber(m.Handles), lua.LNumber(m.Signals), lua.LNumber(m.Aliases),
		)
	})
}
