package interp

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

const (
	integerSize = 8             // bytes of Lua 5.3's integers, which are also its longs and sizes
	widestSize  = 16            // the widest integer and alignment
	packedMost  = math.MaxInt32 // what packsize tells
)

var nativeLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// packKind says what one item of a packing format is.
type packKind int

const (
	packSigned packKind = iota
	packUnsigned
	packFloat
	packChars   // a string of fixed length
	packCounted // a string after its length
	packZero    // a string before a zero byte
	packByte    // one byte of padding
	packAlign   // only the padding before an item
	packNothing
)

// packItem is one item of a packing format.
type packItem struct {
	kind    packKind
	size    int // bytes; for packCounted those of the length
	padding int // bytes before it
}

// packFormat reads the format of pack, unpack and packsize.
type packFormat struct {
	a      luax.Args
	rest   string
	little bool
	widest int // alignment beyond which nothing is aligned
}

// newPackFormat takes argument 1. As for C, a zero byte ends it.
func newPackFormat(a luax.Args) *packFormat {
	return &packFormat{a: a, rest: beforeZero(textArg(a, 1)), little: nativeLittle, widest: 1}
}

// number reads a number, or gives what stands in for none. It stops before it gets too large for C.
func (f *packFormat) number(missing int) int {
	if f.rest == "" || !isDecimal(f.rest[0]) {
		return missing
	}
	n := 0
	for f.rest != "" && isDecimal(f.rest[0]) && n <= (math.MaxInt32-9)/10 {
		n = n*10 + int(f.rest[0]-'0')
		f.rest = f.rest[1:]
	}
	return n
}

func isDecimal(c byte) bool { return '0' <= c && c <= '9' }

// shownByte is a byte as an error message shows it.
func shownByte(c byte) string {
	if c < ' ' || c > '~' {
		return fmt.Sprintf("<\\%d>", c)
	}
	return string(rune(c))
}

// width reads the number of bytes of an integer.
func (f *packFormat) width(missing int) int {
	n := f.number(missing)
	if n < 1 || n > widestSize {
		f.a.L.RaiseError("integral size (%d) out of limits [1,%d]", n, widestSize)
	}
	return n
}

// option reads one option. Those that say how to read on are packNothing.
func (f *packFormat) option() (kind packKind, size int) {
	letter := f.rest[0]
	f.rest = f.rest[1:]
	switch letter {
	case 'b':
		return packSigned, 1
	case 'B':
		return packUnsigned, 1
	case 'h':
		return packSigned, 2
	case 'H':
		return packUnsigned, 2
	case 'i':
		return packSigned, f.width(4)
	case 'I':
		return packUnsigned, f.width(4)
	case 'l', 'j':
		return packSigned, integerSize
	case 'L', 'J', 'T':
		return packUnsigned, integerSize
	case 'f':
		return packFloat, 4
	case 'd', 'n':
		return packFloat, 8
	case 's':
		return packCounted, f.width(integerSize)
	case 'c':
		n := f.number(-1)
		if n < 0 {
			f.a.L.RaiseError("missing size for format option 'c'")
		}
		return packChars, n
	case 'z':
		return packZero, 0
	case 'x':
		return packByte, 1
	case 'X':
		return packAlign, 0
	case '<':
		f.little = true
	case '>':
		f.little = false
	case '=':
		f.little = nativeLittle
	case '!':
		f.widest = f.width(8)
	case ' ':
	default:
		f.a.L.RaiseError("invalid format option '%s'", shownByte(letter))
	}
	return packNothing, 0
}

// next reads an item that is to stand after offset bytes.
func (f *packFormat) next(offset int) packItem {
	kind, size := f.option()
	align := size
	if kind == packAlign {
		var what packKind
		if f.rest != "" {
			what, align = f.option()
		}
		if align == 0 || what == packChars {
			luax.ArgError(f.a.L, f.a.Name, 1, "invalid next option for option 'X'")
		}
	}
	item := packItem{kind: kind, size: size}
	if align = min(align, f.widest); align > 1 && kind != packChars {
		if align&(align-1) != 0 {
			luax.ArgError(f.a.L, f.a.Name, 1, "format asks for alignment not power of 2")
		}
		item.padding = -offset & (align - 1)
	}
	return item
}

// pack is string.pack of Lua 5.3.
func (s *stringLib) pack(l *lua.LState) int {
	a := luax.Args{L: l, Name: "pack"}
	f, p := newPackFormat(a), s.begin()
	for arg := 2; f.rest != ""; {
		item := f.next(len(p))
		mustFit(l, item.size)
		mustFit(l, len(p)+item.padding+item.size)
		for range item.padding {
			p = append(p, 0)
		}
		switch item.kind {
		case packByte:
			p = append(p, 0)
			continue
		case packAlign, packNothing:
			continue
		}
		p = f.append(p, item, arg)
		arg++
	}
	return s.push(l, p)
}

