package interp_test

import (
	"fmt"
	"math/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
)

// language writes random programs. Variables have names that tell what they hold: n numbers, s strings, t tables with a
// metatable or without, f functions that return numbers, and a anything. Loops and functions call turn, which ends the
// program after some hundred.
type language struct {
	strings.Builder
	r       *rand.Rand
	visible []string // local variables, as they are declared
	varargs bool     // ... may be used
	made    int      // names so far
}

func (g *language) one(n int) bool          { return g.r.Intn(n) == 0 }
func (g *language) of(words ...string)      { g.WriteString(words[g.r.Intn(len(words))]) }
func (g *language) f(f string, args ...any) { fmt.Fprintf(g, f, args...) }

// name makes the name of a new variable; one in four hides another.
func (g *language) name(kind byte) string {
	if len(g.visible) > 0 && g.one(4) {
		if old := g.visible[g.r.Intn(len(g.visible))]; old[0] == kind {
			return old
		}
	}
	g.made++
	return fmt.Sprintf("%c%d", kind, g.made)
}

// variable writes a variable that holds what kind says. Globals have capital letters.
func (g *language) variable(kind byte) {
	var names []string
	for _, name := range g.visible {
		if name[0] == kind {
			names = append(names, name)
		}
	}
	if len(names) == 0 || g.one(6) {
		g.f("%c%d", kind-'a'+'A', 1+g.r.Intn(2))
	} else {
		g.WriteString(names[g.r.Intn(len(names))])
	}
}

func (g *language) kind() byte { return "nnnnsttfa"[g.r.Intn(9)] }

// value writes an expression of a kind.
func (g *language) value(kind byte, depth int) {
	switch kind {
	case 'n':
		g.number(depth)
	case 's':
		g.text(depth)
	case 't':
		g.table(depth)
	case 'f':
		g.function(depth)
	default:
		g.any(depth)
	}
}

func (g *language) number(depth int) {
	if depth <= 0 || g.one(5) {
		switch g.r.Intn(4) {
		case 0:
			g.of("0", "1", "2", "3", "10", "0.5", "1.5", ".25", "2. ", "0x1F", "0Xa", "1e2", "5E-1", "007", "1e+1", "100000", "2147483648", "3")
		case 1:
			if g.one(4) {
				g.f("%d", g.r.Intn(100000))
				return
			}
			fallthrough
		default:
			g.variable('n')
		}
		return
	}
	d := depth - 1
	switch g.r.Intn(24) {
	case 0, 1, 2, 3:
		g.number(d)
		g.of(" + ", " - ", " * ", "+", "- ", "*", " - ")
		g.number(d)
	case 4:
		g.WriteString("(")
		g.number(d)
		g.of(" + ", " - ", " * ", " / ")
		g.number(d)
		g.WriteString(")")
		g.of("", "*2", "-1", "^2", "/4")
	case 5:
		if g.one(2) {
			g.number(d)
			g.of(" / ")
		} else {
			g.of("7", "-7", "#S1", "#{ n, n }", "10.5", "0", "-#S1")
			g.of(" % ", "%")
		}
		g.of("2", "4", "-8", "1", "16", "0", "-2", "#S2")
	case 6:
		g.of("2", "-2", "3", "(-2)")
		g.of("^", " ^ ")
		g.of("2", "3", "-1", "-2", "2^2", "0.5", "0")
	case 7:
		g.of(" - ", " -", " - -")
		g.number(d)
	case 8:
		g.WriteString("#")
		if g.one(2) {
			g.variable('s')
		} else {
			g.WriteString("(")
			g.text(d)
			g.WriteString(")")
		}
	case 9, 10:
		g.variable('t')
		g.field(d)
	case 11, 12:
		g.call(d)
	case 13:
		g.WriteString("(")
		g.call(d)
		g.WriteString(")")
	case 14:
		g.WriteString(`select("#", `)
		g.list(d, 0)
		g.WriteString(")")
	case 15:
		g.WriteString("(")
		g.condition(d)
		g.WriteString(" and ")
		g.number(d)
		g.WriteString(" or ")
		g.number(d)
		g.WriteString(")")
	case 16, 17:
		g.made++
		g.f("id(%d, ", g.made)
		g.number(d)
		g.WriteString(")")
	case 18:
		if g.varargs {
			g.of("num(...)", "num((...))", `select("#", ...)`, "num(select(2, ...))", "(num(...))")
		} else {
			g.number(d)
		}
	case 19:
		g.function(d)
	case 20:
		g.WriteString("num(")
		g.any(d)
		g.WriteString(")")
	case 21:
		g.WriteString("(")
		g.number(d)
		g.of(" or ", " and ")
		g.number(d)
		g.WriteString(")")
	case 22:
		g.object(d)
	case 23:
		g.of(`"10"`, `"0x10"`, `" 7 "`, `"1e1"`, "'-3'")
		g.of(" + ", " - ", " * ")
		g.number(d)
	}
}

