package host_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

func TestStreamsTellTheirDescriptor(t *testing.T) {
	h := newHost(t)
	file := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "f")))
	number := int(file.Fd())
	in, out := host.NewInput(file), host.NewStream(file)
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"stdin", h.Stdin().FD(), 0},
		{"stdout", h.Stdout().FD(), 1},
		{"stderr", h.Stderr().FD(), 2},
		{"input of a file", in.FD(), number},
		{"stream of a file", out.FD(), number},
		{"input of a reader", host.NewInput(strings.NewReader("")).FD(), -1},
		{"stream of a writer", host.NewStream(io.Discard).FD(), -1},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, c.got, c.want)
		}
	}
	file.Close()
	if in.FD() != -1 || out.FD() != -1 {
		t.Errorf("closed: got %d and %d, want -1", in.FD(), out.FD())
	}
}

func TestStreamsOfAFileSeek(t *testing.T) {
	file := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "f")))
	defer file.Close()
	in, out := host.NewInput(file), host.NewStream(file)
	must[int](t)(out.Write([]byte("0123456789")))
	if at, err := out.Seek(-4, io.SeekEnd); at != 6 || err != nil {
		t.Fatalf("got %d, %v, want 6", at, err)
	}
	if at, err := in.Seek(1, io.SeekCurrent); at != 7 || err != nil {
		t.Fatalf("got %d, %v, want 7", at, err)
	}
	rest := must[[]byte](t)(io.ReadAll(in))
	if !bytes.Equal(rest, []byte("789")) {
		t.Errorf("got %q, want 789", rest)
	}
	if _, err := in.Seek(0, 9); host.Errno(err) != syscall.EINVAL {
		t.Errorf("unknown whence: got %v, want EINVAL", err)
	}
	if _, err := host.NewInput(strings.NewReader("x")).Seek(0, io.SeekStart); host.Errno(err) != syscall.ESPIPE {
		t.Errorf("no descriptor: got %v, want ESPIPE", err)
	}
}

func TestStreamsGiveChildrenTheirFile(t *testing.T) {
	h := newHost(t)
	file := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "f")))
	defer file.Close()
	if got := host.NewStream(file).File(); got != file {
		t.Errorf("stream of a file: got %v", got)
	}
	if got := host.NewInput(file).File(); got != file {
		t.Errorf("input of a file: got %v", got)
	}
	if host.NewStream(io.Discard).File() != nil || host.NewInput(strings.NewReader("")).File() != nil {
		t.Error("got a file where there is no descriptor")
	}
	if h.Stdin().File() != os.Stdin || h.Stdout().File() != os.Stdout || h.Stderr().File() != os.Stderr {
		t.Error("the standard streams are not the process's own")
	}
}
