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

	Args    []string // arg[1] and so on
	Name    string   // arg[0]; "" none
	Program string   // arg[-1], what runs the script; \"\" none
	Path    []string // directories that package.path begins with

	Now       func() time.Time // the wall clock of os.time and os.date; nil: time.Now
	Simulated bool             // the wall clock is not the real one: math.random starts from a fixed seed

	CallDepth int // Lua calls within calls that a script may make; 0: 2,000. In a coroutine it is always that.

	// Metered puts a meter on the state. Where describes what is running, for the messages of its errors.
	Metered bool
	Limits  luax.Limits
	Where   func() string

	Collect func(full bool) // called by collectgarbage: full for "collect", not for "step"; may be nil
	// Collected is called when Go's collector has run because garbage is wanted to be gone; may be nil.
	Collected func()

	Touched func()        // called when a file's descriptor was read or written
	Closing func(fd int)  // called before a file is closed
	Started func(pid int) // called for each process that io.popen started

	Janitor *Janitor // gives back the memory of tables that shrank; nil: nobody does

	diversion *diversion
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
	if c.Janitor == nil {
		c.Janitor = &Janitor{}
	}
	c.diversion = &diversion{}
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
	open(lua.StringLibName, lua.OpenString)
	open(lua.DebugLibName, lua.OpenDebug)
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
	openDiversion(l, c.diversion)
	openBase(l, c)
	openTable(l, g, &c.Janitor.cursors)
	openMath(l, c)
	openNext(l, &c.Janitor.cursors)
	openCoroutine(l, i.Coroutines)
	openDebug(l, i.Coroutines)
	c.Janitor.open(l, c.Simulated)
	openLoad(l, g, c, openIO(l, c))
	openOS(l, c)
	openNumbers(l)
	openStrings(l)
	openMatch(l, tick)
	openUTF8(l)
	openBit(l)
	openPath(l, c)
	return i
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
