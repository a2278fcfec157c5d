package interp

import (
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

func toNumber(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		number, err := strconv.ParseFloat(string(v), 64)
		return number, err == nil
	}
	return 0, false
}

// appendNumeral writes a number as C's %.14g does.
func appendNumeral(p []byte, number float64) []byte {
	switch {
	case math.IsNaN(number) && math.Signbit(number):
		return append(p, "-nan"...)
	case math.IsNaN(number):
		return append(p, "nan"...)
	case math.IsInf(number, 1):
		return append(p, "inf"...)
	case math.IsInf(number, -1):
		return append(p, "-inf"...)
	}
	return strconv.AppendFloat(p, number, 'g', 14, 64)
}
