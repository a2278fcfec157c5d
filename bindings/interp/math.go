package interp

import (
	"math"
	"math/rand/v2"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// wholeMost is the greatest number up to which all whole numbers are doubles.
const wholeMost = 1 << 53

// degree is an angle in radians.
const degree = float64(math.Pi) / 180

// mathOfOne are the functions of one number.
var mathOfOne = map[string]func(float64) float64{
	"abs":   math.Abs,
	"acos":  math.Acos,
	"asin":  math.Asin,
	"atan":  math.Atan,
	"ceil":  math.Ceil,
	"cos":   math.Cos,
	"cosh":  math.Cosh,
	"deg":   func(x float64) float64 { return x / degree },
	"exp":   math.Exp,
	"floor": math.Floor,
	"log":   func(x float64) float64 { return logarithm(x, math.Log, math.Ln2) },
	"log10": log10,
	"rad":   func(x float64) float64 { return x * degree },
	"sin":   math.Sin,
	"sinh":  math.Sinh,
	"sqrt":  math.Sqrt,
	"tan":   math.Tan,
	"tanh":  math.Tanh,
}

// mathOfTwo are the functions of two numbers.
var mathOfTwo = map[string]func(x, y float64) float64{
	"atan2": math.Atan2,
	"fmod":  fmod,
	"mod":   fmod,
	"pow":   math.Pow,
}

// openMath makes the library math of Lua 5.1. tointeger, type, maxinteger and mininteger are there for programs written for
// later Lua.
//
// Differs: there are no integers, so these four go by the value: a whole number of at most 2^53 is one.
func openMath(l *lua.LState, c Config) {
	functions := map[string]lua.LGFunction{
		"frexp":     mathFrexp,
		"ldexp":     mathLdexp,
		"max":       mathMax,
		"min":       mathMin,
		"modf":      mathModf,
		"tointeger": mathTointeger,
		"type":      mathType,
	}
	for name, f := range mathOfOne {
		functions[name] = ofOne(name, f)
	}
	for name, f := range mathOfTwo {
		functions[name] = ofTwo(name, f)
	}
	g := newGenerator(c.Simulated)
	functions["random"], functions["randomseed"] = g.random, g.randomseed
	t := l.RegisterModule(lua.MathLibName, functions).(*lua.LTable)
	t.RawSetString("pi", lua.LNumber(math.Pi))
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	t.RawSetString("maxinteger", lua.LNumber(wholeMost))
	t.RawSetString("mininteger", lua.LNumber(-wholeMost))
}

func ofOne(name string, f func(float64) float64) lua.LGFunction {
	return func(l *lua.LState) int {
		v := l.Get(1)
		x, ok := v.(lua.LNumber)
		if !ok {
			x = lua.LNumber(numberArg(luax.Args{L: l, Name: name}, 1))
		}
		y := f(float64(x))
		if ok && math.Float64bits(y) == math.Float64bits(float64(x)) {
			l.Push(v) // the value is made already
		} else {
			pushNumber(l, y)
		}
		return 1
	}
}

func ofTwo(name string, f func(x, y float64) float64) lua.LGFunction {
	return func(l *lua.LState) int {
		a := luax.Args{L: l, Name: name}
		x := numberArg(a, 1)
		pushNumber(l, f(x, numberArg(a, 2)))
		return 1
	}
}

const (
	leastNormal = 0x1p-1022
	scale       = 54 // doublings that make the least number normal
)

// logarithm is log or log10; two is that of 2. Go's are wrong, on some processors, for numbers so
// small that they have fewer digits.
func logarithm(x float64, log func(float64) float64, two float64) float64 {
	if x > 0 && x < leastNormal {
		return log(math.Ldexp(x, scale)) - scale*two
	}
	return log(x)
}

// log10 is exact for the powers of ten, as C's is; Go's is not.
func log10(x float64) float64 {
	y := logarithm(x, math.Log10, math.Ln2/math.Ln10)
	if n := math.Round(y); math.Abs(y-n) < 1e-9 {
		if power, err := strconv.ParseFloat("1e"+strconv.Itoa(int(n)), 64); err == nil && power == x {
			return n
		}
	}
	return y
}

// fmod is the remainder of a division that is rounded towards 0.
func fmod(x, y float64) float64 {
	if math.Abs(x) <= wholeMost && math.Abs(y) <= wholeMost {
		if i, j := int64(x), int64(y); float64(i) == x && float64(j) == y && j != 0 {
			return math.Copysign(float64(i%j), x)
		}
	}
	return math.Mod(x, y)
}

func mathFrexp(l *lua.LState) int {
	fraction, exponent := math.Frexp(numberArg(luax.Args{L: l, Name: "frexp"}, 1))
	pushNumber(l, fraction)
	pushNumber(l, float64(exponent))
	return 2
}

// exponentMost is beyond what makes any number infinite or 0.
const exponentMost = 1 << 12

func mathLdexp(l *lua.LState) int {
	a := luax.Args{L: l, Name: "ldexp"}
	x, exponent := numberArg(a, 1), integerArg(a, 2)
	pushNumber(l, math.Ldexp(x, max(-exponentMost, min(exponent, exponentMost))))
	return 1
}

// mathModf splits a number; both parts have its sign, and an infinite one has no fraction.
func mathModf(l *lua.LState) int {
	x := numberArg(luax.Args{L: l, Name: "modf"}, 1)
	integral := math.Trunc(x)
	fraction := 0.0
	if !math.IsInf(x, 0) {
		fraction = x - integral
	}
	pushNumber(l, integral)
	pushNumber(l, math.Copysign(fraction, x))
	return 2
}

func mathMax(l *lua.LState) int { return best(luax.Args{L: l, Name: "max"}, 1) }
func mathMin(l *lua.LState) int { return best(luax.Args{L: l, Name: "min"}, -1) }

// best pushes the first argument that none is above; with the sign -1, below.
func best(a luax.Args, sign float64) int {
	found, at := numberArg(a, 1), 1
	for i := 2; i <= a.Count(); i++ {
		if x := numberArg(a, i); sign*x > sign*found {
			found, at = x, i
		}
	}
	if v := a.Get(at); v.Type() == lua.LTNumber {
		a.L.Push(v)
	} else {
		pushNumber(a.L, found)
	}
	return 1
}

// toInteger is a value as a whole number, if it is one.
func toInteger(v lua.LValue) (float64, bool) {
	number, ok := toNumber(v)
	return number + 0, ok && math.Trunc(number) == number && math.Abs(number) <= wholeMost
}

func mathTointeger(l *lua.LState) int {
	if n, ok := toInteger(anyArg(luax.Args{L: l, Name: "tointeger"}, 1)); ok {
		pushNumber(l, n)
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

func mathType(l *lua.LState) int {
	v := anyArg(luax.Args{L: l, Name: "type"}, 1)
	_, whole := toInteger(v)
	switch {
	case v.Type() != lua.LTNumber:
		l.Push(lua.LNil)
	case whole:
		l.Push(lua.LString("integer"))
	default:
		l.Push(lua.LString("float"))
	}
	return 1
}

// generator makes the random numbers of one Lua state.
type generator struct {
	source rand.PCG
	r      *rand.Rand
}

// newGenerator makes a generator that starts anywhere, or always alike.
func newGenerator(alike bool) *generator {
	g := &generator{}
	g.r = rand.New(&g.source)
	if alike {
		g.seed(1)
	} else {
		g.source.Seed(rand.Uint64(), rand.Uint64())
	}
	return g
}

// seed starts anew.
//
// Differs: a fraction counts, too.
func (g *generator) seed(number float64) {
	bits := math.Float64bits(number + 0)
	g.source.Seed(bits, bits*0x9e3779b97f4a7c15)
}

func (g *generator) randomseed(l *lua.LState) int {
	g.seed(numberArg(luax.Args{L: l, Name: "randomseed"}, 1))
	return 0
}

// random gives a number below 1, or a whole one from an interval whose ends it includes.
func (g *generator) random(l *lua.LState) int {
	a := luax.Args{L: l, Name: "random"}
	switch a.Count() {
	case 0:
		l.Push(lua.LNumber(g.r.Float64()))
	case 1:
		pushNumber(l, g.between(a, 1, 1, endArg(a, 1)))
	case 2:
		low := endArg(a, 1)
		pushNumber(l, g.between(a, 2, low, endArg(a, 2)))
	default:
		l.RaiseError("wrong number of arguments")
	}
	return 1
}

// endArg is argument n, one end of an interval.
func endArg(a luax.Args, n int) float64 {
	number := math.Trunc(numberArg(a, n))
	if math.IsNaN(number) || math.IsInf(number, 0) {
		luax.ArgError(a.L, a.Name, n, "interval is empty")
	}
	return number
}

// between is a whole number from low to high, the argument n. Where not all whole numbers are doubles it is one that is.
func (g *generator) between(a luax.Args, n int, low, high float64) float64 {
	if low > high {
		luax.ArgError(a.L, a.Name, n, "interval is empty")
	}
	if low >= -wholeMost && high <= wholeMost {
		return low + float64(g.r.Uint64N(uint64(high-low)+1))
	}
	part := g.r.Float64()
	return max(low, min(math.Floor(low*(1-part)+high*part), high))
}
