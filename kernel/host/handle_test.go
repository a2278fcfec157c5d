package host_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

func eachPipe(t *testing.T, f func(t *testing.T, r, w *host.Handle)) {
	for _, kind := range host.PipeKinds() {
		t.Run(kind, func(t *testing.T) {
			h := newHost(t)
			r, w, err := h.Pipe(kind)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			f(t, r, w)
		})
	}
}

func TestReadFromAnEmptyPipeIsEAGAIN(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		if n, err := r.Read(make([]byte, 8)); n != 0 || err != syscall.EAGAIN {
			t.Errorf("got %d, %v, want EAGAIN", n, err)
		}
	})
}

func TestClosingTheWriterIsTheEndAtTheReader(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		w.Write([]byte("last words"))
		w.Close()
		got := readToEnd(t, r)
		if string(got) != "last words" {
			t.Errorf("got %q, want %q", got, "last words")
		}
		if _, err := r.Read(make([]byte, 8)); err != io.EOF {
			t.Errorf("got %v the second time, want the end again", err)
		}
	})
}

func TestWriteToAFullPipeIsPartialThenEAGAIN(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		chunk := bytes.Repeat([]byte("0123456789"), 10_000)
		var sent []byte
		for {
			n, err := w.Write(chunk)
			if err == syscall.EAGAIN {
				if n != 0 {
					t.Fatalf("EAGAIN with %d bytes taken", n)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, chunk[:n]...)
		}
		w.Close()
		if got := readToEnd(t, r); !bytes.Equal(got, sent) {
			t.Errorf("got %d bytes, want the %d that were taken", len(got), len(sent))
		}
	})
}

func readToEnd(t *testing.T, r *host.Handle) (all []byte) {
	t.Helper()
	p := make([]byte, 65536)
	for {
		n, err := r.Read(p)
		all = append(all, p[:n]...)
		switch err {
		case nil:
		case io.EOF:
			return all
		case syscall.EAGAIN:
			await(t, r.FD(), unix.POLLIN)
		default:
			t.Fatal(err)
		}
	}
}

func TestWriteToAClosedReaderIsEPIPE(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		r.Close()
		var err error
		for err == nil { // a network notices with the second write
			_, err = w.Write([]byte("x"))
			await(t, w.FD(), unix.POLLOUT)
		}
		if err != syscall.EPIPE {
			t.Errorf("got %v, want EPIPE", err)
		}
	})
}

func TestClosedHandleIsEBADF(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		_, readErr := r.Read(make([]byte, 1))
		_, writeErr := r.Write([]byte("x"))
		_, dupErr := r.Dup()
		_, fileErr := r.File()
		for op, err := range map[string]error{"close": r.Close(), "read": readErr, "write": writeErr, "dup": dupErr, "file": fileErr} {
			if err != syscall.EBADF {
				t.Errorf("%s: got %v, want EBADF", op, err)
			}
		}
		if r.FD() != -1 {
			t.Errorf("got descriptor %d, want -1", r.FD())
		}
		if want := "closed " + r.Kind(); r.String() != want {
			t.Errorf("got %q, want %q", r, want)
		}
	})
}

func TestHandlesAreClosedInChildren(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		flags := must[int](t)(unix.FcntlInt(uintptr(r.FD()), unix.F_GETFD, 0))
		if flags&unix.FD_CLOEXEC == 0 {
			t.Error("a child would get the handle")
		}
	})
}

