package interp_test

import (
	"os"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
)

// benchmark runs a chunk again and again: here, or where STOCK is set, in gopher-lua as it comes.
func benchmark(b *testing.B, source string) {
	b.Helper()
	b.ReportAllocs()
	var l *lua.LState
	if os.Getenv("STOCK") != "" {
		l = lua.NewState()
		defer l.Close()
	} else {
		l = newProgram(b).l
	}
	fn, err := interp.Load(l, "bench", []byte(source))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l.Push(fn)
		l.Call(0, 0)
	}
}
