package filters

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// MessagePack is a Serializer. Whole numbers up to 2^53 are integers, in their shortest form, others float64; strings
// are str if they are valid UTF-8, else bin. Of ext types only timestamps are read, as seconds since 1970.
type MessagePack struct {
	MaxDepth   int   // arrays and maps within each other; 0: 128, at most 10,000
	BigStrings bool  // integers beyond 2^53 are read as strings; else they are an error
	Keys       *Keys // nil: none are remembered
}

var _ Serializer = MessagePack{}

// Freeze appends v. An error is an *ItemError.
func (s MessagePack) Freeze(dst []byte, v any) ([]byte, error) {
	return freeze(s, "MessagePack", dst, v, DefaultMaxLength)
}

func (s MessagePack) freeze(dst []byte, v any, limit int) ([]byte, *ItemError) {
	return write(msgpack{}, dst, v, depth(s.MaxDepth), int(min(uint64(max(limit, 0)), math.MaxUint32)))
}

// Thaw reads one value.
func (s MessagePack) Thaw(payload []byte) (any, error) {
	r := reader{in: payload, depth: depth(s.MaxDepth), big: s.BigStrings, keys: s.Keys, next: readMessagePack}
	v, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("msgpack: %w", err)
	}
	return v, nil
}

// The heads of MessagePack.
const (
	mpFixMap   = 0x80
	mpFixArray = 0x90
	mpFixStr   = 0xa0
	mpNil      = 0xc0
	mpFalse    = 0xc2
	mpTrue     = 0xc3
	mpBin8     = 0xc4
	mpBin32    = 0xc6
	mpExt8     = 0xc7
	mpExt32    = 0xc9
	mpFloat32  = 0xca
	mpFloat64  = 0xcb
	mpUint8    = 0xcc
	mpUint16   = 0xcd
	mpUint32   = 0xce
	mpUint64   = 0xcf
	mpInt8     = 0xd0
	mpInt16    = 0xd1
	mpInt32    = 0xd2
	mpInt64    = 0xd3
	mpFixExt1  = 0xd4
	mpFixExt16 = 0xd8
	mpStr8     = 0xd9
	mpStr32    = 0xdb
	mpArray16  = 0xdc
	mpArray32  = 0xdd
	mpMap16    = 0xde
	mpMap32    = 0xdf
	mpNegative = 0xe0
)

// msgpack writes MessagePack.
type msgpack struct{}

func (msgpack) null(dst []byte) []byte { return append(dst, mpNil) }

func (msgpack) boolean(dst []byte, v bool) []byte {
	if v {
		return append(dst, mpTrue)
	}
	return append(dst, mpFalse)
}

func (msgpack) number(dst []byte, v float64) ([]byte, string) {
	n, ok := whole(v)
	switch {
	case !ok:
		return binary.BigEndian.AppendUint64(append(dst, mpFloat64), math.Float64bits(v)), ""
	case n >= -32 && n < 128:
		return append(dst, byte(n)), ""
	case n >= 0:
		return sized(dst, uint64(n), mpUint8, mpUint16, mpUint32, mpUint64), ""
	case n >= math.MinInt8:
		return append(dst, mpInt8, byte(n)), ""
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, mpInt16), uint16(n)), ""
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, mpInt32), uint32(n)), ""
	default:
		return binary.BigEndian.AppendUint64(append(dst, mpInt64), uint64(n)), ""
	}
}

func (msgpack) text(dst []byte, v string) ([]byte, string) {
	n := uint64(len(v))
	switch {
	case !utf8.ValidString(v):
		dst = sized(dst, n, mpBin8, mpBin8+1, mpBin32, mpBin32)
	case n < 32:
		dst = append(dst, mpFixStr|byte(n))
	default:
		dst = sized(dst, n, mpStr8, mpStr8+1, mpStr32, mpStr32)
	}
	return append(dst, v...), ""
}

func (f msgpack) key(dst []byte, v any) ([]byte, string) { return binaryKey(f, dst, v) }

func (msgpack) openArray(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, mpFixArray|byte(n))
	}
	return sized(dst, uint64(n), 0, mpArray16, mpArray32, mpArray32)
}

func (msgpack) openMap(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, mpFixMap|byte(n))
	}
	return sized(dst, uint64(n), 0, mpMap16, mpMap32, mpMap32)
}

func (msgpack) closeArray(dst []byte) []byte { return dst }
func (msgpack) closeMap(dst []byte) []byte   { return dst }
func (msgpack) separate(dst []byte) []byte   { return dst }

