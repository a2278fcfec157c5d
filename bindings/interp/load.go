package interp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

// Load compiles a script. A UTF-8 byte order mark and a first line that begins with # are skipped. Errors are one
// line: "name:line: message".
func Load(l *lua.LState, name string, source []byte) (*lua.LFunction, error) {
	return loadChunk(l, name, trimHead(source))
}

// trimHead takes off what may stand before a script.
func trimHead(source []byte) []byte {
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(source, []byte("#")) {
		end := bytes.IndexByte(source, '\n')
		if end < 0 {
			end = len(source)
		}
		source = source[end:] // with the line's end: the others keep their numbers
	}
	return source
}

// loadChunk compiles source as it is.
func loadChunk(l *lua.LState, name string, source []byte) (*lua.LFunction, error) {
	proto, err := compile(name, source, nil)
	if err != nil {
		return nil, err
	}
	return l.NewFunctionFromProto(proto), nil
}

// changer changes the syntax tree of a chunk.
type changer func(chunk []ast.Stmt) []ast.Stmt

// compile compiles source, as change leaves it if that is not nil.
func compile(name string, source []byte, change changer) (proto *lua.FunctionProto, err error) {
	if bytes.HasPrefix(source, []byte("\x1bLua")) {
		return nil, errors.New(name + ": precompiled chunks cannot be loaded")
	}
	defer func() {
		if r := recover(); r != nil {
			proto, err = nil, fmt.Errorf("%s: the chunk cannot be compiled (%s)", name, oneLine(fmt.Sprint(r)))
		}
	}()
	chunk, err := parse.Parse(bytes.NewReader(source), name)
	if err != nil {
		return nil, syntaxError(err, name, source)
	}
	chunk, gotos, err := examine(name, chunk, len(source), change)
	if err != nil {
		return nil, err
	}
	proto, err = lua.Compile(chunk, name)
	if err != nil {
		return nil, syntaxError(err, name, source)
	}
	smallTables(proto)
	mendGotos(proto, gotos)
	return proto, nil
}

// smallTables makes the tables of plain constructors, {}, with room for a few fields. Without, the first field takes a map
// for 32: six times the memory, and the time to clear it.
func smallTables(p *lua.FunctionProto) {
	for i := range p.Code {
		const fields = 0x1ff << 9
		if inst := p.Code[i]; int(inst>>26) == lua.OP_NEWTABLE && inst&fields == 0 {
			p.Code[i] = inst | 1<<9
		}
	}
	for _, inner := range p.FunctionPrototypes {
		smallTables(inner)
	}
}

// complaints gives Lua's words for those of gopher-lua.
var complaints = map[string]string{
	"parse error":                   "syntax error",
	"Invalid token":                 "unexpected symbol",
	"Invalid '~' token":             "unexpected symbol",
	"unterminated string":           "unfinished string",
	"unterminated multiline string": "unfinished long string",
	"invalid multiline string":      "invalid long string delimiter",
	"invalid multiline comment":     "unfinished long comment",
	"illegal hexadecimal number":    "malformed number",
}

// syntaxError words an error of the parser or the compiler as Lua does.
func syntaxError(err error, name string, source []byte) error {
	var parsing *parse.Error
	var compiling *lua.CompileError
	switch {
	case errors.As(err, &parsing):
		message := parsing.Message
		if text, ok := complaints[message]; ok {
			message = text
		}
		line, near := errorPlace(parsing, source)
		return &syntaxMistake{fmt.Sprintf("%s:%d: %s near '%s'", name, line, oneLine(message), near), parsing}
	case errors.As(err, &compiling):
		return fmt.Errorf("%s:%d: %s", name, min(max(compiling.Line, 1), lineCount(source)), oneLine(compiling.Message))
	}
	return fmt.Errorf("%s: the chunk cannot be compiled (%s)", name, oneLine(err.Error()))
}

// syntaxMistake is what the parser found, in Lua's words.
type syntaxMistake struct {
	text  string
	cause *parse.Error
}

func (e *syntaxMistake) Error() string { return e.text }

// Unwrap gives it in the parser's.
func (e *syntaxMistake) Unwrap() error { return e.cause }

// errorPlace is the line of an error and the token there.
func errorPlace(e *parse.Error, source []byte) (line int, near string) {
	if e.Pos.Line == parse.EOF {
		return lineCount(source), "<eof>"
	}
	line = e.Pos.Line
	if e.Message == "unterminated string" {
		line-- // the scanner is at the beginning of the next one
	}
	return line, tokenText(e.Token)
}

// lineCount is the number of the last line.
func lineCount(source []byte) int {
	text := bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
	return 1 + bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r"))
}

// tokenMost is how much of a token an error shows.
const tokenMost = 40

// tokenText shows a token, on one line whatever it is.
func tokenText(token string) string {
	if len(token) == 1 && (token[0] < ' ' || token[0] > '~') {
		return fmt.Sprintf("char(%d)", token[0])
	}
	if line, _, more := strings.Cut(token, "\n"); more {
		token = line + "..."
	}
	if len(token) > tokenMost {
		token = token[:tokenMost] + "..."
	}
	return oneLine(token)
}

// oneLine replaces what would end a line or upset a terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
}

// chunkMost is how much of its own text the name of a chunk shows.
const chunkMost = 43

