package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime/check"
)

// checkCase is one chunk and its findings, each as "line: message".
type checkCase struct {
	name, source string
	want         []string
}

func runCases(t *testing.T, cases []checkCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Helper()
			got := found(check.Source("x.lua", []byte(c.source)))
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q\n%s", got, c.want, c.source)
			}
		})
	}
}

func found(findings []check.Finding) []string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%d: %s", f.Line, f.Message))
	}
	return lines
}

func TestFindingReadsAsCompilersWriteIt(t *testing.T) {
	got := check.Source("dir/a.lua", []byte("\npritn()"))[0].String()
	if want := "dir/a.lua:2: undefined global 'pritn' (did you mean 'print'?)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFindingsComeInLineOrderEachOnce(t *testing.T) {
	runCases(t, []checkCase{
		{"all three kinds", `local poe = require "poe"
for i = 1, 2 do
  goto nowhere
end
poe.Session.create{ inline_states = { _start = function(ctx)
  ctx.kernel:yield("late")
  foo(foo, foo)
  bar()
end } }
early()`, []string{
			"3: no visible label 'nowhere' for goto",
			"6: event 'late' is posted but no state here handles it",
			"7: undefined global 'foo'",
			"8: undefined global 'bar'",
			"10: undefined global 'early'",
		}},
		{"an empty file", "", nil},
		{"only a comment", "-- nothing", nil},
	})
}

func TestCleanProgramsHaveNoFindings(t *testing.T) {
	paths, err := filepath.Glob("testdata/clean/*.lua")
	if err != nil || len(paths) == 0 {
		t.Fatalf("got %d programs, %v", len(paths), err)
	}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range check.Source(path, source) {
			t.Error(f)
		}
	}
}

// nested are sources that nest n deep, each in its own way.
var nested = map[string]func(n int) string{
	"parentheses": func(n int) string { return "return " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
	"sums":        func(n int) string { return "local x return x" + strings.Repeat("+1", n) },
	"strings":     func(n int) string { return "local x return x" + strings.Repeat("..x", n) },
	"negations":   func(n int) string { return "return " + strings.Repeat("not ", n) + "1" },
	"minus signs": func(n int) string { return "return " + strings.Repeat("- ", n) + "1" },
	"tables":      func(n int) string { return "return " + strings.Repeat("{", n) + strings.Repeat("}", n) },
	"fields":      func(n int) string { return "local x return x" + strings.Repeat(".x", n) },
	"calls":       func(n int) string { return "print" + strings.Repeat("()", n) },
	"methods":     func(n int) string { return "print" + strings.Repeat(":yield('a')", n) },
	"conditions":  func(n int) string { return "local x return x" + strings.Repeat(" and x", n) },
	"functions":   func(n int) string { return strings.Repeat("return function() ", n) + strings.Repeat("end ", n) },
	"blocks":      func(n int) string { return strings.Repeat("do ", n) + strings.Repeat("end ", n) },
	"branches":    func(n int) string { return "if 1 then " + strings.Repeat("elseif 1 then ", n) + "end" },
	"unfinished":  func(n int) string { return strings.Repeat("f({function() ", n) },
	"targets":     func(n int) string { return "local x x" + strings.Repeat("[x]", n) + " = 1" },
	"states": func(n int) string {
		return "local poe = require 'poe' poe.NFA.spawn{inline_states = " + strings.Repeat("{a =", n) + "{}" + strings.Repeat("}", n) + "}"
	},
}

func TestDeepNestingEnds(t *testing.T) {
	const depth = 50_000
	for name, source := range nested {
		t.Run(name, func(t *testing.T) {
			for _, f := range check.Source("deep.lua", []byte(source(depth))) {
				if strings.ContainsRune(f.Message, '\n') || len(f.Message) > 300 {
					t.Errorf("got message %q, want one short line", f.Message)
				}
			}
		})
	}
	runCases(t, []checkCase{
		{"the line is that of the innermost part looked at", "local x\nreturn x" + strings.Repeat("+\n1", 20_000), []string{"2: nested more than 5000 levels deep"}},
		{"parentheses are no level", nested["parentheses"](100_000), nil},
		{"concatenations are", nested["strings"](100_000), []string{"1: nested more than 5000 levels deep"}},
		{"a thousand branches are fine", nested["branches"](1000), nil},
		{"a sum of a thousand is fine", nested["sums"](1000), nil},
	})
}

func TestManyUnknownNamesEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("local poe = require 'poe'\npoe.Session.create{ inline_states = {\n")
	for i := range 5_000 {
		if i%100 == 0 { // the compiler takes time in the square of a function's constants
			fmt.Fprintf(&b, "%sstate_%d = function(ctx)\n", strings.Repeat("end,\n", min(i, 1)), i)
		}
		fmt.Fprintf(&b, "a%05d = b%05d ctx.kernel:yield('c%05d') ctx.kernel:state('d%05d', print)\n", i, i, i, i)
	}
	b.WriteString("end } }\n")
	got := check.Source("many.lua", []byte(b.String()))
	if len(got) != 10_000 {
		t.Errorf("got %d findings, want 10000", len(got))
	}
}

func FuzzSource(f *testing.F) {
	paths, _ := filepath.Glob("testdata/clean/*.lua")
	for _, path := range paths {
		if source, err := os.ReadFile(path); err == nil {
			f.Add(source)
		}
	}
	for _, source := range nested {
		f.Add([]byte(source(50)))
	}
	for _, source := range []string{
		"\ufeff#!x\r\nreturn", "x = 'a\\\nb", "--[==[", "[==[\xff]==]", "goto x", "::x:: ::x::", "1e", "local t = {...} return t.x['y']:z\"w\"",
	} {
		f.Add([]byte(source))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		lines := 1 + strings.Count(string(source), "\n") + strings.Count(string(source), "\r")
		last := 1
		for _, finding := range check.Source("f.lua", source) {
			if finding.Line < last || finding.Line > lines {
				t.Errorf("got line %d after %d of %d: %s", finding.Line, last, lines, finding)
			}
			last = finding.Line
			if finding.Message == "" || strings.ContainsAny(finding.Message, "\r\n\x1b") {
				t.Errorf("got message %q, want one printable line", finding.Message)
			}
		}
	})
}

// program is a poe program of about the given number of lines, most of it handlers that post to one another.
func program(lines int) string {
	var b strings.Builder
	b.WriteString("local poe = require 'poe'\nlocal states = {}\n")
	n := lines / 10
	for i := range n {
		fmt.Fprintf(&b, `function states.event_%d(ctx, first, ...)
  local kernel, heap = ctx.kernel, ctx.heap
  heap.count = (heap.count or 0) + #tostring(first)
  for i, value in ipairs{ ... } do
    heap[i] = value .. " and " .. tostring(i)
  end
  if heap.count > %d then kernel:yield("event_%d", heap.count) end
  kernel:delay("event_%d", 0.5 * heap.count, function() return total + first end)
  total = heap.count
end
`, i, i, (i+1)%n, (i+7)%n)
	}
	b.WriteString("states._start = states.event_0\npoe.Session.create{ inline_states = states }\n")
	return b.String()
}

func BenchmarkSource(b *testing.B) {
	source := []byte(program(5000))
	if got := check.Source("b.lua", source); len(got) > 0 {
		b.Fatalf("got %v, want no findings", got)
	}
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		check.Source("b.lua", source)
	}
}
