package host_test

import (
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel/host"
)

func unixPair(t *testing.T, h *host.Host) (a, b *host.Handle) {
	t.Helper()
	a, _, b, _, err := h.PipePair("socketpair")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

func TestPassedPipeCanBeReadByThePeer(t *testing.T) {
	h := newHost(t)
	a, b := unixPair(t, h)
	r, w, err := h.Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SendDescriptor(r.FD()); err != nil {
		t.Fatal(err)
	}
	r.Close()
	passed := must[*host.Handle](t)(b.RecvHandle())
	defer passed.Close()
	if flags := must[int](t)(unix.FcntlInt(uintptr(passed.FD()), unix.F_GETFD, 0)); flags&unix.FD_CLOEXEC == 0 {
		t.Error("a child would get the handle")
	}
	if passed.Kind() != "pipe" || isBlocking(t, passed.FD()) {
		t.Errorf("got %v, want a non-blocking pipe", passed)
	}
	w.Write([]byte("through"))
	w.Close()
	if got := readToEnd(t, passed); string(got) != "through" {
		t.Errorf("got %q", got)
	}
}

func TestReceivingAHandleTellsWhyNot(t *testing.T) {
	h := newHost(t)
	a, b := unixPair(t, h)
	if _, err := b.RecvHandle(); err != syscall.EAGAIN {
		t.Errorf("nothing there: got %v, want EAGAIN", err)
	}
	a.Write([]byte("xy"))
	if _, err := b.RecvHandle(); err != syscall.EBADMSG {
		t.Errorf("a byte alone: got %v, want EBADMSG", err)
	}
	p := make([]byte, 8)
	if n, err := b.Read(p); string(p[:n]) != "y" {
		t.Errorf("got %q, %v, want the byte after it", p[:n], err)
	}
	if err := a.SendDescriptor(-1); err != syscall.EBADF {
		t.Errorf("no descriptor: got %v, want EBADF", err)
	}
	a.Close()
	if _, err := b.RecvHandle(); err != io.EOF {
		t.Errorf("the end: got %v", err)
	}
	s := newSocket(t, h, host.Inet, host.DatagramSocket)
	if err := s.SendDescriptor(b.FD()); err != syscall.EOPNOTSUPP {
		t.Errorf("not over UNIX: got %v, want EOPNOTSUPP", err)
	}
}

func TestSurplusDescriptorsAreClosed(t *testing.T) {
	h := newHost(t)
	a, b := unixPair(t, h)
	all := make([]int, 50)
	for i := range all {
		all[i] = b.FD()
	}
	if err := unix.Sendmsg(a.FD(), []byte("x"), unix.UnixRights(all...), nil, 0); err != nil {
		t.Fatal(err)
	}
	before := len(openDescriptors())
	passed := must[*host.Handle](t)(b.RecvHandle())
	defer passed.Close()
	if after := len(openDescriptors()); after != before+1 {
		t.Errorf("%d descriptors more, want 1", after-before)
	}
}

func TestDescriptorsThatNobodyTakesAreClosed(t *testing.T) {
	h := newHost(t)
	for name, read := range map[string]func(s *host.Handle) error{
		"read": func(s *host.Handle) error { _, err := s.Read(make([]byte, 8)); return err },
		"recv": func(s *host.Handle) error { _, _, _, err := s.RecvFrom(make([]byte, 8), false); return err },
	} {
		a, b := unixPair(t, h)
		before := len(openDescriptors())
		if err := a.SendDescriptor(b.FD()); err != nil {
			t.Fatal(err)
		}
		if err := read(b); err != nil {
			t.Fatal(err)
		}
		if after := len(openDescriptors()); after != before {
			t.Errorf("%s: %d descriptors more, want none", name, after-before)
		}
	}
}

func TestPeerCredentialsOfAPairAreOurs(t *testing.T) {
	h := newHost(t)
	a, _ := unixPair(t, h)
	want := host.Credentials{Pid: os.Getpid(), UID: os.Getuid(), GID: os.Getgid()}
	got := must[host.Credentials](t)(a.PeerCredentials())
	if got.Pid == 0 {
		want.Pid = 0 // the system does not tell
	}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPeerCredentialsNeedAPeer(t *testing.T) {
	h := newHost(t)
	if _, err := newSocket(t, h, host.Unix, host.StreamSocket).PeerCredentials(); host.Errno(err) != syscall.ENOTCONN {
		t.Errorf("alone: got %v, want ENOTCONN", err)
	}
	if _, err := newSocket(t, h, host.Inet, host.StreamSocket).PeerCredentials(); host.Errno(err) != syscall.EOPNOTSUPP {
		t.Errorf("not UNIX: got %v, want EOPNOTSUPP", err)
	}
}
