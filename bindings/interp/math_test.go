package interp_test

import (
	"testing"

	"github.com/poelua/poelua/bindings/interp"
)

// numbers gives snippets say12, which writes numbers with the digits in which two mathematical libraries agree, and any,
// which gives a number of any kind.
const numbers = dice + `
local function say12(...)
  local n, t = select("#", ...), { ... }
  for i = 1, n do local v = t[i] if v ~= v then v = "nan" elseif v == 1 / 0 or v == -1 / 0 then v = v > 0 and "inf" or "-inf" elseif type(v) == "number" then v = string.format("%.12g", v) end io.stdout:write(tostring(v), " ") end
  io.stdout:write("\n")
end
local function fraction() return die(2147483646) / 2147483647 end
local special = { 0, math.ceil(-0.5), 1, -1, 0.5, -0.5, 1.5, 2, 10, 100, 1e15, 2^53, -2^53, 2^31, 1e300, -1e300, 5e-324, 2.2250738585072014e-308, 1/0, -1/0, 0/0, math.pi, math.pi / 2, 1e22, 3, -3, 7.25 }
local function any()
  local kind = die(6)
  if kind == 1 then return special[die(#special)] end
  if kind == 2 then return die(41) - 21 end
  if kind == 3 then return fraction() * 2 - 1 end
  if kind == 4 then return (fraction() - 0.5) * 1e6 end
  if kind == 5 then return (fraction() - 0.5) * 2 ^ (die(200) - 100) end
  return fraction() * 700
end
`

func TestMathIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"functions of one number": numbers + `
for _, name in ipairs { "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg", "exp", "floor", "frexp", "log", "log10", "modf", "rad", "sin", "sinh", "sqrt", "tan", "tanh" } do
  for _, x in ipairs(special) do say12(name, x, math[name](x)) end
  for i = 1, 500 do local x = any() say12(name, x, math[name](x)) end
end`,
		"functions of two numbers": numbers + `
for _, name in ipairs { "atan2", "fmod", "mod", "max", "min" } do
  for _, x in ipairs(special) do for _, y in ipairs(special) do say12(name, x, y, math[name](x, y)) end end
  for i = 1, 2000 do local x, y = any(), any() say12(name, x, y, math[name](x, y)) end
end
for _, x in ipairs(special) do for _, y in ipairs(special) do say12("pow", x, y, math.pow(x, y)) end end
for i = 1, 2000 do local x, y = fraction() * 200 - 20, die(2) == 1 and die(100) - 50 or fraction() * 100 - 50 say12("pow", x, y, math.pow(x, y)) end
for i = 1, 2000 do local x, y = any(), die(200) - 100 say12("ldexp", x, y, math.ldexp(x, y)) end`,
		"what C does": `
say(math.fmod(-6, 4), math.fmod(6, -4), math.fmod(5.5, 2), math.fmod(-6, 3), math.fmod(5, 1/0), math.fmod(2^53, 3), math.fmod(1e300, 7)) say(math.fmod(1, 0) ~= math.fmod(1, 0), math.fmod(1/0, 2) ~= 0) say(math.modf(-3.5)) say(math.modf(1/0)) say(math.modf(-1/0)) say(math.modf(-3)) say(math.modf(3.7)) say(math.modf(0.25))
say(math.huge, -math.huge, math.huge == 1/0, math.pi) say(math.frexp(0)) say(math.frexp(-8)) say(math.frexp(1/0)) say(math.frexp(5e-324)) say(math.ldexp(1, 1e9), math.ldexp(1, -1e9), math.ldexp(0.5, 3.9), math.ldexp(1, -1074), math.ldexp("3", "2"), math.ldexp(1/0, -5))
for n = -300, 300 do say(n, math.log10(loadstring("return 1e" .. n)()) == n, math.floor(math.log10(10 ^ n) + 0.1) == n) end say(math.floor(-0.5), math.ceil(-0.5), math.ceil(0.5), math.floor(2^60 + 1), math.abs(math.floor(-0.5)))
say(math.max(1, "3", 2), math.min(1, "-3", 2), math.max(5), math.min("7"), type(math.max("7")), math.max(0/0, 1) == 1, math.max(1, 0/0), math.max(-1/0, 1/0), math.max(2, 1, 3.5), math.floor("3.7")) say(math.sqrt(2), math.exp(0), math.deg(math.pi), math.rad(180))
local names = {} for k in pairs(math) do names[k] = true end names.tointeger, names.type, names.maxinteger, names.mininteger = nil local t = {} for k in pairs(names) do t[#t + 1] = k end table.sort(t) say(unpack(t))`,
		"random": `
math.randomseed(42) for i = 1, 1000 do local x = math.random() if not (x >= 0 and x < 1) then say("out of range", x) end end
for i = 1, 2000 do local n = i % 50 + 1 local x, y = math.random(n), math.random(-n, n) if x < 1 or x > n or x % 1 ~= 0 or y < -n or y > n or y % 1 ~= 0 then say("out of range", x, y) end end
say(math.random(1), math.random(5, 5), math.random(-3, -3), math.random("1"), math.random(1.9), select("#", math.randomseed(1)), math.random(3.2, 3.9))
try(function() math.random(0) end) try(function() math.random(-5) end) try(function() math.random(2, 1) end) try(function() math.random(1, 2, 3) end) try(function() math.random({}) end) try(function() math.random(1, {}) end) try(function() math.random(nil) end)
try(function() math.random(0/0) end) try(function() math.random(1/0) end) try(function() math.random(0.5) end) try(function() math.randomseed() end) try(function() math.randomseed({}) end)`,
	})
}

