package interp_test

import (
	"fmt"
	"strings"
	"testing"
)

// What the compiler would get wrong, or take for ever with, compiles right or is refused.
func TestChunksThatTheCompilerDoesNotBear(t *testing.T) {
	const (
		levels    = "too many syntax levels"
		constants = "too many constants"
		jump      = "control structure too long"
	)
	for _, c := range []struct{ name, source, want string }{
		{"parentheses", strings.Repeat("(", 300_000), "syntax error"},
		{"minus signs", "return " + strings.Repeat("- ", 300_000) + "1", levels},
		{"not", "return " + strings.Repeat("not ", 300_000) + "1", levels},
		{"concatenations", "return " + strings.Repeat("'a'..", 200_000) + "'a'", levels},
		{"functions", strings.Repeat("function f() ", 5_000) + strings.Repeat("end ", 5_000), levels},
		{"constructors", "return " + strings.Repeat("{", 200_000) + strings.Repeat("}", 200_000), levels},
		{"constants", many(100_000, func(i int) string { return fmt.Sprintf("x = 'k%d' ", i) }), constants},
		{"constants of many functions", many(40, func(f int) string {
			return "function f() " + many(8_000, func(i int) string { return fmt.Sprintf("x = %d ", i) }) + " end "
		}), constants},
		{"a long loop", "for i = 1, 2 do " + strings.Repeat("x = 1 ", 100_000) + "end", jump},
		{"a long branch", "if y then " + strings.Repeat("x = 1 ", 100_000) + "end", jump},
		{"a long chunk", strings.Repeat("x = 1 ", 200_000), ""},
		{"many branches", strings.Repeat("if y then x = 1 else x = 2 end ", 30_000), ""},
		{"200 nested constructors", "return " + strings.Repeat("{", 200) + strings.Repeat("}", 200), ""},
		{"a comment of 10 MB", "--" + strings.Repeat("x", 10_000_000), ""},
		{"a string of 10 MB", "return '" + strings.Repeat("x", 10_000_000) + "'", ""},
		{"garbage", strings.Repeat("\x00\xff\x1b`~", 20_000), "unexpected symbol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			switch got := newProgram(t).try(c.source); {
			case c.want == "" && got != "":
				t.Errorf("got the error %.200s", got)
			case !strings.Contains(got, c.want):
				t.Errorf("got %.200q, want %q", got, c.want)
			}
		})
	}
}

func many(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// A constructor with more items than the compiler keeps is taken apart.
func TestLargeConstructorsKeepEveryItem(t *testing.T) {
	items := many(60_000, func(i int) string { return fmt.Sprintf("%d,", i+1) })
	got := newProgram(t).run(`
local load = loadstring
local items = "` + items + `"
local function several() return "a", "b", nil, "d" end
_G.several = several
local t = load("local up = 7 return {" .. items .. " k = up, [up] = 'seven', ..., several()}")(3, 4)
print(#t, t[1], t[60000], t[60001], t[60002], t[60003], t[60004], t[60005], t[60006], t.k)
t = load("return {" .. items .. " (several())}, 5")
print(#t(), t()[60001], select(2, t()))
t = load("return {" .. items .. " ...}")("x", "y")
print(#t, t[60002])
print(select("#", load("return {" .. items .. "}, 1, 2")()))
print(pcall(load("local t = {" .. items .. "\nnil + 1}", "=chunk")))
local up = load("local n = 0 local t = {" .. items .. " function() n = n + 1 return n end} t[60001]() return t[60001]() + n")
print(up())
`)
	want := `60005	1	60000	3	a	b	nil	d	nil	7
60001	a	5
60002	y
3
false	chunk:2: cannot perform add operation between nil and number
4
`
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
