package luax

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	textDepth = 3   // nested tables that Text shows
	textItems = 20  // fields of a table that it shows
	textBytes = 500 // bytes of a string within a table that it shows
)

// Text shows a value to people: a string as it is, a table by its contents, anything with a __tostring by that.
func Text(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return string(s)
	}
	var b strings.Builder
	writeText(&b, v, textDepth)
	return b.String()
}

func writeText(b *strings.Builder, v lua.LValue, depth int) {
	switch v := v.(type) {
	case nil:
		b.WriteString("nil")
	case lua.LString:
		s := string(v)
		if len(s) > textBytes {
			b.WriteString(strconv.Quote(s[:textBytes]) + "...")
			return
		}
		b.WriteString(strconv.Quote(s))
	case *lua.LTable:
		if s, ok := stringer(v.Metatable, v); ok {
			b.WriteString(s)
			return
		}
		writeTable(b, v, depth)
	case *lua.LUserData:
		if s, ok := stringer(v.Metatable, v); ok {
			b.WriteString(s)
			return
		}
		b.WriteString(v.String())
	default:
		b.WriteString(v.String())
	}
}

// stringer uses a __tostring that is written in Go; one in Lua might do anything, and where this is used nothing
// protects from that.
func stringer(mt lua.LValue, v lua.LValue) (string, bool) {
	t, ok := mt.(*lua.LTable)
	if !ok {
		return "", false
	}
	s, ok := t.RawGetString("__name").(lua.LString)
	if !ok {
		return "", false
	}
	if ud, isUD := v.(*lua.LUserData); isUD {
		if str, isStringer := ud.Value.(fmt.Stringer); isStringer {
			return str.String(), true
		}
	}
	return string(s), true
}

func writeTable(b *strings.Builder, t *lua.LTable, depth int) {
	if depth == 0 {
		b.WriteString("{...}")
		return
	}
	n := t.Len()
	b.WriteByte('{')
	shown := 0
	sep := func() {
		if shown > 0 {
			b.WriteString(", ")
		}
		shown++
	}
	for i := 1; i <= n && shown < textItems; i++ {
		sep()
		writeText(b, t.RawGetInt(i), depth-1)
	}
	type pair struct {
		key   string
		value lua.LValue
	}
	var pairs []pair
	t.ForEach(func(k, v lua.LValue) {
		if i, ok := k.(lua.LNumber); ok && i >= 1 && i <= lua.LNumber(n) {
			return
		}
		key := k.String()
		if len(key) > textBytes {
			key = key[:textBytes] + "..."
		}
		if _, ok := k.(lua.LString); !ok {
			key = "[" + key + "]"
		}
		pairs = append(pairs, pair{key, v})
	})
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for _, p := range pairs {
		if shown == textItems {
			break
		}
		sep()
		b.WriteString(p.key + " = ")
		writeText(b, p.value, depth-1)
	}
	if len(pairs)+n > shown {
		b.WriteString(", ...")
	}
	b.WriteByte('}')
}