// chunkName is how messages name a chunk that was loaded under that name, as in Lua: after = or @ as it is, otherwise
// as the beginning of its text.
func chunkName(name string) string {
	if strings.HasPrefix(name, "\x1b") {
		return "binary string"
	}
	if strings.HasPrefix(name, "=") || strings.HasPrefix(name, "@") {
		return name[1:]
	}
	line := name
	if end := strings.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	line = line[:min(len(line), chunkMost)]
	if len(line) < len(name) {
		line += "..."
	}
	return `[string "` + line + `"]`
}

// loader is what loads source for one Lua state.
type loader struct {
	c     Config
	guard *luax.Guard
	stdin *file
}

// openLoad makes load and its kin, and require.
func openLoad(l *lua.LState, g *luax.Guard, c Config, fs *files) {
	o := loader{c, g, fs.stdin}
	l.SetGlobal("load", l.NewFunction(o.load))
	l.SetGlobal("loadfile", l.NewFunction(o.loadfile))
	l.SetGlobal("loadstring", l.NewFunction(o.loadstring))
	l.SetGlobal("dofile", luaPart(l, dofileSource, l.NewFunction(o.mustLoad)))
	o.openRequire(l)
}

// What calls a chunk is written in Lua: a coroutine cannot yield across a call that Go makes.
const dofileSource = `
local load = ...
return function(name) return load(name)() end`

// luaPart runs a chunk of our own and gives its value.
func luaPart(l *lua.LState, source string, args ...lua.LValue) lua.LValue {
	fn, err := loadChunk(l, "[poelua]", []byte(source))
	if err != nil {
		panic(err) // only a mistake in our own source
	}
	l.Push(fn)
	for _, v := range args {
		l.Push(v)
	}
	l.Call(len(args), 1)
	v := l.Get(-1)
	l.Pop(1)
	return v
}

// answer pushes a function, or nil and what was wrong.
func answer(l *lua.LState, fn *lua.LFunction, err error) int {
	if err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(err.Error()))
		return 2
	}
	l.Push(fn)
	return 1
}

func (o loader) loadstring(l *lua.LState) int {
	a := luax.Args{L: l, Name: "loadstring"}
	source := textArg(a, 1)
	name := source
	if !a.Missing(2) {
		name = textArg(a, 2)
	}
	fn, err := loadChunk(l, chunkName(name), []byte(source))
	return answer(l, fn, err)
}

// load compiles the pieces that a function gives. As in Lua, an error in that function is a result of load.
func (o loader) load(l *lua.LState) int {
	a := luax.Args{L: l, Name: "load"}
	reader, name := a.Function(1), "=(load)"
	if !a.Missing(2) {
		name = textArg(a, 2)
	}
	var source []byte
	for {
		l.Push(reader)
		if err := o.guard.Call(l, 0, 1, false); err != nil {
			l.Push(lua.LNil)
			l.Push(err.Value)
			return 2
		}
		v := l.Get(-1)
		l.Pop(1)
		switch v := v.(type) {
		case *lua.LNilType:
			fn, err := loadChunk(l, chunkName(name), source)
			return answer(l, fn, err)
		case lua.LNumber:
			source = appendNumeral(source, float64(v))
			continue
		case lua.LString:
			if v != "" {
				source = append(source, v...)
				continue
			}
			fn, err := loadChunk(l, chunkName(name), source)
			return answer(l, fn, err)
		}
		return answer(l, nil, errors.New("reader function must return a string"))
	}
}

func (o loader) loadfile(l *lua.LState) int {
	a := luax.Args{L: l, Name: "loadfile"}
	var fn *lua.LFunction
	var err error
	if a.Missing(1) {
		fn, err = o.loadInput(l)
	} else {
		fn, err = o.loadNamed(l, textArg(a, 1))
	}
	return answer(l, fn, err)
}

// mustLoad is dofile without the call: a failure is an error.
func (o loader) mustLoad(l *lua.LState) int {
	var fn *lua.LFunction
	var err error
	switch v := l.Get(1).(type) {
	case *lua.LNilType:
		fn, err = o.loadInput(l)
	case lua.LString, lua.LNumber:
		fn, err = o.loadNamed(l, v.String())
	default:
		raiseAtCaller(l, "bad argument #1 to 'dofile' (string expected, got "+luax.TypeName(v)+")")
	}
	if err != nil {
		l.Error(lua.LString(err.Error()), 0)
	}
	l.Push(fn)
	return 1
}

// raiseAtCaller raises where the Lua function was called that called us.
func raiseAtCaller(l *lua.LState, message string) { l.Error(lua.LString(message), 3) }

func (o loader) loadInput(l *lua.LState) (*lua.LFunction, error) {
	source, err := o.stdin.readAll()
	if err != nil {
		return nil, errors.New("cannot read " + reasonFor("stdin", err))
	}
	return Load(l, "stdin", []byte(source))
}

func (o loader) loadNamed(l *lua.LState, name string) (*lua.LFunction, error) {
	source, err := readSource(o.c.Host, name)
	if err != nil {
		return nil, err
	}
	return Load(l, name, source)
}

func readSource(h *host.Host, name string) ([]byte, error) {
	f, err := h.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, &unreadable{"open", name, err}
	}
	defer f.Close()
	source, err := io.ReadAll(host.NewInput(f))
	if err != nil {
		return nil, &unreadable{"read", name, err}
	}
	return source, nil
}

// unreadable is a source file that is not to be had.
type unreadable struct {
	act, name string
	cause     error
}

func (e *unreadable) Error() string {
	if isRefusal(e.cause) {
		return reason(e.cause)
	}
	return "cannot " + e.act + " " + reasonFor(e.name, e.cause)
}

func (e *unreadable) Unwrap() error { return e.cause }
