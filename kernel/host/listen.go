package host

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// BindOptions are what is to be settled before a socket has an address.
type BindOptions struct {
	Reuse     bool // an address whose connections linger may be taken; a UNIX socket's file that nobody listens at is replaced
	ReusePort bool // several sockets may have the address, if all say so
	Only6     bool // an IPv6 socket that stands for every local address does not stand for the IPv4 ones
	KeepPath  bool // Close leaves the file of a UNIX socket
}

// backlogMax is more than any system takes; each takes what it can.
const backlogMax = 65535

// Bind gives the socket an address. It needs Listen, or Write for a UNIX path, also when only a client's end is bound.
// The file of a UNIX socket is removed by Close, unless another one has come into its place or KeepPath is set.
// Where there is a file already it is EADDRINUSE.
// Differs: POE always leaves the file.
func (h *Handle) Bind(a Address, o BindOptions) error {
	if err := h.host.checkAddress("bind", a, Listen); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fd < 0 {
		return syscall.EBADF
	}
	family := h.familyOf(h.fd)
	address, err := a.sockaddr(family)
	if err != nil {
		return &OpError{"bind", a.String(), err}
	}
	if family == Unix {
		return failed("bind", a.Path, h.bindPath(a, address, o))
	}
	if o.Reuse {
		err = setFlag(h.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, true)
	}
	if err == nil && o.ReusePort {
		err = setFlag(h.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, true)
	}
	if err == nil && family == Inet6 { // the default is not the same everywhere
		err = setFlag(h.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, o.Only6)
	}
	if err != nil {
		return &OpError{"setsockopt", a.String(), err}
	}
	return failed("bind", a.String(), unix.Bind(h.fd, address))
}

func (h *Handle) bindPath(a Address, address unix.Sockaddr, o BindOptions) error {
	err := unix.Bind(h.fd, address)
	if err == unix.EADDRINUSE && o.Reuse && !a.isAbstract() && removeStale(a.Path, address, h.kind) {
		err = unix.Bind(h.fd, address)
	}
	if err != nil || a.isAbstract() || o.KeepPath {
		return err
	}
	h.bound = newBoundPath(a.Path)
	return nil
}

// removeStale removes the file of a socket that nobody listens at, and nothing else. A live one sees a connection
// that ends at once.
func removeStale(path string, address unix.Sockaddr, kind string) bool {
	file, ok := socketFile(path)
	if !ok {
		return false
	}
	system := unix.SOCK_STREAM
	if kind == "unixgram" {
		system = unix.SOCK_DGRAM
	}
	probe, err := newSocket(unix.AF_UNIX, system)
	if err != nil {
		return false
	}
	err = unix.Connect(probe, address)
	unix.Close(probe)
	if err != unix.ECONNREFUSED {
		return false
	}
	if again, ok := socketFile(path); !ok || again != file {
		return false // somebody else was faster
	}
	return unix.Unlink(path) == nil
}

// socketFile identifies the file of a socket.
func socketFile(path string) (id fileID, ok bool) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fileID{}, false
	}
	return fileID{uint64(st.Dev), uint64(st.Ino)}, true
}

// boundPath is the file of a bound UNIX socket. It goes with the last handle of the socket; where the descriptor
// lives on, because it was kept or given away with File, it stays.
type boundPath struct {
	path    string
	file    fileID
	handles atomic.Int32
}

func newBoundPath(path string) *boundPath {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute // the working directory may be another one when it is to go
	}
	file, ok := socketFile(path)
	if !ok {
		return nil // it has gone already
	}
	b := &boundPath{path: path, file: file}
	b.handles.Store(1)
	return b
}

func (b *boundPath) share() *boundPath {
	if b != nil {
		b.handles.Add(1)
	}
	return b
}

func (b *boundPath) release() {
	if b.handles.Add(-1) > 0 {
		return
	}
	if file, ok := socketFile(b.path); ok && file == b.file {
		_ = os.Remove(b.path) // a folder that has become read-only keeps it; the next Bind with Reuse replaces it
	}
}

// Listen lets clients connect; backlog is how many may wait to be accepted, 0 means as many as the system allows. Without an
// address of its own the socket gets one, for which it needs Listen.
func (h *Handle) Listen(backlog int) error {
	local, err := h.LocalAddress()
	if err != nil {
		return err
	}
	if local.IP.IsValid() && local.Port() == 0 {
		if err := h.host.checkAddress("listen", local, Listen); err != nil {
			return err
		}
	}
	if backlog <= 0 || backlog > backlogMax {
		backlog = backlogMax
	}
	return h.with("listen", func(fd int) error {
		return failed("listen", local.String(), unix.Listen(fd, backlog))
	})
}

// Accept takes a connection that waits: EAGAIN when none does. Like the failures of Read its own are bare numbers.
func (h *Handle) Accept() (*Handle, Address, error) {
	var peer *Handle
	var address Address
	err := h.with("accept", func(fd int) error {
		for {
			accepted, from, err := accept(fd)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return err
			}
			address = addressOf(from)
			peer = h.host.adoptSocket(accepted, h.kind, h.family)
			return nil
		}
	})
	return peer, address, err
}
