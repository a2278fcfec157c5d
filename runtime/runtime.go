// Package runtime puts a kernel, a Lua state and the library poe together, for the command and for Go programs that let
// their users script.
//
//	rt, err := runtime.New(runtime.Options{})
//	defer rt.Close()
//	err = rt.DoFile("bot.lua") // makes sessions
//	err = rt.Run(ctx)          // until all of them have stopped
//
// A Runtime belongs to one goroutine at a time: the one that calls it. Several runtimes in one process share nothing.
//
// Importing this package sets two switches that gopher-lua has only for the whole process: lua.CompatVarArg is off, and
// lua.MaxArrayIndex is 1<<24. A host that runs Lua states of its own will notice. It also gives gopher-lua other
// implementations of two instructions, which do what the old ones did.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings"
	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/kernel/poll"
	"github.com/poelua/poelua/runtime/repl"
	"github.com/poelua/poelua/scripts"
)

// Version of poelua.
const Version = "0.1.0"

// Runtime is a kernel and a Lua state, wired together. New makes one.
type Runtime struct {
	k      *kernel.Kernel
	l      *lua.LState
	meter  *luax.Meter // nil: handlers cannot be interrupted
	lib    *bindings.Lib
	tables *interp.Janitor
	memory *trimmer // nil: nobody asked for it
	host   *host.Host
	stderr *host.Stream
	trace  *os.File         // POELUA_TRACE_FILE, which Close closes
	late   *host.LateWriter // writes it
	stats  *dispatchTimes
	args   []string // what chunks get as ...
	closed bool

	coroutines *luax.Coroutines
	profiling  profiling

	onInterrupt func() bool // Options.OnInterrupt

	waiting atomic.Int64 // when a signal to end came that the loop has not taken up yet, in Unix nanoseconds; 0 none
}

// New makes a runtime. It reads POELUA_TRACE, POELUA_TRACE_FILE, POELUA_ASSERT and POELUA_CATCH_EXCEPTIONS from the
// environment. Errors: an unknown loop or clock, an unknown name in one of those lists, a trace file that cannot be
// written.
func New(o Options) (*Runtime, error) {
	rt := &Runtime{host: host.New(), args: o.Args, tables: &interp.Janitor{}, onInterrupt: o.OnInterrupt}
	rt.stderr = rt.host.Stderr()
	if o.Stderr != nil {
		rt.stderr = host.NewStream(o.Stderr)
	}
	stdout, stdin := rt.host.Stdout(), rt.host.Stdin()
	if o.Stdout != nil {
		stdout = host.NewStream(o.Stdout)
	}
	if o.Stdin != nil {
		stdin = host.NewInput(o.Stdin)
	}
	ko, err := rt.kernelOptions(o)
	if err != nil {
		return nil, err
	}
	rt.k = kernel.New(ko)
	if o.Stats {
		rt.stats = newDispatchTimes()
		rt.k.Observe(kernel.RecordReturn, nil, rt.stats.add)
	}
	if err := rt.configure(); err != nil {
		return nil, errors.Join(err, rt.k.Close(), rt.closeTrace())
	}
	rt.openLua(o, stdin, stdout)
	rt.openProfiling(o)
	rt.host.OnExit(func(pid, status int) {
		rt.k.Submit(func() { rt.k.ProcessEnded(pid, status) })
	})
	rt.host.OnSignal(rt.onSignal)
	if o.CatchSignals {
		rt.host.Guard()
		for _, name := range []string{"INT", "TERM", "QUIT"} {
			if err := rt.host.Catch(name); err != nil {
				return nil, errors.Join(err, rt.Close())
			}
		}
	}
	return rt, nil
}

