package bindings

import (
	"crypto/tls"
	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/wheels/handle"
	lua "github.com/yuin/gopher-lua"
)

func (b *Lib) factoryTLS(p *luax.Params, t *lua.LTable, server bool, name string) *tls.Config {
	return nil
}
func (b *Lib) tlsParams(l *lua.LState, n int, who string) handle.TLS { return handle.TLS{} }
