package bindings

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels"
)

// poe.peek tells about the running kernel. What its functions give is made for the call, of plain tables, strings and
// numbers: it changes with nothing and leads to no session.
//
// Differs: the arguments of events are the values that were sent, so who keeps them keeps a postback that is among
// them.

// peekFunction is a function of poe.peek.
type peekFunction struct {
	name, args string
	gives      string // for people, a few words
	call       func(b *Lib, l *lua.LState) int
}

// peekFunctions are in the order in which help shows them. S is a session in any form that names one.
func peekFunctions() []peekFunction {
	return []peekFunction{
		{"sessions", "", "the kernel and all sessions, by ID", (*Lib).peekSessions},
		{"session", "S", "one of them", (*Lib).peekSession},
		{"children", "S", "the IDs of its children", (*Lib).peekChildren},
		{"parent", "S", "the ID of its parent", (*Lib).peekParent},
		{"tree", "[S]", "it and all below, nested: id, name, children", (*Lib).peekTree},
		{"is_child", "S, P", "whether S is a child of P", (*Lib).peekIsChild},
		{"aliases", "[S]", "its aliases; of all: IDs by alias", (*Lib).peekAliases},
		{"events", "S", "the names of the events that it handles", (*Lib).peekEvents},
		{"handlers", "S", "what handles them: kind, file, line, method", (*Lib).peekHandlers},
		{"queue", "[S]", "events that wait, for it or for all, the next one first", (*Lib).peekQueue},
		{"event", "ID", "one of them", (*Lib).peekEvent},
		{"events_to", "S", "how many wait for it", (*Lib).peekEventsTo},
		{"events_from", "S", "how many that it sent to others wait", (*Lib).peekEventsFrom},
		{"timers", "[S]", "of the events that wait the timers", (*Lib).peekTimers},
		{"handles", "[S]", "watched descriptors and by which events", (*Lib).peekHandles},
		{"refcounts", "S", "its references: counts by tag", (*Lib).peekRefcounts},
		{"work", "S", "why it is alive, in words", (*Lib).peekWork},
		{"signals", "[S]", "its watchers by signal; of all: IDs by signal", (*Lib).peekSignals},
		{"processes", "[S]", "watched processes", (*Lib).peekProcesses},
		{"wheels", "[S]", "wheels: id, kind, session", (*Lib).peekWheels},
		{"memory", "[S]", "about how many bytes it takes; of all by kinds", (*Lib).peekMemory},
		{"kernel", "", "the kernel in numbers", (*Lib).peekKernel},
		{"current", "", "the handlers in progress; nil outside of handlers", (*Lib).peekCurrent},
		{"stats", "", "counts, as kernel:stats()", (*Lib).peekStats},
		{"trace", "S, f [, kinds]", "calls f(record) for what happens to S, \"*\" being all", (*Lib).peekTrace},
		{"post", "S, event, ...", "as kernel:post", (*Lib).peekPost},
		{"call", "S, event, ...", "as kernel:call", (*Lib).peekCall},
		{"help", "", "prints this list", (*Lib).peekHelp},
	}
}

func (b *Lib) openPeek(l *lua.LState) {
	functions := map[string]lua.LGFunction{}
	for _, f := range peekFunctions() {
		functions[f.name] = func(l *lua.LState) int { return f.call(b, l) }
	}
	b.traceMeta = metatable(l, "poe.Trace", class(l, map[string]lua.LGFunction{"stop": traceStop}), named("poe.Trace"))
	b.module.RawSetString("peek", class(l, functions))
}

func peekArgs(l *lua.LState, name string) luax.Args { return luax.Args{L: l, Name: name} }

// onSession makes a function of what tells about one session. What push pushes is one value.
func (b *Lib) onSession(l *lua.LState, name string, push func(t *kernel.Task) lua.LValue) int {
	a := peekArgs(l, name)
	t := b.sessionArg(a, 1)
	if t == nil {
		return b.unknown(a, 1)
	}
	l.Push(push(t))
	return 1
}

