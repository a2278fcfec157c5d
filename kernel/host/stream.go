package host

import (
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stream is an output that takes everything it is given. A descriptor that is non-blocking, perhaps because it shares
// its open file with a watched input, is waited for: nothing is lost. A reader that is gone gives EPIPE.
type Stream struct {
	mu   sync.Mutex
	host *Host     // nil for an embedder's writer
	name string    // what Fail is asked about
	w    io.Writer // nil when conn is set
	conn descriptor
}

// Input is a reader that waits for input on a descriptor that is non-blocking.
type Input struct {
	mu   sync.Mutex
	host *Host
	name string
	r    io.Reader
	conn descriptor
}

// descriptor lends a number while f runs. *os.File gives one by SyscallConn, which keeps the file from being closed
// and, unlike Fd, leaves its mode alone.
type descriptor interface {
	Control(f func(fd uintptr)) error
}

// standard is a descriptor that stays open for the life of the process.
type standard int

func (s standard) Control(f func(fd uintptr)) error {
	f(uintptr(s))
	return nil
}

// Stdout is the process's standard output, the same stream each time.
func (h *Host) Stdout() *Stream { return h.stdout }

// Stderr is the process's standard error, the same stream each time.
func (h *Host) Stderr() *Stream { return h.stderr }

// Stdin is the process's standard input, the same one each time.
func (h *Host) Stdin() *Input { return h.stdin }

// NewStream makes a stream of any writer. An *os.File is written to by its descriptor, as the standard streams are.
func NewStream(w io.Writer) *Stream {
	return &Stream{w: w, conn: descriptorOf(w)}
}

// NewInput makes an input of any reader. An *os.File is read by its descriptor, as standard input is.
func NewInput(r io.Reader) *Input {
	return &Input{r: r, conn: descriptorOf(r)}
}

func descriptorOf(v any) descriptor {
	file, ok := v.(*os.File)
	if !ok {
		return nil
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return nil
	}
	return conn
}

// Write writes all of p, or tells how much of it was written before the error. What two goroutines write does not mix.
func (s *Stream) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host != nil {
		if err := s.host.fail("write", s.name); err != nil {
			return 0, err
		}
	}
	if s.conn == nil {
		return s.w.Write(p)
	}
	if s.conn.Control(func(fd uintptr) { n, err = writeAll(int(fd), p) }) != nil {
		return 0, os.ErrClosed // the only reason there is
	}
	return n, err
}

func writeAll(fd int, p []byte) (written int, err error) {
	for written < len(p) {
		n, err := writeFD(fd, p[written:])
		written += n
		switch {
		case err == syscall.EAGAIN:
			err = waitFor(fd, unix.POLLOUT, forever)
		case err == nil && n == 0:
			err = io.ErrShortWrite // a device that takes nothing would keep us here for ever
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Read reads what is there and waits while nothing is: io.EOF at the end.
func (in *Input) Read(p []byte) (n int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.host != nil {
		if err := in.host.fail("read", in.name); err != nil {
			return 0, err
		}
	}
	if in.conn == nil {
		return in.r.Read(p)
	}
	if in.conn.Control(func(fd uintptr) { n, err = readSome(int(fd), p) }) != nil {
		return 0, os.ErrClosed // the only reason there is
	}
	return n, err
}

func readSome(fd int, p []byte) (int, error) {
	for {
		n, err := readFD(fd, p)
		if err == syscall.EAGAIN {
			if err = waitFor(fd, unix.POLLIN, forever); err == nil {
				continue
			}
		}
		if n == 0 && err == nil && len(p) > 0 {
			err = io.EOF
		}
		return n, err
	}
}

// forever is the poll(2) timeout that never comes.
const forever = -1

// waitFor waits until the descriptor is ready, or has an error that the next read or write will tell.
func waitFor(fd int, events int16, milliseconds int) error {
	ready := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(ready, milliseconds)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return unix.ETIMEDOUT
		}
		return nil
	}
}
