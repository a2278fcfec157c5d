package profile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
	"github.com/poelua/poelua/runtime/profile"
)

// event is one of Chrome's.
type event struct {
	Name, Cat, Ph string
	ID            int64
	Tid           uint64
	Ts, Dur       float64
	Args          map[string]any
}

// traced runs sessions under a trace and gives what it wrote.
func traced(t *testing.T, start func(k *kernel.Kernel)) []event {
	t.Helper()
	var out bytes.Buffer
	kerneltest.Run(t, func(k *kernel.Kernel) {
		trace := profile.NewTrace(profile.TraceConfig{
			Kernel: k,
			Format: func(v any) string { return fmt.Sprint(v) },
			Failed: func(err error) { t.Error(err) },
		}, &out)
		t.Cleanup(trace.Close) // again
		start(k)
		if err := kerneltest.Finish(t, k); err != nil {
			t.Error(err)
		}
		trace.Close()
	})
	return parse(t, out.Bytes())
}

func parse(t *testing.T, text []byte) (events []event) {
	t.Helper()
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return events
}

func find(events []event, phase, name string) (found []event) {
	for _, e := range events {
		if e.Ph == phase && (name == "" || e.Name == name) {
			found = append(found, e)
		}
	}
	return found
}

func TestTraceHasASliceForEachDispatchAndAnArrowForEachPost(t *testing.T) {
	events := traced(t, func(k *kernel.Kernel) {
		k.Spawn(kernel.Session{Alias: "bot", States: map[string]kernel.Handler{
			"tick": func(c *kernel.Context, args ...any) any { return nil },
		}})
		k.Spawn(kernel.Session{
			Start: func(c *kernel.Context) any { c.Post("bot", "tick", "x", 1, nil); return nil },
		})
	})
	slices := find(events, "X", "tick")
	if len(slices) != 1 || slices[0].Tid != 1 || slices[0].Cat != "post" || slices[0].Args["from"] != "session 2" {
		t.Fatalf("got %+v", slices)
	}
	if got := fmt.Sprint(slices[0].Args["arguments"]); got != "[x 1 <nil>]" {
		t.Errorf("got the arguments %s", got)
	}
	from, to := find(events, "s", ""), find(events, "f", "")
	if len(from) != 1 || len(to) != 1 || from[0].ID != to[0].ID || from[0].Tid != 2 || to[0].Tid != 1 {
		t.Errorf("got the arrows %+v and %+v", from, to)
	}
	names := map[any]bool{}
	for _, e := range find(events, "M", "thread_name") {
		names[e.Args["name"]] = true
	}
	if !names["session 1 (bot)"] || !names["session 2"] {
		t.Errorf("got the tracks %v", names)
	}
}

func TestTraceIsJSONWhateverNamesAndArgumentsAre(t *testing.T) {
	bad := "\"\\\n\x00\x7f\xff\u2028" + strings.Repeat("long", 10_000)
	events := traced(t, func(k *kernel.Kernel) {
		k.Spawn(kernel.Session{Alias: bad, States: map[string]kernel.Handler{
			bad: func(c *kernel.Context, args ...any) any { panic(bad) },
		}, Start: func(c *kernel.Context) any {
			c.Kernel.SetOption("isolate", true)
			c.Yield(bad, bad, math.NaN(), true, 1, 2, 3, 4, 5, 6)
			return nil
		}})
	})
	slices := find(events, "X", "")
	failed := 0
	for _, e := range slices {
		if e.Args["error"] != nil {
			failed++
		}
		if args, ok := e.Args["arguments"].([]any); ok && len(args) > 7 {
			t.Errorf("got %d arguments", len(args))
		}
	}
	if failed != 1 {
		t.Errorf("got %d errors among %+v", failed, slices)
	}
}

func TestTraceGivesFewSessionsATrackOfTheirOwn(t *testing.T) {
	events := traced(t, func(k *kernel.Kernel) {
		for range 1500 {
			k.Spawn(kernel.Session{Start: func(c *kernel.Context) any { return nil }})
		}
	})
	tracks := map[uint64]bool{}
	for _, e := range find(events, "X", "") {
		tracks[e.Tid] = true
	}
	if len(tracks) > 1001 || len(tracks) < 900 {
		t.Errorf("got %d tracks", len(tracks))
	}
}

func TestTraceEndsDispatchesThatAreInProgress(t *testing.T) {
	var out bytes.Buffer
	kerneltest.Run(t, func(k *kernel.Kernel) {
		trace := profile.NewTrace(profile.TraceConfig{Kernel: k, Failed: func(err error) { t.Error(err) }}, &out)
		k.Spawn(kernel.Session{States: map[string]kernel.Handler{
			"exit": func(c *kernel.Context, args ...any) any { trace.Close(); return nil },
		}, Start: func(c *kernel.Context) any { c.Yield("exit"); return nil }})
		if err := kerneltest.Finish(t, k); err != nil {
			t.Error(err)
		}
	})
	if got := find(parse(t, out.Bytes()), "X", "exit"); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
}

// full is a disk that is.
type full struct{ writes int }

func (f *full) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("no space left")
}

func TestTraceTellsOnceOfAFullDisk(t *testing.T) {
	told, disk := 0, &full{}
	kerneltest.Run(t, func(k *kernel.Kernel) {
		trace := profile.NewTrace(profile.TraceConfig{Kernel: k, Failed: func(error) { told++ }}, disk)
		n := 0
		k.Spawn(kernel.Session{States: map[string]kernel.Handler{
			"tick": func(c *kernel.Context, args ...any) any {
				if n++; n < 2000 {
					c.Yield("tick")
				}
				return nil
			},
		}, Start: func(c *kernel.Context) any { c.Yield("tick"); return nil }})
		if err := kerneltest.Finish(t, k); err != nil {
			t.Error(err)
		}
		trace.Close()
		if n != 2000 {
			t.Errorf("the program ended after %d events", n)
		}
	})
	if told != 1 || disk.writes != 1 {
		t.Errorf("told %d times, after %d writes", told, disk.writes)
	}
}
