// Package interp makes the Lua that poelua runs: gopher-lua with stacks of the right size, output and files on the
// runtime's host, and library functions that replace faulty ones.
package interp

import (
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

	CallDepth int // Lua calls within calls that a script may make; 0: 2,000. In a coroutine it is always that.

	// Metered puts a meter on the state. Where describes what is running, for the messages of its errors.
	Metered bool
	Limits  luax.Limits
	Where   func() string

	Touched func()        // called when a file's descriptor was read or written
	Closing func(fd int)  // called before a file is closed
	Started func(pid int) // called for each process that io.popen started
}

const (
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

// Lua is a Lua state and what belongs to it.
type Lua struct {
	State      *lua.LState
	Guard      *luax.Guard // which protected calls go through
	Coroutines *luax.Coroutines
	Meter      *luax.Meter // nil if the state has none
}

// New makes a Lua state.
func New(c Config) *Lua {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.CallDepth <= 0 {
		c.CallDepth = 2000
	}
	l := lua.NewState(lua.Options{
		CallStackSize:    c.CallDepth + c.CallDepth/10 + 40, // some calls are gopher-lua's and ours
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
	open(lua.ChannelLibName, lua.OpenChannel)
	l.Options.CallStackSize = threadDepth
	l.Options.RegistrySize = threadStart
	l.Options.RegistryMaxSize = threadMost
	l.Options.RegistryGrowStep = threadStart
	l.Options.MinimizeStackMemory = true

	g := luax.NewGuard(l)
	i := &Lua{State: l, Guard: g, Coroutines: luax.NewCoroutines(g)}
	var tick func() // looks whether what runs may go on
	if c.Metered {
		i.Meter = luax.NewMeter(l, c.Limits, c.Where)
		tick = i.Meter.Check
	}
	openBase(l, c)
	openCoroutine(l, i.Coroutines)
	openDebug(l, i.Coroutines)
	openLoad(l, g, c, openIO(l, c))
	openOS(l, c)
	openNumbers(l)
	openStrings(l)
	openMatch(l, tick)
	openUTF8(l)
	openBit(l)
	openPath(l, c)
	if c.Simulated {
		seedRandom(l)
	}
	return i
}

// openBase replaces functions of the base library.
func openBase(l *lua.LState, c Config) {
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
		v = lua.LString(luax.Place(l, level)) + s
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
		s, ok := shownText(l, l.Get(i))
		if !ok {
			l.RaiseError("'tostring' must return a string to 'print'")
		}
		b.WriteString(s)
	}
	b.WriteByte('\n')
	if _, err := out.Write([]byte(b.String())); err != nil {
		l.RaiseError("print: %s", err.Error())
	}
	return 0
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