// onSome is the same where the session may be left out: then t is nil.
func (b *Lib) onSome(l *lua.LState, name string, push func(t *kernel.Task) lua.LValue) int {
	if peekArgs(l, name).Missing(1) {
		l.Push(push(nil))
		return 1
	}
	return b.onSession(l, name, push)
}

// taskID is what stands for a task in results: a number, or the kernel's ID.
func (b *Lib) taskID(t *kernel.Task) lua.LValue {
	switch t {
	case nil:
		return lua.LNil
	case b.k.Root():
		return lua.LString(b.k.ID())
	}
	return lua.LNumber(t.ID())
}

func (b *Lib) taskIDs(tasks []*kernel.Task) *lua.LTable {
	list := b.main.CreateTable(len(tasks), 0)
	for i, t := range tasks {
		list.RawSetInt(i+1, b.taskID(t))
	}
	return list
}

// array makes a Lua array of what has been listed.
func array[T any](b *Lib, items []T, value func(T) lua.LValue) *lua.LTable {
	list := b.main.CreateTable(len(items), 0)
	for i, item := range items {
		list.RawSetInt(i+1, value(item))
	}
	return list
}

func luaString(s string) lua.LValue { return lua.LString(s) }

func (b *Lib) peekSessions(l *lua.LState) int {
	l.Push(array(b, b.k.Tasks(), b.sessionRecord))
	return 1
}

func (b *Lib) peekSession(l *lua.LState) int { return b.onSession(l, "session", b.sessionRecord) }

var sessionShape = luax.NewShape(
	"id", "kind", "class", "name", "aliases", "parent", "children",
	"refcount", "events_to", "events_from", "handles",
	"extra_refs", "processes", "wheels",
	"options", "state", "created", "events_handled", "alive",
)

// sessionRecord is what there is to know about a task at a glance.
//
// Differs: refcount also counts wheels that wait for something, since they keep their session alive.
func (b *Lib) sessionRecord(t *kernel.Task) lua.LValue {
	var class, state lua.LValue = lua.LNil, lua.LNil
	kind, options := "session", b.main.CreateTable(0, 0)
	if s, ok := t.Receiver().(*session); ok {
		kind, class, state = s.kind(), s.className(), stringOrNil(s.current())
		for _, o := range b.Look(t).Options() {
			options.RawSetString(o.Name, o.Value)
		}
	} else if t == b.k.Root() {
		kind = "kernel"
	}
	c, aliases := t.Counts(), t.Aliases()
	return sessionShape.New(
		b.taskID(t), lua.LString(kind), class, lua.LString(taskName(t, aliases)), array(b, aliases, luaString),
		b.taskID(t.Parent()), b.taskIDs(t.Children()),
		lua.LNumber(c.Refcount), lua.LNumber(c.EventsTo), lua.LNumber(c.EventsFrom), lua.LNumber(c.Handles),
		lua.LNumber(c.Tags), lua.LNumber(c.Processes), lua.LNumber(c.Resources),
		options, state, luax.Seconds(t.Created()), lua.LNumber(t.Handled()), lua.LBool(t.Alive()),
	)
}

// taskName is the task for people, shorter than its String.
func taskName(t *kernel.Task, aliases []string) string {
	if len(aliases) > 0 {
		return aliases[0]
	}
	return t.String()
}

// className is the field name of a subclass.
func (s *session) className() lua.LValue {
	if s.class != nil {
		if name, ok := s.class.RawGetString("name").(lua.LString); ok {
			return name
		}
	}
	return lua.LNil
}

func (b *Lib) peekChildren(l *lua.LState) int {
	return b.onSession(l, "children", func(t *kernel.Task) lua.LValue { return b.taskIDs(t.Children()) })
}

func (b *Lib) peekParent(l *lua.LState) int {
	return b.onSession(l, "parent", func(t *kernel.Task) lua.LValue { return b.taskID(t.Parent()) })
}

var treeShape = luax.NewShape("id", "name", "children")

