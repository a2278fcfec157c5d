package interp_test

import (
	"fmt"
	"math/rand"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// wrong gives snippets a function that writes what an expression raises, with the names that Lua finds for functions.
const wrong = `local function wrong(s) say(pcall(assert(loadstring("local v = " .. s .. " return v", "=c")))) end
`

// likeReference runs a script here and in another Lua, and compares what they write.
func likeReference(t *testing.T, reference, source string) {
	t.Helper()
	path, err := exec.LookPath(reference)
	if err != nil {
		t.Skip(err)
	}
	source = strings.ReplaceAll(prelude, "\n", " ") + source
	script := filepath.Join(t.TempDir(), "script")
	write(t, script, source)
	want, err := exec.Command(path, script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", reference, err, want)
	}
	compareLines(t, newProgram(t).run(source), string(want))
}

// choose is one of several at random.
func choose[T any](r *rand.Rand, from ...T) T { return from[r.Intn(len(from))] }

func TestStringIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"byte": `
local s = "hello" for _, i in ipairs { 1, 5, 0, 6, -1, -5, -6, 1.9, -1.9, "2", 0.5, -0.5, -100 } do
  say(i, s:byte(i)) for _, j in ipairs { 1, 5, 0, 6, -1, -6, 3.7, "4", -100, 100 } do say(i, j, s:byte(i, j)) end
end
say(s:byte()) say(s:byte(nil, nil)) say(s:byte(2, nil)) say((""):byte()) say(string.byte(12, 1, -1)) say(select("#", ("x"):rep(7000):byte(1, -1)))`,
		"sub": `
local s = "hello" for _, i in ipairs { 1, 5, 0, 6, -1, -5, -6, 1.9, -1.9, "2", -1e10 } do
  say(s:sub(i)) for _, j in ipairs { 1, 5, 0, 6, -1, -6, 3.7, "4", -100, 100, 1e10 } do say(i, j, s:sub(i, j)) end
end
say(s:sub(2, nil)) say(string.sub(12345, 2, -2)) say(s:sub(0/0)) say(s:sub(1, 0/0)) say(s:sub(-1/0)) say(s:sub(1, -1/0)) say(#("\0a\0"):sub(1, 2))`,
		"char": `
say(string.char()) say(string.char(72, "101", 108.9, 108, 111)) say(#string.char(0, 255), string.char(0, 255):byte(1, -1)) say(string.char(-0.5) == "\0")`,
		"case": `
local all = {} for i = 0, 255 do all[i + 1] = string.char(i) end all = table.concat(all)
say(all:upper() == all, all:upper():byte(1, -1)) say(all:lower():byte(1, -1)) say(all:reverse():byte(1, -1))
say(("MiXeD 1"):lower(), ("MiXeD 1"):upper(), string.upper(1e100), string.reverse(123), (""):reverse(), (""):upper())`,
		"len": `say(("a\0b"):len(), (""):len(), string.len(1e15), string.len(-0.5), #"a\0b")`,
		"rep": `
for _, n in ipairs { -1, 0, 1, 2.9, "3", 0.9, -1e10 } do say(n, ("ab"):rep(n), (""):rep(n), ("x"):rep(n)) end
say(#("abc"):rep(100000), string.rep(1.5, 2), #(""):rep(1e6), #("x"):rep(-1e300), #("x"):rep(0/0))`,
		"methods": `say(string.__index == nil, getmetatable("").__index == string, ("x").rep == string.rep, ("x").nothing)`,
		"wrong arguments": wrong + `
for _, f in ipairs { "byte", "len", "lower", "upper", "rep", "reverse", "sub", "dump" } do
  wrong("string." .. f .. "()") wrong("string." .. f .. "(nil)") wrong("string." .. f .. "({}, 1)") wrong("string." .. f .. "(true)")
  if f ~= "dump" then wrong("string." .. f .. "('x', {}, {})") wrong("string." .. f .. "('x', 'y')") wrong("string." .. f .. "('x', 1, 'y')") end
end
wrong "string.sub('x', nil)" wrong "string.rep('x', nil)" wrong "string.rep('x')" wrong "string.sub('x')"
wrong "string.char(-1)" wrong "string.char(256)" wrong "string.char(65, 'x')" wrong "string.char(nil)" wrong "string.char(65, {})"
wrong "string.dump(print)" wrong "string.dump('x')"`,
	})
}