// field writes an index that gives a number.
func (g *language) field(depth int) {
	switch g.r.Intn(6) {
	case 0:
		g.WriteString(".x")
	case 1:
		g.WriteString(`["x"]`)
	case 2:
		g.f("[%d]", 1+g.r.Intn(3))
	case 3:
		g.WriteString(".t.x")
	case 4:
		g.WriteString("[1 + (")
		g.number(depth - 1)
		g.WriteString(") % 1]")
	case 5:
		g.WriteString(".y")
	}
}

// object writes an expression of an object with metamethods that gives a number.
func (g *language) object(depth int) {
	object := func() { g.of("O1", "O2") }
	switch g.r.Intn(9) {
	case 0, 1:
		object()
		g.of(" + ", " - ", " * ", " / ", " % ", " ^ ")
		if g.one(2) {
			object()
		} else {
			g.number(depth - 1)
		}
	case 2:
		g.number(depth - 1)
		g.of(" + ", " - ", " * ", " / ", " % ", "^")
		object()
	case 3:
		g.WriteString("-")
		object()
	case 4:
		object()
		g.WriteString(":get(")
		g.list(depth-1, 0)
		g.WriteString(")")
	case 5:
		object()
		g.WriteString("(")
		g.list(depth-1, 0)
		g.WriteString(")")
	case 6:
		object()
		g.of(".v", ".missing", `["v"]`, "[7]")
	case 7:
		g.WriteString("num(O1 .. ")
		g.of("O2", "1", "'s'", "1 .. 'x'")
		g.WriteString(")")
	case 8:
		g.WriteString("num('s' .. 2 .. ")
		object()
		g.WriteString(")")
	}
}

func (g *language) text(depth int) {
	if depth <= 0 || g.one(4) {
		if g.one(2) {
			g.variable('s')
		} else {
			g.of(`"a"`, `'b'`, `""`, `"\65\066\0677"`, `"\a\n\t\\\"\'"`, "[[long]]", "[==[\nlo]]ng]=]]==]", "[[\r\na\rb\n\rc]]", `"\x"`, `'\z'`, "'a\\\nb'", "'a\\\r\nb'", `"10"`, `"abc"`, `"\0"`, `"é"`, `"\255"`)
		}
		return
	}
	d := depth - 1
	switch g.r.Intn(10) {
	case 0, 1, 2:
		g.text(d)
		g.of(" .. ", "..")
		g.text(d)
	case 3:
		g.text(d)
		g.WriteString(" .. ")
		g.of("1", "(2)", "10 .. 20", "-1", "n")
		g.WriteString(" .. ")
		g.text(d)
	case 4:
		g.variable('t')
		g.WriteString(".s")
	case 5:
		g.WriteString("(")
		g.text(d)
		g.of("):sub(1, 3)", "):upper()", "):rep(2):sub(-9)", `):len() .. ""`)
	case 6:
		g.made++
		g.f("id(%d, ", g.made)
		g.text(d)
		g.WriteString(")")
	case 7:
		g.WriteString("(")
		g.condition(d)
		g.WriteString(" and ")
		g.text(d)
		g.WriteString(" or ")
		g.text(d)
		g.WriteString(")")
	case 8:
		g.WriteString("tostring(not (")
		g.condition(d)
		g.WriteString("))")
	case 9:
		g.WriteString("show(")
		g.any(d)
		g.WriteString(")")
	}
}

