package bindings

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
)

// toLua turns an argument of an event into the value a script sees.
func (b *Lib) toLua(v any) lua.LValue {
	switch v := v.(type) {
	case lua.LValue:
		return v
	case nil:
		return lua.LNil
	case string:
		return lua.LString(v)
	case *kernel.Task:
		return b.taskValue(v)
	case int:
		return lua.LNumber(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case kernel.Mode:
		return lua.LString(v.String())
	case *kernel.Die:
		return b.dieTable(v)
	case []any: // the arguments that a Go session's event had, for _default
		return b.packed(v)
	case number:
		return lua.LNumber(v)
	case filters.Null:
		return b.filters.null
	case filters.Map:
		return b.itemToLua(v)
	case *filters.Request:
		return b.requestTable(v)
	case *filters.Response:
		return b.responseTable(v)
	case *filters.End:
		return b.endTable(v)
	case *filters.IRCMessage:
		return b.ircTable(v)
	case *filters.SyslogMessage:
		return b.syslogTable(v)
	case *filters.SnortAlert:
		return b.snortTable(v)
	default:
		ud := b.main.NewUserData()
		ud.Value = v
		return ud
	}
}

// taskValue is the object that stands for a task: the kernel's table, or the session.
func (b *Lib) taskValue(t *kernel.Task) lua.LValue {
	if t == b.k.Root() {
		return b.kernelTable
	}
	if t == nil {
		return lua.LNil
	}
	if s, ok := t.Receiver().(*session); ok {
		return &s.object
	}
	return b.foreign(t)
}

// packed makes an array of values with n.
func (b *Lib) packed(values []any) *lua.LTable {
	t := b.main.CreateTable(len(values), 1)
	for i, v := range values {
		if lv := b.toLua(v); lv != lua.LNil {
			t.RawSetInt(i+1, lv)
		}
	}
	t.RawSetString("n", lua.LNumber(len(values)))
	return t
}

// dieTable is what a watcher of DIE gets; all watchers get the same.
func (b *Lib) dieTable(d *kernel.Die) *lua.LTable {
	if t, ok := d.Cache.(*lua.LTable); ok {
		return t
	}
	t := b.main.CreateTable(0, 9)
	set := func(name string, v lua.LValue) { t.RawSetString(name, v) }
	set("source_session", b.taskValue(d.Source))
	set("dest_session", b.taskValue(d.Dest))
	set("event", lua.LString(d.Event))
	set("from_state", stringOrNil(d.FromState))
	if file, line := b.k.Locate(d.Site); file != "" {
		set("file", lua.LString(file))
		set("line", lua.LNumber(line))
	}
	set("error_str", lua.LString(d.Err.Error()))
	var e *luax.Error
	if errors.As(d.Err, &e) {
		set("error", e.Value)
		set("traceback", lua.LString(e.Traceback))
	} else {
		set("error", lua.LString(d.Err.Error()))
	}
	d.Cache = t
	return t
}

func stringOrNil(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

// raise raises an error that ended a run: the very value that a handler raised.
func (b *Lib) raise(l *lua.LState, err error) {
	f := AsFailure(err)
	if f == nil {
		var raised *luax.Error
		if !errors.As(err, &raised) {
			raised = &luax.Error{Value: lua.LString(err.Error()), Message: err.Error(), Cause: err}
		}
		f = &Failure{Lua: raised}
	}
	b.last = f
	l.Error(f.Lua.Value, 0)
}

// both is an error whose handling failed with another: the two messages, the two tracebacks.
func both(w *kernel.While) *Failure {
	f := &Failure{Lua: &luax.Error{Value: lua.LString(w.Error()), Message: w.Error(), Cause: w}}
	var first, second *Failure
	if errors.As(w.First, &first) {
		f.Session, f.Who, f.Event, f.Lua.Traceback = first.Session, first.Who, first.Event, first.Lua.Traceback
	}
	if errors.As(w.Second, &second) {
		f.Lua.Traceback = strings.TrimPrefix(f.Lua.Traceback+"\n"+second.Lua.Traceback, "\n")
	}
	return f
}

// AsFailure is what is known of an error that ended a run; nil if no handler raised it.
func AsFailure(err error) *Failure {
	var f *Failure
	var while *kernel.While
	switch {
	case errors.As(err, &while):
		return both(while)
	case errors.As(err, &f):
		return f
	}
	return nil
}

// DieText is the error that an unhandled DIE stands for that a script sent.
func (b *Lib) DieText(args []any) error {
	e := &luax.Error{Value: lua.LString("DIE signal"), Message: "DIE signal"}
	if len(args) > 0 {
		if info, ok := args[0].(*lua.LTable); ok {
			if text := info.RawGetString("error_str"); text != lua.LNil {
				e.Value, e.Message = text, luax.Text(text)
			}
		}
	}
	return &Failure{Lua: e}
}

// Format shows an argument in a trace.
func (b *Lib) Format(v any) string { return luax.Text(b.toLua(v)) }

// Locate turns a site into a file and a line.
func Locate(s kernel.Site) (file string, line int) {
	proto, ok := s.Code.(*lua.FunctionProto)
	if !ok {
		return "", 0
	}
	return proto.SourceName, luax.Line(proto, s.Pos)
}

// site is where the running Go function was called from.
func site(l *lua.LState) kernel.Site {
	proto, pc := luax.Where(l)
	if proto == nil {
		return kernel.Site{}
	}
	return kernel.Site{Code: proto, Pos: pc}
}
