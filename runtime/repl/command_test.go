package repl_test

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

const bot = `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("bot") ctx.kernel:sig("USR1", "usr") end,
  say = function(ctx, ...) print(...) ctx.kernel:post(ctx.sender, "said", ...) end,
  add = function(ctx, a, b) return a + b, "sum" end,
  none = function() end,
  usr = function(ctx, name) print(name) ctx.kernel:yield("bye") end,
  bye = function(ctx) ctx.kernel:post("repl", "done") end,
  _stop = function() print("stopped") end,
} }`

func TestCommands(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.do(bot)
	b.types("local x = 20")
	b.exchange([]exchange{
		{".call bot add x, 22", "42  \"sum\"\n"}, {"_", "42\n"}, {"  .call   2   add 1,2  ", "3  \"sum\"\n"}, {".call bot none", ""},
		{".call bot nope", "session 2 (bot) has no handler for event 'nope'\n"},
		{".call gone x", "no session 'gone'\n"}, {".post gone x", "no session 'gone'\n"}, {".stop gone", "no session 'gone'\n"}, {".signal gone TERM", "no session 'gone'\n"},
		{".post", "a session and an event are needed\n"}, {".post bot", "a session and an event are needed\n"},
		{".stop", "the ID or an alias of a session is needed (.sessions shows them)\n"}, {".signal bot", "a session and the name of a signal are needed\n"},
		{".post bot say 1 +", "repl:1: syntax error near '<eof>'\n"}, {".post bot say )", "repl:1: syntax error near ')'\n"},
		{".post bot say error('no luck', 0)", "no luck\n"},
		{".stop repl", "this is the prompt's own session: .quit leaves it\n"},
		{".stop " + b.Kernel().ID(), "the kernel is no session that can be stopped\n"},
		{".nope", "unknown command '.nope'; .help lists all\n"}, {".hlep", "unknown command '.hlep'; did you mean '.help'?\n"}, {".sig bot", "unknown command '.sig'; did you mean '.signal'?\n"},
		{".", "unknown command '.'; .help lists all\n"}, {".\x1b[2J", "unknown command '.\\027[2J'; .help lists all\n"},
		{".help .stop", ".stop X  stop X, whatever keeps it alive; its children go to its parent\n"}, {".help nope", "unknown command '.nope'; .help lists all\n"},
		{".call repl x 1", "event x 1\n"},
	})
	if got := b.types("." + strings.Repeat("x", 1<<19)); len(got) > 100 {
		t.Errorf("got %d bytes", len(got))
	}
	b.types(".post bot say 'a', { 1 }, x")
	b.untilShown("event said \"a\", {1}, 20\n")
	b.types(".signal bot SIGUSR1")
	b.untilShown("event done\n")
	b.types(".stop bot")
	b.until(func() bool { return b.Kernel().Resolve("bot") == nil })
	if got := b.stdout.String(); !strings.HasSuffix(got, "USR1\nstopped\n") {
		t.Errorf("the program wrote %q", got)
	}
	if got := b.types(".post bot say"); got != "no session 'bot'\n" {
		t.Errorf("got %q", got)
	}
}

func TestHelpNamesEachCommand(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	got := b.types(".help")
	for _, name := range []string{"post", "call", "stop", "signal", "load", "help", "quit"} {
		if !strings.Contains(got, "."+name+" ") {
			t.Errorf(".help does not tell of .%s", name)
		}
	}
	for line := range strings.Lines(got) {
		if len(line) > 120 {
			t.Errorf("%q is too long", line)
		}
	}
}
