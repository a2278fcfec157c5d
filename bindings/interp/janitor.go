package interp

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// Janitor gives back the memory of tables that shrank. A table of gopher-lua remembers each key that it ever had, and its
// maps and its array keep the greatest size that they ever had. The janitor goes through all tables that a program can
// reach, again and again, and makes the wasteful ones anew in their place. What a program can see stays: the table, its
// pairs, their order, and iterations in progress. A key that is set again after its removal may come at the end.
//
// It works in slices, between events, on the loop's goroutine, while no Lua runs. One walk through everything is a cycle.
// New connects a Janitor to its state; until then its fields can be set.
type Janitor struct {
	// Roots yields what a cycle begins with, apart from what the state itself leads to: in portions, of which from names
	// the next. It gives the name of the one after, 0 when there is none; the first is 0. nil: nothing.
	Roots func(from uint64, yield func(lua.LValue)) (next uint64)
	// Held yields what a userdata leads to in Go. nil: nothing.
	Held func(ud *lua.LUserData, yield func(lua.LValue))
	// Now tells how much time has passed. nil: the time since the start of the program.
	Now func() time.Duration

	l         *lua.LState
	simulated bool
	sizes     sizes
	cursors   cursors

	cycling bool
	idle    bool          // what is done now may take longer than a slice
	running bool          // Lua is running, up to a call of Full: Go functions may hold arrays
	eager   bool          // everything is to be done at once
	looked  time.Duration // when it was last looked how much is in use

	root  int    // where the next root comes from
	from  uint64 // the portion of Roots
	full  bool   // seen was full; then it came from where the next cycle begins
	again struct {
		root int
		from uint64
	}
	stack []visit
	later []lua.LValue // what did not fit on the stack
	seen  marks
	job   job
	peaks map[uintptr]*peak
	owed  []weak.Pointer[lua.LTable] // tables whose maps are to be made anew when nothing else is to be done

	freed     int         // bytes, by estimate, since Go was last asked to give them to the system
	found     int         // what the last cycle freed
	before    int         // freed when this one began
	asking    atomic.Bool // it is being asked
	lookedAt  uint64      // events when it was last looked how much is in use
	allocated uint64      // bytes ever allocated by then
	perEvent  uint64      // bytes that an event has allocated of late

	base     uint64        // bytes in use when the last cycle ended, or fewer since
	heap     uint64        // bytes in use when this cycle began
	ended    time.Duration // the last cycle
	took     time.Duration // it, all slices together
	handled  uint64        // events when it began
	sliced   time.Duration // when the last slice ended
	slice    time.Duration // how long that was
	finished int           // cycles
}

const (
	sliceMost   = 500 * time.Microsecond
	pressedMost = 10 * time.Millisecond
	busyShare   = 10 // while events wait, one part in so many of the time is the janitor's
	idleShare   = 20 // the same for cycles while nothing happens
	idleLeast   = time.Second
	growth      = 16 << 20             // bytes by which the heap must have grown for a cycle to begin, garbage included
	growthShare = 4                    // or one part in so many, if that is more
	lookLeast   = 2 * time.Millisecond // between looks at how much is in use: they take as long as an event
	pressure    = 32 << 20             // bytes by which the heap may grow in a cycle before the janitor takes more of the time
	// pressingKeys is how many keys of a wasteful table may be left before it takes more of the time, too.
	pressingKeys = 1 << 15
	// simulatedGrowth is growth under the simulated clock. There a run is to repeat exactly, and when a cycle begins is
	// not exact; so only programs that need it have one.
	simulatedGrowth = 48 << 20
	freedMuch       = 16 << 20
	// wastes is how much an event allocates after each of which it is looked whether something is to be done.
	wastes = 1 << 19

	stackLimit = 1 << 16
	laterLimit = 1 << 10
	seenLimit  = 1 << 21
	owedLimit  = 1 << 8
	peaksLimit = 1 << 12

	wasteLeast = 32 // keys without a value that a table may keep
	portion    = 64 // values between looks at the clock
)

func (j *Janitor) open(l *lua.LState, simulated bool) {
	j.l, j.simulated, j.sizes = l, simulated, bearable
	if j.Now == nil {
		start := time.Now()
		j.Now = func() time.Duration { return time.Since(start) }
	}
	j.ended = j.Now()
	j.base, j.allocated = memory()
	j.perEvent = wastes // until it is known
}

// Housekeep does a slice of work if there is any. It is called between events: with idle if nothing is due and no handle
// is ready. handled is the number of events that were handled so far. The result is after how long it wants to be called
// again, if nothing happens until then; 0 is at once, after a look at what may have become ready meanwhile, and negative
// is when something has happened.
func (j *Janitor) Housekeep(idle bool, handled uint64) time.Duration {
	now := j.Now()
	if idle && !j.cycling && j.settleDebts() {
		return 0
	}
	if !j.cycling {
		if wait := j.wait(idle, now, handled); wait != 0 {
			return j.soon(idle, wait)
		}
		j.begin(handled)
	}
	pressed := j.pressed()
	if !idle && !pressed {
		if rest := j.sliced + (busyShare-1)*j.slice - now; rest > 0 {
			return rest
		}
	}
	j.idle = idle
	most := sliceMost
	if pressed {
		most = max(most, min(now-j.sliced, pressedMost)) // as long as the handlers took: it is their waste
	}
	j.work(now + most)
	j.idle = false
	j.sliced = j.Now()
	j.slice = j.sliced - now
	j.took += j.slice
	if !j.cycling {
		j.ended = j.sliced
		return j.soon(idle, j.wait(idle, j.sliced, handled))
	}
	if idle || pressed {
		return 0
	}
	return (busyShare - 1) * j.slice
}

