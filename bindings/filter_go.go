package bindings

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// AddFilter makes poe.filter.<name> of a filter written in Go: what the table given to new says comes to build, as Go values
// (see goValue). An error of build raises in new. Error: there is a filter of that name.
func (b *Lib) AddFilter(name string, build func(params map[string]any) (filters.Filter, error)) error {
	classes := b.module.RawGetString("filter").(*lua.LTable)
	if name == "" || classes.RawGetString(name) != lua.LNil {
		return fmt.Errorf("filter '%s': the name is taken, or empty", name)
	}
	kind := &filterKind{name: name, build: func(b *Lib, p *luax.Params) filters.Filter {
		params := map[string]any{}
		if t := p.Whole(); t != nil {
			v, err := b.goValue(name, t)
			if err != nil {
				p.Raise("%s", itemText(err))
			}
			m, isMap := v.(map[string]any)
			if !isMap {
				p.Raise("table with named fields expected, got an array")
			}
			params = m
		}
		f, err := build(params)
		switch {
		case err != nil:
			p.Raise("%s", err.Error())
		case f == nil:
			p.Raise("it made no filter")
		}
		return b.fromGo(name, f)
	}}
	classes.RawSetString(name, b.filterClass(b.main, kind))
	return nil
}

// goFilter is a filter of the program's in Go. What a script puts comes to it as Go values.
type goFilter struct {
	filters.Filter
	b    *Lib
	name string
}

// fromGo makes a filter of the program's one for scripts. One that takes items from, or gives them to, other filters is used as
// it is.
func (b *Lib) fromGo(name string, f filters.Filter) filters.Filter {
	_, takes := f.(filters.ItemFeeder)
	_, gives := f.(filters.ItemPutter)
	if takes || gives {
		return f
	}
	return &goFilter{f, b, name}
}

// Put implements filters.Filter.
func (f *goFilter) Put(dst []byte, item any) ([]byte, error) {
	v, err := f.b.goValue(f.name, item)
	if err != nil {
		return dst, err
	}
	return f.Filter.Put(dst, v)
}

// Clone implements filters.Filter.
func (f *goFilter) Clone() filters.Filter { return &goFilter{f.Filter.Clone(), f.b, f.name} }

// Reset implements filters.Resetter.
func (f *goFilter) Reset() { f.Filter = filters.Reset(f.Filter) }

// EOF implements filters.EOFer.
func (f *goFilter) EOF() ([]any, error) {
	if e, ok := f.Filter.(filters.EOFer); ok {
		return e.EOF()
	}
	return nil, nil
}

// goDepth and goBudget bound what becomes of one table.
const (
	goDepth  = 128
	goBudget = filters.DefaultMaxLength
)

// goValue is an item of a script's as a Go value: nil, bool, float64, string, []any, or map[string]any. An empty table is a
// map, unless poe.array has marked it.
func (b *Lib) goValue(who string, item any) (any, error) {
	v, err := b.valuesFrom(who, goDepth, goBudget)(item)
	if err != nil {
		return nil, err
	}
	return plain(who, v)
}

// plain turns a value of the serializers into one that Go programs are used to.
func plain(who string, v any) (any, error) {
	switch v := v.(type) {
	case filters.Null:
		return nil, nil
	case []any:
		for i := range v {
			var err error
			if v[i], err = plain(who, v[i]); err != nil {
				return nil, err
			}
		}
		return v, nil
	case filters.Map:
		m := make(map[string]any, len(v))
		for _, p := range v {
			key, ok := p.Key.(string)
			if !ok {
				return nil, &filters.ItemError{Filter: who, Want: "keys that are strings", Got: p.Key}
			}
			value, err := plain(who, p.Value)
			if err != nil {
				return nil, err
			}
			m[key] = value
		}
		return m, nil
	}
	return v, nil
}