// append writes argument n as an item.
func (f *packFormat) append(p []byte, item packItem, n int) []byte {
	switch item.kind {
	case packSigned:
		number := exactArg(f.a, n)
		if limit := int64(1) << (item.size*8 - 1); item.size < integerSize && (number < -limit || number >= limit) {
			luax.ArgError(f.a.L, f.a.Name, n, "integer overflow")
		}
		return f.integer(p, uint64(number), item.size, number < 0)
	case packUnsigned:
		number := uint64(exactArg(f.a, n))
		if item.size < integerSize && number>>(item.size*8) != 0 {
			luax.ArgError(f.a.L, f.a.Name, n, "unsigned overflow")
		}
		return f.integer(p, number, item.size, false)
	case packFloat:
		number := numberArg(f.a, n)
		if item.size == 4 {
			return f.integer(p, uint64(math.Float32bits(float32(number))), 4, false)
		}
		return f.integer(p, math.Float64bits(number), 8, false)
	}
	text := textArg(f.a, n)
	switch item.kind {
	case packChars:
		if len(text) > item.size {
			luax.ArgError(f.a.L, f.a.Name, n, "string longer than given size")
		}
		p = append(p, text...)
		return append(p, make([]byte, item.size-len(text))...)
	case packCounted:
		if item.size < integerSize && uint64(len(text))>>(item.size*8) != 0 {
			luax.ArgError(f.a.L, f.a.Name, n, "string length does not fit in given size")
		}
		mustFit(f.a.L, len(p)+item.size+len(text))
		return append(f.integer(p, uint64(len(text)), item.size, false), text...)
	}
	if strings.IndexByte(text, 0) >= 0 {
		luax.ArgError(f.a.L, f.a.Name, n, "string contains zeros")
	}
	mustFit(f.a.L, len(p)+len(text)+1)
	return append(append(p, text...), 0)
}

// integer writes a number of size bytes.
func (f *packFormat) integer(p []byte, number uint64, size int, negative bool) []byte {
	start, beyond := len(p), byte(0)
	if negative {
		beyond = 0xFF
	}
	for i := range size {
		if i < integerSize {
			p = append(p, byte(number>>(8*i)))
		} else {
			p = append(p, beyond)
		}
	}
	if !f.little {
		slices.Reverse(p[start:])
	}
	return p
}

// stringPackSize is string.packsize of Lua 5.3.
func stringPackSize(l *lua.LState) int {
	a := luax.Args{L: l, Name: "packsize"}
	f, total := newPackFormat(a), 0
	for f.rest != "" {
		item := f.next(total)
		if item.kind == packCounted || item.kind == packZero {
			luax.ArgError(l, a.Name, 1, "variable-length format")
		}
		if item.size+item.padding > packedMost-total {
			luax.ArgError(l, a.Name, 1, "format result too large")
		}
		total += item.size + item.padding
	}
	l.Push(lua.LNumber(total))
	return 1
}

// stringUnpack is string.unpack of Lua 5.3.
//
// Differs: an integer that no Lua number equals raises, and so do more than 100,000 results.
func stringUnpack(l *lua.LState) int {
	a := luax.Args{L: l, Name: "unpack"}
	f, data := newPackFormat(a), textArg(a, 2)
	at := positionArg(a, 3, 1, len(data)) - 1
	if at < 0 || at > len(data) {
		luax.ArgError(l, a.Name, 3, "initial position out of string")
	}
	n := 0
	for f.rest != "" {
		item := f.next(at)
		if item.padding > len(data)-at || item.size > len(data)-at-item.padding {
			luax.ArgError(l, a.Name, 2, "data string too short")
		}
		at += item.padding
		v, size := f.value(item, data[at:])
		at += size
		if v == nil {
			continue
		}
		if n == valuesMost {
			l.RaiseError("stack overflow (too many results)")
		}
		l.Push(v)
		n++
	}
	l.Push(lua.LNumber(at + 1))
	return n + 1
}

// value reads an item, and tells how many bytes it takes. It is nil for padding.
func (f *packFormat) value(item packItem, data string) (v lua.LValue, size int) {
	size = item.size
	switch item.kind {
	case packSigned, packUnsigned:
		number := f.decode(data[:size], item.kind == packSigned)
		if exact := float64(number); exact >= -math.MinInt64 || int64(exact) != number {
			f.a.L.RaiseError("%d-byte integer does not fit into a Lua number", size)
		}
		return lua.LNumber(number), size
	case packFloat:
		bits := uint64(f.decode(data[:size], false))
		if size == 4 {
			return lua.LNumber(math.Float32frombits(uint32(bits))), size
		}
		return lua.LNumber(math.Float64frombits(bits)), size
	case packChars:
		return lua.LString(data[:size]), size
	case packCounted:
		n := uint64(f.decode(data[:size], false))
		if n > uint64(len(data)-size) {
			luax.ArgError(f.a.L, f.a.Name, 2, "data string too short")
		}
		return lua.LString(data[size : size+int(n)]), size + int(n)
	case packZero:
		text := beforeZero(data) // the end of the data ends it, too
		return lua.LString(text), len(text) + 1
	}
	return nil, size
}

// decode reads an integer as Lua 5.3 has it: of eight bytes, signed.
func (f *packFormat) decode(data string, signed bool) int64 {
	digit := func(i int) byte { // from the lowest
		if f.little {
			return data[i]
		}
		return data[len(data)-1-i]
	}
	n := uint64(0)
	for i := range min(len(data), integerSize) {
		n |= uint64(digit(i)) << (8 * i)
	}
	if unused := 64 - 8*len(data); unused > 0 && signed {
		return int64(n<<unused) >> unused
	}
	beyond := byte(0)
	if signed && int64(n) < 0 {
		beyond = 0xFF
	}
	for i := integerSize; i < len(data); i++ {
		if digit(i) != beyond {
			f.a.L.RaiseError("%d-byte integer does not fit into Lua Integer", len(data))
		}
	}
	return int64(n)
}
