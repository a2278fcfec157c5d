package interp_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

func TestAssignmentsEvaluateEverythingFirst(t *testing.T) {
	likeLua51(t, map[string]string{
		"locals change places":              `local a, b = 1, 2; a, b = b, a; say(a, b)`,
		"three of them":                     `local a, b, c = 1, 2, 3; a, b, c = c, a, b; say(a, b, c)`,
		"a sum of both":                     `local a, b = 0, 1; for i = 1, 10 do a, b = b, a + b end; say(a, b)`,
		"parameters":                        `local function f(a, b) a, b = b, a; return a, b end; say(f(1, 2))`,
		"globals":                           `a, b = 1, 2; a, b = b, a; say(a, b)`,
		"upvalues":                          `local a, b = 1, 2; (function() a, b = b, a end)(); say(a, b)`,
		"a local and a field of what it is": `local t, p = {}; p = t; p.x, p = p, 5; say(t.x == t, p)`,
		"an index that changes":             `local i, t = 3, {}; i, t[i] = i + 1, 20; say(i, t[3], t[4])`,
		"an index that changes afterwards":  `local i, t = 3, {}; t[i], i = 20, i + 1; say(i, t[3], t[4])`,
		"a field of a field that changes":   `local t = { x = {} }; local x = t.x; t.x, t.x.y = 1, 2; say(t.x, x.y)`,
		"a call sees what was":              `local a, b = 1, 2; local function f() return a end; a, b = 5, f(); say(a, b)`,
		"a call gives the rest":             `local a, b, c = 1, 2, 3; a, b, c = c, (function(...) return ... end)(a, b); say(a, b, c)`,
		"dots give the rest":                `local function f(...) local a, b, c = 7, 8, 9; a, b, c = c, ...; return a, b, c end; say(f(1, 2))`,
		"too few values":                    `local a, b, c = 1, 2, 3; a, b, c = b, a; say(a, b, c)`,
		"too many values":                   `local a, b = 1, 2; local function f() b = a end; a = 5, f(); say(a, b)`,
		"the same twice":                    `local a; a, a = 1, 2; say(a)`,
		"an error changes nothing":          `local a, b = 1, 2; pcall(function() local c = 3; a, b = 5, c.x.y end); say(a, b)`,
		"in the functions of a constructor": `local t = { f = function(a, b) a, b = b, a; return a, b end }; say(t.f(1, 2))`,
		"in methods and loops": `local t = {}
			function t:f(a, b) while true do repeat if a then a, b = b, a end until true; return a, b end end; say(t:f(1, 2))`,
	})
}

func TestDotsGoToOneVariable(t *testing.T) {
	likeLua51(t, map[string]string{
		"dots":             `local function f(...) local a, b, c = 1, 2, 3; a = ...; return a, b, c end; say(f(7, 8))`,
		"in parentheses":   `local function f(...) local a, b, c = 1, 2, 3; a = (...); return a, b, c end; say(f(7, 8))`,
		"to a parameter":   `local function f(a, ...) local b, c = 2, 3; a = ...; return a, b, c end; say(f(7, 8))`,
		"with none":        `local function f(...) local a, b, c = 1, 2, 3; b = ...; return a, b, c end; say(f())`,
		"to two variables": `local function f(...) local a, b, c = 1, 2, 3; a, b = ...; return a, b, c end; say(f(7, 8))`,
	})
}

func TestAnAndThatFailsIsAssigned(t *testing.T) {
	likeLua51(t, map[string]string{
		"a global":      `local a, b = 1, 2; a = G and b; say(a)`,
		"a call":        `local a, b = 1, 2; local function f() return false end; a = f() and b; say(a)`,
		"a field":       `local a, t = 1, {}; a = t.x and t.x.y; say(a)`,
		"an upvalue":    `local u; (function() local a, b = 1, 2; a = u and b; say(a) end)()`,
		"a comparison":  `local a, b = 1, 2; a = G and b == 2; say(a)`,
		"a parameter":   `local function f(a, b) a = G and b; return a end; say(f(1, 2))`,
		"before an or":  `local a, b = 1, 2; a = G and b or nil; say(a)`,
		"after an or":   `local a, b = 1, 2; a = G or H and b; say(a)`,
		"three of them": `local a, b, c = 1, 2, 3; a = b and G and c; say(a)`,
	})
}

