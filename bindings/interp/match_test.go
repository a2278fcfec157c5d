package interp_test

import (
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
)

// matchPrelude gives snippets show, which writes what a function of the string library returns, bytes beyond letters as
// numbers, and generators of subjects and patterns that go alike everywhere.
const matchPrelude = `
local function plain(v)
  if type(v) ~= "string" then return tostring(v) end
  local t = {}
  for i = 1, #v do
    local b = v:byte(i)
    t[i] = b > 32 and b < 127 and string.char(b) or "\\" .. b
  end
  return '"' .. table.concat(t) .. '"'
end
local function show(f, ...)
  local function keep(...) return select("#", ...), { ... } end
  local arguments, count = { ... }, select("#", ...)
  local ok, n, results = pcall(function() local n, t = keep(f(unpack(arguments, 1, count))) return n, t end)
  local line = {}
  if ok then
    for i = 1, n do line[i] = plain(results[i]) end
  else
    line = { "raised", plain(n) }
  end
  io.stdout:write(table.concat(line, " "), "\n")
end
local function all(s, p)
  local t, count = {}, 0
  for a, b, c in s:gmatch(p) do
    t[#t + 1] = plain(a) .. plain(b) .. plain(c)
    count = count + 1
    if count > 50 then break end
  end
  return table.concat(t, ";")
end
local seed = 1
local function r(n) seed = seed * 16807 % 2147483647 return seed % n + 1 end
local function pick(s) local i = r(#s) return s:sub(i, i) end
local function subject()
  local t = {}
  for i = 1, r(14) - 1 do t[i] = pick("aaaabbbc(())[]xyzXYZ 019_.,-%$^\t\n\0\255") end
  return table.concat(t)
end
local function set()
  local t = {}
  for i = 1, r(4) do
    local k = r(6)
    if k == 1 then t[i] = "%" .. pick("adlswxpucADLSWXPUC]%-")
    elseif k == 2 then t[i] = pick("a0bAX") .. "-" .. pick("z9cZ")
    else t[i] = pick("abcxyz019-^.%$]\255") end
  end
  return "[" .. (r(4) == 1 and "^" or "") .. table.concat(t) .. "]"
end
local function item(depth)
  local k = r(24)
  if k <= 9 then return pick("aaabbbc(x.") .. ""
  elseif k <= 12 then return "."
  elseif k <= 15 then return "%" .. pick("adlswxpuczADLSWXPUCZ.%")
  elseif k <= 17 then return set()
  elseif k == 18 then return "%b" .. pick("(ab") .. pick(")abc")
  elseif k == 19 then return "%f" .. set()
  elseif k == 20 then return "()"
  elseif k == 21 then return "%" .. r(3)
  elseif k == 22 then return pick("^$])")
  end
  local t = {}
  for i = 1, r(3) do t[i] = (depth < 3 and item(depth + 1) or "a") .. (r(3) == 1 and pick("*+-?") or "") end
  return "(" .. table.concat(t) .. ")"
end
local function pattern()
  local t = { r(8) == 1 and "^" or "" }
  for i = 1, r(5) do t[#t + 1] = item(1) .. (r(2) == 1 and pick("*+-?") or "") end
  t[#t + 1] = r(8) == 1 and "$" or ""
  return table.concat(t)
end
local function garbage()
  local t = {}
  for i = 1, r(8) do t[i] = pick("aab%%%[]()-^$*+?.bf1290z\255") end
  return table.concat(t)
end
local replacements = { "<%0>", "x", "", "%1", "%2%1", "%", "%%", "%x%0", { a = "A", b = 1, c = false, aa = {}, [1] = "one" }, function(a, b) return b or a end, function(a) return nil end, function(a) return a == "a" and true end }
local function compare(s, p)
  show(string.find, s, p)
  show(string.match, s, p)
  show(all, s, p)
  local with = replacements[r(#replacements)]
  show(string.gsub, s, p, with)
  local at = r(20) - 10
  show(string.find, s, p, at)
  show(string.match, s, p, at)
  show(string.gsub, s, p, with, r(4) - 2)
end
`

