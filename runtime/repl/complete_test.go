package repl_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

const completed = `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("bot") ctx.kernel:alias_set("bird") end,
  say = function() end, sing = function() end, ["with 'quotes\""] = function() end,
} }
bot = { id = 3, idle = true, talk = function() end, name = "bot", list = { { deep = 1 } }, ["a b"] = { c1 = 1 }, t_able = {} }
bot.base = setmetatable({ own = 1 }, { __index = setmetatable({ inherited = print }, { __index = bot }) })
called = 0
trap = setmetatable({}, { __index = function() called = called + 1 end, __tostring = function() called = called + 1 end,
  __eq = function() called = called + 1 end, __len = function() called = called + 1 end, __call = function() called = called + 1 end })
loop = setmetatable({}, {}) getmetatable(loop).__index = loop
setmetatable(_G, { __index = function() called = called + 1 end, __newindex = function() called = called + 1 end })
`

func TestComplete(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.do(completed)
	b.types("local my_local = bot", "local filter = poe.filter.Line.new()")
	tests := []struct {
		text string // up to where it is completed
		from string // the part that is replaced
		want string
	}{
		{"bo", "bo", "bot"},
		{"print(bo", "bo", "bot"},
		{"my_l", "my_l", "my_local"},
		{"wh", "wh", "while"},
		{"ctx", "ctx", "ctx"},
		{"bot.i", "i", "id idle"},
		{"bot.", "", "base id idle list name t_able talk"},
		{"x = 1 + bot.id", "id", "id idle"},
		{"bot:t", "t", "talk"},
		{"my_local . t", "t", "t_able talk"},
		{"bot.list[1].d", "d", "deep"},
		{"bot['a b'].c", "c", "c1"},
		{`bot["a b"].c`, "c", "c1"},
		{`bot["a`, "a", "a b"},
		{"bot['i", "i", "id idle"},
		{"bot.base.", "", "base id idle inherited list name own t_able talk"},
		{"bot.base:i", "i", "inherited"},
		{"bot.name:up", "up", "upper"},
		{"poe.kernel:pos", "pos", "post"},
		{"kernel:alarm_", "alarm_", "alarm_add alarm_adjust alarm_remove alarm_remove_all alarm_set"},
		{"ctx.se", "se", "sender session"},
		{"ctx.kernel:yie", "yie", "yield"},
		{"ctx.session:post", "post", "postback"},
		{"filter:get_p", "get_p", "get_pending"},
		{"string.for", "for", "format"},
		{"kernel:post('b", "b", "bird bot"},
		{`kernel:post("`, "", "bird bot repl"},
		{"kernel:call('bot', 's", "s", "say sing"},
		{"kernel:call( 'bird' ,'", "", "_start say sing with 'quotes\""},
		{"kernel:post(kernel, '", "", ""},
		{"kernel:post(ctx.session, '_sta", "_sta", "_start"},
		{"kernel:post(bot.name, 'sa", "sa", "say"},
		{"kernel:post('gone', '", "", ""},
		{"kernel:post('bot', f(1, { 2, 3 }), '", "", ""},
		{"kernel:yield('_de", "_de", "_default"},
		{"kernel:sig('US", "US", "USR1 USR2"},
		{"require 'poe.te", "poe.te", "poe.test"},
		{"require('strin", "strin", "string"},
		{".he", "he", "help"},
		{".", "", "aliases call handles help load mem post queue quit session sessions signal signals stats stop " +
			"unwatch watch wheels why"},
		{".post b", "b", "bird bot"},
		{".post bot s", "s", "say sing"},
		{".post 1", "1", "1"},
		{".call gone s", "s", ""},
		{".post bot say bot.i", "i", "id idle"},
		{".post bot say 1, 'x', kernel:post('bi", "bi", "bird"},
		{".signal bot TE", "TE", "TERM"},
		{".help sto", "sto", "stop"},
		{".nope x", "", ""},
		{"-- bo", "", ""},
		{"'bo", "bo", ""},
		{"[[bo", "", ""},
		{"--[[ ]] bo", "bo", "bot"},
		{"f().i", "i", ""},
		{"(bot).i", "i", ""},
		{"nothing.i", "i", ""},
		{"trap.i", "i", ""},
		{"trap.x.i", "i", ""},
		{"loop.i", "i", ""},
		{"undefined_", "undefined_", ""},
		{"", "", ""},
		{"12", "", ""},
		{"x[", "", ""},
		{".5", "", ""},
		{"bot.id.x", "x", ""},
		{"]].", "", ""},
		{".:[]'", ":[]'", ""},
		{"\x00\xff\\", "", ""},
	}
	for _, test := range tests {
		at, got := b.p.Complete(test.text+" rest", len(test.text))
		if from := test.text[at:]; from != test.from || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %q for %q, want %q for %q", test.text, got, from, test.want, test.from)
		}
	}
	if got := b.types("rawget(_G, 'called')"); got != "0\n" {
		t.Errorf("the program was called %s times", got)
	}
}

func TestCompleteInTheMiddleOfAnInput(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.types("local x = {")
	if _, got := b.p.Complete(".he", 3); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	for _, at := range []int{-5, 0, 1000} {
		b.p.Complete("bot.x", at)
	}
	b.p.Complete(strings.Repeat("(", 1<<20), 1<<20)
	b.p.Complete(strings.Repeat("a.", 30_000), 60_000)
}

func TestCompletionOfALargeTableHasABound(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.do(`large = {} for i = 1, 3e5 do large["k" .. i] = i end`)
	_, got := b.p.Complete("large.k", 7)
	if len(got) != 1000 || !slices.IsSorted(got) {
		t.Errorf("got %d", len(got))
	}
}