func TestKindTellsWhatADescriptorIs(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(path string, flags int) func(h *host.Host) (*host.Handle, error) {
		return func(h *host.Host) (*host.Handle, error) { return h.Open(path, flags, 0o600) }
	}
	socket := func(domain, kind int) func(h *host.Host) (*host.Handle, error) {
		return func(h *host.Host) (*host.Handle, error) {
			return h.Wrap(must[int](t)(unix.Socket(domain, kind, 0)), false)
		}
	}
	cases := []struct {
		want string
		make func(h *host.Host) (*host.Handle, error)
	}{
		{"file", open(dir+"/file", os.O_RDWR|os.O_CREATE)},
		{"dir", open(dir, os.O_RDONLY)},
		{"fifo", open(dir+"/fifo", os.O_RDONLY)},
		{"other", open("/dev/null", os.O_RDWR)},
		{"tcp", socket(unix.AF_INET, unix.SOCK_STREAM)},
		{"udp", socket(unix.AF_INET, unix.SOCK_DGRAM)},
		{"unix", socket(unix.AF_UNIX, unix.SOCK_STREAM)},
		{"unixgram", socket(unix.AF_UNIX, unix.SOCK_DGRAM)},
		{"pipe", func(h *host.Host) (*host.Handle, error) {
			r, w, err := h.Pipe("")
			w.Close()
			return r, err
		}},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			handle := must[*host.Handle](t)(c.make(newHost(t)))
			defer handle.Close()
			if handle.Kind() != c.want {
				t.Errorf("got %q, want %q", handle.Kind(), c.want)
			}
			if isBlocking(t, handle.FD()) {
				t.Error("the handle blocks")
			}
		})
	}
}

func TestStringNamesKindNumberAndAddresses(t *testing.T) {
	h := newHost(t)
	a, _, b, _, err := h.PipePair("inet")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	prefix := "tcp " + strconv.Itoa(a.FD()) + " "
	near, far, ok := strings.Cut(strings.TrimPrefix(a.String(), prefix), "->")
	if !ok || !strings.HasPrefix(a.String(), prefix) || !strings.HasPrefix(near, "127.0.0.1:") {
		t.Errorf("got %q", a)
	}
	if want := "tcp " + strconv.Itoa(b.FD()) + " " + far + "->" + near; b.String() != want {
		t.Errorf("got %q, want %q", b, want)
	}
	r, w, err := h.Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if want := "pipe " + strconv.Itoa(r.FD()); r.String() != want {
		t.Errorf("got %q, want %q", r, want)
	}
}

func TestStringOfBoundSockets(t *testing.T) {
	path := t.TempDir() + "/socket"
	cases := []struct {
		domain, kind int
		address      unix.Sockaddr
		want         string // after the number
	}{
		{unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: path}, " " + path},
		{unix.AF_INET6, unix.SOCK_DGRAM, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}, " [::1]:"},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			handle := must[*host.Handle](t)(newHost(t).Wrap(must[int](t)(unix.Socket(c.domain, c.kind, 0)), false))
			defer handle.Close()
			if err := unix.Bind(handle.FD(), c.address); err != nil {
				t.Skip(err) // no IPv6
			}
			if want := handle.Kind() + " " + strconv.Itoa(handle.FD()) + c.want; !strings.HasPrefix(handle.String(), want) {
				t.Errorf("got %q, want %q", handle, want)
			}
		})
	}
}

func TestOpenOfAFIFODoesNotWait(t *testing.T) {
	path := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	if _, err := h.Open(path, os.O_WRONLY, 0); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("writing without a reader: got %v, want ENXIO", err)
	}
	r := must[*host.Handle](t)(h.Open(path, os.O_RDONLY, 0))
	defer r.Close()
	w := must[*host.Handle](t)(h.Open(path, os.O_WRONLY, 0))
	defer w.Close()
	w.Write([]byte("through"))
	p := make([]byte, 16)
	if n := must[int](t)(r.Read(p)); string(p[:n]) != "through" {
		t.Errorf("got %q", p[:n])
	}
}

func TestOpenTellsWhyNot(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	cases := []struct {
		path  string
		flags int
		want  syscall.Errno
	}{
		{"missing", os.O_RDONLY, syscall.ENOENT},
		{"file", os.O_WRONLY | os.O_CREATE | os.O_EXCL, syscall.EEXIST},
		{"", os.O_WRONLY, syscall.EISDIR},
		{"file/below", os.O_RDONLY, syscall.ENOTDIR},
	}
	for _, c := range cases {
		_, err := h.Open(filepath.Join(dir, c.path), c.flags, 0o600)
		if host.Errno(err) != c.want {
			t.Errorf("%s: got %v, want %v", c.path, err, c.want)
		}
	}
}

