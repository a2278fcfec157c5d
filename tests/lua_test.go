// Package tests drives what is checked from outside: the Lua conformance cases under tests/lua.
package tests

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poelua/poelua/runtime"
)

// watchdog is how long one case may take.
const watchdog = 30 * time.Second

// TestLua runs every case of every file under tests/lua, each in a runtime of its own.
func TestLua(t *testing.T) {
	for _, path := range luaFiles(t) {
		t.Run(filepath.ToSlash(path), func(t *testing.T) {
			for _, c := range listCases(t, path) {
				t.Run(c.name, func(t *testing.T) { c.run(t, path) })
			}
		})
	}
}

func luaFiles(t *testing.T) []string {
	var paths []string
	err := filepath.WalkDir("lua", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".lua" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// luaCase is one entry of require("poe.test").names().
type luaCase struct {
	name, clock, skip string
	env               []string // NAME=value; $TMP in a value is a folder of the case's own
	stderr, noStderr  []string // what the output must contain, and what it must not
}

// listSource prints the cases of the loaded file, a line "key<TAB>value" for each property, the name first.
const listSource = `
for _, case in ipairs(require("poe.test").names()) do
  print("name", case.name)
  print("clock", case.clock)
  if case.skip then print("skip", case.skip) end
  for name, value in pairs(case.env or {}) do print("env", name .. "=" .. value) end
  for _, key in ipairs{ "stderr", "no_stderr" } do
    local texts = case[key] or {}
    if type(texts) == "string" then texts = { texts } end
    for _, text in ipairs(texts) do print(key, text) end
  end
end`

func listCases(t *testing.T, path string) []luaCase {
	var out output
	if err := inRuntime(path, "simulated", listSource, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var cases []luaCase
	for line := range strings.Lines(out.String()) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if key == "name" {
			cases = append(cases, luaCase{name: value})
			continue
		}
		if len(cases) == 0 {
			t.Fatalf("output while loading: %q", line)
		}
		c := &cases[len(cases)-1]
		switch key {
		case "clock":
			c.clock = value
		case "skip":
			c.skip = value
		case "env":
			c.env = append(c.env, value)
		case "stderr":
			c.stderr = append(c.stderr, value)
		case "no_stderr":
			c.noStderr = append(c.noStderr, value)
		}
	}
	if len(cases) == 0 {
		t.Error("the file has no case")
	}
	return cases
}

func (c *luaCase) run(t *testing.T, path string) {
	if c.skip != "" {
		t.Skip(c.skip)
	}
	for _, pair := range c.env {
		name, value, _ := strings.Cut(pair, "=")
		if strings.Contains(value, "$TMP") {
			value = strings.ReplaceAll(value, "$TMP", t.TempDir())
		}
		t.Setenv(name, value)
	}

	var out output
	done := make(chan error, 1)
	go func() {
		done <- inRuntime(path, c.clock, fmt.Sprintf(`require("poe.test").run([==[%s]==])`, c.name), &out)
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%v%s", err, out.report())
		}
	case <-time.After(watchdog): // its goroutine is lost: nobody else may touch that runtime
		t.Fatalf("not finished after %v%s", watchdog, out.report())
	}
	c.judgeOutput(t, &out)
}

func (c *luaCase) judgeOutput(t *testing.T, out *output) {
	text := out.String()
	for _, want := range c.stderr {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q%s", want, out.report())
		}
	}
	for _, unwanted := range c.noStderr {
		if strings.Contains(text, unwanted) {
			t.Errorf("the output contains %q%s", unwanted, out.report())
		}
	}
}

// inRuntime loads a file and then runs a chunk in a new runtime. A panic comes back as an error.
func inRuntime(path, clock, source string, out *output) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	rt, err := runtime.New(runtime.Options{Clock: clock, Idle: true, Stdout: out, Stderr: out})
	if err != nil {
		return err
	}
	defer rt.Close()
	if err := rt.DoFile(path); err != nil {
		return err
	}
	return rt.DoString("case", source)
}

// output is what a case wrote so far. Safe from any goroutine, as the watchdog reads while the case writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// report is the output as the end of a failure message.
func (o *output) report() string {
	text := o.String()
	if text == "" {
		return ""
	}
	return "\noutput:\n" + text
}
