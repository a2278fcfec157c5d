package interp_test

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
)

// cycle goes through everything once.
func cycle(j *interp.Janitor) {
	for !j.Steps(1, true) {
	}
}

func TestJanitorKeepsTables(t *testing.T) {
	const waste = `
		for i = 1, 200 do t["gone" .. i] = i end
		for i = 1, 200 do t["gone" .. i] = nil end
	`
	for _, c := range []struct{ name, before, after, want string }{
		{"pairs and their order", "t = { a = 1 } t.b = 2 t[0] = 3" + waste + "t.c = 4 t[true] = 5", "for k, v in pairs(t) do say(k, v) end",
			"a 1\nb 2\n0 3\nc 4\ntrue 5\n"},
		{"the table itself", "t = {} held = { t = t }" + waste, "say(t == held.t, rawequal(t, held.t))", "true true\n"},
		{"the metatable", "t = setmetatable({}, { __index = { x = 7 } })" + waste, "say(t.x, getmetatable(t).__index.x)", "7 7\n"},
		{"the array part", "t = { 1, 2, 3 }" + waste, "say(#t); for i, v in ipairs(t) do say(i, v) end", "3\n1 1\n2 2\n3 3\n"},
		{"holes of the array part", "t = {} t[5] = 5 t[9] = 9 t[9] = nil" + waste, "say(#t); for k, v in pairs(t) do say(k, v) end", "5\n5 5\n"},
		{"that an empty table can be filled", "t = {}" + waste, "say(next(t)); t.x = 1; t[2] = 2; for k, v in pairs(t) do say(k, v) end", "nil\n2 2\nx 1\n"},
		{"an iteration at a key that is there", "t = { a = 1 } t.b = 2 t.c = 3" + waste + "k = next(t)", "say(next(t, k))", "b 2\n"},
		{"an iteration at a key that is gone", "t = { a = 1 } t.b = 2 t.c = 3" + waste + "k = next(t, next(t)) t.b = nil", "say(k, next(t, k))", "b c 3\n"},
		{"an iteration at a key that is gone of an empty table", "t = { a = 1 }" + waste + "k = next(t) t.a = nil", "say(k, next(t, k)); t.x = 1; say(next(t, k))", "a nil\nx 1\n"},
		{"an iteration at the end of a cut array", "t = { x = 1 } for i = 1, 1000 do t[i] = i end for i in pairs(t) do if i == 900 then k = i break end end for i = 1, 1000 do t[i] = nil end",
			"say(k, next(t, k))", "900 x 1\n"},
		{"a loop in a coroutine", `t = {} for i = 1, 100 do t["k" .. i] = i end
			co = coroutine.wrap(function() for k, v in pairs(t) do coroutine.yield(k, v) end return "end" end)
			for i = 1, 97 do t[(co())] = nil end`, "say(co()); say(co()); say(co()); say(co())", "k98 98\nk99 99\nk100 100\nend\n"},
		{"values in upvalues", "do local u = {} function use(f) return f(u) end end use(function(u) for i = 1, 200 do u[i .. 'x'] = i end for i = 1, 199 do u[i .. 'x'] = nil end end) t = {}",
			"use(function(u) for k, v in pairs(u) do say(k, v) end end)", "200x 200\n"},
		{"keys that are tables", "t = {} for i = 1, 200 do t[{}] = i end for k, v in pairs(t) do if v ~= 150 then t[k] = nil end end", "for k, v in pairs(t) do say(type(k), v) end", "table 150\n"},
	} {
		for _, how := range []string{"at once", "bit by bit"} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				p, j := janitorProgram(t)
				p.run(c.before)
				if how == "at once" {
					j.Rebuild(p.table("t"))
				} else {
					j.Hurry()
					cycle(j)
					cycle(j)
				}
				if got := p.run(strings.ReplaceAll(prelude, "\n", " ") + c.after); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
	}
}

