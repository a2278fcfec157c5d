package wheels_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"weak"

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

func newBench(t testing.TB, options ...kernel.Options) *bench {
	b := &bench{t: t, k: kernel.New(slices.Concat(options, []kernel.Options{{}})[0])}
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

// write writes to a handle as its other users do.
func (b *bench) write(h *handle.Handle, text string) {
	b.t.Helper()
	if n, err := h.Write([]byte(text)); n != len(text) || err != nil {
		b.t.Fatalf("write gives %d, %v", n, err)
	}
}

func (b *bench) close(h *handle.Handle) {
	b.t.Helper()
	if err := b.env.Close(h); err != nil {
		b.t.Error(err)
	}
}

// must fails the test for an error.
func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

func (b *bench) put(w *wheels.ReadWrite, items ...any) {
	b.t.Helper()
	_, err := w.Put(items...)
	b.must(err)
}

func TestNothingComesAfterDestroyWithinAnyEvent(t *testing.T) {
	marks := func(c *wheels.ReadWriteConfig) { c.High, c.Low = 4, 2 }
	tests := []struct {
		event  string
		change func(c *wheels.ReadWriteConfig)
		begin  func(b *bench, w *wheels.ReadWrite, peer *handle.Handle)
	}{
		{"input", func(*wheels.ReadWriteConfig) {}, func(b *bench, _ *wheels.ReadWrite, peer *handle.Handle) {
			b.write(peer, "one\ntwo\nthree\n")
			b.close(peer)
		}},
		{"high", marks, func(b *bench, w *wheels.ReadWrite, _ *handle.Handle) { b.put(w, "12345") }},
		{"low", marks, func(b *bench, w *wheels.ReadWrite, _ *handle.Handle) { b.put(w, "12345") }},
		{"flushed", func(*wheels.ReadWriteConfig) {}, func(b *bench, w *wheels.ReadWrite, _ *handle.Handle) {
			b.put(w, "x")
			w.Flush()
			b.put(w, "y")
			w.Flush()
		}},
		{"error", func(*wheels.ReadWriteConfig) {}, func(b *bench, w *wheels.ReadWrite, peer *handle.Handle) {
			b.close(peer) // reading and writing fail
			b.put(w, "x")
		}},
		{"error", func(c *wheels.ReadWriteConfig) { c.InputFilter = &filters.Line{Limits: filters.Limits{MaxLength: 1}} },
			func(b *bench, _ *wheels.ReadWrite, peer *handle.Handle) {
				b.write(peer, "too long\nx\n")
				b.close(peer)
			}},
	}
	for _, test := range tests {
		t.Run(test.event, func(t *testing.T) {
			b := newBench(t)
			x, y := b.pair()
			var w *wheels.ReadWrite
			destroyed := false
			states := map[string]kernel.Handler{}
			for _, event := range []string{"input", "error", "flushed", "high", "low"} {
				states[event] = func(c *kernel.Context, args ...any) any {
					switch {
					case destroyed:
						t.Errorf("%s %v after the end", event, args)
					case event == test.event:
						destroyed = true
						w.Destroy()
						w.Destroy()
					}
					return nil
				}
			}
			b.spawn(func(c *kernel.Context) {
				w = b.wheel(x, test.change)
				c.Kernel.Submit(func() { test.begin(b, w, y) })
			}, states)
			b.run()
			if !destroyed || x.FD() >= 0 {
				t.Errorf("destroyed: %v, the handle is %v", destroyed, x)
			}
			if y.FD() >= 0 {
				b.close(y)
			}
		})
	}
}

func TestAnErrorHandlerMayDestroyAnotherWheel(t *testing.T) {
	b := newBench(t)
	x1, y1 := b.pair()
	x2, y2 := b.pair()
	var all []*wheels.ReadWrite
	b.spawn(func(c *kernel.Context) {
		all = append(all, b.wheel(x1), b.wheel(x2))
		for _, y := range []*handle.Handle{y1, y2} { // both are ready in one pass
			b.write(y, "line\n")
			b.close(y)
		}
	}, map[string]kernel.Handler{"input": func(*kernel.Context, ...any) any { return nil }, "error": func(c *kernel.Context, args ...any) any {
		b.log.Add("end of %v", args[3])
		for _, w := range all {
			w.Destroy()
		}
		return nil
	}})
	b.run()
	if len(b.log) != 1 {
		t.Errorf("got %q", b.log)
	}
}

// A peer sends as fast as handlers fail. Each failure ends a protected call of the loop's, not the wheel's turn.
func TestAFailingHandlerDoesNotHoldUpOthers(t *testing.T) {
	b := newBench(t, kernel.Options{Protect: protect, Blame: func(_ *kernel.Dispatch, err error) error { return err }})
	x, y := b.pair()
	s := &failing{b: b, peer: y}
	b.spawn(func(c *kernel.Context) { c.Yield("tick") }, map[string]kernel.Handler{"tick": func(c *kernel.Context, args ...any) any {
		if s.ticks++; s.ticks < 5 {
			c.Yield("tick")
		} else {
			s.w.Destroy()
			b.close(y)
		}
		return nil
	}})
	b.k.Start(&s.Task, s, []any{x})
	b.write(y, "line\n")
	b.run()
	if s.died == 0 {
		t.Error("nothing has failed")
	}
}

// failing is a session whose handler of input fails each time.
type failing struct {
	kernel.Task
	b           *bench
	w           *wheels.ReadWrite
	peer        *handle.Handle
	ticks, died int
}

// Receive implements kernel.Receiver.
func (s *failing) Receive(d *kernel.Dispatch) error {
	switch d.Event {
	case kernel.EventStart:
		s.w = s.b.wheel(d.Args[0].(*handle.Handle))
		s.Kernel().WatchSignal("DIE", "died", nil)
	case "died":
		s.died++
		s.Kernel().SignalHandled()
	case "input":
		if !d.Bare {
			s.b.t.Error("the handler is not called bare")
		}
		s.b.write(s.peer, "line\n")
		panic(deliberate{})
	}
	return nil
}

func TestHandlersThatPutAndFlushALotHearOfItLessOften(t *testing.T) {
	b := newBench(t)
	x, y := b.pair()
	var w *wheels.ReadWrite
	told, last := 0, ""
	tell := func(c *kernel.Context, _ ...any) any {
		if told++; c.Event != "flushed" {
			if c.Event == last {
				t.Errorf("%s twice", c.Event)
			}
			last = c.Event
		}
		return nil
	}
	b.spawn(func(c *kernel.Context) {
		w = b.wheel(x, func(c *wheels.ReadWriteConfig) { c.High, c.Low = 4, 2 })
		buf := make([]byte, 100)
		for range 20_000 {
			b.put(w, "12345")
			w.Flush()
			if _, err := y.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		c.Delay("over", time.Millisecond)
	}, map[string]kernel.Handler{"flushed": tell, "high": tell, "low": tell, "over": func(*kernel.Context, ...any) any {
		w.Destroy()
		b.close(y)
		return nil
	}})
	b.run()
	if told < 1000 || told > 1100 || last != "low" {
		t.Errorf("%d events, of which %q was the last", told, last)
	}
}

func TestCloseAfterFlushAndShutdownOutputTogetherDestroy(t *testing.T) {
	b := newBench(t)
	x, y := b.pair()
	var w *wheels.ReadWrite
	b.spawn(func(c *kernel.Context) {
		b.must(c.Kernel.SetAlias("stays"))
		w = b.wheel(x)
		b.put(w, strings.Repeat("x", 4<<20))
		if w.Flush() == 0 {
			t.Error("nothing is left to write")
		}
		w.CloseAfterFlush()
		c.Delay("shut", time.Millisecond)
	}, map[string]kernel.Handler{
		"shut": func(c *kernel.Context, _ ...any) any {
			b.must(w.ShutdownOutput(false))
			c.Delay("look", time.Millisecond)
			return nil
		},
		"look": func(c *kernel.Context, _ ...any) any {
			if w.Alive() || x.FD() >= 0 {
				t.Errorf("%v is still there", w)
			}
			b.close(y)
			return c.Kernel.RemoveAlias("stays")
		},
	})
	b.run()
}

func TestReleaseGivesBackWhatIsNeitherReadNorWritten(t *testing.T) {
	b := newBench(t)
	x, y := b.pair()
	text := strings.Repeat("0123456789", 400_000)
	b.spawn(func(c *kernel.Context) {
		w := b.wheel(x, func(c *wheels.ReadWriteConfig) { c.OutputFilter = &filters.Stream{} })
		b.put(w, text)
		b.write(y, "one\ntwo\nthr")
		c.Yield("release", w)
	}, map[string]kernel.Handler{"input": func(c *kernel.Context, args ...any) any {
		b.log.Add("%v", args[0])
		w := c.Task.Resources()[0].(*wheels.ReadWrite)
		in, out, unread, unsent := w.Release()
		if in != x || out != x || string(unread) != "two\nthr" {
			t.Errorf("got %v, %v, %q", in, out, unread)
		}
		buf := make([]byte, 1<<20)
		got := ""
		for {
			n, err := y.Read(buf)
			if err != nil {
				break
			}
			got += string(buf[:n])
		}
		if got == "" || len(unsent) == 0 || got+string(unsent) != text {
			t.Errorf("%d bytes came, %d were given back, want %d together", len(got), len(unsent), len(text))
		}
		b.close(x)
		b.close(y)
		return nil
	}, "release": func(*kernel.Context, ...any) any { return nil }})
	b.run()
	b.log.Want(t, "one")
}

// What can be turned off in one direction only is; of the rest nothing more can be done.
func TestShutdownOfWhatIsNoSocketOrNotConnected(t *testing.T) {
	open := func(b *bench, path string) *handle.Handle {
		h, err := b.env.Host.Open(path, os.O_RDWR|os.O_CREATE, 0o600)
		b.must(err)
		return handle.New(h)
	}
	tests := []struct {
		name string
		make func(b *bench) *handle.Handle
	}{
		{"a file", func(b *bench) *handle.Handle { return open(b, filepath.Join(t.TempDir(), "file")) }},
		{"a device", func(b *bench) *handle.Handle { return open(b, "/dev/null") }},
		{"a socket whose peer is gone", func(b *bench) *handle.Handle {
			x, y := b.pair()
			b.close(y)
			return x
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.spawn(func(c *kernel.Context) {
				w := b.wheel(test.make(b))
				b.must(w.ShutdownOutput(true))
				b.must(w.ShutdownInput())
				b.must(w.ShutdownOutput(false))
				if _, err := w.Put("x"); !errors.Is(err, syscall.EPIPE) {
					t.Errorf("put gives %v", err)
				}
			}, nil)
			b.run() // nothing holds the session
		})
	}
}

func TestFilesAreReadToTheirEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("line\n", 50_000)+"rest"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{path: 50_000, "/dev/null": 0} {
		t.Run(path, func(t *testing.T) {
			b := newBench(t)
			lines := 0
			b.spawn(func(c *kernel.Context) {
				h, err := b.env.Host.Open(path, os.O_RDONLY, 0)
				b.must(err)
				b.wheel(handle.New(h), func(c *wheels.ReadWriteConfig) { c.Output = nil })
			}, map[string]kernel.Handler{"input": func(*kernel.Context, ...any) any { lines++; return nil }})
			b.run()
			b.log.Want(t, "error read 0  1")
			if lines != want {
				t.Errorf("got %d lines, want %d", lines, want)
			}
		})
	}
}

// driver is one of the program's, with what it does in the place of the wheel's own.
type driver struct {
	queue      handle.SysRW
	get, flush func() error
}

func (d *driver) Get(h *handle.Handle) ([]byte, error) {
	if d.get != nil {
		if err := d.get(); err != nil {
			return nil, err
		}
	}
	return d.queue.Get(h)
}

func (d *driver) Put(chunk []byte) (int, error) {
	err := d.queue.Put(chunk)
	return d.queue.Octets(), err
}

func (d *driver) Flush(h *handle.Handle) (int, error) {
	if d.flush != nil {
		if err := d.flush(); err != nil {
			return 0, err
		}
	}
	return d.queue.Flush(h)
}

func (d *driver) Messages() (int, error) { return d.queue.Messages(), nil }

func TestADriverMayFailOrDestroyTheWheel(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		do   func(w *wheels.ReadWrite) error
		get  bool // else flush
		want []string
	}{
		{"get fails as the system does", func(*wheels.ReadWrite) error { return syscall.EIO }, true, []string{"error read 5 input/output error 1"}},
		{"flush fails as the system does", func(*wheels.ReadWrite) error { return syscall.EIO }, false, []string{"error write 5 input/output error 1", "7 octets"}},
		{"get is broken", func(*wheels.ReadWrite) error { return broken }, true, []string{"died broken"}},
		{"flush is broken", func(*wheels.ReadWrite) error { return broken }, false, []string{"died broken", "7 octets"}},
		{"get destroys", func(w *wheels.ReadWrite) error { w.Destroy(); return nil }, true, nil},
		{"flush destroys", func(w *wheels.ReadWrite) error { w.Destroy(); return nil }, false, nil},
		{"get destroys and fails", func(w *wheels.ReadWrite) error { w.Destroy(); return io.EOF }, true, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			x, y := b.pair()
			var w *wheels.ReadWrite
			d := &driver{}
			b.spawn(func(c *kernel.Context) {
				c.WatchSignal("DIE", "died")
				w = b.wheel(x, func(c *wheels.ReadWriteConfig) { c.Driver = d })
				if test.get {
					d.get = func() error { return test.do(w) }
					b.write(y, "line\n")
				} else {
					d.flush = func() error { return test.do(w) }
					b.put(w, "queue")
				}
				c.Delay("over", 2*time.Millisecond)
			}, map[string]kernel.Handler{
				"died": func(c *kernel.Context, args ...any) any {
					b.log.Add("died %v", args[1].(*kernel.Die).Err)
					c.SignalHandled()
					return nil
				},
				"over": func(*kernel.Context, ...any) any {
					if n := w.Octets(); n > 0 {
						b.log.Add("%d octets", n)
					}
					w.Destroy()
					b.close(y)
					return nil
				},
			})
			b.run()
			b.log.Want(t, test.want...)
		})
	}
}

