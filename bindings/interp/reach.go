package interp

import (
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// visit is an object that is being gone through. at is how far: 0 not begun, else the number of places plus one, first
// those of the array part, then those of Keys up to end: what comes later is for the next cycle.
type visit struct {
	object lua.LValue
	at     int
	end    int
}

// The sources of roots.
const (
	rootState = iota
	rootSessions
	rootEnd
)

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
