package luax

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// Params are the named parameters of a constructor: one table. Each getter makes its key a known one; Done raises for those
// that are not. Errors name the constructor and the key: "poe.filter.Line.new: max_length: number expected, got string".
type Params struct {
	L     *lua.LState
	Who   string // the constructor, for errors
	table *lua.LTable
	known [6]string // of those that are given
	n     int
	more  []string // what has no place in known
}

// NewParams reads argument n of the constructor who. An absent one is an empty table.
func NewParams(l *lua.LState, n int, who string) *Params {
	p := &Params{L: l, Who: who}
	switch v := l.Get(n).(type) {
	case *lua.LTable:
		p.table = v
	case *lua.LNilType:
	default:
		p.Raise("table expected, got %s", TypeName(v))
	}
	return p
}

// Raise raises an error that names the constructor.
func (p *Params) Raise(format string, args ...any) {
	p.L.RaiseError(p.Who+": "+format, args...)
}

// Get is a parameter, nil if it is absent.
func (p *Params) Get(key string) lua.LValue {
	if p.table == nil {
		return lua.LNil
	}
	v := p.table.RawGetString(key)
	switch {
	case v == lua.LNil:
	case p.n < len(p.known):
		p.known[p.n] = key
		p.n++
	default:
		p.more = append(p.more, key)
	}
	return v
}

// Whole is the table itself, nil if there is none. All its keys are known ones then.
func (p *Params) Whole() *lua.LTable {
	t := p.table
	p.table = nil
	return t
}

// Has says whether a parameter is given. It does not make the key known.
func (p *Params) Has(key string) bool {
	return p.table != nil && p.table.RawGetString(key) != lua.LNil
}

// Fail raises that a parameter has the wrong type.
func (p *Params) Fail(key, want string, got lua.LValue) {
	p.Raise("%s: %s expected, got %s", key, want, TypeName(got))
}

// String is a parameter that is a string; ok is false if it is absent.
func (p *Params) String(key string) (s string, ok bool) {
	switch v := p.Get(key).(type) {
	case lua.LString:
		return string(v), true
	case *lua.LNilType:
		return "", false
	default:
		p.Fail(key, "string", v)
		return "", false
	}
}

// Bool is a parameter that is a boolean, absent if it is not given.
func (p *Params) Bool(key string, absent bool) bool {
	switch v := p.Get(key).(type) {
	case lua.LBool:
		return bool(v)
	case *lua.LNilType:
		return absent
	default:
		p.Fail(key, "boolean", v)
		return false
	}
}

// Number is a parameter that is a number and not NaN, absent if it is not given.
func (p *Params) Number(key string, absent float64) float64 {
	switch v := p.Get(key).(type) {
	case lua.LNumber:
		if v != v {
			p.Raise("%s: number expected, got nan", key)
		}
		return float64(v)
	case *lua.LNilType:
		return absent
	default:
		p.Fail(key, "number", v)
		return 0
	}
}

// Int is a parameter that is a whole number from least to most, absent if it is not given.
func (p *Params) Int(key string, least, most, absent int) int {
	if !p.Has(key) {
		p.Get(key)
		return absent
	}
	v := p.Number(key, 0)
	if v != math.Trunc(v) || v < float64(least) || v > float64(most) {
		if most == math.MaxInt {
			p.Raise("%s: whole number of at least %d expected, got %v", key, least, v)
		}
		p.Raise("%s: whole number from %d to %d expected, got %v", key, least, most, v)
	}
	return int(v)
}

// Function is a parameter that is a function, nil if it is absent.
func (p *Params) Function(key string) *lua.LFunction {
	switch v := p.Get(key).(type) {
	case *lua.LFunction:
		return v
	case *lua.LNilType:
		return nil
	default:
		p.Fail(key, "function", v)
		return nil
	}
}

// Table is a parameter that is a table, nil if it is absent.
func (p *Params) Table(key string) *lua.LTable {
	switch v := p.Get(key).(type) {
	case *lua.LTable:
		return v
	case *lua.LNilType:
		return nil
	default:
		p.Fail(key, "table", v)
		return nil
	}
}

// Done raises for a parameter that no getter has asked for.
func (p *Params) Done() {
	if p.table == nil {
		return
	}
	for k, v := p.table.Next(lua.LNil); k != lua.LNil; k, v = p.table.Next(k) {
		if v != lua.LNil && !p.knows(k) {
			p.Raise("unknown parameter '%s'", Text(k))
		}
	}
}

func (p *Params) knows(k lua.LValue) bool {
	s, ok := k.(lua.LString)
	if !ok {
		return false
	}
	for _, key := range p.known[:p.n] {
		if key == string(s) {
			return true
		}
	}
	for _, key := range p.more {
		if key == string(s) {
			return true
		}
	}
	return false
}