func TestJanitorMakesTablesSmall(t *testing.T) {
	fill := "t = {} for i = 1, 10000 do t['k' .. i] = i end for i = %d, 10000 do t['k' .. i] = nil end"
	for _, c := range []struct {
		name, source string
		keys         int
	}{
		{"emptied", fmt.Sprintf(fill, 1), 0},
		{"with few pairs", fmt.Sprintf(fill, 11), 10},
		{"with many pairs", fmt.Sprintf(fill, 4001), 4000},
		{"in a metatable", fmt.Sprintf(fill, 11) + " u = setmetatable({}, t) u, t = t, { u }", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, j := janitorProgram(t)
			p.run(c.source)
			cycle(j)
			if c.keys < 0 {
				if n := len(luax.Inside(p.table("u")).Keys); n != 10 {
					t.Errorf("%d keys are kept, want 10", n)
				}
				return
			}
			if in := luax.Inside(p.table("t")); len(in.Keys) != c.keys || len(in.Index) != c.keys || cap(in.Keys) > 2*c.keys+64 {
				t.Errorf("%d keys in room for %d, and %d places are kept, want %d", len(in.Keys), cap(in.Keys), len(in.Index), c.keys)
			}
		})
	}
	t.Run("an array", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run("t = {} for i = 1, 300000 do t[i] = i end for i = 300000, 11, -1 do t[i] = nil end")
		cycle(j)
		if in := luax.Inside(p.table("t")); len(in.Array) != 10 || cap(in.Array) > 100 {
			t.Errorf("%d values are kept in room for %d, want 10", len(in.Array), cap(in.Array))
		}
	})
	t.Run("what a large table had is given back when nothing is due", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run("t = {} for i = 1, 50000 do t['k' .. i] = i end")
		cycle(j)
		p.run("for i = 5001, 50000 do t['k' .. i] = nil end")
		for !j.Steps(1, false) {
		}
		if !j.Debts() {
			t.Error("nothing is done when nothing is due")
		}
		if j.Debts() {
			t.Error("it is done twice")
		}
		if got := p.run("local n = 0 for k, v in pairs(t) do n = n + 1 assert(k == 'k' .. n and v == n) end print(n)"); got != "5000\n" {
			t.Errorf("got %q pairs, want 5000", got)
		}
	})
	t.Run("collectgarbage's cycle leaves arrays that Go may hold", func(t *testing.T) {
		p, j := janitorProgram(t)
		p.run("t = {} for i = 1, 1000 do t[i] = i t['k' .. i] = i end for i = 1, 1000 do t[i] = nil t['k' .. i] = nil end")
		before := cap(luax.Inside(p.table("t")).Array)
		j.Full()
		if in := luax.Inside(p.table("t")); len(in.Keys) != 0 || cap(in.Array) != before {
			t.Errorf("%d keys and room for %d values are kept, want 0 and %d", len(in.Keys), cap(in.Array), before)
		}
	})
}

func TestJanitorGoesEverywhere(t *testing.T) {
	for name, source := range map[string]string{
		"a table in a table":               "local t = victim() a = { b = { c = { t } } }",
		"a key":                            "local t = victim() a = { [t] = true }",
		"an upvalue":                       "local t = victim() function a() return t end",
		"the environment of a function":    "local t = victim() a = setfenv(function() end, t)",
		"a metatable":                      "local t = victim() a = setmetatable({}, { __index = t })",
		"the metatable of strings":         "local t = victim() getmetatable('').victim = t",
		"a list of 300,000 tables":         "a = {} local last = a for i = 1, 300000 do last.rest = {} last.more = { i } last = last.rest end last.t = victim()",
		"a table beside 100,000 others":    "a = {} for i = 1, 100000 do a[i] = { i } end a.t = victim()",
		"a coroutine that has not begun":   "local t = victim() a = coroutine.create(function() return t end)",
		"a local of a coroutine":           "a = coroutine.create(function() local t = victim() coroutine.yield() return t end) coroutine.resume(a)",
		"a local in a pcall in one":        "a = coroutine.wrap(function() pcall(function() local t = victim() coroutine.yield() return t end) end) a()",
		"a metatable of an empty userdata": "a = newproxy(true) getmetatable(a).t = victim()",
	} {
		t.Run(name, func(t *testing.T) {
			p, j := janitorProgram(t)
			p.run(`function victim() local t = {} found = t
				for i = 1, 200 do t["gone" .. i] = i end
				for i = 1, 200 do t["gone" .. i] = nil end
				return t end ` + source)
			victim := p.table("found")
			p.l.SetGlobal("found", lua.LNil)
			for !j.Steps(1000, false) {
			}
			if n := len(luax.Inside(victim).Keys); n != 0 {
				t.Errorf("%d keys are left, want none", n)
			}
		})
	}
}

