package interp

import lua "github.com/yuin/gopher-lua"

func openOS(l *lua.LState, c Config) {}
