package interp

import (
	"slices"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
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

// peak is the most pairs that a large table was seen with since its maps were made.
type peak struct {
	table weak.Pointer[lua.LTable]
	pairs int
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
