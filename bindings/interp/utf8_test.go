package interp_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

func TestUTF8IsLikeLua53(t *testing.T) {
	likeReference(t, "lua5.3", named+`
say(utf8.charpattern:byte(1, -1))
say(utf8.char()) say(utf8.char(72, 0xE9, 0x20AC, 0x10FFFF, "33")) say(utf8.char(0, 0x7F, 0x80, 0x7FF, 0x800, 0xD800, 0xDFFF, 0xFFFF, 0x10000):byte(1, -1))
wrong(utf8.char, -1) wrong(utf8.char, 0x110000) wrong(utf8.char, 1.5) wrong(utf8.char, "x") wrong(utf8.char, nil) wrong(utf8.char, 65, {}) wrong(utf8.char, 1e300) wrong(utf8.char, 0/0)
wrong(utf8.codepoint, "abc", 4) wrong(utf8.codepoint, "abc", 0) wrong(utf8.codepoint, "abc", 1, 4) wrong(utf8.codepoint, "\255") wrong(utf8.codepoint, "") wrong(utf8.codepoint) wrong(utf8.codepoint, {}) wrong(utf8.codepoint, "a", "x") wrong(utf8.codepoint, "a", 1.5)
say(utf8.codepoint("", 1, 0)) say(utf8.codepoint("abc", 3, 1)) say(utf8.codepoint("abc", -1)) say(utf8.codepoint("h\195\169\226\130\172", 1, -1)) say(utf8.codepoint(12, 1, 2))
wrong(utf8.len, "abc", 5) wrong(utf8.len, "abc", 1, 4) wrong(utf8.len, "abc", -5) wrong(utf8.len) wrong(utf8.len, "abc", {}) wrong(utf8.len, "abc", 1, 0.5)
say(utf8.len("abc", 4)) say(utf8.len("\255")) say(utf8.len("")) say(utf8.len("\237\160\128")) say(utf8.len("\244\144\128\128")) say(utf8.len("\192\128")) say(utf8.len("abc", 3, 2)) say(utf8.len(123)) say(utf8.len("a\195\169", 1, 2))
wrong(utf8.offset, "a\195\169", 1, 3) wrong(utf8.offset, "abc", 1, 5) wrong(utf8.offset, "abc") wrong(utf8.offset, "abc", "x") wrong(utf8.offset, "abc", 1.5) wrong(utf8.offset, "abc", 1, 0)
say(utf8.offset("abc", 5)) say(utf8.offset("abc", -4)) say(utf8.offset("abc", 0, 4)) say(utf8.offset("a\195\169b", 3)) say(utf8.offset("a\195\169b", -2)) say(utf8.offset("a\195\169b", 0, 3)) say(utf8.offset("abc", 4)) say(utf8.offset("abc", 2^53)) say(utf8.offset("abc", -2^53)) say(utf8.offset("", 1))
local function walk(s) for p, c in utf8.codes(s) do say(p, c) end end
for _, s in ipairs { "a\195\169\226\130\172\240\159\152\128", "", "a\255", "a\195\169\169", "\195", "\237\160\128", "a\0b" } do wrong(walk, s) end
wrong(utf8.codes) wrong(utf8.codes, {})
local f, s, i = utf8.codes("abc") say(s, i) say(f("abc", {})) say(f("abc", 10)) say(f("abc", -3)) say(f("abc", "1")) say(f("abc", 1.5)) say(f("abc", 1e300)) say(f("abc")) say(f("\195\169\195\169", 1))`)
}

// Bytes at random, many of them characters.
func TestUTF8FunctionsAreLikeLua53(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	text := func() string {
		var b strings.Builder
		for range r.Intn(5) {
			if r.Intn(4) == 0 {
				b.WriteByte(byte(choose(r, r.Intn(256), 0x80+r.Intn(64), 0xC0+r.Intn(64))))
				continue
			}
			b.WriteString(string(rune(choose(r, r.Intn(128), r.Intn(0x800), r.Intn(0x10000), r.Intn(0x110000)))))
		}
		return luaString(b.String())
	}
	var b strings.Builder
	b.WriteString(named + `local function try(f, ...)
  local function write(ok, m, ...) if ok then say(ok, m, ...) else say(ok, plain(m)) end end
  write(pcall(f, ...))
end
local function walk(s) local n, sum = 0, 0 for p, c in utf8.codes(s) do n = n + p sum = sum + c end return n, sum end
`)
	index := func() int { return r.Intn(20) - 8 }
	for range 4000 {
		switch r.Intn(6) {
		case 0:
			fmt.Fprintf(&b, "try(utf8.len, %s, %d, %d)\n", text(), index(), index())
		case 1:
			fmt.Fprintf(&b, "try(utf8.len, %s)\n", text())
		case 2:
			fmt.Fprintf(&b, "try(utf8.codepoint, %s, %d, %d)\n", text(), index(), index())
		case 3:
			fmt.Fprintf(&b, "try(utf8.offset, %s, %d, %d)\n", text(), index(), index())
		case 4:
			fmt.Fprintf(&b, "try(utf8.offset, %s, %d)\n", text(), index())
		case 5:
			fmt.Fprintf(&b, "try(walk, %s)\n", text())
		}
	}
	likeReference(t, "lua5.3", b.String())
}

func BenchmarkCodes(b *testing.B) {
	p := newProgram(b)
	p.run(`function walk(n) for i = 1, n do for p, c in utf8.codes("a l\195\174ne of text") do end end end`)
	b.ReportAllocs()
	b.ResetTimer()
	p.run(fmt.Sprintf("walk(%d)", b.N))
}
