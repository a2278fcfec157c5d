package interp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/poelua/poelua/bindings/interp"
)

func TestVariablesAreLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"several are assigned at once": `
local a, b, c, t, u, i = 1, 2, 3, {}, {}, 1
local function f(...) return ... end
a, b = b, a say(a, b) a, b, c = c, a, b say(a, b, c) a, b = b say(a, b) a, b = f(1, 2, 3) say(a, b) a, b, c = 7, f() say(a, b, c)
t.x, i = i, 5 say(t.x, i) i, t[i] = i + 1, 20 say(i, t[5], t[6]) local old = t t.y, t = 1, {} say(old.y, t.y) t, t.z = {}, 2 say(old.z) u.x, u.y = 1, 2 u.x, u.y = u.y, u.x say(u.x, u.y)
t = { 1, 2, 3 } for i = 1, 2 do t[i], t[i + 1] = t[i + 1], t[i] end say(t[1], t[2], t[3]) t[1], t[1] = "left", "right" say(t[1]) a, a = 1, 2 say(a)
x, y = 1, 2 x, y = y, x say(x, y) local function up() a, b, x = b, x, a return a, b, x end say(up()) say(up())
local log = {} local function note(v) log[#log + 1] = tostring(v) return v end
local spy = setmetatable({}, { __newindex = function(_, k, v) note(k .. v) end, __index = function(_, k) note(k) return k end })
local function s(n) note(n) return spy end
s(1)[note("a")], s(2)[note("b")], s(3).c = note(4), note(5), note(6) say(table.concat(log, " ")) log = {} spy.x, spy.y = spy.p, spy.q say(table.concat(log, " "))
local function change() a = "changed" return 2 end a = 1 t.a, b = a, change() say(t.a, b, a) a = 1 b, a = a, change() say(a, b) a = 1 t[a], b = change(), a say(t[1], t.changed, b)`,
		"values too many are computed and left": `
local a local function f() return a, "no" end a = 1, f() say(a) a = 2, f(), f() say(a) local b, c = 1, 2, f() say(b, c)
a = 1 say(pcall(function() a = 2, nowhere() end) and 1, a)`,
		"a function is not in its own scope, but a local function": `
local tostring = function(v) return "<" .. tostring(v) .. ">" end say(tostring(1))
local f = function() return f end say(f()) local function g() return g end say(g() == g) local h h = function() return h end say(h() == h)
do local f = function() return f end say(type(f())) local f = function() return (function() return type(f) end)() end say(f()) end
local a = 1 do local a = function() return a end say(a()) local a, b = function() return a end say(a() == 1) end
local n = function(n) return n end say(n(3)) local t = function() local t = 5 return t end say(t())`,
		"break closes the variables of all blocks that it leaves": `
local f local list = {}
while true do do local x = 1 f = function() x = x + 1 return x end break end end
do local a, b, c, d = 10, 20, 30, 40 say(f(), a, b, c, d, f()) end
for i = 1, 3 do local y = i if i == 2 then local z = i * 10 f = function() return z, y, i end if true then break end end end
do local a, b, c, d, e, g, h = 1, 2, 3, 4, 5, 6, 7 say(f()) end
for k, v in pairs { 5 } do if v then local w = v list[1] = function() w = w + 1 return w end list[2] = function() return w end break end end
do local a, b, c, d, e, g, h, i = 1, 2, 3, 4, 5, 6, 7, 8 say(list[1](), list[2](), a, b, c, d, e, g, h, i) end
repeat do local q = 9 f = function() return q end if f then break end end until false do local a, b, c = 1, 2, 3 say(f()) end
repeat local x = 1 for i = 1, 2 do do local y = i f = function() return x, y end break end end local z = "z" say(f()) until x == 1`,
		"constructors keep all items": strings.NewReplacer("FIFTY", strings.Repeat("0,", 50), "FORTY", strings.Repeat("0,", 40)).Replace(`
local function f() return "a", "b" end
local function show(t) local all = {} for i = 1, table.maxn(t) do if t[i] ~= 0 then all[#all + 1] = i .. "=" .. tostring(t[i]) end end say(#t, t.x, t.y, table.concat(all, " ")) end
show { FIFTY f() } show { FIFTY (f()) } show { FIFTY FIFTY f() } show { FORTY f() } show { FIFTY x = f() } show { FIFTY x = f(), [f()] = f(), "c", f() }
show { x = f(), FIFTY y = "y" .. f() } show { FIFTY "c", f() } show { FIFTY f(), x = f() } show { 1, x = f() } show { 1, 2, x = f(), [f()] = f() } show { x = f(), f() } show { FIFTY FORTY f(), x = f(), f() }
local function g(...) show { FIFTY ... } show { FIFTY (...) } show { x = ..., FIFTY FIFTY y = (...), ... } end g("d", "e")`),
		"numerals": `
say(007, 0010, 00, 0.5, .5, 5., 0x10, 0XfF, 1e2, 1E+2, 1e-2, 3.e1, 08, 0e1, 0001.5)
say(0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff, 1e308, 1e309, -1e309, 1e-400, 123456789012345678, 00000000000000000000000012)
for _, s in ipairs { "1e", "1e+", "1e-", "1ex", "0x", "1e\n", "3e+ " } do say((loadstring("return " .. s))) end`,
		"loops whose first expression begins with a constant": `
local function f(...) return ... end
local n = 0 repeat n = n + 1 local x = false and 1 or n until (nil and 1 or x) >= 3 say(n)
n = 0 repeat local x = (true or n) n = n + 1 until n == 3 say(n) n = 0 repeat n = (1 and n) + 1 until n == 3 say(n) n = 0 repeat f(false and 1 or 2) n = n + 1 until n == 3 say(n)
n = 0 while (false and 1 or n) < 3 do n = n + 1 end say(n) n = 0 while n < (false and 1 or 3) do n = n + 1 end say(n) n = 0 while -(nil and 1 or n) > -3 do n = n + 1 end say(n)
n = 0 while (false and 1 or n) .. "" ~= "3" do n = n + 1 end say(n) n = 0 while ({ 0, 0, 0, 1 })[false and 1 or n + 1] == 0 do n = n + 1 end say(n) for i = 1, 3 do local x = false and 1 or i n = x end say(n)
for _, i in ipairs { 1, 2, 3 } do local x = false and 1 or i n = n + x end say(n) n = 0 while not (false and 1 or n == 3) do n = n + 1 end say(n) n = 0 repeat for i = (nil and 1 or 1), 2 do n = n + 1 end until n >= 6 say(n)`,
	})
}

