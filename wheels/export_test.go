package wheels

import (
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// Connect connects to one of several addresses, as a SocketFactory does to those of a name.
func Connect(env *Env, to []host.Address, done func(h *handle.Handle, to host.Address), failed func(err error)) (stop func()) {
	c := &connector{env: env, left: to, done: done, failed: failed}
	c.prepare = func(*host.Handle, host.Address) error { return nil }
	c.step()
	return c.stop
}

// Interleave is the order in which the addresses of a name are tried.
var Interleave = interleave

// AcceptRest is how long accepting rests after a failure.
const AcceptRest = acceptRest
