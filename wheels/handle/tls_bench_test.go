package handle_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels/handle"
)

// bare is one way of an end, without the notes that tests take.
type bare struct {
	h     *handle.Handle
	ready func(h *handle.Handle)
}

func (b *bare) String() string     { return "an end" }
func (b *bare) Closed(kernel.Mode) {}
func (b *bare) Ready(kernel.Mode)  { b.ready(b.h) }

// onBoth runs a benchmark on a plain connection and on one with TLS. run gives what is called when each end can be read and
// written, and says when it is over.
func onBoth(b *testing.B, run func(b *testing.B, r *rig, client, server *handle.Handle)) {
	for _, name := range []string{"plain", "tls"} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b)
			x, y := r.pair("inet")
			if name == "tls" {
				client, server := configs(b)
				left := 2
				for h, o := range map[**handle.Handle]handle.TLS{&x: {Config: client}, &y: {Config: server, Side: handle.Server}} {
					secure, err := (*h).StartTLS(r.k, o)
					if err != nil {
						b.Fatal(err)
					}
					*h = secure
					secure.OnHandshake(func(err error) {
						if left--; err != nil {
							b.Fatal(err)
						}
					})
				}
				r.until("the handshake", func() bool { return left == 0 })
			}
			b.ReportAllocs()
			run(b, r, x, y)
			b.StopTimer()
			r.k.CloseWatched(x.FD())
			r.k.CloseWatched(y.FD())
			if err := errors.Join(x.Close(), y.Close()); err != nil {
				b.Error(err)
			}
		})
	}
}

func (r *rig) on(h *handle.Handle, m kernel.Mode, ready func(h *handle.Handle)) {
	r.t.Helper()
	e := &bare{h, ready}
	if err := errors.Join(r.k.Attach(h.FD(), m, e), r.k.Want(h.FD(), m, e, true)); err != nil {
		r.t.Fatal(err)
	}
}

// One direction, in writes of 64 KiB.
func BenchmarkTLSThroughput(b *testing.B) {
	onBoth(b, func(b *testing.B, r *rig, client, server *handle.Handle) {
		const block = 64 << 10
		buf, in := make([]byte, block), make([]byte, block)
		sent, got := 0, 0
		b.SetBytes(block)
		b.ResetTimer()
		r.on(client, kernel.Write, func(h *handle.Handle) {
			for sent < b.N*block {
				n, err := h.Write(buf[:min(block, b.N*block-sent)])
				if sent += n; err != nil {
					break
				}
			}
		})
		r.on(server, kernel.Read, func(h *handle.Handle) {
			n, err := h.Read(in)
			if got += n; err != nil && !errors.Is(err, syscall.EAGAIN) {
				b.Fatal(err)
			}
		})
		r.until("all", func() bool { return got >= b.N*block })
	})
}

// 100 bytes there and back.
func BenchmarkTLSRoundTrip(b *testing.B) {
	onBoth(b, func(b *testing.B, r *rig, client, server *handle.Handle) {
		in := make([]byte, 4096)
		trips := 0
		reply := func(h *handle.Handle) {
			n, err := h.Read(in)
			if errors.Is(err, syscall.EAGAIN) {
				return
			}
			if h == client {
				trips++
			}
			if _, err := h.Write(in[:n]); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		r.on(client, kernel.Read, reply)
		r.on(server, kernel.Read, reply)
		if _, err := client.Write(make([]byte, 100)); err != nil {
			b.Fatal(err)
		}
		r.until("all", func() bool { return trips >= b.N })
	})
}

// A connection begins, is resumed where TLS can, and ends.
func BenchmarkTLSHandshake(b *testing.B) {
	r := newRig(b)
	client, server := configs(b)
	b.ReportAllocs()
	for b.Loop() {
		c, s := r.established(client, server)
		c.shut()
		s.shut()
	}
}
