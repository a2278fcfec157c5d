package host

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// meanings gives a number to the errors that carry none.
var meanings = []struct {
	err   error
	errno syscall.Errno
}{
	{fs.ErrClosed, syscall.EBADF},
	{net.ErrClosed, syscall.EBADF},
	{os.ErrNoDeadline, syscall.ENOTSUP},
	{os.ErrProcessDone, syscall.ESRCH},
	{os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
	{context.DeadlineExceeded, syscall.ETIMEDOUT},
	{context.Canceled, syscall.ECANCELED},
	{exec.ErrNotFound, syscall.ENOENT},
	{exec.ErrDot, syscall.ENOENT},
	{fs.ErrNotExist, syscall.ENOENT},
	{fs.ErrExist, syscall.EEXIST},
	{fs.ErrPermission, syscall.EACCES},
	{fs.ErrInvalid, syscall.EINVAL},
	{errors.ErrUnsupported, syscall.ENOTSUP},
}

// Errno digs the system's error number out of whatever wraps it. Errors of the standard library that stand for one give
// that one, nil gives 0, and all others EIO.
func Errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return m.errno
		}
	}
	return syscall.EIO
}
