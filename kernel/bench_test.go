package kernel_test

import (
	"context"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
)

// looper posts to itself a number of times; the kernel's part of a yield, without Lua.
type looper struct {
	kernel.Task
	left int
}

func (r *looper) Receive(d *kernel.Dispatch) error {
	if r.left > 0 {
		r.left--
		r.Kernel().Yield("tick", kernel.Site{}, nil)
	}
	return nil
}

func BenchmarkYield(b *testing.B) {
	k := kernel.New(kernel.Options{Idle: true})
	r := &looper{left: b.N}
	k.Start(&r.Task, r, nil)
	b.ReportAllocs()
	b.ResetTimer()
	if err := k.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// poster posts to the next of a ring.
type poster struct {
	kernel.Task
	next *poster
	left *int
}

func (r *poster) Receive(d *kernel.Dispatch) error {
	if d.Event == "token" && *r.left > 0 {
		*r.left--
		return r.Kernel().Post(&r.next.Task, "token", kernel.Site{}, nil)
	}
	return nil
}

func BenchmarkRing(b *testing.B) {
	k := kernel.New(kernel.Options{Idle: true})
	left := b.N
	ring := make([]*poster, 100)
	for i := range ring {
		ring[i] = &poster{left: &left}
	}
	for i, r := range ring {
		r.next = ring[(i+1)%len(ring)]
		k.Start(&r.Task, r, nil)
		if _, err := k.Retain(&r.Task, "ring"); err != nil {
			b.Fatal(err)
		}
	}
	if err := k.Post(&ring[0].Task, "token", kernel.Site{}, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := k.RunWhile(context.Background(), func() bool { return left > 0 }); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	k.Stop()
}

// A million timers are pending while one is set and removed.
func BenchmarkTimerAmongAMillion(b *testing.B) {
	k := kernel.New(kernel.Options{})
	_, err := k.Spawn(kernel.Session{States: map[string]kernel.Handler{
		"set": func(c *kernel.Context, args ...any) any {
			for i := range 1_000_000 {
				c.DelaySet("fire", time.Hour+time.Duration(i*7919%1_000_000)*time.Millisecond)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				id := c.DelaySet("other", time.Hour+time.Duration(i*104729%1_000_000)*time.Millisecond)
				if _, err := c.RemoveTimer(id); err != nil {
					b.Error(err)
				}
			}
			b.StopTimer()
			c.Kernel.Stop()
			return nil
		},
	}, Start: func(c *kernel.Context) any { c.Yield("set"); return nil }})
	if err != nil {
		b.Fatal(err)
	}
	if err := k.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}
