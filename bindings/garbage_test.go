package bindings_test

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	poelua "github.com/poelua/poelua/runtime"
)

// openDescriptors is how many this process has.
func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// limitDescriptors lets this process open so many more, until the test ends.
func limitDescriptors(t *testing.T, more int) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lower := before
	setNumber(&lower.Cur, openDescriptors(t)+more)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lower); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}

// setNumber sets what not all systems have in the same type.
func setNumber[T int64 | uint64](number *T, n int) { *number = T(n) }

func TestExhaustedDescriptorsAreAFailure(t *testing.T) {
	limitDescriptors(t, 40)
	got := run(t, `
poe.Session.create{ inline_states = {
  _start = function(ctx)
    local held = {}
    for _, make in ipairs{
      function() return poe.open("/dev/null") end,
      poe.pipe.OneWay.new,
      function() return poe.pipe.TwoWay.new("inet") end,
    } do
      local handles, message, errno
      repeat
        handles, message, errno = nil, nil, nil
        local results = { make() }
        if results[1] then for _, h in ipairs(results) do held[#held + 1] = h end else message, errno = results[2], results[3] end
      until errno
      print(errno == poe.errno.EMFILE, message:match("too many open files"))
    end
    for _, h in ipairs(held) do h:close() end
    ctx.kernel:yield("on")
  end,
  on = function()
    local h = assert(poe.open("/dev/null"))
    print("goes on", h:close())
  end,
} }`)
	want(t, got, "true\ttoo many open files", "true\ttoo many open files", "true\ttoo many open files", "goes on\ttrue")
}

// A program that forgets to close may go on for ever.
func TestDescriptorsOfGarbageAreUsedAgain(t *testing.T) {
	limitDescriptors(t, 40)
	got := run(t, `
local function lose(i)
  if i % 3 == 0 then assert(poe.open("/dev/null")) end
  if i % 3 == 1 then assert(poe.pipe.OneWay.new()) end
  if i % 3 == 2 then assert(poe.pipe.TwoWay.new("pipe")) end
end
for i = 1, 200 do lose(i) end
print("done")`)
	want(t, got, "done")
}

// Nothing needs to fail for it: garbage is looked for when the collector has run.
func TestGarbageHandlesAreClosedBetweenEvents(t *testing.T) {
	before := openDescriptors(t)
	rt := start(t, poelua.Options{Clock: "simulated"}, `
for _ = 1, 3000 do poe.open("/dev/null") end
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("tick") end,
  tick = function(ctx) ctx.kernel:yield("tick") end,
} }`)
	opened := openDescriptors(t)
	if opened < before+1000 {
		t.Skipf("the collector was faster: %d descriptors are open", opened-before)
	}
	for range 100 { // what cleans up after the collector has a goroutine of its own
		runtime.GC()
		n := 0
		if err := rt.Kernel().RunWhile(t.Context(), func() bool { n++; return n < 1000 }); err != nil {
			t.Fatal(err)
		}
		if openDescriptors(t) < before+100 {
			return
		}
	}
	t.Errorf("%d handles are open still", openDescriptors(t)-before)
}

func TestAHandleThatIsInUseStaysOpen(t *testing.T) {
	for _, c := range []struct{ name, keep string }{
		{"in a variable", `kept = writer`},
		{"in the heap of a session", `poe.Session.create{ heap = { writer }, inline_states = { _start = function(ctx) ctx.kernel:alias_set("x") end } }`},
		{"in a closure", `kept = function() return writer:fd() end`},
		{"in a coroutine", `kept = coroutine.create(function(w) coroutine.yield() return w:fd() end) coroutine.resume(kept, writer)`},
		{"in the arguments of a timer", `poe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:delay("x", 1, { writer }) end } }`},
		{"in a postback", `poe.Session.create{ inline_states = { _start = function(ctx) kept = ctx.session:postback("x", writer) end } }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, `
local kept, reader
local function make()
  local writer
  reader, writer = poe.pipe.OneWay.new()
  `+c.keep+`
end
make()
collectgarbage()
collectgarbage()
local _, _, errno = reader:read()
print(errno == poe.errno.EAGAIN)
kept = nil`)
			want(t, got, "true")
		})
	}
}