func TestGotoClosesOnlyWhatItLeaves(t *testing.T) {
	got := newProgram(t).run(`
local x = 1
local function f() return x end
for i = 1, 2 do goto continue ::continue:: end
x = 2
print(f())
local list = {}
do
  local i = 1
  ::top::
  local y = i
  local function set(v) y = v end
  list[i] = function() return y end
  if i < 3 then set(y * 10) i = i + 1 goto top end
end
print(list[1](), list[2](), list[3]())
for i = 1, 3 do
  local z = i
  list[i] = function() z = z + 1 return z end
  if i == 2 then goto continue end
  z = z + 100
  ::continue::
end
print(list[1](), list[2](), list[3]())
do
  for i = 1, 3 do
    local n = i
    do local m = i * 2 list[i] = function() n = n + 1 return n + m end if i == 2 then goto done end end
    n = n + 100
  end
  ::done::
end
local a, b, c, d, e, g = 1, 2, 3, 4, 5, 6
print(list[1](), list[2](), a, b, c, d, e, g)
local function loop(...)
  local count = 0
  local function add() count = count + 1 end
  local n = 0
  repeat
    n = n + 1
    if n == 2 then goto continue end
    add()
    ::continue::
  until n == 4
  return count, ...
end
print(loop("end"))
print(pcall(loadstring("\n\nfor i = 1, 2 do goto continue ::continue:: end\nerror('line')", "=chunk")))
`)
	if want := "2\n10\t20\t3\n102\t3\t104\n104\t7\t1\t2\t3\t4\t5\t6\n3\tend\nfalse\tchunk:4: line\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for source, want := range map[string]string{
		"\ngoto nowhere":                        "no visible label 'nowhere' for <goto> at line 2",
		"goto a; local x ::a:: print(x)":        "<goto a> at line 1 jumps into the scope of local 'x'",
		"goto a do ::a:: end":                   "no visible label",
		"::a:: ::a::":                           "label 'a' already defined",
		"do goto a end local b ::a:: b = 1":     "jumps into the scope of local 'b'",
		"::a:: local f = function() goto a end": "no visible label 'a' for <goto> at line 1",
	} {
		if got := newProgram(t).try(source); !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", source, got, want)
		}
	}
}