// sized appends the head for the fewest bytes that hold n, and n in them. A head of 0 is one that the type lacks.
func sized(dst []byte, n uint64, head8, head16, head32, head64 byte) []byte {
	switch {
	case n <= math.MaxUint8 && head8 != 0:
		return append(dst, head8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, head16), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, head32), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, head64), n)
	}
}

// binaryKey writes a key where keys are values.
func binaryKey(f format, dst []byte, v any) ([]byte, string) {
	switch v := v.(type) {
	case string:
		return f.text(dst, v)
	case bool:
		return f.boolean(dst, v), ""
	case float64:
		if v == v {
			return f.number(dst, v)
		}
	}
	return dst, "string, number or boolean as key"
}

var errExt = errors.New("an ext type other than timestamp")

func readMessagePack(r *reader) (any, error) {
	if r.at == len(r.in) {
		return nil, errShort
	}
	head := r.in[r.at]
	r.at++
	switch {
	case head < mpFixMap:
		return small[head], nil
	case head < mpFixArray:
		return r.mapping(uint64(head & 15))
	case head < mpFixStr:
		return r.array(uint64(head & 15))
	case head < mpNil:
		return r.str(uint64(head&31), nil)
	case head >= mpNegative:
		return float64(int8(head)), nil
	}
	switch head {
	case mpNil:
		return Null{}, nil
	case mpFalse, mpTrue:
		return head == mpTrue, nil
	case mpBin8, mpBin8 + 1, mpBin32:
		return r.str(r.uint(1 << (head - mpBin8)))
	case mpStr8, mpStr8 + 1, mpStr32:
		return r.str(r.uint(1 << (head - mpStr8)))
	case mpExt8, mpExt8 + 1, mpExt32:
		return r.ext(r.uint(1 << (head - mpExt8)))
	case mpFixExt1, mpFixExt1 + 1, mpFixExt1 + 2, mpFixExt1 + 3, mpFixExt16:
		return r.ext(1<<(head-mpFixExt1), nil)
	case mpFloat32:
		n, err := r.uint(4)
		return float64(math.Float32frombits(uint32(n))), err
	case mpFloat64:
		n, err := r.uint(8)
		return math.Float64frombits(n), err
	case mpUint8, mpUint16, mpUint32, mpUint64:
		n, err := r.uint(1 << (head - mpUint8))
		if err != nil {
			return nil, err
		}
		return r.integer(n, false)
	case mpInt8, mpInt16, mpInt32, mpInt64:
		width := 1 << (head - mpInt8)
		n, err := r.uint(width)
		if err != nil {
			return nil, err
		}
		v := int64(n<<(64-8*width)) >> (64 - 8*width)
		if v < 0 {
			return r.integer(uint64(^v), true)
		}
		return r.integer(uint64(v), false)
	case mpArray16, mpArray32:
		n, err := r.uint(2 << (head - mpArray16))
		if err != nil {
			return nil, err
		}
		return r.array(n)
	case mpMap16, mpMap32:
		n, err := r.uint(2 << (head - mpMap16))
		if err != nil {
			return nil, err
		}
		return r.mapping(n)
	}
	return nil, fmt.Errorf("a head of %#x", head)
}

// str is a string of n bytes; err is that of reading n.
func (r *reader) str(n uint64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	b, err := r.bytes(n)
	if err != nil {
		return nil, err
	}
	return r.text(b), nil
}

// ext is an ext type of n bytes; err is that of reading n.
func (r *reader) ext(n uint64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	kind, err := r.uint(1)
	if err != nil {
		return nil, err
	}
	b, err := r.bytes(n)
	switch {
	case err != nil:
		return nil, err
	case kind != 0xff:
		return nil, errExt
	}
	var seconds int64
	var nanoseconds uint32
	switch n {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(b))
	case 8:
		both := binary.BigEndian.Uint64(b)
		seconds, nanoseconds = int64(both&(1<<34-1)), uint32(both>>34)
	case 12:
		nanoseconds, seconds = binary.BigEndian.Uint32(b), int64(binary.BigEndian.Uint64(b[4:]))
	default:
		return nil, errExt
	}
	switch {
	case nanoseconds >= 1e9:
		return nil, errors.New("a timestamp of more nanoseconds than a second has")
	case seconds > exact || seconds < -exact:
		return nil, errBig
	}
	return float64(seconds) + float64(nanoseconds)/1e9, nil
}
