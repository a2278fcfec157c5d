// Package interp makes the Lua that poelua runs: gopher-lua with stacks of the right size, output and files on the
// runtime's host, and library functions that replace faulty ones.
package interp

import (
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

// Config says what a Lua state is connected to.
type Config struct {
	Host *host.Host

	Stdin  *host.Input
	Stdout *host.Stream
	Stderr *host.Stream

	Args []string // arg[1] and so on
	Name string   // arg[0]; "" none
	Path []string // directories that package.path begins with

	Now       func() time.Time // the wall clock of os.time and os.date; nil: time.Now
	Simulated bool             // the wall clock is not the real one: math.random starts from a fixed seed

	Collect func(full bool) // called by collectgarbage: full for "collect", not for "step"; may be nil

	Touched func()        // called when a file's descriptor was read or written
	Closing func(fd int)  // called before a file is closed
	Started func(pid int) // called for each process that io.popen started
}

const (
	callDepth   = 22_000  // Lua calls; 20,000 are promised
	stackStart  = 1 << 13 // values
	stackMost   = 1 << 22 // 64 MiB
	stackGrowth = 1 << 14

	// A coroutine with the main state's sizes would take 100 KiB.
	threadDepth = 2048
	threadStart = 128
	threadMost  = 1 << 20
)

// These two switches exist only for the whole process. With the first on, each call of a vararg function would build a
// table; the second bounds the memory that one stray integer key can take.
func init() {
	lua.CompatVarArg = false
	lua.MaxArrayIndex = 1 << 24
}

// New makes a Lua state and the Guard that its protected calls go through.
func New(c Config) (*lua.LState, *luax.Guard) {
	if c.Now == nil {
		c.Now = time.Now
	}
	l := lua.NewState(lua.Options{
		CallStackSize:    callDepth,
		RegistrySize:     stackStart,
		RegistryMaxSize:  stackMost,
		RegistryGrowStep: stackGrowth,
		SkipOpenLibs:     true,
	})
	open := func(name string, f lua.LGFunction) {
		l.Push(l.NewFunction(f))
		l.Push(lua.LString(name))
		l.Call(1, 0)
	}
	open(lua.LoadLibName, lua.OpenPackage)
	open(lua.BaseLibName, lua.OpenBase)
	open(lua.StringLibName, lua.OpenString)
	open(lua.DebugLibName, lua.OpenDebug)
	open(lua.CoroutineLibName, lua.OpenCoroutine)
	l.Options.CallStackSize = threadDepth
	l.Options.RegistrySize = threadStart
	l.Options.RegistryMaxSize = threadMost
	l.Options.RegistryGrowStep = threadStart
	l.Options.MinimizeStackMemory = true

	g := luax.NewGuard(l)
	openBase(l, g, c)
	openTable(l, g)
	openMath(l, c)
	openCoroutine(l)
	openDebug(l)
	openLoad(l, g, c, openIO(l, c))
	openOS(l, c)
	openPath(l, c)
	return l, g
}

// startCoroutine makes of a function one that calls it, but not as its last act: gopher-lua breaks down when what a coroutine
// does last is to yield.
const startCoroutine = `
local function pass(...) return ... end
return function(f) return function(...) return pass(f(...)) end end`

// openCoroutine makes yield refuse what would corrupt the coroutine.
func openCoroutine(l *lua.LState) {
	t := l.GetGlobal("coroutine").(*lua.LTable)
	t.RawSetString("yield", l.NewFunction(func(l *lua.LState) int {
		if l.Parent == nil {
			l.RaiseError("attempt to yield from outside a coroutine")
		}
		if !luax.CanYield(l) {
			l.RaiseError("attempt to yield across a Go function (pcall, an event handler, table.sort, string.gsub, ...)")
		}
		return -1
	}))
	if err := l.DoString(startCoroutine); err != nil {
		panic(err) // it is a constant
	}
	start := l.Get(-1)
	l.Pop(1)
	for _, name := range []string{"create", "wrap"} {
		make := t.RawGetString(name).(*lua.LFunction).GFunction
		t.RawSetString(name, l.NewFunction(func(l *lua.LState) int {
			f := l.CheckFunction(1)
			l.SetTop(0)
			l.Push(start)
			l.Push(f)
			l.Call(1, 1)
			return make(l)
		}))
	}
}

// openDebug keeps the metatables of poelua's own classes out of reach: what an object is, is told by its metatable.
func openDebug(l *lua.LState) {
	t := l.GetGlobal("debug").(*lua.LTable)
	get, set := t.RawGetString("getmetatable").(*lua.LFunction), t.RawGetString("setmetatable").(*lua.LFunction)
	guarded := func(v lua.LValue) lua.LValue {
		if name := l.GetMetaField(v, "__metatable"); name != lua.LNil && l.GetMetaField(v, "__name") == name {
			return name
		}
		return nil
	}
	t.RawSetString("getmetatable", l.NewFunction(func(l *lua.LState) int {
		if name := guarded(l.CheckAny(1)); name != nil {
			l.Push(name)
			return 1
		}
		return get.GFunction(l)
	}))
	t.RawSetString("setmetatable", l.NewFunction(func(l *lua.LState) int {
		if name := guarded(l.CheckAny(1)); name != nil {
			l.ArgError(1, "the metatable of "+name.String()+" cannot be changed")
		}
		return set.GFunction(l)
	}))
}

// openPath puts the script's directories in front of package.path.
func openPath(l *lua.LState, c Config) {
	var parts []string
	for _, dir := range c.Path {
		parts = append(parts, dir+"/?.lua", dir+"/?/init.lua")
	}
	if path, ok := c.Host.Getenv("LUA_PATH"); ok && path != "" {
		parts = append(parts, strings.Split(strings.ReplaceAll(path, ";;", ";"), ";")...)
	}
	parts = append(parts, "./?.lua", "./?/init.lua")
	l.GetGlobal("package").(*lua.LTable).RawSetString("path", lua.LString(strings.Join(parts, ";")))
}