// model is what a table is to hold. A key is the Lua expression for it; born tells when it got its value after having none.
type model struct {
	name  string // the Lua expression for the table
	pairs map[string]entry
	order []string // keys with their times of birth, as they were last seen
}

type entry struct{ value, born int }

// walk is an iteration over some events. It is void once the table got a key that it had not.
type walk struct {
	table *model
	still map[string]bool // keys that are to come yet
	seen  map[string]bool
}

// TestJanitorIsNotNoticed runs random programs with a janitor that does a little between any two events, and compares
// with a model. POELUA_JANITOR_TIME is how long, two seconds if it is not set.
func TestJanitorIsNotNoticed(t *testing.T) {
	patience := 2 * time.Second
	if text := os.Getenv("POELUA_JANITOR_TIME"); text != "" {
		var err error
		if patience, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	first := time.Now().UnixNano() // so that each run tries others; a failure names its seed
	if text := os.Getenv("POELUA_JANITOR_SEED"); text != "" {
		var err error
		if first, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
		patience = 0
	}
	for start, seed := time.Now(), first; ; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newRandomProgram(t, seed).run(600) })
		if t.Failed() || time.Since(start) >= patience {
			return
		}
	}
}

const randomLibrary = `
local names = {}
obj, tabs, walks = {}, {}, {}
for i = 1, 20 do obj[i] = {}; names[obj[i]] = "obj[" .. i .. "]" end
local hidden = {}
for i = 1, 3 do local t = {}; hidden[i] = function() return t end end
function up(i) return hidden[i]() end
for i = 1, 3 do tabs[i] = {} end
deep = { a = { b = { {}, setmetatable({}, { __index = {} }) } } }
function text(k)
  if type(k) == "string" then return '"' .. k .. '"' end
  return names[k] or tostring(k)
end
function dump(t) for k, v in pairs(t) do print(text(k), v) end end
function lengths(...)
  for i = 1, select("#", ...) do
    local t, n = select(i, ...), 0
    for i in ipairs(t) do n = i end
    print(#t, n)
  end
end
function co(t) return coroutine.wrap(function()
  for k, v in pairs(t) do coroutine.yield(k, v) end
end) end
function by_key(t) local k
  return function() local v; k, v = next(t, k); return k, v end
end
`

type randomProgram struct {
	*program
	j      *interp.Janitor
	r      *rand.Rand
	tables []*model
	walks  map[int]*walk
	clock  int
}

func newRandomProgram(t *testing.T, seed int64) *randomProgram {
	p, j := janitorProgram(t)
	q := &randomProgram{program: p, j: j, r: rand.New(rand.NewSource(seed)), walks: map[int]*walk{}}
	if q.r.Intn(4) > 0 {
		j.Hurry()
	}
	p.run(randomLibrary)
	for _, name := range []string{"tabs[1]", "tabs[2]", "tabs[3]", "up(1)", "up(2)", "up(3)", "deep.a.b[1]", "deep.a.b[2]", "getmetatable(deep.a.b[2]).__index"} {
		q.tables = append(q.tables, &model{name: name, pairs: map[string]entry{}})
	}
	return q
}

func (q *randomProgram) run(events int) {
	for range events {
		m := q.tables[q.r.Intn(len(q.tables))]
		q.act(m)
		before := q.lengths()
		q.j.Steps(q.r.Intn(40), q.r.Intn(3) == 0)
		if after := q.lengths(); after != before {
			q.t.Fatalf("lengths: got %q, want %q", after, before)
		}
		q.check(m)
		if q.r.Intn(200) == 0 {
			q.program.run("for i = 1, 100 do local t = { a = i, b = i }; for k in pairs(t) do if k then break end end end")
			runtime.GC()
		}
	}
	for i := range q.walks {
		for q.walks[i] != nil {
			q.goOn(i)
		}
	}
	for _, m := range q.tables {
		q.check(m)
	}
}

