// Package interp makes the Lua that poelua runs: gopher-lua with stacks of the right size, output and files on the
// runtime's host, and library functions that replace faulty ones.
package interp

import (
	"fmt"
	"math/rand"
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

	Touched func()        // called when a file's descriptor was read or written
	Closing func(fd int)  // called before a file is closed
	Started func(pid int) // called for each process that io.popen started

	Janitor *Janitor // gives back the memory of tables that shrank; nil: nobody does
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
	if c.Janitor == nil {
		c.Janitor = &Janitor{}
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
	open(lua.TabLibName, lua.OpenTable)
	open(lua.StringLibName, lua.OpenString)
	open(lua.MathLibName, lua.OpenMath)
	open(lua.DebugLibName, lua.OpenDebug)
	open(lua.CoroutineLibName, lua.OpenCoroutine)
	open(lua.ChannelLibName, lua.OpenChannel)
	l.Options.CallStackSize = threadDepth
	l.Options.RegistrySize = threadStart
	l.Options.RegistryMaxSize = threadMost
	l.Options.RegistryGrowStep = threadStart
	l.Options.MinimizeStackMemory = true

	g := luax.NewGuard(l)
	openBase(l, g, c)
	openCoroutine(l)
	openDebug(l)
	openNext(l, &c.Janitor.cursors)
	c.Janitor.open(l, c.Simulated)
	openLoad(l, g, c, openIO(l, c))
	openOS(l, c)
	openPath(l, c)
	if c.Simulated {
		seedRandom(l)
	}
	return l, g
}

// openBase replaces functions of the base library.
func openBase(l *lua.LState, g *luax.Guard, c Config) {
	l.SetGlobal("pcall", l.NewFunction(g.PCall))
	l.SetGlobal("xpcall", l.NewFunction(g.XPCall))
	l.SetGlobal("error", l.NewFunction(raise))
	l.SetGlobal("print", l.NewFunction(func(l *lua.LState) int { return printTo(l, c.Stdout) }))
	args := l.CreateTable(len(c.Args), 1)
	for i, a := range c.Args {
		args.RawSetInt(i+1, lua.LString(a))
	}
	if c.Name != "" {
		args.RawSetInt(0, lua.LString(c.Name))
	}
	l.SetGlobal("arg", args)
}

// raise is error. gopher-lua's names the wrong line at levels above 1.
func raise(l *lua.LState) int {
	v, level := l.Get(1), l.OptInt(2, 1)
	if s, ok := v.(lua.LString); ok && level > 0 {
		if dbg, ok := l.GetStack(level); ok {
			if _, err := l.GetInfo("Sl", dbg, lua.LNil); err == nil && dbg.What != "G" {
				v = lua.LString(fmt.Sprintf("%s:%d: %s", dbg.Source, dbg.CurrentLine, string(s)))
			}
		}
	}
	l.Error(v, 0)
	return 0
}

// printTo is print. What cannot be written is an error: a program that prints into a closed pipe is to end.
func printTo(l *lua.LState, out *host.Stream) int {
	var b strings.Builder
	for i := 1; i <= l.GetTop(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		if s, ok := l.Get(i).(lua.LString); ok {
			b.WriteString(string(s))
			continue
		}
		s, ok := l.ToStringMeta(l.Get(i)).(lua.LString)
		if !ok {
			l.RaiseError("'tostring' must return a string to 'print'")
		}
		b.WriteString(string(s))
	}
	b.WriteByte('\n')
	if _, err := out.Write([]byte(b.String())); err != nil {
		l.RaiseError("print: %s", err.Error())
	}
	return 0
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

// seedRandom gives this state a generator of its own that always starts alike.
func seedRandom(l *lua.LState) {
	r := rand.New(rand.NewSource(1))
	t := l.GetGlobal("math").(*lua.LTable)
	t.RawSetString("randomseed", l.NewFunction(func(l *lua.LState) int {
		r = rand.New(rand.NewSource(l.CheckInt64(1)))
		return 0
	}))
	t.RawSetString("random", l.NewFunction(func(l *lua.LState) int {
		switch l.GetTop() {
		case 0:
			l.Push(lua.LNumber(r.Float64()))
		case 1:
			n := l.CheckInt(1)
			if n < 1 {
				l.ArgError(1, "interval is empty")
			}
			l.Push(lua.LNumber(r.Intn(n) + 1))
		default:
			low, high := l.CheckInt(1), l.CheckInt(2)
			if high < low {
				l.ArgError(2, "interval is empty")
			}
			l.Push(lua.LNumber(r.Intn(high-low+1) + low))
		}
		return 1
	}))
}