func TestStringIndicesAreNeverOutOfRange(t *testing.T) {
	p := newProgram(t)
	got := p.run(`
local huge = { math.huge, -math.huge, 1e300, -1e300, 2^63, -2^63, 2^53, -2^53, 0/0 }
for _, i in ipairs(huge) do
  io.write(("abc"):sub(i), "|", ("abc"):sub(1, i), "|", ("abc"):byte(i) or "none", "|", select("#", ("abc"):byte(1, i)), "\n")
end`)
	all, none := "abc||none|0\n", "|abc|none|3\n"
	if want := none + all + none + all + none + all + none + all + all; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRepeatingTakesASeparator(t *testing.T) {
	p := newProgram(t)
	if got, want := p.run(`print(("ab"):rep(3, ", "), ("x"):rep(1, ","), (""):rep(3, "-"), ("x"):rep(0, ","), ("x"):rep(2, nil))`),
		"ab, ab, ab\tx\t--\t\txx\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStringsHaveABound(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"rep", `return ("x"):rep(1e9)`, "resulting string too large"},
		{"rep, one too many", `return ("x"):rep(2^28 + 1)`, "resulting string too large"},
		{"rep without end", `return ("x"):rep(math.huge)`, "resulting string too large"},
		{"rep far out of range", `return ("x"):rep(1e300)`, "resulting string too large"},
		{"rep of a long string", `return ("x"):rep(1e6):rep(1e6)`, "resulting string too large"},
		{"rep with a separator", `return (""):rep(1e9, "x")`, "resulting string too large"},
		{"rep of nothing", `assert((""):rep(1e18) == "")`, ""},
		{"rep less than never", `assert(("x"):rep(-1) == "" and ("x"):rep(0) == "" and ("x"):rep(-1e300) == "")`, ""},
		{"format", `local s = ("x"):rep(1.4e8) return ("%s%s"):format(s, s)`, "resulting string too large"},
		{"format, quoted", `local s = ("x"):rep(1.4e8) return ("%s%q"):format(s, s)`, "resulting string too large"},
		{"format, shown", `local s = ("x"):rep(1.4e8) local t = setmetatable({}, { __tostring = function() return s end }) return ("%s%s"):format(t, t)`,
			"resulting string too large"},
		{"byte", `return ("x"):rep(1e6):byte(1, -1)`, "stack overflow (string slice too long)"},
		{"byte in a coroutine", `coroutine.wrap(function() assert(select("#", ("x"):rep(1e5):byte(1, -1)) == 1e5) end)()`, ""},
		{"pack", `return string.pack("c2000000000", "")`, "resulting string too large"},
		{"pack in pieces", `return string.pack("c140000000c140000000", "", "")`, "resulting string too large"},
		{"pack of long strings", `local s = ("x"):rep(1.4e8) return string.pack("ss", s, s)`, "resulting string too large"},
		{"unpack", `return string.unpack(("c0"):rep(1e6), "")`, "stack overflow (too many results)"},
		{"codepoint", `return utf8.codepoint(("x"):rep(1e6), 1, -1)`, "stack overflow (string slice too long)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := newProgram(t).try(test.source)
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Strings, indices and counts at random.
func TestStringFunctionsAreLikeLua51(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	text := func() string {
		p := make([]byte, r.Intn(12))
		for i := range p {
			p[i] = byte(choose(r, r.Intn(256), 'a'+r.Intn(26), 'A'+r.Intn(26)))
		}
		return luaString(string(p))
	}
	index := func() string {
		return choose(r, fmt.Sprint(r.Intn(30)-15), fmt.Sprint(float64(r.Intn(300)-150)/10), fmt.Sprintf("'%d'", r.Intn(20)-10), "nil")
	}
	var b strings.Builder
	for range 3000 {
		switch r.Intn(5) {
		case 0:
			fmt.Fprintf(&b, "try(string.sub, %s, %s or 1, %s)\n", text(), index(), index())
		case 1:
			fmt.Fprintf(&b, "try(string.byte, %s, %s, %s)\n", text(), index(), index())
		case 2:
			fmt.Fprintf(&b, "try(string.rep, %s, %s or 3)\n", text(), index())
		case 3:
			fmt.Fprintf(&b, "try(string.upper, %s) try(string.lower, %s)\n", text(), text())
		case 4:
			fmt.Fprintf(&b, "try(string.reverse, %s) try(string.len, %s)\n", text(), text())
		}
	}
	likeReference(t, "lua5.1", b.String())
}

// luaString writes a string as a Lua literal.
func luaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		fmt.Fprintf(&b, `\%03d`, s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// benchmarkLua times a script that loops n times. In one that is stock, the libraries are gopher-lua's own.
func benchmarkLua(b *testing.B, source string) {
	run := func(b *testing.B, l *lua.LState) {
		l.SetGlobal("n", lua.LNumber(b.N))
		b.ReportAllocs()
		b.ResetTimer()
		if err := l.DoString(source); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("poelua", func(b *testing.B) { run(b, newProgram(b).l) })
	b.Run("stock", func(b *testing.B) {
		l := lua.NewState()
		defer l.Close()
		run(b, l)
	})
}

func BenchmarkByte(b *testing.B) {
	benchmarkLua(b, `local s = "a line of text" for i = 1, n do local c = s:byte(i % 14 + 1) end`)
}

func BenchmarkSub(b *testing.B) {
	benchmarkLua(b, `local s = "a line of text" for i = 1, n do local c = s:sub(3, 6) end`)
}

func BenchmarkSubOne(b *testing.B) {
	benchmarkLua(b, `local s = "a line of text" for i = 1, n do local c = s:sub(3, 3) end`)
}

func BenchmarkUpper(b *testing.B) {
	benchmarkLua(b, `local s = "a line of text" for i = 1, n do local c = s:upper() end`)
}

func BenchmarkRep(b *testing.B) {
	benchmarkLua(b, `for i = 1, n do local c = ("x"):rep(20) end`)
}

func BenchmarkChar(b *testing.B) {
	benchmarkLua(b, `for i = 1, n do local c = string.char(104, 105) end`)
}