func TestWrapOfWhatIsNotOpenIsEBADF(t *testing.T) {
	h := newHost(t)
	for _, fd := range []int{-1, 9999} {
		for _, keep := range []bool{false, true} {
			if _, err := h.Wrap(fd, keep); host.Errno(err) != syscall.EBADF {
				t.Errorf("%d: got %v, want EBADF", fd, err)
			}
		}
	}
}

func TestKeptDescriptorStaysOpenAndBlocksAgain(t *testing.T) {
	h := newHost(t)
	r, w := osPipe(t)
	fd := int(r.Fd())
	handle := must[*host.Handle](t)(h.Wrap(fd, true))
	w.WriteString("x")
	if n, err := handle.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Errorf("got %d, %v, want a byte", n, err)
	}
	if _, err := handle.Read(make([]byte, 8)); err != syscall.EAGAIN {
		t.Errorf("got %v, want EAGAIN", err)
	}
	handle.Close()
	if !isBlocking(t, fd) {
		t.Error("the descriptor does not block again")
	}
}

func TestWrappedDescriptorIsClosedWithItsHandle(t *testing.T) {
	h := newHost(t)
	_, w := osPipe(t)
	fd := must[int](t)(unix.Dup(int(w.Fd())))
	handle := must[*host.Handle](t)(h.Wrap(fd, false))
	handle.Close()
	if _, err := h.Wrap(fd, false); host.Errno(err) != syscall.EBADF {
		t.Errorf("got %v, want EBADF", err)
	}
	unix.SetNonblock(int(w.Fd()), false)
}

func TestBlockingModeComesBackOnce(t *testing.T) {
	second := func(t *testing.T, h *host.Host, fd int) *host.Handle {
		return must[*host.Handle](t)(h.Wrap(fd, true))
	}
	cases := map[string]func(t *testing.T, h *host.Host, fd int){
		"Restore": func(t *testing.T, h *host.Host, fd int) {
			handle := second(t, h, fd)
			h.Restore()
			h.Restore()
			handle.Close()
		},
		"Host.Close": func(t *testing.T, h *host.Host, fd int) {
			h.SetNonblock(fd)
			h.Close()
		},
		"the last of two handles": func(t *testing.T, h *host.Host, fd int) {
			first, last := second(t, h, fd), second(t, h, fd)
			first.Close()
			if isBlocking(t, fd) {
				t.Error("the first handle took the mode away from the second")
			}
			last.Close()
		},
		"the copy after its original": func(t *testing.T, h *host.Host, fd int) {
			original := second(t, h, fd)
			copied := must[*host.Handle](t)(original.Dup())
			original.Close()
			if isBlocking(t, fd) {
				t.Error("the original took the mode away from its copy")
			}
			copied.Close()
		},
		"Restore when a watcher has it too": func(t *testing.T, h *host.Host, fd int) {
			handle := second(t, h, fd)
			h.SetNonblock(fd)
			handle.Close()
			if isBlocking(t, fd) {
				t.Error("the handle took the mode away from the watcher")
			}
			h.Restore()
		},
		"two numbers of one open file": func(t *testing.T, h *host.Host, fd int) {
			twin := must[int](t)(unix.Dup(fd))
			defer unix.Close(twin)
			a, b := second(t, h, fd), second(t, h, twin)
			a.Close()
			if isBlocking(t, fd) {
				t.Error("one number took the mode away from the other")
			}
			b.Close()
		},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			r, _ := osPipe(t)
			fd := int(r.Fd())
			f(t, h, fd)
			if !isBlocking(t, fd) {
				t.Error("the descriptor does not block again")
			}
		})
	}
}

