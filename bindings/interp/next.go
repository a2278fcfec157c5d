package interp

import (
	"reflect"
	"slices"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// openNext replaces next and pairs. gopher-lua's start again when they are given a key that the table never had, and look
// up twice a key whose place they could know.
//
// Differs: a whole number up to the capacity of a table's array part is never an invalid key, and the error about one that
// is tells the caller's line.
func openNext(l *lua.LState, c *cursors) {
	next := l.NewFunction(c.next)
	l.SetGlobal("next", next)
	l.SetGlobal("pairs", l.NewFunction(func(l *lua.LState) int {
		t, ok := l.Get(1).(*lua.LTable)
		if !ok {
			luax.Args{L: l, Name: "pairs"}.Fail(1, "table")
		}
		l.Push(next)
		l.Push(t)
		l.Push(lua.LNil)
		return 3
	}))
}

// cursors are the iterations in progress, as far as they have got to keys that are not in array parts. The
// janitor asks for them: a key that a program may still give to next has to keep its place, also when its value is gone.
//
// The latest are in recent, the most recent first, and cost nothing but a comparison. One that is pushed out of there,
// since other tables were iterated over meanwhile, is parked. An iteration that was left by break is not to be told from
// one that will go on; so there are bounds, and the oldest are given up.
type cursors struct {
	recent [4]cursor
	parked map[uintptr]*parking // by the table's address
	stamp  uint64
	reach  int // how long the longest array part was that the janitor has cut; next allows for keys up to there
}

// cursor is n iterations of a table that are at the same place in Keys. A zero one is none.
type cursor struct {
	t     *lua.LTable
	place int
	n     int
}

// parking is the cursors of one table that are not in recent, in the order of their coming. It does not keep the table.
type parking struct {
	table weak.Pointer[lua.LTable]
	stamp uint64 // greater in one that was made later
	keys  []parkedKey
}

type parkedKey struct {
	key lua.LValue
	n   int
}

const (
	parkedTables = 8192
	parkedKeys   = 16 // of one table
)

// next is the function next.
func (c *cursors) next(l *lua.LState) int {
	t, ok := l.Get(1).(*lua.LTable)
	if !ok {
		luax.Args{L: l, Name: "next"}.Fail(1, "table")
	}
	key, value, ok := c.step(t, l.Get(2))
	if !ok {
		l.RaiseError("invalid key to 'next'")
	}
	l.Push(key)
	if value == nil {
		return 1
	}
	l.Push(value)
	return 2
}

// step gives the pair after key: nil and no value after the last. It is not ok if the table is not known to have had the
// key.
func (c *cursors) step(t *lua.LTable, key lua.LValue) (next, value lua.LValue, ok bool) {
	in := luax.Inside(t)
	if r := &c.recent[0]; r.t == t && r.place < len(in.Keys) && in.Keys[r.place] == key {
		next, value = c.advance(in, r)
		return next, value, true
	}
	i := 0
	switch k := key.(type) {
	case *lua.LNilType:
	case lua.LNumber:
		if i = arrayKey(k); i > len(in.Array) && i > cap(in.Array) && i > c.reach {
			return lua.LNil, nil, false
		}
	default:
		i = -1
	}
	if i < 0 {
		return c.resume(t, in, key)
	}
	for ; i < len(in.Array); i++ {
		if v := in.Array[i]; v != lua.LNil {
			return smallNumber(i + 1), v, true
		}
	}
	next, value = c.begin(t, in)
	return next, value, true
}

// arrayKey is the place after a key of the array part; negative if it is no such key.
func arrayKey(k lua.LNumber) int {
	if i := int(k); i >= 1 && i < lua.MaxArrayIndex && lua.LNumber(i) == k {
		return i
	}
	return -1
}

// begin gives the first pair beyond the array part.
func (c *cursors) begin(t *lua.LTable, in *luax.Table) (key, value lua.LValue) {
	place, value := scan(in, 0)
	if value == nil {
		return lua.LNil, nil
	}
	if r := &c.recent[0]; r.t == t && r.place == place {
		r.n++ // next is often asked just for this
	} else {
		c.push(cursor{t, place, 1})
	}
	return in.Keys[place], value
}

// advance moves a cursor to the next pair, or takes it out after the last.
func (c *cursors) advance(in *luax.Table, r *cursor) (key, value lua.LValue) {
	if r.n > 1 {
		c.park(r.t, in.Keys[r.place], r.n-1)
		r.n = 1
	}
	if r.place, value = scan(in, r.place+1); value == nil {
		*r = cursor{}
		return lua.LNil, nil
	}
	return in.Keys[r.place], value
}

// resume is step for a key whose place the first cursor does not tell.
func (c *cursors) resume(t *lua.LTable, in *luax.Table, key lua.LValue) (next, value lua.LValue, ok bool) {
	for i := 1; i < len(c.recent); i++ {
		if r := c.recent[i]; r.t == t && r.place < len(in.Keys) && in.Keys[r.place] == key {
			copy(c.recent[1:], c.recent[:i])
			c.recent[0] = r
			next, value = c.advance(in, &c.recent[0])
			return next, value, true
		}
	}
	place, ok := in.Index[key]
	if !ok {
		return lua.LNil, nil, false
	}
	if len(c.parked) > 0 {
		c.unpark(t, key)
	}
	if place, value = scan(in, place+1); value == nil {
		return lua.LNil, nil, true
	}
	c.push(cursor{t, place, 1})
	return in.Keys[place], value, true
}

// scan finds the first key from a place on that has a value. Without one the value is nil.
func scan(in *luax.Table, place int) (int, lua.LValue) {
	for ; place < len(in.Keys); place++ {
		if v := field(in, in.Keys[place]); v != nil {
			return place, v
		}
	}
	return place, nil
}

// field is the value of a key that is not in the array part, nil if it has none.
func field(in *luax.Table, key lua.LValue) lua.LValue {
	if s, ok := key.(lua.LString); ok {
		return in.Strings[string(s)]
	}
	return in.Others[key]
}

// push makes a cursor the most recent one.
func (c *cursors) push(r cursor) {
	last := len(c.recent) - 1
	if c.recent[0].t != nil {
		if old := c.recent[last]; old.t != nil {
			c.put(old)
		}
		copy(c.recent[1:], c.recent[:last])
	}
	c.recent[0] = r
}

// put parks a cursor.
func (c *cursors) put(r cursor) {
	if in := luax.Inside(r.t); r.place < len(in.Keys) {
		c.park(r.t, in.Keys[r.place], r.n)
	}
}

// settle parks all cursors, so that they are known by their keys and not by places.
func (c *cursors) settle() {
	for i := range c.recent {
		if c.recent[i].t != nil {
			c.put(c.recent[i])
			c.recent[i] = cursor{}
		}
	}
}

func (c *cursors) park(t *lua.LTable, key lua.LValue, n int) {
	p := c.find(t)
	if p == nil {
		if len(c.parked) >= parkedTables {
			c.thin()
		}
		if c.parked == nil {
			c.parked = map[uintptr]*parking{}
		}
		c.stamp++
		p = &parking{table: weak.Make(t), stamp: c.stamp}
		c.parked[address(t)] = p
	}
	if i := p.index(key); i >= 0 {
		n += p.keys[i].n
		p.keys = slices.Delete(p.keys, i, i+1)
	} else if len(p.keys) == parkedKeys {
		p.keys = slices.Delete(p.keys, 0, 1)
	}
	p.keys = append(p.keys, parkedKey{key, n})
}

// unpark takes one parked cursor out, if there is one with this key.
func (c *cursors) unpark(t *lua.LTable, key lua.LValue) {
	p := c.find(t)
	if p == nil {
		return
	}
	i := p.index(key)
	if i < 0 {
		return
	}
	if p.keys[i].n--; p.keys[i].n > 0 {
		return
	}
	if p.keys = slices.Delete(p.keys, i, i+1); len(p.keys) == 0 {
		delete(c.parked, address(t))
	}
}

// find gives the parking of a table. What another table has left that was at the same address is no longer of use.
func (c *cursors) find(t *lua.LTable) *parking {
	p := c.parked[address(t)]
	if p == nil || p.table.Value() != t {
		return nil
	}
	return p
}

func (p *parking) index(key lua.LValue) int {
	return slices.IndexFunc(p.keys, func(k parkedKey) bool { return k.key == key })
}

// keys are the keys of a table's cursors. All must be parked.
func (c *cursors) keys(t *lua.LTable) []parkedKey {
	if p := c.find(t); p != nil {
		return p.keys
	}
	return nil
}

// sweep forgets the cursors of tables that are gone.
func (c *cursors) sweep() {
	for a, p := range c.parked {
		if p.table.Value() == nil {
			delete(c.parked, a)
		}
	}
}

// thin makes room for more tables: it forgets the older half of them.
func (c *cursors) thin() {
	c.sweep()
	if len(c.parked) < parkedTables {
		return
	}
	stamps := make([]uint64, 0, len(c.parked))
	for _, p := range c.parked {
		stamps = append(stamps, p.stamp)
	}
	slices.Sort(stamps)
	middle := stamps[len(stamps)/2]
	for a, p := range c.parked {
		if p.stamp < middle {
			delete(c.parked, a)
		}
	}
}

// address tells one object from another as long as both exist.
func address(object any) uintptr { return reflect.ValueOf(object).Pointer() }