// condition writes an expression that is true or false, nearly always.
func (g *language) condition(depth int) {
	if depth <= 0 {
		g.of("true", "false", "n1 == nil", "c()", "c()")
		return
	}
	d := depth - 1
	switch g.r.Intn(12) {
	case 0, 1, 2:
		g.number(d)
		g.of(" < ", " > ", " <= ", " >= ", " == ", " ~= ")
		g.number(d)
	case 3:
		g.text(d)
		g.of(" < ", " > ", " <= ", " >= ", " == ", " ~= ")
		g.text(d)
	case 4, 5:
		g.any(d)
		g.of(" == ", " ~= ")
		g.any(d)
	case 6:
		g.WriteString("not ")
		g.condition(d)
	case 7:
		g.WriteString("not (")
		g.any(d)
		g.WriteString(")")
	case 8, 9:
		g.WriteString("(")
		g.condition(d)
		g.of(" and ", " or ", " == ", " ~= ")
		g.condition(d)
		g.WriteString(")")
	case 10:
		g.of("O1", "O2")
		g.of(" < ", " > ", " <= ", " >= ", " == ", " ~= ")
		g.of("O1", "O2")
	case 11:
		g.of("true", "false", "c()", "(nil)", "1 == '1'")
		g.of(" == ", " ~= ")
		g.any(d)
	}
}

func (g *language) table(depth int) {
	if depth <= 0 || g.one(2) {
		g.variable('t')
		if g.one(5) {
			g.WriteString(".t")
		}
		return
	}
	d := depth - 1
	switch g.r.Intn(5) {
	case 0:
		g.WriteString("new(")
		g.number(d)
		g.WriteString(")")
	default:
		g.WriteString("{ ")
		for range 3 {
			g.any(d)
			g.of(", ", "; ")
		}
		g.WriteString("x = ")
		g.number(d)
		g.WriteString(", s = ")
		g.text(d)
		g.WriteString("; t = ")
		g.variable('t')
		g.of(",", ";")
		for range g.r.Intn(4) {
			switch g.r.Intn(3) {
			case 0:
				g.WriteString(" [")
				g.number(d)
				g.WriteString(" + 100] = ")
			case 1:
				g.WriteString(" [ ")
				g.text(d)
				g.WriteString("] = ")
			}
			g.any(d)
			g.of(",", ";")
		}
		switch g.r.Intn(4) {
		case 0:
			g.call(d)
		case 1:
			if g.varargs {
				g.of("...", "(...)")
			}
		case 2:
			g.WriteString("y = ")
			g.call(d)
			g.of("", ",")
		}
		g.WriteString(" }")
	}
}

// any writes an expression of any kind.
func (g *language) any(depth int) {
	switch n := g.r.Intn(12); {
	case n < 2:
		g.number(depth)
	case n < 4:
		g.text(depth)
	case n < 5:
		g.condition(depth)
	case n < 6:
		g.table(depth)
	case n < 7:
		g.of("nil", "true", "false", "O1")
	case n < 8 && g.varargs:
		g.of("...", "(...)")
	case n < 9 && depth > 0:
		g.any(depth - 1)
		g.of(" and ", " or ")
		g.any(depth - 1)
	case n < 10 && depth > 0:
		g.WriteString("(")
		g.any(depth - 1)
		g.of(" and ", " or ")
		g.any(depth - 1)
		g.of(" and ", " or ")
		g.any(depth - 1)
		g.WriteString(")")
	default:
		g.variable('a')
	}
}

