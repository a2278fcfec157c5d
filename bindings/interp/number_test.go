package interp_test

import (
	"fmt"
	"math"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

func TestNumbersAreLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"tostring": `
local zero, inf = 0, 1 / 0
for _, v in ipairs { zero, -zero, 1, -1, 0.1, -0.1, 1e14, 99999999999999, -99999999999999, 100000000000000, 123456789012345, 1e15, 2^53, -2^53, 2^63, 1e100,
  1e-4, 1e-5, 1 / 3, 2 / 3, 1e300 * 10, inf, -inf, inf - inf, -(inf - inf), 5e-324, 1.7976931348623157e308, 123456.789, 0.5, 3.14159265358979 } do
  say(v, tostring(v), v, (tostring(v):rep(1)), string.len(v), string.format("%s", v)) io.write(v, "\n") print(v, -v)
end`,
		"tostring of others": wrong + `
print(nil, true, false, "x", tostring(nil), tostring(true), tostring("x")) print() print("")
say(tostring(print):match("^%a+: ") , tostring({}):match("^table: 0x%x+$") ~= nil, tostring(function() end):match("^%a+"), tostring(coroutine.create(function() end)):match("^%a+"))
local function with(f) return setmetatable({}, { __tostring = f }) end
say(tostring(with(function(t) return type(t) end)), tostring(with(function() return 5 end)), tostring(with(function() return 1, 2 end)), tostring(with(function() end)))
print(with(function() return "shown" end), with(function() return 1e15 end)) try(function() print(with(function() return {} end)) end) try(function() print(with(function() end)) end)
try(tostring, with(function() error("no", 0) end))
wrong "tostring()" wrong "tostring(nil)" getmetatable("").__tostring = function(s) return "<" .. s .. ">" end print("x", tostring("y")) getmetatable("").__tostring = nil`,
		"tonumber": `
for _, s in ipairs { "", " ", "0", "-0", "+0", "10", " 10 ", "\t\n\v\f\r10\t\n\v\f\r ", "1 0", "1.", ".5", ".", "-.5", "+.5e1", "1e1", "1e", "1e+", "1e+5", "1E-5", "e5", "--5", "+-5",
  "- 5", "0x", "0x10", "0X1f", "-0x10", "0x.8", "0x1.", "0x.", "0x1p4", "0x1p", "0x1P-4", "0xg", "0x1e5", "0x1.8p1", "1x5", "00x5", "inf", "-inf", "INFINITY", "infin", "nan", "-nan", "NaN(abc_1)",
  "nan(", "nan()", "nan(a b)", "nanx", "1e400", "-1e400", "1e-400", "0x1p2000", "1_000", "0x1_0", "0b1", "0o7", "1f", "1d", "10\0", "10\0abc", "\00010", "1\0002", "1e5.5", "1..2", "1,5", "٣", " 10", "99999999999999999999",
  "0xffffffffffffffffff", "0xfffffffffffffffffp1", "123456789012345678", "000000000000000000000000000001", "-000", ("1"):rep(400), "0." .. ("0"):rep(400) .. "1", "0x" .. ("f"):rep(40) } do
  say(s, tonumber(s), tonumber(s, 10), (pcall(string.rep, "", s)))
end
say(tonumber(5), tonumber(1 / 0), tonumber(nil), tonumber({}), tonumber(true), tonumber(print))`,
		"tonumber with a base": `
for _, s in ipairs { "", " ", "0", "10", " 10 ", "\t10\n", "-1", "+1", "- 1", "--1", "0x10", "0X1F", "0x", "0xg", "x10", "zZ", "1.5", "1e1", "10\0abc", "99999999999999999999999", "-99999999999999999999999",
  "1111111111111111111111111111111111111111111111111111111111111111", "18446744073709551615", "18446744073709551616", "7fffffffffffffff", "1_0", "$", "a", "ffffffffffffffff", "3w5e11264sgsf", "3w5e11264sgsg" } do
  for _, base in ipairs { 2, 3, 8, 16, 20, 36, 16.9, "8" } do say(s, base, tonumber(s, base)) end
end
say(tonumber(10, 2), tonumber(1e15, 16), tonumber(7.5, 8))`,
		"wrong arguments": wrong + `
wrong "tonumber()" wrong "tonumber(nil, 2)" wrong "tonumber({}, 2)" wrong "tonumber('1', 1)" wrong "tonumber('1', 37)" wrong "tonumber('1', 0)" wrong "tonumber('1', -5)" wrong "tonumber('1', {})" wrong "tonumber('1', 'x')"
wrong "tonumber(nil, 10)" wrong "tonumber(nil, {})" wrong "tonumber(nil, 99)" wrong "tonumber('1', 0/0)"`,
	})
}

