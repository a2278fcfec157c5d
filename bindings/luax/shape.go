package luax

import lua "github.com/yuin/gopher-lua"

// Shape makes tables that have fields of the same names, for about half of what it costs to set the fields one by one:
// nothing has to grow, and the names are values already. Such a table is like any other. Safe from any goroutine.
type Shape struct {
	names []string
	keys  []lua.LValue
}

// NewShape is given the names in the order in which New gets the values and next gives the fields.
func NewShape(names ...string) *Shape {
	s := &Shape{names: names, keys: make([]lua.LValue, len(names))}
	for i, name := range names {
		s.keys[i] = lua.LString(name)
	}
	return s
}

// New makes a table with a value for each name. A field that would be lua.LNil is left out.
func (s *Shape) New(values ...lua.LValue) *lua.LTable {
	n := 0
	for _, v := range values[:len(s.names)] {
		if v != lua.LNil {
			n++
		}
	}
	t := &lua.LTable{Metatable: lua.LNil}
	in := Inside(t)
	in.Strings = make(map[string]lua.LValue, n)
	in.Keys = make([]lua.LValue, 0, n)
	in.Index = make(map[lua.LValue]int, n)
	for i, name := range s.names {
		if values[i] != lua.LNil {
			in.Strings[name] = values[i]
			in.Index[s.keys[i]] = len(in.Keys)
			in.Keys = append(in.Keys, s.keys[i])
		}
	}
	return t
}
