package bindings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// PromptSession is the session of a prompt: one of Lua's, whose own handlers are in Go. Scripts can give it others.
type PromptSession struct {
	s     *session
	do    handler
	work  func(l *lua.LState)
	began bool
}

// evaluation is the event as which what is typed at a prompt is handled, failure the one of an error.
const (
	evaluation = "eval"
	failure    = "_die"
)

// keepTag is the reference that keeps a prompt's session alive.
const keepTag = "prompt"

// NewPromptSession makes the session of a prompt, with the alias name, or name2 and so on if that is taken. It is a
// child of the kernel. keep keeps it alive; otherwise it is in the background. unhandled gets the events that nothing
// else handles, failed the errors of handlers of the session and of those that it made: they end nothing.
func (b *Lib) NewPromptSession(
	name string, keep bool, unhandled func(event string, args []lua.LValue), failed func(text string),
) (*PromptSession, error) {
	l := b.main
	p := &PromptSession{s: b.newSession(nil)}
	nothing := l.NewFunction(func(*lua.LState) int { return 0 })
	set := &handlerSet{}
	set.put(handler{event: kernel.EventStart, fn: l.NewFunction(p.started(name, keep))})
	for _, event := range []string{kernel.EventStop, kernel.EventChild, kernel.EventParent} {
		set.put(handler{event: event, fn: nothing})
	}
	set.put(handler{event: kernel.EventDefault, fn: l.NewFunction(func(l *lua.LState) int {
		event, args := l.ToString(2), l.Get(3).(*lua.LTable)
		values := make([]lua.LValue, int(args.RawGetString("n").(lua.LNumber)))
		for i := range values {
			values[i] = args.RawGetInt(i + 1)
		}
		unhandled(event, values)
		return 0
	})})
	set.put(handler{event: failure, fn: l.NewFunction(func(l *lua.LState) int {
		b.k.SignalHandled()
		failed(dieText(l.Get(3)))
		return 0
	})})
	p.s.handlers = set
	p.do = handler{event: evaluation, fn: l.NewFunction(func(l *lua.LState) int {
		p.work(l)
		return 0
	})}
	b.alloc(b.Guard.State, p.s, nil)
	if !p.Task().Alive() {
		return nil, fmt.Errorf("%s: the session did not start", name)
	}
	return p, nil
}

// started is the handler of _start.
func (p *PromptSession) started(name string, keep bool) lua.LGFunction {
	return func(l *lua.LState) int {
		k, t := p.s.lib.k, p.Task()
		if p.began {
			return 0 // somebody sends the event
		}
		p.began = true
		k.WatchSignal("DIE", failure, nil)
		if t.Parent() != k.Root() {
			if err := k.DetachSelf(); err != nil { // whoever made it is not to be its parent
				l.RaiseError("%s", err.Error())
			}
		}
		alias := name
		for n := 2; k.Resolve(alias) != nil; n++ {
			alias = name + strconv.Itoa(n)
		}
		if err := k.SetAlias(alias); err != nil {
			l.RaiseError("%s", err.Error())
		}
		if !keep {
			k.SetBackground(t, true)
		} else if _, err := k.Retain(t, keepTag); err != nil {
			l.RaiseError("%s", err.Error())
		}
		return 0
	}
}

// dieText tells of a failed handler what a watcher of DIE hears, v, tells.
func dieText(v lua.LValue) string {
	t, ok := v.(*lua.LTable)
	if !ok {
		return "signal DIE"
	}
	field := func(name string) string { return luax.Text(t.RawGetString(name)) }
	text := fmt.Sprintf("error in event '%s' of %s: %s", field("event"), field("dest_session"), field("error_str"))
	if trace, ok := t.RawGetString("traceback").(lua.LString); ok && trace != "" {
		text += "\n" + string(trace)
	}
	return text
}

// Task is the kernel's side of the session.
func (p *PromptSession) Task() *kernel.Task { return &p.s.Task }

