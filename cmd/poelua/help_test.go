package main

import (
	"bytes"
	"regexp"
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
		{"handle", `for _, name in ipairs { "read", "write", "close", "is_open", "fd", "kind" } do
			assert(poe.pipe.OneWay.new()[name]) print("handle:" .. name) end
			for name in pairs(poe.pipe) do print("poe.pipe." .. name .. ".new") end
			for name in pairs(poe.Handle) do print("poe.Handle." .. name) end`},
	} {
		text := topicText(t, c.topic)
		for _, name := range scriptLines(t, `local poe = require "poe" `+c.list) {
			if !regexp.MustCompile(regexp.QuoteMeta(name) + `\b`).MatchString(text) {
				t.Errorf("help %s does not name %s", c.topic, name)
			}
		}
	}
}

// And the other way round: what the help names is there.
func TestHelpNamesNothingElse(t *testing.T) {
	there := map[string]bool{}
	for _, name := range scriptLines(t, `for name in pairs(require("poe").kernel) do print(name) end`) {
		there[name] = true
	}
	for _, topic := range topicNames() {
		for _, found := range regexp.MustCompile(`kernel:(\w+)`).FindAllStringSubmatch(topicText(t, topic), -1) {
			if !there[found[1]] {
				t.Errorf("help %s names kernel:%s, which there is not", topic, found[1])
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
	for _, topic := range []string{"session", "handle"} {
		var program []string
		for line := range strings.Lines(topicText(t, topic)) {
			if code, ok := strings.CutPrefix(line, "    "); ok {
				program = append(program, code)
			} else if len(program) > 0 && strings.TrimSpace(line) != "" {
				break
			}
		}
		want := map[string]string{"session": "half a second later", "handle": "hello"}[topic]
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
