package wheels_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/kernel/kerneltest"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// bench is a kernel on the real clock, with what wheels need.
type bench struct {
	t   testing.TB
	k   *kernel.Kernel
	env *wheels.Env
	log kerneltest.Log
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, k: kernel.New(kernel.Options{})}
	b.k.SetAssert(kernel.AssertData)
	h := host.New()
	b.env = &wheels.Env{Kernel: b.k, Host: h, Spare: &handle.Spare{}, Close: func(h *handle.Handle) error {
		b.k.CloseWatched(h.FD())
		return h.Close()
	}}
	t.Cleanup(func() {
		if err := b.k.Close(); err != nil {
			t.Error(err)
		}
		if n := h.Handles(); n != 0 {
			t.Errorf("%d handles are left open", n)
		}
	})
	return b
}

// run runs the kernel until all sessions have stopped.
func (b *bench) run() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.k.Run(ctx); err != nil {
		var dump strings.Builder
		b.k.Dump(&dump)
		b.t.Fatalf("%v; so far %q\n%s", err, b.log, dump.String())
	}
}

// spawn makes a session whose handlers log their events; start is called as it starts.
func (b *bench) spawn(start func(c *kernel.Context), more map[string]kernel.Handler) {
	states := map[string]kernel.Handler{"_stop": func(*kernel.Context, ...any) any { return nil }, "_default": func(c *kernel.Context, args ...any) any {
		b.log.Add("%s", strings.TrimSpace(fmt.Sprintln(append([]any{args[0]}, args[1].([]any)...)...)))
		return nil
	}}
	for name, h := range more {
		states[name] = h
	}
	if _, err := b.k.Spawn(kernel.Session{Start: func(c *kernel.Context) any { start(c); return nil }, States: states}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) pair() (x, y *handle.Handle) {
	b.t.Helper()
	x1, _, y1, _, err := b.env.Host.PipePair("socketpair")
	if err != nil {
		b.t.Fatal(err)
	}
	return handle.New(x1), handle.New(y1)
}

func names() *wheels.ReadWriteEvents {
	return &wheels.ReadWriteEvents{
		Input: wheels.Event{Name: "input"}, Error: wheels.Event{Name: "error"}, Flushed: wheels.Event{Name: "flushed"},
		High: wheels.Event{Name: "high"}, Low: wheels.Event{Name: "low"},
	}
}

// wheel makes a wheel on one handle for the active session.
func (b *bench) wheel(h *handle.Handle, change ...func(c *wheels.ReadWriteConfig)) *wheels.ReadWrite {
	b.t.Helper()
	line := &filters.Line{}
	c := wheels.ReadWriteConfig{
		Config: wheels.Config{Env: b.env, Owner: b.k.Active()},
		Input:  h, Output: h, InputFilter: line, OutputFilter: line, Events: names(),
	}
	for _, f := range change {
		f(&c)
	}
	w, err := wheels.NewReadWrite(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return w
}

func TestReadWriteCarriesLinesBothWays(t *testing.T) {
	b := newBench(t)
	x, y := b.pair()
	var client, server *wheels.ReadWrite
	b.spawn(func(c *kernel.Context) {
		server = b.wheel(x)
	}, map[string]kernel.Handler{"input": func(c *kernel.Context, args ...any) any {
		b.log.Add("server got %v", args[0])
		if _, err := server.Put("echo " + args[0].(string)); err != nil {
			t.Error(err)
		}
		return nil
	}})
	b.spawn(func(c *kernel.Context) {
		client = b.wheel(y, func(c *wheels.ReadWriteConfig) {
			c.Events = &wheels.ReadWriteEvents{Input: wheels.Event{Name: "input"}}
		})
		if _, err := client.Put("one", "two"); err != nil {
			t.Error(err)
		}
	}, map[string]kernel.Handler{"input": func(c *kernel.Context, args ...any) any {
		b.log.Add("client got %v", args[0])
		if args[0] == "echo two" {
			client.Destroy()
		}
		return nil
	}})
	b.run()
	b.log.Want(t, "server got one", "server got two", "flushed 1", "client got echo one", "client got echo two", "error read 0  1")
}