// peekTree goes through the tree without recursion: it may be as deep as there are sessions.
func (b *Lib) peekTree(l *lua.LState) int {
	type place struct {
		task *kernel.Task
		list *lua.LTable
	}
	return b.onSome(l, "tree", func(t *kernel.Task) lua.LValue {
		if t == nil {
			t = b.k.Root()
		}
		top := b.main.CreateTable(1, 0)
		for left := []place{{t, top}}; len(left) > 0; {
			p := left[len(left)-1]
			left = left[:len(left)-1]
			children := p.task.Children()
			list := b.main.CreateTable(len(children), 0)
			name := lua.LString(taskName(p.task, p.task.Aliases()))
			p.list.Append(treeShape.New(b.taskID(p.task), name, list))
			for _, c := range slices.Backward(children) { // the last to be put is the first to be taken
				left = append(left, place{c, list})
			}
		}
		return top.RawGetInt(1)
	})
}

func (b *Lib) peekIsChild(l *lua.LState) int {
	a := peekArgs(l, "is_child")
	child, parent := b.sessionArg(a, 1), b.sessionArg(a, 2)
	switch {
	case child == nil:
		return b.unknown(a, 1)
	case parent == nil:
		return b.unknown(a, 2)
	}
	l.Push(lua.LBool(child.Parent() == parent))
	return 1
}

func (b *Lib) peekAliases(l *lua.LState) int {
	return b.onSome(l, "aliases", func(t *kernel.Task) lua.LValue {
		if t != nil {
			return array(b, t.Aliases(), luaString)
		}
		all := b.main.CreateTable(0, 0)
		for _, t := range b.k.Tasks() {
			for _, alias := range t.Aliases() {
				all.RawSetString(alias, b.taskID(t))
			}
		}
		return all
	})
}

// infosOf are the handlers of a session, by event; a machine's in its current state. What sessions of Go handle is
// theirs to know.
func infosOf(t *kernel.Task) []handlerInfo {
	if s, ok := t.Receiver().(*session); ok {
		return s.handlerInfos()
	}
	return nil
}

func (b *Lib) peekEvents(l *lua.LState) int {
	return b.onSession(l, "events", func(t *kernel.Task) lua.LValue {
		return array(b, infosOf(t), func(h handlerInfo) lua.LValue { return lua.LString(h.event) })
	})
}

func (b *Lib) peekHandlers(l *lua.LState) int {
	return b.onSession(l, "handlers", func(t *kernel.Task) lua.LValue {
		infos := infosOf(t)
		all := b.main.CreateTable(0, len(infos))
		for _, h := range infos {
			r := b.main.CreateTable(0, 4)
			r.RawSetString("kind", lua.LString(h.kind))
			if h.file != "" {
				r.RawSetString("file", lua.LString(h.file))
				r.RawSetString("line", lua.LNumber(h.line))
			}
			if h.method != "" {
				r.RawSetString("method", lua.LString(h.method))
			}
			all.RawSetString(h.event, r)
		}
		return all
	})
}

func (b *Lib) peekRefcounts(l *lua.LState) int {
	return b.onSession(l, "refcounts", func(t *kernel.Task) lua.LValue {
		all := b.main.CreateTable(0, 0)
		for _, tag := range t.Tags() {
			all.RawSetString(tag.Name, lua.LNumber(tag.Count))
		}
		return all
	})
}

func (b *Lib) peekWork(l *lua.LState) int {
	return b.onSession(l, "work", func(t *kernel.Task) lua.LValue { return array(b, t.Work(), luaString) })
}

func (b *Lib) peekSignals(l *lua.LState) int {
	return b.onSome(l, "signals", func(t *kernel.Task) lua.LValue {
		all := b.main.CreateTable(0, 0)
		for _, w := range b.k.SignalWatches(t) {
			if t != nil {
				r := b.main.CreateTable(0, 2)
				r.RawSetString("event", lua.LString(w.Event))
				r.RawSetString("args", b.packed(w.Args))
				all.RawSetString(w.Signal, r)
				continue
			}
			ids, ok := all.RawGetString(w.Signal).(*lua.LTable)
			if !ok {
				ids = b.main.CreateTable(1, 0)
				all.RawSetString(w.Signal, ids)
			}
			ids.Append(b.taskID(w.Task))
		}
		return all
	})
}

