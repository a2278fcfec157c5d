package host_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

func TestTwoWayPipeCarriesBothWays(t *testing.T) {
	for _, kind := range append(host.PipeKinds(), "") {
		t.Run(kind, func(t *testing.T) {
			h := newHost(t)
			aRead, aWrite, bRead, bWrite, err := h.PipePair(kind)
			if err != nil {
				t.Fatal(err)
			}
			all := []*host.Handle{aRead, bRead}
			if kind == "pipe" {
				all = append(all, aWrite, bWrite)
			} else if aRead != aWrite || bRead != bWrite {
				t.Error("a socket's two directions are not one handle")
			}
			aWrite.Write([]byte("from a"))
			bWrite.Write([]byte("from b"))
			for want, r := range map[string]*host.Handle{"from a": bRead, "from b": aRead} {
				await(t, r.FD(), unix.POLLIN)
				p := make([]byte, 16)
				if n, err := r.Read(p); string(p[:n]) != want {
					t.Errorf("got %q, %v, want %q", p[:n], err, want)
				}
			}
			for _, handle := range all {
				if err := handle.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestOneWayPipeHasOneDirection(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		if _, err := r.Write([]byte("x")); err == nil {
			t.Error("the reader writes")
		}
		if n, err := w.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("the writer reads: %d, %v", n, err)
		}
	})
}

func TestUnknownKindOfPipeIsEINVAL(t *testing.T) {
	h := newHost(t)
	if _, _, err := h.Pipe("carrier pigeon"); host.Errno(err) != syscall.EINVAL {
		t.Errorf("got %v, want EINVAL", err)
	}
	if _, _, _, _, err := h.PipePair("carrier pigeon"); host.Errno(err) != syscall.EINVAL {
		t.Errorf("got %v, want EINVAL", err)
	}
}

func TestPipeLeavesNothingOpenWhenDescriptorsRunOut(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	for _, kind := range host.PipeKinds() {
		for room := range 4 { // descriptors that can still be opened
			lowest := must[int](t)(unix.Dup(2))
			unix.Close(lowest)
			short := limit
			assign(&short.Cur, lowest+room)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &short); err != nil {
				t.Fatal(err)
			}
			aRead, aWrite, bRead, bWrite, err := h.PipePair(kind)
			unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
			if err != nil {
				if host.Errno(err) != syscall.EMFILE {
					t.Errorf("%s with room for %d: got %v, want EMFILE", kind, room, err)
				}
				continue
			}
			for _, handle := range []*host.Handle{aRead, aWrite, bRead, bWrite} {
				handle.Close()
			}
		}
	}
}

// assign sets a limit, which systems give different types.
func assign[T int64 | uint64](limit *T, n int) { *limit = T(n) }
