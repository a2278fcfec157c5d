package check_test

import (
	"fmt"
	"testing"
)

func TestUndefinedGlobals(t *testing.T) {
	undefined := func(line int, name string) []string {
		return []string{fmt.Sprintf("%d: undefined global '%s'", line, name)}
	}
	runCases(t, []checkCase{
		{"a call", "foo()", undefined(1, "foo")},
		{"a method call", "foo:bar()", undefined(1, "foo")},
		{"a field", "print(foo.bar.baz)", undefined(1, "foo")},
		{"the table of an assignment", "foo.bar = 1", undefined(1, "foo")},
		{"the table of a function", "function foo.bar() end", undefined(1, "foo")},
		{"the table of a method", "function foo:bar() end", undefined(1, "foo")},
		{"a key", "local t = {} t[foo] = 1", undefined(1, "foo")},
		{"a table's key and value", "return { [foo] = bar }", []string{"1: undefined global 'bar'", "1: undefined global 'foo'"}},
		{"every kind of operator", "local x = -foo + #foo .. (not foo) < foo and foo", undefined(1, "foo")},
		{"every line it is read on", "foo()\nfoo()", append(undefined(1, "foo"), undefined(2, "foo")...)},
		{"poe without require", "poe.kernel:run()", undefined(1, "poe")},

		{"an assignment anywhere defines", "print(foo)\nlocal function f() foo = 1 end f()", nil},
		{"an assignment of several", "a, b = 1, 2 print(a, b)", nil},
		{"a function statement", "print(foo) function foo() end", nil},
		{"a field of _G", "_G.foo = 1 print(foo)", nil},
		{"a key of _G", "_G['foo'] = 1 print(foo)", nil},
		{"a function in _G", "function _G.foo() end print(foo)", nil},
		{"a method in _G", "print(_G.anything, rawget(_G, 'other')) for k in pairs(_G) do print(k) end foo()", undefined(1, "foo")},
		{"rawset of _G", "rawset(_G, 'foo', 1) print(foo)", nil},
		{"an assignment to a local does not", "local foo do foo = 1 end print(foo) local function f() print(bar) local bar = 1 return bar end f()", undefined(1, "bar")},
		{"assigning to a field does not", "local t = {} t.foo = 1 print(foo)", undefined(1, "foo")},

		{"a computed name in _G", "_G['f' .. 'oo'] = 1 print(foo)", nil},
		{"rawset of a computed name", "for _, n in ipairs{'foo'} do rawset(_G, n, 1) end print(foo)", nil},
		{"a metatable for _G", "setmetatable(_G, { __index = function() return 1 end }) print(foo)", nil},
		{"_G under another name", "local G = _G G.foo = 1 print(foo)", nil},
		{"setfenv", "setfenv(1, { foo = 1 }) print(foo)", nil},
		{"getfenv", "getfenv().foo = 1 print(foo)", nil},
		{"module", "module(..., package.seeall) function bar() return foo end", nil},
		{"dofile", "dofile('config.lua') print(foo)", nil},
		{"a local called module", "local module = {} print(module, foo)", undefined(1, "foo")},

		{"compared with nil", "if foo == nil then print 'no' elseif nil ~= foo then print(foo) end", nil},
		{"asked for its type", "if type(foo) == 'function' then foo() end", nil},
		{"its own replacement", "local foo = foo or require 'foo' print(foo)", nil},
		{"as a condition it is read", "if foo then print 'yes' end", undefined(1, "foo")},
		{"compared with nil where a local has the name", "do local foo if foo == nil then print(foo) end end print(foo)", undefined(1, "foo")},
	})
}

func TestScopesAreThoseOfLua(t *testing.T) {
	undefined := []string{"2: undefined global 'v'"}
	runCases(t, []checkCase{
		{"a local ends with its block", "do local v = 1 print(v) end\nprint(v)", undefined},
		{"a local begins after its statement", "\nlocal v = v print(v)", undefined},
		{"a local table does not see itself", "\nlocal v = { f = function() return v end } print(v)", undefined},
		{"a local function sees itself", "local function v(n) return n > 0 and v(n - 1) end v(3)", nil},
		{"a local that holds a function sees itself, as gopher-lua has it", "local v = function(n) return n > 0 and v(n - 1) end v(3)", nil},
		{"two locals that hold functions do not", "\nlocal v, w = function() return v end, 1 print(v, w)", undefined},
		{"a parameter ends with its function", "local function f(v) return v end f()\nprint(v)", undefined},
		{"a closure sees the locals around it", "local v = 1 return function() return function() return v end end", nil},
		{"for counts in its body only", "for v = 1, 2 do print(v) end\nprint(v)", undefined},
		{"for does not see its variable in its limits", "\nfor v = 1, v do print(v) end", undefined},
		{"for does not see its variable in its step", "\nfor v = 1, 2, v do print(v) end", undefined},
		{"for in has its names in its body only", "for k, v in pairs{} do print(k, v) end\nprint(v)", undefined},
		{"for in does not see them in its list", "\nfor v in pairs(v) do print(v) end", undefined},
		{"until sees the locals of the body", "repeat local v = io.read() until not v", nil},
		{"and nothing after it does", "repeat local v = io.read() until not v\nprint(v)", undefined},
		{"while does not see the locals of its body", "\nwhile v do local v = 1 print(v) end", undefined},
		{"the branches of if are apart", "if arg then local v = 1 print(v)\nelse print(v) end", undefined},
		{"and so are the conditions", "if arg then local v = 1 print(v)\nelseif v then print(1) end", undefined},
		{"a method has self", "local t = {} function t:f() return self end t:f()", nil},
		{"a function with a dot has not", "local t = {} function t.f() return self end t.f()", []string{"1: undefined global 'self'"}},
		{"self ends with its method", "local t = {} function t:f() end\nprint(self)", []string{"2: undefined global 'self'"}},
		{"arg and ... in a vararg function", "local function f(...) return arg.n, ... end f()", nil},
		{"... of the chunk", "local a, b = ... print(a, b)", nil},
		{"an inner local hides the outer one and goes", "local v = 1 do local v = 2 print(v) end print(v)", nil},
		{"a label is no variable", "goto v\n::v::", nil},
	})
}

func TestNearNamesAreSuggested(t *testing.T) {
	suggest := func(name, guess string) []string {
		return []string{fmt.Sprintf("1: undefined global '%s' (did you mean '%s'?)", name, guess)}
	}
	runCases(t, []checkCase{
		{"two neighbours exchanged", "pritn()", suggest("pritn", "print")},
		{"a byte too many", "printt()", suggest("printt", "print")},
		{"a byte too few", "prnt()", suggest("prnt", "print")},
		{"another byte", "prind()", suggest("prind", "print")},
		{"two edits in a longer name", "setmetatbel()", suggest("setmetatbel", "setmetatable")},
		{"case", "String.format()", suggest("String", "string")},
		{"a global of the file", "function make_robot() end make_robto()", suggest("make_robto", "make_robot")},
		{"a local in scope", "local counter = 1 print(coutner)", suggest("coutner", "counter")},
		{"a local out of scope is not suggested", "do local counter = 1 print(counter) end print(coutner)", []string{"1: undefined global 'coutner'"}},
		{"two edits in a short name are chance", "foo()", []string{"1: undefined global 'foo'"}},
		{"so is one in a shorter one", "o()", []string{"1: undefined global 'o'"}},
		{"the nearest wins", "local printx = 1 prints()", suggest("prints", "print")},
		{"the first in alphabet among equals", "local zount, bount = 1, 2 print(count)", suggest("count", "bount")},
	})
}
