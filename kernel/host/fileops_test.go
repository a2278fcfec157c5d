package host_test

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

func openFile(t *testing.T, h *host.Host, content string) *host.Handle {
	t.Helper()
	path := t.TempDir() + "/file"
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	handle := must[*host.Handle](t)(h.Open(path, os.O_RDWR, 0))
	t.Cleanup(func() { handle.Close() })
	return handle
}

func TestSeekMovesWhereBytesAreRead(t *testing.T) {
	handle := openFile(t, newHost(t), "0123456789")
	for _, c := range []struct {
		offset int64
		whence int
		at     int64
		next   string
	}{{3, io.SeekStart, 3, "34"}, {2, io.SeekCurrent, 7, "78"}, {-1, io.SeekEnd, 9, "9"}} {
		at, err := handle.Seek(c.offset, c.whence)
		if at != c.at || err != nil {
			t.Errorf("got %d, %v, want %d", at, err, c.at)
		}
		p := make([]byte, 2)
		if n, err := handle.Read(p); string(p[:n]) != c.next || err != nil {
			t.Errorf("got %q, %v, want %q", p[:n], err, c.next)
		}
	}
	for _, bad := range []struct {
		offset int64
		whence int
	}{{-1, io.SeekStart}, {0, 7}} {
		if _, err := handle.Seek(bad.offset, bad.whence); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("seek %d, %d: got %v, want EINVAL", bad.offset, bad.whence, err)
		}
	}
	r, w, err := newHost(t).Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := r.Seek(0, io.SeekCurrent); !errors.Is(err, syscall.ESPIPE) {
		t.Errorf("a pipe: got %v, want ESPIPE", err)
	}
}

func TestTruncateSetsTheSize(t *testing.T) {
	handle := openFile(t, newHost(t), "0123456789")
	for _, size := range []int64{3, 5, 0} {
		if err := handle.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if s, err := handle.Status(); s.Size != size || err != nil {
			t.Errorf("got size %d, %v, want %d", s.Size, err, size)
		}
	}
	if err := handle.Truncate(-1); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("got %v, want EINVAL", err)
	}
	if err := handle.Sync(); err != nil {
		t.Errorf("sync: %v", err)
	}
}

func TestStatusTellsAboutTheOpenFile(t *testing.T) {
	before := time.Now().Add(-time.Minute)
	handle := openFile(t, newHost(t), "abc")
	s, err := handle.Status()
	if err != nil {
		t.Fatal(err)
	}
	if s.Type != "file" || s.Mode != 0o640 || s.Size != 3 || s.Links != 1 || int(s.UID) != os.Getuid() {
		t.Errorf("got %+v", s)
	}
	for _, at := range []time.Time{s.Accessed, s.Modified, s.Changed} {
		if at.Before(before) || at.After(time.Now().Add(time.Minute)) {
			t.Errorf("got the time %v", at)
		}
	}
	dir := must[*host.Handle](t)(newHost(t).Open(t.TempDir(), os.O_RDONLY, 0))
	defer dir.Close()
	if s, err := dir.Status(); s.Type != "dir" || err != nil {
		t.Errorf("got %q, %v, want dir", s.Type, err)
	}
}

func TestFileOperationsOnAClosedHandleAreEBADF(t *testing.T) {
	handle := openFile(t, newHost(t), "")
	handle.Close()
	_, seek := handle.Seek(0, io.SeekStart)
	_, status := handle.Status()
	for op, err := range map[string]error{"seek": seek, "stat": status, "truncate": handle.Truncate(0), "sync": handle.Sync()} {
		if !errors.Is(err, syscall.EBADF) {
			t.Errorf("%s: got %v, want EBADF", op, err)
		}
	}
}

func TestFileOperationsCanBeMadeToFail(t *testing.T) {
	h := host.New()
	h.Fail = func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	}
	if err := openFile(t, h, "").Sync(); err != syscall.EIO {
		t.Errorf("got %v, want EIO", err)
	}
}

// A FIFO that is open both ways never ends, however many writers come and go.
func TestAFIFOOpenForReadingAndWritingHasNoEnd(t *testing.T) {
	path := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	reader := must[*host.Handle](t)(h.Open(path, os.O_RDWR, 0))
	defer reader.Close()
	writer := must[*host.Handle](t)(h.Open(path, os.O_WRONLY, 0))
	writer.Write([]byte("x"))
	writer.Close()
	p := make([]byte, 8)
	if n, err := reader.Read(p); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := reader.Read(p); err != syscall.EAGAIN {
		t.Errorf("got %v, want EAGAIN", err)
	}
}
