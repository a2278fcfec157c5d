package interp

import (
	"bytes"

	lua "github.com/yuin/gopher-lua"
)

// Load is replaced soon.
func Load(l *lua.LState, name string, source []byte) (*lua.LFunction, error) {
	if bytes.HasPrefix(source, []byte("#")) {
		source = append([]byte("--"), source...)
	}
	return l.Load(bytes.NewReader(source), name)
}
