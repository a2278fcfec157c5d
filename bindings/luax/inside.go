package luax

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// This file is the only one that looks behind gopher-lua's exported names. What it needs and the library does not give
// at a bearable price: where the running Lua function is (GetStack and GetInfo allocate and take ten times as long), and
// the open upvalues (see protect.go). The offsets are taken from the types themselves; tests compare the results with
// what the library says.

var inside = layout()

type offsets struct {
	currentFrame, hasErrorFunc, uvcache   uintptr // LState
	frameFn, frameParent, framePc, frameL uintptr // callFrame
	frameNRet                             uintptr
	uvNext, uvIndex                       uintptr // Upvalue
}

func layout() (o offsets) {
	state := reflect.TypeFor[lua.LState]()
	o.currentFrame = offset(state, "currentFrame")
	o.hasErrorFunc = offset(state, "hasErrorFunc")
	o.uvcache = offset(state, "uvcache")
	f, _ := state.FieldByName("currentFrame")
	frame := f.Type.Elem()
	o.frameFn = offset(frame, "Fn")
	o.frameParent = offset(frame, "Parent")
	o.framePc = offset(frame, "Pc")
	o.frameL = offset(frame, "LocalBase")
	o.frameNRet = offset(frame, "NRet")
	upvalue := reflect.TypeFor[lua.Upvalue]()
	o.uvNext = offset(upvalue, "next")
	o.uvIndex = offset(upvalue, "index")
	sameLayout(reflect.TypeFor[lua.LTable](), reflect.TypeFor[Table]())
	return o
}

// sameLayout panics unless two structs have fields of the same types at the same places. Those of the second may have
// other names, capital ones.
func sameLayout(theirs, ours reflect.Type) {
	same := theirs.Size() == ours.Size() && theirs.NumField() == ours.NumField()
	for i := 0; same && i < ours.NumField(); i++ {
		a, b := theirs.Field(i), ours.Field(i)
		same = a.Type == b.Type && a.Offset == b.Offset
	}
	if !same {
		panic("luax: this version of gopher-lua has another " + theirs.Name())
	}
}

func offset(t reflect.Type, name string) uintptr {
	f, ok := t.FieldByName(name)
	if !ok {
		panic("luax: this version of gopher-lua has no " + t.Name() + "." + name)
	}
	return f.Offset
}

func field[T any](p unsafe.Pointer, offset uintptr) *T { return (*T)(unsafe.Add(p, offset)) }

// frame is a call in progress; nil if there is none.
type frame unsafe.Pointer

func currentFrame(l *lua.LState) frame {
	return *field[frame](unsafe.Pointer(l), inside.currentFrame)
}

func parentFrame(f frame) frame { return *field[frame](unsafe.Pointer(f), inside.frameParent) }

func frameFunction(f frame) *lua.LFunction {
	return *field[*lua.LFunction](unsafe.Pointer(f), inside.frameFn)
}

// Where is the place in Lua from which the running Go function was called: the prototype of the Lua function, and the
// number of its instruction plus one. It is nil if no Lua function called.
func Where(l *lua.LState) (proto *lua.FunctionProto, pc int) {
	for f := currentFrame(l); f != nil; f = parentFrame(f) {
		if fn := frameFunction(f); !fn.IsG {
			return fn.Proto, *field[int](unsafe.Pointer(f), inside.framePc)
		}
	}
	return nil, 0
}

// Line is the source line of an instruction as Where gives it.
func Line(proto *lua.FunctionProto, pc int) int {
	if pc < 1 || pc > len(proto.DbgSourcePositions) {
		return 0
	}
	return proto.DbgSourcePositions[pc-1]
}

// CanYield says whether the coroutine l, which the running Go function was called from, can be suspended: a Go function
// in between cannot. What gopher-lua calls by itself, metamethods and iterators, it does not tell.
func CanYield(l *lua.LState) bool {
	for f := parentFrame(currentFrame(l)); f != nil; f = parentFrame(f) {
		if frameFunction(f).IsG {
			return false
		}
	}
	return true
}

// Wanted is how many results the caller of the running Go function looks at; -1 all there are.
func Wanted(l *lua.LState) int {
	return *field[int](unsafe.Pointer(currentFrame(l)), inside.frameNRet)
}

func errorFlag(l *lua.LState) *bool { return field[bool](unsafe.Pointer(l), inside.hasErrorFunc) }

// framesAbove counts the calls that are in progress on top of base.
func framesAbove(l *lua.LState, base frame) int {
	n := 0
	for f := currentFrame(l); f != nil && f != base; f = parentFrame(f) {
		n++
	}
	return n
}

// closeUpvalues closes the upvalues of all calls on top of base, as a return from them would. The list is in
// ascending order of register.
func closeUpvalues(l *lua.LState, base frame) {
	first := -1
	for f := currentFrame(l); f != nil && f != base; f = parentFrame(f) {
		first = *field[int](unsafe.Pointer(f), inside.frameL)
	}
	if first < 0 {
		return
	}
	link := field[*lua.Upvalue](unsafe.Pointer(l), inside.uvcache)
	for *link != nil && *field[int](unsafe.Pointer(*link), inside.uvIndex) < first {
		link = field[*lua.Upvalue](unsafe.Pointer(*link), inside.uvNext)
	}
	for uv := *link; uv != nil; uv = *field[*lua.Upvalue](unsafe.Pointer(uv), inside.uvNext) {
		uv.Close()
	}
	*link = nil
}

// SameString says whether two strings are the same bytes in memory. Equal strings need not be.
func SameString(a, b string) bool {
	return len(a) == len(b) && len(a) > 0 && unsafe.StringData(a) == unsafe.StringData(b)
}

// Container gives the struct in which a table lies, offset bytes from its beginning. The caller knows that it does.
func Container[T any](t *lua.LTable, offset uintptr) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(t), -int(offset)))
}

// Table is what a table consists of.
type Table struct {
	Metatable lua.LValue
	Array     []lua.LValue              // values of 1 to len(Array); lua.LNil where there is none. Never a nil interface.
	Others    map[lua.LValue]lua.LValue // by keys that are neither strings nor in the reach of Array; may be nil
	Strings   map[string]lua.LValue     // by strings; may be nil
	Keys      []lua.LValue              // each key that ever was in Others or Strings, in the order of next; grows only
	Index     map[lua.LValue]int        // the places of keys in Keys; not nil if Keys is not
}

// Inside gives access to what a table consists of. Integers from 1 to lua.MaxArrayIndex-1 are in Array and nowhere else:
// the interpreter does not look for them in Others.
func Inside(t *lua.LTable) *Table { return (*Table)(unsafe.Pointer(t)) }

// Fields counts the fields of a table that are not in its array part.
func Fields(t *lua.LTable) int {
	in := Inside(t)
	return len(in.Strings) + len(in.Others)
}
