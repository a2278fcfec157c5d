package interp_test

import (
	"fmt"
	"math"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

func TestFormatIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"letters": `
local zero, inf = 0, 1 / 0 local values = { zero, -zero, 1, -1, 3.9, -3.9, 255, 1e15, 2^31, -2^31, 2^53, 0.1, 1e-5, 123456.789, 1e100, "12", "0x10", " 5 " }
for _, letter in ipairs { "c", "d", "i", "o", "u", "x", "X", "e", "E", "f", "g", "G", "s", "q" } do
  for _, v in ipairs(values) do if not (letter ~= "e" and v == 1e100 and letter:find "[cdiouxX]") then say(letter, v, (("%" .. letter):format(v))) end end
end
for _, v in ipairs { inf, -inf, inf - inf, -(inf - inf) } do
  for _, f in ipairs { "%f", "%E", "%g", "%5.1f", "%-8g|", "%08f", "%+f", "% G", "%+08.3E", "%s", "%5s", "%q", "%-08f|", "%#f" } do say(f, (f:format(v))) end
end`,
		"flags": `
for _, v in ipairs { 0, 5, -5, 1234567 } do
  for _, flags in ipairs { "", "-", "+", " ", "#", "0", "-0", "+ ", "#0", "-+ #0", "0-+", "   ", "00000" } do
    for _, size in ipairs { "", "1", "8", "20", ".", ".0", ".3", "8.", "10.5", "20.10", "2.9", "99.99" } do
      for _, letter in ipairs { "d", "i", "u", "o", "x", "X", "e", "f", "g", "G", "c", "s" } do
        local f = "%" .. flags .. size .. letter say(f, "[" .. f:format(letter == "c" and 65 or v) .. "]")
      end
    end
  end
end`,
		"zero bytes": `
say(#("%c"):format(0), #("%5c"):format(0), #("%-5c"):format(0), #("%s"):format("a\0b"), #("%s"):format(("a\0b"):rep(50)), #("%.5s"):format("a\0b"))
say(#("%5s"):format("a\0b"), #("%.s"):format(("a\0b"):rep(50)), #("%5s"):format(("\0a"):rep(50)), #("a\0b%d\0"):format(1), ("%q"):format("a\0b"))`,
		"long": `
for _, n in ipairs { 98, 99, 100, 101, 1000 } do say(("%s|%99s|%-99s|%.99s|%5.3s"):format(("x"):rep(n), ("x"):rep(n), ("x"):rep(n), ("x"):rep(n), ("x"):rep(n))) end
say(("%.99f"):format(1e300)) say(("%99.99f"):format(-1 / 3)) say(("%.99e"):format(2^-1074)) say(("%.99g"):format(0.1)) say(("%.20f"):format(1e22))`,
		"quotes":  `say(("%q"):format("a\n\r\0b\"\\1\\n\t\200")) say(("%5q%.1q"):format("abc", 12)) say(("%q"):format(""))`,
		"percent": `say(("%%"):format()) say(("100%%"):format(1, 2)) say(("%%%d%%"):format(5)) say(("no items"):format(1)) say(string.format(12)) say((""):format())`,
		"wrong arguments": wrong + `
wrong "string.format()" wrong "string.format({})" wrong "string.format('%d')" wrong "string.format('%d', nil)" wrong "string.format('%d', 'x')"
wrong "string.format('%d%d', 1)" wrong "string.format('%s')" wrong "string.format('%q', nil)" wrong "string.format('%q', {})" wrong "string.format('%q')"
wrong "string.format('%c', 'x')" wrong "string.format('%c')" wrong "string.format('%f', {})" wrong "string.format('%x', true)" wrong "string.format('%g', print)"
wrong "string.format('%')" wrong "string.format('%', 1)" wrong "string.format('%5', 1)" wrong "string.format('%y')" wrong "string.format('%y', 1)"
wrong "string.format('%F', 1)" wrong "string.format('%n', 1)" wrong "string.format('%p', 1)" wrong "string.format('%*d', 1, 2)" wrong "string.format('%5\0d', 1)"
wrong "string.format('%ld', 1)" wrong "string.format('% %', 1)" wrong "string.format('%-----d', 1)" wrong "string.format('%------d', 1)" wrong "string.format('%111d', 1)"
wrong "string.format('%.111f', 1)" wrong "string.format('%99.99f', 1/3)" wrong "string.format('%5.5.5f', 1)" wrong "string.format('%0000009d', 1)" wrong "string.format('%d %y', 1, 2)"`,
	})
}

// Formats and numbers at random.
func TestFormatsAreLikeLua51(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var b strings.Builder
	b.WriteString("local format, zero, inf = string.format, 0, 1 / 0\n")
	for range 6000 {
		letter := choose(r, 'd', 'i', 'o', 'u', 'x', 'X', 'e', 'E', 'f', 'f', 'g', 'g', 'G', 's')
		fmt.Fprintf(&b, "try(format, '[%%%s%s%s%c]', %s)\n", randomFlags(r), choose(r, "", "", strconv.Itoa(1+r.Intn(99))),
			choose(r, "", "", ".", "."+strconv.Itoa(r.Intn(20)), "."+strconv.Itoa(r.Intn(100))), letter, randomNumber(r, strings.ContainsRune("diouxX", letter)))
	}
	likeReference(t, "lua5.1", b.String())
}

