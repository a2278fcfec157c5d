package main

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/poelua/poelua/runtime"
)

// The help on a class names each of its methods. What methods there are is asked of the library itself.
func TestHelpNamesEveryMethod(t *testing.T) {
	for _, c := range []struct{ topic, list string }{
		{"kernel", `for name in pairs(poe.kernel) do print("kernel:" .. name) end`},
		{"kernel", `for name in pairs(poe) do print("poe." .. name) end`},
		{"session", `for name in pairs(poe.Session) do
			local before = name == "create" and "poe.Session." or name == "instantiate" and "class:" or "session:"
			print(before .. name) end`},
		{"nfa", `for name in pairs(poe.NFA) do
			local as_sessions = poe.Session[name] and name ~= "get_heap"
			print(as_sessions and name or (name == "spawn" and "poe.NFA." or "machine:") .. name) end`},
		{"handle", `for _, name in ipairs { ` + quoted(handleMethods) + ` } do
			assert(poe.pipe.OneWay.new()[name], name) print("handle:" .. name) end
			for name in pairs(poe.pipe) do print("poe.pipe." .. name .. ".new") end
			for _, class in ipairs { "Handle", "socket", "pty", "serial" } do
				for name in pairs(poe[class]) do print("poe." .. class .. "." .. name) end
			end
			for name in pairs(poe.driver) do print("poe.driver." .. name .. ".new") end
			for _, name in ipairs { ` + quoted(driverMethods) + ` } do
				assert(poe.driver.SysRW.new()[name], name) print("driver:" .. name) end`},
		{"filter", `for name, class in pairs(poe.filter) do
				print(name)
				for method in pairs(class) do if method ~= "new" then print("filter:" .. method) end end
				for method in pairs(getmetatable(class).__index) do print("filter:" .. method) end
			end
			print("poe.Filter.is")
			local request = poe.filter.HTTPD.new():get("GET / HTTP/1.0\r\n\r\n")[1]
			for _, name in ipairs { "header", "header_all", "fields" } do assert(request[name]) print("message:" .. name) end
			for _, name in ipairs { "cookies", "query_params", "form" } do assert(request[name]) print("request:" .. name) end
			for name in pairs(request:fields()) do print(name) end
			local client = poe.filter.HTTPClient.new()
			client:put { { url = "http://h/" } }
			for name in pairs(client:get("HTTP/1.0 204 None\r\n\r\n")[1]:fields()) do print(name) end`},
		{"peek", `for name in pairs(poe.peek) do print("poe.peek." .. name) end`},
		{"tls", `for name in pairs(poe.tls) do print("poe.tls." .. name) end`},
		{"wheel", `for name in pairs(poe.wheel) do print("poe.wheel." .. name) end`},
		{"wheel", aWheelOfEach + `for _, name in ipairs { ` + quoted(wheelMethods) + ` } do
			local have = false
			for _, wheel in pairs(wheels) do have = have or wheel[name] end
			assert(have, name) print("wheel:" .. name) end end)`},
	} {
		text := topicText(t, c.topic)
		for _, name := range scriptLines(t, `local poe = require "poe" `+c.list) {
			if !regexp.MustCompile(regexp.QuoteMeta(name) + `\b`).MatchString(text) {
				t.Errorf("help %s does not name %s", c.topic, name)
			}
		}
	}
}

// What methods objects have cannot be asked of them, so these lists say it. That nothing is missing in the help follows from
// them, and that nothing is missing in them from TestHelpNamesNothingElse.
var (
	handleMethods = []string{
		"accept", "close", "discard", "drain", "dup", "fd", "inherit", "is_open", "isatty", "kind", "make_raw", "modem_lines", "option",
		"peer_credentials", "peername", "pty_name", "read", "recv", "recv_handle", "restore", "seek", "send", "send_break", "send_handle",
		"shutdown", "sockname", "start_tls", "stat", "sync", "tell", "termios", "tls_info", "truncate", "winsize", "write",
	}
	driverMethods = []string{
		"flush", "get", "get_out_messages_buffered", "get_out_messages_left", "get_out_octets_left", "put",
	}
	wheelMethods = []string{
		"close_after_flush", "destroy", "detach", "event", "flush", "get_driver_out_messages", "get_driver_out_octets", "get_handle",
		"get_input_filter", "get_input_handle", "get_output_filter", "get_output_handle", "getsockname", "id", "is_alive", "owner",
		"pause_accept", "pause_input", "put", "resume_accept", "resume_input", "set_filter", "set_high_mark", "set_input_filter",
		"set_low_mark", "set_output_filter", "shutdown_input", "shutdown_output", "start_tls",
	}
)

