package interp_test

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"
)

func TestBitIsLikeLuaJIT(t *testing.T) {
	likeReference(t, "luajit", wrong+`
say(package.loaded.bit == bit, require "bit" == bit)
say(bit.tobit(0xffffffff), bit.tobit(0.5), bit.tobit(1.5), bit.tobit(2.5), bit.tobit(-0.5), bit.tobit(2^31), bit.tobit(2^32 - 0.5), bit.tobit(-2^51), bit.tobit("0xff"), bit.tobit(" 12 "))
say(bit.tohex(1), bit.tohex(-1, -4), bit.tohex(255, 0), bit.tohex(0x12345678, 5), bit.tohex(255, 1.5), bit.tohex(10, "3"), bit.tohex(0xabcdef, -8), bit.tohex(-1))
say(bit.lshift(1, 32), bit.lshift(1, -1), bit.lshift(1, 33.5), bit.rol(1, 31.5), bit.ror(1, 1), bit.arshift(-256, 8), bit.rshift(-256, 8), bit.bswap(0x12345678), bit.bnot(0), bit.bnot(1, 2))
say(bit.band(0xff, 0x0f, 3), bit.bor(1), bit.bxor(1, 2, 4, 8, "16"), bit.band(-1), bit.bor(1, 2, 2^40 + 4))
for _, f in ipairs { "tobit", "tohex", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bswap" } do
  wrong("bit." .. f .. "()") wrong("bit." .. f .. "(nil)") wrong("bit." .. f .. "('x')") wrong("bit." .. f .. "({}, 1)") wrong("bit." .. f .. "(1, {})") wrong("bit." .. f .. "(1)") wrong("bit." .. f .. "(true, true)")
end`)
}

// Numbers within the reach of the library, fractions too.
func TestBitOperationsAreLikeLuaJIT(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	number := func() float64 {
		n := math.Ldexp(r.Float64()-0.5, r.Intn(53))
		return choose(r, n, math.Trunc(n), math.Trunc(n), math.Trunc(n)+0.5, float64(r.Uint32()), float64(int32(r.Uint32())))
	}
	var b strings.Builder
	for range 5000 {
		name := choose(r, "tobit", "tohex", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bswap")
		second := choose(r, fmt.Sprintf(", %.17g", number()), fmt.Sprintf(", %d", r.Intn(64)-16))
		if name == "tohex" {
			second = choose(r, "", fmt.Sprintf(", %d", r.Intn(17)-8))
		}
		third := ""
		if strings.HasPrefix(name, "b") && r.Intn(3) == 0 {
			third = fmt.Sprintf(", %.17g", number())
		}
		fmt.Fprintf(&b, "say(bit.%s(%.17g%s%s))\n", name, number(), second, third)
	}
	likeReference(t, "luajit", b.String())
}

func TestBitTakesNumbersOfAnySize(t *testing.T) {
	p := newProgram(t)
	got := p.run(`print(bit.tobit(2^53), bit.tobit(2^52 + 1), bit.tobit(2^1000), bit.tobit(-2^1000), bit.tobit(1/0), bit.tobit(0/0), bit.tohex(255, 100), bit.tohex(255, -2^31), bit.tobit(3 * 2^60))`)
	if want := "0\t1\t0\t0\t0\t0\t000000ff\t000000FF\t0\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkBand(b *testing.B) {
	p := newProgram(b)
	p.run(`local band = bit.band function bands(n) for i = 1, n do local x = band(i, 255) end end`)
	b.ReportAllocs()
	b.ResetTimer()
	p.run(fmt.Sprintf("bands(%d)", b.N))
}
