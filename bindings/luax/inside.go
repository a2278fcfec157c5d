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
	currentFrame, hasErrorFunc, uvcache, reg uintptr // LState
	frameFn, frameParent, framePc, frameBase uintptr // callFrame
	frameL, frameNRet, frameTailCall         uintptr
	uvNext, uvIndex                          uintptr // Upvalue
	regArray, regTop                         uintptr // registry
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
	o.frameBase = offset(frame, "Base")
	o.frameL = offset(frame, "LocalBase")
	o.frameNRet = offset(frame, "NRet")
	o.frameTailCall = offset(frame, "TailCall")
	r, _ := state.FieldByName("reg")
	o.reg = r.Offset
	o.regArray = offset(r.Type.Elem(), "array")
	o.regTop = offset(r.Type.Elem(), "top")
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

func framePc(f frame) int { return *field[int](unsafe.Pointer(f), inside.framePc) }

// frameTailCalls is how many calls the function of a frame has taken the place of.
func frameTailCalls(f frame) int { return *field[int](unsafe.Pointer(f), inside.frameTailCall) }

// hiddenLine marks, in place of the line they begin at, the functions that scripts are not to see in tracebacks.
const hiddenLine = -1

// Where is the place in Lua from which the running Go function was called: the prototype of the Lua function, and the
// number of its instruction plus one. It is nil if no Lua function called.
func Where(l *lua.LState) (proto *lua.FunctionProto, pc int) {
	for f := currentFrame(l); f != nil; f = parentFrame(f) {
		if fn := frameFunction(f); !fn.IsG && fn.Proto.LineDefined != hiddenLine {
			return fn.Proto, framePc(f)
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

// Wanted is how many results the caller of the running Go function looks at; -1 all there are.
func Wanted(l *lua.LState) int {
	return *field[int](unsafe.Pointer(currentFrame(l)), inside.frameNRet)
}

// frameValues are the values that a call in progress has on the stack of l, up to those of inner, which it has called; nil
// if it is innermost. Some may be nil.
func frameValues(l *lua.LState, f, inner frame) []lua.LValue {
	registry := *field[unsafe.Pointer](unsafe.Pointer(l), inside.reg)
	top := *field[int](registry, inside.regTop)
	if inner != nil {
		top = *field[int](unsafe.Pointer(inner), inside.frameBase)
	}
	base := *field[int](unsafe.Pointer(f), inside.frameL)
	return (*field[[]lua.LValue](registry, inside.regArray))[base:max(base, top)]
}

// stack is what the stack of l holds, which the caller must not change. Beyond the top it is nil.
func stack(l *lua.LState) []lua.LValue {
	registry := *field[unsafe.Pointer](unsafe.Pointer(l), inside.reg)
	return *field[[]lua.LValue](registry, inside.regArray)
}

// roomTaken is how many values the stack of l has memory for.
func roomTaken(l *lua.LState) int { return cap(stack(l)) }

func errorFlag(l *lua.LState) *bool { return field[bool](unsafe.Pointer(l), inside.hasErrorFunc) }

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
	Keys      []lua.LValue              // each key that ever was in Others or Strings, in the order of next
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

// coroutineOf gives the coroutine whose value a state is. The caller knows that it is one.
func coroutineOf(l *lua.LState) *Coroutine {
	return (*Coroutine)(unsafe.Add(unsafe.Pointer(l), -int(unsafe.Offsetof(Coroutine{}.value))))
}

// across names what keeps the running Go function's caller from being suspended: a Go function among the calls in
// progress, or something that gopher-lua calls by itself. "" if nothing does.
func (g *Guard) across(l *lua.LState) string {
	what := ""
	for p := parentFrame(currentFrame(l)); p != nil; p = parentFrame(p) {
		fn := frameFunction(p)
		if fn.IsG {
			what = describe(p)
			if fn == g.enter {
				p = parentFrame(p)
			}
			if name := frameName(p); name == "pcall" || name == "xpcall" {
				continue // they bar a yield only where something else does: that is to be named
			}
			return what
		}
		switch int(fn.Proto.Code[framePc(p)-1] >> opcodeShift) {
		case lua.OP_CALL, lua.OP_TAILCALL:
		case lua.OP_TFORLOOP:
			return "the iterator of a for loop"
		default:
			return "a metamethod"
		}
	}
	return what
}

// Where in an instruction its opcode is, and the register that it sets or calls.
const (
	opcodeShift   = 26
	registerShift = 18
)
