package luax

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// This file gives gopher-lua's interpreter other implementations of two instructions, which do the same in less time:
// calls, and look-ups of methods. The table of instructions is the process's, so other Lua states in it get them, too,
// and notice nothing.
//
// What is gained: a Go function with a direct form gets its arguments where they lie and needs no frame, which is most
// of what calling it costs; the frame of a Lua function is written where it belongs, not made and copied twice; a
// method of an object made in Go is found with one look-up, not two. What is not the usual case is left to gopher-lua's
// own.

// instruction is the implementation of one. The result 1 leaves the interpreter's loop.
type instruction = func(l *lua.LState, inst uint32, base unsafe.Pointer) int

//go:linkname instructions github.com/yuin/gopher-lua.jumpTable
var instructions [lua.OP_NOP + 1]instruction

var stockCall, stockSelf instruction // gopher-lua's own, to which the unusual cases are left

func init() {
	checkStructs()
	stockCall, stockSelf = instructions[lua.OP_CALL], instructions[lua.OP_SELF]
	instructions[lua.OP_CALL], instructions[lua.OP_SELF] = callInstruction, selfInstruction
}

// What the structs consist of that the interpreter works with.
type (
	interpreter struct {
		G            *lua.Global
		Parent       *lua.LState
		Env          *lua.LTable
		Panic        func(*lua.LState)
		Dead         bool
		Options      lua.Options
		stop         int32
		reg          *registers
		stack        frameStack
		alloc        unsafe.Pointer
		currentFrame *callFrame
		wrapped      bool
		uvcache      *lua.Upvalue
		hasErrorFunc bool
		mainLoop     func(l *lua.LState, base *callFrame)
	}
	registers struct {
		array []lua.LValue
		top   int
	}
	frameStack struct { // an interface
		kind unsafe.Pointer
		data *fixedStack
	}
	fixedStack struct {
		array []callFrame
		sp    int
	}
	callFrame struct {
		Idx        int
		Fn         *lua.LFunction
		Parent     *callFrame
		Pc         int
		Base       int
		LocalBase  int
		ReturnBase int
		NArgs      int
		NRet       int
		TailCall   int
	}
)

// fixedKind is the kind of stack of states that were made without MinimizeStackMemory.
var fixedKind = func() unsafe.Pointer {
	l := lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: 1, RegistrySize: 128})
	defer l.Close()
	return (*interpreter)(unsafe.Pointer(l)).stack.kind
}()

// checkStructs panics if gopher-lua's structs are others.
func checkStructs() {
	state := reflect.TypeFor[lua.LState]()
	begins(state, reflect.TypeFor[interpreter]())
	reg, _ := state.FieldByName("reg")
	begins(reg.Type.Elem(), reflect.TypeFor[registers]())
	frame, _ := state.FieldByName("currentFrame")
	begins(frame.Type.Elem(), reflect.TypeFor[callFrame]())
	if frame.Type.Elem().Size() != unsafe.Sizeof(callFrame{}) {
		panic("luax: this version of gopher-lua has another callFrame")
	}
	l := lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: 1, RegistrySize: 128})
	defer l.Close()
	stack := reflect.ValueOf(l).Elem().FieldByName("stack").Elem().Type()
	begins(stack.Elem(), reflect.TypeFor[fixedStack]())
}

// begins panics unless a struct of gopher-lua's begins with fields of the names, sizes and places of ours.
func begins(theirs, ours reflect.Type) {
	for i := range ours.NumField() {
		a, b := theirs.Field(i), ours.Field(i)
		if a.Name != b.Name || a.Offset != b.Offset || a.Type.Size() != b.Type.Size() {
			panic("luax: this version of gopher-lua has another " + theirs.Name() + "." + a.Name)
		}
	}
}

// Direct is a Go function that Lua calls without a frame: it gets the arguments where they lie on the stack and returns
// one result. It may not keep args, raise, or call Lua, nor is it seen in tracebacks. When ok is false it has done
// nothing, and the function's ordinary form is called, which may do all that.
type Direct func(l *lua.LState, args []lua.LValue) (result lua.LValue, ok bool)

