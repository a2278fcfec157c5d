package interp

import (
	"cmp"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// tableSort sorts a copy of the values and puts it into the table when it is done: an order function may do with the
// table what it likes. If it raises, the table is as it was.
//
// Differs: an order function that contradicts itself is not found out. The values come out in some order.
func tableSort(l *lua.LState) int {
	a := luax.Args{L: l, Name: "sort"}
	t := tableArg(a, 1)
	s := sorter{l: l}
	if !a.Missing(2) {
		s.order = a.Function(2)
	}
	in := luax.Inside(t)
	n := length(in)
	if n < 2 {
		return 0
	}
	if s.order == nil && (sortByKey(in.Array[:n], numberKey) || sortByKey(in.Array[:n], stringKey)) {
		return 0
	}
	values := slices.Clone(in.Array[:n])
	if !s.isRun(values) {
		s.spare = make([]lua.LValue, n/2)
		s.sort(values)
	}
	if len(in.Array) < n {
		in.Array = values
	} else {
		copy(in.Array, values)
	}
	return 0
}

func numberKey(v lua.LValue) (lua.LNumber, bool) { n, ok := v.(lua.LNumber); return n, ok }
func stringKey(v lua.LValue) (lua.LString, bool) { s, ok := v.(lua.LString); return s, ok }

// keyed is a value and what it is sorted by.
type keyed[K cmp.Ordered] struct {
	key   K
	value lua.LValue
}

// sortByKey sorts values that all have a key of one kind. It says whether they do.
func sortByKey[K cmp.Ordered](values []lua.LValue, keyOf func(lua.LValue) (K, bool)) bool {
	if _, ok := keyOf(values[0]); !ok {
		return false
	}
	all := make([]keyed[K], len(values))
	for i, v := range values {
		key, ok := keyOf(v)
		if !ok {
			return false
		}
		all[i] = keyed[K]{key, v}
	}
	slices.SortFunc(all, func(a, b keyed[K]) int { return cmp.Compare(a.key, b.key) })
	for i := range all {
		values[i] = all[i].value
	}
	return true
}

// sorter is a merge sort. It compares about as seldom as can be, and, whatever the comparisons say, does not go wrong
// and does not compare more often.
type sorter struct {
	l     *lua.LState
	order *lua.LFunction // nil for <
	spare []lua.LValue   // room for the first half of what is merged
}

// sortFew is how many values are sorted by insertion: for so few it takes no more comparisons.
const sortFew = 4

// isRun says whether values are in order, as they are or after it has turned them round.
func (s *sorter) isRun(values []lua.LValue) bool {
	falling := s.less(values[1], values[0])
	for i := 2; i < len(values); i++ {
		if s.less(values[i], values[i-1]) != falling {
			return false
		}
	}
	if falling {
		slices.Reverse(values)
	}
	return true
}

func (s *sorter) sort(values []lua.LValue) {
	if len(values) <= sortFew {
		s.insertion(values)
		return
	}
	half := len(values) / 2
	s.sort(values[:half])
	s.sort(values[half:])
	if s.less(values[half], values[half-1]) {
		s.merge(values, half)
	}
}

func (s *sorter) insertion(values []lua.LValue) {
	for i := 1; i < len(values); i++ {
		v, at := values[i], i
		for at > 0 && s.less(v, values[at-1]) {
			values[at] = values[at-1]
			at--
		}
		values[at] = v
	}
}

// merge makes one of two sorted halves.
func (s *sorter) merge(values []lua.LValue, half int) {
	left, right := s.spare[:copy(s.spare, values[:half])], values[half:]
	for to := 0; len(left) > 0; to++ {
		if len(right) == 0 {
			copy(values[to:], left)
			return
		}
		if s.less(right[0], left[0]) {
			values[to], right = right[0], right[1:]
		} else {
			values[to], left = left[0], left[1:]
		}
	}
}

func (s *sorter) less(a, b lua.LValue) bool {
	if s.order == nil {
		return lessThan(s.l, a, b)
	}
	return callOrder(s.l, s.order, a, b)
}

// callOrder asks an order function.
func callOrder(l *lua.LState, f, a, b lua.LValue) bool {
	l.Push(f)
	l.Push(a)
	l.Push(b)
	l.Call(2, 1)
	v := l.Get(-1)
	l.Pop(1)
	return lua.LVAsBool(v)
}

// lessThan is <, with Lua's words for what cannot be compared.
func lessThan(l *lua.LState, a, b lua.LValue) bool {
	if x, ok := a.(lua.LNumber); ok {
		if y, ok := b.(lua.LNumber); ok {
			return x < y
		}
	}
	if x, ok := a.(lua.LString); ok {
		if y, ok := b.(lua.LString); ok {
			return x < y
		}
	}
	one, two := a.Type().String(), b.Type().String()
	if one != two {
		l.RaiseError("attempt to compare %s with %s", one, two)
	}
	f := l.GetMetaField(a, "__lt")
	if f == lua.LNil || f != l.GetMetaField(b, "__lt") {
		l.RaiseError("attempt to compare two %s values", one)
	}
	mustCall(l, f)
	return callOrder(l, f, a, b)
}
