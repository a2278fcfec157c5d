package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// bindPath tries to bind a new socket to a path. It listens if it is a stream.
func bindPath(t *testing.T, h *host.Host, kind host.SocketKind, path string, o host.BindOptions) (*host.Handle, error) {
	t.Helper()
	s := newSocket(t, h, host.Unix, kind)
	if err := s.Bind(host.Address{Path: path}, o); err != nil {
		return nil, err
	}
	if kind == host.StreamSocket {
		if err := s.Listen(0); err != nil {
			t.Fatal(err)
		}
	}
	return s, nil
}

func eachSocketKind(t *testing.T, f func(t *testing.T, kind host.SocketKind)) {
	t.Run("stream", func(t *testing.T) { f(t, host.StreamSocket) })
	t.Run("datagram", func(t *testing.T) { f(t, host.DatagramSocket) })
}

func TestCloseRemovesABoundPath(t *testing.T) {
	eachSocketKind(t, func(t *testing.T, kind host.SocketKind) {
		dir := t.TempDir()
		h := newHost(t)
		cases := []struct {
			name  string
			o     host.BindOptions
			close func(s *host.Handle, path string)
			stays bool
		}{
			{"its own", host.BindOptions{}, func(s *host.Handle, _ string) { s.Close() }, false},
			{"not when it is to be kept", host.BindOptions{KeepPath: true}, func(s *host.Handle, _ string) { s.Close() }, true},
			{"not another socket in its place", host.BindOptions{}, func(s *host.Handle, path string) {
				os.Remove(path)
				must[*host.Handle](t)(bindPath(t, h, kind, path, host.BindOptions{KeepPath: true}))
				s.Close()
			}, true},
			{"not a plain file in its place", host.BindOptions{}, func(s *host.Handle, path string) {
				os.Remove(path)
				os.WriteFile(path, []byte("precious"), 0o600)
				s.Close()
			}, true},
			{"nothing when it has gone", host.BindOptions{}, func(s *host.Handle, path string) {
				os.Remove(path)
				s.Close()
			}, false},
			{"with the last of two handles", host.BindOptions{}, func(s *host.Handle, path string) {
				second := must[*host.Handle](t)(s.Dup())
				s.Close()
				if !exists(path) {
					t.Error("the first handle took the path away from the second")
				}
				second.Close()
			}, false},
			{"not when the descriptor is given away", host.BindOptions{}, func(s *host.Handle, _ string) {
				must[*os.File](t)(s.File()).Close()
			}, true},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				path := filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-"))
				s := must[*host.Handle](t)(bindPath(t, h, kind, path, c.o))
				c.close(s, path)
				if exists(path) != c.stays {
					t.Errorf("it is there: %v, want %v", exists(path), c.stays)
				}
			})
		}
	})
}

func TestARelativePathIsRemovedFromAnywhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	h := newHost(t)
	s := must[*host.Handle](t)(bindPath(t, h, host.StreamSocket, "socket", host.BindOptions{}))
	t.Chdir("/")
	s.Close()
	if exists(dir + "/socket") {
		t.Error("the path is still there")
	}
}

func TestBindToATakenPath(t *testing.T) {
	reuse := host.BindOptions{Reuse: true}
	eachSocketKind(t, func(t *testing.T, kind host.SocketKind) {
		cases := []struct {
			name  string
			taken func(t *testing.T, h *host.Host, path string)
			o     host.BindOptions
			want  syscall.Errno // 0: it is replaced
		}{
			{"stale, to be reused", leaveStale(kind), reuse, 0},
			{"stale", leaveStale(kind), host.BindOptions{}, syscall.EADDRINUSE},
			{"live", leaveLive(kind), reuse, syscall.EADDRINUSE},
			{"live of the other kind", leaveLive(1 - kind), reuse, syscall.EADDRINUSE},
			{"a plain file", func(t *testing.T, _ *host.Host, path string) {
				if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
					t.Fatal(err)
				}
			}, reuse, syscall.EADDRINUSE},
			{"a folder", func(t *testing.T, _ *host.Host, path string) {
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			}, reuse, syscall.EADDRINUSE},
			{"a link to a stale one", func(t *testing.T, h *host.Host, path string) {
				leaveStale(kind)(t, h, path+"-target")
				if err := os.Symlink(path+"-target", path); err != nil {
					t.Fatal(err)
				}
			}, reuse, syscall.EADDRINUSE},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				h := newHost(t)
				path := t.TempDir() + "/socket"
				c.taken(t, h, path)
				before := must[os.FileInfo](t)(os.Lstat(path))
				_, err := bindPath(t, h, kind, path, c.o)
				if host.Errno(err) != c.want {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if after := must[os.FileInfo](t)(os.Lstat(path)); c.want != 0 && !os.SameFile(before, after) {
					t.Error("the file was replaced")
				}
			})
		}
	})
}

func leaveStale(kind host.SocketKind) func(t *testing.T, h *host.Host, path string) {
	return func(t *testing.T, h *host.Host, path string) {
		must[*host.Handle](t)(bindPath(t, h, kind, path, host.BindOptions{KeepPath: true})).Close()
	}
}

func leaveLive(kind host.SocketKind) func(t *testing.T, h *host.Host, path string) {
	return func(t *testing.T, h *host.Host, path string) {
		must[*host.Handle](t)(bindPath(t, h, kind, path, host.BindOptions{}))
	}
}

func TestTooLongAPathIsENAMETOOLONG(t *testing.T) {
	h := newHost(t)
	s := newSocket(t, h, host.Unix, host.StreamSocket)
	for _, name := range []string{t.TempDir() + "/" + strings.Repeat("x", 100), "@" + strings.Repeat("x", 200)} {
		a := host.Address{Path: name}
		for op, err := range map[string]error{"bind": s.Bind(a, host.BindOptions{}), "connect": s.Connect(a)} {
			if host.Errno(err) != syscall.ENAMETOOLONG {
				t.Errorf("%s: got %v, want ENAMETOOLONG", op, err)
			}
		}
	}
}

func TestABacklogThatIsFullIsEAGAIN(t *testing.T) {
	h := newHost(t)
	a := host.Address{Path: t.TempDir() + "/socket"}
	listener := bindTo(t, h, host.StreamSocket, a)
	if err := listener.Listen(1); err != nil {
		t.Fatal(err)
	}
	var err error
	for range 10 {
		if err = newSocket(t, h, host.Unix, host.StreamSocket).Connect(a); err != nil {
			break
		}
	}
	if errno := host.Errno(err); errno != syscall.EAGAIN && errno != syscall.ECONNREFUSED { // the latter on BSD
		t.Errorf("got %v, want EAGAIN", err)
	}
}
