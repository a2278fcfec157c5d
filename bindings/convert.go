package bindings

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// This file has what goes between scripts and filters: items, and the values that Reference and its like exchange.

// number is a number that a script gives to a filter as an item.
type number float64

// ItemText implements filters.Texter: it is what tostring gives.
func (n number) ItemText() string {
	f := float64(n)
	switch {
	case math.IsNaN(f) && math.Signbit(f):
		return "-nan"
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

// null is the value of poe.null.
type null struct{}

func (null) String() string { return "null" }

// openValues makes poe.null and poe.array.
func (b *Lib) openValues(l *lua.LState) {
	meta := metatable(l, "poe.null", lua.LNil, named("null"))
	b.filters.null = &lua.LUserData{Value: null{}, Metatable: meta}
	b.filters.array = l.CreateTable(0, 0)
	b.module.RawSetString("null", b.filters.null)
	b.module.RawSetString("array", l.NewFunction(b.markArray))
}

// markArray is poe.array(t): it marks a table, a new one if there is none, as an array also when it is empty, and returns it.
// The mark is a metatable.
func (b *Lib) markArray(l *lua.LState) int {
	a := luax.Args{L: l, Name: "array"}
	t, ok := a.Get(1).(*lua.LTable)
	switch {
	case a.Missing(1):
		t = l.CreateTable(0, 0)
	case !ok:
		a.Fail(1, "table")
	case t.Metatable != lua.LNil && t.Metatable != b.filters.array:
		luax.ArgError(l, a.Name, 1, "the table has a metatable")
	}
	t.Metatable = b.filters.array
	l.Push(t)
	return 1
}

// item is what a script gives to a filter: strings are Go's, numbers are a Texter, everything else stays as it is.
func (b *Lib) item(v lua.LValue) any {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return number(v)
	}
	return v
}

// itemToLua turns an item into what a script sees. It is toLua but for lists, which are plain arrays, and for nothing, which
// is poe.null.
func (b *Lib) itemToLua(item any) lua.LValue {
	switch v := item.(type) {
	case nil:
		return b.filters.null
	case []any:
		t := b.main.CreateTable(len(v), 0)
		for i, e := range v {
			t.RawSetInt(i+1, b.itemToLua(e))
		}
		if len(v) == 0 {
			t.Metatable = b.filters.array
		}
		return t
	case []string:
		t := b.main.CreateTable(len(v), 0)
		for i, s := range v {
			t.RawSetInt(i+1, lua.LString(s))
		}
		return t
	case filters.Map:
		t := b.main.CreateTable(0, len(v))
		for _, p := range v {
			t.RawSet(b.itemToLua(p.Key), b.itemToLua(p.Value))
		}
		return t
	}
	return b.toLua(item)
}

// values turns what a script puts into values that a serializer writes.
type values struct {
	b     *Lib
	who   string // the filter, for errors
	depth int    // the deepest nesting
	left  int    // bytes that what is still to come may take, at least

	path []lua.LValue  // the keys down to where it is
	in   []*lua.LTable // the tables that it is in
}

// valuesFrom makes the From of a filter: values no deeper than depth, in no more than budget bytes. What a table refers to
// many times is written as often.
func (b *Lib) valuesFrom(who string, depth, budget int) func(item any) (any, error) {
	return func(item any) (any, error) {
		w := values{b: b, who: who, depth: depth, left: budget}
		return w.value(item)
	}
}

func (w *values) value(v any) (any, error) {
	if w.left--; w.left < 0 {
		return nil, errors.New("it takes more than max_length bytes")
	}
	switch v := v.(type) {
	case string:
		return w.text(v)
	case lua.LString:
		return w.text(string(v))
	case number:
		return float64(v), nil
	case lua.LNumber:
		return float64(v), nil
	case lua.LBool:
		return bool(v), nil
	case nil, filters.Null, bool, float64:
		return v, nil
	case []any:
		return w.list(v)
	case filters.Map:
		return w.mapping(v)
	case *lua.LTable:
		return w.table(v)
	case *lua.LUserData:
		if v == w.b.filters.null {
			return filters.Null{}, nil
		}
	case *lua.LNilType:
		return filters.Null{}, nil
	}
	return nil, w.fault(nil, "value", v)
}

func (w *values) text(s string) (any, error) {
	if w.left -= len(s); w.left < 0 {
		return nil, errors.New("it takes more than max_length bytes")
	}
	return s, nil
}

// fault is an error about what lies where the path leads, and below it at key.
func (w *values) fault(key lua.LValue, want string, got any) error {
	path := "item"
	for _, k := range w.path {
		path += pathStep(k)
	}
	if key != nil {
		path += pathStep(key)
	}
	return &filters.ItemError{Filter: w.who, Want: want, Got: got, Path: path}
}

// pathStep is one key of a path: ".name" or "[3]".
func pathStep(key lua.LValue) string {
	if s, ok := key.(lua.LString); ok {
		if isName(string(s)) {
			return "." + string(s)
		}
		return fmt.Sprintf("[%.100q]", string(s))
	}
	return fmt.Sprintf("[%v]", key)
}

// isName says whether a string can stand after a dot.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') || i == 100 {
			return false
		}
	}
	return s != ""
}

