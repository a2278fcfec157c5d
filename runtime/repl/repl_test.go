package repl_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

// watchdog ends a run that should have ended by itself.
const watchdog = time.Minute

// bench is a runtime, a prompt on it, and what both wrote.
type bench struct {
	*runtime.Runtime
	t      testing.TB
	p      *repl.Prompt
	stdout bytes.Buffer
	shown  strings.Builder
	states []repl.State
}

func newBench(t testing.TB, o runtime.Options, c repl.Config) *bench {
	t.Helper()
	b := &bench{t: t}
	if o.Stdout == nil {
		o.Stdout = &b.stdout
	}
	if o.Stderr == nil {
		o.Stderr = &b.stdout
	}
	if o.Clock == "" {
		o.Clock = "simulated"
	}
	rt, err := runtime.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Runtime = rt
	t.Cleanup(func() { rt.Close() })
	c.Out = func(text string) { b.shown.WriteString(text) }
	c.Done = func(s repl.State) { b.states = append(b.states, s) }
	if b.p, err = rt.Prompt(c); err != nil {
		t.Fatal(err)
	}
	return b
}

// types types lines one after the other and gives what they showed.
func (b *bench) types(lines ...string) string {
	b.t.Helper()
	b.shown.Reset()
	for _, line := range lines {
		n := len(b.states)
		b.p.Line(line)
		if len(b.states) != n+1 {
			b.t.Fatalf("%q: Done was called %d times", line, len(b.states)-n)
		}
	}
	return b.shown.String()
}

// until lets the program go on until something is so.
func (b *bench) until(so func() bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	if err := b.Kernel().RunWhile(ctx, func() bool { return !so() }); err != nil {
		b.t.Fatal(err)
	}
}

// untilShown is until for a text that the prompt shows.
func (b *bench) untilShown(text string) {
	b.t.Helper()
	b.until(func() bool { return strings.Contains(b.shown.String(), text) })
}

func (b *bench) do(source string) {
	b.t.Helper()
	if err := b.DoString("test", source); err != nil {
		b.t.Fatal(err)
	}
}

// exchange is what is typed and what it shows.
type exchange struct{ typed, want string }

func (b *bench) exchange(all []exchange) {
	b.t.Helper()
	for _, e := range all {
		if got := b.types(strings.Split(e.typed, "\n")...); got != e.want {
			b.t.Errorf("%s\ngot  %q\nwant %q", e.typed, got, e.want)
		}
	}
}
