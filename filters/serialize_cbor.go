package filters

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// CBOR is a Serializer, of RFC 8949. Whole numbers up to 2^53 are integers, in their shortest form, others float64;
// strings are text if they are valid UTF-8, else byte strings. Of tags only times are read, as seconds since 1970.
type CBOR struct {
	MaxDepth   int   // arrays and maps within each other; 0: 128, at most 10,000
	BigStrings bool  // integers beyond 2^53 are read as strings; else they are an error
	Keys       *Keys // nil: none are remembered
}

var _ Serializer = CBOR{}

// Freeze appends v. An error is an *ItemError.
func (s CBOR) Freeze(dst []byte, v any) ([]byte, error) {
	return freeze(s, "CBOR", dst, v, DefaultMaxLength)
}

func (s CBOR) freeze(dst []byte, v any, limit int) ([]byte, *ItemError) {
	return write(cbor{}, dst, v, depth(s.MaxDepth), limit)
}

// Thaw reads one value.
func (s CBOR) Thaw(payload []byte) (any, error) {
	r := reader{in: payload, depth: depth(s.MaxDepth), big: s.BigStrings, keys: s.Keys, next: readCBOR}
	v, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("cbor: %w", err)
	}
	return v, nil
}

// The major types of CBOR, the upper three bits of a head, and what the lower five may say in place of a small number.
const (
	cborUint     = 0 << 5
	cborNegative = 1 << 5
	cborBytes    = 2 << 5
	cborText     = 3 << 5
	cborArray    = 4 << 5
	cborMap      = 5 << 5
	cborTag      = 6 << 5
	cborSimple   = 7 << 5

	cbor8          = 24 // the number is in the next byte
	cbor64         = 27 // in the next eight
	cborIndefinite = 31 // there is none: the length shows at the end

	cborFalse     = cborSimple | 20
	cborTrue      = cborSimple | 21
	cborNull      = cborSimple | 22
	cborUndefined = cborSimple | 23
	cborFloat16   = cborSimple | 25
	cborFloat32   = cborSimple | 26
	cborFloat64   = cborSimple | 27
	cborBreak     = cborSimple | cborIndefinite

	cborTimeText   = 0 // tags
	cborTimeNumber = 1
)

// cbor writes CBOR.
type cbor struct{}

func (cbor) null(dst []byte) []byte { return append(dst, cborNull) }

func (cbor) boolean(dst []byte, v bool) []byte {
	if v {
		return append(dst, cborTrue)
	}
	return append(dst, cborFalse)
}

func (cbor) number(dst []byte, v float64) ([]byte, string) {
	n, ok := whole(v)
	switch {
	case !ok:
		return binary.BigEndian.AppendUint64(append(dst, cborFloat64), math.Float64bits(v)), ""
	case n < 0:
		return cborHead(dst, cborNegative, uint64(^n)), ""
	default:
		return cborHead(dst, cborUint, uint64(n)), ""
	}
}

func (cbor) text(dst []byte, v string) ([]byte, string) {
	var major byte = cborText
	if !utf8.ValidString(v) {
		major = cborBytes
	}
	return append(cborHead(dst, major, uint64(len(v))), v...), ""
}

func (f cbor) key(dst []byte, v any) ([]byte, string) { return binaryKey(f, dst, v) }

func (cbor) openArray(dst []byte, n int) []byte { return cborHead(dst, cborArray, uint64(n)) }
func (cbor) closeArray(dst []byte) []byte       { return dst }
func (cbor) openMap(dst []byte, n int) []byte   { return cborHead(dst, cborMap, uint64(n)) }
func (cbor) closeMap(dst []byte) []byte         { return dst }
func (cbor) separate(dst []byte) []byte         { return dst }

func cborHead(dst []byte, major byte, n uint64) []byte {
	if n < cbor8 {
		return append(dst, major|byte(n))
	}
	head := major | cbor8
	return sized(dst, n, head, head+1, head+2, head+3)
}

