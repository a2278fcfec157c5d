package luax

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Strings makes string values that come one after the other with few allocations: short ones share their memory. As
// long as one is kept its block is, some 600 bytes.
type Strings struct {
	bytes  []byte
	values []lua.LString
}

const (
	stringsTogether = 8
	shortString     = 64
)

// Make is lua.LString(text).
func (s *Strings) Make(text []byte) (v lua.LValue) {
	if len(text) > shortString || len(text) == 0 {
		return lua.LString(text)
	}
	if len(s.values) == 0 || len(s.bytes) < len(text) {
		s.bytes, s.values = make([]byte, stringsTogether*shortString), make([]lua.LString, stringsTogether)
	}
	value := &s.values[0]
	*value = lua.LString(unsafe.String(&s.bytes[0], copy(s.bytes, text)))
	s.bytes, s.values = s.bytes[len(text):], s.values[1:]
	*(*pair)(unsafe.Pointer(&v)) = pair{stringType, unsafe.Pointer(value)}
	return v
}

// Drop ends the sharing between what was made and what will be.
func (s *Strings) Drop() { s.bytes, s.values = nil, nil }

// pair is what an interface consists of.
type pair struct{ kind, data unsafe.Pointer }

var stringType = func() unsafe.Pointer {
	var v lua.LValue = lua.LString("")
	return (*pair)(unsafe.Pointer(&v)).kind
}()
