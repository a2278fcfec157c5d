package console

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel/host"
)

// connectTime bounds what a connection and its greeting may take.
const connectTime = 5 * time.Second

// directories are where the sockets of this user's programs may be, the preferred one first.
func directories() []string {
	var all []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		all = append(all, filepath.Join(dir, "poelua"))
	}
	return append(all, fmt.Sprintf("/tmp/poelua-%d", os.Geteuid()))
}

// trusted says why a directory is not this user's own, where nobody else can put anything.
func trusted(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return &fs.PathError{Op: "console", Path: dir, Err: syscall.ENOTDIR}
	case !ok || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0:
		return &fs.PathError{Op: "console", Path: dir, Err: errors.New("it is not for this user alone")}
	}
	return nil
}

// usualPath is where the socket of this process is if nobody says where. The directory is made.
func usualPath() (string, error) {
	var failures []error
	for _, dir := range directories() {
		err := os.Mkdir(dir, 0o700)
		if err == nil || errors.Is(err, fs.ErrExist) {
			err = trusted(dir)
		}
		if err == nil {
			return filepath.Join(dir, strconv.Itoa(os.Getpid())+".sock"), nil
		}
		failures = append(failures, err)
	}
	return "", errors.Join(failures...)
}

// listen makes the socket. One that a dead process has left is taken over.
func listen(path string) (*net.UnixListener, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode().Type() != fs.ModeSocket:
		return nil, nil, &fs.PathError{Op: "console", Path: path, Err: errors.New("it is there and no socket")}
	case err == nil:
		if !stale(path) {
			return nil, nil, &fs.PathError{Op: "console", Path: path, Err: syscall.EADDRINUSE}
		}
		if err := os.Remove(path); err != nil {
			return nil, nil, err
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, nil, &fs.PathError{Op: "console", Path: path, Err: cause(err)}
	}
	l.SetUnlinkOnClose(false) // by then it may be another's
	if err = os.Chmod(path, 0o600); err == nil {
		info, err = os.Lstat(path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return l, info, nil
}

// stale says whether nobody listens at a socket any more.
func stale(path string) bool {
	c, err := net.DialTimeout("unix", path, connectTime)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	c.Close()
	return false
}

// cause is an error of the system without what package net says about it.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// checkPeer says why whoever is at the other end is not to be talked to.
func checkPeer(h *host.Host, c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var peer host.Credentials
	var failure error
	err = raw.Control(func(fd uintptr) {
		var handle *host.Handle
		if handle, failure = h.Wrap(int(fd), true); failure != nil {
			return
		}
		peer, failure = handle.PeerCredentials()
		failure = errors.Join(failure, handle.Close())
	})
	if err = errors.Join(err, failure); err != nil {
		return err
	}
	if peer.UID != os.Geteuid() && peer.UID != 0 {
		return fmt.Errorf("user %d is not this one", peer.UID)
	}
	return nil
}
