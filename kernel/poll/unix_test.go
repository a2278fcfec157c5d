//go:build unix

package poll_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel/poll"
	"github.com/poelua/poelua/kernel/poll/polltest"
	"golang.org/x/sys/unix"
)

func TestPollers(t *testing.T) {
	for _, name := range poll.Names() {
		t.Run(name, func(t *testing.T) {
			polltest.Run(t, func() (poll.Poller, error) { return poll.New(name) })
		})
	}
}

// open gives a poller that watches the reading ends of count empty pipes.
func open(b *testing.B, name string, count int) poll.Poller {
	p, err := poll.New(name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	for range count {
		var ends [2]int
		if err := unix.Pipe(ends[:]); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
		if err := p.Watch(ends[0], poll.Read); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

func BenchmarkLook(b *testing.B) {
	for _, name := range poll.Names() {
		for _, count := range []int{0, 1, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, count), func(b *testing.B) {
				p := open(b, name, count)
				var ready []poll.Ready
				b.ReportAllocs()
				for b.Loop() {
					ready, _ = p.Wait(0, ready[:0])
				}
			})
		}
	}
}

// BenchmarkTimeout shows by how much a wait of 1.2 ms oversleeps.
func BenchmarkTimeout(b *testing.B) {
	const timeout = 1200 * time.Microsecond
	for _, name := range poll.Names() {
		b.Run(name, func(b *testing.B) {
			p := open(b, name, 1)
			for b.Loop() {
				p.Wait(timeout, nil)
			}
			b.ReportMetric(float64(b.Elapsed()/time.Duration(b.N)-timeout), "ns-late/op")
		})
	}
}

func BenchmarkWake(b *testing.B) {
	for _, name := range poll.Names() {
		b.Run(name+"/again", func(b *testing.B) { // a wake is pending already
			p := open(b, name, 1)
			for b.Loop() {
				p.Wake()
			}
		})
		b.Run(name+"/wait", func(b *testing.B) { // with the wait that it ends
			p := open(b, name, 1)
			for b.Loop() {
				p.Wake()
				p.Wait(-1, nil)
			}
		})
	}
}
