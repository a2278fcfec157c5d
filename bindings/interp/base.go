package interp

import (
	"runtime"
	"runtime/metrics"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// openBase makes the base library: gopher-lua's, its faulty functions replaced and its additions left out.
func openBase(l *lua.LState, c Config) {
	gc := &collector{collect: c.Collect, collected: c.Collected, pause: 200, stepMul: 200}
	for name, f := range map[string]lua.LGFunction{
		"assert":         baseAssert,
		"collectgarbage": gc.collectgarbage,
		"error":          raise,
		"gcinfo":         gc.gcinfo,
		"getfenv":        baseGetfenv,
		"getmetatable":   baseGetmetatable,
		"module":         baseModule,
		"newproxy":       baseNewproxy,
		"print":          func(l *lua.LState) int { return printTo(l, &c) },
		"rawequal":       baseRawequal,
		"rawget":         baseRawget,
		"rawset":         baseRawset,
		"select":         baseSelect,
		"setfenv":        baseSetfenv,
		"setmetatable":   baseSetmetatable,
		"type":           baseType,
	} {
		l.SetGlobal(name, l.NewFunction(f))
	}
	l.SetGlobal("ipairs", l.NewClosure(baseIpairs, l.NewFunction(ipairsNext)))
	l.SetGlobal("_printregs", lua.LNil)
	l.SetGlobal("_GOPHER_LUA_VERSION", lua.LNil)
	l.GetGlobal("package").(*lua.LTable).RawSetString("seeall", l.NewFunction(packageSeeall))

	args := l.CreateTable(len(c.Args), 1)
	for i, a := range c.Args {
		args.RawSetInt(i+1, lua.LString(a))
	}
	if c.Name != "" {
		args.RawSetInt(0, lua.LString(c.Name))
	}
	if c.Program != "" {
		args.RawSetInt(-1, lua.LString(c.Program))
	}
	l.SetGlobal("arg", args)
}

// tableArg is argument n, which must be a table.
func tableArg(a luax.Args, n int) *lua.LTable {
	t, ok := a.Get(n).(*lua.LTable)
	if !ok {
		a.Fail(n, "table")
	}
	return t
}

func baseAssert(l *lua.LState) int {
	a := luax.Args{L: l, Name: "assert"}
	if lua.LVIsFalse(anyArg(a, 1)) {
		l.RaiseError("%s", optText(a, 2, "assertion failed!"))
	}
	return l.GetTop()
}

// raise is error. gopher-lua's names the wrong line at levels above 1.
func raise(l *lua.LState) int {
	a := luax.Args{L: l, Name: "error"}
	v, level := a.Get(1), optInteger(a, 2, 1)
	if level > 0 {
		switch v.(type) {
		case lua.LString, lua.LNumber:
			v = lua.LString(luax.Place(l, level) + textArg(a, 1))
		}
	}
	l.Error(v, 0)
	return 0
}

// printTo is print. What cannot be written is an error: a program that prints into a closed pipe is to end.
func printTo(l *lua.LState, c *Config) int {
	var b strings.Builder
	for i := 1; i <= l.GetTop(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		s, ok := shownText(l, l.Get(i))
		if !ok {
			l.RaiseError("'tostring' must return a string to 'print'")
		}
		b.WriteString(s)
	}
	b.WriteByte('\n')
	p := []byte(b.String())
	if c.diversion.diverted(p) {
		return 0
	}
	if _, err := c.Stdout.Write(p); err != nil {
		l.RaiseError("print: %s", err.Error())
	}
	return 0
}

// collector is what a script sees of Go's garbage collector.
type collector struct {
	collect        func(full bool) // may be nil
	collected      func()          // may be nil
	pause, stepMul int
}

type collectorOption int

const (
	collectAll collectorOption = iota
	collectCount
	collectStep
	collectPause
	collectStepMul
	collectNothing
)

var collectorOptions = map[string]collectorOption{
	"collect":    collectAll,
	"count":      collectCount,
	"step":       collectStep,
	"setpause":   collectPause,
	"setstepmul": collectStepMul,
	"stop":       collectNothing,
	"restart":    collectNothing,
}

// collectgarbage asks for a collection, or how much memory is in use.
//
// Differs: the collector is Go's. It cannot be stopped, and has no pace to set: stop, restart, setpause and setstepmul
// change nothing. A step is no work at all, and always ends a cycle.
func (c *collector) collectgarbage(l *lua.LState) int {
	a := luax.Args{L: l, Name: "collectgarbage"}
	option := collectAll
	if !a.Missing(1) {
		option = optionArg(a, 1, collectorOptions)
	}
	number, answer := optInteger(a, 2, 0), 0
	switch option {
	case collectAll:
		c.cleanUp(true)
		runtime.GC()
		if c.collected != nil {
			c.collected()
		}
	case collectCount:
		l.Push(lua.LNumber(heapKilobytes()))
		return 1
	case collectStep:
		c.cleanUp(false)
		l.Push(lua.LTrue)
		return 1
	case collectPause:
		answer, c.pause = c.pause, number
	case collectStepMul:
		answer, c.stepMul = c.stepMul, number
	}
	l.Push(lua.LNumber(answer))
	return 1
}

func (c *collector) cleanUp(full bool) {
	if c.collect != nil {
		c.collect(full)
	}
}

func (c *collector) gcinfo(l *lua.LState) int {
	l.Push(lua.LNumber(int(heapKilobytes())))
	return 1
}

// heapKilobytes is what the objects on Go's heap take, garbage included, which is the whole process's.
func heapKilobytes() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / 1024
}

