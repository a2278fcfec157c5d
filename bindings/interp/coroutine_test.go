package interp_test

import (
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestCoroutinesAreLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"values": `
local co = coroutine.create(function(...)
  say("in", ...)
  say("again", coroutine.yield(1, nil, 3, nil))
  local a, b = coroutine.yield()
  say(a, b)
  say((coroutine.yield("x", "y")))
  return "end", nil
end)
say(coroutine.resume(co, "a", nil, "c")) say(coroutine.resume(co)) say(coroutine.resume(co, nil, 2)) say(coroutine.resume(co, 1)) say(coroutine.resume(co, 1, 2)) say(coroutine.resume(co)) say(coroutine.status(co))`,
		"tail calls": `
local function f(n) if n == 0 then return coroutine.yield("bottom") end return f(n - 1) end
local co = coroutine.wrap(f) say(co(100)) say(co("back")) try(co)`,
		"errors": `
local f = coroutine.wrap(function() error("x") end) try(f) try(f)
local g = coroutine.wrap(function() error("x") end) try(function() g() end)
local h = coroutine.wrap(function() error("x", 0) end) try(function() h() end)
local v = {} local i = coroutine.wrap(function() error(v) end) local ok, got = pcall(function() i() end) say(ok, got == v)
say(coroutine.resume(coroutine.create(function() local x = nil + 1 end)) == false)
say(select(2, coroutine.resume(coroutine.create(function() error() end))))`,
		"states": `
local co
co = coroutine.create(function() say(coroutine.status(co)) say(coroutine.running() == co) say(coroutine.resume(co))
  coroutine.wrap(function() say(coroutine.status(co)) say(coroutine.resume(co)) end)() end)
say(coroutine.status(co)) say(coroutine.resume(co)) say(coroutine.status(co)) say(coroutine.resume(co)) say(coroutine.running())`,
		"generators": `
local function permgen(a, n) if n == 0 then coroutine.yield(table.concat(a, " ")) else for i = 1, n do a[n], a[i] = a[i], a[n] permgen(a, n - 1) a[n], a[i] = a[i], a[n] end end end
for p in coroutine.wrap(function() permgen({ 1, 2, 3, 4 }, 4) end) do say(p) end
local function gen(n) return coroutine.wrap(function() for i = 2, n do coroutine.yield(i) end end) end
local function filter(p, g) return coroutine.wrap(function() while true do local n = g() if n == nil then return end if n % p ~= 0 then coroutine.yield(n) end end end) end
local x = gen(200) while true do local n = x() if n == nil then break end say(n) x = filter(n, x) end`,
		"closures": `
local get, set
local co = coroutine.wrap(function() local v = 1 get = function() return v end set = function(n) v = n end coroutine.yield() say(v) coroutine.yield() v = 5 end)
co() set(2) say(get()) co() set(3) say(get()) co() say(get())
local d = coroutine.create(function() local v = "kept" get = function() return v end error("x") end) coroutine.resume(d) say(get())`,
		"wrong arguments": `
for _, f in ipairs { "create", "resume", "status", "wrap" } do for _, v in ipairs { 1, "x", {}, print and true } do local ok, m = pcall(coroutine[f], v) say(f, ok, (tostring(m):gsub("^[^:]*:%d+: ", ""):gsub("'.-'", "?"):gsub("Lua function expected", "function expected"):gsub(", got .*%)", ")"))) end end`,
		"traceback": `
local co = coroutine.create(function() local function f() coroutine.yield() end f() end) coroutine.resume(co)
say((debug.traceback(co, "m"):gsub("%[C%]", "[Go]")))
say((debug.traceback(co, "m", 1):gsub("%[C%]", "[Go]"))) say(debug.traceback(co, nil, 1)) say(debug.traceback(co, {}) ~= nil)
local d = coroutine.create(function() local function g() error("x") end g() end) coroutine.resume(d) say((debug.traceback(d):gsub("%[C%]", "[Go]")))`,
		"environments": `
local co = coroutine.create(function() coroutine.yield(getfenv(0)) say(loadstring("return a")()) setfenv(0, { a = 16 }) coroutine.yield() say(loadstring("return a")()) end)
local env = { a = 15 } debug.setfenv(co, env) say(debug.getfenv(co) == env) say(select(2, coroutine.resume(co)) == env) coroutine.resume(co)
say(debug.getfenv(co).a, getfenv(0) == _G, coroutine.wrap(function() return getfenv(0) == _G end)()) coroutine.resume(co)
say(coroutine.wrap(function() return getfenv(0) == _G end)())`,
		"levels": `
local function f(level) error("at " .. level, level) end
for level = 0, 4 do say(coroutine.resume(coroutine.create(function() local ok = f(level) return ok end))) end`,
	})
}