func TestTooManyUpvaluesAreRefused(t *testing.T) {
	function := func(n int) string {
		outer, inner := "", ""
		for i := range n {
			if i%150 == 0 {
				inner += "return (function() "
			}
			inner += fmt.Sprintf("local l%d = 1 ", i)
			outer += fmt.Sprintf(" + l%d", i)
		}
		return inner + "return (function() return 0" + outer + " end)() " + strings.Repeat("end)() ", (n+149)/150)
	}
	p := newProgram(t)
	if got := p.run("print((function(...) " + function(255) + " end)())"); got != "255\n" {
		t.Errorf("got %q, want 255", got)
	}
	if got, want := p.try(function(256)), "script:1: function has more than 255 upvalues"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Functions with many variables, constants, operands and levels.
func TestLargeFunctionsAreLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{"functions": `
local function rep(n, f, sep) local t = {} for i = 1, n do t[i] = type(f) == "string" and f:gsub("@", i) or f(i) end return table.concat(t, sep or " ") end
local function run(source, ...) try(assert(loadstring(source)), ...) end
run(rep(190, "local l@ = @") .. " l1, l190, l7 = l190, l7, l1 return l1, l190, l7")
run(rep(60, "local l@ = @") .. " return (function() return " .. rep(60, "l@", "+") .. " end)()")
run("local t, s = {}, 0 " .. rep(600, "t.k@ = @ ") .. rep(600, "s = s + t.k@ * 5@ if s == 9@ then s = s - @ end") .. " return s, t.k600 == 600, 'k599' == 'k' .. 599, t.k1 < 1601, 1601 > t.k1")
run("local t, s = setmetatable({}, { __index = function(t, k) return function(self, a) return #k + a end end }), 0 " .. rep(600, "s = s + t:m@(@)") .. " return s")
run("local s = 0 " .. rep(300, "g@ = { x = {} } g@.x.y@ = @ ") .. rep(300, "s = s + g@.x.y@ ") .. " function g300.x.f() return 'f' end function g299:m() return self.x.y299 end return s, g300.x.f(), g299:m()")
run("return #(" .. rep(190, "'a'", "..") .. ")") run("local a = 'a' return (" .. rep(150, "a", "..") .. "):rep(2)")
run("local a, b = 1, false return " .. rep(1000, function(i) return i % 7 == 0 and "b" or "a" end, " and "))
run("local a, b = 1, false return " .. rep(1000, function(i) return i % 700 == 0 and "a" or "b" end, " or "))
run("local a, b, c = 1, false, nil return " .. rep(400, function(i) return ({ "a and b", "c or b", "not a", "b == c", "(a or c) and b" })[i % 5 + 1] end, " or "))
run("return select('#', " .. rep(190, "@", ",") .. ")") run("local function f(" .. rep(100, "p@", ",") .. ") return p1, p100 end return f(" .. rep(120, "@", ",") .. ")")
run("local t = {" .. rep(1000, "@", ",") .. ", f = 1, ...} return #t, t[1000], t[1001], t[1003], t.f", "a", "b", "c")
run("local function f(x) return (x or 0) + 1 end return " .. rep(150, "f(", "") .. rep(150, ")", "")) run("local t = " .. rep(150, "{", "") .. rep(150, "}", "") .. " return type(t[1][1][1])")
run("local function f(n, a) if n == 0 then return a end return f(n - 1, a + 1) end return f(100000, 0)")
run("local function f(n, ...) if n == 0 then return select('#', ...), ... end return f(n - 1, ...) end return f(100000, 1, nil, 3)")
run("local g local function f(n) if n == 0 then return 'f' end return g(n - 1) end function g(n) if n == 0 then return 'g' end return f(n - 1) end return f(99999)")
run("local o = setmetatable({}, { __call = function(self, a, ...) return select('#', ...), a, ... end }) local function f(...) return o(...) end return f(1, nil, 3)")
run("local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(1500)") run("return select('#', ...)", unpack({}, 1, 250))
run("local x = 77 " .. rep(200, function(i) return (i == 1 and "if" or "elseif") .. " x == " .. i .. " then return " .. i * 2 end) .. " else return 0 end")
run("local n = 0 " .. rep(50, "while true do n = n + 1") .. " break " .. rep(49, "end break") .. " end return n") run(rep(30, "for i@ = 1, 1 do") .. " n = (n or 0) + i1 + i30 " .. rep(30, "end") .. " return n")`})
}

func BenchmarkLoad(b *testing.B) {
	source := []byte(many(100, func(int) string {
		return `
function update(list, step)
  for i, item in ipairs(list) do
    item.x, item.y = item.x + step * item.dx, item.y + step * item.dy
    if item.x < 0 or item.x > 100 then item.dx = -item.dx end
    local label = ("%s at %d, %d"):format(item.name, item.x, item.y)
    list.log[#list.log + 1] = { label = label, time = step, done = function() return item.x == list.goal end }
  end
  return #list, list.log
end`
	}))
	l := newProgram(b).l
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if _, err := interp.Load(l, "bench", source); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSwap(b *testing.B) {
	benchmark(b, "local t = { 1, 2, 3 } for i = 1, 1000 do t[1], t[2] = t[2], t[1] end")
}
