package interp

import (
	"errors"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// openNumbers makes the functions between numbers and their text.
func openNumbers(l *lua.LState) {
	l.SetGlobal("tonumber", l.NewFunction(baseToNumber))
	l.SetGlobal("tostring", l.NewFunction(baseToString))
}

// toNumber is a number, or what number a string is.
func toNumber(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return parseNumeral(string(v))
	}
	return 0, false
}

const spaces = " \t\n\v\f\r"

// parseNumeral reads a string as C's strtod does if nothing but space may be left over: decimal or hexadecimal digits,
// inf or nan. As for C, it ends at a zero byte. A number out of range is infinite or 0.
func parseNumeral(s string) (float64, bool) {
	if number, ok := shortNumeral(s); ok {
		return number, true
	}
	s = strings.Trim(beforeZero(s), spaces)
	sign := 1.0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	switch c := s[0] | 0x20; {
	case c == 'i':
		return math.Inf(int(sign)), strings.EqualFold(s, "inf") || strings.EqualFold(s, "infinity")
	case c == 'n':
		return math.Copysign(math.NaN(), sign), isNaN(s)
	case s[0] != '.' && (s[0] < '0' || s[0] > '9'), strings.IndexByte(s, '_') >= 0: // strconv takes more
		return 0, false
	case len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x':
		if n, err := strconv.ParseUint(s[2:], 16, 64); err == nil {
			return sign * float64(n), true
		}
		if !strings.ContainsAny(s, "pP") {
			s += "p0"
		}
	}
	number, err := strconv.ParseFloat(s, 64)
	return sign * number, err == nil || errors.Is(err, strconv.ErrRange)
}

// shortNumeral reads what most numerals are: few digits and maybe a minus.
func shortNumeral(s string) (float64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 15 {
		return 0, false
	}
	n := 0.0
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + float64(c)
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, true
}

// isNaN knows "nan", which characters in brackets may follow.
func isNaN(s string) bool {
	if len(s) < 3 || !strings.EqualFold(s[:3], "nan") {
		return false
	}
	s = s[3:]
	if s == "" {
		return true
	}
	if len(s) < 2 || s[0] != '(' || s[len(s)-1] != ')' {
		return false
	}
	for _, c := range []byte(s[1 : len(s)-1]) {
		if _, ok := digitValue(c); !ok && c != '_' {
			return false
		}
	}
	return true
}

// beforeZero is a string as C sees it.
func beforeZero(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

// digitValue is the value of a digit in bases up to 36.
func digitValue(c byte) (value int, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10, true
	}
	return 0, false
}

// parseInteger reads a string as C's strtoul does if nothing but space may be left over: a number too large is the
// largest, a negative one counts down from there.
func parseInteger(s string, base int) (float64, bool) {
	s = strings.Trim(beforeZero(s), spaces)
	negative := false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		s = s[2:]
	}
	if s == "" {
		return 0, false
	}
	n, most, over := uint64(0), math.MaxUint64/uint64(base), false
	for i := range len(s) {
		d, ok := digitValue(s[i])
		if !ok || d >= base {
			return 0, false
		}
		over = over || n > most || n*uint64(base) > math.MaxUint64-uint64(d)
		n = n*uint64(base) + uint64(d)
	}
	switch {
	case over:
		n = math.MaxUint64
	case negative:
		n = -n
	}
	return float64(n), true
}

// appendNumeral writes a number as C's %.14g does.
func appendNumeral(p []byte, number float64) []byte {
	if -1e14 < number && number < 1e14 {
		if n := int64(number); float64(n) == number && (n != 0 || !math.Signbit(number)) {
			return strconv.AppendInt(p, n, 10)
		}
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		if math.Signbit(number) {
			p = append(p, '-')
		}
		return append(p, infinite(number)...)
	}
	return strconv.AppendFloat(p, number, 'g', 14, 64)
}

// infinite names what has no digits. The sign is not part of it.
func infinite(number float64) string {
	if math.IsNaN(number) {
		return "nan"
	}
	return "inf"
}

func baseToNumber(l *lua.LState) int {
	a := luax.Args{L: l, Name: "tonumber"}
	base := optInteger(a, 2, 10)
	var number float64
	var ok bool
	if base == 10 {
		if a.Count() == 0 {
			luax.ArgError(l, a.Name, 1, "value expected")
		}
		if v, isNumber := a.Get(1).(lua.LNumber); isNumber {
			l.Push(v)
			return 1
		}
		number, ok = toNumber(a.Get(1))
	} else {
		s := textArg(a, 1)
		if base < 2 || base > 36 {
			luax.ArgError(l, a.Name, 2, "base out of range")
		}
		number, ok = parseInteger(s, base)
	}
	if ok {
		l.Push(lua.LNumber(number))
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

func baseToString(l *lua.LState) int {
	if l.GetTop() == 0 {
		luax.ArgError(l, "tostring", 1, "value expected")
	}
	l.Push(textOf(l, l.Get(1)))
	return 1
}

// textOf is a value as tostring gives it. What a __tostring gives need not be a string.
func textOf(l *lua.LState, v lua.LValue) lua.LValue {
	if f := l.GetMetaField(v, "__tostring"); f != lua.LNil {
		l.Push(f)
		l.Push(v)
		l.Call(1, 1)
		text := l.Get(-1)
		l.Pop(1)
		return text
	}
	switch v := v.(type) {
	case lua.LString:
		return v
	case lua.LNumber:
		var buf [32]byte
		return lua.LString(appendNumeral(buf[:0], float64(v)))
	}
	return lua.LString(v.String())
}

// shownText is textOf as a string; ok is false if a __tostring gave neither a string nor a number.
func shownText(l *lua.LState, v lua.LValue) (text string, ok bool) {
	switch v := textOf(l, v).(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return string(appendNumeral(nil, float64(v))), true
	}
	return "", false
}
