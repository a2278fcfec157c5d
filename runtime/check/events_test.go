package check_test

import (
	"fmt"
	"strings"
	"testing"
)

// session is a program with one state, tick, that runs the statements. They begin on line 3.
func session(statements string) string {
	return fmt.Sprintf(`local poe = require "poe"
poe.Session.create{ inline_states = { _start = function(ctx) local kernel, session = ctx.kernel, ctx.session
%s
end, tick = function() end } }
`, statements)
}

func unhandled(line int, event string) []string {
	return []string{fmt.Sprintf("%d: event '%s' is posted but no state here handles it", line, event)}
}

func TestEachWayToPostIsChecked(t *testing.T) {
	var cases []checkCase
	for _, call := range []string{
		`ctx.kernel:yield("EVENT")`, `ctx.kernel:yield "EVENT"`, `ctx.kernel:yield([[EVENT]], 1, 2)`,
		`kernel:yield("EVENT")`, `poe.kernel:yield("EVENT")`, `local k = poe.kernel k:yield("EVENT")`,
		`local function again(k) k:yield("EVENT") end again(kernel)`, `local function again(kernel) kernel:yield("EVENT") end again(kernel)`,
		`kernel:delay("EVENT", 1)`, `kernel:delay("EVENT")`, `kernel:delay_add("EVENT", 1)`, `local id = kernel:delay_set("EVENT", 1)`,
		`kernel:alarm("EVENT", poe.time())`, `kernel:alarm("EVENT")`, `kernel:alarm_add("EVENT", 1)`, `kernel:alarm_set("EVENT", 1)`,
		`kernel:select_read(io.stdin, "EVENT")`, `kernel:select_write(io.stdout, "EVENT", 1)`, `kernel:select_expedite(io.stdin, "EVENT")`,
		`kernel:select(io.stdin, "EVENT")`, `kernel:select(io.stdin, nil, "EVENT")`, `kernel:select(io.stdin, "tick", false, "EVENT", "extra")`,
		`kernel:sig("INT", "EVENT")`, `kernel:sig(ctx.heap.name, "EVENT")`, `kernel:sig_child(123, "EVENT", "extra")`,
		`ctx.session:postback("EVENT", 1)`, `session:callback("EVENT")`, `return ctx.session:postback("EVENT"):weaken()`,
		`kernel:post(ctx.session, "EVENT")`, `kernel:call(ctx.session, "EVENT", 1)`, `poe.kernel:post(ctx.session, "EVENT")`,
		`local own = ctx.session own:postback("EVENT")`, `local s = poe.Session.create{ inline_states = { _start = print } } s:postback("EVENT")`,
	} {
		source := func(event string) string { return session(strings.ReplaceAll(call, "EVENT", event)) }
		cases = append(cases,
			checkCase{call + " of nothing", source("nothing"), unhandled(3, "nothing")},
			checkCase{call + " of a state", source("tick"), nil},
			checkCase{call + " of a reserved name", source("_stop"), nil})
	}
	runCases(t, cases)
}

func TestWhatIsNotPostedToOneselfIsNotChecked(t *testing.T) {
	var cases []checkCase
	for _, statement := range []string{
		`kernel:yield(ctx.heap.next)`, `kernel:yield("no" .. "thing")`, `kernel:yield()`,
		`kernel:post("logger", "nothing")`, `kernel:post(ctx.sender, "nothing")`, `kernel:call(7, "nothing")`, `kernel:post(session, "nothing")`,
		`kernel:sig("INT")`, `kernel:signal(session, "nothing")`, `kernel:select_read(io.stdin)`, `kernel:sig_child(12)`,
		`kernel:alias_set("nothing")`, `kernel:refcount_increment(session, "nothing")`,
		`ctx.heap.menu:select("item", "nothing")`, `local other = kernel:alias_resolve("x") other:postback("nothing")`,
		`ctx.sender:postback("nothing")`, `ctx.heap.button:callback("nothing")`, `coroutine.yield("nothing")`,
		`local session = kernel:alias_resolve("x") session:postback("nothing")`, `local a, b = nil, nil a = b b = a a:yield("nothing")`,
		`kernel.yield(kernel, "nothing")`, `kernel:delay("poe_nfa_stop", 1)`,
	} {
		cases = append(cases, checkCase{statement, session(statement), nil})
	}
	runCases(t, append(cases,
		checkCase{"a file that requires no poe", strings.Replace(session(`kernel:yield("nothing")`), `require "poe"`, `{}`, 1), nil},
		checkCase{"a file that makes no session", "local poe = require 'poe'\nlocal states = { tick = print }\npoe.kernel:yield('nothing')\nreturn states", nil},
		checkCase{"a file that requires a part of poe", strings.Replace(session(`kernel:yield("nothing")`), `"poe"`, `("poe.test")`, 1), unhandled(3, "nothing")},
	))
}

