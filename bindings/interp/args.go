package interp

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// anyArg is argument n, which may be nil but must be there.
func anyArg(a luax.Args, n int) lua.LValue {
	if n > a.Count() {
		luax.ArgError(a.L, a.Name, n, "value expected")
	}
	return a.Get(n)
}

// textArg is argument n, which must be a string or a number.
func textArg(a luax.Args, n int) string {
	switch v := a.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return string(appendNumeral(nil, float64(v)))
	}
	a.Fail(n, "string")
	return ""
}

// numberArg is argument n, which must be a number or a string that is one.
func numberArg(a luax.Args, n int) float64 {
	number, ok := toNumber(a.Get(n))
	if !ok {
		a.Fail(n, "number")
	}
	return number
}

// whole turns a number into an integer as C does, but stops at the ends.
func whole(number float64) int64 {
	switch {
	case number != number:
		return 0
	case number >= math.MaxInt64:
		return math.MaxInt64
	case number <= math.MinInt64:
		return math.MinInt64
	}
	return int64(number)
}

// optText is textArg, or what stands in for nil and none.
func optText(a luax.Args, n int, missing string) string {
	if a.Missing(n) {
		return missing
	}
	return textArg(a, n)
}

// integerArg is argument n as C has it: the fraction is cut off, and a number beyond the integers is the nearest of them.
func integerArg(a luax.Args, n int) int { return int(whole(numberArg(a, n))) }

// optInteger is integerArg, or what stands in for nil and none.
func optInteger(a luax.Args, n int, missing int) int {
	if a.Missing(n) {
		return missing
	}
	return integerArg(a, n)
}
