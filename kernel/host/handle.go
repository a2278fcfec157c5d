package host

import (
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Handle is a non-blocking, close-on-exec descriptor. Whoever got it closes it.
type Handle struct {
	host   *Host
	kind   string
	socket bool
	keep   bool // Close leaves the descriptor open
	shared bool // other processes have the open file too: its blocking mode is on loan
	family Family
	bound  *boundPath // the file of a UNIX socket that Close removes; guarded by mu
	ours   bool       // one side of a pty that this Host made

	mu sync.RWMutex // held for reading by whoever uses fd, so that Close cannot hand the number to another file meanwhile
	fd int          // -1 once closed
}

// ioMax bounds one read or write: some systems refuse more than fits an int32.
const ioMax = 1 << 30

// Wrap makes a handle of an existing descriptor, which becomes non-blocking and close-on-exec (0, 1 and 2 are left to
// children as they are). With keep, Close leaves the descriptor open. 0, 1, 2 and kept ones get their blocking mode back
// on Close. A descriptor that is not open is EBADF.
func (h *Host) Wrap(fd int, keep bool) (*Handle, error) {
	if err := h.Check("wrap", strconv.Itoa(fd)); err != nil {
		return nil, err
	}
	shared := keep || fd <= 2
	var err error
	if shared {
		err = h.modes.hold(fd)
	} else {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if fd > 2 {
		unix.CloseOnExec(fd)
	}
	handle := h.adopt(fd)
	handle.keep, handle.shared = keep, shared
	return handle, nil
}

// Open opens a file with the flags of os.OpenFile. A FIFO is opened at once, too: for writing alone it needs a reader
// (ENXIO otherwise). A terminal does not become the process's own. Creating and truncating need Write.
func (h *Host) Open(path string, flags int, perm fs.FileMode) (*Handle, error) {
	if err := h.Check("open", path, accessOf(flags)...); err != nil {
		return nil, err
	}
	flags |= unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	for {
		fd, err := unix.Open(path, flags, uint32(perm.Perm()))
		if err == nil {
			return h.adopt(fd), nil
		}
		if err != unix.EINTR {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// adopt makes a handle of a descriptor that is ready for it.
func (h *Host) adopt(fd int) *Handle {
	kind, socket := kindOf(fd)
	if socket {
		quieten(fd)
	}
	h.handles.Add(1)
	return &Handle{host: h, fd: fd, kind: kind, socket: socket}
}

// Read reads what is there: io.EOF at the end, EAGAIN when nothing is there now. An empty datagram is no end. The end of
// a pty's other side is an end.
func (h *Handle) Read(p []byte) (int, error) {
	if h.host.Fail != nil {
		if err := h.host.Fail("read", h.String()); err != nil {
			return 0, err
		}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return 0, syscall.EBADF
	}
	read := readFD
	if h.socket {
		read = readSocket
	}
	n, err := read(h.fd, p)
	if err != nil {
		if err == syscall.EIO && h.kind == "pty" {
			return 0, io.EOF
		}
		return 0, err
	}
	if n == 0 && len(p) > 0 && h.kind != "udp" && h.kind != "unixgram" {
		return 0, io.EOF
	}
	return n, nil
}

// Write gives the number of bytes taken, which may be fewer than all: EAGAIN when none, EPIPE when the reader is gone.
func (h *Handle) Write(p []byte) (int, error) {
	if h.host.Fail != nil {
		if err := h.host.Fail("write", h.String()); err != nil {
			return 0, err
		}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return 0, syscall.EBADF
	}
	if h.socket {
		return writeSocket(h.fd, p)
	}
	return writeFD(h.fd, p)
}

// Close puts the blocking mode back if it is on loan, and closes the descriptor unless it is kept. A second time is EBADF.
func (h *Handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fd := h.fd
	if fd < 0 {
		return syscall.EBADF
	}
	h.forget()
	if h.keep {
		return nil
	}
	if h.bound != nil {
		h.bound.release()
	}
	if err := unix.Close(fd); err != nil && err != unix.EINTR { // interrupted or not, the number is free
		return os.NewSyscallError("close", err)
	}
	return nil
}

// File closes the handle and gives its descriptor as an ordinary, blocking file that the caller closes: what a child
// process expects as its standard streams. Of a kept descriptor it gives a copy, and others who share the open file see
// it blocking.
func (h *Handle) File() (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fd := h.fd
	if fd < 0 {
		return nil, syscall.EBADF
	}
	if h.keep {
		var err error
		if fd, err = duplicate(fd); err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	h.forget()
	unix.SetNonblock(fd, false)
	return os.NewFile(uintptr(fd), h.kind), nil
}

// forget makes the handle a closed one. The descriptor is still open, and mu is held.
func (h *Handle) forget() {
	if h.shared {
		h.host.modes.drop(h.fd)
	}
	switch h.kind {
	case "tty", "pty", "serial":
		h.host.terminals.forget(h)
	}
	h.fd = -1
	h.host.handles.Add(-1)
}

// Move makes the handle a closed one and gives another of its descriptor, which stays open with all that belongs to it.
func (h *Handle) Move() (*Handle, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fd < 0 {
		return nil, syscall.EBADF
	}
	moved := &Handle{
		host: h.host, fd: h.fd, kind: h.kind, socket: h.socket, keep: h.keep, shared: h.shared,
		family: h.family, bound: h.bound, ours: h.ours,
	}
	h.fd, h.bound = -1, nil
	return moved, nil
}

// Dup gives a second handle on the same open file. Each is closed by itself.
func (h *Handle) Dup() (*Handle, error) {
	if err := h.host.Check("dup", h.String()); err != nil {
		return nil, err
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return nil, syscall.EBADF
	}
	fd, err := duplicate(h.fd)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if h.shared {
		if err := h.host.modes.hold(fd); err != nil {
			unix.Close(fd)
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	second := h.host.adopt(fd)
	second.kind, second.shared, second.ours = h.kind, h.shared, h.ours
	second.family, second.bound = h.family, h.bound.share()
	return second, nil
}

func duplicate(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

// FD is the descriptor's number, -1 once closed.
func (h *Handle) FD() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.fd
}

// Kind tells what the descriptor is: "tcp" "udp" "unix" "unixgram" "pipe" "file" "pty" (a master) "serial" "tty" "fifo"
// "dir" "other". It stays so after Close.
func (h *Handle) Kind() string { return h.kind }

// String names kind, number and addresses: "pipe 7", "tcp 9 127.0.0.1:80->127.0.0.1:4711", "closed pipe".
func (h *Handle) String() string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return "closed " + h.kind
	}
	text := h.kind + " " + strconv.Itoa(h.fd)
	if h.socket {
		if addresses := endpoints(h.fd); addresses != "" {
			text += " " + addresses
		}
	}
	return text
}

func readFD(fd int, p []byte) (int, error) {
	p = p[:min(len(p), ioMax)]
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func writeFD(fd int, p []byte) (int, error) {
	p = p[:min(len(p), ioMax)]
	for {
		n, err := unix.Write(fd, p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
