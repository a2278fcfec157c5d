package filters

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON is a Serializer, of RFC 8259 to the letter: no NaN, no text that is not UTF-8, nothing that only JavaScript has.
type JSON struct {
	MaxDepth   int   // arrays and objects within each other; 0: 128, at most 10,000
	BigStrings bool  // integers beyond 2^53 are read as strings; else they are an error
	Keys       *Keys // nil: none are remembered
}

var _ Serializer = JSON{}

// Freeze appends v, without line ends. An error is an *ItemError.
func (s JSON) Freeze(dst []byte, v any) ([]byte, error) {
	return freeze(s, "JSON", dst, v, DefaultMaxLength)
}

func (s JSON) freeze(dst []byte, v any, limit int) ([]byte, *ItemError) {
	return write(json{}, dst, v, depth(s.MaxDepth), limit)
}

// Thaw reads one value, with space around it.
func (s JSON) Thaw(payload []byte) (any, error) {
	r := jsonReader{in: payload, depth: depth(s.MaxDepth), big: s.BigStrings, keys: s.Keys}
	v, err := r.value()
	if err == nil && r.space() != 0 {
		err = errTrailing
	}
	if err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	return v, nil
}

// json writes JSON.
type json struct{}

func (json) null(dst []byte) []byte { return append(dst, "null"...) }

func (json) boolean(dst []byte, v bool) []byte { return strconv.AppendBool(dst, v) }

// number writes the fewest digits that give the same number again. Integers beyond 2^53 have an exponent: without, they
// would look exact to who reads them.
func (json) number(dst []byte, v float64) ([]byte, string) {
	n, ok := whole(v)
	size := math.Abs(v)
	switch {
	case ok:
		return strconv.AppendInt(dst, n, 10), ""
	case v-v != 0:
		return dst, "finite number"
	case size > exact || size < 1e-6 && size > 0:
		return strconv.AppendFloat(dst, v, 'e', -1, 64), ""
	default:
		return strconv.AppendFloat(dst, v, 'f', -1, 64), ""
	}
}

// jsonPlain says which bytes stand in a string as they are. Those from 0x80 do if they are valid UTF-8.
var jsonPlain = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf
	}
	return plain
}()

func (json) text(dst []byte, v string) ([]byte, string) {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(v) {
		return dst, "valid UTF-8"
	}
	dst = append(dst, '"')
	from := 0
	for i := range len(v) {
		c := v[i]
		if jsonPlain[c] || c >= utf8.RuneSelf {
			continue
		}
		dst = append(append(dst, v[from:i]...), '\\')
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, c)
		case '\n':
			dst = append(dst, 'n')
		case '\r':
			dst = append(dst, 'r')
		case '\t':
			dst = append(dst, 't')
		default:
			dst = append(dst, 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, v[from:]...), '"'), ""
}

func (f json) key(dst []byte, v any) (out []byte, want string) {
	switch v := v.(type) {
	case string:
		out, want = f.text(dst, v)
	case float64:
		out, want = f.number(append(dst, '"'), v)
		out = append(out, '"')
	default:
		return dst, "string or number as key"
	}
	return append(out, ':'), want
}

func (json) openArray(dst []byte, n int) []byte { return append(dst, '[') }
func (json) closeArray(dst []byte) []byte       { return append(dst, ']') }
func (json) openMap(dst []byte, n int) []byte   { return append(dst, '{') }
func (json) closeMap(dst []byte) []byte         { return append(dst, '}') }
func (json) separate(dst []byte) []byte         { return append(dst, ',') }

// jsonReader reads JSON.
type jsonReader struct {
	in    []byte
	at    int
	depth int
	big   bool
	keys  *Keys
}

var errSurrogate = errors.New("half of a surrogate pair")

// space skips space and gives the byte after it, 0 at the end.
func (r *jsonReader) space() byte {
	for ; r.at < len(r.in); r.at++ {
		switch c := r.in[r.at]; c {
		case ' ', '\n', '\r', '\t':
		case 0:
			return 1 // a zero byte is not the end
		default:
			return c
		}
	}
	return 0
}

// unexpected is the error about the byte that is next.
func (r *jsonReader) unexpected() error {
	if r.at >= len(r.in) {
		return errShort
	}
	return fmt.Errorf("%q at byte %d is out of place", r.in[r.at], r.at+1)
}