// kernelOptions connects the kernel to the host, and to the library that is made after it.
func (rt *Runtime) kernelOptions(o Options) (kernel.Options, error) {
	ko := kernel.Options{
		Idle:    o.Idle,
		Signals: &signalSource{rt.host, o.CatchSignals},
		Locate:  bindings.Locate,
		Report:  func(err error) { rt.Report(err) },
		Collect: func() { rt.lib.Collect() },
		DieText: func(args []any) error { return rt.lib.DieText(args) },
		Protect: func(f func()) error { return rt.lib.Protect(f) },
		Blame:   func(d *kernel.Dispatch, err error) error { return rt.lib.Blame(d, err) },
		Format:  func(v any) string { return rt.lib.Format(v) },

		Housekeep: func(idle bool, handled uint64) time.Duration {
			wait := sooner(rt.lib.Housekeep(), rt.tables.Housekeep(idle, handled))
			if rt.memory != nil {
				wait = sooner(wait, rt.memory.Housekeep(idle, handled))
			}
			return wait
		},
	}
	if err := rt.chooseLoop(&o, &ko); err != nil {
		return ko, err
	}
	if o.TrimMemory && o.Clock != "simulated" {
		rt.memory = &trimmer{clock: poll.RealClock(), open: rt.host.Handles}
	}
	log, err := rt.openLog(o)
	if err != nil {
		return ko, errors.Join(err, ko.Poller.Close())
	}
	ko.Log = log
	if log != io.Writer(rt.stderr) {
		ko.Warn = func(message string) { fmt.Fprintln(rt.stderr, message) }
	}
	return ko, nil
}

// sooner is the shorter of two waits, of which negative ones are without end.
func sooner(a, b time.Duration) time.Duration {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// simulatedStart is where the simulated clock begins, in Unix seconds.
const simulatedStart = 1_000_000_000

func (rt *Runtime) chooseLoop(o *Options, ko *kernel.Options) error {
	switch o.Clock {
	case "", "real":
		if names := poll.Names(); o.Loop != "" && !slices.Contains(names, o.Loop) {
			return fmt.Errorf("unknown loop '%s' (known: %s)", o.Loop, strings.Join(names, ", "))
		}
		p, err := poll.New(o.Loop)
		if err != nil {
			return err
		}
		ko.Poller = p
	case "simulated":
		if o.Loop != "" {
			return fmt.Errorf("the simulated clock has a loop of its own: no loop can be chosen")
		}
		s := poll.NewSimulated(time.Unix(simulatedStart, 0))
		ko.Poller, ko.Clock = s, s
	default:
		return fmt.Errorf("unknown clock '%s' (known: real, simulated)", o.Clock)
	}
	return nil
}

// openLog finds where traces go.
func (rt *Runtime) openLog(o Options) (io.Writer, error) {
	if o.Trace != nil {
		return o.Trace, nil
	}
	name, ok := rt.host.Getenv("POELUA_TRACE_FILE")
	if !ok || name == "" {
		return rt.stderr, nil
	}
	f, err := rt.host.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("trace file: %w", err)
	}
	rt.trace = f
	rt.late = host.NewLateWriter(f, func(err error) {
		fmt.Fprintf(rt.stderr, "poelua: trace: %v; the program goes on without it\n", err)
	})
	rt.host.AtExit(rt.late.Close)
	return rt.late, nil
}

// configure applies the environment.
func (rt *Runtime) configure() error {
	if list, ok := rt.host.Getenv("POELUA_TRACE"); ok {
		t, err := kernel.ParseTrace(list)
		if err != nil {
			return fmt.Errorf("POELUA_TRACE: %w", err)
		}
		rt.k.SetTrace(t)
	}
	if list, ok := rt.host.Getenv("POELUA_ASSERT"); ok {
		a, err := kernel.ParseAssert(list)
		if err != nil {
			return fmt.Errorf("POELUA_ASSERT: %w", err)
		}
		rt.k.SetAssert(a)
	}
	if v, ok := rt.host.Getenv("POELUA_CATCH_EXCEPTIONS"); ok && (v == "0" || v == "false") {
		if _, err := rt.k.SetOption("catch_exceptions", false); err != nil {
			return err
		}
	}
	return nil
}

