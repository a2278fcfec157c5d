package repl_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

func TestRecordsAreShownAsATable(t *testing.T) {
	for _, c := range []struct{ name, typed, shown string }{
		{"columns in line, numbers to the right", "{ { id = 1, name = 'bot' }, { id = 10, name = 'x' } }",
			"id  name\n 1  bot\n10  x\n"},
		{"one record", "{ { id = 1, name = 'bot' } }", "id  name\n 1  bot\n"},
		{"a field that some do not have stands where it was set",
			"{ { a = 1, c = 3, d = 4 }, { a = 1, b = 2, c = 3, d = 4 } }", "a  b  c  d\n1     3  4\n1  2  3  4\n"},
		{"numbers at the end", "{ { a = 'x', b = 5 }, { a = 'y', b = 50 } }", "a   b\nx   5\ny  50\n"},
		{"strings that look like something else are quoted",
			"{ { a = '1', b = true, c = 'nil' }, { a = '', b = false, c = '{}' } }",
			"a    b      c\n\"1\"  true   \"nil\"\n\"\"   false  \"{}\"\n"},
		{"nothing reaches a terminal raw", `{ { a = "\27[2J" }, { a = "x\ny" } }`, "a\n\"\\27[2J\"\n\"x\\ny\"\n"},
		{"nested values are short", "{ { a = 1, list = { 1, 2 }, deep = { { {} , { 1 } } } } }",
			"a  list    deep\n1  {1, 2}  {{{}, {...}}}\n"},
		{"long values are cut", "{ { a = ('x'):rep(1000), b = { ('y'):rep(1000) } } }",
			"a" + strings.Repeat(" ", 33) + "b\n" + "\"" + strings.Repeat("x", 28) + "...  {\"" + strings.Repeat("y", 27) + "...\n"},
		{"cycles", "(function() local r = { a = 1 } r.r = r return { r } end)()", "a  r\n1  <cycle>\n"},
		{"not numbers", "{ 1, 2 }", "{1, 2}\n"},
		{"not records with items", "{ { 1, a = 2 }, { 2, a = 3 } }", "{{1, a = 2}, {2, a = 3}}\n"},
		{"not keys that are no names", "{ { ['a b'] = 2 } }", "{{[\"a b\"] = 2}}\n"},
		{"not an array with fields", "{ { a = 2 }, n = 1 }", "{{a = 2}, n = 1}\n"},
		{"not an array with holes", "(function() local t = { 0, { a = 1 } } t[1] = nil return t end)()", "{[2] = {a = 1}}\n"},
		{"not records of tables only", "{ { a = {} } }", "{{a = {}}}\n"},
		{"not records that have little in common", "{ { a = 1 }, { b = 2 }, { c = 3 } }", "{{a = 1}, {b = 2}, {c = 3}}\n"},
		{"not empty ones", "{ {}, {} }", "{{}, {}}\n"},
		{"not within another table", "{ list = { { a = 1 } } }", "{list = {{a = 1}}}\n"},
		{"not what is an object of the library's", "{ ctx }", "{poe.Context(1)}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, runtime.Options{}, repl.Config{Terminal: true})
			if got := b.types(c.typed); got != c.shown {
				t.Errorf("got  %q\nwant %q", got, c.shown)
			}
		})
	}
}

func TestATableOfRecordsHasABound(t *testing.T) {
	width := 80
	b := newBench(t, runtime.Options{}, repl.Config{Terminal: true, Width: func() int { return width }})
	b.do(`
many = {} for i = 1, 1e5 do many[i] = { id = i, name = "session " .. i } end
broad = {} for i = 1, 3 do broad[i] = {} for j = 1, 40 do broad[i]["field" .. j] = ("x"):rep(100) end end
shared = {} for i = 1, 1e5 do shared[i] = i end
for i = 1, 1e5 do many[i].list = shared end`)
	if got := b.types("many"); strings.Count(got, "\n") != 42 || !strings.HasSuffix(got, "... 99,960 more\n") {
		t.Errorf("got %q", got)
	}
	for _, width = range []int{20, 40, 80, 500} {
		for _, typed := range []string{"broad", "many", "poe.peek.sessions()"} {
			for line := range strings.Lines(b.types(typed)) {
				if n := utf8.RuneCountInString(line) - 1; n > width {
					t.Errorf("%s: a line has %d columns, want %d:\n%s", typed, n, width, line)
				}
			}
		}
	}
	width = 80
	if got := b.types("poe.peek.sessions()"); !strings.HasPrefix(got, "id  ") || !strings.Contains(got, "\n... and the fields ") {
		t.Errorf("got %s", got)
	}
}
