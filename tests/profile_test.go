package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// ways are ways for a program to end, as statements of a handler, with the status.
var ways = []struct {
	name, how string
	status    int
}{
	{"the end", ``, 0},
	{"an error", `error("boom")`, 1},
	{"os.exit", `os.exit(3)`, 3},
	{"a signal", `ctx.kernel:delay("hour", 3600) os.execute("kill -TERM " .. poe.pid())`, 143},
}

// busy is a program that spends a while in a function, in a handler's library call and in a handler alone.
const busy = `local poe = require "poe"
local function work(n) local x = 0 for i = 1, n do x = x + i % 7 end return x end
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("worker") end,
  crunch = function() for i = 1, 20 do work(200000) end end } }
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("main") ctx.kernel:yield("go") end,
  go = function(ctx) ctx.kernel:call("worker", "crunch") END end } }`

func TestProfileShowsFunctionsEventsAndSessions(t *testing.T) {
	for _, c := range ways {
		t.Run("after "+c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "p.pprof")
			r := runPoelua(t, "--profile", out, scriptFile(t, strings.Replace(busy, "END", c.how, 1)))
			if r.status != c.status {
				t.Fatalf("got status %d, want %d\n%s", r.status, c.status, r.stderr)
			}
			f, err := os.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p, err := profile.Parse(f)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"work script.lua:2", "function script.lua:5", "event crunch", "session worker", "call (Go)",
				"function script.lua:8", "event go", "session main"}
			if !slices.ContainsFunc(p.Sample, func(s *profile.Sample) bool {
				return slices.Equal(stackOf(s), want) && s.HasLabel("session", "worker") && s.HasLabel("event", "crunch")
			}) {
				for _, s := range p.Sample {
					t.Log(stackOf(s), s.Value)
				}
				t.Errorf("no sample has the stack %q", want)
			}
		})
	}
}

// profileOf runs a program with a profile and reads it.
func profileOf(t testing.TB, source string) *profile.Profile {
	t.Helper()
	out := filepath.Join(t.TempDir(), "p.pprof")
	runPoelua(t, "--profile", out, scriptFile(t, source)).want(t, 0, "")
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// That waiting is left out is told by real time. The bound is far from what is seen.
func TestProfileLeavesWaitingOut(t *testing.T) {
	p := profileOf(t, `local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:delay("over", 1) end, over = function() end } }`)
	var samples int64
	for _, s := range p.Sample {
		samples += s.Value[0]
	}
	if samples > 60 {
		t.Errorf("got %d samples of 10 ms for a program that waits a second", samples)
	}
}

func TestProfileShowsTheInnermostOfManyCalls(t *testing.T) {
	p := profileOf(t, `local function down(n)
  if n > 0 then return 1 + down(n - 1) end
  local t = os.clock()
  while os.clock() - t < 0.2 do end
  return 0
end
down(5000)`)
	if !slices.ContainsFunc(p.Sample, func(s *profile.Sample) bool {
		names := stackOf(s)
		return len(names) == 250 && slices.Contains(names[:3], "down script.lua:1") && names[249] == "(more calls)"
	}) {
		for _, s := range p.Sample {
			t.Log(len(s.Location), stackOf(s)[:min(3, len(s.Location))], s.Value)
		}
		t.Error("no sample has 250 calls, the last of which stands for others")
	}
}

// stackOf names the functions of a sample, innermost first.
func stackOf(s *profile.Sample) (names []string) {
	for _, at := range s.Location {
		names = append(names, at.Line[0].Function.Name)
	}
	return names
}

func TestProfileAndTraceFilesThatCannotBeMadeAreErrorsBeforeTheScriptRuns(t *testing.T) {
	for _, option := range []string{"--profile", "--trace-file"} {
		r := runPoelua(t, option, filepath.Join(t.TempDir(), "absent", "x.json"), "-e", `print("ran")`)
		r.want(t, 1, "")
		r.wantStderr(t, "poelua: open ", "no such file")
	}
}

func TestProfileOnAFullDiskIsAnError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	for _, c := range []struct {
		source string
		status int
	}{{`print("ran")`, 1}, {`print("ran") os.exit(3)`, 3}} {
		r := runPoelua(t, "--profile", "/dev/full", "-e", c.source)
		r.want(t, c.status, "ran\n")
		r.wantStderr(t, "poelua: profile: ", "no space left")
	}
}

func TestTraceFileIsJSONOnEveryWayOut(t *testing.T) {
	for _, c := range ways {
		t.Run("after "+c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "t.json")
			r := runPoelua(t, "--trace-file", out, scriptFile(t, strings.Replace(busy, "END", c.how, 1)))
			if r.status != c.status {
				t.Fatalf("got status %d, want %d\n%s", r.status, c.status, r.stderr)
			}
			text, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var events []struct {
				Name, Cat, Ph string
				Tid           int
				Ts, Dur       float64
			}
			if err := json.Unmarshal(text, &events); err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			spans := map[string][2]float64{}
			for _, e := range events {
				if e.Ph == "X" {
					spans[e.Cat+" "+e.Name] = [2]float64{e.Ts, e.Ts + e.Dur}
				}
			}
			outer, inner := spans["post go"], spans["call crunch"]
			if inner[1] <= inner[0] || inner[0] < outer[0] || inner[1] > outer[1]+0.001 {
				t.Errorf("the call is from %v, the handler that makes it from %v", inner, outer)
			}
		})
	}
}