// aWheelOfEach is the beginning of a script that has wheels, by the names of their classes. What follows ends with "end)".
const aWheelOfEach = `
	local function with(f)
		local none = function() end
		poe.Session.create { inline_states = { _start = function(ctx)
			local wheels = {
				ReadWrite = poe.wheel.ReadWrite.new { handle = poe.pipe.TwoWay.new() },
				SocketFactory = poe.wheel.SocketFactory.new { bind_address = "127.0.0.1", success_event = none, failure_event = none },
				ListenAccept = poe.wheel.ListenAccept.new { handle = poe.socket.listen {}, accept_event = none },
				Datagram = poe.wheel.Datagram.new { bind_address = "127.0.0.1" },
			}
			for name in pairs(poe.wheel) do assert(wheels[name], name) end
			f(wheels)
			for _, wheel in pairs(wheels) do wheel:destroy() end
		end } }
	end
	with(function(wheels) `

// quoted is a list of strings as Lua reads them.
func quoted(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }

// And the other way round: what the help names is there, in objects that are called so throughout the help.
func TestHelpNamesNothingElse(t *testing.T) {
	for object, script := range map[string]string{
		"kernel": `for _, name in ipairs(names) do if not poe.kernel[name] then print(name) end end`,
		"session": `local s = poe.Session.create { inline_states = { _start = function() end } }
			for _, name in ipairs(names) do if not s[name] then print(name) end end`,
		"machine": `local m = poe.NFA.spawn { inline_states = {} }
			for _, name in ipairs(names) do if not m[name] then print(name) end end`,
		"handle": `local h = poe.pipe.OneWay.new() for _, name in ipairs(names) do if not h[name] then print(name) end end`,
		"driver": `local d = poe.driver.SysRW.new() for _, name in ipairs(names) do if not d[name] then print(name) end end`,
		"trace": `local trace = poe.peek.trace("*", print)
			for _, name in ipairs(names) do if not trace[name] then print(name) end end trace:stop()`,
		"filter": `for _, name in ipairs(names) do
			local have = false
			for _, class in pairs(poe.filter) do have = have or class[name] end
			if not have then print(name) end end`,
		"wheel": aWheelOfEach + `for _, name in ipairs(names) do
			local have = false
			for _, wheel in pairs(wheels) do have = have or wheel[name] end
			if not have then print(name) end end end)`,
	} {
		in := map[string]string{} // the topic, by the name that is in it
		for _, topic := range topicNames() {
			for _, found := range regexp.MustCompile(`\b`+object+`:(\w+)`).FindAllStringSubmatch(topicText(t, topic), -1) {
				in[found[1]] = topic
			}
		}
		names := slices.Sorted(maps.Keys(in))
		for _, name := range scriptLines(t, `local poe = require "poe" local names = { `+quoted(names)+` } `+script) {
			if name != "" {
				t.Errorf("help %s names %s:%s, which there is not", in[name], object, name)
			}
		}
	}
}

func TestHelpFitsInto100Columns(t *testing.T) {
	for _, topic := range topicNames() {
		for i, line := range strings.Split(topicText(t, topic), "\n") {
			if n := utf8.RuneCountInString(line); n > 100 {
				t.Errorf("help %s: line %d has %d columns", topic, i+1, n)
			}
		}
	}
}

// Examples in the help are programs that pass.
func TestHelpExamplesRun(t *testing.T) {
	for topic, want := range map[string]string{
		"session": "half a second later",
		"nfa":     "open: push",
		"peek":    "alias clock",
		"handle":  "hello",
		"tls":     "hello",
		"filter":  "one\ntwo\nthree",
		"wheel":   "good morning",
	} {
		var program []string
		for line := range strings.Lines(topicText(t, topic)) {
			if code, ok := strings.CutPrefix(line, "    "); ok {
				program = append(program, code)
			} else if len(program) > 0 && strings.TrimSpace(line) != "" {
				break
			}
		}
		if got := strings.Join(scriptLines(t, strings.Join(program, "")), "\n"); got != want {
			t.Errorf("the example of help %s prints %q, want %q", topic, got, want)
		}
	}
}

func topicText(t *testing.T, topic string) string {
	t.Helper()
	text, err := topics.ReadFile("help/" + topic + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// scriptLines are the lines that a script prints.
func scriptLines(t *testing.T, source string) []string {
	t.Helper()
	var out bytes.Buffer
	rt, err := runtime.New(runtime.Options{Stdout: &out, Idle: true})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	if err := rt.DoString("script", source); err != nil {
		t.Fatal(err)
	}
	if err := rt.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}
