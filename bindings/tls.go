package bindings

import lua "github.com/yuin/gopher-lua"

// tlsMethods are methods of poe.Handle.
func (b *Lib) tlsMethods() map[string]lua.LGFunction { return nil }