func TestWhatCameNonBlockingStaysSo(t *testing.T) {
	h := newHost(t)
	r, _ := osPipe(t)
	fd := int(r.Fd())
	unix.SetNonblock(fd, true)
	must[*host.Handle](t)(h.Wrap(fd, true)).Close()
	h.Restore()
	if isBlocking(t, fd) {
		t.Error("the descriptor was made blocking")
	}
}

func TestRestoreLeavesAnotherFileOfTheSameNumberAlone(t *testing.T) {
	h := newHost(t)
	_, first := osPipe(t)
	fd := must[int](t)(unix.Dup(int(first.Fd())))
	h.SetNonblock(fd)
	_, w := osPipe(t)
	other := int(w.Fd())
	unix.SetNonblock(other, true)
	unix.Close(fd)
	if got := must[int](t)(unix.Dup(other)); got != fd {
		t.Fatalf("got number %d, want %d again", got, fd)
	}
	defer unix.Close(fd)
	h.Restore()
	if isBlocking(t, fd) {
		t.Error("the other file was made blocking")
	}
}

// osPipe gives a blocking pipe that is not the host's.
func osPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Fd() // makes it blocking
	w.Fd()
	t.Cleanup(func() { // before newHost looks what is left, if called after it
		r.Close()
		w.Close()
	})
	return r, w
}

func TestDupOutlivesTheFirst(t *testing.T) {
	h := newHost(t)
	r, w, err := h.Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	second := must[*host.Handle](t)(w.Dup())
	w.Close()
	if _, err := second.Write([]byte("still here")); err != nil {
		t.Error(err)
	}
	second.Close()
	if got := readToEnd(t, r); string(got) != "still here" {
		t.Errorf("got %q", got)
	}
}

func TestFileBlocksAndClosesTheHandle(t *testing.T) {
	eachPipe(t, func(t *testing.T, r, w *host.Handle) {
		fd := r.FD()
		file := must[*os.File](t)(r.File())
		defer file.Close()
		if !isBlocking(t, fd) || r.FD() != -1 || int(file.Fd()) != fd {
			t.Errorf("got a file with descriptor %d, the handle is %v", file.Fd(), r)
		}
	})
}

func TestFileOfAKeptDescriptorIsACopy(t *testing.T) {
	h := newHost(t)
	r, _ := osPipe(t)
	handle := must[*host.Handle](t)(h.Wrap(int(r.Fd()), true))
	file := must[*os.File](t)(handle.File())
	if file.Fd() == r.Fd() {
		t.Error("the kept descriptor was given away")
	}
	file.Close()
}

func TestEmptyDatagramIsNoEnd(t *testing.T) {
	h := newHost(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := must[*host.Handle](t)(h.Wrap(fds[0], false))
	defer a.Close()
	b := must[*host.Handle](t)(h.Wrap(fds[1], false))
	defer b.Close()
	if _, err := a.Write(nil); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Read(make([]byte, 8)); n != 0 || err != nil {
		t.Errorf("got %d, %v, want an empty datagram", n, err)
	}
	if _, err := b.Read(make([]byte, 8)); err != syscall.EAGAIN {
		t.Errorf("got %v, want EAGAIN", err)
	}
}

func TestCloseAndReadMayMeet(t *testing.T) {
	h := newHost(t)
	r, w, err := h.Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				if _, err := r.Read(make([]byte, 1)); err == syscall.EBADF {
					return
				}
			}
		})
	}
	r.Close()
	readers.Wait()
}

func BenchmarkHandle(b *testing.B) {
	for _, kind := range host.PipeKinds() {
		h := host.New()
		r, w, err := h.Pipe(kind)
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		p := make([]byte, 1024)
		b.Run("WriteThenRead/"+kind, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if _, err := w.Write(p); err != nil {
					b.Fatal(err)
				}
				if _, err := r.Read(p); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("ReadNothing/"+kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Read(p); err != syscall.EAGAIN {
					b.Fatal(err)
				}
			}
		})
	}
}
