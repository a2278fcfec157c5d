package tests

import (
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/kernel/host"
)

const benchFile = "bench/interp.lua"

// BenchmarkInterpreter runs the functions of bench/interp.lua in poelua, in poelua with a meter, and in stock gopher-lua.
// Compare what is measured in one run.
func BenchmarkInterpreter(b *testing.B) {
	source, err := os.ReadFile(benchFile)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range benchNames(string(source)) {
		for _, in := range []string{"poelua", "metered", "stock"} {
			b.Run(name+"/"+in, func(b *testing.B) {
				l := benchState(b, in)
				if err := l.DoString(string(source)); err != nil {
					b.Fatal(err)
				}
				fn := l.GetGlobal("bench_" + name)
				for b.Loop() {
					if err := l.CallByParam(lua.P{Fn: fn, NRet: 0, Protect: true}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func benchNames(source string) (names []string) {
	for line := range strings.Lines(source) {
		if name, ok := strings.CutPrefix(line, "function bench_"); ok {
			names = append(names, strings.TrimSuffix(strings.TrimSpace(name), "()"))
		}
	}
	return names
}

func benchState(b *testing.B, in string) *lua.LState {
	if in == "stock" {
		l := lua.NewState()
		b.Cleanup(l.Close)
		return l
	}
	h := host.New()
	made := interp.New(interp.Config{
		Host: h, Stdin: h.Stdin(), Stdout: h.Stdout(), Stderr: h.Stderr(),
		Metered: in == "metered", Where: func() string { return "" },
	})
	b.Cleanup(func() { made.State.Close(); h.Close() })
	return made.State
}
