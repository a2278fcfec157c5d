package luax_test

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// A table of a shape is one whose fields were set one by one, also when it is changed later.
func TestTablesOfAShapeAreLikeOthers(t *testing.T) {
	shape := luax.NewShape("a", "b", "c")
	for _, c := range []struct {
		name, want string
		values     []lua.LValue
	}{
		{
			"with all fields", "a=1 b=x c=true |b=x c=true |a=5 b=x c=true d=4 ",
			[]lua.LValue{lua.LNumber(1), lua.LString("x"), lua.LTrue},
		},
		{"without one", "a=1 c=true |c=true |a=5 c=true d=4 ", []lua.LValue{lua.LNumber(1), lua.LNil, lua.LTrue}},
		{"without any", "||d=4 a=5 ", []lua.LValue{lua.LNil, lua.LNil, lua.LNil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := lua.NewState()
			defer l.Close()
			untouched := shape.New(c.values...)
			l.SetGlobal("made", shape.New(c.values...))
			l.SetGlobal("untouched", untouched)
			if err := l.DoString(`
local function text(t)
  local s = ""
  for k, v in pairs(t) do s = s .. k .. "=" .. tostring(v) .. " " end
  return s
end
local first = text(made)
made.a = nil
local second = text(made)
made.d = 4
made.a = 5
result = first .. "|" .. second .. "|" .. text(made)
unchanged = text(untouched) == first`); err != nil {
				t.Fatal(err)
			}
			if got := l.GetGlobal("result").String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if l.GetGlobal("unchanged") != lua.LTrue {
				t.Error("a change of one table shows in another of the same shape")
			}
		})
	}
}

func BenchmarkShape(b *testing.B) {
	names := strings.Fields("a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15 a16")
	values := make([]lua.LValue, len(names))
	for i := range values {
		values[i] = lua.LTrue
	}
	var made *lua.LTable
	shape := luax.NewShape(names...)
	b.Run("New", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			made = shape.New(values...)
		}
	})
	b.Run("one by one", func(b *testing.B) {
		l := lua.NewState()
		defer l.Close()
		b.ReportAllocs()
		for b.Loop() {
			made = l.CreateTable(0, len(names))
			for i, name := range names {
				made.RawSetString(name, values[i])
			}
		}
	})
	if made.RawGetString("a16") != lua.LTrue {
		b.Error("a field is missing")
	}
}
