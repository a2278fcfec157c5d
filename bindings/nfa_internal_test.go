package bindings

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/kernel/kerneltest"
)

// library makes a Lib in a Lua state of its own and runs a chunk, which has poe in a global variable.
func library(t *testing.T, chunk string) *Lib {
	t.Helper()
	l := lua.NewState()
	t.Cleanup(l.Close)
	var b *Lib
	k := kerneltest.New(t, func(o *kernel.Options) {
		o.Protect = func(f func()) error { return b.Protect(f) }
		o.Blame = func(d *kernel.Dispatch, err error) error { return b.Blame(d, err) }
	})
	b = New(Config{State: l, Kernel: k, Host: host.New(), Guard: luax.NewGuard(l)})
	l.SetGlobal("poe", b.Module())
	fn, err := l.Load(strings.NewReader(chunk), "chunk")
	if err != nil {
		t.Fatal(err)
	}
	l.Push(fn)
	if err := l.PCall(0, 0, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// A session that is no machine pays one word for those that are.
func TestSessionsHaveNoRoomForMachines(t *testing.T) {
	if size := unsafe.Sizeof(session{}); size > 384 {
		t.Errorf("got %d bytes, want the 384 that the allocator gives at most", size)
	}
}

func TestHandlersAreDescribed(t *testing.T) {
	b := library(t, `local object = { on_b = function() end }
local class = { c = function() end,
  d = print }
poe.Session.create{
  inline_states = {
    _start = function() poe.kernel:state("e", function()
    end) end,
    b = print,
  },
  object_states = { object, { b = "on_b" } },
  package_states = { class, { "c", "d" }, setmetatable({}, { __index = function() return print end }), { "f" } },
}
local m = poe.NFA.spawn{
  inline_states = {
    on = { x = function() poe.kernel:state("y", print) poe.kernel:state("x", print) end },
    off = { z = function() end },
  },
  object_states = { off = { object, { x = "on_b" } } },
}
m:goto_state("on", "x")
`)
	s := b.k.ByID(1).Receiver().(*session)
	want := []handlerInfo{
		{"_start", "inline", "chunk", 6, ""},
		{"b", "object", "chunk", 1, "on_b"},
		{"c", "package", "chunk", 2, "c"},
		{"d", "package", "", 0, "d"},
		{"e", "state", "chunk", 6, ""},
		{"f", "package", "", 0, "f"},
	}
	if got := s.handlerInfos(); !slices.Equal(got, want) {
		t.Errorf("of a session: got %v, want %v", got, want)
	}
	if got := fmt.Sprint(s.events(), s.kind(), s.current()); got != "[_start b c d e f]session" {
		t.Errorf("of a session: got %q", got)
	}
	m := b.k.ByID(2).Receiver().(*session)
	want = []handlerInfo{{"x", "inline", "chunk", 15, ""}, {"y", "state", "", 0, ""}}
	if got := m.handlerInfos(); !slices.Equal(got, want) {
		t.Errorf("of a machine: got %v, want %v", got, want)
	}
	if got := fmt.Sprint(m.events(), m.kind(), m.current()); got != "[x y]nfaon" {
		t.Errorf("of a machine: got %q", got)
	}
	if err := kerneltest.Finish(t, b.k); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.events(), m.kind(), m.current()); got != "[]nfaon" {
		t.Errorf("of a machine that has stopped: got %q", got)
	}
}

// What looks at all that a program can reach must come by the handlers of all states.
func TestAMachineLeadsToItsHandlers(t *testing.T) {
	b := library(t, `object = {}
function object.x() end
one, two = function() end, function() end
poe.NFA.spawn{ inline_states = { a = { x = one }, b = { y = two } }, object_states = { c = { object, { "x" } } } }`)
	m := b.k.ByID(1).Receiver().(*session).machine
	var held []lua.LValue
	m.held(func(v lua.LValue) { held = append(held, v) })
	for _, name := range []string{"one", "two", "object"} {
		if !slices.Contains(held, b.main.GetGlobal(name)) {
			t.Errorf("it does not lead to %s", name)
		}
	}
	if err := kerneltest.Finish(t, b.k); err != nil {
		t.Fatal(err)
	}
}

// Machines for each of a server's connections are made of one table.
func TestMachinesOfOneTableShareTheirHandlers(t *testing.T) {
	b := library(t, `local states = { a = { x = print, y = print }, b = { x = print } }
for _ = 1, 3 do poe.NFA.spawn{ inline_states = states } end
states.b.x = error
poe.NFA.spawn{ inline_states = states }`)
	of := func(id kernel.SessionID) *stateSet { return b.k.ByID(id).Receiver().(*session).machine.states }
	if of(1) != of(2) || of(2) != of(3) {
		t.Error("machines of one table have handlers of their own")
	}
	if of(3) == of(4) {
		t.Error("a machine of a table that was changed has the handlers of before")
	}
	if err := kerneltest.Finish(t, b.k); err != nil {
		t.Fatal(err)
	}
}

// A program that calls states and never returns is told so before its memory is full.
func TestTheStackOfAMachineHasABound(t *testing.T) {
	b := library(t, `m = poe.NFA.spawn{ options = { immediate = true }, inline_states = { a = {} } }
m:goto_state("a")`)
	m := b.k.ByID(1).Receiver().(*session).machine
	m.stack = make([]returnPoint, mostReturns)
	if err := b.main.DoString(`m:call_state(nil, "a")`); err != nil {
		t.Fatal(err)
	}
	err := kerneltest.Finish(t, b.k)
	if err == nil || !strings.Contains(err.Error(), "session 1 has called 1048576 states without returning") {
		t.Errorf("got %v, want an error about the stack", err)
	}
}