func likeLua51Match(t *testing.T, snippets map[string]string) {
	t.Helper()
	for name, source := range snippets {
		snippets[name] = matchPrelude + source
	}
	likeLua51(t, snippets)
}

func TestGeneratedPatternsMatchAsInLua51(t *testing.T) {
	snippets := map[string]string{}
	for seed := range 4 {
		snippets[fmt.Sprint("grammar ", seed)] = fmt.Sprintf("seed = %d for i = 1, 1500 do compare(subject(), pattern()) end", 7+seed)
		snippets[fmt.Sprint("garbage ", seed)] = fmt.Sprintf("seed = %d for i = 1, 1500 do compare(subject(), garbage()) end", 77+seed)
	}
	likeLua51Match(t, snippets)
}

func TestPatternsMatchAsInLua51(t *testing.T) {
	likeLua51Match(t, map[string]string{
		"classes": `
for c = 0, 255 do
  local s = string.char(c)
  for _, class in ipairs { "a", "c", "d", "l", "p", "s", "u", "w", "x", "z", "g", "A", "C", "D", "L", "P", "S", "U", "W", "X", "Z", "G" } do
    io.stdout:write(s:find("%" .. class) and 1 or 0, s:find("[%" .. class .. "]") and 1 or 0, s:find("[^%" .. class .. "]") and 1 or 0)
  end
  io.stdout:write("\n")
  if c > 0 then show(string.find, s, "%" .. s) show(string.find, s, "[" .. s .. "]") show(string.find, s, "[%" .. s .. "-\200]") show(string.find, s, "[b-" .. s .. "]") end
end`,
		"where find begins": `
for at = -7, 7 do show(string.find, "abcab", "ab", at) show(string.find, "abcab", "", at) show(string.find, "abcab", "()", at) show(string.find, "abcab", "^ab", at) show(string.find, "abcab", ".", at, true) end
show(string.find, "", "") show(string.find, "", "", 1) show(string.find, "", "", 2) show(string.find, "", "a") show(string.find, "a", "", 10) show(string.find, "a.b", ".", 1, true) show(string.find, "a.b", ".", 2, false) show(string.find, "a.b", ".", 3, 0)
show(string.find, "abc", "b", "2") show(string.find, "abc", "b", 2.9) show(string.find, "abc", "b", -1.5) show(string.find, "abc", "b", nil, true) show(string.find, 1234, 23) show(string.match, 1234, "%d") show(string.find, "a+b", "+", 1, {})
show(string.find, "a]", "]") show(string.find, "a)", ")") show(string.find, "a}", "}") show(string.match, "x", "y")`,
		"captures": `
show(string.match, "key = value", "(%w+)%s*=%s*(%w+)") show(string.match, "abc", "()b()") show(string.match, "abc", "((a)(b))") show(string.find, "abc", "((a)(b))") show(string.match, "abcabc", "(abc)%1") show(string.match, "hello", "()ll()")
show(string.match, "aXa", "(a)(.)%1") show(string.match, "aa", "()%1") show(string.match, "  trim me  ", "^%s*(.-)%s*$") show(string.match, "", "^%s*(.-)%s*$") show(string.match, "THE (quick) fox", "%((%a+)%)") show(string.match, "abc", "()")
for n = 1, 40 do show(string.match, ("a"):rep(n), ("(a)"):rep(n)) show(string.match, ("a"):rep(n), ("()"):rep(n)) show(string.match, "", ("(a)"):rep(n)) end`,
		"faults": `
for _, p in ipairs { "%", "a%", "b%", "[", "[a", "[]", "[^]", "[^", "[%", "[a%", "[%]", "b[", "%f", "%fa", "%f[", "%f[a", "b%f", "%b", "%bx", "b%b", "%bxy", "(", "b(", "(b", "(a", "a(", ")", "b)", "a)", "())", "%1", "b%1", "(a%1)", "(a)%2", "(b)%2", "%0", "a%0",
  "b%0", "(a", "((a)", "(()", "(a))", "[a-", "[a-]", "[a-%]", "[a-%]x]", "[]]", "[^]]", "[]-a]", "[%a-z]", "[a-%z]", "a-%", "a*%", "a?[", "b?[", "b*(", "^(", "^)", "^b)", "^", "^^", "$", "$$", "a$a", "a$*", "^*", "*", "+a", "-", "?", "(*)", "(a)*", "%b()*", "a**", "a+-", "%f[a]*" } do
  for _, s in ipairs { "", "a", "aa", "^a", "a$", "ba)" } do compare(s, p) for _, with in ipairs { "x", "%1", "%2", {}, function() end } do show(string.gsub, s, p, with) end end
end`,
		"wrong arguments": `
local function raised(f) local ok, e = pcall(f) io.stdout:write(e, "\n") end
raised(function() local _ = string.find() end) raised(function() local _ = string.find("a") end) raised(function() local _ = string.find("a", nil) end) raised(function() local _ = string.find(nil, "a") end) raised(function() local _ = string.find("a", "a", {}) end)
raised(function() local _ = string.match() end) raised(function() local _ = string.match("a") end) raised(function() local _ = string.match("a", {}) end) raised(function() local _ = string.match("a", "a", "x") end)
raised(function() local _ = string.gmatch() end) raised(function() local _ = string.gmatch("a") end) raised(function() local _ = string.gmatch("a", {}) end)
raised(function() local _ = string.gsub() end) raised(function() local _ = string.gsub("a") end) raised(function() local _ = string.gsub("a", {}) end) raised(function() local _ = string.gsub("a", "a") end) raised(function() local _ = string.gsub("a", "a", nil) end)
raised(function() local _ = string.gsub("a", "a", true) end) raised(function() local _ = string.gsub("a", "a", nil, {}) end) raised(function() local _ = string.gsub("a", "a", "b", {}) end) raised(function() local _ = string.gsub("a", "a", "b", "x") end)
raised(function() for _ in ("a"):gmatch("(") do end end) raised(function() for _ in ("a"):gmatch("%") do end end) raised(function() local _ = string.gsub("a", "a", function() return {} end) end) raised(function() local _ = string.gsub("a", "a", { a = print }) end)`,
		"replacements": `
show(string.gsub, "hello world", "o", "0") show(string.gsub, "hello world", "", "-") show(string.gsub, "hello", ".", "%0%0") show(string.gsub, "hello", "l+", "%%") show(string.gsub, "hello", "l", "%") show(string.gsub, "hello", "l", "%z") show(string.gsub, "hello", "l", "%1") show(string.gsub, "hello", "(l)(l)", "%2%1%0") show(string.gsub, "hello", "l", "%2") show(string.gsub, "hello", "()l", "%1")
show(string.gsub, "abc", "%w", "%0%0", 2) show(string.gsub, "abc", "%w", "%0%0", 0) show(string.gsub, "abc", "%w", "%0%0", -1) show(string.gsub, "abc", "%w", "x", "2") show(string.gsub, "abc", "%w", "x", 1.9) show(string.gsub, "abc", "^a", "x") show(string.gsub, "aaa", "^a", "x") show(string.gsub, "abc", "$", "x") show(string.gsub, "abc", "b*", "x") show(string.gsub, "abc", "^", "x")
show(string.gsub, "$name is $age", "%$(%w+)", { name = "Lua", age = 5 }) show(string.gsub, "abc", ".", { a = 1, b = true }) show(string.gsub, "abc", ".", { a = 1, b = false }) show(string.gsub, "abc", "()", { 1, 2 }) show(string.gsub, "a b", "%w", setmetatable({}, { __index = function(_, k) return k .. k end })) show(string.gsub, "abc", "(a)(b)", { a = "x", b = "y" })
show(string.gsub, "abc", "b", 12) show(string.gsub, "abc", "b", 1.5) show(string.gsub, "abc", "b", function() return 1.5 end) show(string.gsub, "abc", "b", function() return false end) show(string.gsub, "abc", "b", function() return end) show(string.gsub, "abc", "()(b)", function(...) return select("#", ...) end) show(string.gsub, "abc", "b", function(...) return select("#", ...) end) show(string.gsub, 121, 1, 3)
show(string.gsub, "abc", ".", function(c) return (c:gsub(".", function(d) return d:upper() .. (d:gsub("%w", "<%0>")) end)) end) show(string.gsub, "a\0b\0", "%z", "0") show(string.gsub, "ab", "", "%0") show(string.gsub, "", "", "x") show(string.gsub, "", "^", "x") show(string.gsub, "(a(b)c)", "%b()", "")
local t = {} for i = 1, 300 do t[i] = i .. "=" .. i * i end local s = table.concat(t, ",") show(string.gsub, s, "(%d+)=(%d+)", "%2=%1") show(string.gsub, s, ",", ", ") show(string.gsub, s, "%d", "") show(string.gsub, s, "[^,]*", "") show(string.gsub, s, "(%d+)=(%d+)", function(a, b) return b - a end)`,
		"every match": `
show(all, "one two  three", "%a+") show(all, "k=v, a=b", "(%w+)=(%w+)") show(all, "abc", "") show(all, "abc", "()") show(all, "^a^a", "^a") show(all, "aab", "^*a") show(all, "abc", "^") show(all, "a,b,,c", "([^,]*)") show(all, "a,b,,c", "[^,]*,?") show(all, "", "") show(all, "", ".") show(all, "THE (quick) fox", "%f[%a]%a+%f[%A]")
local f = ("ab"):gmatch(".") for i = 1, 4 do io.stdout:write(tostring((f(i, {}))), "\n") end io.stdout:write(tostring(string.gmatch == string.gfind), "\n")
local g = ("a b c"):gmatch("%a") for x in g do for y in ("12"):gmatch("%d") do io.stdout:write(x, y, " ") end end io.stdout:write("\n") for x in string.gmatch(12321, 2) do io.stdout:write(x, "\n") end`,
	})
}

