package bindings

import lua "github.com/yuin/gopher-lua"

// socketMethods are methods of poe.Handle.
func (b *Lib) socketMethods() map[string]lua.LGFunction { return nil }
