package interp_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// flow writes random control structures. Each turn of each loop calls turn, which ends the program after some hundred.
type flow struct {
	strings.Builder
	r     *rand.Rand
	marks int
}

func (f *flow) mark() {
	f.marks++
	fmt.Fprintf(f, "m(%d) ", f.marks)
}

// condition writes a condition of constants, variables and operators.
func (f *flow) condition(depth int) {
	switch n := f.r.Intn(14); {
	case n < 4:
		f.WriteString([]string{"true", "false", "nil", "1"}[n])
	case n < 8 || depth == 0:
		f.WriteString([]string{"a", "b", "c()", "a < 3"}[f.r.Intn(4)])
	case n < 10:
		f.WriteString("not (")
		f.condition(depth - 1)
		f.WriteString(")")
	default:
		f.WriteString("(")
		f.condition(depth - 1)
		f.WriteString([]string{") and (", ") or ("}[f.r.Intn(2)])
		f.condition(depth - 1)
		f.WriteString(")")
	}
}

func (f *flow) block(depth int, inLoop bool) {
	for range f.r.Intn(3) {
		f.statement(depth, inLoop)
	}
	if inLoop && f.r.Intn(3) == 0 {
		f.WriteString("break ")
	} else if f.r.Intn(3) == 0 {
		f.statement(depth, inLoop)
	}
}

func (f *flow) statement(depth int, inLoop bool) {
	if depth == 0 {
		f.mark()
		return
	}
	body := func() {
		if f.r.Intn(4) > 0 {
			f.WriteString("turn() ")
		} else {
			f.WriteString("local _ = turn() ")
		}
		f.block(depth-1, true)
	}
	bare := func() { f.block(depth-1, true) } // turn is in the condition or not at all
	switch f.r.Intn(11) {
	case 0, 1:
		f.mark()
	case 2, 3:
		f.WriteString("if ")
		f.condition(2)
		f.WriteString(" then ")
		f.block(depth-1, inLoop)
		if f.r.Intn(2) == 0 {
			f.WriteString("else ")
			f.block(depth-1, inLoop)
		}
		f.WriteString("end ")
	case 4:
		f.WriteString("while ")
		f.condition(2)
		f.WriteString(" do ")
		body()
		f.WriteString("end ")
	case 5:
		f.WriteString("while turn() and (")
		f.condition(2)
		f.WriteString(") do ")
		bare()
		f.WriteString("end ")
	case 6:
		f.WriteString("repeat do ")
		bare()
		f.WriteString("end turn() until ")
		if f.r.Intn(4) == 0 {
			f.WriteString("turn() and ")
		}
		f.condition(1)
		f.WriteString(" ")
	case 7:
		f.WriteString("for k in each() do ")
		bare()
		f.WriteString("end ")
	case 8:
		f.WriteString("for i = 1, 3 do ")
		bare()
		f.WriteString("end ")
	case 9:
		f.WriteString("a = a + 1 ")
	case 10:
		f.WriteString("do local v = a g = function() return v end ")
		f.block(depth-1, inLoop)
		f.WriteString("end ")
	}
}

// Random control structures do what they do in Lua: those of constants, and loops that begin with a break, included.
func TestControlStructuresAreLikeLua51(t *testing.T) {
	const programs = 3000
	f := &flow{r: rand.New(rand.NewSource(1))}
	f.WriteString(`
local turns, a, b, g
local log = {}
local function m(n) log[#log + 1] = n end
local function turn() turns = turns + 1 if turns > 100 then error("enough", 0) end return true end
local function c() return turns % 3 == 0 end
local function each() local n = 0 return function() turn() n = n + 1 if n < 4 then return n end end end
local function program(f)
  turns, a, b, log = 0, 0, false, {}
  local ok, message = pcall(f)
  say(ok, message, a, turns, table.concat(log, ","))
end
`)
	for range programs {
		f.marks = 0
		f.WriteString("program(function() ")
		f.block(4, false)
		f.WriteString("end)\n")
	}
	likeLua51(t, map[string]string{"programs": f.String()})
}

func TestLabelsAndBreaks(t *testing.T) {
	got := newProgram(t).run(`
local t = { a = 1 }
for _ = 1, 2 do for k in pairs(t) do break end for k in next, t do break end end
do local c = 0 ::top:: if true then c = c + 1 if c < 5 then goto top end end print(c) end
do local c = 0 ::a:: ::b:: while true do c = c + 1 if c < 3 then goto a else break end end print(c) end
for i = 1, 3 do for k in pairs(t) do goto continue end ::continue:: end
for i = 1, 2 do local n = 0 ::again:: do n = n + 1 if n < 3 then goto again end end print(n) end
local n = 0
while nil and t or n < 3 do n = n + 1 end
print(n)`)
	if want := "5\n3\n3\n3\n3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
