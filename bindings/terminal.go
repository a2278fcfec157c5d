package bindings

import lua "github.com/yuin/gopher-lua"

// terminalMethods are methods of poe.Handle.
func (b *Lib) terminalMethods() map[string]lua.LGFunction { return nil }
