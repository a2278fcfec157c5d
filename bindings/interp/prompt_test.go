package interp_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
)

func TestTypedKeepsLocals(t *testing.T) {
	l := newProgram(t).l
	p := interp.NewTyped(l)
	p.Set("given", lua.LNumber(5))
	run := func(source string, expression bool) string {
		t.Helper()
		fn, err := p.Load("typed", source, expression)
		if err != nil {
			return err.Error()
		}
		l.Push(fn)
		l.Call(0, 1)
		defer l.Pop(1)
		return l.Get(-1).String()
	}
	tests := []struct {
		source     string
		expression bool
		want       string
	}{
		{"given + 1", true, "6"},
		{"local a, b = 1, 2 global = a", false, "nil"},
		{"a + b + global", true, "4"},
		{"_G.a", true, "nil"},
		{"local t = { a = a } function t.f(a) return a end function t:g() return self.a + a end return t.f(7) + t:g()", false, "9"},
		{"a = a + 1 a, b = b, a return a .. b", false, "22"},
		{"local function f() return f end return f() == f", false, "true"},
		{"local given = given + 1 return given", false, "6"},
		{"local x do local given = 9 end for given = 1, 1 do x = given end return given", false, "6"},
		{"...", true, "nil"},
		{"local = 1", false, "typed:1: syntax error near '='"},
		{"local new = = 1", false, "typed:1: syntax error near '='"},
		{"new", true, "nil"},
		{"x = {", false, "unfinished input"},
		{"f(", true, "unfinished input"},
		{"'abc", true, "typed:1: unfinished string near '<eof>'"},
		{"[[abc", true, "unfinished input"},
		{"--[[abc", false, "unfinished input"},
		{"local big = {" + strings.Repeat("a,", 5000) + "} return #big", false, "5000"},
		{"#big", true, "5000"},
	}
	for _, test := range tests {
		if got := run(test.source, test.expression); got != test.want {
			t.Errorf("%.100s: got %q, want %q", test.source, got, test.want)
		}
	}
	if _, ok := p.Get("new"); ok {
		t.Error("an input that was not compiled has made a variable")
	}
	if v, ok := p.Get("x"); !ok || v != lua.LNumber(1) {
		t.Errorf("x is %v", v)
	}
	if names := p.Names(); !slices.Contains(names, "given") || !slices.Contains(names, "big") {
		t.Errorf("got the names %q", names)
	}
	if _, err := p.LoadFile("file", []byte("#!\nx = {")); err == nil || errors.Is(err, interp.ErrUnfinished) || err.Error() != "file:2: syntax error near '<eof>'" {
		t.Errorf("a file: got %v", err)
	}
	deep := strings.Repeat("(", 200_000)
	for _, source := range []string{deep, "x = " + deep, strings.Repeat("do ", 200_000), strings.Repeat("function f() ", 2000)} {
		if _, err := p.Load("typed", source, false); err == nil {
			t.Error("no error")
		}
	}
}

func TestDivertTakesStandardOutput(t *testing.T) {
	p := newProgram(t)
	taken, takes := "", true
	restore := interp.Divert(p.l, func(text string) bool {
		if takes {
			taken += text
		}
		return takes
	})
	if err := p.l.DoString(`print(1, "x") io.write("a", 2) io.stdout:write("b") io.stderr:write("") no = select(2, io.read())`); err != nil {
		t.Fatal(err)
	}
	takes = false
	if err := p.l.DoString(`print("kept") yes = select("#", io.read())`); err != nil {
		t.Fatal(err)
	}
	restore()
	takes = true
	if err := p.l.DoString(`print("restored")`); err != nil {
		t.Fatal(err)
	}
	if got := p.out.String(); got != "kept\nrestored\n" {
		t.Errorf("standard output got %q", got)
	}
	if taken != "1\tx\na2b" {
		t.Errorf("got %q", taken)
	}
	if no := p.l.GetGlobal("no").String(); !strings.Contains(no, "prompt") {
		t.Errorf("reading gave %q", no)
	}
}
