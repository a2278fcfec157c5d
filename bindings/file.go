package bindings

import lua "github.com/yuin/gopher-lua"

// fileMethods are methods of poe.Handle.
func (b *Lib) fileMethods() map[string]lua.LGFunction { return nil }
