package luax

import (
	"errors"
	"math"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// ArgError raises `bad argument #n to 'fn' (what)` at the caller's line. Arguments are counted without the object before
// a colon.
func ArgError(l *lua.LState, fn string, n int, what string) {
	l.RaiseError("bad argument #%d to '%s' (%s)", n, fn, what)
}

// TypeError raises that argument n has the wrong type.
func TypeError(l *lua.LState, fn string, n int, want string, got lua.LValue) {
	ArgError(l, fn, n, want+" expected, got "+TypeName(got))
}

// TypeName is the type of a value as error messages name it. A Go value has the name that its class gives it.
func TypeName(v lua.LValue) string {
	if v == nil {
		return "no value"
	}
	var mt lua.LValue
	switch v := v.(type) {
	case *lua.LUserData:
		mt = v.Metatable
	case *lua.LTable:
		mt = v.Metatable
	}
	if t, ok := mt.(*lua.LTable); ok {
		if name, ok := t.RawGetString("__name").(lua.LString); ok {
			return string(name)
		}
	}
	return v.Type().String()
}

// Args are the arguments of one call of a method: those after the object.
type Args struct {
	L    *lua.LState
	Name string // the function, for errors
	Base int    // stack index of argument 0: 1 after a colon, 0 for a plain function
}

// Get is argument n, nil if there are fewer.
func (a Args) Get(n int) lua.LValue { return a.L.Get(a.Base + n) }

// Count is the number of arguments.
func (a Args) Count() int { return a.L.GetTop() - a.Base }

// Missing says whether argument n is absent or nil.
func (a Args) Missing(n int) bool { return a.Get(n) == lua.LNil }

// Fail raises an error about argument n.
func (a Args) Fail(n int, want string) { TypeError(a.L, a.Name, n, want, a.value(n)) }

func (a Args) value(n int) lua.LValue {
	if n > a.Count() {
		return nil
	}
	return a.Get(n)
}

// String is argument n, which must be a string.
func (a Args) String(n int) string {
	s, ok := a.Get(n).(lua.LString)
	if !ok {
		a.Fail(n, "string")
	}
	return string(s)
}

// Number is argument n, which must be a number and not NaN.
func (a Args) Number(n int) float64 {
	v, ok := a.Get(n).(lua.LNumber)
	if !ok {
		a.Fail(n, "number")
	}
	if v != v {
		ArgError(a.L, a.Name, n, "number expected, got nan")
	}
	return float64(v)
}

// Int is argument n, which must be a whole number.
func (a Args) Int(n int) int {
	v := a.Number(n)
	if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		ArgError(a.L, a.Name, n, "whole number expected, got "+lua.LNumber(v).String())
	}
	return int(v)
}

// Function is argument n, which must be a function.
func (a Args) Function(n int) *lua.LFunction {
	f, ok := a.Get(n).(*lua.LFunction)
	if !ok {
		a.Fail(n, "function")
	}
	return f
}

// Rest is what follows argument n, nils included; nil if nothing does. The values are lua.LValues.
func (a Args) Rest(n int) []any {
	from, top := a.Base+n+1, a.L.GetTop()
	if from > top {
		return nil
	}
	rest := make([]any, top-from+1)
	for i := range rest {
		rest[i] = a.L.Get(from + i)
	}
	return rest
}

const farthest = 1 << 62 // nanoseconds: 146 years

// Duration turns seconds into a time.Duration; beyond 146 years it is that.
func Duration(seconds float64) time.Duration {
	switch {
	case seconds > farthest/1e9:
		return farthest
	case seconds < -farthest/1e9:
		return -farthest
	}
	whole, fraction := math.Modf(seconds)
	return time.Duration(whole)*time.Second + time.Duration(math.Round(fraction*1e9))
}

// Time turns Unix seconds into a time. Those beyond the years 1824 and 2116 are that far.
func Time(seconds float64) time.Time { return time.Unix(0, int64(Duration(seconds))) }

// Seconds is the reverse of Time.
func Seconds(t time.Time) lua.LNumber {
	return lua.LNumber(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
}

// Failure pushes nil, message and errno, the form of what the world or a look-up refuses.
func Failure(l *lua.LState, err error) int {
	l.Push(lua.LNil)
	l.Push(lua.LString(err.Error()))
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = syscall.EIO
	}
	l.Push(lua.LNumber(errno))
	return 3
}

// True pushes true, the result of what has no other, unless the caller ignores it.
func True(l *lua.LState) int {
	if Wanted(l) == 0 {
		return 0
	}
	l.Push(lua.LTrue)
	return 1
}
