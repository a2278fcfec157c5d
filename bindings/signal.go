package bindings

import (
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

func (b *Lib) kernelSig(l *lua.LState) int {
	a := b.handlerArgs(l, "sig")
	name := a.String(1)
	if a.Missing(2) {
		b.k.IgnoreSignal(name)
		return luax.True(l)
	}
	b.k.WatchSignal(name, b.eventArg(a, 2), a.Rest(2))
	return luax.True(l)
}

func (b *Lib) kernelSigChild(l *lua.LState) int {
	a := b.handlerArgs(l, "sig_child")
	pid := a.Int(1)
	if a.Missing(2) {
		b.k.IgnoreProcess(pid)
		return luax.True(l)
	}
	if b.k.LoopName() == "simulated" {
		luax.ArgError(l, "sig_child", 1, "the simulated clock watches no real process")
	}
	return b.result(l, b.k.WatchProcess(pid, b.eventArg(a, 2), site(l), a.Rest(2)))
}

func (b *Lib) kernelSigHandled(l *lua.LState) int {
	b.self(l, "sig_handled")
	b.k.SignalHandled()
	return luax.True(l)
}

func (b *Lib) kernelSignal(l *lua.LState) int {
	a := b.args(l, "signal")
	t := b.sessionArg(a, 1)
	name := a.String(2)
	if t == nil {
		return b.unknown(a, 1)
	}
	return b.result(l, b.k.Signal(t, name, site(l), a.Rest(2)))
}

// kernelSignalUIDestroy makes the closing of a handle send UIDESTROY to the whole program.
func (b *Lib) kernelSignalUIDestroy(l *lua.LState) int {
	a := b.args(l, "signal_ui_destroy")
	ud, _ := a.Get(1).(*lua.LUserData)
	if ud == nil {
		a.Fail(1, "handle")
	}
	d, ok := ud.Value.(descriptor)
	if !ok {
		a.Fail(1, "handle")
	}
	fd := d.FD()
	if fd < 0 {
		luax.ArgError(l, "signal_ui_destroy", 1, "the handle is closed")
	}
	b.interfaces[fd] = site(l)
	return luax.True(l)
}

// Closing tells the library that a descriptor is about to be closed: what watched it no longer does. In the function of a
// trace it raises if anything does.
func (b *Lib) Closing(fd int) {
	if b.k.Observing() {
		_, watched := b.interfaces[fd]
		if watched || slices.ContainsFunc(b.k.Watched(nil), func(w kernel.Watching) bool { return w.FD == fd }) {
			b.changing(b.running(), "closing a watched handle")
		}
		return
	}
	b.k.CloseWatched(fd)
	if site, ok := b.interfaces[fd]; ok {
		delete(b.interfaces, fd)
		_ = b.k.Signal(b.k.Root(), "UIDESTROY", site, nil) // the kernel's own task is always there
	}
}
