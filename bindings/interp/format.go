package interp

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// conversion is one item of a format: what stands between % and its letter, and the letter.
type conversion struct {
	left, plus, blank, sharp, zero bool // the flags "-+ #0"
	bare                           bool // nothing stands between

	width     int
	precision int  // -1: none is given
	letter    byte // 0 at the end of the format
}

// format is string.format: C's printf without %n, %p and *, and with %q.
//
// Differs: %s takes any value and shows it as tostring does, and %a writes hexadecimal numbers, both as in Lua 5.2. An
// integer out of range is the nearest that is not.
func (s *stringLib) format(l *lua.LState) int {
	a := luax.Args{L: l, Name: "format"}
	rest := textArg(a, 1)
	p := s.begin()
	for arg := 2; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		p, rest = append(p, rest[:i]...), rest[i+1:]
		if rest != "" && rest[0] == '%' {
			p, rest = append(p, '%'), rest[1:]
			continue
		}
		if arg > a.Count() {
			luax.ArgError(l, a.Name, arg, "no value")
		}
		var c conversion
		c, rest = parseConversion(l, rest)
		p = c.append(a, arg, p)
		mustFit(l, len(p))
		arg++
	}
	mustFit(l, len(p)+len(rest))
	return s.push(l, append(p, rest...))
}

// mustFit raises when a string gets too long.
func mustFit(l *lua.LState, n int) {
	if n > stringMost {
		l.RaiseError("resulting string too large")
	}
}

// parseConversion reads what follows a %, and gives what follows that.
func parseConversion(l *lua.LState, s string) (c conversion, rest string) {
	i := 0
flags:
	for ; i < len(s); i++ {
		switch s[i] {
		case '-':
			c.left = true
		case '+':
			c.plus = true
		case ' ':
			c.blank = true
		case '#':
			c.sharp = true
		case '0':
			c.zero = true
		default:
			break flags
		}
	}
	if i > len("-+ #0") {
		l.RaiseError("invalid format (repeated flags)")
	}
	c.width, i = twoDigits(s, i)
	c.precision = -1
	if i < len(s) && s[i] == '.' {
		c.precision, i = twoDigits(s, i+1)
	}
	if i < len(s) && '0' <= s[i] && s[i] <= '9' {
		l.RaiseError("invalid format (width or precision too long)")
	}
	c.bare = i == 0
	if i == len(s) {
		return c, ""
	}
	c.letter = s[i]
	return c, s[i+1:]
}

// twoDigits reads a number of at most two digits at i, and gives where it ends.
func twoDigits(s string, i int) (n, end int) {
	for end = i; end < min(len(s), i+2) && '0' <= s[end] && s[end] <= '9'; end++ {
		n = n*10 + int(s[end]-'0')
	}
	return n, end
}

// append writes argument n.
func (c *conversion) append(a luax.Args, n int, p []byte) []byte {
	switch c.letter {
	case 'd', 'i':
		number := whole(numberArg(a, n))
		if c.bare {
			return strconv.AppendInt(p, number, 10)
		}
		magnitude := uint64(number)
		if number < 0 {
			magnitude = -magnitude
		}
		return c.integer(p, c.sign(number < 0), magnitude, 10)
	case 'u':
		return c.integer(p, "", unsigned(numberArg(a, n)), 10)
	case 'o':
		return c.integer(p, "", unsigned(numberArg(a, n)), 8)
	case 'x', 'X':
		number := unsigned(numberArg(a, n))
		prefix := ""
		if c.sharp && number != 0 {
			prefix = "0x"
		}
		return c.upper(len(p), c.integer(p, prefix, number, 16))
	case 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return c.upper(len(p), c.float(p, numberArg(a, n)))
	case 'c':
		start := len(p)
		c.zero = false
		p = c.pad(append(p, byte(whole(numberArg(a, n)))), start, start)
		return p[:start+len(untilZero(p[start:]))]
	case 's':
		return c.text(a, n, p)
	case 'q':
		return appendQuoted(a.L, p, textArg(a, n))
	}
	a.L.RaiseError("invalid option '%%%s' to 'format'", strings.Trim(string([]byte{c.letter}), "\x00"))
	return nil
}

// unsigned is a number as C's unsigned integer: a negative one counts down from the largest.
func unsigned(number float64) uint64 {
	switch {
	case number >= 1<<64:
		return math.MaxUint64
	case number >= 1<<63:
		return uint64(number)
	}
	return uint64(whole(number))
}

// untilZero is p as C sees it.
func untilZero(p []byte) []byte {
	if i := bytes.IndexByte(p, 0); i >= 0 {
		return p[:i]
	}
	return p
}

// sign is what stands before a number.
func (c *conversion) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case c.plus:
		return "+"
	case c.blank:
		return " "
	}
	return ""
}

// upper turns what was written from start on into capital letters, if the letter is one.
func (c *conversion) upper(start int, p []byte) []byte {
	if c.letter < 'a' {
		for i, b := range p[start:] {
			if 'a' <= b && b <= 'z' {
				p[start+i] = b ^ 0x20
			}
		}
	}
	return p
}

const (
	blanks = "                                                                                                   "
	zeros  = "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
)