func (q *randomProgram) lengths() string {
	var names []string
	for _, m := range q.tables {
		names = append(names, m.name)
	}
	return q.program.run("lengths(" + strings.Join(names, ", ") + ")")
}

func (q *randomProgram) key() string {
	switch q.r.Intn(8) {
	case 0:
		return fmt.Sprintf("obj[%d]", 1+q.r.Intn(20))
	case 1:
		return fmt.Sprint(1 + q.r.Intn(60))
	case 2:
		return fmt.Sprint(-q.r.Intn(60))
	case 3:
		return fmt.Sprint(float64(q.r.Intn(30)) + 0.5)
	case 4:
		return fmt.Sprint(q.r.Intn(2) == 0)
	}
	return fmt.Sprintf(`"k%d"`, q.r.Intn(300))
}

// act is one event.
func (q *randomProgram) act(m *model) {
	var b strings.Builder
	fmt.Fprintf(&b, "local t = %s ", m.name)
	defer func() { q.program.run(b.String()) }()
	switch q.r.Intn(10) {
	case 0: // a burst of keys
		for range q.r.Intn(150) {
			q.set(&b, m, q.key())
		}
	case 1: // most go
		for _, key := range sortedKeys(m.pairs) {
			if q.r.Intn(8) > 0 {
				q.remove(&b, m, key)
			}
		}
	case 2: // all go
		for _, key := range sortedKeys(m.pairs) {
			q.remove(&b, m, key)
		}
	case 3:
		q.set(&b, m, q.key())
	case 4:
		if keys := sortedKeys(m.pairs); len(keys) > 0 {
			q.remove(&b, m, keys[q.r.Intn(len(keys))])
		}
	case 5: // a value changes
		if keys := sortedKeys(m.pairs); len(keys) > 0 {
			q.set(&b, m, keys[q.r.Intn(len(keys))])
		}
	case 6: // a loop that is left
		fmt.Fprintf(&b, "local n = 0 for k in pairs(t) do n = n + 1 if n > %d then break end end next(t)", q.r.Intn(20))
	case 7:
		i := q.r.Intn(12)
		fmt.Fprintf(&b, "walks[%d] = %s(t)", i, []string{"co", "by_key"}[q.r.Intn(2)])
		w := &walk{table: m, still: map[string]bool{}, seen: map[string]bool{}}
		for key := range m.pairs {
			w.still[key] = true
		}
		q.walks[i] = w
	default:
		for _, i := range sortedKeys(q.walks) {
			for range q.r.Intn(5) {
				if q.walks[i] != nil {
					q.goOn(i)
				}
			}
		}
	}
}

