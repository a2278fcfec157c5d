package interp

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"slices"
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

// sizes say what may be done in one step.
type sizes struct {
	table     int // pairs of a table that is made anew at once
	keys      int // keys that such a table may have had
	idleTable int // pairs of one whose maps are made anew at once while nothing else is to be done
	array     int // values of an array that is copied at once
	idleArray int // the same while nothing else is to be done
}

// bearable sizes keep a step well below a millisecond, and one while nothing else is to be done near 20.
var bearable = sizes{table: 2048, keys: 1 << 14, idleTable: 1 << 15, array: 1 << 16, idleArray: 1 << 20}

// visit is an object that is being gone through. at is how far: 0 not begun, else the number of places plus one, first
// those of the array part, then those of Keys up to end: what comes later is for the next cycle.
type visit struct {
	object lua.LValue
	at     int
	end    int
}

// peak is the most pairs that a large table was seen with since its maps were made.
type peak struct {
	table weak.Pointer[lua.LTable]
	pairs int
}

// The sources of roots.
const (
	rootState = iota
	rootSessions
	rootEnd
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

func (j *Janitor) nextRoots() int {
	switch j.root {
	case rootState:
		j.reach(j.l.G.Registry)
		j.reach(j.l.G.Global)
		for _, v := range []lua.LValue{lua.LNil, lua.LTrue, lua.LNumber(0), lua.LString(""), (*lua.LFunction)(nil), (*lua.LState)(nil)} {
			j.reach(j.l.GetMetatable(v))
		}
	case rootSessions:
		if j.Roots != nil {
			if j.from = j.Roots(j.from, j.reach); j.from != 0 {
				return 8
			}
		}
	default:
		return 0
	}
	j.root++
	return 8
}

// reach takes up an object that this cycle has not come to yet.
func (j *Janitor) reach(v lua.LValue) {
	switch v := v.(type) {
	case *lua.LTable, *lua.LFunction, *lua.LUserData, *lua.LState:
		switch full := len(j.stack) >= stackLimit; {
		case full && len(j.later) >= laterLimit:
			// Another cycle may come to it another way.
		case j.seen.n >= seenLimit:
			if !j.full {
				j.full, j.again.root, j.again.from = true, j.root, j.from
			}
		case !j.seen.add(address(v)):
		case full:
			j.later = append(j.later, v)
		default:
			j.stack = append(j.stack, visit{object: v})
		}
	}
}

// continueVisit goes on with the object on top of the stack.
func (j *Janitor) continueVisit() int {
	top := len(j.stack) - 1
	v := &j.stack[top]
	if t, ok := v.object.(*lua.LTable); ok {
		if v.at == 0 {
			if n := j.examine(t); n > 0 {
				return n
			}
			j.enter(t)
			return 4
		}
		return j.visitTable(top, t)
	}
	object := v.object
	j.stack = j.stack[:top]
	switch o := object.(type) {
	case *lua.LFunction:
		j.reachTable(o.Env)
		for _, up := range o.Upvalues {
			if up != nil {
				j.reach(up.Value())
			}
		}
		return 4 + len(o.Upvalues)
	case *lua.LUserData:
		j.reachTable(o.Env)
		j.reach(o.Metatable)
		if j.Held != nil {
			j.Held(o, j.reach)
		}
	case *lua.LState:
		j.reachTable(o.Env)
		if co := luax.AsCoroutine(o); co != nil {
			co.Hold(j.reach)
		}
	}
	return 4
}

func (j *Janitor) reachTable(t *lua.LTable) {
	if t != nil {
		j.reach(t)
	}
}

// enter begins to go through the table on top of the stack, which has been examined.
func (j *Janitor) enter(t *lua.LTable) {
	v := &j.stack[len(j.stack)-1]
	v.at, v.end = 1, len(luax.Inside(t).Keys)
	j.reach(t.Metatable)
}

// visitTable goes through the next places of a table.
func (j *Janitor) visitTable(top int, t *lua.LTable) int {
	in := luax.Inside(t)
	at, n := j.stack[top].at-1, len(in.Array)
	last := n + min(j.stack[top].end, len(in.Keys))
	end := at + portion
	for ; at < min(end, n); at++ {
		j.reach(in.Array[at])
	}
	for ; at >= n && at < min(end, last); at++ {
		key := in.Keys[at-n]
		if value := field(in, key); value != nil {
			j.reach(key)
			j.reach(value)
		}
	}
	j.stack[top].at = at + 1
	if at >= last {
		j.stack = slices.Delete(j.stack, top, top+1) // what it led to lies above
	}
	return portion / 2
}

// examine does what a table needs before it is gone through. A number above 0 says that this was a good deal of work, and
// that it is to be asked again.
func (j *Janitor) examine(t *lua.LTable) int {
	in := luax.Inside(t)
	if !j.running {
		if n := j.trim(in); n > 0 {
			return n
		}
	}
	live := len(in.Strings) + len(in.Others)
	dead := len(in.Keys) - live
	wasteful := dead > wasteLeast && dead > live
	shrunk := j.shrunk(t, live)
	switch {
	case !wasteful && !shrunk:
	case j.eager || live == 0 || live <= j.sizes.table && len(in.Keys) <= j.sizes.keys:
		j.rebuild(t)
		return portion
	case wasteful:
		j.job = job{t: t}
		return 1
	case j.idle && live <= j.sizes.idleTable:
		j.rebuild(t)
		return portion
	default:
		j.owe(t)
	}
	return 0
}

// trim cuts what is nil at the end of an array part, a bounded length at a time, and gives back what was reserved for
// much more. Nothing can be done about values that are nil at its beginning: gopher-lua looks for these keys there only.
func (j *Janitor) trim(in *luax.Table) int {
	n := len(in.Array)
	for n > 0 && len(in.Array)-n < j.sizes.array && in.Array[n-1] == lua.LNil {
		n--
	}
	more := n > 0 && in.Array[n-1] == lua.LNil
	done := len(in.Array) - n
	in.Array = in.Array[:n]
	if more {
		return portion
	}
	if room := cap(in.Array); room > 4*n+64 && (n <= j.sizes.array || j.idle && n <= j.sizes.idleArray) {
		var smaller []lua.LValue
		if n > 0 {
			smaller = slices.Clone(in.Array)
		}
		j.cursors.reach = max(j.cursors.reach, room)
		in.Array = smaller
		j.freed += (room - cap(smaller)) * 16
		return portion
	}
	if done < portion {
		return 0
	}
	return portion
}

// shrunk says whether a table that was large had more than four times the pairs when it was last looked at.
func (j *Janitor) shrunk(t *lua.LTable, live int) bool {
	p := j.peaks[address(t)]
	if p != nil && p.table.Value() != t {
		p = nil
	}
	switch {
	case p == nil && live > j.sizes.table && len(j.peaks) < peaksLimit:
		if j.peaks == nil {
			j.peaks = map[uintptr]*peak{}
		}
		j.peaks[address(t)] = &peak{weak.Make(t), live}
	case p != nil && live > p.pairs:
		p.pairs = live
	case p != nil:
		return p.pairs > 4*live
	}
	return false
}

// owe remembers a table for when nothing else is to be done.
func (j *Janitor) owe(t *lua.LTable) {
	if w := weak.Make(t); len(j.owed) < owedLimit && !slices.Contains(j.owed, w) {
		j.owed = append(j.owed, w)
	}
}

// settleDebts makes one of the tables anew that were too large for a slice. Those that are still too large wait for
// another cycle.
func (j *Janitor) settleDebts() bool {
	for len(j.owed) > 0 {
		last := len(j.owed) - 1
		t := j.owed[last].Value()
		j.owed = j.owed[:last]
		if t == nil {
			continue
		}
		in := luax.Inside(t)
		if live := len(in.Strings) + len(in.Others); live <= j.sizes.idleTable && j.shrunk(t, live) {
			j.cursors.settle()
			j.rebuild(t)
			return true
		}
	}
	return false
}

// rebuild makes the parts of a table that are not its array part anew, in the size that they need. Keys that iterations
// have come to keep their places among the others, also when their values are gone.
func (j *Janitor) rebuild(t *lua.LTable) {
	in := luax.Inside(t)
	had := len(in.Keys)
	if p := j.peaks[address(t)]; p != nil {
		had = max(had, p.pairs)
		delete(j.peaks, address(t))
	}
	keys := j.keysInOrder(t, in)
	fresh := luax.Table{Metatable: in.Metatable, Array: in.Array}
	if n := len(in.Strings); n > 0 {
		fresh.Strings = make(map[string]lua.LValue, n)
	}
	if n := len(in.Others); n > 0 {
		fresh.Others = make(map[lua.LValue]lua.LValue, n)
	}
	fresh.Keys = keys
	fresh.Index = make(map[lua.LValue]int, len(keys))
	for i, key := range keys {
		fresh.Index[key] = i
		value := field(in, key)
		if s, ok := key.(lua.LString); value != nil && ok {
			fresh.Strings[string(s)] = value
		} else if value != nil {
			fresh.Others[key] = value
		}
	}
	*in = fresh
	j.freed += (had - len(keys)) * pairBytes
}

// keysInOrder are the keys of a table that are to be kept, in the order of next. If most of Keys are without values it
// begins with the maps: to go through their empty places is faster.
func (j *Janitor) keysInOrder(t *lua.LTable, in *luax.Table) []lua.LValue {
	live := len(in.Strings) + len(in.Others)
	cursors := j.cursors.keys(t)
	keys := make([]lua.LValue, 0, live+len(cursors))
	if len(in.Keys) <= 8*live {
		for _, key := range in.Keys {
			if field(in, key) != nil || isParked(cursors, key) {
				keys = append(keys, key)
			}
		}
		return keys
	}
	places := make([]int, 0, live+len(cursors))
	add := func(key lua.LValue) {
		if place, ok := in.Index[key]; ok {
			places = append(places, place)
		}
	}
	if len(in.Strings) > 0 {
		for s := range in.Strings {
			add(lua.LString(s))
		}
	}
	if len(in.Others) > 0 {
		for key := range in.Others {
			add(key)
		}
	}
	for _, k := range cursors {
		if field(in, k.key) == nil {
			add(k.key)
		}
	}
	slices.Sort(places)
	for _, place := range places {
		keys = append(keys, in.Keys[place])
	}
	return keys
}

func isParked(cursors []parkedKey, key lua.LValue) bool {
	return slices.ContainsFunc(cursors, func(k parkedKey) bool { return k.key == key })
}

// pairBytes is about what a key takes in Keys, Index and the map of values.
const pairBytes = 100

// job is the work on a table that is too large to be made anew at once. At each end of a slice the table is in order, and
// handlers can change it.
//
// First its Keys are moved together: those before write are done, those from write to read are holes, those from read on
// are still to be looked at. A hole is lua.LNil, which no key is and which has no value. Then, if Index was made for many
// more, another is filled: as long as the janitor does not touch them, Keys only grow at their end.
type job struct {
	t           *lua.LTable
	pressing    bool
	read, write int
	filled      int                // keys in the other Index
	index       map[lua.LValue]int // the other Index; nil before there is one
}

func (j *Janitor) continueJob() int {
	b := &j.job
	in := luax.Inside(b.t)
	done := false
	switch {
	case len(in.Keys) < max(b.read, b.filled): // somebody has made another table of it
		done = true
	case b.index != nil:
		done = b.fillIndex(in)
	case j.moveKeys(b, in):
		done = j.cutKeys(b, in)
	}
	if done {
		t := b.t
		j.job = job{}
		j.enter(t)
		if j.shrunk(t, len(in.Strings)+len(in.Others)) {
			j.owe(t)
		}
	}
	return portion
}

// moveKeys moves some keys down to their places.
func (j *Janitor) moveKeys(b *job, in *luax.Table) (done bool) {
	cursors := j.cursors.keys(b.t)
	for end := min(b.read+portion, len(in.Keys)); b.read < end; b.read++ {
		key := in.Keys[b.read]
		if field(in, key) == nil && !isParked(cursors, key) {
			delete(in.Index, key)
			in.Keys[b.read] = lua.LNil
			continue
		}
		if b.write < b.read {
			in.Keys[b.write], in.Keys[b.read] = key, lua.LNil
			in.Index[key] = b.write
		}
		b.write++
	}
	return b.read == len(in.Keys)
}

// cutKeys ends the moving. If little is left, or the other Index need not be, that was all.
func (j *Janitor) cutKeys(b *job, in *luax.Table) (done bool) {
	n, had := b.write, b.read
	in.Keys = in.Keys[:n]
	if len(in.Strings)+len(in.Others) <= j.sizes.table {
		j.rebuild(b.t)
		return true
	}
	if cap(in.Keys) > 2*n+64 && (n <= j.sizes.array || j.idle && n <= j.sizes.idleArray) {
		in.Keys = slices.Clone(in.Keys)
	}
	j.freed += (had - n) * pairBytes / 2
	b.read, b.write = 0, 0
	if had > 4*n {
		b.index = map[lua.LValue]int{} // it grows by and by: room for all at once would have to be cleared at once
	}
	return b.index == nil
}

// fillIndex puts some more keys into the other Index, and changes over to it after the last.
func (b *job) fillIndex(in *luax.Table) (done bool) {
	for end := min(b.filled+portion, len(in.Keys)); b.filled < end; b.filled++ {
		b.index[in.Keys[b.filled]] = b.filled
	}
	if b.filled < len(in.Keys) {
		return false
	}
	in.Index = b.index
	return true
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

// marks is a set of addresses. It consists of many small tables, so that none takes long to grow.
type marks struct {
	parts  [256][]uintptr // each with a length that is a power of two; 0 is a free place
	counts [256]int
	n      int
}

// add is false if the address was there already.
func (m *marks) add(a uintptr) bool {
	h := uint64(a) * 0x9e3779b97f4a7c15
	part := h >> 56
	p := m.parts[part]
	if 4*m.counts[part] >= 3*len(p) {
		old := p
		p = make([]uintptr, max(16, 2*len(old)))
		for _, b := range old {
			if b != 0 {
				p[freePlace(p, b)] = b
			}
		}
		m.parts[part] = p
	}
	i := freePlace(p, a)
	if p[i] == a {
		return false
	}
	p[i] = a
	m.counts[part]++
	m.n++
	return true
}

// freePlace is where an address is, or would be.
func freePlace(p []uintptr, a uintptr) int {
	mask := len(p) - 1
	for i := int(uint64(a)*0x9e3779b97f4a7c15>>24) & mask; ; i = (i + 1) & mask {
		if p[i] == 0 || p[i] == a {
			return i
		}
	}
}