// Do calls f as a handler of the session, on the state that the kernel runs on. What is raised in it is an error of the
// session's. After the session has stopped it does nothing, and says so.
func (p *PromptSession) Do(f func(l *lua.LState)) bool {
	held := p.work
	p.work = f
	_, heard := p.s.lib.k.Deliver(p.Task(), evaluation, &p.do, kernel.Site{})
	p.work = held
	return heard
}

// Variables are the session's ctx, its heap, the kernel and the module poe, by the names that they have at a prompt.
func (p *PromptSession) Variables() map[string]lua.LValue {
	b := p.s.lib
	return map[string]lua.LValue{"ctx": &p.s.ctx, "heap": p.s.getHeap(), "kernel": b.kernelTable, "poe": b.module}
}

// Close stops the session. Its children go to the kernel.
func (p *PromptSession) Close() { p.s.lib.k.End(p.Task()) }

// Value is what a script sees of a Go value, as an argument of an event or a result of a call.
func (b *Lib) Value(v any) lua.LValue { return b.toLua(v) }

// EventNames are the events that a session of Lua's has handlers for now, sorted.
func (b *Lib) EventNames(t *kernel.Task) []string {
	if s, ok := t.Receiver().(*session); ok {
		return s.events()
	}
	return nil
}

// TaskOf is the task that a session object, or the kernel, stands for; nil for other values.
func (b *Lib) TaskOf(v lua.LValue) *kernel.Task {
	if v == lua.LValue(b.kernelTable) {
		return b.k.Root()
	}
	if s := b.contextSession(v); s != nil {
		return &s.Task
	}
	return sessionTask(v)
}

// Describe names an object of the library's for people, without running Lua: a session, a wheel, a handle, a ctx; ok is
// false for other values.
func (b *Lib) Describe(v lua.LValue) (text string, ok bool) {
	switch v := v.(type) {
	case *lua.LTable:
		if s := b.contextSession(v); s != nil {
			return "poe.Context(" + s.ID().String() + ")", true
		}
		if v == b.kernelTable {
			return "poe.kernel", true
		}
	case *lua.LUserData:
		switch value := v.Value.(type) {
		case nil:
		case *session:
			return value.String(), true
		case *kernel.Task:
			return taskString(value), true
		case wheelObject:
			text = "poe.wheel." + value.Kind() + "(" + strconv.FormatUint(value.ID(), 10)
			if !value.Alive() {
				text += " destroyed"
			}
			return text + ")", true
		case fmt.Stringer:
			return value.String(), true
		default:
			text = luax.TypeName(v)
			return text, text != v.Type().String()
		}
	}
	return "", false
}

// contextFields are what a ctx answers though they are not in the table.
var contextFields = []string{
	"caller_file", "caller_line", "caller_state", "heap", "kernel", "object", "sender", "session", "state",
}

// Fields are the names of fields that a value has without being a table that holds them.
func (b *Lib) Fields(v lua.LValue) []string {
	if b.contextSession(v) != nil {
		return contextFields
	}
	return nil
}

// Field is the value of such a field.
func (b *Lib) Field(v lua.LValue, name string) lua.LValue {
	if s := b.contextSession(v); s != nil {
		return b.contextField(s, lua.LString(name))
	}
	return lua.LNil
}

// mostSource is how long a file may be that ReadSource reads.
const mostSource = 64 << 20

// ReadSource reads a file that somebody at a prompt wants to run. Only regular files: the program is not to wait for
// others.
func (b *Lib) ReadSource(name string) ([]byte, error) {
	info, err := b.host.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("it is no regular file")}
	}
	f, err := b.host.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	source, err := io.ReadAll(io.LimitReader(f, mostSource+1))
	if err == nil && len(source) > mostSource {
		err = &os.PathError{Op: "read", Path: name, Err: syscall.EFBIG}
	}
	return source, err
}
