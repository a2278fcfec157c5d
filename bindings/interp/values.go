package interp

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// oneByte are the strings of one byte, smallNumbers the first numbers: made once, they need no memory when they are used.
var oneByte, smallNumbers = func() (s [256]lua.LValue, n [1025]lua.LValue) {
	for i := range s {
		s[i] = lua.LString([]byte{byte(i)})
	}
	for i := range n {
		n[i] = lua.LNumber(i)
	}
	return s, n
}()

func pushText(l *lua.LState, s string) {
	if len(s) == 1 {
		l.Push(oneByte[s[0]])
	} else {
		l.Push(lua.LString(s))
	}
}

// sharedMost is how long a string is, in bytes, of which every piece may share the memory.
const sharedMost = 256

// cut is a piece of a string. One that is less than an eighth of a long string is copied: it would keep all of it in
// memory.
func cut(s string, begin, end int) string {
	if len(s) <= sharedMost || end-begin >= len(s)/8 {
		return s[begin:end]
	}
	return strings.Clone(s[begin:end])
}

func pushNumber(l *lua.LState, number float64) { l.Push(numberValue(number)) }

// smallNumber is a number from 0 on, small or not.
func smallNumber(i int) lua.LValue {
	if i < len(smallNumbers) {
		return smallNumbers[i]
	}
	return lua.LNumber(i)
}

func numberValue(number float64) lua.LValue {
	if i := int(number); uint(i) < uint(len(smallNumbers)) && float64(i) == number && (i > 0 || !math.Signbit(number)) {
		return smallNumbers[i]
	}
	return lua.LNumber(number)
}
