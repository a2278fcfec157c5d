package repl

import (
	"errors"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
)

// chunkName is what messages call what was typed.
const chunkName = "repl"

// eval runs the input if it is whole. last says that nothing will follow: then it is wrong if it is not.
func (p *Prompt) eval(l *lua.LState, last bool) State {
	if !last && !p.input.mayBeWhole() {
		return More
	}
	fn, err := p.compile(strings.Join(p.input.lines, "\n"))
	switch {
	case errors.Is(err, interp.ErrUnfinished) && !last:
		return More
	case errors.Is(err, interp.ErrUnfinished):
		source := strings.Join(p.input.lines, "\n")
		if !p.input.statement {
			source = "return " + strings.TrimPrefix(source, "=")
		}
		_, err = interp.Load(p.State, chunkName, []byte(source)) // says what is missing
	}
	p.Drop()
	if err != nil {
		p.printf("%s", clean(err.Error()))
		return Ready
	}
	p.run(l, fn)
	return Ready
}

// unfinished is what is known of an input that asks for more.
type unfinished struct {
	lines     []string
	size      int    // of them in bytes
	statement bool   // it is no expression, whatever follows
	depth     int    // brackets and blocks that are open
	closer    string // what ends the long string that it ends with; "" none
	dangling  bool   // it ends with an operator
	unclear   bool   // what depth is: a quoted string goes over several lines
	looks     int    // how often it was looked at when it was long already
}

// add takes a line.
func (u *unfinished) add(line string) {
	u.lines = append(u.lines, line)
	u.size += len(line) + 1
	if u.closer != "" {
		_, rest, ended := strings.Cut(line, u.closer)
		if !ended {
			return
		}
		line = rest
	}
	var tokens []token
	tokens, _, u.closer = scan(line)
	for _, t := range tokens {
		u.dangling = slices.Contains(operators, t.text) && (t.kind == otherToken || t.kind == nameToken)
		u.unclear = u.unclear || t.open
		if t.kind == nameToken || t.kind == otherToken {
			u.depth += depths[t.text]
		}
	}
}

// depths says how a piece of source changes the depth.
var depths = map[string]int{
	"(": 1, "[": 1, "{": 1, "function": 1, "do": 1, "then": 1, "repeat": 1,
	")": -1, "]": -1, "}": -1, "end": -1, "until": -1, "elseif": -1,
}

// operators are what something has to follow.
var operators = []string{
	"+", "-", "*", "/", "%", "^", "#", "..", "==", "~=", "<=", ">=", "<", ">", "=", ",", ".", ":", "and", "or", "not",
}

// mayBeWhole says whether it is worth while to look if an input is whole. Each look goes through all of it, so a long
// one is not looked at for each line. What is not looked at ends with a blank line.
func (u *unfinished) mayBeWhole() bool {
	if u.size <= shortInput {
		return true
	}
	if u.looks == mostLooks || !u.unclear && (u.depth > 0 || u.dangling || u.closer != "") {
		return false
	}
	u.looks++
	return true
}

// compile compiles an input: as expressions if it can be, otherwise as a chunk. As in Lua, = before an expression is
// left out.
func (p *Prompt) compile(source string) (fn *lua.LFunction, err error) {
	if rest, ok := strings.CutPrefix(source, "="); ok {
		return p.typed.Load(chunkName, rest, true)
	}
	more, refusal := false, error(nil)
	if !p.input.statement {
		fn, err := p.typed.Load(chunkName, source, true)
		if err == nil {
			return fn, nil
		}
		more = errors.Is(err, interp.ErrUnfinished)
		p.input.statement, refusal = !more, err
	}
	fn, err = p.typed.Load(chunkName, source, false)
	if err != nil && more {
		err = interp.ErrUnfinished
	}
	if _, wrong := errors.AsType[*parse.Error](refusal); refusal != nil && !wrong && err != nil && !more {
		err = refusal // it is an expression, though one too large to compile
	}
	return fn, err
}

// run calls a chunk and shows its values, or its error.
func (p *Prompt) run(l *lua.LState, fn *lua.LFunction) {
	values, err := p.results(l, fn)
	if err != nil {
		p.printError(err)
		return
	}
	p.printValues(l, values)
}

// results calls a chunk and gives its values.
func (p *Prompt) results(l *lua.LState, fn *lua.LFunction) (values []lua.LValue, err *luax.Error) {
	base := l.GetTop()
	l.Push(fn)
	if err := p.Lib.Guard.Call(l, 0, lua.MultRet, true); err != nil {
		return nil, err
	}
	for i := base + 1; i <= l.GetTop(); i++ {
		values = append(values, l.Get(i))
	}
	l.SetTop(base)
	return values, nil
}

// printError tells an error, with the calls that led to it unless it is the chunk's own.
func (p *Prompt) printError(err *luax.Error) {
	text := err.Error()
	if _, below, ok := strings.Cut(err.Traceback, "\n"); ok && strings.Contains(below, "\n") {
		text += "\n" + err.Traceback
	}
	p.printf("%s", clean(text))
}

// protect does something that may raise. Its error, or what it raises, is told in a line.
func (p *Prompt) protect(l *lua.LState, f func() error) {
	var err error
	if raised := p.Lib.Guard.Run(l, func() { err = f() }); raised != nil {
		p.printError(raised)
	} else if err != nil {
		p.printf("%s", clean(err.Error()))
	}
}

// evaluate gives the values of Lua expressions separated by commas, as the prompt would evaluate them.
func (p *Prompt) evaluate(expressions string) ([]any, error) {
	if strings.TrimSpace(expressions) == "" {
		return nil, nil
	}
	fn, err := p.typed.Load(chunkName, expressions, true)
	if errors.Is(err, interp.ErrUnfinished) {
		_, err = interp.Load(p.State, chunkName, []byte("return "+expressions))
	}
	if err != nil {
		return nil, err
	}
	values, failure := p.results(p.Lib.Guard.State, fn)
	if failure != nil {
		return nil, failure
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return args, nil
}