// list writes values, the last of which may be several.
func (g *language) list(depth, least int) {
	n := max(least, g.r.Intn(4))
	if n == 0 {
		g.WriteString("nil")
		return
	}
	for i := range n {
		if i > 0 {
			g.WriteString(", ")
		}
		switch {
		case g.one(4):
			g.call(depth - 1)
		case g.varargs && g.one(5):
			g.of("...", "...", "(...)")
		default:
			g.any(depth - 1)
		}
	}
}

// call writes a call of a function that returns numbers, two or three.
func (g *language) call(depth int) {
	switch g.r.Intn(8) {
	case 0:
		g.of("O1:get(", "O2:get(")
	case 1:
		g.of("several(", "id(1, 2, ")
	case 2:
		g.variable('t')
		g.of(".f(", ":f(")
	default:
		g.variable('f')
		g.WriteString("(")
	}
	if g.one(3) {
		g.WriteString("1)")
		return
	}
	g.list(depth-1, 1)
	g.WriteString(")")
}

// function writes a call of a function, of one made for it if there is depth left.
func (g *language) function(depth int) {
	if depth <= 0 {
		g.variable('f')
		g.WriteString("(2)")
		return
	}
	g.WriteString("(function")
	g.body(depth - 1)
	g.WriteString(")(")
	g.list(depth-1, 0)
	g.WriteString(")")
}

// body writes parameters and statements of a function.
func (g *language) body(depth int) {
	visible, varargs := len(g.visible), g.varargs
	var names []string
	for range g.r.Intn(4) {
		names = append(names, g.name('a'))
	}
	g.visible = append(g.visible, names...)
	g.varargs = g.one(3)
	if g.varargs {
		names = append(names, "...")
	}
	g.f("(%s) turn() ", strings.Join(names, ", "))
	g.block(depth-1, false)
	switch g.r.Intn(4) {
	case 0:
		g.WriteString("return ")
		g.call(depth - 1)
	case 1:
		g.WriteString("return ")
		g.number(depth)
		g.WriteString(", ")
		g.call(depth - 1)
	default:
		g.WriteString("return ")
		g.number(depth)
		g.WriteString(", ")
		g.number(depth)
	}
	g.of(" ", "; ")
	g.WriteString("end")
	g.visible, g.varargs = g.visible[:visible], varargs
}

func (g *language) block(depth int, inLoop bool) {
	visible := len(g.visible)
	for range 1 + g.r.Intn(4) {
		g.statement(depth, inLoop)
		g.of(" ", "\n", "; ", " --[[ c ]] ", " -- c\n", " --[==[ ]] ]==] ")
	}
	g.visible = g.visible[:visible]
	if inLoop && g.one(4) {
		g.WriteString("break ")
	}
}

// target writes something that can be assigned to, and gives the kind of what it should be.
func (g *language) target(depth int) byte {
	switch g.r.Intn(6) {
	case 0:
		g.variable('t')
		g.field(depth)
		return 'n'
	case 1:
		g.variable('t')
		g.WriteString("[")
		g.number(depth)
		g.WriteString("]")
		return 'n'
	case 2:
		g.variable('t')
		g.WriteString(".s")
		return 's'
	case 3:
		g.of("O1", "O2")
		g.of(".v", ".new", "[1]")
		return 'n'
	}
	kind := g.kind()
	if kind == 'f' {
		kind = 'n'
	}
	g.variable(kind)
	return kind
}