func TestNumbersAreReadAsWritten(t *testing.T) {
	likeLua51(t, map[string]string{
		"too large":     `say(1e400, -1e400, 1e-400)`,
		"hexadecimal":   `say(0xffffffffffffffff, 0xFF, 0x10 + 0x1)`,
		"long":          `say(9223372036854775808 == 2^63, 123456789012345678901234567890 == 123456789012345678901234567890)`,
		"no number":     `say(loadstring("return 1e")); say(loadstring("local a\nlocal t = { 1, 2e+ }"))`,
		"leading zeros": `say(010, 08, 00.5)`,
	})
}

// TestMadeUpProgramsAreLikeLua51 makes up programs in which variables and fields of all kinds are assigned and used.
func TestMadeUpProgramsAreLikeLua51(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	snippets := map[string]string{}
	for part := range 10 {
		var b strings.Builder
		for range 500 {
			writeProgram(&b, r)
		}
		snippets[fmt.Sprint("part ", part)] = b.String()
	}
	likeLua51(t, snippets)
}

// What made-up programs consist of: V is a variable, F a field, E an expression, S a statement, L a list of expressions.
var (
	madeVariables   = []string{"a", "b", "c", "u", "v", "G", "H"}
	madeFields      = []string{"t[a]", "t[u]", "t[1]", "t.x", "t[t[1]]", "s.t", "s.t[b]", "s.t.x"}
	madeExpressions = []string{
		"V", "V", "V", "V", "V", "F", "F", "1", "2", "3", "nil", "false", "true", "'y'", "(E and E)", "E and E", "E or E",
		"(E or E)", "E == E", "not E", "V + V", "V * 2", "-V", "V .. V", "V < V", "#(V .. 'z')", "({L})[V]", "({x = E, L}).x",
		"id(L)", "(id(L))", "seen(L)", "t:get(L)", "...", "(...)", "(function(...) return E end)(V)",
	}
	madeStatements = []string{
		"V = E", "V = E", "F = E", "V, V = L", "V, V = E, E", "V, V, V = L", "V, F = L", "F, V = L", "F, F = L",
		"V, F, V, F = L", "V = L", "local d, e = L; V = d; V = e", "local a = E; V = a", "if E then V = E else F = E end",
		"while E do S; break end", "repeat local d = E; V = d until true", "for i = 1, 2 do S; V = i end",
		"for k, w in pairs({L}) do V, V = w, k end", "(function(...) S end)(V)", "do local b, c = E, V; S; V = b end", "id(L)",
		"V = (function(...) local a = E; return a end)(L)", "G = tostring(E):sub(1, 4)", "local function f(a, b, ...) S; return L end; V, V = f(L)",
	}
)

// writeProgram writes a program that ends by saying what its variables are, or by an error that nobody sees.
func writeProgram(b *strings.Builder, r *rand.Rand) {
	var write func(form string, depth int)
	write = func(form string, depth int) {
		for i, c := range form {
			alone := !isLetter(form, i-1) && !isLetter(form, i+1)
			from := []string(nil)
			switch {
			case c == 'V' && alone:
				from = madeVariables
			case c == 'F' && alone:
				from = madeFields
			case c == 'E' && alone && depth > 0:
				from = madeExpressions
			case c == 'E' && alone:
				from = madeVariables
			case c == 'S' && alone && depth > 0:
				from = madeStatements
			case c == 'S' && alone:
				from = []string{"V = V"}
			case c == 'L' && alone:
				from = []string{"E", "E, E", "E, E, E", "E, id(L)", "..."}
			default:
				b.WriteRune(c)
				continue
			}
			write(from[r.Intn(len(from))], max(depth-1, 0))
		}
	}
	b.WriteString(`(function() local u, v = 2, 1; G, H = 1, 3; local function only(ok, s) return ok and s end
		say(only(pcall(function(...) local a, b, c = 1, 2, 3; local t = { 3, 1, 2, x = 1, get = function(self, ...) return ..., self.x end }
		local s = { t = t }; local function id(...) return ... end; local function seen() return a, c end; `)
	for range 1 + r.Intn(4) {
		write("S; ", 4)
	}
	b.WriteString(`local list = { n = 0, a, b, c, u, v, G, H, t.x, s.t, t[1], t[2], t[3] }
		for i = 1, 12 do list[i] = tostring(list[i]):sub(1, 5) end; return table.concat(list, " ") end, 7, 8))) end)();
	`)
}

func isLetter(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z')
}