func TestRandom(t *testing.T) {
	p := newProgram(t)
	for _, c := range []struct{ name, source, want string }{
		{"the same seed, the same numbers", `
local function some(seed) math.randomseed(seed) local t = {} for i = 1, 20 do t[i] = i % 2 == 0 and math.random() or math.random(1000000) end return table.concat(t, " ") end
print(some(1) == some(1), some(1) == some(2), some(1.5) == some(1), some(0) == some(-0), some("7") == some(7), some(0/0) == some(0/0))`, "true\tfalse\tfalse\ttrue\ttrue\ttrue\n"},
		{"intervals of all sizes", `
local ends = { 0, 1, -1, 2^31, -2^31, 2^53, -2^53, 2^53 - 1, 2^63, -2^63, 2^64, 1e100, -1e100, 1.7e308, -1.7e308 }
for _, m in ipairs(ends) do for _, n in ipairs(ends) do if m <= n then
  for i = 1, 50 do local x = math.random(m, n) if not (m <= x and x <= n and x % 1 == 0) then print("out of range", m, n, x) end end
elseif pcall(math.random, m, n) then print("not empty", m, n) end end end print("done")`, "done\n"},
		{"no number is an end", `
for _, x in ipairs { 1/0, -1/0, 0/0 } do print(pcall(math.random, x)) print(pcall(math.random, x, 5)) print((pcall(math.random, 1, x))) end`,
			"false\tscript:2: bad argument #1 to 'random' (interval is empty)\nfalse\tscript:2: bad argument #1 to 'random' (interval is empty)\nfalse\n" +
				"false\tscript:2: bad argument #1 to 'random' (interval is empty)\nfalse\tscript:2: bad argument #1 to 'random' (interval is empty)\nfalse\n" +
				"false\tscript:2: bad argument #1 to 'random' (interval is empty)\nfalse\tscript:2: bad argument #1 to 'random' (interval is empty)\nfalse\n"},
		{"all values come alike often", `
math.randomseed(7) local n = {} for i = 1, 60000 do local x = math.random(6) n[x] = (n[x] or 0) + 1 end
for i = 1, 6 do if n[i] < 9500 or n[i] > 10500 then print(i, n[i]) end end print(#n)`, "6\n"},
		{"neighbouring seeds have nothing in common", `
local n = {} for seed = 1, 6000 do math.randomseed(seed) local x = math.random(6) n[x] = (n[x] or 0) + 1 end
for i = 1, 6 do if n[i] < 850 or n[i] > 1150 then print(i, n[i]) end end print(#n)`, "6\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.run(c.source); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRandomStartsAlikeWithASimulatedClockOnly(t *testing.T) {
	const source = `for i = 1, 5 do io.write(math.random(1000000), " ") end`
	simulated := func(c *interp.Config) { c.Simulated = true }
	if first, second := newProgram(t, simulated).run(source), newProgram(t, simulated).run(source); first != second {
		t.Errorf("simulated: got %q, then %q", first, second)
	}
	if first, second := newProgram(t).run(source), newProgram(t).run(source); first == second {
		t.Errorf("got %q twice", first)
	}
}

func TestOneStatesSeedIsNotAnothers(t *testing.T) {
	one, other := newProgram(t), newProgram(t)
	const seed, draw = `math.randomseed(1)`, `io.write(math.random(1000000))`
	one.run(seed)
	want := one.run(draw)
	one.run(seed)
	other.run(`math.randomseed(2) math.random()`)
	if got := one.run(draw); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMathOfLaterLua(t *testing.T) {
	p := newProgram(t)
	for _, c := range []struct{ name, source, want string }{
		{"tointeger", `print(math.tointeger(3), math.tointeger(-2^53), math.tointeger("8"), math.tointeger(3.5), math.tointeger(2^54), math.tointeger(1/0), math.tointeger(0/0), math.tointeger("x"), math.tointeger({}), math.tointeger(nil))`,
			"3\t-9.007199254741e+15\t8\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n"},
		{"type", `print(math.type(3), math.type(3.5), math.type(1/0), math.type(2^54), math.type("3"), math.type(nil))`, "integer\tfloat\tfloat\tfloat\tnil\tnil\n"},
		{"ends", `print(math.maxinteger == 2^53, math.mininteger == -2^53)`, "true\ttrue\n"},
		{"no value", `print(pcall(math.type)) print(pcall(math.tointeger))`, "false\tscript:1: bad argument #1 to 'type' (value expected)\nfalse\tscript:1: bad argument #1 to 'tointeger' (value expected)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.run(c.source); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func BenchmarkMath(b *testing.B) {
	for _, c := range []struct{ name, source string }{
		{"floor", `local floor = math.floor for i = 1, 1000 do local x = floor(i / 3) end`},
		{"floor of a whole number", `local floor = math.floor for i = 1, 1000 do local x = floor(i) end`},
		{"max", `local max = math.max for i = 1, 1000 do local x = max(i, 500, 7) end`},
		{"sin", `local sin = math.sin for i = 1, 1000 do local x = sin(i) end`},
		{"fmod", `local fmod = math.fmod for i = 1, 1000 do local x = fmod(i, 7) end`},
		{"random", `local random = math.random for i = 1, 1000 do local x = random() end`},
		{"random of an interval", `local random = math.random for i = 1, 1000 do local x = random(1, 100) end`},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.source) })
	}
}