func sortedKeys[K int | string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (q *randomProgram) set(b *strings.Builder, m *model, key string) {
	q.clock++
	old, ok := m.pairs[key]
	e := entry{q.clock, old.born}
	if !ok {
		e.born = q.clock
		for i, w := range q.walks {
			if w.table == m {
				delete(q.walks, i) // no promise is made for one
			}
		}
	}
	m.pairs[key] = e
	fmt.Fprintf(b, "t[%s] = %d ", key, e.value)
}

func (q *randomProgram) remove(b *strings.Builder, m *model, key string) {
	delete(m.pairs, key)
	for _, w := range q.walks {
		if w.table == m {
			delete(w.still, key)
		}
	}
	fmt.Fprintf(b, "t[%s] = nil ", key)
}

// goOn takes an iteration one pair further.
func (q *randomProgram) goOn(i int) {
	q.t.Helper()
	w := q.walks[i]
	got := strings.TrimSuffix(q.program.run(fmt.Sprintf("local k, v = walks[%d]() if k == nil then print() else print(text(k), v) end", i)), "\n")
	if got == "" {
		if len(w.still) > 0 {
			q.t.Fatalf("a walk through %s did not come to %v", w.table.name, sortedKeys(w.still))
		}
		delete(q.walks, i)
		return
	}
	key, value, _ := strings.Cut(got, "\t")
	if e, ok := w.table.pairs[key]; !ok || fmt.Sprint(e.value) != value || w.seen[key] {
		q.t.Fatalf("a walk through %s came to %s, %s; want %v, seen before: %v", w.table.name, key, value, w.table.pairs[key], w.seen[key])
	}
	w.seen[key] = true
	delete(w.still, key)
}

// check compares a table with its model: all pairs, and the order of those that have stayed.
func (q *randomProgram) check(m *model) {
	q.t.Helper()
	var order []string
	for line := range strings.Lines(q.program.run("dump(" + m.name + ")")) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		e, ok := m.pairs[key]
		if !ok || value != fmt.Sprint(e.value) {
			q.t.Fatalf("%s[%s]: got %s, want %v", m.name, key, value, e)
		}
		order = append(order, fmt.Sprint(key, " ", e.born))
	}
	if len(order) != len(m.pairs) {
		q.t.Fatalf("%s has %d pairs, want %d", m.name, len(order), len(m.pairs))
	}
	stayed := func(of, in []string) (kept []string) {
		there := map[string]bool{}
		for _, k := range in {
			there[k] = true
		}
		for _, k := range of {
			if there[k] {
				kept = append(kept, k)
			}
		}
		return kept
	}
	if was, is := stayed(m.order, order), stayed(order, m.order); !slices.Equal(was, is) {
		q.t.Fatalf("the order of %s: got %v, want %v", m.name, is, was)
	}
	m.order = order
}

// BenchmarkCycle is the cost of a cycle for each table that there is.
func BenchmarkCycle(b *testing.B) {
	for _, c := range []struct{ name, table string }{
		{"two fields", "{ a = i, b = 'x' }"},
		{"ten values", "{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }"},
		{"hundred fields", "many(100)"},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, j := janitorProgram(b)
			p.run(`function many(n) local t = {} for i = 1, n do t["k" .. i] = i end return t end
				all = {} for i = 1, 10000 do all[i] = ` + c.table + " end")
			b.ResetTimer()
			for range b.N {
				for !j.Steps(1000, false) {
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/table")
		})
	}
}

func TestJanitorWorksInSlices(t *testing.T) {
	now, looks := time.Duration(0), 0
	j := &interp.Janitor{Now: func() time.Duration { looks++; now += 10 * time.Microsecond; return now }}
	p := newProgram(t, func(c *interp.Config) { c.Janitor = j })
	p.run("all = {} for i = 1, 200000 do all[i] = { i } end")
	cycle := func(idle bool, handled uint64) (n, most int) {
		for ended := j.Cycles(); j.Cycles() == ended; n++ {
			looks = 0
			before := now
			wait := j.Housekeep(idle, handled)
			most = max(most, looks)
			if idle && wait != 0 && j.Cycles() == ended {
				t.Fatalf("slice %d wants to wait for %v, want 0", n, wait)
			}
			if !idle && wait > 0 && wait < 8*(now-before) {
				t.Fatalf("slice %d of %v wants to wait for %v only", n, now-before, wait)
			}
			now += max(wait, 0)
		}
		return n, most
	}
	now += 2 * time.Second
	n, most := cycle(true, 1)
	if n < 100 || most > 60 {
		t.Errorf("while nothing is due: %d slices with up to %d looks at the clock, want 100 or more with 60 at most", n, most)
	}
	if wait := j.Housekeep(true, 1); wait >= 0 {
		t.Errorf("when nothing has happened it wants to wait for %v, want no cycle", wait)
	}
	if wait := j.Housekeep(true, 2); wait <= 0 {
		t.Errorf("when something has happened it wants to wait for %v, want a while", wait)
	}
	now += time.Minute
	if j.Housekeep(true, 2) != 0 {
		t.Error("after a minute no cycle begins")
	}
	if n, most = cycle(false, 3); n < 100 || most > 60 {
		t.Errorf("while events wait: %d slices with up to %d looks at the clock, want 100 or more with 60 at most", n, most)
	}
}
