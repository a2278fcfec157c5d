package filters_test

import (
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestIRC(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       filters.IRCMessage
		put        string // "": the line
	}{
		{"a command alone", "QUIT", filters.IRCMessage{Command: "QUIT"}, ""},
		{"a user's prefix", ":ann!~a@example.org PRIVMSG #poe :hello there",
			filters.IRCMessage{Prefix: "ann!~a@example.org", Nick: "ann", User: "~a", Host: "example.org", Command: "PRIVMSG", Params: []string{"#poe", "hello there"}}, ""},
		{"a server's prefix and a numeric", ":irc.example.org 001 ann :Welcome to IRC",
			filters.IRCMessage{Prefix: "irc.example.org", Command: "001", Params: []string{"ann", "Welcome to IRC"}}, ""},
		{"a nick alone", ":ann NICK bob", filters.IRCMessage{Prefix: "ann", Nick: "ann", Command: "NICK", Params: []string{"bob"}}, ""},
		{"a nick and a host", ":ann@host QUIT", filters.IRCMessage{Prefix: "ann@host", Nick: "ann", Host: "host", Command: "QUIT"}, ""},
		{"an empty trailing parameter", "TOPIC #poe :", filters.IRCMessage{Command: "TOPIC", Params: []string{"#poe", ""}}, ""},
		{"a trailing parameter with colons", "PRIVMSG #poe ::-) : x", filters.IRCMessage{Command: "PRIVMSG", Params: []string{"#poe", ":-) : x"}}, ""},
		{"a trailing parameter of one word", "PING :server", filters.IRCMessage{Command: "PING", Params: []string{"server"}}, "PING server"},
		{"no trailing parameter", "MODE #poe +o ann", filters.IRCMessage{Command: "MODE", Params: []string{"#poe", "+o", "ann"}}, ""},
		{"a colon within a parameter", "PRIVMSG a:b c", filters.IRCMessage{Command: "PRIVMSG", Params: []string{"a:b", "c"}}, ""},
		{"more spaces than needed", ":a.b  PONG   x   y  ", filters.IRCMessage{Prefix: "a.b", Command: "PONG", Params: []string{"x", "y"}}, ":a.b PONG x y"},
		{"tags", `@id=123;+draft/x=a\:b\sc\\d\r\ne;flag :ann PING x`,
			filters.IRCMessage{Tags: dict{{"id", "123"}, {"+draft/x", "a;b c\\d\r\ne"}, {"flag", ""}}, Prefix: "ann", Nick: "ann", Command: "PING", Params: []string{"x"}}, ""},
		{"odd tags", `@a=1;;=x;b=\q\;a=2; PING`,
			filters.IRCMessage{Tags: dict{{"a", "2"}, {"b", "q"}}, Command: "PING"}, "@a=2;b=q PING"},
		{"bytes that are no UTF-8", "PRIVMSG x :\xff\x01", filters.IRCMessage{Command: "PRIVMSG", Params: []string{"x", "\xff\x01"}}, "PRIVMSG x \xff\x01"},
	} {
		c.want.Raw = c.line
		filtertest.Run(t, &filters.IRC{}, []filtertest.Case{
			{Name: c.name, Stream: c.line + "\r\n", Items: []any{&c.want}},
			{Name: c.name + ", LF", Stream: "\r\n" + c.line + "\n\n", Items: []any{&c.want}},
		})
		if c.put == "" {
			c.put = c.line
		}
		if got := put(t, &filters.IRC{}, &c.want); got != c.put+"\r\n" {
			t.Errorf("%s: put gave %q, want %q", c.name, got, c.put+"\r\n")
		}
	}
}

