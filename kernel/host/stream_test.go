package host_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

// large is more than any pipe holds.
var large = bytes.Repeat([]byte("all of this must arrive\n"), 100_000)

func TestStreamWaitsForRoom(t *testing.T) {
	newHost(t)
	r, w := osPipe(t)
	unix.SetNonblock(int(w.Fd()), true)
	stream := host.NewStream(w)
	go func() {
		defer w.Close()
		if n, err := stream.Write(large); n != len(large) || err != nil {
			t.Errorf("wrote %d, %v, want %d", n, err, len(large))
		}
	}()
	if got := must[[]byte](t)(io.ReadAll(r)); !bytes.Equal(got, large) {
		t.Errorf("got %d bytes, want %d", len(got), len(large))
	}
}

func TestStandardStreamsWaitWhenNonBlocking(t *testing.T) {
	h := newHost(t)
	for _, role := range []string{"copy to stdout", "copy to stderr"} {
		t.Run(role, func(t *testing.T) {
			inR, inW := osPipe(t)
			outR, outW := osPipe(t)
			c := asRole(t, role)
			c.Stdin, c.Stdout, c.Stderr = inR, outW, outW
			pid := must[int](t)(h.Start(c))
			inR.Close()
			outW.Close()
			go func() {
				defer inW.Close()
				inW.Write(large)
			}()
			if got := must[[]byte](t)(io.ReadAll(outR)); !bytes.Equal(got, large) {
				t.Errorf("got %d bytes, want %d", len(got), len(large))
			}
			h.Wait(pid)
		})
	}
}

func init() {
	copyTo := func(stream func(h *host.Host) *host.Stream) func(h *host.Host) {
		return func(h *host.Host) {
			for fd := range 3 {
				if err := h.SetNonblock(fd); err != nil {
					panic(err)
				}
			}
			if _, err := io.Copy(stream(h), h.Stdin()); err != nil {
				panic(err)
			}
			h.Exit(0)
		}
	}
	roles["copy to stdout"] = copyTo((*host.Host).Stdout)
	roles["copy to stderr"] = copyTo((*host.Host).Stderr)
}

func TestBlockingModeIsPutBackByExit(t *testing.T) {
	h := newHost(t)
	r, w := osPipe(t)
	c := asRole(t, "leave non-blocking")
	c.Stdin = r
	status := must[int](t)(h.Run(c))
	if status != 0 || !isBlocking(t, int(r.Fd())) {
		t.Errorf("status %d, the pipe is still non-blocking", status)
	}
	w.Close()
}

func init() {
	roles["leave non-blocking"] = func(h *host.Host) {
		if err := h.SetNonblock(0); err != nil {
			h.Exit(1)
		}
		if _, err := h.Wrap(0, false); err != nil {
			h.Exit(1)
		}
		h.Exit(0)
	}
}

func TestStreamToAClosedReaderIsEPIPE(t *testing.T) {
	newHost(t)
	r, w := osPipe(t)
	r.Close()
	if _, err := host.NewStream(w).Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v, want EPIPE", err)
	}
}

func TestClosedStandardOutputDoesNotEndTheProcess(t *testing.T) {
	h := newHost(t)
	r, w := osPipe(t)
	r.Close()
	c := asRole(t, "write to nobody")
	c.Stdout = w
	if status := must[int](t)(h.Run(c)); status != 0 {
		t.Errorf("got status %d, want 0", status)
	}
}

func init() {
	roles["write to nobody"] = func(h *host.Host) {
		if _, err := h.Stdout().Write([]byte("x")); err != syscall.EPIPE {
			h.Exit(1)
		}
		h.Exit(0)
	}
}

func TestStreamToAClosedFileIsEBADF(t *testing.T) {
	newHost(t)
	r, w := osPipe(t)
	out, in := host.NewStream(w), host.NewInput(r)
	r.Close()
	w.Close()
	if _, err := out.Write([]byte("x")); host.Errno(err) != syscall.EBADF {
		t.Errorf("got %v, want EBADF", err)
	}
	if _, err := in.Read(make([]byte, 1)); host.Errno(err) != syscall.EBADF {
		t.Errorf("got %v, want EBADF", err)
	}
}

func TestWritesOfSeveralGoroutinesDoNotMix(t *testing.T) {
	newHost(t)
	r, w := osPipe(t)
	unix.SetNonblock(int(w.Fd()), true)
	stream := host.NewStream(w)
	var writers sync.WaitGroup
	for _, letter := range []string{"a", "b", "c"} {
		line := []byte(strings.Repeat(letter, 100_000) + "\n")
		writers.Go(func() {
			for range 3 {
				stream.Write(line)
			}
		})
	}
	go func() {
		writers.Wait()
		w.Close()
	}()
	for line := range strings.Lines(string(must[[]byte](t)(io.ReadAll(r)))) {
		if strings.Count(line, line[:1]) != 100_000 {
			t.Fatal("two writes are mixed")
		}
	}
}

func TestInputWaitsForInput(t *testing.T) {
	newHost(t)
	r, w := osPipe(t)
	unix.SetNonblock(int(r.Fd()), true)
	read := make(chan string)
	go func() {
		all, err := io.ReadAll(host.NewInput(r))
		if err != nil {
			t.Error(err)
		}
		read <- string(all)
	}()
	w.WriteString("late, ")
	w.WriteString("but whole")
	w.Close()
	if got := <-read; got != "late, but whole" {
		t.Errorf("got %q", got)
	}
}

func TestStreamsTakeAnyWriterAndReader(t *testing.T) {
	var b bytes.Buffer
	if _, err := io.Copy(host.NewStream(&b), host.NewInput(strings.NewReader("through"))); err != nil {
		t.Fatal(err)
	}
	if b.String() != "through" {
		t.Errorf("got %q", b.String())
	}
}

func TestStandardStreamsAreTheSameEachTime(t *testing.T) {
	h := newHost(t)
	//lint:ignore SA4000 the same call twice is the point
	if h.Stdout() != h.Stdout() || h.Stderr() != h.Stderr() || h.Stdin() != h.Stdin() {
		t.Error("a host has two of a standard stream")
	}
}

var _ io.Writer = (*host.Stream)(nil)
var _ io.Reader = (*host.Input)(nil)
var _ io.ReadWriteCloser = (*host.Handle)(nil)