func (r *jsonReader) value() (any, error) {
	switch c := r.space(); c {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case '"':
		s, err := r.text()
		if err != nil {
			return nil, err
		}
		return s, nil
	case 't':
		return r.word("true", true)
	case 'f':
		return r.word("false", false)
	case 'n':
		return r.word("null", Null{})
	default:
		if c == '-' || isDigit(c) {
			return r.number()
		}
		return nil, r.unexpected()
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (r *jsonReader) word(word string, v any) (any, error) {
	for i := range len(word) {
		if r.at == len(r.in) || r.in[r.at] != word[i] {
			return nil, r.unexpected()
		}
		r.at++
	}
	return v, nil
}

// enter skips the bracket of an array or object.
func (r *jsonReader) enter() error {
	if r.depth <= 0 {
		return errDepth
	}
	r.depth--
	r.at++
	return nil
}

// more says whether another item follows, and skips to it; end is the bracket that says no.
func (r *jsonReader) more(first bool, end byte) (bool, error) {
	c := r.space()
	switch {
	case c == end:
		r.at++
		r.depth++
		return false, nil
	case first:
		return true, nil
	case c == ',':
		r.at++
		return true, nil
	}
	return false, r.unexpected()
}

func (r *jsonReader) array() (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	var items []any
	for {
		more, err := r.more(items == nil, ']')
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if items == nil {
		return emptyArray, nil
	}
	return items, nil
}

func (r *jsonReader) object() (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	m := Map{}
	for {
		more, err := r.more(len(m) == 0, '}')
		if err != nil {
			return nil, err
		}
		if !more {
			return unique(m), nil
		}
		if r.space() != '"' {
			return nil, r.unexpected()
		}
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		if r.space() != ':' {
			return nil, r.unexpected()
		}
		r.at++
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		m = append(m, Pair{key, v})
	}
}

// digits skips at least one.
func (r *jsonReader) digits() error {
	from := r.at
	for r.at < len(r.in) && isDigit(r.in[r.at]) {
		r.at++
	}
	if r.at == from {
		return r.unexpected()
	}
	return nil
}

// is skips one byte if it is one of those.
func (r *jsonReader) is(any string) bool {
	if r.at < len(r.in) && strings.IndexByte(any, r.in[r.at]) >= 0 {
		r.at++
		return true
	}
	return false
}

func (r *jsonReader) number() (any, error) {
	from := r.at
	r.is("-")
	if !r.is("0") { // what a zero begins is over after it
		if err := r.digits(); err != nil {
			return nil, err
		}
	}
	integer := true
	if r.is(".") {
		integer = false
		if err := r.digits(); err != nil {
			return nil, err
		}
	}
	if r.is("eE") {
		integer = false
		r.is("+-")
		if err := r.digits(); err != nil {
			return nil, err
		}
	}
	digits := r.in[from:r.at]
	if integer && len(digits) < 16 && digits[0] != '-' {
		var n int64
		for _, c := range digits {
			n = n*10 + int64(c-'0')
		}
		if n < int64(len(small)) {
			return small[n], nil
		}
		return float64(n), nil
	}
	v, err := strconv.ParseFloat(string(digits), 64)
	switch {
	case integer && len(digits) > 15 && !exactly(digits):
		if !r.big {
			return nil, errBig
		}
		return string(digits), nil
	case err != nil:
		return nil, errors.New("a number is too large")
	}
	return v, nil
}

// exactly says whether an integer is one that a float64 tells apart.
func exactly(digits []byte) bool {
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return err == nil && n >= -exact && n <= exact
}

// key reads a string that is a key.
func (r *jsonReader) key() (any, error) {
	for i, c := range r.in[r.at+1:] {
		switch {
		case c == '"':
			b := r.in[r.at+1:][:i]
			r.at += i + 2
			return r.keys.get(b), nil
		case !jsonPlain[c] || i == longestKey:
			return r.text()
		}
	}
	return nil, errShort
}

// text reads a string.
func (r *jsonReader) text() (string, error) {
	r.at++
	from := r.at
	ascii := true
	for ; r.at < len(r.in); r.at++ {
		c := r.in[r.at]
		switch {
		case jsonPlain[c]:
		case c >= utf8.RuneSelf:
			ascii = false
		case c == '"':
			b := r.in[from:r.at]
			r.at++
			if !ascii && !utf8.Valid(b) {
				return "", errUTF8
			}
			return string(b), nil
		case c == '\\':
			return r.escaped(from)
		default:
			return "", r.unexpected()
		}
	}
	return "", errShort
}

var errUTF8 = errors.New("a string that is not valid UTF-8")

// escaped reads the rest of a string that began at from and has an escape here.
func (r *jsonReader) escaped(from int) (string, error) {
	b := append([]byte(nil), r.in[from:r.at]...)
	for r.at < len(r.in) {
		c := r.in[r.at]
		switch {
		case c == '"':
			r.at++
			if !utf8.Valid(b) {
				return "", errUTF8
			}
			return string(b), nil
		case c == '\\':
			r.at++
			var err error
			if b, err = r.escape(b); err != nil {
				return "", err
			}
			continue
		case c < ' ':
			return "", r.unexpected()
		}
		b = append(b, c)
		r.at++
	}
	return "", errShort
}

// escape appends what an escape stands for.
func (r *jsonReader) escape(b []byte) ([]byte, error) {
	if r.at == len(r.in) {
		return nil, errShort
	}
	c := r.in[r.at]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.unicode(b)
	default:
		return nil, r.unexpected()
	}
	r.at++
	return append(b, c), nil
}

// unicode appends what \uXXXX stands for, or two of them that are a surrogate pair.
func (r *jsonReader) unicode(b []byte) ([]byte, error) {
	first, err := r.hex()
	if err != nil {
		return nil, err
	}
	if !utf16.IsSurrogate(first) {
		return utf8.AppendRune(b, first), nil
	}
	if !r.is("\\") || r.at == len(r.in) || r.in[r.at] != 'u' {
		return nil, errSurrogate
	}
	second, err := r.hex()
	if err != nil {
		return nil, err
	}
	both := utf16.DecodeRune(first, second)
	if both == utf8.RuneError {
		return nil, errSurrogate
	}
	return utf8.AppendRune(b, both), nil
}

// hex reads the four digits after a u.
func (r *jsonReader) hex() (n rune, err error) {
	r.at++
	for range 4 {
		if r.at >= len(r.in) {
			return 0, errShort
		}
		c := r.in[r.at]
		switch {
		case isDigit(c):
			n = n<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, r.unexpected()
		}
		r.at++
	}
	return n, nil
}