func TestIRCFailures(t *testing.T) {
	ping := &filters.IRCMessage{Command: "PING", Raw: "PING"}
	filtertest.Run(t, &filters.IRC{Limits: filters.Limits{MaxLength: 20}}, []filtertest.Case{
		{Name: "no command", Stream: ":ann\r\n@a=b\r\n@a=b :ann \r\n \r\nPING\r\n", Items: []any{bad, bad, bad, bad, ping}},
		{Name: "a zero byte", Stream: "PING \x00\r\nPING\r\n", Items: []any{bad, ping}},
		{Name: "a CR within", Stream: "PING \rQUIT\r\nPING\r\n", Items: []any{bad, ping}},
		{Name: "a line beyond the maximum", Stream: "PRIVMSG x :" + strings.Repeat("y", 20) + "\r\nPING\r\n", Items: []any{overLength, ping}},
	})
}

func TestIRCPutsStringsAndParts(t *testing.T) {
	f := &filters.IRC{}
	got := put(t, f, "NICK ann", &filters.IRCMessage{Nick: "ann", User: "a", Host: "h", Command: "QUIT", Params: []string{"bye bye"}, Raw: "not this"})
	if want := "NICK ann\r\n:ann!a@h QUIT :bye bye\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	f.From = func(item any) (any, error) { return "PING", nil }
	if got := put(t, f.Clone(), 1); got != "PING\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestIRCRefusesInjection(t *testing.T) {
	type msg = filters.IRCMessage
	for _, c := range []struct {
		name string
		item any
		path string
	}{
		{"LF in a string", "PING\nQUIT", ""},
		{"CR in a string", "PING\rQUIT", ""},
		{"a zero byte in a string", "PING\x00", ""},
		{"no message", array{}, ""},
		{"LF in a parameter", &msg{Command: "PING", Params: []string{"a", "b\nQUIT"}}, "params[2]"},
		{"a zero byte in a parameter", &msg{Command: "PING", Params: []string{"\x00"}}, "params[1]"},
		{"a space in a parameter that is not the last", &msg{Command: "PING", Params: []string{"a b", "c"}}, "params[1]"},
		{"an empty one that is not the last", &msg{Command: "PING", Params: []string{"", "c"}}, "params[1]"},
		{"a colon before one that is not the last", &msg{Command: "PING", Params: []string{":a", "c"}}, "params[1]"},
		{"CR in the prefix", &msg{Prefix: "a\rb", Command: "PING"}, "prefix"},
		{"a space in the nick", &msg{Nick: "a b", Command: "PING"}, "prefix"},
		{"no command", &msg{Params: []string{"x"}}, "command"},
		{"a space in the command", &msg{Command: "PING x"}, "command"},
		{"a colon before the command", &msg{Command: ":PING"}, "command"},
		{"tags before the command", &msg{Command: "@a=b"}, "command"},
		{"a space in a tag's name", &msg{Tags: dict{{"a b", ""}}, Command: "PING"}, "tags"},
		{"a tag's name that is none", &msg{Tags: dict{{1.0, ""}}, Command: "PING"}, "tags"},
		{"a zero byte in a tag", &msg{Tags: dict{{"a", "\x00"}}, Command: "PING"}, "tags.a"},
	} {
		if bad := refuses(t, &filters.IRC{}, c.item); bad.Path != c.path {
			t.Errorf("%s: path %q, want %q", c.name, bad.Path, c.path)
		}
	}
}

func FuzzIRC(f *testing.F) {
	f.Add("@a=b\\:;c :n!u@h CMD a  b :c d\r\n", "CMD", "x y")
	f.Fuzz(func(t *testing.T, stream, command, param string) {
		filtertest.Case{Filter: &filters.IRC{Limits: filters.Limits{MaxLength: 80}}, Stream: stream}.Invariant(t)
		filter := &filters.IRC{}
		out, err := filter.Put(nil, &filters.IRCMessage{Command: command, Params: []string{param}, Tags: dict{{"t", param}}})
		if err != nil {
			return
		}
		got := feed(t, filter, string(out))
		m, ok := got[0].(*filters.IRCMessage)
		if len(got) != 1 || !ok || m.Command != command || m.Params[0] != param || m.Tags[0].Value != any(param) {
			t.Fatalf("%q: got %#v", out, got)
		}
	})
}