func (w *values) table(t *lua.LTable) (any, error) {
	if slices.Contains(w.in, t) {
		return nil, w.fault(nil, "table without a cycle", t)
	}
	if len(w.in) == w.depth {
		return nil, w.fault(nil, "nesting no deeper than "+strconv.Itoa(w.depth), t)
	}
	w.in = append(w.in, t)
	defer func() { w.in = w.in[:len(w.in)-1] }()
	in := luax.Inside(t)
	n := len(in.Array)
	for n > 0 && in.Array[n-1] == lua.LNil {
		n--
	}
	marked := t.Metatable == w.b.filters.array
	if luax.Fields(t) == 0 && (n > 0 || marked) && !slices.Contains(in.Array[:n], lua.LValue(lua.LNil)) {
		return w.array(in.Array[:n])
	}
	if marked {
		return nil, w.fault(nil, "array", t)
	}
	return w.pairs(in, n)
}

func (w *values) array(members []lua.LValue) (any, error) {
	list := make([]any, 0, min(len(members), w.left+1))
	for i, m := range members {
		v, err := w.below(lua.LNumber(i+1), m)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// pairs makes a map: integers in ascending order, then what has been set first.
func (w *values) pairs(in *luax.Table, n int) (any, error) {
	m := make(filters.Map, 0, min(len(in.Strings)+len(in.Others)+n, w.left+1))
	for i, v := range in.Array[:n] {
		if v == lua.LNil {
			continue
		}
		v, err := w.below(lua.LNumber(i+1), v)
		if err != nil {
			return nil, err
		}
		m = append(m, filters.Pair{Key: float64(i + 1), Value: v})
	}
	for _, k := range in.Keys {
		var key any
		var v lua.LValue
		switch k := k.(type) {
		case lua.LString:
			key, v = string(k), in.Strings[string(k)]
			w.left -= len(k)
		case lua.LNumber:
			key, v = float64(k), in.Others[k]
		case lua.LBool:
			key, v = bool(k), in.Others[k]
		default:
			v = in.Others[k]
		}
		if v == nil || v == lua.LNil {
			continue // it once was there
		}
		if key == nil {
			return nil, w.fault(nil, "keys that are strings, numbers or booleans", k)
		}
		v2, err := w.below(k, v)
		if err != nil {
			return nil, err
		}
		m = append(m, filters.Pair{Key: key, Value: v2})
	}
	return m, nil
}

// list and mapping are values that another filter gave; they may have values of a script's among theirs.
func (w *values) list(items []any) (any, error) {
	list := make([]any, len(items))
	for i, item := range items {
		v, err := w.below(lua.LNumber(i+1), item)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

func (w *values) mapping(pairs filters.Map) (any, error) {
	m := make(filters.Map, len(pairs))
	for i, p := range pairs {
		v, err := w.below(w.b.itemToLua(p.Key), p.Value)
		if err != nil {
			return nil, err
		}
		m[i] = filters.Pair{Key: p.Key, Value: v}
	}
	return m, nil
}

// below is the value at a key.
func (w *values) below(key lua.LValue, v any) (any, error) {
	w.path = append(w.path, key)
	value, err := w.value(v)
	w.path = w.path[:len(w.path)-1]
	return value, err
}

// itemText says what is wrong with an item, in the words of scripts.
func itemText(err error) string {
	var e *filters.ItemError
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Want + " expected, got " + itemType(e.Got)
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	return text
}

// itemType names the type of an item, or of a part of one.
func itemType(v any) string {
	switch v := v.(type) {
	case lua.LValue:
		return luax.TypeName(v)
	case nil, filters.Null:
		return "poe.null"
	case string:
		return "string"
	case number, float64, int:
		return "number"
	case bool:
		return "boolean"
	}
	return "table"
}

// mostSpread is how far the largest integer key of a map may lie beyond the number of bytes that it came in. Lua's tables
// have room for all integers up to their largest: without a limit a few bytes would take the memory of millions.
const mostSpread = 1 << 20

// decoded turns a value that came in so many bytes into a Lua value.
func (b *Lib) decoded(v any, size int) (lua.LValue, error) {
	room := mostSpread + 8*size
	if !b.spreads(v, &room) {
		return nil, fmt.Errorf("a map has integer keys that are too far apart")
	}
	return b.itemToLua(v), nil
}

// spreads takes from room what the integer keys of maps need, and says whether it was enough.
func (b *Lib) spreads(v any, room *int) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if !b.spreads(e, room) {
				return false
			}
		}
	case filters.Map:
		largest := 0.0
		for _, p := range v {
			if k, ok := p.Key.(float64); ok && k < float64(lua.MaxArrayIndex) && k == math.Trunc(k) {
				largest = max(largest, k)
			}
			if !b.spreads(p.Value, room) {
				return false
			}
		}
		*room -= int(largest)
	}
	return *room >= 0
}