// directFunction is a function with a direct form. It is known by its only upvalue, which lies in here and leads to
// directMark.
type directFunction struct {
	upvalue lua.Upvalue
	call    Direct
}

var directMark = &lua.Upvalue{}

// NewDirect makes a function that is called directly where that is possible.
func NewDirect(l *lua.LState, ordinary lua.LGFunction, direct Direct) *lua.LFunction {
	d := &directFunction{call: direct}
	*upvalueNext(&d.upvalue) = directMark
	d.upvalue.SetValue(lua.LNil)
	fn := l.NewFunction(ordinary)
	fn.Upvalues = []*lua.Upvalue{&d.upvalue}
	return fn
}

func upvalueNext(u *lua.Upvalue) **lua.Upvalue {
	return field[*lua.Upvalue](unsafe.Pointer(u), inside.uvNext)
}

// directForm is what NewDirect made of a Go function; nil if it did not make it.
func directForm(fn *lua.LFunction) *directFunction {
	if len(fn.Upvalues) != 1 || *upvalueNext(fn.Upvalues[0]) != directMark {
		return nil
	}
	return (*directFunction)(unsafe.Pointer(fn.Upvalues[0]))
}

// callInstruction is OP_CALL: R(A), ... := R(A)(R(A+1), ...), with B-1 arguments, or those up to the top, and C-1
// results, or all.
func callInstruction(l *lua.LState, inst uint32, base unsafe.Pointer) int {
	s := (*interpreter)(unsafe.Pointer(l))
	reg := s.reg
	a := s.currentFrame.LocalBase + int(inst>>18)&0xff
	fn, ok := reg.array[a].(*lua.LFunction)
	if !ok {
		return stockCall(l, inst, base)
	}
	nargs, nret := int(inst&0x1ff)-1, int(inst>>9)&0x1ff-1
	if nargs < 0 {
		nargs = reg.top - (a + 1)
	}
	if fn.IsG {
		if d := directForm(fn); d != nil && s.callDirect(l, d, a, nargs, nret) {
			return 0
		}
		return stockCall(l, inst, base)
	}
	if !s.takes(fn, a, nargs) {
		return stockCall(l, inst, base)
	}
	s.enter(fn, a, nargs, nret)
	return 0
}

// takes says whether enter can be used for a function at register a: it is one of Lua's, and there is room for it.
func (s *interpreter) takes(fn *lua.LFunction, a, nargs int) bool {
	return !fn.IsG && fn.Proto.IsVarArg&lua.VarArgIsVarArg == 0 && s.stack.kind == fixedKind &&
		s.stack.data.sp < len(s.stack.data.array) && a+1+max(int(fn.Proto.NumUsedRegisters), nargs) <= len(s.reg.array)
}

// enter makes the frame of a function that lies in register a, under its arguments.
func (s *interpreter) enter(fn *lua.LFunction, a, nargs, nret int) *callFrame {
	stack, local := s.stack.data, a+1
	f := &stack.array[stack.sp]
	*f = callFrame{
		Idx: stack.sp, Fn: fn, Parent: s.currentFrame, Base: a, LocalBase: local, ReturnBase: a, NArgs: nargs, NRet: nret,
	}
	stack.sp++
	array, used := s.reg.array, int(fn.Proto.NumUsedRegisters)
	for i := min(nargs, int(fn.Proto.NumParameters)); i < max(nargs, used); i++ {
		array[local+i] = lua.LNil // also what the function does not take
	}
	s.reg.top = local + used
	s.currentFrame = f
	return f
}

// Run calls a function with first and args, and lets go of its results. An error passes as a panic. What of args is no
// Lua value convert makes one of.
func Run(l *lua.LState, fn *lua.LFunction, first lua.LValue, args []any, convert func(any) lua.LValue) {
	s := (*interpreter)(unsafe.Pointer(l))
	a, nargs := s.reg.top, 1+len(args)
	if s.G.MainThread != nil && a+1+nargs <= len(s.reg.array) && s.takes(fn, a, nargs) && s.place(a+2, args) {
		s.reg.array[a], s.reg.array[a+1] = fn, first
		s.mainLoop(l, s.enter(fn, a, nargs, 0))
		return
	}
	l.Push(fn)
	l.Push(first)
	for _, v := range args {
		l.Push(convert(v))
	}
	l.Call(nargs, 0)
}

