package luax_test

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

func TestText(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"nil", "return nil", "nil"},
		{"a boolean", "return true", "true"},
		{"a number", "return 1.5", "1.5"},
		{"a string is as it is", `return 'a "b"\n'`, "a \"b\"\n"},
		{"a string in a table is quoted", `return { 'a "b"\n' }`, `{"a \"b\"\n"}`},
		{"an empty table", "return {}", "{}"},
		{"a list", "return { 1, 'x', true }", `{1, "x", true}`},
		{"fields are in order", "return { b = 1, a = 2, c = 'x' }", `{a = 2, b = 1, c = "x"}`},
		{"a list with fields", "return { 1, 2, n = 2 }", `{1, 2, n = 2}`},
		{"other keys", "return { [true] = 1, [1.5] = 2 }", `{[1.5] = 2, [true] = 1}`},
		{"nested", "return { a = { b = { 1 } } }", `{a = {b = {1}}}`},
		{"deep", "return { a = { b = { c = { d = 1 } } } }", `{a = {b = {c = {...}}}}`},
		{"with itself in it", "local t = { name = 'x' } t.self = t return t", `{name = "x", self = {name = "x", self = {name = "x", self = {...}}}}`},
		{"long list", "local t = {} for i = 1, 1000 do t[i] = i end return t", "{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, ...}"},
		{"a list of twenty", "local t = {} for i = 1, 20 do t[i] = i end return t", "{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { newWorld(t).want(test.want, test.source) })
	}
}

// What a message shows of a value is bounded, whatever the value.
func TestTextIsBounded(t *testing.T) {
	w := newWorld(t)
	got, err := w.run(`
		local long = ("x"):rep(1e6)
		local function tree(n)
		  if n == 0 then return long end
		  local t, child = {}, tree(n - 1)
		  for i = 1, 1000 do t[i] = child; t["k" .. i] = child end
		  return t
		end
		return tree(3)`)
	if err != nil {
		t.Fatal(err)
	}
	if most := 20 * 20 * 20 * 510; len(got) > most {
		t.Errorf("got %d bytes, want no more than %d", len(got), most)
	}
}

func TestTextOfALongKeyIsBounded(t *testing.T) {
	w := newWorld(t)
	got, err := w.run("return { [('k'):rep(1e6)] = 1 }")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 600 {
		t.Errorf("got %d bytes", len(got))
	}
}

func TestTextOfNothing(t *testing.T) {
	if got := luax.Text(nil); got != "nil" {
		t.Errorf("got %q, want %q", got, "nil")
	}
}

type speaker struct{}

func (speaker) String() string { return "the speaker" }

func TestTextOfObjects(t *testing.T) {
	w := newWorld(t)
	mt := w.l.NewTable()
	mt.RawSetString("__name", lua.LString("poe.Thing"))
	object := func(value any, meta lua.LValue) lua.LValue { return &lua.LUserData{Value: value, Metatable: meta} }
	table := w.l.NewTable()
	table.RawSetString("x", lua.LNumber(1))
	table.Metatable = mt
	tests := []struct {
		name string
		v    lua.LValue
		want string
	}{
		{"one that speaks", object(speaker{}, mt), "the speaker"},
		{"one that only has a name", object(1, mt), "poe.Thing"},
		{"a table with a name", table, "poe.Thing"},
	}
	for _, test := range tests {
		if got := luax.Text(test.v); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if got := luax.Text(object(speaker{}, lua.LNil)); !strings.HasPrefix(got, "userdata") {
		t.Errorf("a stranger: got %q", got)
	}
}