// insert puts n bytes of fill, blanks or zeros, in front of what stands at a place.
func insert(p []byte, at, n int, fill string) []byte {
	p = append(p, fill[:n]...)
	copy(p[at+n:], p[at:])
	copy(p[at:], fill[:n])
	return p
}

// pad brings what was written from start on to the width: by blanks before or after it, or by zeros where its digits begin.
func (c *conversion) pad(p []byte, start, digits int) []byte {
	missing := c.width - (len(p) - start)
	switch {
	case missing <= 0:
		return p
	case c.left:
		return append(p, blanks[:missing]...)
	case c.zero:
		return insert(p, digits, missing, zeros)
	}
	return insert(p, start, missing, blanks)
}

func (c *conversion) integer(p []byte, prefix string, number uint64, base int) []byte {
	start := len(p)
	p = append(p, prefix...)
	digits := len(p)
	if number != 0 || c.precision != 0 {
		p = strconv.AppendUint(p, number, base)
	}
	if missing := c.precision - (len(p) - digits); missing > 0 {
		p = insert(p, digits, missing, zeros)
	}
	if c.sharp && base == 8 && (len(p) == digits || p[digits] != '0') {
		p = insert(p, digits, 1, zeros)
	}
	c.zero = c.zero && c.precision < 0
	return c.pad(p, start, digits)
}

func (c *conversion) float(p []byte, number float64) []byte {
	start := len(p)
	p = append(p, c.sign(math.Signbit(number))...)
	if math.IsNaN(number) || math.IsInf(number, 0) {
		c.zero = false
		return c.pad(append(p, infinite(number)...), start, start)
	}
	number = math.Abs(number)
	digits, precision, letter := len(p), c.precision, c.letter|0x20
	switch {
	case letter == 'a':
		return c.pad(c.hexadecimal(p, number), start, digits+len("0x"))
	case precision < 0:
		precision = 6
	}
	if letter == 'g' && c.sharp {
		letter, precision = c.fixedOrNot(number, max(precision, 1))
	}
	p = strconv.AppendFloat(p, number, letter, precision, 64)
	if c.sharp && precision == 0 {
		p = withPoint(p, digits)
	}
	return c.pad(p, start, digits)
}

// fixedOrNot says how %#g, which keeps the zeros at the end, writes a number: as %f or %e, and with which precision.
func (c *conversion) fixedOrNot(number float64, precision int) (letter byte, decimals int) {
	var buf [128]byte
	p := strconv.AppendFloat(buf[:0], number, 'e', precision-1, 64)
	exponent, err := strconv.Atoi(string(p[bytes.IndexByte(p, 'e')+1:]))
	if err != nil || exponent < -4 || exponent >= precision {
		return 'e', precision - 1
	}
	return 'f', precision - 1 - exponent
}

// hexadecimal writes a number as %a does. In C the exponent has no more digits than it needs.
func (c *conversion) hexadecimal(p []byte, number float64) []byte {
	start := len(p)
	p = strconv.AppendFloat(p, number, 'x', c.precision, 64)
	if c.sharp && bytes.IndexByte(p[start:], '.') < 0 {
		p = withPoint(p, start+len("0x"))
	}
	if tens := len(p) - 2; p[tens] == '0' && (p[tens-1] == '+' || p[tens-1] == '-') {
		p = append(p[:tens], p[tens+1])
	}
	return p
}

// withPoint puts a point behind the digits that begin at a place, which have none.
func withPoint(p []byte, at int) []byte {
	for at < len(p) && '0' <= p[at] && p[at] <= '9' {
		at++
	}
	p = append(p, '.')
	copy(p[at+1:], p[at:])
	p[at] = '.'
	return p
}

// text is %s. As in Lua 5.1, a zero byte ends the string, unless it is long and there is no precision.
func (c *conversion) text(a luax.Args, n int, p []byte) []byte {
	start := len(p)
	switch v := a.Get(n).(type) {
	case lua.LNumber:
		p = appendNumeral(p, float64(v))
	case lua.LString:
		mustFit(a.L, len(p)+len(v))
		p = append(p, v...)
	default:
		shown, ok := shownText(a.L, v)
		if !ok {
			a.L.RaiseError("'__tostring' must return a string")
		}
		mustFit(a.L, len(p)+len(shown))
		p = append(p, shown...)
	}
	if c.precision < 0 && len(p)-start >= 100 {
		return p
	}
	p = p[:start+len(untilZero(p[start:]))]
	if c.precision >= 0 {
		p = p[:min(len(p), start+c.precision)]
	}
	c.zero = false
	return c.pad(p, start, start)
}

// appendQuoted writes a string so that Lua reads it back.
func appendQuoted(l *lua.LState, p []byte, s string) []byte {
	p = append(p, '"')
	for {
		i := strings.IndexAny(s, "\"\\\n\r\x00")
		if i < 0 {
			break
		}
		mustFit(l, len(p)+i)
		p = append(p, s[:i]...)
		switch s[i] {
		case '\r':
			p = append(p, `\r`...)
		case 0:
			p = append(p, `\000`...)
		default:
			p = append(p, '\\', s[i])
		}
		s = s[i+1:]
	}
	mustFit(l, len(p)+len(s))
	return append(append(p, s...), '"')
}
