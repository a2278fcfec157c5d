package interp

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

const lastRune = 0x10FFFF

// openUTF8 makes the library utf8 of Lua 5.3. As there, surrogates are characters like others.
//
// Differs: codepoint gives up to 100,000 values, fewer than 5.3.
func openUTF8(l *lua.LState) {
	next := l.NewFunction(utf8Next)
	module := l.RegisterModule("utf8", map[string]lua.LGFunction{
		"char":      utf8Char,
		"codepoint": utf8CodePoint,
		"codes": func(l *lua.LState) int {
			s := textArg(luax.Args{L: l, Name: "codes"}, 1)
			l.Push(next)
			l.Push(lua.LString(s))
			l.Push(lua.LNumber(0))
			return 3
		},
		"len":    utf8Len,
		"offset": utf8Offset,
	}).(*lua.LTable)
	module.RawSetString("charpattern", lua.LString("[\x00-\x7F\xC2-\xF4][\x80-\xBF]*"))
}

// exactArg is argument n, which must be an integer, as in Lua 5.3.
func exactArg(a luax.Args, n int) int64 {
	number := numberArg(a, n)
	if number != math.Trunc(number) || number < math.MinInt64 || number >= -math.MinInt64 {
		luax.ArgError(a.L, a.Name, n, "number has no integer representation")
	}
	return int64(number)
}

// positionArg is argument n, or what stands in for nil and none, as a position in a string of the given length.
func positionArg(a luax.Args, n int, missing, length int) int {
	if a.Missing(n) {
		return position(missing, length)
	}
	return position(int(min(max(exactArg(a, n), math.MinInt), math.MaxInt)), length)
}

// decodeRune reads the character that s begins with. It has size 0 if there is none, or in a longer form than need be.
func decodeRune(s string) (char rune, size int) {
	if s == "" {
		return 0, 0
	}
	lead := s[0]
	var least rune
	switch {
	case lead < 0x80:
		return rune(lead), 1
	case lead&0xE0 == 0xC0:
		char, size, least = rune(lead&0x1F), 2, 0x80
	case lead&0xF0 == 0xE0:
		char, size, least = rune(lead&0x0F), 3, 0x800
	case lead&0xF8 == 0xF0:
		char, size, least = rune(lead&0x07), 4, 0x10000
	}
	if size == 0 || len(s) < size {
		return 0, 0
	}
	for i := 1; i < size; i++ {
		if !continues(s, i) {
			return 0, 0
		}
		char = char<<6 | rune(s[i]&0x3F)
	}
	if char < least || char > lastRune {
		return 0, 0
	}
	return char, size
}

// appendRune writes a character. The standard library would refuse surrogates.
func appendRune(p []byte, char rune) []byte {
	switch {
	case char < 0x80:
		return append(p, byte(char))
	case char < 0x800:
		return append(p, 0xC0|byte(char>>6), 0x80|byte(char&0x3F))
	case char < 0x10000:
		return append(p, 0xE0|byte(char>>12), 0x80|byte(char>>6&0x3F), 0x80|byte(char&0x3F))
	}
	return append(p, 0xF0|byte(char>>18), 0x80|byte(char>>12&0x3F), 0x80|byte(char>>6&0x3F), 0x80|byte(char&0x3F))
}

// continues says whether byte i is within a character.
func continues(s string, i int) bool { return i < len(s) && s[i]&0xC0 == 0x80 }

func utf8Char(l *lua.LState) int {
	a := luax.Args{L: l, Name: "char"}
	var buf [64]byte
	p := buf[:0]
	for i := 1; i <= a.Count(); i++ {
		char := exactArg(a, i)
		if char < 0 || char > lastRune {
			luax.ArgError(l, a.Name, i, "value out of range")
		}
		p = appendRune(p, rune(char))
	}
	pushText(l, string(p))
	return 1
}

func utf8CodePoint(l *lua.LState) int {
	a := luax.Args{L: l, Name: "codepoint"}
	s := textArg(a, 1)
	from := positionArg(a, 2, 1, len(s))
	to := positionArg(a, 3, from, len(s))
	if from < 1 {
		luax.ArgError(l, a.Name, 2, "out of range")
	}
	if to > len(s) {
		luax.ArgError(l, a.Name, 3, "out of range")
	}
	reserve(l, min(to-from+1, valuesMost))
	n := 0
	for i := from - 1; i < to; n++ {
		char, size := decodeRune(s[i:])
		if size == 0 {
			l.RaiseError("invalid UTF-8 code")
		}
		if n == valuesMost {
			l.RaiseError("stack overflow (string slice too long)")
		}
		l.Push(lua.LNumber(char))
		i += size
	}
	return n
}

// utf8Len counts characters, or says where there is none.
func utf8Len(l *lua.LState) int {
	a := luax.Args{L: l, Name: "len"}
	s := textArg(a, 1)
	from, to := positionArg(a, 2, 1, len(s)), positionArg(a, 3, -1, len(s))
	if from < 1 || from > len(s)+1 {
		luax.ArgError(l, a.Name, 2, "initial position out of string")
	}
	if to > len(s) {
		luax.ArgError(l, a.Name, 3, "final position out of string")
	}
	n := 0
	for i := from - 1; i < to; n++ {
		_, size := decodeRune(s[i:])
		if size == 0 {
			l.Push(lua.LNil)
			l.Push(lua.LNumber(i + 1))
			return 2
		}
		i += size
	}
	l.Push(lua.LNumber(n))
	return 1
}

// utf8Offset finds where a character begins, the n-th from a position.
func utf8Offset(l *lua.LState) int {
	a := luax.Args{L: l, Name: "offset"}
	s, n := textArg(a, 1), exactArg(a, 2)
	start := 1
	if n < 0 {
		start = len(s) + 1
	}
	i := positionArg(a, 3, start, len(s)) - 1
	if i < 0 || i > len(s) {
		luax.ArgError(l, a.Name, 3, "position out of range")
	}
	if n != 0 && continues(s, i) {
		l.RaiseError("initial position is a continuation byte")
	}
	switch {
	case n == 0:
		for i > 0 && continues(s, i) {
			i--
		}
	case n < 0:
		for ; n < 0 && i > 0; n++ {
			for i--; i > 0 && continues(s, i); i-- {
			}
		}
	default:
		for n--; n > 0 && i < len(s); n-- {
			for i++; continues(s, i); i++ {
			}
		}
	}
	if n == 0 {
		l.Push(lua.LNumber(i + 1))
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

// utf8Next gives the place and the code of the character after the one at a place.
func utf8Next(l *lua.LState) int {
	a := luax.Args{L: l, Name: "for iterator"}
	s, i := textArg(a, 1), 0
	if number, ok := toNumber(a.Get(2)); ok && number >= 1 && number == math.Trunc(number) && number < -math.MinInt64 {
		if number > float64(len(s)) {
			return 0
		}
		for i = int(number); continues(s, i); i++ {
		}
	}
	if i >= len(s) {
		return 0
	}
	char, size := decodeRune(s[i:])
	if size == 0 || continues(s, i+size) {
		l.RaiseError("invalid UTF-8 code")
	}
	l.Push(lua.LNumber(i + 1))
	l.Push(lua.LNumber(char))
	return 2
}
