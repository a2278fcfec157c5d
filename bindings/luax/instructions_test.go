package luax

import (
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// counter is the class of an object with a few methods.
func counter(l *lua.LState, direct bool) *lua.LUserData {
	ordinary := func(l *lua.LState) int {
		n := l.CheckNumber(2)
		if n < 0 {
			l.RaiseError("below zero")
		}
		l.Push(n + 1)
		return 1
	}
	methods := l.NewTable()
	add := l.NewFunction(ordinary)
	if direct {
		add = NewDirect(l, ordinary, func(_ *lua.LState, args []lua.LValue) (lua.LValue, bool) {
			if len(args) != 2 {
				return nil, false
			}
			n, ok := args[1].(lua.LNumber)
			return n + 1, ok && n >= 0
		})
	}
	methods.RawSetString("add", add)
	more := l.NewTable()
	more.RawSetString("several", l.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LNumber(l.GetTop()))
		l.Push(lua.LString("b"))
		l.Push(lua.LNil)
		return 3
	}))
	up := l.NewTable()
	up.RawSetString("__index", more)
	methods.Metatable = up
	mt := l.NewTable()
	mt.RawSetString("__index", methods)
	if direct {
		mt = NewClass(l, 0, methods)
	}
	return &lua.LUserData{Metatable: mt}
}

// The programs print what may depend on how an instruction is carried out.
var instructionPrograms = map[string]string{
	"arguments": `
		local function f(a, b, c) local d return a, b, c, d end
		print(f()) print(f(1)) print(f(1, 2, 3)) print(f(1, 2, 3, 4, 5, 6, 7, 8, 9)) print((f(1, 2)))
		local function v(a, ...) return a, select("#", ...), ... end
		print(v()) print(v(1)) print(v(1, nil, nil)) print(f(v(1, 2, 3))) print(v(f(1, 2)))`,
	"results": `
		local function none() end
		local function three() return 1, 2, 3 end
		local a, b, c, d = three() print(a, b, c, d)
		a, b = none() print(a, b)
		local t = { none(), three(), three() } print(#t, t[1], t[2], t[5])
		print(three(), three(), none()) print((three())) print(none())
		local function tail(n) if n == 0 then return three() end return tail(n - 1) end print(tail(100))`,
	"registers that were used before": `
		local function used() local a, b, c, d, e = 1, 2, 3, 4, 5 return a + b + c + d + e end
		local function fresh() local a, b, c, d, e return a, b, c, d, e end
		for i = 1, 3 do used() print(fresh()) end`,
	"methods": `
		print(o:add(1), o:add(2)) local a, b, c = o:add(3) print(a, b, c) o:add(4)
		print({ o:add(5) }[1]) print((o:add(6))) print(o.add(o, 7)) print(o:several(1, 2)) print(#{ o:several() })
		local t = { o:add(8), o:add(9) } print(#t, t[1], t[2]) print(o:add(o:add(o:add(1))))
		print(o.missing, o.add == o.add) local function through() return o:add(10) end print(through())
		print(select("#", o:add(1)), tostring(o:add(2)))`,
	"errors": `
		local function line(...) return (tostring(select(2, pcall(...))):gsub("^.-:(%d+):", "%1")) end
		print(line(function() o:add(-1) end)) print(line(function() o:add("x") end)) print(line(function() o:add() end))
		print(line(function() o:missing() end)) print(line(function() o.add(1, -5) end)) print(line(function() local x x() end))
		local deep deep = function(n) return 1 + deep(n + 1) end print((line(deep, 1):gsub("\n.*", "")))
		print(o:add(1))`,
	"metamethods": `
		local t = setmetatable({}, { __call = function(self, a, b) return "called", a, b end, __index = function(_, k) return k end })
		print(t(1, 2), t.x)`,
	"upvalues": `
		local fs = {} for i = 1, 3 do local j = i fs[i] = function() j = j + 1 return j end end
		print(fs[1](), fs[1](), fs[2](), fs[3]())`,
	"coroutines": `
		local co = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(o:add(a), i) end return "end", o:several() end)
		print(co(1)) print(co(10)) print(co(20)) print(co(0))`,
	"many values": `
		local function count(...) return select("#", ...) end
		local t = {} for i = 1, 200 do t[i] = i end print(count(unpack(t))) print(select(200, unpack(t)))
		local function deep(n) local a, b, c, d, e, f, g, h = 1, 2, 3, 4, 5, 6, 7, 8 if n > 0 then return deep(n - 1) + a end return h end
		print(deep(300))`,
}