func TestEventsOfWheelsAreChecked(t *testing.T) {
	var cases []checkCase
	for _, making := range []string{
		`poe.wheel.ReadWrite.new{ handle = h, input_event = "EVENT" }`, `poe.wheel.ReadWrite.new({ ["error_event"] = "EVENT" })`,
		`local w = poe.wheel.ReadWrite.new{ flushed_event = "EVENT", high_event = "tick" }`, `poe.wheel["ReadWrite"].new{ high_event = [[EVENT]] }`,
		`ctx.heap.w = poe.wheel.ReadWrite.new{ low_event = "EVENT" }`, `poe.wheel.ListenAccept.new{ accept_event = "EVENT" }`,
		`poe.wheel.SocketFactory.new{ success_event = "EVENT", failure_event = "tick" }`,
		`poe.wheel.SocketFactory.new{ success_event = "tick", failure_event = "EVENT" }`,
		`local wheel = poe.wheel wheel.Datagram.new{ input_event = "EVENT" }`, `local Line = poe.wheel.ReadWrite Line.new{ input_event = "EVENT" }`,
		`require("poe").wheel.ReadWrite.new{ input_event = "EVENT" }`, `local kind = "Run" poe.wheel[kind].new{ input_event = "EVENT" }`,
	} {
		source := func(event string) string {
			return session("local h = {} " + strings.ReplaceAll(making, "EVENT", event))
		}
		cases = append(cases,
			checkCase{making + " of nothing", source("nothing"), unhandled(3, "nothing")},
			checkCase{making + " of a state", source("tick"), nil},
			checkCase{making + " of a reserved name", source("_default"), nil})
	}
	for _, statement := range []string{
		`poe.wheel.ReadWrite.new{ input_event = function() end }`, `poe.wheel.ReadWrite.new{ input_event = false, error_event = "" }`,
		`poe.wheel.ReadWrite.new{ input_event = ctx.heap.event }`, `poe.wheel.ReadWrite.new{ input_event = "no" .. "thing" }`,
		`poe.wheel.ReadWrite.new{ session = ctx.sender, input_event = "nothing" }`, `poe.wheel.ReadWrite.new{ input_event = "nothing", session = 7 }`,
		`poe.wheel.ReadWrite.new{ other_event = "nothing", handle = "nothing" }`, `poe.filter.Line.new{ input_event = "nothing" }`,
		`ctx.heap.wheel.ReadWrite.new{ input_event = "nothing" }`, `local poe = {} poe.wheel.ReadWrite.new{ input_event = "nothing" }`,
		`poe.wheel.ReadWrite.make{ input_event = "nothing" }`, `poe.wheel.ReadWrite.new(ctx.heap.parameters)`, `poe.wheel.ReadWrite.new()`,
		`local ReadWrite = { new = print } ReadWrite.new{ input_event = "nothing" }`, `local a, b = nil, nil a = b b = a a.new{ input_event = "nothing" }`,
	} {
		cases = append(cases, checkCase{statement, session(statement), nil})
	}
	runCases(t, append(cases,
		checkCase{"a near one", session(`poe.wheel.ReadWrite.new{ input_event = "tikc" }`), []string{"3: event 'tikc' is posted but no state here handles it (did you mean 'tick'?)"}},
		checkCase{"of each wheel", session("poe.wheel.ReadWrite.new{\n  input_event = 'one',\n  error_event = 'two' }"), append(unhandled(4, "one"), unhandled(5, "two")...)},
		checkCase{"where names are made at run time", session(`poe.wheel.ReadWrite.new{ input_event = "nothing" } ctx.kernel:state(ctx.heap.name, print)`), nil},
	))
}

