package interp

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// tableLib is the library table of one Lua state.
type tableLib struct {
	guard   *luax.Guard
	cursors *cursors
}

// openTable makes the library table of Lua 5.1, and unpack. pack, unpack and move are there as in later Lua.
//
// Differs: the integers from 1 to 2^24-1 are all there is room for in a table's array; what would push values out of it
// raises "table is full". unpack gives as many values as the stack takes, not 8,000.
func openTable(l *lua.LState, g *luax.Guard, c *cursors) {
	o := tableLib{g, c}
	t := l.RegisterModule(lua.TabLibName, map[string]lua.LGFunction{
		"concat":   tableConcat,
		"foreach":  o.foreach,
		"foreachi": tableForeachi,
		"getn":     tableGetn,
		"insert":   tableInsert,
		"maxn":     tableMaxn,
		"move":     tableMove,
		"pack":     tablePack,
		"remove":   tableRemove,
		"setn":     tableSetn,
		"sort":     tableSort,
		"unpack":   o.unpack,
	}).(*lua.LTable)
	l.SetGlobal("unpack", t.RawGetString("unpack"))
}

// length is the border that # gives.
func length(t *luax.Table) int {
	n := len(t.Array)
	for n > 0 && t.Array[n-1] == lua.LNil {
		n--
	}
	return n
}

// item is the value at an integer.
func item(t *luax.Table, i int) lua.LValue {
	switch {
	case 0 < i && i <= len(t.Array):
		return t.Array[i-1]
	case 0 < i && i < lua.MaxArrayIndex:
		return lua.LNil
	}
	if v, ok := t.Others[lua.LNumber(i)]; ok {
		return v
	}
	return lua.LNil
}

// put sets the value at an integer. A nil where there is nothing does not make the array grow.
func put(t *lua.LTable, i int, v lua.LValue) {
	if v != lua.LNil || item(luax.Inside(t), i) != lua.LNil {
		t.RawSetInt(i, v)
	}
}

// mustHaveRoom raises when the array cannot have n values.
func mustHaveRoom(l *lua.LState, n int) {
	if n >= lua.MaxArrayIndex {
		l.RaiseError("table is full")
	}
}

// arrayStart is how many values an array has room for when it is made.
const arrayStart = 4

func tableInsert(l *lua.LState) int {
	a := luax.Args{L: l, Name: "insert"}
	t := tableArg(a, 1)
	end := length(luax.Inside(t)) + 1
	switch a.Count() {
	case 2:
		insertAt(l, t, end, end, a.Get(2))
	case 3:
		insertAt(l, t, integerArg(a, 2), end, a.Get(3))
	default:
		l.RaiseError("wrong number of arguments to 'insert'")
	}
	return 0
}

// insertAt moves the values from pos on up by one, to end, and sets the one at pos.
func insertAt(l *lua.LState, t *lua.LTable, pos, end int, v lua.LValue) {
	if pos > end || v == lua.LNil && pos == end {
		put(t, pos, v)
		return
	}
	mustHaveRoom(l, end)
	in := luax.Inside(t)
	if in.Array == nil {
		in.Array = make([]lua.LValue, 0, arrayStart)
	}
	if pos == end {
		in.Array = append(in.Array[:end-1], v)
		return
	}
	in.Array = append(in.Array[:end-1], lua.LNil)
	first := max(pos, 1)
	copy(in.Array[first:], in.Array[first-1:])
	if pos > 0 {
		in.Array[pos-1] = v
		return
	}
	in.Array[0] = item(in, 0)
	raiseKeys(t, pos)
	put(t, pos, v)
}

// raiseKeys moves the values from pos to -1 up by one. It takes as long as there are fields, not as the range is wide.
func raiseKeys(t *lua.LTable, pos int) {
	moved := map[int]lua.LValue{}
	for key, v := range luax.Inside(t).Others {
		n, ok := key.(lua.LNumber)
		if i := int(whole(float64(n))); ok && lua.LNumber(i) == n && pos <= i && i < 1 {
			moved[i] = v
		}
	}
	for i := range moved {
		put(t, i, lua.LNil)
	}
	for i, v := range moved {
		if i < 0 {
			put(t, i+1, v)
		}
	}
}

func tableRemove(l *lua.LState) int {
	a := luax.Args{L: l, Name: "remove"}
	in := luax.Inside(tableArg(a, 1))
	end := length(in)
	pos := optInteger(a, 2, end)
	if pos < 1 || pos > end {
		return 0
	}
	v := in.Array[pos-1]
	copy(in.Array[pos-1:end-1], in.Array[pos:end])
	in.Array[end-1] = lua.LNil // beyond its end the array keeps what it has from being collected
	in.Array = in.Array[:end-1]
	l.Push(v)
	return 1
}

// tableConcat looks at the values twice, first for their length: so the string is made in one piece.
func tableConcat(l *lua.LState) int {
	a := luax.Args{L: l, Name: "concat"}
	separator := optText(a, 2, "")
	in := luax.Inside(tableArg(a, 1))
	from, to := optInteger(a, 3, 1), 0
	if a.Missing(4) {
		to = length(in)
	} else {
		to = integerArg(a, 4)
	}
	if from > to {
		l.Push(lua.LString(""))
		return 1
	}
	var b strings.Builder
	var numeral [32]byte
	b.Grow(concatSize(l, in, from, to, separator))
	for i := from; ; i++ {
		switch v := item(in, i).(type) {
		case lua.LString:
			b.WriteString(string(v))
		case lua.LNumber:
			b.Write(appendNumeral(numeral[:0], float64(v)))
		}
		if b.Len() > stringMost {
			l.RaiseError("resulting string too large")
		}
		if i == to {
			break
		}
		b.WriteString(separator)
	}
	l.Push(lua.LString(b.String()))
	return 1
}