func randomFlags(r *rand.Rand) string {
	flags := ""
	for range choose(r, 0, 0, 1, 1, 2, 3) {
		flags += choose(r, "-", "+", " ", "#", "0")
	}
	return flags
}

// randomNumber is an expression for a number of any size; within the reach of C's integers if it is to be.
func randomNumber(r *rand.Rand, integer bool) string {
	n := 0.0
	switch r.Intn(7) {
	case 0:
		n = float64(r.Intn(2000) - 1000)
	case 1:
		n = float64(r.Intn(200000)-100000) / float64(choose(r, 2, 4, 8, 10, 16, 100, 1000))
	case 2:
		n = float64(r.Int63()-r.Int63()) / 4
	case 3:
		n = math.Ldexp(r.Float64()-0.5, r.Intn(120)-60)
	case 4:
		n = math.Ldexp(r.Float64()-0.5, r.Intn(2100)-1074)
	case 5:
		n = choose(r, 1.0, -1, 5, 9.5, 99.5, 999999.5, 0.99999) * math.Pow10(r.Intn(40)-20)
	case 6:
		if !integer {
			return choose(r, "inf", "-inf", "inf - inf", "-(inf - inf)", "zero", "-zero")
		}
	}
	if integer && math.Abs(n) >= 1<<62 {
		n = 1
	}
	return strconv.FormatFloat(n, 'g', 17, 64)
}

func TestFormatShowsAnyValue(t *testing.T) {
	p := newProgram(t)
	got := p.run(`
local shown = setmetatable({}, { __tostring = function() return ("%d-%s"):format(1, "x") end })
print(("[%s|%s|%s|%5s|%.2s]"):format(nil, true, shown, shown, shown))
print(("%s"):format(print) == tostring(print), ("%s"):format({}):sub(1, 9), ("%q"):format("x"))
print(pcall(string.format, "%s", setmetatable({}, { __tostring = function() return {} end })))
print(("%s %s"):format(1, setmetatable({}, { __tostring = function() return 1e15 end })))`)
	want := "[nil|true|1-x|  1-x|1-]\n" + "true\ttable: 0x\t\"x\"\n" + "false\tscript:5: '__tostring' must return a string\n" + "1 1e+15\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFormatWritesHexadecimalFloats(t *testing.T) {
	p := newProgram(t)
	for source, want := range map[string]string{
		`("%a"):format(1)`: "0x1p+0", `("%a"):format(-0.5)`: "-0x1p-1", `("%A"):format(255.5)`: "0X1.FFP+7", `("%a"):format(0)`: "0x0p+0",
		`("%.2a"):format(1)`: "0x1.00p+0", `("%10a|"):format(1)`: "    0x1p+0|", `("%010a"):format(1)`: "0x00001p+0", `("%a"):format(2^1000)`: "0x1p+1000",
		`("%a"):format(1/0)`: "inf", `("%+a"):format(2^-20)`: "+0x1p-20", `("%#a"):format(1)`: "0x1.p+0",
	} {
		if got := p.run("io.write(" + source + ")"); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}

func TestFormatTakesIntegersOfAnySize(t *testing.T) {
	p := newProgram(t)
	for source, want := range map[string]string{
		`("%d"):format(1e300)`: "9223372036854775807", `("%d"):format(-math.huge)`: "-9223372036854775808", `("%5d"):format(0/0)`: "    0",
		`("%u"):format(2^63)`: "9223372036854775808", `("%u"):format(1e300)`: "18446744073709551615", `("%x"):format(-1)`: "ffffffffffffffff",
		`("%x"):format(2^64)`: "ffffffffffffffff", `("%X"):format(-2^63)`: "8000000000000000", `#("%c"):format(1e300)`: "1",
		`("%+d"):format(-2^63)`: "-9223372036854775808",
	} {
		if got := p.run("io.write(" + source + ")"); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, format := range []string{"%d", "%5.2f", "%-+ #0d", "%s%q", "%99.99g", "%", "%%", "%#.0e", "%a"} {
		f.Add(format, 1.5, "text")
	}
	f.Fuzz(func(t *testing.T, format string, number float64, text string) {
		p := newProgram(t)
		p.try("pcall(string.format, " + luaString(format) + ", " + strconv.FormatFloat(number, 'g', 17, 64) + ", " + luaString(text) + ")")
	})
}

func BenchmarkFormat(b *testing.B) {
	for name, item := range map[string]string{
		"integer": `"%d", i`, "string": `"%s", "text"`, "fixed": `"%5.2f", i / 3`, "hex": `"%x", i`, "general": `"%g", i / 3`,
		"several": `"%s: %d of %d (%.1f%%)", "name", i, n, 100 * i / n`,
	} {
		b.Run(name, func(b *testing.B) {
			benchmarkLua(b, `local format = string.format for i = 1, n do local s = format(`+item+`) end`)
		})
	}
}
