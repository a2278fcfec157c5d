package interp_test

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"
)

// named gives snippets for Lua 5.3 a function that writes what a call raises, without the module's name.
const named = `local function plain(m) return (m:gsub("^[^ ]*:%d+: ", ""):gsub("'%w+%.(%w+)'", "'%1'")) end
local function wrong(f, ...) local ok, m = pcall(f, ...) if ok then say(ok, m) else say(ok, plain(m)) end end
local function whole(v) if type(v) ~= "number" or v ~= math.floor(v) then return v end return ("%.0f"):format(v) end
`

func TestPackIsLikeLua53(t *testing.T) {
	likeReference(t, "lua5.3", named+`
local pack, unpack, packsize = string.pack, string.unpack, string.packsize
local function bytes(...) say(pack(...):byte(1, -1)) end
bytes("b", -1) bytes("B", 255) bytes("h", -2) bytes(">H", 0x1234) bytes("<H", 0x1234) bytes("i", -5) bytes(">I3", 0x123456) bytes("i16", -1) bytes(">i16", -2) bytes("I16", -1)
bytes("l", 2^53) bytes("j", -2^53) bytes("T", 7) bytes("J", -1) bytes("L", 2^62) bytes(">f", 0.5) bytes("d", -0.1) bytes("n", 1 / 0) bytes(">d", 1e300) bytes("f", 1e300)
bytes("z", "text") bytes("z", "") bytes("s", "text") bytes("s1", "text") bytes(">s2", "") bytes("c6", "text") bytes("c4", "text") bytes("c0", "") bytes("s4", 12) bytes("i", "12")
bytes("xbx", 1) bytes("!4 b i", 1, 2) bytes("!8 b d", 1, 2) bytes("! b d", 1, 2) bytes("!2 b d", 1, 2) bytes("bi", 1, 2) bytes("!4 b Xi", 1) bytes("!16 b Xi16 b", 1, 2) bytes(">!4 b s4 b", 1, "abc", 2) bytes("!4 bc3", 1, "abc")
bytes("< i2 > i2 = i2", 1, 2, 3) bytes("", 1) bytes("!4 s1 i4 z", "a", 5, "b")
for _, f in ipairs { "s", "z", "i17", "i0", "c", "c2147483647", "c2000000000c147483647", "c2000000000c147483640", "c99999999999", "X", "Xz", "Xc1", "!4i3", "!i3", "i3", "!17", "!16 i1 Xi16", "q", "!8 b Xd d", "b!Xi3", "!3 b i8", "c0",
  "X ", "X<", "Xs4", "!4 b Xs4", "Xx", "i0001", "i 4", "<>=! ", "dfnjJlLT", "XX", "!4 b XXi", "i\0q", "\200", "\1", "~" } do wrong(packsize, f) end
wrong(pack, "i1", 128) wrong(pack, "i1", -129) wrong(pack, "i7", 2^55) wrong(pack, "I1", 256) wrong(pack, "I1", -1) wrong(pack, "I7", 2^56) wrong(pack, "i", 1.5) wrong(pack, "j", 2^63) wrong(pack, "j", -2^64) wrong(pack, "i1", "x")
wrong(pack, "c2", "abc") wrong(pack, "s1", ("x"):rep(256)) wrong(pack, "z", "a\0") wrong(pack, "d", "x") wrong(pack) wrong(pack, {}) wrong(pack, "b", nil) wrong(pack, "b", {}) wrong(pack, "b", "1.5") wrong(pack, "b", 1e300) wrong(pack, "b", 0 / 0)
wrong(pack, "z", {}) wrong(pack, "c1", nil) wrong(pack, "!4 i3", 1) wrong(pack, "bbb", 1, 2, "x")
wrong(unpack, "i4", "abc") wrong(unpack, "s1", "\5abc") wrong(unpack, "i16", ("\255"):rep(8) .. ("\0"):rep(8)) wrong(unpack, "i9", "\1\1\1\1\1\1\1\1\1") wrong(unpack, "I9", ("\255"):rep(9)) wrong(unpack, "b", "abc", 5) wrong(unpack, "b", "abc", -5) wrong(unpack, "b", "abc", 0)
wrong(unpack, "b") wrong(unpack) wrong(unpack, "c2147483639", "") wrong(unpack, "i4", "abcd", "x") wrong(unpack, "i4", "abcd", 1.5) wrong(unpack, "b", "abc", 4) wrong(unpack, "zz", "abc") wrong(unpack, "s1", "") wrong(unpack, "!4 i3", "abcd")
local function values(...) local t = { ... } for i = 1, select("#", ...) do t[i] = whole(t[i]) end say(table.unpack and table.unpack(t) or _G.unpack(t)) end
values(unpack("z", "abc")) values(unpack("", "abc")) values(unpack("", "")) values(unpack("b", "abc", -1)) values(unpack("bbb", "\127\128\255")) values(unpack("zB", "abc\0\255")) values(unpack("s1s1", "\0\3abc")) values(unpack("i16", ("\255"):rep(16)))
values(unpack("c0c1", "x")) values(unpack("!4 b i", "\1\0\0\0\2\0\0\0")) values(unpack("x b x b", "\0\1\2\3", nil)) values(unpack("!4 b Xi b", "\1\0\0\0\2")) values(unpack("I8", ("\255"):rep(8))) values(unpack("d", pack("d", 0 / 0) ) ~= nil)
values(unpack("<i3>i3", "\1\2\3\1\2\3")) values(unpack("b", "abc", "2")) values(unpack("b", "abc", 3.0))`)
}

