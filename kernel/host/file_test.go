package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

func TestTempFileIsGoneWhenClosed(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h := newHost(t)
	file := must[*os.File](t)(h.TempFile())
	file.WriteString("kept")
	p := make([]byte, 8)
	if n, _ := file.ReadAt(p, 0); string(p[:n]) != "kept" {
		t.Errorf("got %q", p[:n])
	}
	file.Close()
	if left := must[[]os.DirEntry](t)(os.ReadDir(os.TempDir())); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestTempNameIsAFileOfItsOwn(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h := newHost(t)
	first, second := must[string](t)(h.TempName()), must[string](t)(h.TempName())
	if first == second || filepath.Dir(first) != os.TempDir() {
		t.Errorf("got %q and %q", first, second)
	}
	info := must[fs.FileInfo](t)(h.Stat(first))
	if info.Size() != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("got a file of %d bytes, mode %v", info.Size(), info.Mode())
	}
}

func TestRemoveTakesFilesAndEmptyDirectories(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t)
	file := must[*os.File](t)(h.OpenFile(dir+"/old", os.O_WRONLY|os.O_CREATE, 0o600))
	file.Close()
	if err := h.Rename(dir+"/old", dir+"/new"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{dir + "/new", dir} {
		if err := h.Remove(path); err != nil {
			t.Error(err)
		}
		if _, err := h.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
	if err := h.Remove(dir); host.Errno(err) == 0 {
		t.Error("a missing directory was removed")
	}
}