// concatSize is how many bytes values and separators take, if no number has more than one digit. It ends at the first
// value that is not there, whatever the range.
func concatSize(l *lua.LState, in *luax.Table, from, to int, separator string) int {
	size := 0
	for i := from; ; i++ {
		switch v := item(in, i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size++
		default:
			l.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if size > stringMost {
			l.RaiseError("resulting string too large")
		}
		if i == to {
			return size
		}
		size += len(separator)
	}
}

// unpackAtOnce is how many values are pushed without a look at the room there is. The stack grows for them by itself.
const unpackAtOnce = 200

func (o tableLib) unpack(l *lua.LState) int {
	a := luax.Args{L: l, Name: "unpack"}
	in := luax.Inside(tableArg(a, 1))
	from, to := optInteger(a, 2, 1), 0
	if a.Missing(3) {
		to = length(in)
	} else {
		to = integerArg(a, 3)
	}
	if from > to {
		return 0
	}
	width := uint(to) - uint(from)
	if width >= stackMost || width >= unpackAtOnce && !o.hasRoom(l, int(width)+1) {
		l.RaiseError("too many results to unpack")
	}
	n := int(width) + 1
	for i := range n {
		l.Push(item(in, from+i))
	}
	return n
}

// hasRoom makes the stack grow to take n more values, in one step. The main state's can get longer than a coroutine's;
// whether there is room is known only when it grows.
func (o tableLib) hasRoom(l *lua.LState, n int) bool {
	return o.guard.Run(l, func() { l.SetTop(l.GetTop() + n) }) == nil
}

func tablePack(l *lua.LState) int {
	n := l.GetTop()
	t := l.CreateTable(n, 1)
	in := luax.Inside(t)
	for i := range n {
		in.Array = append(in.Array, l.Get(i+1))
	}
	t.RawSetString("n", lua.LNumber(n))
	l.Push(t)
	return 1
}

// tableMove copies the values from one place to another, perhaps in another table.
//
// Differs: as all of this library, and other than in Lua 5.3, it calls no metamethods. It moves as many values as an
// array can have.
func tableMove(l *lua.LState) int {
	a := luax.Args{L: l, Name: "move"}
	first, last, to := integerArg(a, 2), integerArg(a, 3), integerArg(a, 4)
	source := tableArg(a, 1)
	target := source
	if !a.Missing(5) {
		target = tableArg(a, 5)
	}
	if last >= first {
		if uint(last)-uint(first) >= uint(lua.MaxArrayIndex) {
			luax.ArgError(l, "move", 3, "too many elements to move")
		}
		n := last - first + 1
		if to > math.MaxInt-n {
			luax.ArgError(l, "move", 4, "destination wrap around")
		}
		move(source, first, target, to, n)
	}
	l.Push(target)
	return 1
}

// move copies n values. Where they overlap none is overwritten before it was copied.
func move(source *lua.LTable, first int, target *lua.LTable, to, n int) {
	from, in := luax.Inside(source), luax.Inside(target)
	end := to + n - 1
	if first > 0 && first+n-1 <= len(from.Array) && to > 0 && to-1 <= len(in.Array) && end < lua.MaxArrayIndex {
		if more := end - len(in.Array); more > 0 {
			in.Array = append(in.Array, make([]lua.LValue, more)...) // all of it is overwritten now
		}
		copy(in.Array[to-1:], from.Array[first-1:first-1+n])
		return
	}
	for i := range n {
		if source == target && to > first {
			i = n - 1 - i
		}
		put(target, to+i, item(from, first+i))
	}
}

// foreach calls a function for each field until it gives a value. What the function adds may or may not be met.
func (o tableLib) foreach(l *lua.LState) int {
	a := luax.Args{L: l, Name: "foreach"}
	t, f := tableArg(a, 1), a.Function(2)
	for key := lua.LNil; ; {
		next, v, ok := o.cursors.step(t, key)
		if !ok || v == nil {
			return 0
		}
		if answers(l, f, next, v) {
			return 1
		}
		key = next
	}
}

func tableForeachi(l *lua.LState) int {
	a := luax.Args{L: l, Name: "foreachi"}
	in := luax.Inside(tableArg(a, 1))
	n, f := length(in), a.Function(2)
	for i := 1; i <= n; i++ {
		if answers(l, f, lua.LNumber(i), item(in, i)) {
			return 1
		}
	}
	return 0
}

// answers says whether f gives a value for a field, which then lies on the stack.
func answers(l *lua.LState, f *lua.LFunction, key, v lua.LValue) bool {
	l.Push(f)
	l.Push(key)
	l.Push(v)
	l.Call(2, 1)
	if l.Get(-1) != lua.LNil {
		return true
	}
	l.Pop(1)
	return false
}

func tableGetn(l *lua.LState) int {
	pushNumber(l, float64(length(luax.Inside(tableArg(luax.Args{L: l, Name: "getn"}, 1)))))
	return 1
}

func tableSetn(l *lua.LState) int {
	tableArg(luax.Args{L: l, Name: "setn"}, 1)
	l.RaiseError("'setn' is obsolete")
	return 0
}

// tableMaxn is the greatest number that is a key.
func tableMaxn(l *lua.LState) int {
	in := luax.Inside(tableArg(luax.Args{L: l, Name: "maxn"}, 1))
	most := lua.LNumber(length(in))
	for key, v := range in.Others {
		if n, ok := key.(lua.LNumber); ok && n > most && v != lua.LNil {
			most = n
		}
	}
	pushNumber(l, float64(most))
	return 1
}
