package host

import (
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// modes remembers which open files were blocking before we made them non-blocking. The mode belongs to the open file,
// which the shell and the rest of a pipeline have as well, so it is put back when we are done.
type modes struct {
	mu      sync.Mutex
	changed []*mode
}

// mode is one open file that was blocking. It may be known by several descriptors: 0, 1 and 2 of a terminal usually are
// one open file.
type mode struct {
	file    fileID
	fds     []int // the first is the one that was found blocking
	holders int   // handles and watchers that need it non-blocking
}

type fileID struct{ dev, ino uint64 }

// SetNonblock makes a descriptor non-blocking that is not ours, for as long as the program runs: Restore puts it back.
func (h *Host) SetNonblock(fd int) error {
	if err := h.Check("nonblock", strconv.Itoa(fd)); err != nil {
		return err
	}
	if err := h.modes.hold(fd); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return nil
}

// Restore puts the blocking mode of all shared descriptors back. It is for the way out: watchers and handles that are
// still in use would block afterwards. A second call does nothing.
func (h *Host) Restore() { h.modes.restore() }

// hold makes fd non-blocking until drop was called as often.
func (m *modes) hold(fd int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	file, err := identify(fd)
	if err != nil {
		return err
	}
	if flags&unix.O_NONBLOCK == 0 {
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
		m.changed = append(m.changed, &mode{file: file, fds: []int{fd}, holders: 1})
		return nil
	}
	for _, held := range m.changed {
		if held.file != file {
			continue
		}
		held.holders++
		if !slices.Contains(held.fds, fd) {
			held.fds = append(held.fds, fd)
		}
		return nil
	}
	return nil // it came non-blocking and stays so
}

// drop gives up one hold. It is called while fd is still open.
func (m *modes) drop(fd int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	file, err := identify(fd)
	if err != nil {
		return
	}
	for i, held := range m.changed {
		if held.file != file || !slices.Contains(held.fds, fd) {
			continue
		}
		if held.holders--; held.holders == 0 {
			held.restore()
			m.changed = slices.Delete(m.changed, i, i+1)
		}
		return
	}
}

func (m *modes) restore() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, held := range m.changed {
		held.restore()
	}
	m.changed = nil
}

// restore goes through the first descriptor that still is the file: the number may have become another's.
func (held *mode) restore() {
	for _, fd := range held.fds {
		if file, err := identify(fd); err == nil && file == held.file {
			unix.SetNonblock(fd, false)
			return
		}
	}
}

func identify(fd int) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fileID{}, err
	}
	return fileID{dev: uint64(st.Dev), ino: uint64(st.Ino)}, nil
}
