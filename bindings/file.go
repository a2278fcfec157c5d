package bindings

import (
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// openPerm is what a new file may be used for, less what the umask takes away.
const openPerm = 0o644

var whences = map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}

// fileMethods are methods of poe.Handle.
func (b *Lib) fileMethods() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"seek":     b.onHandle("seek", b.handleSeek),
		"tell":     b.onHandle("tell", b.handleTell),
		"truncate": b.onHandle("truncate", b.handleTruncate),
		"sync":     b.onHandle("sync", b.handleSync),
		"stat":     b.onHandle("stat", b.handleStat),
	}
}

// onHandle makes a method of what needs an open handle. One that is closed is EBADF.
func (b *Lib) onHandle(method string, f func(h *handle.Handle, a luax.Args) int) lua.LGFunction {
	return func(l *lua.LState) int {
		h := b.checkHandle(l, method)
		if h.FD() < 0 {
			return luax.Failure(l, errClosed)
		}
		return f(h, luax.Args{L: l, Name: method, Base: 1})
	}
}

// answer pushes nil, message and errno, or true.
func answer(l *lua.LState, err error) int {
	if err != nil {
		return luax.Failure(l, err)
	}
	return luax.True(l)
}

// fileOpen is poe.open(path, mode, perm).
//
// Differs: reading waits for the disk, for what one read asks for. What is larger is to be read in portions.
func (b *Lib) fileOpen(l *lua.LState) int {
	a := luax.Args{L: l, Name: "open"}
	path, flags := a.String(1), os.O_RDONLY
	if !a.Missing(2) {
		flags = openFlags(a, 2)
	}
	perm := fs.FileMode(openPerm)
	if !a.Missing(3) {
		perm = permArg(a, 3)
	}
	var h *host.Handle
	err := b.opening(func() (err error) {
		h, err = b.host.Open(path, flags, perm)
		return err
	})
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(h)))
	return 1
}

// openFlags reads argument n, a mode: r, w or a, perhaps +, then x and n in any order.
func openFlags(a luax.Args, n int) (flags int) {
	mode := a.String(n)
	bad := func() { luax.ArgError(a.L, a.Name, n, "unknown mode '"+mode+"' (r r+ w w+ a a+, with x, n)") }
	creates := true
	switch rest := mode; {
	case rest == "":
		bad()
	case rest[0] == 'r':
		creates = false
	case rest[0] == 'w':
		flags = os.O_CREATE | os.O_TRUNC
	case rest[0] == 'a':
		flags = os.O_CREATE | os.O_APPEND
	default:
		bad()
	}
	access, seen := os.O_RDONLY, ""
	if creates {
		access = os.O_WRONLY
	}
	for i := 1; i < len(mode); i++ {
		c := mode[i]
		for j := range seen {
			if seen[j] == c {
				bad()
			}
		}
		seen += string(c)
		switch {
		case c == '+' && i == 1:
			access = os.O_RDWR
		case c == 'x' && creates:
			flags |= os.O_EXCL
		case c == 'n':
			flags |= syscall.O_NOFOLLOW
		default:
			bad()
		}
	}
	return flags | access
}

// permArg is argument n, permissions: a number, or the octal digits of one.
func permArg(a luax.Args, n int) fs.FileMode {
	if s, ok := a.Get(n).(lua.LString); ok {
		if perm, err := strconv.ParseUint(string(s), 8, 32); err == nil && perm <= 0o777 {
			return fs.FileMode(perm)
		}
		luax.ArgError(a.L, a.Name, n, "permissions as \"000\" to \"777\" expected, got '"+string(s)+"'")
	}
	perm := a.Int(n)
	if perm < 0 || perm > 0o777 {
		luax.ArgError(a.L, a.Name, n, "permissions from 0 to 511 (octal 777) expected")
	}
	return fs.FileMode(perm)
}

// handleSeek sets the position as a Lua file's seek does, and tells it.
func (b *Lib) handleSeek(h *handle.Handle, a luax.Args) int {
	whence, offset := "cur", 0
	if !a.Missing(1) {
		whence = a.String(1)
	}
	if !a.Missing(2) {
		offset = a.Int(2)
	}
	from, ok := whences[whence]
	if !ok {
		luax.ArgError(a.L, a.Name, 1, "unknown whence '"+whence+"' (set, cur or end)")
	}
	return pushPosition(a.L, h, int64(offset), from)
}

func (b *Lib) handleTell(h *handle.Handle, a luax.Args) int {
	return pushPosition(a.L, h, 0, io.SeekCurrent)
}

func pushPosition(l *lua.LState, h *handle.Handle, offset int64, whence int) int {
	at, err := h.Seek(offset, whence)
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(lua.LNumber(at))
	return 1
}

func (b *Lib) handleTruncate(h *handle.Handle, a luax.Args) int {
	return answer(a.L, h.Truncate(int64(a.Int(1))))
}

// handleSync brings what was written to the disk. It waits for that, and everything else waits with it.
func (b *Lib) handleSync(h *handle.Handle, a luax.Args) int {
	return answer(a.L, h.Sync())
}

func (b *Lib) handleStat(h *handle.Handle, a luax.Args) int {
	l := a.L
	s, err := h.Status()
	if err != nil {
		return luax.Failure(l, err)
	}
	t := l.CreateTable(0, 12)
	t.RawSetString("type", lua.LString(s.Type))
	t.RawSetString("mode", lua.LNumber(s.Mode))
	t.RawSetString("size", lua.LNumber(s.Size))
	t.RawSetString("dev", lua.LNumber(s.Dev))
	t.RawSetString("ino", lua.LNumber(s.Ino))
	t.RawSetString("nlink", lua.LNumber(s.Links))
	t.RawSetString("uid", lua.LNumber(s.UID))
	t.RawSetString("gid", lua.LNumber(s.GID))
	t.RawSetString("atime", luax.Seconds(s.Accessed))
	t.RawSetString("mtime", luax.Seconds(s.Modified))
	t.RawSetString("ctime", luax.Seconds(s.Changed))
	l.Push(t)
	return 1
}
