package interp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/poelua/poelua/bindings/interp"
)

func TestBaseIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"assert": `
say(assert(1, 2, nil)) say(assert("x")) try(function() assert(false) end) try(function() assert(nil, "x") end) try(function() assert(nil, 12.5) end)
try(function() assert(nil, {}) end) try(function() assert(false, nil) end) try(function() assert() end) try(function() assert(nil, "%d %s") end)`,
		"error": `
try(function() error() end) try(function() error(nil) end) try(function() error("x") end) try(function() error(42) end) try(function() error(1e15) end) try(function() error("x", 0) end)
try(function() error("x", "2") end) try(function() error("x", {}) end) try(function() error("x", -1) end) try(function() error("x", 0.5) end) try(function() error("x", 1e300) end)
try(function() error(true, 2) end) say(type(select(2, pcall(error, 42)))) say(pcall(error, "x")) try(function() return error("x", 1) end)
local function level(n)
  error("x", n)
end
local function caller(n)
  level(n)
end
for n = 0, 3 do try(function()
  caller(n)
end) end
local function gone(n) return level(n) end
for n = 0, 2 do try(function() gone(n) end) end`,
		"select": `
say(select("#")) say(select("#", nil, nil)) say(select("#x", 1)) say(select(1)) say(select(2, 1, 2, 3)) say(select(-1, 1, 2, 3)) say(select(9, 1)) say(select("2", 1, 2)) say(select(1.9, 1, 2))
try(function() select(0) end) try(function() select(-1) end) try(function() select(-2, 1) end) try(function() select("x") end) try(function() select(-2e9, 1) end) try(function() select() end) try(function() select("") end)`,
		"raw access": `
local t = setmetatable({}, { __index = function() return 1 end, __newindex = error, __eq = function() return true end })
say(rawget(t, "x")) say(rawset(t, "x", 2) == t, t.x) say(rawequal(t, t), rawequal(t, setmetatable({}, getmetatable(t))), rawequal(1, 1), rawequal("a", "a"), rawequal(0/0, 0/0), rawequal("1", 1), rawequal(nil, false), rawequal(nil, nil))
say(rawget(t, nil), rawget(t, 0/0), rawget(t, 1)) say(#rawset({}, 1000, nil), rawset({ 1 }, 1, nil)[1], rawset({}, -1, 2)[-1])`,
		"metatables": `
local mt = {} local t = setmetatable({}, mt) say(getmetatable(t) == mt, getmetatable({}), getmetatable(1), getmetatable("").__index == string, setmetatable(t, nil) == t, getmetatable(t))
mt.__metatable = "no" setmetatable(t, mt) say(getmetatable(t)) try(function() setmetatable(t, {}) end) mt.__metatable = false say(getmetatable(t)) try(function() setmetatable(t, nil) end)`,
		"types": `
say(type(nil), type(1), type("x"), type({}), type(print), type(true), type(coroutine.create(function() end)), type(io.stdout), type(newproxy())) try(function() type() end)`,
		"ipairs": `
for i, v in ipairs { 1, "x", false, nil, 5 } do say(i, v) end
local t = { 1, 2, 3 } for i, v in ipairs(t) do say(i, v) if i < 6 then t[#t + 1] = i end end
for i in ipairs(t) do t[i + 1] = nil say(i) end
for i, v in ipairs(setmetatable({}, { __index = { 1, 2 } })) do say(i, v) end
local next, state, first = ipairs(t) say(state == t, first, next(t, 0)) say(next({ 1, 2 }, "1")) say(next({}, 0)) say(next({ [-3] = 7 }, -4)) say(next({ [5e9] = 7 }, 1.5)) say(next({ [0] = 3 }, -1))`,
		"environments": `
local function f() return x end
say(getfenv() == _G, getfenv(1) == _G, getfenv(0) == _G, getfenv(f) == _G, getfenv(print) == _G, getfenv(nil) == _G, getfenv("1") == _G)
say(setfenv(f, { x = 3 }) == f, f(), getfenv(f).x)
local function inner() setfenv(2, { x = 5, say = say }) return 1 end
local function outer() inner() say(x) end outer() say(x)
local function own() local say = say setfenv(1, { y = 6 }) say(y) end own()
try(function() getfenv(-1) end) try(function() getfenv(200) end) try(function() getfenv({}) end) try(function() setfenv(-1, {}) end) try(function() setfenv(200, {}) end)
try(function() setfenv(print, {}) end) try(function() setfenv({}, {}) end) try(function() setfenv(1) end) try(function() setfenv("x", {}) end)
local function tail() getfenv(2) end try(function() return (function() return tail() end)() end)
local thread = { say = say, loadstring = loadstring, setfenv = setfenv, _G = _G }
coroutine.wrap(function() setfenv(0, thread) say(getfenv(0) == thread, getfenv(print) == thread, getfenv(loadstring("")) == thread, getfenv(1) == _G) end)() say(getfenv(0) == _G)`,
		"proxies": `
local a, b = newproxy(), newproxy(true) local c = newproxy(b)
say(getmetatable(a), type(getmetatable(b)), getmetatable(b) == getmetatable(c), getmetatable(newproxy(false))) getmetatable(b).__len = function() return 4 end say(#c)
for _, v in ipairs { 1, "x", {}, a, io.stdout, print } do try(function() newproxy(v) end) end`,
		"modules": `
local say, try, _G = say, try, _G
module("one.two", package.seeall, function(m) say(m._NAME, m._PACKAGE) end) x = 1
say(_G.one.two.x, _G.one.two._M == _G.one.two, _G.package.loaded["one.two"] == _G.one.two, _G.getfenv(1) == _G.one.two)
try(function() module("print") end) try(function() module("one.two.x") end) say(_G.select("#", _G.pcall(module, "y")))
try(function() module("three") say(_NAME, _PACKAGE == "", print) end) try(function() module() end) try(function() package.seeall(1) end) 
local function called(f) say((_G.select(2, _G.pcall(f)):gsub("^script:%d+: ", ""))) end -- the reference tells no line
called(function() module("four", nil) end) called(function() module("five", {}) end) say(_G.three._NAME, x)`,
		"the collector": `
for _, o in ipairs { "stop", "restart", "collect" } do say(collectgarbage(o)) end say(collectgarbage()) say(collectgarbage(nil, nil)) say(collectgarbage("collect", 5))
say(collectgarbage("setpause", 100), collectgarbage("setpause", 150), collectgarbage("setpause", 200), collectgarbage("setstepmul", 3), collectgarbage("setstepmul", "200"))
say(type(collectgarbage("count")), collectgarbage("count") > 1, type(collectgarbage("step")), type(gcinfo()), gcinfo() % 1)
try(function() collectgarbage("x") end) try(function() collectgarbage({}) end) try(function() collectgarbage("count", {}) end) try(function() collectgarbage(1) end)`,
		"names": `
local names = {} bit = nil utf8 = nil for k in pairs(_G) do if type(k) == "string" then names[#names + 1] = k end end table.sort(names) for _, k in ipairs(names) do say(k, type(_G[k])) end say(_VERSION, _G._G == _G)`,
	})
}