func (g *language) statement(depth int, inLoop bool) {
	d := depth - 1
	if depth <= 0 {
		g.WriteString("out(")
		g.list(1, 1)
		g.WriteString(")")
		return
	}
	switch g.r.Intn(24) {
	case 0, 1:
		g.WriteString("out(")
		g.list(depth, 1)
		g.WriteString(")")
	case 2, 3: // locals
		var kinds []byte
		for range 1 + g.r.Intn(3) {
			kind := g.kind()
			if kind == 'f' {
				kind = 'n'
			}
			kinds = append(kinds, kind)
		}
		var names []string
		for _, kind := range kinds {
			names = append(names, g.name(kind))
		}
		g.f("local %s = ", strings.Join(names, ", "))
		for i, kind := range kinds {
			if i > 0 {
				g.WriteString(", ")
			}
			g.value(kind, depth)
		}
		if g.one(4) {
			g.WriteString(", ")
			g.call(d)
		}
		g.visible = append(g.visible, names...)
	case 4: // locals from what has several values
		n := 1 + g.r.Intn(4)
		var names []string
		for range n {
			names = append(names, g.name('a'))
		}
		g.f("local %s", strings.Join(names, ", "))
		if g.one(5) {
			g.visible = append(g.visible, names...)
			break
		}
		g.WriteString(" = ")
		g.list(d, 1)
		g.visible = append(g.visible, names...)
	case 5, 6, 7: // assignment
		kinds := []byte{g.target(d)}
		for g.one(2) {
			g.WriteString(", ")
			kinds = append(kinds, g.target(d))
		}
		g.WriteString(" = ")
		for i, kind := range kinds {
			if i > 0 {
				g.WriteString(", ")
			}
			if i == len(kinds)-1 && kind == 'n' && g.one(3) {
				g.call(d)
				break
			}
			if kind == 's' || kind == 'a' {
				g.WriteString("cut(")
				g.value(kind, d)
				g.WriteString(")")
			} else {
				g.value(kind, d)
			}
		}
		if g.one(8) {
			g.WriteString(", ")
			g.any(d)
		}
	case 8:
		kind := "nnst"[g.r.Intn(4)]
		for i, between := range []string{", ", " = ", ", ", ""} {
			if kind == 't' && g.one(3) || g.one(20) && i < 2 {
				g.of("T1.t", "T2.t")
			} else {
				g.variable(kind)
			}
			g.WriteString(between)
		}
	case 9, 10:
		g.WriteString("if ")
		g.any(d)
		g.WriteString(" then ")
		g.block(d, inLoop)
		for g.one(4) {
			g.WriteString("elseif ")
			g.condition(d)
			g.WriteString(" then ")
			g.block(d, inLoop)
		}
		if g.one(2) {
			g.WriteString("else ")
			g.block(d, inLoop)
		}
		g.WriteString("end")
	case 11:
		g.WriteString("while more() and ")
		g.condition(d)
		g.WriteString(" do ")
		g.block(d, true)
		g.WriteString("end")
	case 12:
		g.WriteString("repeat ")
		visible := len(g.visible)
		if g.one(2) {
			name := g.name('n')
			g.f("local %s = ", name)
			g.number(d)
			g.visible = append(g.visible, name)
			g.WriteString(" ")
		}
		g.statement(d, true)
		if g.visible = g.visible[:min(visible+1, len(g.visible))]; g.one(2) {
			g.WriteString(" keep(function() return ")
			g.number(0)
			g.WriteString(" end)")
		}
		g.of(" until not more() or ", " until not (more() and c()) or ")
		g.condition(d)
		g.visible = g.visible[:visible]
	case 13, 14: // for with numbers
		name := g.name('n')
		g.f("for %s = ", name)
		switch g.r.Intn(6) {
		case 0:
			g.WriteString("3, 1, -1")
		case 1:
			g.WriteString("1, 2, 0.5")
		case 2:
			g.of("1, 0", "0, 1, 0.25", "1, -1, -.5", "1e15, 1e15 + 2", "2, 2", "-1, -3, -2", "1, 3, 5")
		case 3:
			g.WriteString("num(")
			g.number(d)
			g.WriteString("), 7")
		case 4:
			g.WriteString("10, num(")
			g.number(d)
			g.WriteString("), ")
			g.of("-1", "2", "7", "1")
		default:
			g.WriteString("1, 3")
		}
		g.WriteString(" do turn() ")
		g.visible = append(g.visible, name)
		if g.one(4) {
			g.f("%s = %s + 1 ", name, name)
		}
		g.block(d, true)
		g.visible = g.visible[:len(g.visible)-1]
		g.WriteString("end")
	case 15: // for with an iterator
		key, value := g.name('n'), g.name('a')
		g.f("for %s, %s in ", key, value)
		g.of("each(3)", "ipairs(T1)", "ipairs({ 1, 2, nil, 3 })", "each(3), 1, 2", "each((3)), (several())")
		g.WriteString(" do turn() ")
		g.visible = append(g.visible, key, value)
		g.block(d, true)
		g.visible = g.visible[:len(g.visible)-2]
		g.WriteString("end")
	case 16:
		g.WriteString("do ")
		g.block(d, inLoop)
		g.WriteString("end")
	case 17:
		name := g.name('f')
		g.f("local function %s", name)
		g.visible = append(g.visible, name)
		g.body(d)
	case 18:
		g.WriteString("function ")
		switch g.r.Intn(4) {
		case 0:
			g.of("F1", "F2")
			g.body(d)
		case 1, 2:
			g.variable('t')
			g.WriteString(":f")
			g.body(d)
		case 3:
			g.variable('t')
			g.of(".f", ".t.f", ".g")
			g.body(d)
		}
	case 19: // closures that share variables
		name := g.name('n')
		g.f("local %s = ", name)
		g.number(d)
		g.visible = append(g.visible, name)
		g.f(" keep(function() %s = %s + 1 return %s end) keep(function() return %s end)", name, name, name, name)
	case 20:
		varargs := g.varargs
		g.varargs = false
		g.WriteString("keep(function() return ")
		g.any(d)
		g.WriteString(" end)")
		g.varargs = varargs
	case 21:
		g.WriteString("out(pcall(function")
		if g.one(2) {
			g.body(d)
		} else {
			varargs := g.varargs
			g.varargs = false
			g.WriteString("() ")
			g.block(d, false)
			g.of(`error("e")`, "error({})", "error()", "local x = nil + 1", "nowhere()", "T1.no.x = 1")
			g.WriteString(" end")
			g.varargs = varargs
		}
		g.WriteString("))")
	case 22:
		g.WriteString("out(wrap(function")
		g.body(d)
		g.WriteString("))")
	case 23:
		switch g.r.Intn(3) {
		case 0:
			g.WriteString("yield(")
			g.list(d, 1)
			g.WriteString(")")
		case 1:
			g.call(d)
		case 2:
			g.WriteString("out(")
			g.list(d, 1)
			g.WriteString(")")
		}
	}
}