// pressed says that the janitor must not fall behind: a table with much waste may be growing all the time, or everything
// else is.
func (j *Janitor) pressed() bool {
	if b := &j.job; b.t != nil && (b.pressing || len(luax.Inside(b.t).Keys)-b.read > pressingKeys) {
		b.pressing = true // to its end, or it would never catch up with what is added meanwhile
		return true
	}
	return max(j.found, j.freed-j.before) >= freedMuch/4 && bytesInUse() > j.heap+pressure
}

// wait is how long the next cycle has time; 0 if it is to begin now, negative if it waits for something to happen.
func (j *Janitor) wait(idle bool, now time.Duration, handled uint64) time.Duration {
	if now-j.looked >= lookLeast {
		j.looked = now
		used, allocated := memory()
		if events := handled - j.lookedAt; events > 0 {
			j.perEvent = (allocated - j.allocated) / events
		}
		j.lookedAt, j.allocated = handled, allocated
		j.base = min(j.base, used)
		least := uint64(growth)
		if j.simulated {
			least = simulatedGrowth
		}
		share := time.Duration(idleShare)
		if j.found >= freedMuch/4 {
			share = 1 // it was worth while
		}
		if used-j.base >= max(least, j.base/growthShare) && now-j.ended >= share*j.took {
			return 0
		}
	}
	if !idle || j.simulated || handled == j.handled {
		return -1
	}
	return max(0, j.ended+max(idleLeast, idleShare*j.took)-now)
}

// soon is after how long the janitor looks again while events wait, if it has nothing to do: where an event may waste much,
// before many of them.
func (j *Janitor) soon(idle bool, wait time.Duration) time.Duration {
	switch {
	case idle:
	case j.perEvent >= wastes:
		return 0
	case j.perEvent >= wastes/8:
		return 1
	}
	return wait
}

// Full does a whole cycle at once. Unlike Housekeep it may be called while Lua runs.
func (j *Janitor) Full() {
	if j.running {
		return
	}
	start := j.Now()
	j.running, j.eager = true, true
	if j.cycling {
		j.work(math.MaxInt64)
	}
	j.begin(j.handled)
	j.work(math.MaxInt64)
	j.running, j.eager = false, false
	j.ended = j.Now()
	j.took = j.ended - start
}

func (j *Janitor) begin(handled uint64) {
	j.cycling, j.root, j.from = true, rootState, 0
	if j.full {
		j.full, j.root, j.from = false, j.again.root, j.again.from
	}
	j.took, j.handled, j.heap, j.before = 0, handled, bytesInUse(), j.freed
	j.cursors.sweep()
	for a, p := range j.peaks {
		if p.table.Value() == nil {
			delete(j.peaks, a)
		}
	}
}

func (j *Janitor) end() {
	j.cycling = false
	j.finished++
	j.stack, j.later, j.seen = nil, nil, marks{}
	j.base = bytesInUse()
	j.found = j.freed - j.before
	j.giveBack()
}

// giveBack asks Go to give the system what it no longer needs. It collects for that, on a goroutine of its own.
func (j *Janitor) giveBack() {
	if j.freed < freedMuch || !j.idle || !j.asking.CompareAndSwap(false, true) {
		return
	}
	j.freed = 0
	go func() {
		debug.FreeOSMemory()
		j.asking.Store(false)
	}()
}

// work goes on with the cycle until it is done or the time has come.
func (j *Janitor) work(until time.Duration) {
	j.cursors.settle()
	for {
		for done := 0; done < portion; {
			n := j.step()
			if n == 0 {
				j.end()
				return
			}
			done += n
		}
		if j.Now() >= until {
			return
		}
	}
}

// step does a little. It gives how much in values looked at, 0 if the cycle is done.
func (j *Janitor) step() int {
	switch {
	case j.job.t != nil:
		return j.continueJob()
	case len(j.stack) > 0:
		return j.continueVisit()
	case len(j.later) > 0:
		j.stack = append(j.stack, visit{object: j.later[len(j.later)-1]})
		j.later = j.later[:len(j.later)-1]
		return 1
	default:
		return j.nextRoots()
	}
}

// memory is the size of the heap, what is alive and what has become garbage since Go last collected, and how much was ever
// allocated.
func memory() (used, allocated uint64) {
	samples := [2]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples[:])
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}

func bytesInUse() uint64 {
	used, _ := memory()
	return used
}