// TestInstructionsDoWhatGopherLuasDo runs programs with the instructions here and with gopher-lua's.
func TestInstructionsDoWhatGopherLuasDo(t *testing.T) {
	run := func(source string, stock bool) string {
		if stock {
			instructions[lua.OP_CALL], instructions[lua.OP_SELF] = stockCall, stockSelf
			defer func() {
				instructions[lua.OP_CALL], instructions[lua.OP_SELF] = callInstruction, selfInstruction
			}()
		}
		l := lua.NewState(lua.Options{CallStackSize: 1000, RegistrySize: 256, RegistryMaxSize: 1 << 16, RegistryGrowStep: 64})
		defer l.Close()
		l.SetGlobal("o", counter(l, !stock))
		var out strings.Builder
		l.SetGlobal("print", l.NewFunction(func(l *lua.LState) int {
			for i := 1; i <= l.GetTop(); i++ {
				fmt.Fprint(&out, l.Get(i), " ")
			}
			out.WriteString("\n")
			return 0
		}))
		if err := l.DoString(source); err != nil {
			fmt.Fprintln(&out, err)
		}
		return out.String()
	}
	for name, source := range instructionPrograms {
		t.Run(name, func(t *testing.T) {
			want := run(source, true)
			got := run(source, false)
			if got != want || got == "" {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestADirectFunctionGetsItsArgumentsWhereTheyLie(t *testing.T) {
	l := lua.NewState()
	defer l.Close()
	var got []string
	direct := func(_ *lua.LState, args []lua.LValue) (lua.LValue, bool) {
		got = append(got, fmt.Sprint(args))
		return lua.LTrue, len(args) < 3
	}
	l.SetGlobal("f", NewDirect(l, func(l *lua.LState) int { got = append(got, "ordinary"); return 0 }, direct))
	if err := l.DoString(`f() f(1, nil) f(unpack { 1, 2 }) local a, b = f(3) assert(a == true and b == nil) f(1, 2, 3) pcall(f)`); err != nil {
		t.Fatal(err)
	}
	want := "[] [1 nil] [1 2] [3] [1 2 3] ordinary ordinary"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

func TestStringsThatLieTogetherAreAsTheyWere(t *testing.T) {
	var s Strings
	var values []lua.LValue
	var want []string
	buffer := make([]byte, 0, 100)
	for i := range 100 {
		buffer = append(buffer[:0], strings.Repeat(string(rune('a'+i%26)), i)...)
		values, want = append(values, s.Make(buffer)), append(want, string(buffer))
		if i%10 == 0 {
			s.Drop()
		}
	}
	for i, v := range values {
		if got, ok := v.(lua.LString); !ok || string(got) != want[i] || v != lua.LValue(lua.LString(want[i])) {
			t.Errorf("%d: got %v, want %q", i, v, want[i])
		}
	}
}

func BenchmarkCallDirect(b *testing.B) {
	for _, direct := range []bool{false, true} {
		b.Run(fmt.Sprintf("direct=%t", direct), func(b *testing.B) {
			l := lua.NewState()
			defer l.Close()
			l.SetGlobal("n", lua.LNumber(b.N))
			l.SetGlobal("o", counter(l, direct))
			b.ResetTimer()
			if err := l.DoString(`local o = o for i = 1, n do o:add(i) end`); err != nil {
				b.Fatal(err)
			}
		})
	}
}
