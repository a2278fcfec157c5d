package interp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/kernel/host"
)

func TestSyntaxErrorsAreOneLine(t *testing.T) {
	p := newProgram(t)
	for _, c := range []struct{ source, want string }{
		{"x = = 1", "f.lua:1: syntax error near '='"},
		{"\n\nlocal x 1", "f.lua:3: syntax error near '1'"},
		{"for", "f.lua:1: syntax error near '<eof>'"},
		{"if x then\n\n", "f.lua:3: syntax error near '<eof>'"},
		{"if x then\r\n\r\n", "f.lua:3: syntax error near '<eof>'"},
		{"x = 'abc\ny = 1", "f.lua:1: unfinished string near 'abc'"},
		{"x = 'abc", "f.lua:1: unfinished string near '<eof>'"},
		{"\nx = [[abc\ny = 1", "f.lua:3: unfinished long string near '<eof>'"},
		{"--[[abc", "f.lua:1: unfinished long comment near '<eof>'"},
		{"x = $1", "f.lua:1: unexpected symbol near '$'"},
		{"x = ~1", "f.lua:1: unexpected symbol near '~'"},
		{"x = 0xg", "f.lua:1: malformed number near '0x'"},
		{"x = \x00", "f.lua:1: unexpected symbol near 'char(0)'"},
		{"\xff\xfe", "f.lua:1: unexpected symbol near 'char(255)'"},
		{"\x7fELF\x02\x01", "f.lua:1: unexpected symbol near 'char(127)'"},
		{"\x1bLua", "f.lua: precompiled chunks cannot be loaded"},
		{"\n\nbreak", "f.lua:3: no loop to break"},
		{"return function()\n return ... end", "f.lua:2: cannot use '...' outside a vararg function"},
		{"x " + strings.Repeat("y", 100), "f.lua:1: syntax error near '" + strings.Repeat("y", 40) + "...'"},
		{"x [[a\nb]]\n= 1", "f.lua:3: syntax error near '='"},
		{"f = 1 'a\\\nb'", "f.lua:2: syntax error near 'a...'"},
		{"goto nowhere", "f.lua:1: no visible label 'nowhere' for <goto> at line 1"},
	} {
		_, err := interp.Load(p.l, "f.lua", []byte(c.source))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %q", c.source, err, c.want)
		}
	}
}

func TestNoSourceBreaksTheCompiler(t *testing.T) {
	p := newProgram(t)
	for name, source := range map[string]string{
		"nested too deep": "x = " + strings.Repeat("not ", 200_000) + "y",
		"too many calls":  "f" + strings.Repeat("()", 200_000),
		"many tables":     "x = " + strings.Repeat("{", 10_000) + strings.Repeat("}", 10_000),
		"many locals":     strings.Repeat("local x\n", 1000),
	} {
		_, err := interp.Load(p.l, "f.lua", []byte(source))
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "f.lua:") {
			t.Errorf("%s: got %v, want an error of one line", name, err)
		}
	}
	wide := "x = {\n" + strings.Repeat("  { 1, 2, 'three' },\n", 20_000) + "}"
	if _, err := interp.Load(p.l, "f.lua", []byte(wide)); err != nil {
		t.Errorf("a long table: got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, source := range []string{"x = 1", "x = [==[", "'\\", "--[", "0x", "goto a ::a::", "\x1bLua", "#!\n", "a.b:c{}", "1e"} {
		f.Add([]byte(source))
	}
	p := newProgram(f)
	f.Fuzz(func(t *testing.T, source []byte) {
		if _, err := interp.Load(p.l, "f", source); err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("got %q, want one line", err)
		}
	})
}

func TestLoadSkipsWhatIsNotLua(t *testing.T) {
	p := newProgram(t)
	for name, source := range map[string]string{
		"first line":          "#!/usr/bin/env poelua\nerror('x')",
		"mark":                "\xef\xbb\xbf\nerror('x')",
		"mark and first line": "\xef\xbb\xbf#!/usr/bin/env poelua\r\nerror('x')",
	} {
		if got := p.try(source); got != "script:2: x" {
			t.Errorf("%s: got %q, want the error in line 2", name, got)
		}
	}
	if got := p.try("#"); got != "" {
		t.Errorf("a first line alone: got %q", got)
	}
}

func TestLoadingIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"files": `
local f = io.open("chunk", "w") f:write("#!/bin/lua\nlocal a = ...\nreturn a, 2, nil") f:close()
say(dofile("chunk")) say(loadfile("chunk")(1)) say(loadfile("nowhere")) say(loadfile("/")) try(function() dofile("nowhere") end) try(function() dofile({}) end) try(function() loadfile({}) end)
f = io.open("chunk", "w") f:write("\n\nerror('x')") f:close() try(function() dofile("chunk") end) f = io.open("chunk", "w") f:write("\n\nerror({})") f:close() say(type(select(2, pcall(dofile, "chunk"))))
io.open("chunk", "w"):close() say(dofile("chunk")) f = io.open("12", "w") f:write("return 1") f:close() say(dofile(12))`,
		"strings": `
say(loadstring("return ...")(1, nil, 3)) say(loadstring("")()) try(function() loadstring() end) try(function() loadstring({}) end) say(loadstring("return 'a\\0b'")() == "a\0b")
for _, name in ipairs { "=name", "@name", "name", "two\nlines", "", ("long"):rep(30), "a\r\nb" } do try(loadstring("error('x')", name)) end try(loadstring("error('x')")) try(loadstring("\n\nerror('x')"))
g = 1 local e = setmetatable({}, { __index = _G }) local f = loadstring("g = 2 return g") setfenv(f, e) say(f(), g, e.g)`,
		"pieces": `
local function pieces(...) local list, i = { ... }, 0 return function() i = i + 1 return list[i] end end
say(load(pieces("ret", "urn ", 1, "2", ""))()) say(load(pieces("return 1", "", "syntax error"))()) say(load(function() error({ 1 }) end) == nil) say((load(function() return {} end)))
try(load(pieces("error('x')"))) try(load(pieces("error('x')"), "=name")) try(load(pieces("error('x')"), "name")) try(function() load("x") end) try(function() load() end)`,
		"modules": `
local function module(name, text) local f = io.open(name .. ".lua", "w") f:write(text) f:close() end
package.path = "./?.lua;./?/init.lua"
module("a", "return { name = ... }") say(require("a").name, require("a") == require("a"), package.loaded.a == require("a"))
module("b", "loads = (loads or 0) + 1") say(require("b"), require("b"), loads) module("c", "package.loaded[...] = 'set'") say(require("c")) module("d", "package.loaded[...] = 'set' return 'returned'") say(require("d"))
module("e", "return false") say(require("e")) say(require("e")) module("f", "require('f')") try(function() require("f") end) try(function() require("f") end)
module("g", "error('x')") try(function() require("g") end) try(function() require("g") end) module("h", "module(..., package.seeall) function f() return 1 end") say(require("h").f(), h.f())
package.preload.p = function(...) say(...) return "preloaded" end say(require("p")) try(function() require() end) try(function() require({}) end)
package.loaders[#package.loaders + 1] = function(name) if name == "own" then return function(...) return "own " .. ... end end end say(require("own"))
package.path = "?.x;dir/?.y;;fixed" package.cpath = "" package.loaders = { package.loaders[1], package.loaders[2] } try(function() require("no.thing") end)
package.loaders[3] = function() return "\n\town message" end try(function() require("no") end) package.loaders[3] = function() error("in searcher", 0) end try(function() require("no") end)
package.path = nil try(function() require("no") end) package.preload = nil try(function() require("no") end) package.loaders = nil try(function() require("no") end) say(require("a").name)`,
	})
}