// wrongArguments calls each function of a list with values of all types at its first few places.
const wrongArguments = `
local function values() return { nil, true, 1, "x", "100", { 3, 1, 2 }, function() end, coroutine.create(function() end), newproxy(), n = 9 } end
local function check(name, places)
  local function from(arguments, n)
    local run = loadstring(name .. "(...)", "=call")
    local ok, message = pcall(run, unpack(arguments, 1, n))
    say(name, n, arguments[1] == nil and "nil" or type(arguments[1]), type(arguments[2]), type(arguments[3]), ok, ok or type(message) == "string" and message:gsub("^call:1: ", "") or type(message))
    if n < places then
      for i = 1, 9 do
        local arguments = { arguments[1], arguments[2], arguments[3] }
        arguments[n + 1] = values()[i]
        from(arguments, n + 1)
      end
    end
  end
  from({}, 0)
end
`

// Of several wrong arguments of these, the reference tells of the last, since its compiler calls right to left: here they
// are wrong one at a time.
const wrongOneAtATime = `
local function checkEach(name)
  for i = 1, 2 do for _, v in ipairs { false, true, "x", {}, print } do
    local arguments = { 1, 1 } arguments[i] = v or nil
    local ok, message = pcall(loadstring(name .. "(...)", "=call"), unpack(arguments, 1, 2)) say(name, i, type(v), message)
  end end
  say(pcall(loadstring(name .. "(...)", "=call"), 1))
end
`

