package tests

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/check"
)

// What poelua check takes for defined is what a script finds.
func TestCheckKnowsTheGlobals(t *testing.T) {
	var out output
	rt, err := runtime.New(runtime.Options{Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	if err := rt.DoString("list", "for name in pairs(_G) do print(name) end"); err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(out.String())
	if len(names) < 40 {
		t.Fatalf("got only the globals %v", names)
	}
	for _, name := range names {
		if findings := check.Source("script.lua", []byte("local a = "+name)); len(findings) > 0 {
			t.Errorf("%s: %v", name, findings[0])
		}
	}
	for _, name := range []string{"channel", "_GOPHER_LUA_VERSION", "_printregs", "no_such_global"} {
		if len(check.Source("script.lua", []byte("local a = "+name))) == 0 {
			t.Errorf("%s is taken for defined", name)
		}
	}
}
