package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

func TestErrnoDigsTheNumberOut(t *testing.T) {
	cases := []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{syscall.EAGAIN, syscall.EAGAIN},
		{fmt.Errorf("outer: %w", &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}), syscall.ENOENT},
		{os.NewSyscallError("pipe", syscall.EMFILE), syscall.EMFILE},
		{&os.LinkError{Op: "rename", Err: syscall.EXDEV}, syscall.EXDEV},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, syscall.ECONNREFUSED},
		{errors.Join(io.EOF, syscall.EPIPE), syscall.EPIPE},
		{&host.PermissionError{Op: "open"}, syscall.EACCES},
		{&fs.PathError{Op: "read", Err: os.ErrClosed}, syscall.EBADF},
		{net.ErrClosed, syscall.EBADF},
		{os.ErrProcessDone, syscall.ESRCH},
		{os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
		{context.DeadlineExceeded, syscall.ETIMEDOUT},
		{context.Canceled, syscall.ECANCELED},
		{&exec.Error{Name: "x", Err: exec.ErrNotFound}, syscall.ENOENT},
		{fs.ErrExist, syscall.EEXIST},
		{fs.ErrPermission, syscall.EACCES},
		{errors.ErrUnsupported, syscall.ENOTSUP},
		{errors.New("something else"), syscall.EIO},
	}
	for _, c := range cases {
		if got := host.Errno(c.err); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}
