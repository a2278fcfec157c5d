package luax

import (
	"math/bits"
	"reflect"

	lua "github.com/yuin/gopher-lua"
)

// Size estimates how many bytes a value takes in memory, without the values that it refers to: for a table that is all its
// parts, with room for the keys that it once had. What is not on the heap takes none.
//
// It is for those who walk over all values and add up; gopher-lua has no count of its own. Strings and numbers that stand
// in several places are counted in each.
func Size(v lua.LValue) int {
	switch v := v.(type) {
	case lua.LString:
		return stringSize + len(v)
	case lua.LNumber:
		return 8
	case *lua.LTable:
		return tableSize(Inside(v))
	case *lua.LFunction:
		return functionSize + cap(v.Upvalues)*8 + len(v.Upvalues)*upvalueSize
	case *lua.LUserData:
		return userdataSize
	case *lua.LState:
		if co := AsCoroutine(v); co != nil {
			n := coroutineSize
			for _, t := range co.threads {
				n += threadSize + cap(stack(t.state))*valueSize
			}
			return n
		}
	}
	return 0
}

var (
	coroutineSize = sizeOf[Coroutine]()
	functionSize  = sizeOf[lua.LFunction]()
	stringSize    = sizeOf[string]()
	headSize      = sizeOf[lua.LTable]()
	upvalueSize   = sizeOf[lua.Upvalue]()
	userdataSize  = sizeOf[lua.LUserData]()
	valueSize     = sizeOf[lua.LValue]()
)

const threadSize = 4000 // of a coroutine, without its values: the calls in progress, and what gopher-lua keeps for each

func sizeOf[T any]() int { return int(reflect.TypeFor[T]().Size()) }

func tableSize(t *Table) int {
	n := headSize + (cap(t.Array)+cap(t.Keys))*valueSize
	peak := max(len(t.Keys), len(t.Strings)+len(t.Others))
	switch {
	case t.Others == nil:
		n += mapSize(peak, stringSize+valueSize)
	case t.Strings == nil:
		n += mapSize(peak, 2*valueSize)
	default:
		n += mapSize(max(peak-len(t.Others), len(t.Strings)), stringSize+valueSize) + mapSize(len(t.Others), 2*valueSize)
	}
	n += mapSize(peak, valueSize+8)
	return n + len(t.Strings)*stringSize // of the keys as values
}

// mapSize is what Go's map takes for n pairs of so many bytes: places in groups of eight with a byte more for each, a power
// of two of them, at most seven eighths taken.
func mapSize(n, pair int) int {
	const header = 48
	if n == 0 {
		return 0
	}
	places := 8
	if n > 8 {
		places = 1 << bits.Len(uint(n*8/7))
	}
	return header + places*(pair+1)
}
