package runtime

import (
	"io"
	"time"
)

// Options of a runtime. The zero value has the defaults of the command poelua, but for Idle and CatchSignals, which the
// command sets.
type Options struct {
	Args    []string // the script's arg
	Name    string   // arg[0], the script's name; "" none
	Program string   // arg[-1], what runs the script; "" none

	Stdin          io.Reader // what io.read and io.stdin use; nil: the process's
	Stdout, Stderr io.Writer // what print, io.write and reports of errors use; nil: the process's

	Loop  string // "epoll", "kqueue", "poll"; "" the platform's best
	Clock string // "real", also ""; "simulated": time jumps to the next due event

	// Idle sends the signals IDLE and ZOMBIE when only aliases hold the sessions that are left. Off by default: Go
	// may post at any time, so such sessions are waiting.
	Idle bool
	// CatchSignals always catches INT and TERM, so that they reach sessions and end the program in order, and QUIT,
	// which shows what the program is doing.
	CatchSignals bool
	// OnInterrupt is asked about each INT of the system first, on a goroutine other than the loop's: true says that it is dealt
	// with, and no session hears of it. A prompt interrupts an evaluation so. nil: nobody is asked.
	OnInterrupt func() bool

	// TrimMemory gives memory that has become garbage back to the system when nothing has happened for a third of a second. It
	// acts on the whole process; the command sets it.
	TrimMemory bool

	// NoInterrupt makes Interrupt and the end of Run's context wait for the end of the handler that runs. Pure Lua code is up
	// to 1.2 times as fast then. A limit takes precedence.
	NoInterrupt bool
	Limits      Limits

	ModulePath []string // directories where require looks, before LUA_PATH and the working directory

	Trace io.Writer // where traces go; nil: POELUA_TRACE_FILE, else Stderr
	Stats bool      // measure what WriteStats shows

	// Profile gets, on every way out, a profile of Lua functions, events and sessions for go tool pprof, by the time
	// they took. It is measured with what interrupts handlers, so NoInterrupt has no effect; pure Lua code takes up to
	// 1.3 times as long. nil: none.
	Profile io.Writer
	// TraceJSON gets each dispatch as it happens, in the JSON format for traces that Perfetto and Chrome read. nil:
	// none.
	TraceJSON io.Writer
}

// Limits of what a script may use; zero means no limit, but for CallDepth. To pass one is an error in the handler that does: pcall cannot
// keep it, and the program goes on as after any error of a handler.
type Limits struct {
	Instructions int64         // of Lua's virtual machine, for each dispatch of an event, each run of a chunk, and require
	DispatchTime time.Duration // for the same, by the clock on the wall
	CallDepth    int           // Lua calls within Lua calls; 0: 2,000. The command has 20,000. In a coroutine it is 2,000.
}