func readCBOR(r *reader) (any, error) {
	if r.at == len(r.in) {
		return nil, errShort
	}
	head := r.in[r.at]
	r.at++
	major, n := head&^31, uint64(head&31)
	if major == cborSimple {
		return r.cborSimple(head)
	}
	if n == cborIndefinite {
		return r.cborIndefinite(major)
	}
	if n >= cbor8 {
		if n > cbor64 {
			return nil, errHead(head)
		}
		var err error
		if n, err = r.uint(1 << (n - cbor8)); err != nil {
			return nil, err
		}
	}
	switch major {
	case cborUint, cborNegative:
		return r.integer(n, major == cborNegative)
	case cborBytes:
		return r.str(n, nil)
	case cborText:
		b, err := r.cborText(n)
		return r.text(b), err
	case cborArray:
		return r.array(n)
	case cborMap:
		return r.mapping(n)
	default:
		return r.cborTagged(n)
	}
}

func errHead(head byte) error { return fmt.Errorf("a head of %#x", head) }

func (r *reader) cborSimple(head byte) (any, error) {
	switch head {
	case cborFalse, cborTrue:
		return head == cborTrue, nil
	case cborNull, cborUndefined:
		return Null{}, nil
	case cborFloat16:
		n, err := r.uint(2)
		return half(uint16(n)), err
	case cborFloat32:
		n, err := r.uint(4)
		return float64(math.Float32frombits(uint32(n))), err
	case cborFloat64:
		n, err := r.uint(8)
		return math.Float64frombits(n), err
	}
	return nil, errHead(head)
}

// half is a float of 16 bits.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	if bits>>15 != 0 {
		return -v
	}
	return v
}

// cborText is a text string of n bytes. Bytes that are no UTF-8 have a type of their own.
func (r *reader) cborText(n uint64) ([]byte, error) {
	b, err := r.bytes(n)
	if err == nil && !utf8.Valid(b) {
		return nil, errors.New("a text string that is not valid UTF-8")
	}
	return b, err
}

// cborIndefinite is a string, array or map without a length, up to its end.
func (r *reader) cborIndefinite(major byte) (any, error) {
	switch major {
	case cborBytes, cborText:
		return r.cborPieces(major)
	case cborArray, cborMap:
	default:
		return nil, errHead(major | cborIndefinite)
	}
	if err := r.enter(1); err != nil { // the end takes a byte, too
		return nil, err
	}
	items, m := []any{}, Map{}
	for !r.cborEnded() {
		if major == cborMap {
			key, err := r.key()
			if err != nil {
				return nil, err
			}
			v, err := r.next(r)
			if err != nil {
				return nil, err
			}
			m = append(m, Pair{key, v})
			continue
		}
		v, err := r.next(r)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	r.owed--
	r.depth++
	if major == cborMap {
		return unique(m), nil
	}
	return items, nil
}

// cborEnded says whether what has no length ends here.
func (r *reader) cborEnded() bool {
	if r.at < len(r.in) && r.in[r.at] == cborBreak {
		r.at++
		return true
	}
	return false
}

// cborPieces joins a string that comes in pieces, each of the same type and with a length.
func (r *reader) cborPieces(major byte) (any, error) {
	var joined []byte
	for !r.cborEnded() {
		if r.at == len(r.in) {
			return nil, errShort
		}
		if head := r.in[r.at]; head&^31 != major || head&31 == cborIndefinite {
			return nil, errHead(head)
		}
		piece, err := r.next(r)
		if err != nil {
			return nil, err
		}
		joined = append(joined, piece.(string)...)
	}
	return string(joined), nil
}

// cborTagged is what stands behind a tag: a time.
func (r *reader) cborTagged(tag uint64) (any, error) {
	if tag > cborTimeNumber {
		return nil, fmt.Errorf("a tag %d", tag)
	}
	// The tag is no level of nesting, so nothing that nests may stand behind it.
	if r.at < len(r.in) && r.in[r.at]&^31 >= cborArray && r.in[r.at]&^31 <= cborTag {
		return nil, errors.New("a tag of a time before what is none")
	}
	v, err := r.next(r)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case float64:
		if tag == cborTimeNumber {
			return v, nil
		}
	case string:
		if tag != cborTimeText {
			break
		}
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return nil, errors.New("a time that is not as in RFC 3339")
		}
		return float64(t.Unix()) + float64(t.Nanosecond())/1e9, nil
	}
	return nil, errors.New("a tag of a time before what is none")
}