func TestStatesAreDefinedInManyWays(t *testing.T) {
	program := func(making string) string {
		return "local poe = require 'poe'\nlocal object, names, states, M, f = {}, {}, {}, {}, print\n" + making +
			"\nfunction M.help(ctx) ctx.kernel:yield('found') ctx.kernel:yield('lost') end\n"
	}
	checked := unhandled(4, "lost")
	runCases(t, []checkCase{
		{"in the constructor", program(`poe.Session.create{ inline_states = { found = f } }`), checked},
		{"under a quoted key", program(`poe.Session.create{ inline_states = { ["found"] = f } }`), checked},
		{"in a table of its own", program(`local t = { found = f } poe.Session.create{ inline_states = t }`), checked},
		{"as a field", program(`states.found = f poe.Session.create{ inline_states = states }`), checked},
		{"as a key", program(`states["found"] = f poe.Session.create{ inline_states = states }`), checked},
		{"as a function", program(`function states.found() end poe.Session.create{ inline_states = states }`), checked},
		{"as a method", program(`function object:found() end poe.Session.create{ object_states = { object, { found = "found" } } }`), checked},
		{"in a list", program(`poe.Session.create{ object_states = { object, { "_start", "found" } } }`), checked},
		{"in a list of its own", program(`local list = { "found" } poe.Session.create{ package_states = { object, list } }`), checked},
		{"in a map", program(`poe.Session.create{ object_states = { object, { found = "on_found" } } }`), checked},
		{"in a second object's list", program(`poe.Session.create{ object_states = { object, { "a" }, M, { "found" } } }`), checked},
		{"in the parameters' field", program(`local p = {} p.inline_states = {} p.inline_states.found = f poe.Session.create(p)`), checked},
		{"in a field of an object", program(`object.states = { found = f } poe.Session.create{ inline_states = object.states }`), checked},
		{"at run time", program(`poe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:state("found", f) end } }`), checked},
		{"in a machine", program(`poe.NFA.spawn{ inline_states = { open = { found = function() end }, shut = { leave = M.help } } }`), checked},
		{"in a machine's objects", program(`poe.NFA.spawn{ object_states = { open = { object, { "found" } } } }`), checked},
		{"either of two", program(`poe.Session.create{ inline_states = states or { found = f } }`), checked},
	})
}

// machine is a program with a machine of two states, on and off, in one of which the statements run: they begin on line 4.
func machine(statements string) string {
	return fmt.Sprintf(`local poe = require "poe"
local m m = poe.NFA.spawn{ inline_states = { off = { enter = function() end }, on = { tick = function(ctx)
local kernel, machine = ctx.kernel, ctx.machine
%s
end } }, package_states = { on = { {}, { "back" } } } }
`, statements)
}

func TestMachinesAreChecked(t *testing.T) {
	entered := func(state string) []string {
		return []string{fmt.Sprintf("4: state '%s' is entered but no machine here has it", state)}
	}
	var cases []checkCase
	for _, call := range []string{
		`kernel:yield("EVENT")`, `ctx.machine:goto_state("on", "EVENT", 1)`, `machine:call_state("EVENT", "on", "enter")`,
		`m:call_state(nil, "on", "EVENT")`, `ctx.machine:postback("EVENT")`, `kernel:post(ctx.machine, "EVENT")`,
		`m:callback("EVENT")`,
	} {
		source := func(event string) string { return machine(strings.ReplaceAll(call, "EVENT", event)) }
		cases = append(cases,
			checkCase{call + " of nothing", source("nothing"), unhandled(4, "nothing")},
			checkCase{call + " of a state's event", source("enter"), nil},
			checkCase{call + " of a method", source("back"), nil},
			checkCase{call + " of a move", source("poe_nfa_stop"), nil})
	}
	for _, call := range []string{
		`ctx.machine:goto_state("STATE")`, `m:goto_state("STATE", "enter")`, `machine:call_state("back", "STATE")`,
	} {
		source := func(state, rest string) string { return machine(strings.ReplaceAll(call, "STATE", state) + rest) }
		cases = append(cases,
			checkCase{call + " of nothing", source("nowhere", ""), entered("nowhere")},
			checkCase{call + " of a state", source("off", ""), nil},
			checkCase{call + " where names are made at run time", source("nowhere", " ctx.heap[ctx.event] = {}"), nil},
			checkCase{call + " where they are in a constructor", source("nowhere", " print({ [ctx.event] = {} })"), nil})
	}
	for _, statement := range []string{
		`ctx.sender:goto_state("nowhere", "nothing")`, `ctx.machine:goto_state(ctx.runstate.next, ctx.event)`,
		`ctx.machine:goto_state()`, `ctx.machine:call_state(nil, "on")`, `ctx.machine:return_state("nothing")`, `ctx.machine:stop("nothing")`,
	} {
		cases = append(cases, checkCase{statement, machine(statement), nil})
	}
	runCases(t, append(cases,
		checkCase{"a near state", machine(`m:goto_state("offf")`), []string{entered("offf")[0] + " (did you mean 'off'?)"}},
		checkCase{"another's machine", session(`ctx.heap.machine:goto_state("nowhere", "nothing")`), nil},
	))
}

