package interp_test

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
)

func TestNextLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"pairs gives next, the table and nil": `local f, t, k = pairs({}); say(type(f), type(t), k, f(t))`,
		"the array part goes first":           `for k, v in pairs({ 10, 20, 30, a = 1 }) do say(k, v) end`,
		"keys without values are passed over": `for k, v in pairs({ 10, nil, 30 }) do say(k, v) end`,
		"nothing in an empty table":           `say(next({})); say(next({}, nil)); say(next({}, nil, 3)); for k in pairs({}) do say(k) end`,
		"one pair":                            `say(next({ 7 })); say(next({ a = 7 })); say(next({ a = 7 }, "a"))`,
		"an unknown key": `local function try(...) say((tostring(select(2, pcall(...))):gsub("^.-: ", ""))) end
			try(next, {}, 1); try(next, {}, "x"); try(next, { 10, 20 }, 3); try(next, { a = 1 }, "b")
			try(next, {}, 0 / 0); try(next, { a = 1 }, 0); try(next, { a = 1 }, 1.5); try(next, { a = 1 }, true); try(next, { 1 }, {})
			try(next, { 1 }, -1); try(next, { 1 }, 1e300)`,
		"a wrong table": `local function f(...) return next(...) end
			local function g(...) return pairs(...) end
			for _, f in ipairs { f, g } do
				for _, v in ipairs { 1, "x", true, print } do local _, e = pcall(f, v); say((e:gsub("^.-: ", ""))) end
			end`,
		"fields are cleared during a loop": `local t = { 1, 2, 3, a = 1, b = 2, c = 3 }
			local n = 0
			for k in pairs(t) do t[k] = nil; n = n + 1 end
			say(n, next(t))`,
		"a key that lost its value goes on": `local t = { a = 1, b = 2, c = 3 }
			local k = next(t); t[k] = nil
			local n = 0
			while k do k = next(t, k); n = n + 1 end
			say(n)`,
		"loops within loops": `local outer, n = { a = 1, b = 2, c = 3, 4 }, 0
			for k in pairs(outer) do for l in pairs(outer) do for m in pairs({ x = 1, y = 2 }) do
				for o in pairs(outer) do for p in pairs({ z = 1 }) do n = n + 1 end end
			end end end
			say(n)`,
		"values may change during a loop": `local t = {}
			for i = 1, 100 do t["k" .. i] = i end
			local sum = 0
			for k, v in pairs(t) do t[k] = v * 2; sum = sum + v end
			for k, v in pairs(t) do sum = sum + v end
			say(sum)`,
		"keys of all kinds": `local f, c = function() end, coroutine.create(function() end)
			local t = { [f] = 1, [c] = 2, [true] = 3, [false] = 4, [-1] = 5, [0] = 6, [1.5] = 7, [2 ^ 40] = 8, [{}] = 9, [""] = 10 }
			local sum, n = 0, 0
			for k, v in pairs(t) do sum, n = sum + v, n + 1; if t[k] ~= v then say("lost", k) end end
			say(sum, n)`,
	})
}

func TestNextNamesItself(t *testing.T) {
	p := newProgram(t)
	for source, want := range map[string]string{
		"next()":         "script:1: bad argument #1 to 'next' (table expected, got no value)",
		"next(nil)":      "script:1: bad argument #1 to 'next' (table expected, got nil)",
		"pairs()":        "script:1: bad argument #1 to 'pairs' (table expected, got no value)",
		"\npairs(1)":     "script:2: bad argument #1 to 'pairs' (table expected, got number)",
		"next({}, 'no')": "script:1: invalid key to 'next'",
	} {
		if got := p.try(source); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}

// TestGeneratedLoops fills tables at random and clears fields during loops here and in lua5.1. The order of keys that are
// not in arrays differs, so sums are compared.
func TestGeneratedLoops(t *testing.T) {
	reference, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip(err)
	}
	r := rand.New(rand.NewSource(1))
	var b strings.Builder
	b.WriteString(`local function sums(t) local n, k1, v1 = 0, 0, 0
		for k, v in pairs(t) do n = n + 1; v1 = v1 + v; k1 = k1 + (type(k) == "number" and k or type(k) == "table" and 1000 or #k) end
		return n, k1, v1 end
	local function drain(t, odd) local n = 0
		for k, v in pairs(t) do if not odd or v % 2 == 1 then t[k] = nil; n = n + 1 end end
		return n end
	local t
`)
	for range 3000 {
		b.WriteString("t = {}\n")
		for range r.Intn(12) {
			switch r.Intn(5) {
			case 0:
				fmt.Fprintf(&b, "t[{}] = %d ", r.Intn(100))
			case 1:
				fmt.Fprintf(&b, "t[%d] = %d ", r.Intn(40)-5, r.Intn(100))
			case 2:
				fmt.Fprintf(&b, "t.k%d = %d ", r.Intn(8), r.Intn(100))
			case 3:
				fmt.Fprintf(&b, "t.k%d = nil ", r.Intn(8))
			case 4:
				fmt.Fprintf(&b, "t[%v] = %d ", float64(r.Intn(100))/4, r.Intn(100))
			}
		}
		b.WriteString("\nprint(sums(t)) print(drain(t, true)) print(sums(t)) print(drain(t), next(t))\n")
	}
	source := strings.ReplaceAll(b.String(), "\nt = {}", "\ndo end t = {}")
	source = chunked(source)
	dir := t.TempDir()
	write(t, dir+"/script", source)
	cmd := exec.Command(reference, dir+"/script")
	cmd.Stderr = os.Stderr
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, newProgram(t).run(source), string(want))
}

