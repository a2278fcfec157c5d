package handle

import (
	"crypto/tls"
	"github.com/poelua/poelua/kernel"
)

type Side uint8

const (
	Client Side = iota
	Server
)

type TLS struct {
	Config *tls.Config
	Side   Side
	Early  []byte
}

func (h *Handle) StartTLS(k *kernel.Kernel, t TLS) (*Handle, error) { return nil, nil }
func (h *Handle) OnHandshake(f func(err error))                     {}
func (h *Handle) Shutdown(how string) error                         { return h.Handle.Shutdown(how != "write", how != "read") }