func (b *Lib) peekProcesses(l *lua.LState) int {
	return b.onSome(l, "processes", func(t *kernel.Task) lua.LValue {
		return array(b, b.k.ProcessWatches(t), func(w kernel.ProcessWatch) lua.LValue {
			r := b.main.CreateTable(0, 3)
			r.RawSetString("pid", lua.LNumber(w.PID))
			r.RawSetString("session", b.taskID(w.Task))
			r.RawSetString("event", lua.LString(w.Event))
			return r
		})
	})
}

func (b *Lib) peekWheels(l *lua.LState) int {
	return b.onSome(l, "wheels", func(t *kernel.Task) lua.LValue {
		return array(b, b.wheelsOf(t), func(w wheels.Wheel) lua.LValue {
			r := b.main.CreateTable(0, 3)
			r.RawSetString("id", lua.LNumber(w.ID()))
			r.RawSetString("kind", lua.LString(w.Kind()))
			r.RawSetString("session", b.taskID(w.Owner()))
			return r
		})
	})
}

// wheelsOf are the living wheels of a task, or with nil of all, by ID.
func (b *Lib) wheelsOf(t *kernel.Task) (all []wheels.Wheel) {
	tasks := []*kernel.Task{t}
	if t == nil {
		tasks = b.k.Tasks()
	}
	for _, t := range tasks {
		t.EachResource(func(r kernel.Resource) {
			if w, ok := r.(wheels.Wheel); ok {
				all = append(all, w)
			}
		})
	}
	slices.SortFunc(all, func(a, b wheels.Wheel) int {
		if a.ID() < b.ID() {
			return -1
		}
		return 1
	})
	return all
}

func (b *Lib) peekKernel(l *lua.LState) int {
	handles := map[int]bool{}
	for _, w := range b.k.Watched(nil) {
		handles[w.FD] = true
	}
	r := b.main.CreateTable(0, 9)
	set := func(name string, v lua.LValue) { r.RawSetString(name, v) }
	set("id", lua.LString(b.k.ID()))
	set("pid", lua.LNumber(b.host.Pid()))
	set("started", luax.Seconds(b.k.Root().Created()))
	set("now", luax.Seconds(b.k.Clock().Wall()))
	set("sessions", lua.LNumber(b.k.Sessions()))
	set("events", lua.LNumber(b.k.Events()))
	set("handles", lua.LNumber(len(handles)))
	set("running", lua.LBool(b.looping))
	set("iteration", lua.LNumber(b.k.Stats().Iterations))
	l.Push(r)
	return 1
}

// peekCurrent tells what Running gives, innermost first.
func (b *Lib) peekCurrent(l *lua.LState) int {
	running := b.k.Running()
	if len(running) == 0 {
		l.Push(lua.LNil)
		return 1
	}
	entry := func(p kernel.Pending) lua.LValue {
		r := b.main.CreateTable(0, 3)
		r.RawSetString("session", b.taskID(p.Task))
		r.RawSetString("event", lua.LString(p.Event))
		return r
	}
	r := entry(running[0]).(*lua.LTable)
	r.RawSetString("stack", array(b, running, entry))
	l.Push(r)
	return 1
}

func (b *Lib) peekStats(l *lua.LState) int {
	l.Push(b.statsTable())
	return 1
}

// peekPost and peekCall are the kernel's methods, called with a dot.
func (b *Lib) peekPost(l *lua.LState) int {
	l.Insert(b.kernelTable, 1)
	return b.kernelPost(l)
}

func (b *Lib) peekCall(l *lua.LState) int {
	l.Insert(b.kernelTable, 1)
	return b.kernelCall(l)
}

// peekHelp prints the way the caller prints.
func (b *Lib) peekHelp(l *lua.LState) int {
	var lines []string
	for _, f := range peekFunctions() {
		call := f.name + "(" + f.args + ")"
		lines = append(lines, "  "+call+strings.Repeat(" ", max(1, 26-len(call)))+f.gives)
	}
	l.Push(l.GetGlobal("print"))
	l.Push(lua.LString("poe.peek: S is a session, an ID, an alias or the kernel\n" + strings.Join(lines, "\n")))
	l.Call(1, 0)
	return 0
}