// A filter that refuses what is left at the end of input says so before the end is told; so it is if the handler of that fails.
func TestTheEndComesAfterWhatTheFilterSaysOfIt(t *testing.T) {
	for _, fails := range []bool{false, true} {
		b := newBench(t, kernel.Options{Protect: protect, Blame: func(_ *kernel.Dispatch, err error) error { return err }})
		x, y := b.pair()
		b.spawn(func(c *kernel.Context) {
			c.WatchSignal("DIE", "died")
			b.wheel(x, func(c *wheels.ReadWriteConfig) { c.InputFilter = &objecting{} })
			b.write(y, "rest")
			b.close(y)
		}, map[string]kernel.Handler{
			"died": func(c *kernel.Context, _ ...any) any { c.SignalHandled(); return nil },
			"error": func(c *kernel.Context, args ...any) any {
				b.log.Add("%v %v", args[0], args[1])
				if fails {
					panic(deliberate{})
				}
				return nil
			},
		})
		b.run()
		b.log.Want(t, "input last 1", "filter 74", "read 0")
	}
}

// objecting is a filter that gives an item and a failure at the end of input.
type objecting struct{ filters.Stream }

func (*objecting) Next() (any, bool, error) { return nil, false, nil }

func (*objecting) NextBytes() ([]byte, bool, error) { return nil, false, nil }