// chunked puts every hundred lines into a function of its own: one has room for so many constants only.
func chunked(source string) string {
	lines := strings.Split(source, "\n")
	var b strings.Builder
	head := 0
	for i, line := range lines {
		if line == "\tlocal t" {
			head = i + 1
		}
	}
	b.WriteString(strings.Join(lines[:head], "\n") + "\n")
	for body := lines[head:]; len(body) > 0; {
		n := min(100, len(body))
		fmt.Fprintf(&b, "(function()\n%s\nend)();\n", strings.Join(body[:n], "\n"))
		body = body[n:]
	}
	return b.String()
}

func TestIterationsAreRememberedWithinBounds(t *testing.T) {
	t.Run("one that ends leaves nothing", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run(`t = { a = 1, b = 2 }
			for i = 1, 100 do for k in pairs(t) do for l in pairs({ x = 1, y = 2 }) do for m in pairs({ z = 1 }) do end end end end`)
		j.Settle()
		if keys, tables := j.Parked(p.table("t")); keys != 0 || tables != 0 {
			t.Errorf("%d keys and %d tables are parked, want none", keys, tables)
		}
	})
	t.Run("of one table 16", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run(`t = {}
			for i = 1, 100 do t["k" .. i] = i end
			for i = 1, 100 do for k, v in pairs(t) do if v == i then break end end end`)
		j.Settle()
		if keys, _ := j.Parked(p.table("t")); keys != 16 {
			t.Errorf("%d keys are parked, want 16", keys)
		}
	})
	t.Run("of many tables 8,192", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run(`all = {}
			for i = 1, 20000 do t = { a = 1, b = 2 }; all[i] = t; for k in pairs(t) do if i then break end end end`)
		j.Settle()
		keys, tables := j.Parked(p.table("t"))
		if keys != 1 || tables > 8192 || tables < 4096 {
			t.Errorf("%d keys of the last of %d tables are parked, want 1 of 4,096 to 8,192", keys, tables)
		}
	})
	t.Run("next for the first key only takes one place", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run(`t, u = { a = 1, b = 2, c = 3 }, { x = 1 }
			held = next(t); held = next(t, held)
			for i = 1, 1000 do local _ = next(t), next(u) end`)
		j.Settle()
		if keys, tables := j.Parked(p.table("t")); keys != 2 || tables != 2 {
			t.Errorf("%d keys of t and %d tables are parked, want 2 and 2", keys, tables)
		}
	})
}

// janitorProgram is a program whose janitor the test is.
func janitorProgram(t testing.TB) (*program, *interp.Janitor) {
	j := &interp.Janitor{}
	return newProgram(t, func(c *interp.Config) { c.Janitor = j }), j
}

func (p *program) table(name string) *lua.LTable {
	p.t.Helper()
	v, ok := p.l.GetGlobal(name).(*lua.LTable)
	if !ok {
		p.t.Fatalf("%s is no table", name)
	}
	return v
}

func BenchmarkPairs(b *testing.B) {
	for _, table := range []struct{ name, fill string }{
		{"array", "for i = 1, 1000 do t[i] = i end"},
		{"long array", "for i = 1, 10000 do t[i] = i end"},
		{"hash", "for i = 1, 1000 do t['k' .. i] = i end"},
		{"small tables", "for i = 1, 300 do t[i] = { a = 1, b = 2, c = 3 } end"},
	} {
		for _, which := range []string{"ours", "stock"} {
			b.Run(table.name+"/"+which, func(b *testing.B) {
				p := newProgram(b)
				if which == "stock" {
					p.l.Push(p.l.NewFunction(lua.OpenBase))
					p.l.Push(lua.LString(""))
					p.l.Call(1, 0)
				}
				loop := "for k, v in pairs(t) do end"
				if table.name == "small tables" {
					loop = "for k, v in pairs(t) do for l, w in pairs(v) do end end"
				}
				p.run("t = {} " + table.fill + " function loop(n) local pairs, t = pairs, t for i = 1, n do " + loop + " end end")
				b.ReportAllocs()
				b.ResetTimer()
				p.run(fmt.Sprintf("loop(%d)", b.N))
			})
		}
	}
}
