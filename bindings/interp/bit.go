package interp

import (
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// openBit makes the library bit, which LuaJIT has: operations on numbers as 32 bits, whose results are signed.
func openBit(l *lua.LState) {
	l.RegisterModule("bit", map[string]lua.LGFunction{
		"arshift": bitShift("arshift", func(x uint32, n int) uint32 { return uint32(int32(x) >> n) }),
		"band":    bitFold("band", func(x, y uint32) uint32 { return x & y }),
		"bnot":    bitUnary("bnot", func(x uint32) uint32 { return ^x }),
		"bor":     bitFold("bor", func(x, y uint32) uint32 { return x | y }),
		"bswap":   bitUnary("bswap", bits.ReverseBytes32),
		"bxor":    bitFold("bxor", func(x, y uint32) uint32 { return x ^ y }),
		"lshift":  bitShift("lshift", func(x uint32, n int) uint32 { return x << n }),
		"rol":     bitShift("rol", bits.RotateLeft32),
		"ror":     bitShift("ror", func(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }),
		"rshift":  bitShift("rshift", func(x uint32, n int) uint32 { return x >> n }),
		"tobit":   bitUnary("tobit", func(x uint32) uint32 { return x }),
		"tohex":   bitToHex,
	})
}

// bitsArg is argument n as 32 bits: rounded, to the even one of two, and modulo 2^32. Infinities and NaN are 0.
func bitsArg(a luax.Args, n int) uint32 {
	number := numberArg(a, n)
	if i := int64(number); float64(i) == number && -1<<53 <= i && i <= 1<<53 {
		return uint32(i)
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return 0
	}
	return uint32(int64(math.Mod(math.RoundToEven(number), 1<<32)))
}

func pushBits(l *lua.LState, x uint32) int {
	l.Push(lua.LNumber(int32(x)))
	return 1
}

func bitUnary(name string, operation func(x uint32) uint32) lua.LGFunction {
	return func(l *lua.LState) int {
		return pushBits(l, operation(bitsArg(luax.Args{L: l, Name: name}, 1)))
	}
}

// bitFold is an operation on any number of arguments, but at least one.
func bitFold(name string, operation func(x, y uint32) uint32) lua.LGFunction {
	return func(l *lua.LState) int {
		a := luax.Args{L: l, Name: name}
		x := bitsArg(a, 1)
		for i := 2; i <= a.Count(); i++ {
			x = operation(x, bitsArg(a, i))
		}
		return pushBits(l, x)
	}
}

// bitShift is an operation whose second argument is a number of bits, of which only the lower five count.
func bitShift(name string, operation func(x uint32, n int) uint32) lua.LGFunction {
	return func(l *lua.LState) int {
		a := luax.Args{L: l, Name: name}
		x, n := bitsArg(a, 1), bitsArg(a, 2)
		return pushBits(l, operation(x, int(n&31)))
	}
}

// bitToHex writes up to eight digits, the lowest; in capital letters if their number is negative.
func bitToHex(l *lua.LState) int {
	a := luax.Args{L: l, Name: "tohex"}
	x, n := bitsArg(a, 1), 8
	digits := "0123456789abcdef"
	if !a.Missing(2) {
		n = int(int32(bitsArg(a, 2)))
	}
	if n < 0 {
		n, digits = -n, "0123456789ABCDEF"
	}
	p := make([]byte, min(n, 8))
	for i := len(p) - 1; i >= 0; i-- {
		p[i], x = digits[x&15], x>>4
	}
	l.Push(lua.LString(p))
	return 1
}
