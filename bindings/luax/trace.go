package luax

import (
	"fmt"
	"iter"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	traceHead = 12 // lines of a long traceback that are shown from its beginning
	traceTail = 8  // and from its end
)

const traceTitle = "stack traceback:"

// trace is a list of calls, innermost first.
type trace []traced

// traced is a call, or something that stands between calls.
type traced struct {
	f    frame
	text string // in place of f
}

// addCalls adds the calls from f on up to base, which is left out.
func (g *Guard) addCalls(t *trace, f, base frame) {
	for ; f != nil && f != base; f = parentFrame(f) {
		fn := frameFunction(f)
		if g.hides(fn) {
			continue
		}
		*t = append(*t, traced{f: f})
		if n := frameTailCalls(f); n > 0 && !fn.IsG {
			*t = append(*t, traced{text: "\t(...tail calls...)"})
		}
	}
}

// hides says whether a function is not to be seen in tracebacks.
func (g *Guard) hides(fn *lua.LFunction) bool {
	return fn == g.enter || !fn.IsG && fn.Proto.LineDefined == hiddenLine
}

// text is "stack traceback:" and a line for each call; a long list is shortened.
func (t trace) text() string {
	var b strings.Builder
	b.WriteString(traceTitle)
	for i := 0; i < len(t); i++ {
		b.WriteByte('\n')
		if skipped := len(t) - traceTail - i; i == traceHead && skipped > 1 {
			fmt.Fprintf(&b, "\t... (%d more)\n", skipped)
			i += skipped
		}
		if t[i].f != nil {
			b.WriteString(frameLine(t[i].f))
		} else {
			b.WriteString(t[i].text)
		}
	}
	return b.String()
}

// traceback lists the calls of l on top of base. It is "" if there are none.
func (g *Guard) traceback(l *lua.LState, base frame) string {
	var t trace
	g.addCalls(&t, currentFrame(l), base)
	if len(t) == 0 {
		return ""
	}
	return t.text()
}

func frameLine(f frame) string {
	fn := frameFunction(f)
	name := frameName(f)
	switch {
	case fn.IsG && name == "":
		return "\t[Go]: in a function"
	case fn.IsG:
		return "\t[Go]: in function '" + name + "'"
	}
	place := fmt.Sprintf("\t%s:%d: ", fn.Proto.SourceName, Line(fn.Proto, framePc(f)))
	switch {
	case fn.Proto.LineDefined == 0:
		return place + "in main chunk"
	case name == "":
		return fmt.Sprintf("%sin function <%s:%d>", place, fn.Proto.SourceName, fn.Proto.LineDefined)
	default:
		return place + "in function '" + name + "'"
	}
}

// frameName is what the source of the caller calls a function; "" if that is not known.
func frameName(f frame) string {
	p := parentFrame(f)
	if p == nil || frameFunction(p).IsG || frameTailCalls(f) > 0 && !frameFunction(f).IsG {
		return ""
	}
	proto := frameFunction(p).Proto
	if proto.LineDefined == hiddenLine {
		return ""
	}
	for _, call := range proto.DbgCalls {
		if call.Pc == framePc(p)-1 && call.Name != "?" {
			return call.Name
		}
	}
	return ""
}

// nameKinds tells what kind of name a value has by the instruction that fetches it.
var nameKinds = map[int]string{
	lua.OP_GETGLOBAL:  "global",
	lua.OP_GETTABLE:   "field",
	lua.OP_GETTABLEKS: "field",
	lua.OP_GETUPVAL:   "upvalue",
	lua.OP_MOVE:       "local",
	lua.OP_MOVEN:      "local",
	lua.OP_SELF:       "method",
}

// frameNameKind is the kind of name that frameName gives; "" if it gives none. The function was put into its register by
// the last such instruction before the call: arguments have registers beyond it.
func frameNameKind(f frame) string {
	if frameName(f) == "" {
		return ""
	}
	const register = 0xff << registerShift
	p := parentFrame(f)
	pc := framePc(p) - 1
	code := frameFunction(p).Proto.Code
	callee := code[pc] & register
	for pc--; pc >= 0; pc-- {
		if kind := nameKinds[int(code[pc]>>opcodeShift)]; kind != "" && code[pc]&register == callee {
			return kind
		}
	}
	return ""
}

// joinTraces puts a traceback in front of another.
func joinTraces(inner, outer string) string {
	if inner == "" || outer == "" {
		return inner + outer
	}
	return inner + strings.TrimPrefix(outer, traceTitle)
}

// CallInfo tells of a call in progress.
type CallInfo struct {
	Func *lua.LFunction // nil for a call that a tail call has replaced
	Line int            // that it executes; 0 if none is known
	Name string         // what the caller's source calls the function; "" if that is not known

	NameKind string // "global", "local", "method", "field" or "upvalue"; "" if Name is, or if that is not known
}

// CallAt tells of the call that many levels above the running Go function, which is level 0. Calls that a tail call has
// replaced count.
func CallAt(l *lua.LState, level int) (CallInfo, bool) { return callAt(currentFrame(l), level) }

func callAt(f frame, level int) (CallInfo, bool) {
	f, _, ok := frameAt(f, level)
	if f == nil {
		return CallInfo{}, ok
	}
	c := CallInfo{Func: frameFunction(f), Name: frameName(f), NameKind: frameNameKind(f)}
	if !c.Func.IsG {
		c.Line = Line(c.Func.Proto, framePc(f))
	}
	return c, true
}

