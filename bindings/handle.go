package bindings

import (
	"errors"
	"io"
	"maps"
	"math"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

const readSize = 65536 // bytes that one read takes when the script does not say

// errClosed is the failure of a method on a closed handle.
var errClosed = &kernel.Error{Errno: syscall.EBADF, Message: "the handle is closed"}

// descriptor is what can be watched: a poe.Handle or a Lua file.
type descriptor interface {
	FD() int // -1 once closed
}

func (b *Lib) openHandles(l *lua.LState) {
	all := map[string]lua.LGFunction{
		"read":    b.handleRead,
		"write":   b.handleWrite,
		"close":   b.handleClose,
		"is_open": b.handleIsOpen,
		"fd":      b.handleFD,
		"kind":    b.handleKind,
	}
	maps.Copy(all, b.socketMethods())
	maps.Copy(all, b.fileMethods())
	maps.Copy(all, b.terminalMethods())
	maps.Copy(all, b.tlsMethods())
	methods := class(l, all)
	b.handleMeta = metatable(l, "poe.Handle", methods, map[string]lua.LGFunction{
		"__tostring": func(l *lua.LState) int {
			l.Push(lua.LString("poe.Handle(" + b.checkHandle(l, "tostring").String() + ")"))
			return 1
		},
	})
	handles := l.CreateTable(0, 1)
	handles.RawSetString("new", l.NewFunction(b.handleNew))
	b.module.RawSetString("Handle", handles)

	oneWay, twoWay := l.CreateTable(0, 1), l.CreateTable(0, 1)
	oneWay.RawSetString("new", l.NewFunction(b.pipeOneWay))
	twoWay.RawSetString("new", l.NewFunction(b.pipeTwoWay))
	pipes := l.CreateTable(0, 2)
	pipes.RawSetString("OneWay", oneWay)
	pipes.RawSetString("TwoWay", twoWay)
	b.module.RawSetString("pipe", pipes)
}

// newHandle makes the object of a handle. When the object is garbage the handle is closed: whoever uses the handle
// without being asked to by a script keeps the object.
func (b *Lib) newHandle(h *handle.Handle) *lua.LUserData {
	ud := b.handleObject(h)
	s, ok := b.k.Active().Receiver().(*session)
	b.garbage.add(ud, h, ok && s.debug)
	return ud
}

// handleObject makes the object of a handle that is closed by nobody but a script.
func (b *Lib) handleObject(h *handle.Handle) *lua.LUserData {
	return &lua.LUserData{Value: h, Metatable: b.handleMeta}
}

// checkedHandle is v as a handle; nil if it is none.
func checkedHandle(v lua.LValue) *handle.Handle {
	if ud, ok := v.(*lua.LUserData); ok {
		if h, ok := ud.Value.(*handle.Handle); ok {
			return h
		}
	}
	return nil
}

func (b *Lib) checkHandle(l *lua.LState, method string) *handle.Handle {
	h := checkedHandle(l.Get(1))
	if h == nil {
		l.RaiseError("calling '%s' on a bad self (use handle:%s)", method, method)
	}
	return h
}

// handleNew wraps a descriptor: a number or a Lua file. The descriptor of a Lua file stays the file's.
func (b *Lib) handleNew(l *lua.LState) int {
	a := luax.Args{L: l, Name: "new", Base: 0}
	if checkedHandle(a.Get(1)) != nil {
		a.Fail(1, "descriptor number or Lua file")
	}
	fd, keep := b.descriptorArg(a, 1), false
	if fd < 0 {
		luax.ArgError(l, "new", 1, "the file is closed")
	}
	if _, file := a.Get(1).(*lua.LUserData); file {
		keep = true
	}
	if !a.Missing(2) {
		options, ok := a.Get(2).(*lua.LTable)
		if !ok {
			a.Fail(2, "table")
		}
		for k, v := options.Next(lua.LNil); k != lua.LNil; k, v = options.Next(k) {
			if k != lua.LString("keep") {
				l.RaiseError("poe.Handle.new: unknown parameter '%s'", k.String())
			}
			on, ok := v.(lua.LBool)
			if !ok {
				l.RaiseError("poe.Handle.new: keep: boolean expected, got %s", luax.TypeName(v))
			}
			keep = keep || bool(on)
		}
	}
	h, err := b.host.Wrap(fd, keep)
	if err != nil {
		return luax.Failure(l, err)
	}
	var ud *lua.LUserData
	if keep || fd <= 2 {
		ud = b.handleObject(handle.New(h))
	} else {
		ud = b.newHandle(handle.New(h))
	}
	ud.Env = l.CreateTable(1, 0)
	ud.Env.RawSetInt(1, a.Get(1)) // as long as the handle lives the file is no garbage, which would be closed
	l.Push(ud)
	return 1
}

// descriptorArg is argument n, a descriptor: its number, or what has one. It is -1 when that is closed.
func (b *Lib) descriptorArg(a luax.Args, n int) int {
	switch v := a.Get(n).(type) {
	case lua.LNumber:
		fd := int(v)
		if lua.LNumber(fd) != v || fd < 0 || fd > math.MaxInt32 {
			luax.ArgError(a.L, a.Name, n, "not a descriptor: "+v.String())
		}
		return fd
	case *lua.LUserData:
		if d, ok := v.Value.(descriptor); ok {
			return d.FD()
		}
	}
	a.Fail(n, "handle, Lua file or descriptor number")
	return -1
}

// handleRead reads what is there, at most n bytes. At the end of input it gives nil, "" and 0.
func (b *Lib) handleRead(l *lua.LState) int {
	h := b.checkHandle(l, "read")
	a := luax.Args{L: l, Name: "read", Base: 1}
	n := readSize
	if !a.Missing(1) {
		if n = a.Int(1); n < 1 {
			luax.ArgError(l, "read", 1, "a number of bytes above 0 expected")
		}
		n = min(n, 1<<24)
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	buf := b.buffer
	if n > len(buf) {
		buf = make([]byte, n)
		if n <= readSize {
			b.buffer = make([]byte, readSize)
			buf = b.buffer
		}
	}
	b.k.Touch()
	n, err := h.Read(buf[:n])
	switch {
	case errors.Is(err, io.EOF):
		return pushEnd(l)
	case err != nil:
		return luax.Failure(l, err)
	}
	l.Push(lua.LString(buf[:n]))
	return 1
}

// pushEnd pushes what reading gives at the end of input.
func pushEnd(l *lua.LState) int {
	l.Push(lua.LNil)
	l.Push(lua.LString(""))
	l.Push(lua.LNumber(0))
	return 3
}

// handleWrite writes as much as the handle takes now and returns how much that was.
func (b *Lib) handleWrite(l *lua.LState) int {
	h := b.checkHandle(l, "write")
	s := luax.Args{L: l, Name: "write", Base: 1}.String(1)
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	b.k.Touch()
	n, err := h.Write([]byte(s))
	if err != nil && n == 0 {
		return luax.Failure(l, err)
	}
	l.Push(lua.LNumber(n))
	return 1
}

func (b *Lib) handleClose(l *lua.LState) int {
	if err := b.closeHandle(b.checkHandle(l, "close")); err != nil {
		return luax.Failure(l, err)
	}
	return luax.True(l)
}

// closeHandle closes a handle; what watched it no longer does.
func (b *Lib) closeHandle(h *handle.Handle) error {
	fd := h.FD()
	if fd < 0 {
		return errClosed
	}
	b.Closing(fd)
	return h.Close()
}

func (b *Lib) handleIsOpen(l *lua.LState) int {
	l.Push(lua.LBool(b.checkHandle(l, "is_open").FD() >= 0))
	return 1
}

func (b *Lib) handleFD(l *lua.LState) int {
	fd := b.checkHandle(l, "fd").FD()
	if fd < 0 {
		return luax.Failure(l, errClosed)
	}
	l.Push(lua.LNumber(fd))
	return 1
}

func (b *Lib) handleKind(l *lua.LState) int {
	h := b.checkHandle(l, "kind")
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	l.Push(lua.LString(h.Kind()))
	return 1
}

// pipeKind is argument 1 of a pipe's constructor. Differs: POE takes any name for its default.
func pipeKind(l *lua.LState) string {
	a := luax.Args{L: l, Name: "new", Base: 0}
	if a.Missing(1) {
		return ""
	}
	kind := a.String(1)
	for _, k := range host.PipeKinds() {
		if k == kind {
			return kind
		}
	}
	luax.ArgError(l, "new", 1, "unknown kind '"+kind+"' (pipe, socketpair or inet)")
	return ""
}

// pipeOneWay makes a pipe: its reader and its writer.
func (b *Lib) pipeOneWay(l *lua.LState) int {
	kind := pipeKind(l)
	var r, w *host.Handle
	err := b.opening(func() (err error) {
		r, w, err = b.host.Pipe(kind)
		return err
	})
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(b.newHandle(handle.New(r)))
	l.Push(b.newHandle(handle.New(w)))
	return 2
}

// pipeTwoWay makes two ends, each with a reader and a writer: a_read, a_write, b_read, b_write.
func (b *Lib) pipeTwoWay(l *lua.LState) int {
	kind := pipeKind(l)
	var ar, aw, br, bw *host.Handle
	err := b.opening(func() (err error) {
		ar, aw, br, bw, err = b.host.PipePair(kind)
		return err
	})
	if err != nil {
		return luax.Failure(l, err)
	}
	var last *host.Handle
	for _, h := range []*host.Handle{ar, aw, br, bw} {
		if h == last {
			l.Push(l.Get(-1)) // one handle serves both ways
		} else {
			l.Push(b.newHandle(handle.New(h)))
		}
		last = h
	}
	return 4
}

// watched is argument 1 of a select method: what is to be watched, by its descriptor. A closed handle is a wrong call.
func (b *Lib) watched(a luax.Args) (fd int, v lua.LValue) {
	if fd = b.descriptorArg(a, 1); fd < 0 {
		luax.ArgError(a.L, a.Name, 1, "the handle is closed")
	}
	return fd, a.Get(1)
}

// selectMode makes select_read and its kin.
func (b *Lib) selectMode(method string, mode kernel.Mode) lua.LGFunction {
	return func(l *lua.LState) int {
		a := b.handlerArgs(l, method)
		fd, h := b.watched(a)
		event := a.Get(2)
		if event == lua.LNil || event == lua.LFalse {
			b.k.RemoveWatch(fd, mode)
			return luax.True(l)
		}
		return b.result(l, b.watch(a, fd, h, mode, b.eventArg(a, 2), a.Rest(2)))
	}
}

// watch sets a watcher. What can never be watched is a wrong call: a number that is no open descriptor, or a
// real handle under the simulated clock.
func (b *Lib) watch(a luax.Args, fd int, h lua.LValue, mode kernel.Mode, event string, args []any) error {
	var err error
	if checkedHandle(h) == nil {
		err = b.host.SetNonblock(fd)
	}
	if err == nil {
		err = b.k.SetWatch(kernel.Watch{FD: fd, Handle: h, Mode: mode, Event: event, Site: site(a.L), Args: args})
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EBADF) {
		luax.ArgError(a.L, a.Name, 1, err.Error())
	}
	return err
}

// kernelSelect sets or removes the watchers of all three modes.
func (b *Lib) kernelSelect(l *lua.LState) int {
	a := b.handlerArgs(l, "select")
	fd, h := b.watched(a)
	for i := range 3 {
		if v := a.Get(2 + i); v != lua.LNil && v != lua.LFalse {
			b.eventArg(a, 2+i)
		}
	}
	args := a.Rest(4)
	for i, mode := range []kernel.Mode{kernel.Read, kernel.Write, kernel.Expedite} {
		v := a.Get(2 + i)
		if v == lua.LNil || v == lua.LFalse {
			b.k.RemoveWatch(fd, mode)
		} else if err := b.watch(a, fd, h, mode, v.String(), args); err != nil {
			return b.failure(l, err)
		}
	}
	return luax.True(l)
}

// selectPause makes the methods that pause and resume a watcher.
func (b *Lib) selectPause(method string, mode kernel.Mode, pause bool) lua.LGFunction {
	return func(l *lua.LState) int {
		fd, _ := b.watched(b.handlerArgs(l, method))
		if pause {
			l.Push(lua.LBool(b.k.PauseWatch(fd, mode)))
		} else {
			l.Push(lua.LBool(b.k.ResumeWatch(fd, mode)))
		}
		return 1
	}
}