// Formats and values at random, packed, unpacked and unpacked from what was cut off.
func TestPackingIsLikeLua53(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var b strings.Builder
	b.WriteString(named + `local function round(f, ...)
  local ok, s = pcall(string.pack, f, ...)
  if not ok then return say(f, plain(s)) end
  local function values(ok, ...)
    local t = { ... }
    for i = 1, #t do
      if math.tointeger and math.type(t[i]) == "integer" and math.tointeger(t[i] + 0.0) ~= t[i] then ok = false end
      t[i] = type(t[i]) == "number" and ("%.17g"):format(t[i]) or t[i]
    end
    say(ok and table.concat(t, " "))
  end
  say(f, s:byte(1, -1)) values(pcall(string.unpack, f, s)) values(pcall(string.unpack, f, s:sub(1, -2))) values(pcall(string.unpack, f, s .. s, #s + 1)) say(pcall(string.packsize, f) and string.packsize(f))
end
`)
	for range 2000 {
		format, values := choose(r, "", "", "!", "!4", "!8", "!16", "!2"), ""
		for range 1 + r.Intn(5) {
			format += choose(r, "", "", "<", ">", "=", " ", "x", "Xi4", "Xd")
			switch r.Intn(6) {
			case 0, 1:
				size := 1 + r.Intn(choose(r, 8, 16))
				format += fmt.Sprintf("%s%d", choose(r, "i", "I"), size)
				values += fmt.Sprintf(", %d", r.Int63n(1<<53)>>r.Intn(53)*int64(choose(r, 1, 1, -1)))
			case 2:
				format += choose(r, "b", "B", "h", "H", "i", "I", "l", "L", "j", "J", "T")
				values += fmt.Sprintf(", %d", r.Intn(choose(r, 300, 70000))-choose(r, 0, 0, 200))
			case 3:
				format += choose(r, "f", "d", "n")
				values += fmt.Sprintf(", %.17g", math.Ldexp(r.Float64()-0.5, r.Intn(200)-100))
			default:
				p := make([]byte, r.Intn(6))
				r.Read(p)
				format += choose(r, "z", "s", "s1", "s2", "s4", "s9", fmt.Sprintf("c%d", r.Intn(8)))
				values += ", " + luaString(string(p))
			}
		}
		fmt.Fprintf(&b, "round(%q%s)\n", format, values)
	}
	likeReference(t, "lua5.3", b.String())
}

func TestUnpackRefusesWhatNumbersCannotHold(t *testing.T) {
	tests := []struct{ name, format, data, want string }{
		{"2^53", "<j", `\0\0\0\0\0\0\32\0`, "9007199254740992"},
		{"2^53 + 1", "<j", `\1\0\0\0\0\0\32\0`, "8-byte integer does not fit into a Lua number"},
		{"-2^53 - 1", "<i8", `\255\255\255\255\255\255\223\255`, "8-byte integer does not fit into a Lua number"},
		{"2^63 - 1", "<J", `\255\255\255\255\255\255\255\127`, "8-byte integer does not fit into a Lua number"},
		{"-2^63", "<j", `\0\0\0\0\0\0\0\128`, "-9223372036854775808"},
		{"2^64 - 1, in Lua 5.3 -1", "<J", `\255\255\255\255\255\255\255\255`, "-1"},
		{"2^53 + 1 of 16 bytes", "<i16", `\1\0\0\0\0\0\32\0\0\0\0\0\0\0\0\0`, "16-byte integer does not fit into a Lua number"},
		{"2^64", "<i16", `\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0`, "16-byte integer does not fit into Lua Integer"},
		{"a length of 2^64 - 1", "<s8", `\255\255\255\255\255\255\255\255x`, "bad argument #2 to 'unpack' (data string too short)"},
		{"a length of 2^63 - 1", "<s8", `\255\255\255\255\255\255\255\127x`, "bad argument #2 to 'unpack' (data string too short)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := newProgram(t).run(fmt.Sprintf(`
local ok, v = pcall(string.unpack, %q, "%s") io.write(ok and ("%%.0f"):format(v) or v:sub(#"script:2: " + 1))`, test.format, test.data))
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	for _, format := range []string{"<i4>I2z", "s1s8", "!16 bXi16", "c3x", "dfn", "i16", "XX"} {
		f.Add(format, "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", 1.0)
	}
	f.Fuzz(func(t *testing.T, format, data string, at float64) {
		p := newProgram(t)
		p.try(fmt.Sprintf("pcall(string.unpack, %s, %s, %.17g) pcall(string.packsize, %[1]s) pcall(string.pack, %[1]s, 1, 'a', 2, 'b')", luaString(format), luaString(data), at))
	})
}

func BenchmarkPack(b *testing.B) {
	p := newProgram(b)
	p.run(`local pack = string.pack function packs(n) for i = 1, n do local s = pack("<I4I2s2", i, 7, "text") end end`)
	b.ReportAllocs()
	b.ResetTimer()
	p.run(fmt.Sprintf("packs(%d)", b.N))
}

func BenchmarkUnpack(b *testing.B) {
	p := newProgram(b)
	p.run(`local unpack, s = string.unpack, string.pack("<I4I2s2", 1, 7, "text") function unpacks(n) for i = 1, n do local a, b, c = unpack("<I4I2s2", s) end end`)
	b.ReportAllocs()
	b.ResetTimer()
	p.run(fmt.Sprintf("unpacks(%d)", b.N))
}