func baseSelect(l *lua.LState) int {
	a := luax.Args{L: l, Name: "select"}
	count := a.Count()
	if s, ok := a.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		pushNumber(l, float64(count-1))
		return 1
	}
	n := integerArg(a, 1)
	if n < 0 {
		n += count
	}
	if n < 1 {
		luax.ArgError(l, "select", 1, "index out of range")
	}
	return count - min(n, count)
}

func baseRawequal(l *lua.LState) int {
	a := luax.Args{L: l, Name: "rawequal"}
	l.Push(lua.LBool(anyArg(a, 1) == anyArg(a, 2)))
	return 1
}

func baseRawget(l *lua.LState) int {
	a := luax.Args{L: l, Name: "rawget"}
	l.Push(tableArg(a, 1).RawGet(anyArg(a, 2)))
	return 1
}

func baseRawset(l *lua.LState) int {
	a := luax.Args{L: l, Name: "rawset"}
	t, key, value := tableArg(a, 1), anyArg(a, 2), anyArg(a, 3)
	switch number, isNumber := key.(lua.LNumber); {
	case key == lua.LNil:
		l.RaiseError("table index is nil")
	case isNumber && number != number:
		l.RaiseError("table index is NaN")
	case value != lua.LNil || t.RawGet(key) != lua.LNil: // a nil where nothing is would make the array grow
		t.RawSet(key, value)
	}
	l.Push(t)
	return 1
}

func baseGetmetatable(l *lua.LState) int {
	l.Push(l.GetMetatable(anyArg(luax.Args{L: l, Name: "getmetatable"}, 1)))
	return 1
}

func baseSetmetatable(l *lua.LState) int {
	a := luax.Args{L: l, Name: "setmetatable"}
	t := tableArg(a, 1)
	mt := a.Get(2)
	if _, ok := mt.(*lua.LTable); !ok && (mt != lua.LNil || a.Count() < 2) {
		luax.ArgError(l, "setmetatable", 2, "nil or table expected")
	}
	if l.GetMetaField(t, "__metatable") != lua.LNil {
		l.RaiseError("cannot change a protected metatable")
	}
	t.Metatable = mt
	l.Push(t)
	return 1
}

// typeNames are strings that need not be made for each call.
var typeNames = func() (names [lua.LTChannel + 1]lua.LValue) {
	for i := range names {
		names[i] = lua.LString(lua.LValueType(i).String())
	}
	return names
}()

func baseType(l *lua.LState) int {
	l.Push(typeNames[anyArg(luax.Args{L: l, Name: "type"}, 1).Type()])
	return 1
}

func baseIpairs(l *lua.LState) int {
	t := tableArg(luax.Args{L: l, Name: "ipairs"}, 1)
	l.Push(l.Get(lua.UpvalueIndex(1)))
	l.Push(t)
	l.Push(smallNumbers[0])
	return 3
}

// ipairsNext is what ipairs gives a loop.
func ipairsNext(l *lua.LState) int {
	t, isTable := l.Get(1).(*lua.LTable)
	last, isNumber := l.Get(2).(lua.LNumber)
	if !isTable || !isNumber {
		a := luax.Args{L: l, Name: "ipairs"}
		last, t = lua.LNumber(integerArg(a, 2)), tableArg(a, 1)
	}
	n := int(whole(float64(last))) + 1
	v := item(luax.Inside(t), n)
	if v == lua.LNil {
		return 0
	}
	pushNumber(l, float64(n))
	l.Push(v)
	return 2
}