func TestWrongArgumentsAreLikeLua51s(t *testing.T) {
	likeLua51(t, map[string]string{
		"base": wrongArguments + `
for _, name in ipairs { "assert", "collectgarbage", "error", "gcinfo", "getfenv", "getmetatable", "ipairs", "newproxy", "rawequal", "rawget", "rawset", "select", "setmetatable", "type" } do check(name, 3) end
check("package.seeall", 2) check("setfenv", 2)
-- A module stays: each is made once.
for _, v in ipairs { true, {}, print, newproxy() } do say(pcall(loadstring("module(...)", "=call"), v)) end`,
		"table": wrongArguments + `
for _, name in ipairs { "concat", "foreach", "foreachi", "getn", "insert", "maxn", "remove", "setn", "sort" } do check("table." .. name, 3) end check("unpack", 3)`,
		"math": wrongArguments + `
for _, name in ipairs { "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg", "exp", "floor", "frexp", "log", "log10", "max", "min", "modf", "rad", "random", "randomseed", "sin", "sinh", "sqrt", "tan", "tanh" } do
  check("math." .. name, (name == "max" or name == "min" or name == "random") and 3 or 2)
end`,
		"math, of two numbers": wrongOneAtATime + `
for _, name in ipairs { "atan2", "fmod", "ldexp", "mod", "pow" } do checkEach("math." .. name) end`,
	})
}

func TestErrorsAreAtTheCallersLine(t *testing.T) {
	p := newProgram(t)
	for _, source := range []string{
		"rawset({}, nil, 1)", "rawset({}, 0/0, 1)", "table.sort({ 1, 'x' })", "table.sort({ {}, {} })", "unpack({}, 1, 1e9)", "math.sin()", "assert(false)", "select(0)", "table.concat({ {} })",
		"setmetatable(1, {})", "newproxy(1)", "ipairs()", "math.random(0)", "table.move({}, 1, 1e9, 1)",
	} {
		if got := p.try("local x\n\n" + source + "\n"); !strings.HasPrefix(got, "script:3: ") {
			t.Errorf("%s: got %q", source, got)
		}
	}
	got := p.run(`print(coroutine.resume(coroutine.create(function() 
  table.insert(1) end)))`)
	if want := "false\tscript:2: bad argument #1 to 'insert' (table expected, got number)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestACollectionIsTold(t *testing.T) {
	var told []bool
	p := newProgram(t, func(c *interp.Config) { c.Collect = func(full bool) { told = append(told, full) } })
	p.run(`collectgarbage() collectgarbage("step") collectgarbage("count") collectgarbage("collect") collectgarbage("stop")`)
	if want := []bool{true, false, true}; !slices.Equal(told, want) {
		t.Errorf("got %v, want %v", told, want)
	}
}

func TestMemoryIsCounted(t *testing.T) {
	p := newProgram(t)
	got := p.run(`
local before = collectgarbage("count") local t = {} for i = 1, 1e5 do t[i] = { i } end
local held = collectgarbage("count") t = nil collectgarbage() local after = collectgarbage("count")
io.write(tostring(held > before + 1000), " ", tostring(after < held - 1000), " ", tostring(collectgarbage("step")))`)
	if want := "true true true"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is not there would block the loop or is gopher-lua's own.
func TestNothingOfGopherLuasOwnIsThere(t *testing.T) {
	p := newProgram(t)
	if got, want := p.run(`io.write(tostring(channel), tostring(_printregs), tostring(_GOPHER_LUA_VERSION), _VERSION)`), "nilnilnilLua 5.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAProxyOfAnotherObjectIsRefused(t *testing.T) {
	p := newProgram(t)
	if got := p.try(`newproxy(io.stdout)`); !strings.HasSuffix(got, "bad argument #1 to 'newproxy' (boolean or proxy expected)") {
		t.Errorf("got %q", got)
	}
}
