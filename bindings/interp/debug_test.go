package interp_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

func TestDebugLooksAtCalls(t *testing.T) {
	likeLua51(t, map[string]string{
		"the kinds of names": `local function name() local i = debug.getinfo(2, "n"); say(i.name, i.namewhat) end
			function global() name() end; global()
			local function known() name() end; known()
			local t = { field = function() name() end, method = function(self) name() end }; t.field(); t:method();
			(function() known() end)(); (function() name() end)()`,
		"levels through pcall": `local function f(n) return debug.getinfo(n, "f").func end
			local function g() return f(2) == g2, f(3) == pcall, f(4) == h end
			g2 = function() return f(2) == g2, f(3) == pcall, f(4) == h end
			h = function() local all = { pcall(g2) }; return unpack(all) end; say(h())`,
		"error levels through pcall": `local function f() error("x", 3) end
			local function g() local r = { pcall(f) }
				say(unpack(r)) end
			g()`,
		"locals": `local function show() for i = 1, 4 do say(debug.getlocal(2, i)) end end
			local function f(a, b) local c = a + b; show(); c = c + 1; return c end; f(1, 2)`,
		"locals that are set": `local function set(n, v) say(debug.setlocal(2, n, v)) end
			local function f(a, b) set(2, "x"); local c = b; set(3, "y"); return a, b, c end; say(f(1, 2))`,
		"temporary values": `local function f() say((debug.getlocal(0, 1))); return (debug.getlocal(0, 3)) end; say(f())`,
		"locals of a coroutine": `local co = coroutine.create(function(a) local b = a + 1; coroutine.yield(); return a, b end)
			coroutine.resume(co, 7)
			say(debug.getlocal(co, 0, 1)); say(debug.getlocal(co, 1, 1)); say(debug.getlocal(co, 1, 2)); say(debug.getlocal(co, 1, 9))
			say(debug.setlocal(co, 1, 2, "set")); say(coroutine.resume(co))`,
		"upvalues": `local a, b = 1, 2; local function f() return a, b end
			say(debug.getupvalue(f, 1)); say(debug.getupvalue(f, 3)); say(select("#", debug.getupvalue(f, 0)))
			say(debug.setupvalue(f, 2, "x")); say(f()); say(select("#", debug.setupvalue(f, -1, 0)), select("#", debug.getupvalue(print, 1)))`,
		"environments": `local env = { print = 1 }; local f = loadstring("return x"); say(debug.setfenv(f, env) == f)
			env.x = 5; say(f(), debug.getfenv(f) == env, debug.getfenv(1))`,
		"the environment of a coroutine": `local env = { x = 5 }
			local co = coroutine.create(function() coroutine.yield(getfenv(0).x); return (select(2, pcall(loadstring("return x")))) end)
			say(debug.setfenv(co, env) == co, debug.getfenv(co) == env)
			say(coroutine.resume(co)); say(coroutine.resume(co)); say(getfenv(0) == _G)`,
		"a coroutine's coroutine": `local env = setmetatable({}, { __index = _G }); local inner
			local co = coroutine.create(function() inner = coroutine.create(function() end) end)
			debug.setfenv(co, env); coroutine.resume(co); say(debug.getfenv(inner) == env)`,
		"names of files": `local function short(name) return debug.getinfo(loadstring("", name), "S").short_src end
			say(short("@x.lua"), short("=x"), short("return"), short(""), short("=")); say(short("@" .. ("p"):rep(1000) .. "t"))`,
		"metatables": `say(debug.setmetatable({}, nil), getmetatable(debug.setmetatable({}, {})))`,
	})
}

func TestDebugRejects(t *testing.T) {
	snippets := map[string]string{}
	for _, call := range []string{
		"getlocal()", "getlocal(1)", "getlocal(99, 1)", "getlocal(-1, 1)", "getlocal(1, -1)", "getlocal(1, 99)", "getlocal({}, 1)",
		"getlocal(coroutine.create(function() end), 0, 1)", "getlocal(coroutine.create(function() end))", "setlocal(1, 1)", "setlocal(99, 1, 1)",
		"setlocal(1, -5, 1)", "getupvalue()", "getupvalue(1, 1)", "getupvalue(print, {})", "setupvalue(print, 1)",
		"setupvalue(print, 1, 2)", "getfenv()", "setfenv()", "setfenv(1, {})", "setfenv(print, 1)", "getmetatable()",
		"setmetatable()", "setmetatable({})", "setmetatable({}, 1)", "getinfo()", "getinfo(print, 'x')", "getinfo(99)", "getinfo({})",
	} {
		snippets[call] = "local function f() local r = { pcall(function() return (debug." + call + ") end) }; say(unpack(r)) end f()"
	}
	likeLua51(t, snippets)
}

// TestDebugBearsAnything calls the functions of the library with all sorts of arguments, in the midst of constructors, loops
// and operators. What it does to variables may make a script fail, but not gopher-lua.
func TestDebugBearsAnything(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	values := []string{"0", "1", "2", "3", "4", "5", "-1", "1e300", "-1e300", "0/0", "1/0", "nil", "{}", "'x'", "print", "co", "dead", "fresh", "f"}
	functions := []string{"getinfo", "getlocal", "setlocal", "setlocal", "setlocal", "getupvalue", "setupvalue", "getfenv", "traceback"}
	var b strings.Builder
	b.WriteString(`local co = coroutine.create(function(a) local b = { a, coroutine.yield() }; return b end); coroutine.resume(co, 1)
		local dead = coroutine.create(error); coroutine.resume(dead); local fresh = coroutine.create(print)
		local function f() return co end
		function attempt(f) local ok, e = pcall(f); e = tostring(e)
			if e:find("runtime error") or e:find("interface conversion") or e:find("nil pointer") then print(e) end end
	`)
	for range 3000 {
		args := make([]string, 2+r.Intn(3))
		for i := range args {
			args[i] = values[r.Intn(len(values))]
		}
		call := fmt.Sprintf("debug.%s(%s)", functions[r.Intn(len(functions))], strings.Join(args, ", "))
		form := []string{
			"local t = { 1, @, 2, 3 }", "for i = 1, 3 do local x = @; break end", "local x = 1 + (@ or 1)", "local s = 'a' .. tostring(@) .. 'b'", "return { @ }",
			"local a, b, c = 1, {}, @; return a, b, c", "local t = { x = @, { @ } }", "local t = {}; t[1], t[2] = @, 1",
		}[r.Intn(8)]
		fmt.Fprintf(&b, "attempt(function(...) %s end)\n", strings.ReplaceAll(form, "@", call))
		fmt.Fprintf(&b, "attempt(function(...) local function g() return %s end; %s end)\n", call, strings.ReplaceAll(form, "@", "g()"))
	}
	if out := newProgram(t).run(b.String()); out != "" {
		t.Error(out)
	}
}
