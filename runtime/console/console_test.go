package console_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/console"
	"github.com/poelua/poelua/runtime/repl"
)

// fixture is a runtime with a console, which runs until the test's end.
type fixture struct {
	*runtime.Runtime
	*console.Server
	ended chan error
}

func listen(t *testing.T) *fixture {
	t.Helper()
	dir, err := os.MkdirTemp("", "poelua") // short, as a socket's path must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	rt, err := runtime.New(runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const source = `require("poe").Session.create { inline_states = {
		_start = function(ctx) ctx.kernel:alias_set("main") end,
	} }`
	if err := rt.DoString("test", source); err != nil {
		t.Fatal(err)
	}
	s, err := console.Listen(rt, console.Options{Path: filepath.Join(dir, "socket"), Name: "test.lua"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := &fixture{rt, s, make(chan error, 1)}
	go func() {
		err := rt.Run(ctx)
		s.Close()
		f.ended <- errors.Join(err, rt.Close())
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-f.ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return f
}

// reader collects what a client shows.
type reader struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *reader) out(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.WriteString(text)
}

func (r *reader) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.text.Reset()
	return r.text.String()
}

func (f *fixture) attach(t *testing.T) (*console.Client, *reader) {
	t.Helper()
	c, err := console.Dial(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	r := &reader{}
	if err := c.Attach(r.out, false, 80); err != nil {
		t.Fatal(err)
	}
	return c, r
}

func line(t *testing.T, c *console.Client, text string, want repl.State) {
	t.Helper()
	if s, err := c.Line(text); err != nil || s != want {
		t.Fatalf("%.40s: got %v, %v, want %v", text, s, err, want)
	}
}

func TestGreetingTellsWhoListens(t *testing.T) {
	f := listen(t)
	c, err := console.Dial(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if i := c.Info; i.Pid != os.Getpid() || i.Name != "test.lua" || i.Path != f.Path() || time.Since(i.Since) > time.Hour {
		t.Errorf("got %+v", i)
	}
	if n := f.Attached(); n != 0 {
		t.Errorf("%d are attached by looking", n)
	}
}

func TestLinesAreAnsweredInOrder(t *testing.T) {
	f := listen(t)
	c, r := f.attach(t)
	line(t, c, "1 + 1", repl.Ready)
	if got := r.take(); got != "2\n" {
		t.Errorf("got %q", got)
	}
	line(t, c, "for i = 1, 2 do", repl.More)
	c.Drop()
	line(t, c, "('x'):rep(70000):len()", repl.Ready)
	if got := r.take(); got != "70000\n" {
		t.Errorf("got %q", got)
	}
	if n := f.Attached(); n != 1 {
		t.Errorf("got %d attached, want 1", n)
	}
	line(t, c, ".quit", repl.Quit)
}

func TestLongOutputArrivesWhole(t *testing.T) {
	f := listen(t)
	c, r := f.attach(t)
	line(t, c, "for i = 1, 5000 do print(('x'):rep(99)) end", repl.Ready)
	if got := len(r.take()); got != 500_000 {
		t.Errorf("got %d bytes", got)
	}
}

func TestInterruptEndsAnEndlessLoop(t *testing.T) {
	f := listen(t)
	c, r := f.attach(t)
	go func() {
		for range 1000 { // until it runs
			select {
			case <-t.Context().Done():
				return
			case <-time.After(time.Millisecond):
				c.Interrupt()
			}
		}
	}()
	line(t, c, "while true do end", repl.Ready)
	if got := r.take(); !strings.Contains(got, "interrupted") {
		t.Errorf("got %q", got)
	}
}

func TestTheEndOfTheProgramEndsThePrompt(t *testing.T) {
	f := listen(t)
	c, _ := f.attach(t)
	line(t, c, "1", repl.Ready)
	f.Kernel().Submit(f.Kernel().Stop)
	<-c.Gone()
	if _, err := c.Line("1"); err != console.ErrEnded {
		t.Errorf("got %v", err)
	}
	if err := <-f.ended; err != nil {
		t.Error(err)
	}
	f.ended <- nil
	if _, err := os.Lstat(f.Path()); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestLineThatIsTooLongIsRefused(t *testing.T) {
	f := listen(t)
	c, _ := f.attach(t)
	if _, err := c.Line(strings.Repeat("x", console.LineMost+1)); err == nil {
		t.Error("it is taken")
	}
	if _, err := c.Line("x = '" + strings.Repeat("x", console.LineMost-6) + "'"); err != nil {
		t.Errorf("the longest: %v", err)
	}
}

func TestDialRefusesWhatIsNoConsole(t *testing.T) {
	dir, err := os.MkdirTemp("", "poelua")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, c := range []struct{ name, says, want string }{
		{"garbage", "HTTP/1.0 400 Bad Request\r\n\r\n", "not what a console says"},
		{"nothing", "", "no console"},
		{"a greeting that is none", "g\x00\x00\x00\x02[]", "not what a console says"},
		{"another version", "g\x00\x00\x00\x0d{\"version\":7}", "version 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.name)
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				if conn, err := l.Accept(); err == nil {
					conn.Write([]byte(c.says))
					conn.Close()
				}
			}()
			if _, err := console.Dial(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestConnectionsComeAndGoWhileTheProgramRuns(t *testing.T) {
	f := listen(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				c, err := console.Dial(f.Path())
				if err != nil {
					t.Error(err)
					return
				}
				if err := c.Attach(func(string) {}, true, 80); err != nil {
					t.Error(err)
				} else if _, err := c.Line("1 + 1"); err != nil {
					t.Error(err)
				}
				c.Complete("poe.ker", 7)
				c.Close()
			}
		})
	}
	all.Wait()
	c, _ := f.attach(t)
	line(t, c, "1", repl.Ready)
}
