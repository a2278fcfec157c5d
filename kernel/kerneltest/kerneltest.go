// Package kerneltest runs kernels in virtual time, for tests: an hour's delay costs nothing, and nothing may be left at
// the end.
package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/poll"
)

// Start is what the wall clock of a kernel under test shows when it is made.
var Start = time.Date(2001, 9, 9, 1, 46, 40, 0, time.UTC)

// patience is how long a run may take that has an end. A test that meets it has failed: on the simulated clock, nothing
// that could still happen is worth waiting for.
const patience = 2 * time.Minute

// New makes a kernel in virtual time that sends IDLE and ZOMBIE and checks its tables after each iteration. change, if
// given, may replace options.
func New(t testing.TB, change ...func(o *kernel.Options)) *kernel.Kernel {
	t.Helper()
	clock := poll.NewSimulated(Start)
	o := kernel.Options{Poller: clock, Clock: clock, Idle: true, Log: logWriter{t}}
	for _, f := range change {
		f(&o)
	}
	k := kernel.New(o)
	k.SetAssert(kernel.AssertData)
	return k
}

// Run calls f, which makes sessions on a kernel as New makes it, and runs the kernel to its end. The test fails when the
// run does or never ends, and when a session, timer, alias, tag, watcher or queued event is left.
func Run(t testing.TB, f func(k *kernel.Kernel)) {
	t.Helper()
	signals := &Signals{}
	k := New(t, func(o *kernel.Options) { o.Signals = signals })
	f(k)
	if err := Finish(t, k); err != nil {
		t.Errorf("the run failed: %v", err)
	}
	Clean(t, k)
	if left := signals.Caught(); len(left) > 0 {
		t.Errorf("signals are still caught: %v", left)
	}
	if err := k.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Finish runs a kernel to its end and returns its error. The test fails when there is no end.
func Finish(t testing.TB, k *kernel.Kernel) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := k.Run(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the run has no end:\n%s", dump(k))
	}
	return err
}

// Clean fails the test when the kernel still has something after its run.
func Clean(t testing.TB, k *kernel.Kernel) {
	t.Helper()
	var handles int
	if _, err := fmt.Sscanf(dump(k), "%d sessions, %d events, %d handles", new(int), new(int), &handles); err != nil {
		t.Fatalf("dump: %v in %q", err, dump(k))
	}
	_, waits := k.NextEvent()
	if n := k.Sessions(); n > 0 || len(k.Root().Children()) > 0 {
		t.Errorf("%d sessions are left:\n%s", n, dump(k)) // their timers, aliases and tags are shown with them
	}
	if n := k.Events(); n != 0 || waits {
		t.Errorf("%d events are left:\n%s", n, dump(k))
	}
	if handles != 0 {
		t.Errorf("%d handles are still watched", handles)
	}
	if aliases := k.Root().Aliases(); len(aliases) > 0 {
		t.Errorf("the kernel still has the aliases %v", aliases)
	}
}

func dump(k *kernel.Kernel) string {
	var b strings.Builder
	k.Dump(&b)
	return b.String()
}

// logWriter writes a kernel's traces and reports to the test's log.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// Log is what happened, in order.
type Log []string

// Add notes one thing.
func (l *Log) Add(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

// Handler is a handler that notes the event's name and arguments, and returns nothing.
func (l *Log) Handler() kernel.Handler {
	return func(c *kernel.Context, args ...any) any {
		l.Add("%s", strings.TrimSpace(c.Event+" "+strings.TrimSuffix(fmt.Sprintln(args...), "\n")))
		return nil
	}
}

// Want fails the test unless exactly this happened.
func (l *Log) Want(t testing.TB, want ...string) {
	t.Helper()
	if !slices.Equal(*l, want) {
		t.Errorf("got  %q\nwant %q", *l, want)
	}
}

// Signals is a source of signals that only remembers which of them are to be caught.
type Signals struct {
	Log    Log
	caught map[string]bool
}

var _ kernel.SignalSource = (*Signals)(nil)

// Catch notes "catch NAME".
func (s *Signals) Catch(name string) error {
	s.Log.Add("catch %s", name)
	if s.caught == nil {
		s.caught = map[string]bool{}
	}
	s.caught[name] = true
	return nil
}

// Release notes "release NAME".
func (s *Signals) Release(name string) {
	s.Log.Add("release %s", name)
	delete(s.caught, name)
}

// Caught are the names that were caught and not released, sorted.
func (s *Signals) Caught() []string { return slices.Sorted(maps.Keys(s.caught)) }
