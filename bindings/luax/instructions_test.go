package luax

import (
	"fmt"
	"math/rand"
	"slices"
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
		l.SetTop(2) // the result is put where the argument was: it takes no more room than the direct form
		l.Replace(2, n+1)
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

// smallState is a state whose registers have to be made more very often.
var smallState = lua.Options{CallStackSize: 1000, RegistrySize: 256, RegistryMaxSize: 1 << 16, RegistryGrowStep: 64}

// runProgram runs one with the instructions here or with gopher-lua's, and gives what it writes. The function registers
// writes what lies in them, also in those that nobody uses.
func runProgram(source string, stock bool, o lua.Options) string {
	if stock {
		instructions[lua.OP_CALL], instructions[lua.OP_SELF] = stockCall, stockSelf
		defer func() {
			instructions[lua.OP_CALL], instructions[lua.OP_SELF] = callInstruction, selfInstruction
		}()
	}
	l := lua.NewState(o)
	defer l.Close()
	l.SetGlobal("o", counter(l, !stock))
	var out strings.Builder
	l.SetGlobal("print", l.NewFunction(func(l *lua.LState) int {
		for i := 1; i <= l.GetTop(); i++ {
			out.WriteString(plain(l.Get(i)) + " ")
		}
		out.WriteString("\n")
		return 0
	}))
	l.SetGlobal("registers", l.NewFunction(func(l *lua.LState) int {
		fmt.Fprint(&out, "registers ", l.GetTop(), roomTaken(l))
		for i, v := range stack(l) {
			if v != nil && v != lua.LNil {
				fmt.Fprint(&out, " ", i, plain(v))
			}
		}
		out.WriteString("\n")
		return 0
	}))
	if err := l.DoString(source); err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}

// plain is a value without its address.
func plain(v lua.LValue) string {
	switch v.(type) {
	case lua.LNumber, lua.LString, lua.LBool, *lua.LNilType:
		return v.String()
	}
	return v.Type().String()
}

// TestInstructionsDoWhatGopherLuasDo runs programs with the instructions here and with gopher-lua's.
func TestInstructionsDoWhatGopherLuasDo(t *testing.T) {
	for name, source := range instructionPrograms {
		t.Run(name, func(t *testing.T) {
			want := runProgram(source, true, smallState)
			got := runProgram(source, false, smallState)
			if got != want || got == "" {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// callProgram writes random programs of calls: of functions of Lua and of Go with more and fewer arguments and results
// than are wanted, and of metamethods, which are called on registers that happen to be free.
type callProgram struct {
	strings.Builder
	r      *rand.Rand
	locals []string
	depth  int // of functions
	varied bool
	made   int
}

func (g *callProgram) of(words ...string) string { return words[g.r.Intn(len(words))] }

func (g *callProgram) value(depth int) string {
	if depth <= 0 || g.r.Intn(3) == 0 {
		if len(g.locals) > 0 && g.r.Intn(2) == 0 {
			return g.locals[g.r.Intn(len(g.locals))]
		}
		return g.of("1", "2", "nil", "true", `"s"`, "o", "m", "-1", "{}")
	}
	switch g.r.Intn(9) {
	case 0:
		return g.of("m", "n") + g.of(".x", `["y"]`, "[1]")
	case 1:
		return "(m" + g.of(" + ", " .. ", " < ", " == ", " - ") + g.of("m", "n") + ")"
	case 2:
		return "(" + g.call(depth-1) + ")"
	case 3:
		return "{ " + g.values(depth-1, true) + " }"
	case 4:
		return "#{ " + g.call(depth-1) + " }"
	case 5:
		return `select("#", ` + g.call(depth-1) + ")"
	case 6:
		return "-m"
	default:
		return g.call(depth - 1)
	}
}

// values is a list, with many one that may end with a call or "...".
func (g *callProgram) values(depth int, many bool) string {
	var list []string
	for range g.r.Intn(5) {
		list = append(list, g.value(depth))
	}
	switch {
	case many && g.r.Intn(3) == 0:
		list = append(list, g.call(depth))
	case many && g.varied && g.r.Intn(4) == 0:
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}

func (g *callProgram) call(depth int) string {
	f := g.of("o:add", "o:add", "o:several", "o.add", "none", "three", "two", "vararg", "m", "pick", "pcall", "resume",
		"through", "lazy")
	arguments := g.values(depth, true)
	switch f {
	case "o:add":
		arguments = g.of("1", "2", "3", "4", "5", "6", g.value(depth))
	case "o.add":
		arguments = "o, 1"
	case "pcall", "resume":
		arguments = g.of("o.add, o, ", "three, ", "vararg, ", "none, ", "m, ") + g.of("1", "2", "-1")
	}
	return f + "(" + arguments + ")"
}

func (g *callProgram) name() string {
	g.made++
	return fmt.Sprint("v", g.made)
}

func (g *callProgram) block(statements int) {
	locals := len(g.locals)
	for range statements {
		g.statement()
	}
	g.locals = g.locals[:locals]
}

func (g *callProgram) statement() {
	g.WriteString("turn() ")
	switch n := g.r.Intn(16); {
	case n < 4:
		var names []string
		for range 1 + g.r.Intn(6) {
			names = append(names, g.name())
		}
		fmt.Fprintf(g, "local %s = %s\n", strings.Join(names, ", "), g.of(g.call(2), g.call(1), g.value(2)))
		if len(g.locals) < 60 {
			g.locals = append(g.locals, names...)
		}
	case n < 6:
		fmt.Fprintf(g, "%s\n", g.call(2))
	case n < 8:
		fmt.Fprintf(g, "print(%s)\n", strings.Join(append([]string{g.value(2)}, g.locals...), ", "))
	case n < 9:
		g.WriteString("registers()\n")
	case n < 10 && len(g.locals) > 0:
		fmt.Fprintf(g, "%s = %s\n", g.locals[g.r.Intn(len(g.locals))], g.value(2))
	case n < 11:
		fmt.Fprintf(g, "for i = 1, %d do\n", 1+g.r.Intn(3))
		g.block(2)
		g.WriteString("end\n")
	case n < 12:
		fmt.Fprintf(g, "m%s = %s\n", g.of(".x", "[1]"), g.value(2))
	case n < 14 && g.depth < 4:
		g.function()
	default:
		fmt.Fprintf(g, "if %s then\n", g.value(1))
		g.block(2)
		g.WriteString("end\n")
	}
}

// function writes one that is called at once, in one way or another.
func (g *callProgram) function() {
	locals, varied := g.locals, g.varied
	parameters := []string{g.name(), g.name()}[:g.r.Intn(3)]
	g.locals = append(slices.Clone(locals), parameters...)
	if g.varied = g.r.Intn(3) == 0; g.varied {
		parameters = append(parameters, "...")
	}
	name := g.name()
	fmt.Fprintf(g, "local function %s(%s)\n", name, strings.Join(parameters, ", "))
	g.depth++
	g.block(3 + g.r.Intn(4))
	g.depth--
	switch g.r.Intn(3) {
	case 0:
		fmt.Fprintf(g, "return %s\n", g.call(2))
	case 1:
		fmt.Fprintf(g, "return %s\n", g.values(2, true))
	}
	g.locals, g.varied = locals, varied
	fmt.Fprintf(g, "end print(%s)\n", g.of(
		name+"("+g.values(1, true)+")", "pcall("+name+", 1, 2, 3)", "coroutine.wrap("+name+")(1, 2)", "pick(3, "+name+"())"))
}

const callPrelude = `
local left = 400
local function turn() left = left - 1 if left < 0 then error("enough", 0) end end
local function none() end
local function two(a, b) return b, a end
local function three() return 1, 2, 3 end
local function vararg(...) return ... end
local function pick(n, ...) local a, b, c, d = ... return a, b, c, d, n end
local function through(...) turn() return o:add(...) end
local function lazy(a) if a == nil then return end local x, y, z = o:add(1) return z, y, x end
local function resume(f, ...) return coroutine.resume(coroutine.create(f), ...) end
local n = setmetatable({}, { __index = function(_, k) return k end,
  __newindex = function(t, k, v) rawset(t, k, three()) end })
local m = setmetatable({}, { __index = n, __newindex = n, __call = function(_, a) return a, (two(a)) end,
  __add = function(a, b) local x, y = three() return y end, __sub = function() return o:add(4) end,
  __concat = function() return "joined" end, __lt = function() return o:add(1), none() end,
  __eq = function() return (none()) end, __unm = function() return three() end })
setmetatable(n, { __index = function(_, k) return o:add(1) end,
  __lt = getmetatable(m).__lt, __eq = getmetatable(m).__eq })
`

// TestRandomCallsDoWhatGopherLuasDo runs random programs with the instructions here and with gopher-lua's, in states
// with much and with little room.
func TestRandomCallsDoWhatGopherLuasDo(t *testing.T) {
	programs := 100
	if testing.Short() {
		programs = 20
	}
	for seed := range programs {
		r := rand.New(rand.NewSource(int64(seed)))
		g := &callProgram{r: r}
		for range 6 {
			g.WriteString("print(pcall(function()\n")
			g.block(6)
			g.WriteString("end))\n")
		}
		o := smallState
		o.RegistrySize, o.RegistryGrowStep = 128+r.Intn(64), 1+r.Intn(40)
		source := callPrelude + g.String() + "registers()"
		want, got := runProgram(source, true, o), runProgram(source, false, o)
		if got != want {
			t.Fatalf("seed %d: got\n%s\nwant\n%s\nfrom\n%s", seed, got, want, source)
		}
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