func (rt *Runtime) openLua(o Options, stdin *host.Input, stdout *host.Stream) {
	c := interp.Config{
		Host:      rt.host,
		Stdin:     stdin,
		Stdout:    stdout,
		Stderr:    rt.stderr,
		Args:      o.Args,
		Name:      o.Name,
		Program:   o.Program,
		Path:      o.ModulePath,
		Now:       rt.k.Clock().Wall,
		Simulated: o.Clock == "simulated",
		CallDepth: o.Limits.CallDepth,
		Metered:   !o.NoInterrupt || o.Limits.Instructions > 0 || o.Limits.DispatchTime > 0 || o.Profile != nil,
		Limits:    luax.Limits{Instructions: o.Limits.Instructions, Time: o.Limits.DispatchTime},
		Where:     func() string { return rt.lib.Running() },
		Touched:   rt.k.Touch,
		Closing:   func(fd int) { rt.lib.Closing(fd) },
		Started:   rt.k.ProcessStarted,
		Janitor:   rt.tables,
		Collect: func(full bool) {
			if full {
				rt.tables.Full()
			}
		},
		Collected: func() { rt.lib.CloseGarbage() },
	}
	made := interp.New(c)
	l := made.State
	rt.l, rt.meter, rt.coroutines = l, made.Meter, made.Coroutines
	rt.lib = bindings.New(bindings.Config{
		State: l, Kernel: rt.k, Host: rt.host, Guard: made.Guard, Meter: made.Meter, Version: Version,
	})
	rt.tables.Roots, rt.tables.Held = rt.lib.Roots, rt.lib.Held
	pkg := l.GetGlobal("package").(*lua.LTable)
	pkg.RawGetString("loaded").(*lua.LTable).RawSetString("poe", rt.lib.Module())
	preload := pkg.RawGetString("preload").(*lua.LTable)
	_ = fs.WalkDir(scripts.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".lua" {
			module := strings.ReplaceAll(strings.TrimSuffix(name, ".lua"), "/", ".")
			preload.RawSetString(module, l.NewFunction(func(l *lua.LState) int { return loadBuiltin(l, name, module) }))
		}
		return err
	})
}

// loadBuiltin runs a module that ships inside the binary.
func loadBuiltin(l *lua.LState, name, module string) int {
	source, err := scripts.FS.ReadFile(name)
	if err != nil {
		l.RaiseError("module '%s': %s", module, err.Error())
	}
	fn, err := interp.Load(l, module, source)
	if err != nil {
		l.RaiseError("module '%s': %s", module, err.Error())
	}
	l.Push(fn)
	l.Push(lua.LString(module))
	l.Call(1, 1)
	return 1
}

// Filter makes poe.filter.<name>.new{...} of a filter written in Go. build gets the table as Go values: strings, float64s, bools,
// []any and map[string]any; an error of it raises in new. Items that the filter gives may be strings and those values,
// too, filters.Map where an order is to be kept; items that a script puts come to it as such. Before Run. Error: the name is taken.
func (rt *Runtime) Filter(name string, build func(params map[string]any) (filters.Filter, error)) error {
	return rt.lib.AddFilter(name, build)
}

// Prompt makes a prompt on the runtime; Lib, State and Meter of c are set here. Without NoInterrupt, or with a limit, what is typed at it can be
// interrupted. Before Run, or on the loop's goroutine (Kernel().Submit).
func (rt *Runtime) Prompt(c repl.Config) (*repl.Prompt, error) {
	c.Lib, c.State, c.Meter = rt.lib, rt.l, rt.meter
	return repl.New(c)
}

// Kernel is the runtime's kernel.
func (rt *Runtime) Kernel() *kernel.Kernel { return rt.k }

// DoFile compiles and runs a file as a chunk. Sessions that it makes run once Run does, unless it ran the kernel itself. An
// error is a *ScriptError.
func (rt *Runtime) DoFile(name string) error {
	f, err := rt.host.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return rt.unreadable(name, err)
	}
	source, err := io.ReadAll(f)
	f.Close()
	if err != nil {
		return rt.unreadable(name, err)
	}
	return rt.do(name, source)
}