// program writes a whole program.
func (g *language) program() string {
	g.Reset()
	g.visible, g.made, g.varargs = nil, 0, true
	for range 3 + g.r.Intn(6) {
		g.statement(3+g.r.Intn(2), false)
		g.WriteString("\n")
	}
	if g.one(3) {
		g.WriteString("return ")
		g.list(2, 1)
	}
	return g.String()
}

// languagePrelude has what the programs use. Each gives one line.
const languagePrelude = `
local turns, log, kept
local function show(v)
  if type(v) == "number" then
    if v ~= v then return "nan" end
    return string.format("%.13g", v + 0)
  end
  if type(v) == "string" then return (string.gsub(v, "[^%w%p ]", function(c) return "<" .. string.byte(c) .. ">" end)) end
  if type(v) == "table" then 
    local x, one = rawget(v, "x"), rawget(v, 1)
    return "table " .. (type(x) == "number" and show(x) or type(x)) .. (type(one) == "number" and show(one) or type(one))
  end
  return type(v) == "boolean" and tostring(v) or type(v)
end
local function shown(...)
  local n, t = select("#", ...), { ... }
  for i = 1, n do t[i] = show(t[i]) end
  return table.concat(t, " ", 1, n)
end
local function note(s) if #log < 60 then log[#log + 1] = s end end
local function num(v, w) return type(v) == "number" and v or type(v) == "table" and 5 or w == nil and 6 or v and 7 or 8 end
local function check(k) if k == nil or k ~= k then error("Lua 5.1 does not come here") end end
local function turn() turns = turns + 1 if turns > 60 then error("enough", 0) end end
local function each(n)
  return function(s, i) i = num(i) - 5 if i < n then return i + 6, s end end, n, 5
end
local object = {
  __add = function(a, b) note("add") return num(a) + num(b) end,
  __sub = function(a, b) note("sub") return num(a) - num(b) end,
  __mul = function(a, b) note("mul") return num(a) * num(b) end,
  __div = function(a, b) note("div") return num(a) / num(b) end,
  __mod = function(a, b) note("mod") return num(a) % 4 end,
  __pow = function(a, b) note("pow") return num(a) ^ 2 end,
  __unm = function(a, b) note("unm") return -num(a) end,
  __concat = function(a, b) note("concat" .. shown(a, b)) return num(a) end,
  __eq = function(a, b) note("eq") return a.v == b.v end,
  __lt = function(a, b) note("lt") return a.v < b.v end,
  __call = function(self, ...) note("call" .. shown(...)) return select("#", ...), 2 end,
  __newindex = function(t, k, v) check(k) note("newindex" .. shown(k, v)) rawset(t, k, v) end,
}
function object.__index(t, k)
  note("index" .. shown(k))
  if k == "get" then return function(self, ...) note("get" .. shown(...)) return self.v, select("#", ...) end end
  return 9
end
local function new(n)
  local t = { 10, 20, 30, x = n, y = 2, s = "str" }
  t.t = t
  t.f = function(...) note("f" .. shown(...)) turn() return n, 2 end
  return setmetatable(t, { __index = function(t, k) return 77 end, __newindex = function(t, k, v) check(k) note("set" .. shown(k)) rawset(t, k, v) end })
end
local inside -- protected calls, across which Lua 5.1 does not yield
local function finish(ok, ...)
  inside = inside - 1
  local message = not ok and tostring((...)) or ""
  if ok or string.find(message, "runtime error") or string.find(message, "interface conversion") then return ok, ... end
  return ok -- messages differ, but Go's must not come out
end
local function environment()
  local e
  e = {
    turn = turn, show = show, num = num, new = new, each = each, select = select, tostring = tostring, error = error,
    pcall = function(f, ...) inside = inside + 1 return finish(pcall(f, ...)) end,
    cut = function(v) return type(v) == "string" and string.sub(v, 1, 20) or v end, ipairs = ipairs,
    out = function(...) note(shown(...)) end,
    id = function(n, ...) note("#" .. shown(n)) return ... end,
    c = function() turn() return turns % 3 == 0 end,
    more = function() turn() return turns % 5 ~= 0 end,
    several = function(...) return 1, 2, ... end,
    keep = function(f) kept[#kept + 1] = f end,
    wrap = function(f) local co = coroutine.create(f) local n, ok, a, b = 0 repeat ok, a, b = coroutine.resume(co, n, a) n = n + 1 until coroutine.status(co) == "dead" or n > 5 return ok, ok and a, ok and b end,
    yield = function(...) if inside == 0 and coroutine.running() then return coroutine.yield(...) end end,
    n = 42, N1 = 1, N2 = 2, S1 = "S", S2 = "", T1 = new(1), T2 = new(2), A1 = "any",
    F1 = function(...) turn() return 1, select("#", ...), 3 end, F2 = function() return 4, 5 end,
    O1 = setmetatable({ v = 1 }, object), O2 = setmetatable({ v = 2 }, object),
  }
  return e
end
local function program(source)
  turns, log, kept = 0, {}, {}
  local f = loadstring(source, "=p")
  if not f then say("not compiled") return end
  local e = environment()
  local t = e.T1
  setfenv(f, e)
  inside = 0
  local result = shown(e.pcall(f, 1, "two", nil, 4))
  turns = 0
  for i = 1, #kept do note("kept " .. shown(e.pcall(kept[i]))) end
  note(shown(e.N1, e.N2, e.S1, e.S2, e.A1, t.x, t.y, t.s, t[1], t[2]))
  say(result, table.concat(log, ","))
end
`

