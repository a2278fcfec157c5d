package wheels

import (
	"syscall"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels/handle"
)

// upgrade is a start of TLS that waits for output that is to go out before it.
type upgrade struct {
	tls   handle.TLS
	plain handle.SysRW
}

// writePlain writes what is to go out before TLS begins, and then begins it. It is false while something is left.
func (w *ReadWrite) writePlain() bool {
	up := w.rare.upgrade
	left, err := up.plain.Flush(w.out)
	if err != nil {
		w.failRead(err) // what comes now is not what the owner has asked for
		w.failWrite(err)
		return false
	}
	w.blocked = left > 0
	if left > 0 {
		w.rewatch()
		return false
	}
	w.rare.upgrade = nil
	if err := w.secure(up.tls); err != nil {
		w.failRead(err)
		w.failWrite(err)
		return false
	}
	return true
}

// secure puts a handle with TLS in the place of the wheel's.
func (w *ReadWrite) secure(t handle.TLS) error {
	w.detach()
	h, err := w.in.StartTLS(w.env.Kernel, t)
	if err == nil {
		w.in, w.out = h, h
	}
	if attachErr := w.attach(); err == nil {
		err = attachErr
	}
	w.rewatch()
	return err
}

// StartTLS has TLS begin on the wheel's handle: output that waits goes out before, plain; what is put from now on is secret. It
// gives the plain input that was read and is no item yet: that came before TLS, so that it is not to be trusted, and the filter
// does not get it again. A failure of the handshake is told as one of reading or writing. Errors: EINVAL when the wheel has two
// handles, or a driver of the program's; EISCONN when it has TLS, EALREADY when that is about to begin; EBADF, EPIPE when it has
// ended. Then everything is as it was; or else writing has failed, which is told by an event, too.
func (w *ReadWrite) StartTLS(t handle.TLS) (plain []byte, err error) {
	switch {
	case w.dead:
		return nil, ErrDestroyed
	case w.in == nil || w.in != w.out || w.has().custom != nil:
		return nil, &kernel.Error{Errno: syscall.EINVAL, Message: "TLS needs one handle for both directions, and no driver of the program's"}
	case w.inputOver || w.outputOver || w.afterFlush != goOn:
		return nil, &kernel.Error{Errno: syscall.EPIPE, Message: "input or output has ended"}
	case w.has().upgrade != nil:
		return nil, &kernel.Error{Errno: syscall.EALREADY, Message: "TLS is about to begin"}
	}
	if err := w.in.MayStartTLS(t); err != nil {
		return nil, err
	}
	plain = append(plain, w.inFilter.Pending()...)
	filters.Reset(w.inFilter)
	waits := w.queue.Octets() > 0
	w.seldom().upgrade = &upgrade{tls: t, plain: w.queue}
	w.queue = handle.SysRW{BlockSize: w.queue.BlockSize, Spare: w.queue.Spare}
	if waits {
		w.write()
	} else {
		w.writePlain()
	}
	return plain, w.has().writeErr
}