func TestBrokenModulesNameTheirFile(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	write(t, "broken.lua", "x = = 1")
	if err := os.Mkdir("dir.lua", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ script, want string }{
		{`require("broken")`, "error loading module 'broken' from file './broken.lua':\n\t./broken.lua:1: syntax error near '='"},
		{`require("dir")`, "error loading module 'dir' from file './dir.lua':\n\tcannot read ./dir.lua: Is a directory"},
		{`dofile("broken.lua")`, "broken.lua:1: syntax error near '='"},
		{`error((select(2, loadfile("broken.lua"))), 0)`, "broken.lua:1: syntax error near '='"},
		{`error((select(2, loadstring("x = = 1", "=name"))), 0)`, "name:1: syntax error near '='"},
		{`error((select(2, loadstring("x = = 1"))), 0)`, `[string "x = = 1"]:1: syntax error near '='`},
	} {
		if got := p.try(c.script); got != c.want {
			t.Errorf("%s: got %q, want %q", c.script, got, c.want)
		}
	}
}

func TestRequireTellsWhatWasRefused(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/there.lua", "return 1")
	p := newProgram(t, func(c *interp.Config) { c.Host.Allow = &host.Permissions{} })
	got := p.try(`package.path = "` + dir + `/?.lua" require("there")`)
	want := "script:1: module 'there' not found:\n\tno field package.preload['there']\n\tno file '" + dir + "/there.lua' (permission denied: needs read=" + dir + "/there.lua)"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestChunksThatAreLoadedCanYield(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	write(t, "chunk.lua", "local got = coroutine.yield('out') return got .. '!'")
	got := p.run(`for _, f in ipairs { function() return (dofile("chunk.lua")) end, function() return (require("chunk")) end } do
  local co = coroutine.create(f)
  local _, out = coroutine.resume(co)
  local _, result = coroutine.resume(co, "in")
  io.write(out, " ", result, " ", coroutine.status(co), "\n")
end`)
	if want := strings.Repeat("out in! dead\n", 2); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStdinIsLoadedAfterWhatWasRead(t *testing.T) {
	for _, script := range []string{`io.write(dofile())`, `io.write(loadfile()())`} {
		p := newProgram(t, func(c *interp.Config) { c.Stdin = host.NewInput(strings.NewReader("a line\nreturn 'loaded'")) })
		if got, want := p.run(`io.write(io.read(), " ") `+script), "a line loaded"; got != want {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
	p := newProgram(t, func(c *interp.Config) { c.Stdin = host.NewInput(strings.NewReader("\nerror('x')")) })
	if got, want := p.try(`dofile()`), "stdin:2: x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