func TestZeroBytesInPatternsStandForThemselves(t *testing.T) {
	got := newProgram(t).run(`
print(("a\0b"):find("\0"), ("a\0b"):find("a\0b"), ("a\0b"):match("[\0]b"), ("a\0b"):match("[^\0]*$"), (("a\0b"):gsub("%\0", "-")), ("a\0b"):find("a.b\0"), ("x\0x"):match("%b\0x") == "\0x", ("a\0\0b"):match("a\0+()"))`)
	if want := "2\t1\t\x00b\tb\ta-b\tnil\ttrue\t4\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExplodingPatternsEnd(t *testing.T) {
	p := newProgram(t)
	for _, c := range []struct{ source, want string }{
		{`("a"):rep(50000):find("a*a*a*a*b")`, "nil"},
		{`("a"):rep(50000):find("(a*)(a*)(a*)$b")`, "nil"},
		{`("a"):rep(50000):match(".-.-.-.-b")`, "nil"},
		{`("a"):rep(50000):find(("a?"):rep(50) .. "b")`, "nil"},
		{`("("):rep(200000):find("%b()")`, "nil"},
		{`#("(()"):rep(100000):gsub("%b()", "")`, "100000"},
		{`(" "):rep(50000) .. "x"):match("^(.-)%s*$"):len()`, "50001"},
		{`("x" .. (" "):rep(50000) .. "x"):match("^%s*(.-)%s*$"):len()`, "50002"},
		{`("a"):rep(1000000):match(("a"):rep(10000)):len()`, "10000"},
		{`("a"):rep(20000):match(("a-"):rep(10000) .. "$"):len()`, "20000"},
		{`("a"):rep(1000000):find("[ab]-b")`, "nil"},
		{`pcall(string.find, ("a"):rep(50000), "(a*)(a*)%1%2b")`, "pattern too complex"},
		{`pcall(string.gsub, ("a"):rep(50000), "(a-)(a-)%1%2%1b", "")`, "pattern too complex"},
	} {
		source := c.source
		if strings.HasPrefix(source, `(" ")`) {
			source = "(" + source
		}
		if got := p.run("local _, e = true, " + source + " local a, b = " + source + " print(b and type(a) == 'boolean' and b:match('pattern.*') or a)"); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", source, got, c.want)
		}
	}
}

