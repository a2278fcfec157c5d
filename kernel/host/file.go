package host

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Files for Lua's io and os libraries and for loading source. Unlike handles they may block.

// tempPattern is how names of temporary files begin and end.
const tempPattern = "lua_*"

// accessOf gives the permissions that opening with these flags needs.
func accessOf(flags int) []Permission {
	access := flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	writes := access != os.O_RDONLY || flags&(os.O_CREATE|os.O_TRUNC) != 0
	switch {
	case access == os.O_WRONLY:
		return []Permission{Write}
	case writes:
		return []Permission{Read, Write}
	}
	return []Permission{Read}
}

// OpenFile is os.OpenFile, with the permissions that the flags ask for. Creating and truncating need Write.
func (h *Host) OpenFile(path string, flags int, perm fs.FileMode) (*os.File, error) {
	if err := h.Check("open", path, accessOf(flags)...); err != nil {
		return nil, err
	}
	return os.OpenFile(path, flags, perm)
}

// Stat tells about a file. It needs Read.
func (h *Host) Stat(path string) (fs.FileInfo, error) {
	if err := h.Check("stat", path, Read); err != nil {
		return nil, err
	}
	return os.Stat(path)
}

// Remove removes a file, a link or an empty directory. It needs Write for the entry itself,
// not for where a link leads.
func (h *Host) Remove(path string) error {
	if err := h.checkEntry("remove", path, Write); err != nil {
		return err
	}
	return os.Remove(path)
}

// Rename gives a file another name. It needs Write for both, and Read for the first: the other may be readable.
func (h *Host) Rename(from, to string) error {
	if err := h.checkEntry("rename", from, Read, Write); err != nil {
		return err
	}
	if err := h.checkEntry("rename", to, Write); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// TempName makes an empty file with a name of its own in the system's directory for such and gives the name. It needs
// Write for that directory.
func (h *Host) TempName() (string, error) {
	file, err := h.tempFile("tempname")
	if err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

// TempFile opens a file for reading and writing that has no name any more: it is gone when it is closed. It needs Write
// for the system's directory for temporary files.
func (h *Host) TempFile() (*os.File, error) {
	file, err := h.tempFile("tempfile")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (h *Host) tempFile(op string) (*os.File, error) {
	dir := os.TempDir()
	if err := h.Check(op, filepath.Join(dir, tempPattern), Write); err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, tempPattern)
}

// Getwd gives the working directory.
func (h *Host) Getwd() (string, error) {
	if err := h.Check("getwd", ""); err != nil {
		return "", err
	}
	return os.Getwd()
}
