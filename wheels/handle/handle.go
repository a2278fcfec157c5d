// Package handle is what wheels, drivers and scripts read and write: descriptors made non-blocking, with TLS over them where
// it was started, and the driver that moves bytes between one and memory.
//
//	Handle  a descriptor, plain or with TLS
//	SysRW   the driver: a queue of output, and reads of a bounded size
package handle

import "github.com/poelua/poelua/kernel/host"

// Handle is a descriptor. Whoever made it closes it. Loop goroutine only.
type Handle struct {
	*host.Handle
}

// New makes a handle of one of the host's.
func New(h *host.Handle) *Handle { return &Handle{h} }