// quoted is a Lua string that is the same bytes.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Random programs do what they do in Lua.
func TestProgramsAreLikeLua51(t *testing.T) {
	const programs = 1000
	g := &language{r: rand.New(rand.NewSource(1))}
	var all strings.Builder
	all.WriteString(languagePrelude)
	for range programs {
		fmt.Fprintf(&all, "program(%s)\n", quoted(g.program()))
	}
	likeLua51(t, map[string]string{"programs": all.String()})
}

var (
	word  = regexp.MustCompile(`^[A-Za-z0-9_"'.]`)
	token = regexp.MustCompile(`(?s)--\[(=*)\[.*?\]=*\]|--[^\n]*\n|\[\[.*?\]\]|\[==\[.*?\]==\]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|` +
		`[A-Za-z_]\w*|\.?[0-9][\w.]*|\.\.\.|\.\.|[=~<>]=|\s+|.`)
)

// spoilt is a random program with a few words left out, doubled or replaced by others.
func (g *language) spoilt() string {
	tokens := token.FindAllString(g.program(), -1)
	var words []int
	for i, t := range tokens {
		if word.MatchString(t) {
			words = append(words, i)
		}
	}
	for range 1 + g.r.Intn(2) {
		at, other := words[g.r.Intn(len(words))], words[g.r.Intn(len(words))]
		switch g.r.Intn(6) {
		case 0:
			tokens[at] = ""
		case 1:
			tokens[at] += " " + tokens[at]
		case 2:
			tokens[at], tokens[other] = tokens[other], tokens[at]
		case 3:
			tokens[at] = []string{"nil", "true", "...", "function() end", "{}", "goto a", "::a::", "break", "T1:f()", "T1[1]", "local x", "n1 = n1"}[g.r.Intn(12)]
		default:
			tokens[at] = tokens[other]
		}
	}
	return strings.Join(tokens, "")
}

// Whatever a program is, valid or not, what comes out is never what a Go panic says.
func TestNoProgramPanicsInGo(t *testing.T) {
	const programs = 600
	g := &language{r: rand.New(rand.NewSource(2))}
	p := newProgram(t, func(c *interp.Config) {
		c.Metered, c.Limits = true, luax.Limits{Instructions: 200_000}
		c.Where = func() string { return "" }
	})
	if message := p.try(strings.ReplaceAll(prelude, "\n", " ") + languagePrelude + "spoilt = program"); message != "" {
		t.Fatal(message)
	}
	compiled := 0
	for range programs {
		source := g.spoilt()
		p.out.Reset()
		spent := p.lua.Meter.Enter()
		message := p.try("spoilt(" + quoted(source) + ")")
		p.lua.Meter.Leave(spent)
		output := p.out.String() + message
		if output != "not compiled\n" {
			compiled++
		}
		for _, words := range []string{"runtime error", "interface conversion", "cannot be compiled", "reflect:"} {
			if strings.Contains(output, words) {
				t.Errorf("got %q\nfrom %s", output, source)
			}
		}
	}
	if compiled < programs/10 {
		t.Errorf("only %d of %d programs are valid", compiled, programs)
	}
}