// frameAt finds the call that many levels above f, and the call that it has made, nil if it is innermost. Of a call
// that a tail call has replaced there is no more than that it exists.
func frameAt(f frame, level int) (at, inner frame, ok bool) {
	for ; f != nil && level >= 0; inner, f = f, parentFrame(f) {
		fn := frameFunction(f)
		if !fn.IsG && fn.Proto.LineDefined == hiddenLine {
			break
		}
		if isPassage(fn) {
			continue
		}
		if level == 0 {
			return f, inner, true
		}
		level--
		if !fn.IsG {
			if level -= frameTailCalls(f); level < 0 {
				return nil, nil, true
			}
		}
	}
	return nil, nil, false
}

// Local is a local variable, or another value on the stack, of a call in progress.
type Local struct {
	Name string // "(*temporary)" if it is no variable

	place *lua.LValue
	fixed bool // it cannot be changed: it belongs to a Go function
	table bool // a constructor is filling it
}

// Value is what it is.
func (v Local) Value() lua.LValue { return *v.place }

// Set changes it and says whether it could. Values of Go functions stay as they are, and a table that a constructor is
// still filling can only become another table: gopher-lua relies on both.
func (v Local) Set(to lua.LValue) bool {
	if v.fixed || v.table && to.Type() != lua.LTTable {
		return false
	}
	*v.place = to
	return true
}

// LocalAt finds the value that is the n-th of the call that many levels above the running Go function. Its Name is "" if
// there are not so many; the call may have none at all.
func LocalAt(l *lua.LState, level, n int) (Local, bool) { return localAt(l, level, n) }

func localAt(l *lua.LState, level, n int) (Local, bool) {
	f, inner, ok := frameAt(currentFrame(l), level)
	if f == nil || n < 1 {
		return Local{}, ok
	}
	values := frameValues(l, f, inner)
	if n > len(values) {
		return Local{}, true
	}
	if values[n-1] == nil {
		values[n-1] = lua.LNil
	}
	v := Local{Name: "(*temporary)", place: &values[n-1]}
	fn := frameFunction(f)
	if fn.IsG {
		v.fixed = true
		return v, true
	}
	if name, ok := fn.LocalName(n, framePc(f)-1); ok {
		v.Name = name
	}
	v.table = isFilled(fn.Proto.Code[framePc(f):], n-1)
	return v, true
}

// isFilled says whether a register holds a table that instructions to come go on to fill as a constructor does.
func isFilled(code []uint32, register int) bool {
	for _, inst := range code {
		if int(inst>>registerShift&0xff) != register {
			continue
		}
		switch int(inst >> opcodeShift) {
		case lua.OP_SETLIST:
			return true
		case lua.OP_NEWTABLE:
			return false
		}
	}
	return false
}

// Place is where the call is that many levels above the running Go function, "source:line: ", for the front of a message.
// It is "" for a Go function, and where there is no such level.
func Place(l *lua.LState, level int) string {
	c, ok := CallAt(l, level)
	if !ok || c.Func == nil || c.Func.IsG {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", c.Func.Proto.SourceName, c.Line)
}

// Call is a call in progress, or the beginning of a dispatch.
type Call struct {
	Proto *lua.FunctionProto // nil of a function written in Go
	Line  int                // that it executes; 0 if none is known
	Name  string             // what the caller's source calls the function; "" if that is not known
	Begin bool               // no call: here a dispatch began, to which the calls before belong
}

// Calls are the calls in progress of the coroutine that runs, innermost first, then those of who resumed it, and so on.
// With a Meter that takes samples it has the beginnings of dispatches, too.
func (c *Coroutines) Calls(m *Meter) iter.Seq[Call] {
	return func(yield func(Call) bool) {
		marks := m.marked()
		for f := range c.frames() {
			for ; len(marks) > 0 && marks[len(marks)-1] == f; marks = marks[:len(marks)-1] {
				if !yield(Call{Begin: true}) {
					return
				}
			}
			fn := frameFunction(f)
			if c.guard.hides(fn) {
				continue
			}
			call := Call{Name: frameName(f)}
			if !fn.IsG {
				call.Proto, call.Line = fn.Proto, Line(fn.Proto, framePc(f))
			}
			if !yield(call) {
				return
			}
		}
		for range marks {
			if !yield(Call{Begin: true}) {
				return
			}
		}
	}
}

// frames are those of Calls, hidden ones too.
func (c *Coroutines) frames() iter.Seq[frame] {
	return func(yield func(frame) bool) {
		co := c.running
		for l := running(c.guard.State); l != nil; l = l.Parent {
			for f := currentFrame(l); f != nil; f = parentFrame(f) {
				if !yield(f) {
					return
				}
			}
			if co == nil || co.threads == nil || co.top().state != l {
				continue
			}
			for i := len(co.threads) - 2; i >= 0; i-- {
				for f := currentFrame(co.threads[i].state); f != nil; f = parentFrame(f) {
					if !yield(f) {
						return
					}
				}
			}
			co = co.resumer
		}
	}
}

// Stack lists the calls in progress, also those of who resumed the coroutine that runs: "stack traceback:" and a line
// for each. It is "" if there are none.
func (c *Coroutines) Stack() string {
	var t trace
	co := c.running
	for l := running(c.guard.State); l != nil; l = l.Parent {
		c.guard.addCalls(&t, currentFrame(l), nil)
		if co != nil && co.threads != nil && co.top().state == l {
			c.addOuter(&t, co)
			co = co.resumer
		}
	}
	if len(t) == 0 {
		return ""
	}
	return t.text()
}

// running is the state that executes: that of a coroutine or the main one. l is any of them.
func running(l *lua.LState) *lua.LState {
	if current := l.G.CurrentThread; current != nil {
		return current
	}
	return l // there has been no coroutine yet
}