func (rt *Runtime) unreadable(name string, err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return &ScriptError{Message: fmt.Sprintf("%s: %v", name, err), cause: err}
}

// DoString compiles and runs source as a chunk; name is what errors call it.
func (rt *Runtime) DoString(name, source string) error { return rt.do(name, []byte(source)) }

func (rt *Runtime) do(name string, source []byte) error {
	fn, err := interp.Load(rt.l, name, source)
	if err != nil {
		return &ScriptError{Message: err.Error(), cause: err}
	}
	rt.l.Push(fn)
	for _, arg := range rt.args {
		rt.l.Push(lua.LString(arg))
	}
	return rt.call(len(rt.args))
}

// call calls what lies on the stack, as one dispatch.
func (rt *Runtime) call(nargs int) error {
	if rt.meter != nil {
		defer rt.meter.Leave(rt.meter.Enter())
	}
	rt.lib.Guard.State = rt.l
	if err := rt.lib.Guard.Call(rt.l, nargs, 0, true); err != nil {
		return rt.scriptError(err)
	}
	return nil
}

// Require loads a module as the script's require does.
func (rt *Runtime) Require(module string) error {
	rt.l.Push(rt.l.GetGlobal("require"))
	rt.l.Push(lua.LString(module))
	return rt.call(1)
}

// Run runs the kernel until all sessions have stopped or ctx ends. The end of ctx interrupts the handler that runs. An
// error is a *ScriptError, or ctx's.
func (rt *Runtime) Run(ctx context.Context) error {
	rt.lib.Guard.State = rt.l
	if rt.meter != nil {
		defer context.AfterFunc(ctx, func() { rt.meter.Interrupt(ctx.Err().Error()) })()
	}
	err := rt.k.Run(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && strings.Contains(err.Error(), ctx.Err().Error()): // the handler that it interrupted has failed
		return ctx.Err()
	}
	return rt.scriptError(err)
}

// Interrupt raises an error in the handler or the chunk that runs now, also in an endless loop: that ends it, pcall or
// not. Without one, and with the option NoInterrupt, it does nothing. Safe from any goroutine.
func (rt *Runtime) Interrupt(reason string) {
	if rt.meter != nil {
		rt.meter.Interrupt(reason)
	}
}

// Close stops every session, each with its _stop, and gives back what the runtime holds. An error of a _stop is returned.
func (rt *Runtime) Close() error {
	if rt.closed {
		return nil
	}
	rt.closed = true
	rt.lib.Guard.State = rt.l
	err := rt.k.Close()
	if err != nil {
		err = rt.scriptError(err)
	}
	rt.l.Close()
	err = errors.Join(err, rt.profiling.close())
	err = errors.Join(err, rt.host.Close()) // brings out what is pending in files, also for the processes that read it
	rt.host.KillChildren()
	return errors.Join(err, rt.closeTrace())
}

func (rt *Runtime) closeTrace() error {
	if rt.trace == nil {
		return nil
	}
	return rt.trace.Close()
}

// EndSignal is the number of the system's signal that ended the last run, unhandled; 0 if none did.
func (rt *Runtime) EndSignal() int {
	n, _ := host.SignalNumber(rt.k.EndedBy())
	return n
}

// Exit ends the process at once, with its streams in order: no _stop runs.
func (rt *Runtime) Exit(status int) { rt.host.Exit(status) }

// AtExit has f called on every way out, by Close, by Exit and by the script's os.exit, the newest first, each once.
func (rt *Runtime) AtExit(f func()) { rt.host.AtExit(f) }

// ScriptDir is the directory that a script's modules are looked for in first.
func ScriptDir(script string) string { return filepath.Dir(script) }

// DefaultLoop is the name of the platform's best event loop.
func DefaultLoop() string {
	if names := poll.Names(); len(names) > 0 {
		return names[0]
	}
	return "none"
}

// StdinIsTerminal says whether somebody may be typing.
func StdinIsTerminal() bool { return host.IsTerminal(0) }
