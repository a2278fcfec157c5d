package repl_test

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

func TestHowValuesAreShown(t *testing.T) {
	tests := []struct {
		name  string
		typed []exchange
	}{
		{"strings are quoted", []exchange{
			{`'a"b\\c'`, `"a\"b\\c"` + "\n"}, {`'\0\0019\27\127\200é\n\r\t€'`, `"\0\0019\27\127\200é\n\r\t€"` + "\n"}, {`'\226\128\174'`, `"\226\128\174"` + "\n"}, {`''`, `""` + "\n"},
		}},
		{"numbers are Lua's", []exchange{{"1, -0.5, 1e15, 2^53, 1/0, -1/0, 0.1", "1  -0.5  1e+15  9.007199254741e+15  inf  -inf  0.1\n"}}},
		{"booleans", []exchange{{"true, false, nil", "true  false  nil\n"}}},
		{"functions have a place", []exchange{{"print", "function (built-in)\n"}, {"f = function()\nend", ""}, {"f", "function repl:1\n"}}},
		{"threads have a state", []exchange{{"coroutine.create(print)", "thread (suspended)\n"}}},
		{"tables", []exchange{
			{"{}", "{}\n"}, {"{ 1, 'x', { 2 } }", "{1, \"x\", {2}}\n"}, {"{ 1, nil, 3 }", "{1, [3] = 3}\n"},
			{"{ b = 1, a = 2, [-1] = 1, ['a b'] = 1, ['end'] = 1, [true] = 1, [0.5] = 2 }",
				"{[-1] = 1, [0.5] = 2, a = 2, [\"a b\"] = 1, b = 1, [\"end\"] = 1, [true] = 1}\n"},
			{"{ [{}] = 1 }, { [print] = 2 }, { [ctx.session] = 3 }", "{[table] = 1}  {[function (built-in)] = 2}  {[poe.Session(1 repl)] = 3}\n"},
			{"{ [('k'):rep(100)] = 1 }", "{[\"" + strings.Repeat("k", 40) + "\"...] = 1}\n"},
		}},
		{"tables that are too wide take lines", []exchange{
			{"{ name = ('x'):rep(50), { 1 }, 2, 3, n = { ('y'):rep(40), ('z'):rep(40) } }", "{\n  {1},\n  2, 3,\n  n = {\n    \"" + strings.Repeat("y", 40) +
				"\",\n    \"" + strings.Repeat("z", 40) + "\",\n  },\n  name = \"" + strings.Repeat("x", 50) + "\",\n}\n"},
			{"{ ('x'):rep(1000) }", "{\n  \"" + strings.Repeat("x", 73) + "...,\n}\n"},
		}},
		{"nested to a depth", []exchange{{"{ { { { { 1 } } } } }", "{{{{{...}}}}}\n"}, {"{ { { { {} } } } }", "{{{{{}}}}}\n"}}},
		{"cycles are marked", []exchange{
			{"local t = { 1 } t.t = t t.u = { t } x = t", ""}, {"x", "{1, t = <cycle>, u = {<cycle>}}\n"},
			{"local t = {} x = { t, t }", ""}, {"x", "{{}, {}}\n"},
			{"x = { long = ('x'):rep(70) } x.x = x", ""}, {"x", "{\n  long = \"" + strings.Repeat("x", 66) + "...,\n  x = <cycle>,\n}\n"},
		}},
		{"objects have names", []exchange{
			{"ctx, kernel, ctx.session", "poe.Context(1)  poe.kernel  poe.Session(1 repl)\n"}, {"{ ctx, kernel }", "{poe.Context(1), poe.kernel}\n"},
			{"{ poe.filter.Line.new() }", "{poe.filter.Line}\n"}, {"newproxy()", "userdata\n"},
		}},
		{"a __tostring is called for a value, not within one", []exchange{
			{"calls = 0 x = setmetatable({ 1 }, { __tostring = function() calls = calls + 1 return 'I am\\27\\nx' end })", ""},
			{"x", "I am\\027\nx\n"}, {"calls", "1\n"}, {"{ x }", "{{1}}\n"}, {"calls", "1\n"}, {".post repl event x", ""},
			{"setmetatable({ 1 }, { __tostring = error })", "{1}\n"}, {"setmetatable({ 1 }, { __tostring = function() end })", "{1}\n"},
			{"setmetatable({ 1 }, { __tostring = 1, __index = error, __len = error, __eq = error })", "{1}\n"},
			{"x = newproxy(true) getmetatable(x).__tostring = function() return 'proxy' end", ""}, {"x", "proxy\n"},
		}},
		{"many values", []exchange{
			{"unpack({}, 1, 50)", strings.Repeat("nil\n", 40) + "... 10 more\n"}, {"('x'):rep(60), ('y'):rep(60)", "\"" + strings.Repeat("x", 60) + "\"\n\"" + strings.Repeat("y", 60) + "\"\n"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, runtime.Options{}, repl.Config{})
			b.exchange(test.typed)
		})
	}
}

func TestLargeValuesAreCut(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.do(`
items = {} for i = 1, 1e6 do items[i] = i end
fields = {} for i = 1, 1e5 do fields["k" .. i] = i end
wide = {} for i = 1, 100 do wide[i] = {} for j = 1, 100 do wide[i][j] = { ("x"):rep(100) } end end
long = ("x"):rep(1e8)
odd = setmetatable({}, { __tostring = function() return long end })
deep = {} for i = 1, 1e5 do deep = { deep } end`)
	for name, most := range map[string]int{"items": 10, "fields": 44, "wide": 200, "long": 1, "odd": 1, "deep": 1, "{ long, [long] = long }": 5, "_G": 200, "error(long, 0)": 3} {
		got := b.types(name)
		if n := strings.Count(got, "\n"); n > most || len(got) > 70_000 {
			t.Errorf("%s takes %d lines, %d bytes", name, n, len(got))
		}
	}
	if got := b.types("items"); !strings.HasPrefix(got, "{\n  1, 2, 3,") || !strings.HasSuffix(got, " 40,\n  ... 999,960 more\n}\n") {
		t.Errorf("got %q", got)
	}
	if got := b.types("long"); !strings.HasSuffix(got, "x\"... (100,000,000 bytes)\n") {
		t.Errorf("got %q", got[len(got)-100:])
	}
	if got := b.types(".post repl event long, items"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestTheWidthIsTheReaders(t *testing.T) {
	width := 40
	b := newBench(t, runtime.Options{}, repl.Config{Width: func() int { return width }})
	b.do("t = { a = ('x'):rep(20), b = ('y'):rep(20) }")
	narrow := b.types("t")
	width = 100
	if wide := b.types("t"); strings.Count(narrow, "\n") != 4 || strings.Count(wide, "\n") != 1 {
		t.Errorf("got %q and %q", narrow, wide)
	}
	width = 0
	b.types("t")
}

func BenchmarkShowAMillionItems(b *testing.B) {
	bench := newBench(b, runtime.Options{}, repl.Config{})
	bench.do(`items = {} for i = 1, 1e6 do items[i] = i end`)
	for b.Loop() {
		bench.types("items")
	}
}