func (*objecting) EOF() ([]any, error) {
	return []any{"last"}, &filters.Error{Errno: syscall.EBADMSG, Message: "unfinished"}
}

// A script may keep a wheel for long after its end.
func TestADestroyedWheelHoldsNothing(t *testing.T) {
	b := newBench(t)
	x, y := b.pair()
	type large [1 << 20]byte
	var held weak.Pointer[large]
	var w *wheels.ReadWrite
	b.spawn(func(c *kernel.Context) {
		handler := &large{}
		held = weak.Make(handler)
		w = b.wheel(x, func(c *wheels.ReadWriteConfig) {
			e := *names()
			e.Error.Handler = handler
			c.Events = &e
		})
		w.Destroy()
	}, nil)
	b.run()
	b.close(y)
	runtime.GC()
	if held.Value() != nil {
		t.Error("the handler of an event is still held")
	}
	if in, out := w.Filters(); in != nil || out != nil {
		t.Error("the filters are still held")
	}
}

// A line that another wheel has put, in Go alone.
func BenchmarkReadWriteLine(b *testing.B) {
	v := newBench(b)
	v.k.SetAssert(0)
	x, y := v.pair()
	line := strings.Repeat("x", 30)
	r := &benchSession{}
	v.k.Start(&r.Task, r, nil)
	var writer, reader *wheels.ReadWrite
	left, got := b.N, 0
	config := func(h *handle.Handle, e *wheels.ReadWriteEvents) wheels.ReadWriteConfig {
		f := &filters.Line{}
		return wheels.ReadWriteConfig{Config: wheels.Config{Env: v.env, Owner: &r.Task}, Input: h, Output: h, InputFilter: f, OutputFilter: f, Events: e}
	}
	var err error
	if reader, err = wheels.NewReadWrite(config(x, &wheels.ReadWriteEvents{Input: wheels.Event{Name: "line"}})); err != nil {
		b.Fatal(err)
	}
	if writer, err = wheels.NewReadWrite(config(y, &wheels.ReadWriteEvents{Flushed: wheels.Event{Name: "put"}})); err != nil {
		b.Fatal(err)
	}
	put := func() {
		for range min(left, 1000) {
			left--
			if _, err := writer.PutText(line); err != nil {
				b.Fatal(err)
			}
		}
	}
	r.heard = func(event string) {
		if event == "put" {
			put()
		} else if got++; got == b.N {
			reader.Destroy()
			writer.Destroy()
		}
	}
	put()
	b.ReportAllocs()
	b.ResetTimer()
	if err := v.k.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// benchSession hands its events to a function.
type benchSession struct {
	kernel.Task
	heard func(event string)
}

// Receive implements kernel.Receiver.
func (s *benchSession) Receive(d *kernel.Dispatch) error {
	if d.Kind == kernel.KindWheel {
		s.heard(d.Event)
	}
	return nil
}

func BenchmarkPutText(b *testing.B) {
	v := newBench(b)
	x, y := v.pair()
	v.spawn(func(*kernel.Context) {
		w := v.wheel(x)
		buf := make([]byte, 1<<20)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.PutText("a line of some thirty characters"); err != nil {
				b.Fatal(err)
			}
			if w.Octets() > 1<<16 {
				for w.Flush() > 0 {
					if _, err := y.Read(buf); err != nil {
						b.Fatal(err)
					}
				}
				for {
					if _, err := y.Read(buf); err != nil {
						break
					}
				}
			}
		}
		w.Destroy()
	}, nil)
	v.run()
	v.close(y)
}