// functionArg is argument 1 of getfenv and setfenv: a function, or the level of a call in progress.
func functionArg(a luax.Args, level int) *lua.LFunction {
	if fn, ok := a.Get(1).(*lua.LFunction); ok {
		return fn
	}
	if level < 0 {
		luax.ArgError(a.L, a.Name, 1, "level must be non-negative")
	}
	call, ok := luax.CallAt(a.L, level)
	if !ok {
		luax.ArgError(a.L, a.Name, 1, "invalid level")
	}
	if call.Func == nil {
		a.L.RaiseError("no function environment for tail call at level %d", level)
	}
	return call.Func
}

func baseGetfenv(l *lua.LState) int {
	a := luax.Args{L: l, Name: "getfenv"}
	level := 1
	if _, ok := a.Get(1).(*lua.LFunction); !ok {
		level = optInteger(a, 1, 1)
	}
	fn := functionArg(a, level)
	if fn.IsG {
		l.Push(l.Env)
	} else {
		l.Push(fn.Env)
	}
	return 1
}

func baseSetfenv(l *lua.LState) int {
	a := luax.Args{L: l, Name: "setfenv"}
	env, level := tableArg(a, 2), 0
	if _, ok := a.Get(1).(*lua.LFunction); !ok {
		level = integerArg(a, 1)
	}
	fn := functionArg(a, level)
	if number, ok := toNumber(a.Get(1)); ok && number == 0 {
		l.Env = env
		return 0
	}
	if fn.IsG {
		l.RaiseError("'setfenv' cannot change environment of given object")
	}
	fn.Env = env
	l.Push(fn)
	return 1
}

// proxy is what newproxy's userdata hold.
type proxy struct{ mt lua.LValue }

// baseNewproxy makes a userdata; with true, one that has a metatable; with such a one, another that has the same.
func baseNewproxy(l *lua.LState) int {
	made := proxy{lua.LNil}
	switch v := l.Get(1).(type) {
	case *lua.LNilType:
	case lua.LBool:
		if v {
			made.mt = l.CreateTable(0, 0)
		}
	default:
		ud, _ := v.(*lua.LUserData)
		if ud != nil {
			made, _ = ud.Value.(proxy)
		}
		if ud == nil || made.mt == nil || made.mt == lua.LNil {
			luax.ArgError(l, "newproxy", 1, "boolean or proxy expected")
		}
	}
	ud := l.NewUserData()
	ud.Value, ud.Metatable = made, made.mt
	l.Push(ud)
	return 1
}

// baseModule makes the table of a module and the caller's environment of it.
func baseModule(l *lua.LState) int {
	a := luax.Args{L: l, Name: "module"}
	name := textArg(a, 1)
	loaded := l.GetField(l.Get(lua.RegistryIndex), "_LOADED")
	module, ok := l.GetField(loaded, name).(*lua.LTable)
	if !ok {
		if module, ok = l.FindTable(l.Env, name, 1).(*lua.LTable); !ok {
			l.RaiseError("name conflict for module '%s'", name)
		}
		l.SetField(loaded, name, module)
	}
	if l.GetField(module, "_NAME") == lua.LNil {
		l.SetField(module, "_M", module)
		l.SetField(module, "_NAME", lua.LString(name))
		l.SetField(module, "_PACKAGE", lua.LString(name[:strings.LastIndexByte(name, '.')+1]))
	}
	caller, ok := luax.CallAt(l, 1)
	if !ok || caller.Func == nil || caller.Func.IsG {
		l.RaiseError("'module' not called from a Lua function")
	}
	caller.Func.Env = module
	for i := 2; i <= a.Count(); i++ {
		option := a.Get(i)
		mustCall(l, option)
		l.Push(option)
		l.Push(module)
		l.Call(1, 0)
	}
	return 0
}

// mustCall raises unless a value can be called.
func mustCall(l *lua.LState, v lua.LValue) {
	if v.Type() != lua.LTFunction && l.GetMetaField(v, "__call").Type() != lua.LTFunction {
		l.RaiseError("attempt to call a %s value", v.Type().String())
	}
}

// packageSeeall makes a module see the globals.
func packageSeeall(l *lua.LState) int {
	t := tableArg(luax.Args{L: l, Name: "seeall"}, 1)
	mt, ok := t.Metatable.(*lua.LTable)
	if !ok {
		mt = l.CreateTable(0, 1)
		t.Metatable = mt
	}
	l.SetField(mt, "__index", l.Env)
	return 0
}
