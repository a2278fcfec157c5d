package host

import (
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FileStatus tells about an open file.
type FileStatus struct {
	Type                        string // "file" "dir" "fifo" "socket" "char" "block" "other"
	Mode                        uint32 // permissions, the set-user-ID bit and its like included
	Size                        int64
	Dev, Ino, Links             uint64
	UID, GID                    uint32
	Accessed, Modified, Changed time.Time
}

var fileTypes = map[uint32]string{
	unix.S_IFREG: "file", unix.S_IFDIR: "dir", unix.S_IFIFO: "fifo", unix.S_IFSOCK: "socket", unix.S_IFCHR: "char", unix.S_IFBLK: "block",
}

// Seek sets the position as io.Seeker does. What has none is ESPIPE.
func (h *Handle) Seek(offset int64, whence int) (position int64, err error) {
	if whence < io.SeekStart || whence > io.SeekEnd {
		return 0, syscall.EINVAL
	}
	err = h.lend("seek", func(fd int) error {
		position, err = unix.Seek(fd, offset, whence)
		return err
	})
	return position, err
}

// Truncate makes the file size bytes long. What is added reads as zeros.
func (h *Handle) Truncate(size int64) error {
	return h.lend("truncate", func(fd int) error { return unix.Ftruncate(fd, size) })
}

// Sync brings what was written to the disk, and waits for it.
func (h *Handle) Sync() error {
	return h.lend("sync", unix.Fsync)
}

// Status tells about the open file.
func (h *Handle) Status() (s FileStatus, err error) {
	err = h.lend("stat", func(fd int) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		mode := uint32(st.Mode)
		s = FileStatus{
			Type: fileTypes[mode&unix.S_IFMT], Mode: mode &^ unix.S_IFMT, Size: st.Size,
			Dev: uint64(st.Dev), Ino: uint64(st.Ino), Links: uint64(st.Nlink), UID: st.Uid, GID: st.Gid,
			Accessed: time.Unix(st.Atim.Unix()), Modified: time.Unix(st.Mtim.Unix()), Changed: time.Unix(st.Ctim.Unix()),
		}
		if s.Type == "" {
			s.Type = "other"
		}
		return nil
	})
	return s, err
}

// lend calls f with the descriptor, which stays open meanwhile, and again when a signal interrupts it. A closed handle is
// EBADF.
func (h *Handle) lend(op string, f func(fd int) error) error {
	if h.host.Fail != nil {
		if err := h.host.Fail(op, h.String()); err != nil {
			return err
		}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return syscall.EBADF
	}
	for {
		if err := f(h.fd); err != unix.EINTR {
			return os.NewSyscallError(op, err)
		}
	}
}
