package luax_test

import (
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// metered is a world with a meter and with coroutines of poelua's.
func metered(t testing.TB, limits luax.Limits) (*world, *luax.Meter) {
	w := newWorld(t)
	threads := luax.NewCoroutines(w.guard)
	w.function("pcall", threads.PCall)
	w.function("wrap", func(l *lua.LState) int {
		co := threads.New(l, l.CheckFunction(1))
		l.Push(l.NewFunction(func(l *lua.LState) int {
			l.Insert(lua.LNil, 1)
			if err := threads.Resume(l, co); err != nil {
				threads.Fail(co, err.Value)
			}
			return l.GetTop() - 1
		}))
		return 1
	})
	w.function("yield", threads.Yield)
	return w, luax.NewMeter(w.l, limits, func() string { return "a test" })
}

// dispatch runs a chunk as one dispatch and gives its error.
func (w *world) dispatch(m *luax.Meter, source string) string {
	w.Helper()
	defer m.Leave(m.Enter())
	_, err := w.run(source)
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestALimitOfInstructionsEndsEveryLoop(t *testing.T) {
	w, m := metered(t, luax.Limits{Instructions: 10_000})
	for name, source := range map[string]string{
		"plain":                      "while true do end",
		"around pcall":               "while true do pcall(function() while true do end end) end",
		"with a handler":             "while true do xpcall(function() while true do end end, function() while true do end end) end",
		"recursion":                  "local function f() return f() end f()",
		"in a coroutine":             "wrap(function() while true do pcall(function() while true do end end) end end)()",
		"of a coroutine that yields": "local f = wrap(function() while true do yield() end end) while true do f() end",
		"made of coroutines":         "while true do wrap(function() end)() end",
		"in a metamethod":            "local t = setmetatable({}, { __index = function(t, k) return k end }) while true do local _ = t.x end",
	} {
		t.Run(name, func(t *testing.T) {
			got := w.dispatch(m, source)
			if want := "the limit of 10000 instructions is passed in a test"; !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestEachDispatchHasALimitOfItsOwn(t *testing.T) {
	w, m := metered(t, luax.Limits{Instructions: 10_000})
	for range 5 {
		if got := w.dispatch(m, "for i = 1, 8000 do end"); got != "" {
			t.Fatal(got)
		}
	}
	w.function("within", func(*lua.LState) int {
		if got := w.dispatch(m, "for i = 1, 8000 do end"); got != "" {
			t.Error(got)
		}
		return 0
	})
	if got := w.dispatch(m, "for i = 1, 4000 do end within() for i = 1, 4000 do end within()"); got != "" {
		t.Error(got)
	}
	if got := w.dispatch(m, "for i = 1, 4000 do end within() for i = 1, 7000 do end"); got == "" {
		t.Error("a dispatch that waited for others had its limit anew")
	}
	if got := w.dispatch(m, "for i = 1, 1000 do end"); got != "" {
		t.Error(got)
	}
}

func TestTheLimitIsExact(t *testing.T) {
	w, m := metered(t, luax.Limits{Instructions: 500})
	var counted int
	m.Hook(1, func(*lua.LState) { counted++ })
	w.dispatch(m, "while true do end")
	if counted != 501 { // and one that it is called before, which is not executed
		t.Errorf("executed %d instructions, want 500", counted)
	}
}

func TestADispatchThatTakesTooLongIsEnded(t *testing.T) {
	w, m := metered(t, luax.Limits{Time: time.Millisecond})
	got := w.dispatch(m, "while true do pcall(function() while true do end end) end")
	if want := "the limit of 1ms for a dispatch is passed in a test"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInterruptOnlyEndsOneDispatch(t *testing.T) {
	w, m := metered(t, luax.Limits{})
	var first uint64
	w.function("interrupt", func(*lua.LState) int { m.InterruptOnly(m.Dispatch()); return 0 })
	w.function("note", func(*lua.LState) int { first = m.Dispatch(); return 0 })
	w.function("within", func(*lua.LState) int {
		m.InterruptOnly(first)
		if got := w.dispatch(m, "for i = 1, 20000 do end"); got != "" {
			t.Errorf("a dispatch within the one that is to end failed: %s", got)
		}
		return 0
	})
	w.function("joined", func(l *lua.LState) int {
		spent := m.Enter()
		m.Join(spent)
		defer m.Leave(spent)
		l.Push(l.GetGlobal("spin"))
		l.Call(0, 0)
		return 0
	})
	for _, source := range []string{
		"interrupt() while true do pcall(function() while true do end end) end",
		"note() within() while true do end",
		"function spin() interrupt() while true do end end joined()",
	} {
		if got := w.dispatch(m, source); !strings.HasSuffix(got, "interrupted") {
			t.Errorf("%s: got %q", source, got)
		}
		if got := w.dispatch(m, "for i = 1, 20000 do end"); got != "" {
			t.Errorf("the next dispatch failed: %s", got)
		}
	}
	if m.Dispatch() != 0 {
		t.Error("a dispatch runs after all have ended")
	}
}

func TestInterruptEndsWhatRunsFromAnotherGoroutine(t *testing.T) {
	w, m := metered(t, luax.Limits{})
	m.Interrupt("too early, nothing runs")
	for _, loop := range []string{
		"while true do pcall(function() while true do end end) end",
		"wrap(function() while true do end end)()",
	} {
		running := make(chan bool)
		w.function("started", func(*lua.LState) int { close(running); return 0 })
		go func() {
			<-running
			m.Interrupt("stopped by hand")
		}()
		if got := w.dispatch(m, "started() "+loop); !strings.Contains(got, "stopped by hand in a test") {
			t.Errorf("got %q", got)
		}
	}
	if got := w.dispatch(m, "for i = 1, 100000 do end"); got != "" {
		t.Errorf("the next dispatch ended with %q", got)
	}
}

func TestTheHookSeesEachLineAlsoInCoroutines(t *testing.T) {
	w, m := metered(t, luax.Limits{})
	var lines []int
	m.Hook(1, func(l *lua.LState) {
		proto, pc := luax.Where(l)
		if line := luax.Line(proto, pc); len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	})
	w.want("3", "local n = 1\nlocal f = wrap(function()\n  n = n + 1\n  yield()\n  n = n + 1\nend)\nf()\nf()\nreturn n")
	m.Hook(0, nil)
	text := luax.Text(numbers(w.l, lines))
	for _, want := range []string{"1", "3", "4", "5", "7", "8", "9"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %s in %s", want, text)
		}
	}
	before := len(lines)
	w.want("1", "return 1")
	if len(lines) != before {
		t.Error("the hook is called after its end")
	}
}

func numbers(l *lua.LState, of []int) *lua.LTable {
	t := l.CreateTable(len(of), 0)
	for i, n := range of {
		t.RawSetInt(i+1, lua.LNumber(n))
	}
	return t
}

func TestTheHookSamples(t *testing.T) {
	w, m := metered(t, luax.Limits{})
	w.want("", "function touch() for i = 1, 3000 do end end")
	calls := 0
	m.Hook(1000, func(l *lua.LState) {
		calls++
		l.Push(l.GetGlobal("touch")) // Lua that a hook calls does not call the hook
		l.Call(0, 0)
	})
	w.want("", "for i = 1, 100000 do end")
	if calls < 20 || calls > 100 {
		t.Errorf("called %d times in 100000 turns of a loop", calls)
	}
}

func TestAGoFunctionThatTakesLongCanAsk(t *testing.T) {
	w, m := metered(t, luax.Limits{Instructions: 1000})
	asked := 0
	w.function("slow", func(l *lua.LState) int {
		for {
			asked++
			m.Check()
		}
	})
	for _, source := range []string{"pcall(slow) pcall(slow)", "wrap(slow)()"} {
		asked = 0
		if got := w.dispatch(m, source); !strings.Contains(got, "the limit of 1000 instructions is passed") || asked < 900 || asked > 1010 {
			t.Errorf("asked %d times, then %q", asked, got)
		}
	}
}

func BenchmarkMeter(b *testing.B) {
	source := "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)"
	b.Run("without", func(b *testing.B) {
		w := newWorld(b)
		for b.Loop() {
			w.want("6765", source)
		}
	})
	b.Run("with", func(b *testing.B) {
		w, _ := metered(b, luax.Limits{Instructions: 1 << 40})
		for b.Loop() {
			w.want("6765", source)
		}
	})
}

func TestAskedFunctionsAreCalledInTheMidstOfALoop(t *testing.T) {
	w, m := metered(t, luax.Limits{Instructions: 10_000_000})
	asked := make(chan struct{})
	go func() {
		m.Ask(func() { w.l.SetGlobal("stop", lua.LTrue) })
		close(asked)
	}()
	if got := w.dispatch(m, "while not stop do end"); got != "" {
		<-asked // it may have come after the end of the loop on a busy machine
		if got = w.dispatch(m, "while not stop do end"); got != "" {
			t.Error(got)
		}
	}
}

func TestAskingIsBounded(t *testing.T) {
	w, m := metered(t, luax.Limits{})
	calls, taken := 0, 0
	for range 1000 {
		if m.Ask(func() { calls++ }) {
			taken++
		}
	}
	if got := w.dispatch(m, "return 1"); got != "" || calls != taken || taken == 1000 || taken == 0 {
		t.Errorf("%d of 1000 taken, %d called, error %q", taken, calls, got)
	}
	if !m.Ask(func() {}) {
		t.Error("nothing is taken any more")
	}
}

func TestSamplesSeeTheCallsInProgress(t *testing.T) {
	w := newWorld(t)
	threads := luax.NewCoroutines(w.guard)
	m := luax.NewMeter(w.l, luax.Limits{}, func() string { return "" })
	w.function("tick", func(*lua.LState) int { m.Tick(); return 0 })
	w.function("dispatch", func(l *lua.LState) int {
		defer m.Leave(m.Enter())
		l.Push(l.Get(1))
		l.Call(0, 0)
		return 0
	})
	var stacks []string
	m.Sample(func(when luax.Moment) {
		var names []string
		for c := range threads.Calls(m) {
			switch {
			case c.Begin:
				names = append(names, "|")
			case c.Name != "":
				names = append(names, c.Name)
			default:
				names = append(names, "-")
			}
		}
		if when == luax.Leaving {
			names = append(names, "leaving")
		}
		stacks = append(stacks, strings.Join(names, " "))
	})
	if got := w.dispatch(m, `
local function spin() for i = 1, 100 do end end
local function inner() tick() spin() end
local function short() tick() end
dispatch(function() inner() end)
dispatch(short)`); got != "" {
		t.Fatal(got)
	}
	if want := []string{"spin inner - | dispatch - |", "| dispatch - | leaving"}; strings.Join(stacks, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", stacks, want)
	}
}