// place puts values into the registers from a on. It is false if some are not Lua's.
func (s *interpreter) place(a int, values []any) bool {
	for i, v := range values {
		lv, ok := v.(lua.LValue)
		if !ok {
			return false
		}
		s.reg.array[a+i] = lv
	}
	return true
}

// callDirect is false if that was not possible. Like any call it leaves the top on its results, since a metamethod is
// called on what lies above, and nothing above that.
func (s *interpreter) callDirect(l *lua.LState, d *directFunction, a, nargs, nret int) bool {
	end := a + 1 + nargs
	v, ok := d.call(l, s.reg.array[a+1:end:end])
	if !ok {
		return false
	}
	array := s.reg.array // which may be another now, if what observes the kernel has run Lua
	if nret != 0 {
		array[a] = v
		a++
	}
	for ; nret > 1; nret-- {
		array[a] = lua.LNil
		a++
	}
	for i := a; i < s.reg.top; i++ { // few: clear would take longer
		array[i] = nil
	}
	s.reg.top = a
	return true
}

// classMark is the metatable of the metatables that NewClass makes.
var classMark = &lua.LTable{Metatable: lua.LNil}

// classTable is what a class's metatable lies in.
type classTable struct {
	table lua.LTable
	index *lua.LTable
	hot   []hotMethod
}

// hotMethod is found by comparing names, which for a few takes a third of the time of a look-up.
type hotMethod struct {
	name   string
	method lua.LValue
}

// NewClass makes a metatable, with room for so many fields, of objects whose methods are in index. Its field __index is
// not to be changed, nor the hot ones of the methods, which are found faster.
func NewClass(l *lua.LState, fields int, index *lua.LTable, hot ...string) *lua.LTable {
	c := &classTable{table: *l.CreateTable(0, fields+1), index: index}
	for _, name := range hot {
		if method := l.GetField(index, name); method != lua.LNil {
			c.hot = append(c.hot, hotMethod{name, method})
		}
	}
	c.table.RawSetString("__index", index)
	c.table.Metatable = classMark
	return &c.table
}

// DropHot ends the faster way to the hot methods of a class: the script has methods of its own.
func DropHot(class *lua.LTable) { (*classTable)(unsafe.Pointer(class)).hot = nil }

// selfInstruction is OP_SELF: R(A+1) := R(B); R(A) := R(B)[RK(C)].
func selfInstruction(l *lua.LState, inst uint32, base unsafe.Pointer) int {
	s := (*interpreter)(unsafe.Pointer(l))
	reg, local := s.reg, s.currentFrame.LocalBase
	a, c := local+int(inst>>18)&0xff, int(inst>>9)&0x1ff
	object, ok := reg.array[local+int(inst&0x1ff)].(*lua.LUserData)
	if !ok || c < constantBit || a+2 > len(reg.array) {
		return stockSelf(l, inst, base)
	}
	mt, ok := object.Metatable.(*lua.LTable)
	if !ok || mt.Metatable != lua.LValue(classMark) {
		return stockSelf(l, inst, base)
	}
	name := s.currentFrame.Fn.Proto.Constants[c-constantBit].(lua.LString)
	method := (*classTable)(unsafe.Pointer(mt)).method(string(name))
	if method == lua.LNil {
		return stockSelf(l, inst, base) // it may have more to look in
	}
	reg.array[a], reg.array[a+1] = method, object
	reg.top = max(reg.top, a+2)
	return 0
}

func (c *classTable) method(name string) lua.LValue {
	for i := range c.hot {
		if c.hot[i].name == name {
			return c.hot[i].method
		}
	}
	return c.index.RawGetString(name)
}

const constantBit = 1 << 8 // in an operand: it is the number of a constant