// heapInUse is what objects on the heap take after a collection.
func heapInUse() int64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// A suspended coroutine takes less than 12 KB, with all that belongs to it.
func TestSuspendedCoroutinesAreSmall(t *testing.T) {
	p := newProgram(t)
	p.run("all = {}") // what is made once is made
	before, goroutines := heapInUse(), runtime.NumGoroutine()
	p.run(`for i = 1, 20000 do
  local co = coroutine.create(function(a) local b = a; coroutine.yield(b); return a end)
  coroutine.resume(co, i)
  all[i] = co
end`)
	if each := (heapInUse() - before) / 20000; each > 12_000 {
		t.Errorf("a suspended coroutine takes %d bytes, want below 12000", each)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("there are %d goroutines, before there were %d", n, goroutines)
	}
	p.run("for i = 1, 20000 do assert(coroutine.resume(all[i])) assert(coroutine.status(all[i]) == 'dead') end")
}

// A thread is used again and again, so making a coroutine takes hardly any memory.
func TestThreadsArePooled(t *testing.T) {
	p := newProgram(t)
	p.run(`function once() return coroutine.wrap(function(a) coroutine.yield(a) return a end) end local f = once() f(1) f()`)
	fn := p.l.GetGlobal("once")
	allocated := testing.AllocsPerRun(100, func() {
		if err := p.l.CallByParam(lua.P{Fn: fn, NRet: 1, Protect: true}); err != nil {
			t.Fatal(err)
		}
		wrapped := p.l.Get(-1)
		p.l.Pop(1)
		for range 2 {
			if err := p.l.CallByParam(lua.P{Fn: wrapped, NRet: 0, Protect: true}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocated > 20 { // a thread alone is made of as many
		t.Errorf("a coroutine takes %v allocations", allocated)
	}
}

// A coroutine's own stack overflows, not Go's, and nothing of Go is seen.
func TestDeepRecursionInCoroutinesIsAnError(t *testing.T) {
	p := newProgram(t)
	for name, source := range map[string]string{
		"plain":      "local function f() return 1 + f() end f()",
		"pcall":      "local function f() local ok, m = pcall(f) error(m, 0) end f()",
		"metamethod": "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) local _ = t[1]",
		"coroutine":  "local function f() return coroutine.wrap(f)() end f()",
		"sort":       "local function f() table.sort({ 2, 1 }, f) end f()",
		"gsub":       "local function f() return (('x'):gsub('x', f)) end f()",
		"tostring":   "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return tostring(t) end tostring(t)",
	} {
		t.Run(name, func(t *testing.T) {
			got := p.run("print(coroutine.resume(coroutine.create(function() " + source + " end)))")
			if !strings.HasPrefix(got, "false\t") || strings.Contains(got, "runtime error") || !strings.Contains(got, "overflow") {
				t.Errorf("got %.300q", got)
			}
			got = p.run("print(pcall(function() " + source + " end))")
			if !strings.HasPrefix(got, "false\t") || strings.Contains(got, "runtime error") || !strings.Contains(got, "overflow") {
				t.Errorf("outside of a coroutine: got %.300q", got)
			}
		})
	}
}
