package interp

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

const (
	stringMost = 256 << 20 // bytes of a string that one call makes. Differs: Lua 5.1 goes on until there is no memory.
	valuesMost = 100_000   // results of one call; a coroutine's stack holds ten times as many
)

// stringLib is what the library string of one Lua state keeps between calls.
type stringLib struct {
	scratch []byte // for making strings; nil while one is being made
}

// openStrings makes the functions of the library string of Lua 5.1 that know no patterns, and pack of 5.3.
//
// Differs: an index beyond the integers is the nearest of them, so s:sub(1, math.huge) is all of s; rep takes a separator,
// as in Lua 5.2; byte gives up to 100,000 values where 5.1 gives 8,000.
func openStrings(l *lua.LState) {
	s := &stringLib{}
	module := l.GetGlobal(lua.StringLibName).(*lua.LTable)
	l.SetFuncs(module, map[string]lua.LGFunction{
		"byte":     stringByte,
		"char":     s.char,
		"dump":     stringDump,
		"format":   s.format,
		"len":      stringLen,
		"lower":    s.lower,
		"pack":     s.pack,
		"packsize": stringPackSize,
		"rep":      stringRep,
		"reverse":  s.reverse,
		"sub":      stringSub,
		"unpack":   stringUnpack,
		"upper":    s.upper,
	})
	// gopher-lua makes the module its own metatable.
	module.RawSetString("__index", lua.LNil)
	meta := l.CreateTable(0, 1)
	meta.RawSetString("__index", module)
	l.SetMetatable(lua.LString(""), meta)
}

// begin gives an empty buffer to make a string in. A function that is called meanwhile gets another.
func (s *stringLib) begin() []byte {
	p := s.scratch[:0]
	s.scratch = nil
	return p
}

// push pushes the string that was made.
func (s *stringLib) push(l *lua.LState, p []byte) int {
	pushText(l, string(p))
	if cap(p) <= chunkSize {
		s.scratch = p
	}
	return 1
}

// position is an index into a string of n bytes, in which negative ones count from its end; 0 if it is before the beginning.
func position(i, n int) int {
	if i < 0 {
		return max(0, i+n+1)
	}
	return i
}

func stringByte(l *lua.LState) int {
	a := luax.Args{L: l, Name: "byte"}
	s := textArg(a, 1)
	from := position(optInteger(a, 2, 1), len(s))
	to := min(position(optInteger(a, 3, from), len(s)), len(s))
	from = max(from, 1)
	if from > to {
		return 0
	}
	if to-from >= valuesMost {
		l.RaiseError("stack overflow (string slice too long)")
	}
	reserve(l, to-from+1)
	for i := from - 1; i < to; i++ {
		l.Push(smallNumbers[s[i]])
	}
	return to - from + 1
}

// reserve makes room for many results at once. A coroutine's stack grows in small steps, and is copied at each.
func reserve(l *lua.LState, n int) {
	if n > threadStart {
		top := l.GetTop()
		l.SetTop(top + n)
		l.SetTop(top)
	}
}

func (s *stringLib) char(l *lua.LState) int {
	a := luax.Args{L: l, Name: "char"}
	p := s.begin()
	for i := 1; i <= a.Count(); i++ {
		c := integerArg(a, i)
		if c < 0 || c > 255 {
			luax.ArgError(l, a.Name, i, "invalid value")
		}
		p = append(p, byte(c))
	}
	return s.push(l, p)
}

// stringDump refuses: there is no format for compiled functions.
func stringDump(l *lua.LState) int {
	luax.Args{L: l, Name: "dump"}.Function(1)
	l.RaiseError("unable to dump given function")
	return 0
}

func stringLen(l *lua.LState) int {
	l.Push(lua.LNumber(len(textArg(luax.Args{L: l, Name: "len"}, 1))))
	return 1
}

func (s *stringLib) lower(l *lua.LState) int { return s.changeCase(l, "lower", 'A', 'Z') }
func (s *stringLib) upper(l *lua.LState) int { return s.changeCase(l, "upper", 'a', 'z') }

// changeCase changes the case of the letters between first and last. As in the locale C, there are no others.
func (s *stringLib) changeCase(l *lua.LState, name string, first, last byte) int {
	p := append(s.begin(), textArg(luax.Args{L: l, Name: name}, 1)...)
	for i, c := range p {
		if first <= c && c <= last {
			p[i] = c ^ 0x20
		}
	}
	return s.push(l, p)
}

func stringRep(l *lua.LState) int {
	a := luax.Args{L: l, Name: "rep"}
	text, n, separator := textArg(a, 1), integerArg(a, 2), optText(a, 3, "")
	each := len(text) + len(separator)
	if n <= 0 || each == 0 {
		l.Push(lua.LString(""))
		return 1
	}
	if n > (stringMost+len(separator))/each {
		l.RaiseError("resulting string too large")
	}
	if separator != "" {
		text += separator
	}
	pushText(l, strings.Repeat(text, n)[:n*each-len(separator)])
	return 1
}

func (s *stringLib) reverse(l *lua.LState) int {
	text, p := textArg(luax.Args{L: l, Name: "reverse"}, 1), s.begin()
	for i := len(text) - 1; i >= 0; i-- {
		p = append(p, text[i])
	}
	return s.push(l, p)
}

func stringSub(l *lua.LState) int {
	a := luax.Args{L: l, Name: "sub"}
	s := textArg(a, 1)
	from := max(position(integerArg(a, 2), len(s)), 1)
	to := min(position(optInteger(a, 3, -1), len(s)), len(s))
	if from > to {
		l.Push(lua.LString(""))
		return 1
	}
	pushText(l, cut(s, from-1, to))
	return 1
}