func TestTheCheckIsOffWhereNamesAreMadeAtRunTime(t *testing.T) {
	program := func(making string) string {
		return "local poe = require 'poe'\nlocal object, names, states, f = {}, {}, { _start = print }, print\n" + making +
			"\npoe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:yield('lost') end } }\n"
	}
	runCases(t, []checkCase{
		{"not otherwise", program(``), unhandled(4, "lost")},
		{"a default handler", program(`states._default = f`), nil},
		{"a default handler in a constructor", program(`states = { _default = f }`), nil},
		{"a default handler in a list", program(`names = { "_default" }`), nil},
		{"a default handler as a method", program(`function object:_default() end`), nil},
		{"a session that sees all events", program(`function object:invoke(ctx, event) end`), nil},
		{"a computed key in a constructor", program(`states = { ["l" .. "ost"] = f }`), nil},
		{"a number as a key is none", program(`states = { [1] = f }`), unhandled(4, "lost")},
		{"a function under a computed key", program(`for _, name in ipairs(names) do object[name] = function() end end`), nil},
		{"a variable under a computed key of states", program(`for _, name in ipairs(names) do states[name] = f end poe.Session.create{ inline_states = states }`), nil},
		{"the same of a field", program(`for _, name in ipairs(names) do object.states[name] = f end poe.Session.create{ inline_states = object.states }`), nil},
		{"the same of a list of names", program(`for name in pairs(states) do names[#names + 1] = name end poe.Session.create{ object_states = { object, names } }`), nil},
		{"the same of an object", program(`for name in pairs(states) do object[name] = f end poe.Session.create{ object_states = { object, { "_start" } } }`), nil},
		{"the same of self", program(`function object:on(name, g) self[name] = g end`), nil},
		{"of another table it does not matter", program(`for i, name in ipairs(names) do object[name] = i object[i] = name end`), unhandled(4, "lost")},
		{"a computed name at run time", program(`local function on(ctx, name) ctx.kernel:state(name, f) end print(on)`), nil},
		{"states of another module", program(`poe.Session.create{ inline_states = require "states" }`), nil},
		{"states of another module in a variable", program(`local s = require "states" poe.Session.create{ inline_states = s }`), nil},
		{"states from a function", program(`poe.Session.create{ inline_states = setmetatable({}, {}) }`), nil},
		{"states from a parameter", program(`local function make(s) poe.Session.create{ inline_states = s } end make{ _start = f }`), nil},
		{"states that a function was given", program(`table.insert(names, "lo" .. "st") poe.Session.create{ object_states = { object, names } }`), nil},
		{"states under two names", program(`local t = states t[names[1]] = f poe.Session.create{ inline_states = states }`), nil},
		{"states unpacked", program(`poe.Session.create{ object_states = { unpack(names) } }`), nil},
		{"a name in a list that is no literal", program(`poe.Session.create{ object_states = { object, { names[1] } } }`), nil},
		{"parameters from a function", program(`poe.Session.create(require "parameters")`), nil},
		{"a machine's states of another module", program(`poe.NFA.spawn{ inline_states = { open = require "open" } }`), nil},
	})
}

func TestNearEventsAreSuggested(t *testing.T) {
	runCases(t, []checkCase{
		{"a state", session(`kernel:yield("tikc")`), []string{"3: event 'tikc' is posted but no state here handles it (did you mean 'tick'?)"}},
		{"not what is no state", session(`ctx.heap.ticket = 1 kernel:yield("tickets")`), unhandled(3, "tickets")},
		{"the line of the name", session("kernel\n  :delay(\n    'tock_tock', 1)"), unhandled(5, "tock_tock")},
		{"a name that is not for the terminal", session("kernel:yield('a\\27[2J\\n')"), unhandled(3, `a\x1b[2J\n`)},
	})
}