// BenchmarkMatch compares with gopher-lua's own functions.
func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct{ name, setup, body string }{
		{"short/literal", `local s = "hello world"`, `s:find("wor")`},
		{"short/plain", `local s = "hello world"`, `s:find("wor", 1, true)`},
		{"short/nothing", `local s = "x"`, `s:match("y")`},
		{"short/class", `local s = "ab12"`, `s:find("%d")`},
		{"short/captures", `local s = "key=value"`, `s:match("^(%w+)=(%w*)$")`},
		{"short/trim", `local s = " ab "`, `s:match("^%s*(.-)%s*$")`},
		{"short/gsub", `local s = "a b"`, `s:gsub(" ", "_")`},
		{"short/gsub nothing", `local s = "ab"`, `s:gsub("%s", "_")`},
		{"short/gmatch", `local s = "a,b"`, `for w in s:gmatch("[^,]+") do end`},
		{"short/empty", `local s = ""`, `s:find("a*")`},
		{"short/long pattern", `local s = "2024-01-02T03:04:05"`, `s:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)$")`},
		{"long/literal far away", `local s = ("abcdefgh "):rep(11000) .. "needle"`, `s:find("needle")`},
		{"long/class far away", `local s = ("abcdefgh "):rep(11000) .. "1"`, `s:find("%d")`},
		{"long/words", `local s = ("abcdefgh "):rep(11000)`, `for w in s:gmatch("%a+") do end`},
		{"long/gsub byte", `local s = ("abcdefgh "):rep(2000)`, `s:gsub("a", "b")`},
		{"long/gsub spaces", `local s = ("abcdefgh "):rep(2000)`, `s:gsub("%s+", "")`},
		{"long/gsub function", `local s = ("abcdefgh "):rep(2000) local f = function(c) return c end`, `s:gsub("%a+", f)`},
		{"long/gsub captures", `local s = ("key=value;"):rep(1500)`, `s:gsub("(%w+)=(%w+)", "%2=%1")`},
		{"long/split", `local s = ("abcd,efgh,"):rep(10000)`, `for w in s:gmatch("[^,]*") do end`},
		{"long/pairs", `local s = ("key=value;"):rep(10000)`, `for k, v in s:gmatch("(%w+)=(%w+)") do end`},
		{"long/trim", `local s = (" "):rep(100) .. ("some words "):rep(9000)`, `s:match("^%s*(.-)%s*$")`},
		{"long/gap", `local s = "begin" .. ("some words "):rep(9000) .. "end"`, `s:match("begin(.-)end")`},
		{"long/wide gap", `local s = "begin" .. ("some words "):rep(9000) .. "end."`, `s:match("begin(.*)end")`},
		{"long/bytes", `local s = ("abcdefgh "):rep(11000)`, `for c in s:gmatch(".") do end`},
	} {
		for _, who := range []string{"ours", "stock"} {
			b.Run(c.name+"/"+who, func(b *testing.B) {
				l := lua.NewState()
				defer l.Close()
				if who == "ours" {
					p := newProgram(b)
					l = p.l
				}
				fn, err := interp.Load(l, "bench", []byte(c.setup+"\nreturn function(n) for i = 1, n do "+c.body+" end end"))
				if err != nil {
					b.Fatal(err)
				}
				l.Push(fn)
				l.Call(0, 1)
				l.Push(lua.LNumber(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				l.Call(1, 0)
			})
		}
	}
}
