package luax

import (
	"fmt"
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
		if fn == g.enter || !fn.IsG && fn.Proto.LineDefined == hiddenLine {
			continue
		}
		*t = append(*t, traced{f: f})
		if n := frameTailCalls(f); n > 0 && !fn.IsG {
			*t = append(*t, traced{text: "\t(...tail calls...)"})
		}
	}
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
}

// CallAt tells of the call that many levels above the running Go function, which is level 0. Calls that a tail call has
// replaced count.
func CallAt(l *lua.LState, level int) (CallInfo, bool) { return callAt(currentFrame(l), level) }

func callAt(f frame, level int) (CallInfo, bool) {
	for ; f != nil && level >= 0; f = parentFrame(f) {
		fn := frameFunction(f)
		if !fn.IsG && fn.Proto.LineDefined == hiddenLine {
			break
		}
		if level == 0 {
			c := CallInfo{Func: fn, Name: frameName(f)}
			if !fn.IsG {
				c.Line = Line(fn.Proto, framePc(f))
			}
			return c, true
		}
		level--
		if !fn.IsG {
			if level -= frameTailCalls(f); level < 0 {
				return CallInfo{}, true
			}
		}
	}
	return CallInfo{}, false
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
