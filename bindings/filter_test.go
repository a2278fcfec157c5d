package bindings_test

import (
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings"
	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/runtime"
)

// The janitor comes to the functions of a filter, and to what those lead to.
func TestFiltersAreLookedThrough(t *testing.T) {
	h := host.New()
	made := interp.New(interp.Config{Host: h})
	b := bindings.New(bindings.Config{State: made.State, Kernel: kernel.New(kernel.Options{}), Host: h, Guard: made.Guard})
	l := made.State
	l.SetGlobal("poe", b.Module())
	for name, source := range map[string]string{
		"Map":        `poe.filter.Map.new{ get = f, put = print }`,
		"Grep":       `poe.filter.Grep.new{ get = print, put = f }`,
		"encoder":    `poe.filter.Block.new{ length_codec = { f, print } }`,
		"decoder":    `poe.filter.Block.new{ length_codec = { print, f } }`,
		"serializer": `poe.filter.Reference.new{ serializer = { freeze = f, thaw = print } }`,
		"stack":      `poe.filter.Stackable.new{ filters = { poe.filter.Map.new{ code = f } } }`,
		"Lua filter": `poe.filter.Stackable.new{ filters = { { put = f, get = f } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := l.DoString("function f() end made = " + source); err != nil {
				t.Fatal(err)
			}
			found := false
			var look func(v lua.LValue)
			look = func(v lua.LValue) {
				switch v := v.(type) {
				case *lua.LUserData:
					b.Held(v, look)
				case *lua.LTable:
					v.ForEach(func(_, v lua.LValue) { look(v) })
				}
				found = found || v == l.GetGlobal("f")
			}
			look(l.GetGlobal("made"))
			if !found {
				t.Error("the function was not found")
			}
		})
	}
}

// Items that are arguments of an event arrive as what a filter's own get gives.
func TestItemsAsArguments(t *testing.T) {
	tests := []struct {
		name string
		item any
		show string // Lua that shows x
		want string
	}{
		{"null", filters.Null{}, `tostring(x == poe.null)`, "true"},
		{"map", filters.Map{{Key: "a", Value: []any{1.0, filters.Null{}}}, {Key: true, Value: "b"}}, `#x.a, tostring(x.a[2]), x[true]`, "2 null b"},
		{"IRC message", &filters.IRCMessage{Command: "PING", Params: []string{"a"}}, `x.command, x.params[1], tostring(x.nick), next(x.tags)`, "PING a nil nil"},
		{"syslog message", &filters.SyslogMessage{Facility: 1, Severity: -1, PID: "007", Message: "m"}, `x.facility, tostring(x.severity), x.pid, x.message`, "1 nil 007 m"},
		{"Snort alert", &filters.SnortAlert{SID: 5, Src: "1.2.3.4"}, `x.sid, x.src, tostring(x.src_port), #x.references`, "5 1.2.3.4 nil 0"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			rt := start(t, runtime.Options{Idle: true, Clock: "simulated", Stdout: &out}, fmt.Sprintf(`
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("a") end,
  item = function(ctx, x) print(%s) ctx.kernel:alias_remove("a") end,
} }`, c.show))
			_, err := rt.Kernel().Spawn(kernel.Session{Start: func(k *kernel.Context) any {
				if err := k.Post("a", "item", c.item); err != nil {
					t.Error(err)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			finish(t, rt)
			want(t, []string{strings.ReplaceAll(strings.TrimSpace(out.String()), "\t", " ")}, c.want)
		})
	}
}

// Whatever is done with filters, it is an answer or an error of Lua.
func TestFiltersBearAnything(t *testing.T) {
	got := run(t, `
local seed = 7
local function random(n) seed = seed * 48271 % 2147483647 return seed % n + 1 end
local function any() return (select(random(12), nil, true, 0, -1, 1.5, 0/0, "", "1:a,", {}, { "5\0hello\n" }, print, poe.null)) end
local function code(x) if random(4) == 1 then error("x") end return x, x end
local makers = {
  function() return poe.filter.Line.new{ max_length = 4 } end,
  function() return poe.filter.Stream.new() end,
  function() return poe.filter.Block.new() end,
  function() return poe.filter.Block.new{ length_codec = { code, function(s) if random(5) == 1 then return any(), any() end return 1, 1 end } } end,
  function() return poe.filter.RecordBlock.new{ block_size = 2 } end,
  function() return poe.filter.Map.new{ code = code } end,
  function() return poe.filter.Grep.new{ code = code } end,
  function() return poe.filter.Reference.new() end,
  function() return poe.filter.Reference.new{ serializer = { freeze = any, thaw = any } } end,
  function() return poe.filter.CSV.new{ header = true } end,
  function() return poe.filter.IRC.new() end,
  function() return poe.filter.Syslog.new{ framing = "octet" } end,
  function() return poe.filter.Snort.new() end,
  function() return poe.filter.Stackable.new() end,
  function() return { put = any, get = any, clone = any, get_pending = any, get_eof = any, reset = any, type = any } end,
  function() return { put = any, get_one_start = any, get_one = any } end,
}
local methods = { "get", "get_one_start", "get_one", "get_pending", "get_eof", "put", "clone", "reset", "type",
  "push", "pop", "shift", "unshift", "filters", "filter_types", "modify", "block_size", "check_put", "put_pending" }
local pool = {}
for i = 1, 40000 do
  if #pool < 40 then pool[#pool + 1] = makers[random(#makers)]() end
  local i = random(#pool)
  local f = pool[i]
  local method = f[methods[random(#methods)]]
  local arg = random(3) == 1 and pool[random(#pool)] or any()
  local ok, result = pcall(method, f, arg, any())
  if not ok then
    local text = tostring(result)
    assert(not text:find("runtime error") and not text:find("goroutine") and not text:find("interface conversion"), text)
  end
  if random(50) == 1 then table.remove(pool, i) end
end
print("done")`)
	want(t, got, "done")
}

// benchFilter runs a loop over b.N in a handler.
func benchFilter(b *testing.B, setup, body string) {
	bench(b, setup+`
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("work") end,
  work = function() for _ = 1, N do `+body+` end end,
} }`)
}

func BenchmarkFilterLineGet(b *testing.B) {
	b.SetBytes(512 * 64)
	benchFilter(b, `local chunk, f = (("x"):rep(63) .. "\n"):rep(512), poe.filter.Line.new()`, `f:get(chunk)`)
}

func BenchmarkFilterLinePut(b *testing.B) {
	b.SetBytes(64)
	benchFilter(b, `local items, f = { ("x"):rep(62) }, poe.filter.Line.new()`, `f:put(items)`)
}

// BenchmarkSplitInLua is what a script without filters does in the place of FilterLineGet.
func BenchmarkSplitInLua(b *testing.B) {
	b.SetBytes(512 * 64)
	benchFilter(b, `local chunk = (("x"):rep(63) .. "\n"):rep(512)`,
		`local items = {} for line in chunk:gmatch("(.-)\n") do items[#items + 1] = line end`)
}

func BenchmarkFilterMapGet(b *testing.B) {
	benchFilter(b, `local items, f = {}, poe.filter.Map.new{ code = function(x) return x end }
for i = 1, 100 do items[i] = i end`, `f:get(items)`)
}

func BenchmarkFilterReference(b *testing.B) {
	benchFilter(b, `local items, f = { { id = 1, name = "x", list = { 1, 2, 3 } } }, poe.filter.Reference.new()`, `f:get(f:put(items))`)
}
