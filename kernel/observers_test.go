package kernel

import "testing"

// A task whose observers have ended in the function of another's is forgotten with its end.
func TestObserversThatEndedKeepNoTaskThatHasStopped(t *testing.T) {
	k := New(Options{})
	defer k.Close()
	var other *Task
	handler := map[string]Handler{"go": func(c *Context, args ...any) any { return nil }}
	start := func(c *Context) any { c.Yield("go"); return nil }
	k.Spawn(Session{Start: start, States: handler})
	k.Spawn(Session{Start: func(c *Context) any { other = c.Task; return start(c) }, States: handler})
	o := k.Observe(RecordReturn, other, func(*Record) {})
	var all *Observer
	all = k.Observe(RecordReturn, nil, func(*Record) {
		o.Stop()
		all.Stop()
	})
	if err := k.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(k.recorder.tasks); n != 0 {
		t.Errorf("%d tasks are kept", n)
	}
}