// Numbers of all sizes are written as there, and what is written is read back.
func TestNumeralsAreLikeLua51(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var b strings.Builder
	b.WriteString("local zero, inf = 0, 1 / 0\n")
	for range 5000 {
		n := randomNumber(r, false)
		if r.Intn(3) == 0 {
			n = strconv.FormatFloat(math.Trunc(math.Ldexp(r.Float64(), r.Intn(60)))*choose(r, 1, -1.0), 'g', 17, 64)
		}
		fmt.Fprintf(&b, "say(tostring(%s), %s)\n", n, n)
	}
	likeReference(t, "lua5.1", b.String())
}

// Numerals at random, most of them broken, are read as there.
func TestNumeralsAreReadLikeLua51(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var b strings.Builder
	b.WriteString("local function read(s, base) local n = tonumber(s, base) say(n and ('%.17g'):format(n)) end\n")
	for range 6000 {
		fmt.Fprintf(&b, "read(%s)\n", luaString(randomNumeral(r)))
	}
	for range 2000 {
		p := make([]byte, 1+r.Intn(choose(r, 3, 20)))
		base := 2 + r.Intn(35)
		for i := range p {
			p[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"[min(45, r.Intn(base+r.Intn(2)))]
		}
		fmt.Fprintf(&b, "read(%s, %d)\n", luaString(choose(r, "", "", " ", "-", "+", "0x")+string(p)+choose(r, "", "", " ", "\x00")), base)
	}
	likeReference(t, "lua5.1", b.String())
}

func randomNumeral(r *rand.Rand) string {
	switch r.Intn(4) {
	case 0:
		return strconv.FormatFloat(math.Float64frombits(r.Uint64()), choose[byte](r, 'e', 'f', 'g', 'x'), choose(r, -1, 5, 20), 64)
	case 1: // parts in the right order
		s := choose(r, "", "", " ", "\n\t") + choose(r, "", "", "-", "+") + choose(r, "", "", "0x", "0X")
		s += strings.Repeat(choose(r, "", "1", "09", "aF"), r.Intn(3)) + choose(r, "", ".") + strings.Repeat(choose(r, "", "5", "00", "1f"), r.Intn(4))
		s += choose(r, "", "", "e", "p", "E", "P")
		return s + choose(r, "", "-", "+") + choose(r, "", "1", "12", "308", "1100") + choose(r, "", "", " ", "x", "\x00", "\x00z")
	case 2:
		return fmt.Sprint(r.Int63() >> r.Intn(63))
	}
	const alphabet = "0011259..eEpPxX+-- aAfFinINnan()_\t\x00"
	p := make([]byte, r.Intn(8))
	for i := range p {
		p[i] = alphabet[r.Intn(len(alphabet))]
	}
	return string(p)
}

func BenchmarkToString(b *testing.B) {
	b.Run("integer", func(b *testing.B) { benchmarkLua(b, `for i = 1, n do local s = tostring(i) end`) })
	b.Run("fraction", func(b *testing.B) { benchmarkLua(b, `for i = 1, n do local s = tostring(i / 3) end`) })
}

func BenchmarkToNumber(b *testing.B) {
	b.Run("integer", func(b *testing.B) { benchmarkLua(b, `for i = 1, n do local s = tonumber("12345") end`) })
	b.Run("fraction", func(b *testing.B) { benchmarkLua(b, `for i = 1, n do local s = tonumber("123.45") end`) })
	b.Run("hex", func(b *testing.B) { benchmarkLua(b, `for i = 1, n do local s = tonumber("ff", 16) end`) })
}
