package filters

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Serializer turns one value into bytes and back.
type Serializer interface {
	// Freeze appends v. On an error, dst comes back as it was.
	Freeze(dst []byte, v any) ([]byte, error)

	// Thaw reads the one value that payload is. It keeps no reference to payload.
	Thaw(payload []byte) (any, error)
}

// freezer is a Serializer that also takes a limit of what it writes. Its errors leave Filter empty.
type freezer interface {
	freeze(dst []byte, v any, limit int) ([]byte, *ItemError)
}

// freeze is freezer's, with an error that names who writes.
func freeze(s freezer, who string, dst []byte, v any, limit int) ([]byte, error) {
	out, err := s.freeze(dst, v, limit)
	if err != nil {
		err.Filter = who
		return dst, err
	}
	return out, nil
}

// Keys remembers some keys of maps, where the same ones come again and again: they are not made anew then. It belongs to
// the serializers of one goroutine, and of the filters that share them. The zero value is ready.
type Keys struct {
	places [32]any // by hash. A key replaces another one that has its place
}

// longestKey is how long a remembered key may be.
const longestKey = 32

// get is a key as a value. Without a memory it is a new one.
func (k *Keys) get(b []byte) any {
	if k == nil || len(b) == 0 || len(b) > longestKey {
		return string(b)
	}
	hash := uint32(len(b))
	for _, c := range b {
		hash = hash*31 + uint32(c)
	}
	place := &k.places[(hash^hash>>5)%uint32(len(k.places))]
	if s, ok := (*place).(string); ok && s == string(b) {
		return *place
	}
	*place = string(b)
	return *place
}

// small are the numbers that are given without taking memory.
var small = func() (numbers [256]any) {
	for i := range numbers {
		numbers[i] = float64(i)
	}
	return numbers
}()

const (
	defaultDepth = 128
	mostDepth    = 10_000 // what a goroutine's stack bears without being noticed
)

// depth is a MaxDepth that can be counted down.
func depth(most int) int {
	if most == 0 {
		return defaultDepth
	}
	return min(most, mostDepth)
}

// exact is the bound of whole numbers that a float64 tells apart.
const exact = 1 << 53

// whole gives a number as an integer, if it is one that a float64 holds exactly. Negative zero is none: it would lose
// its sign.
func whole(v float64) (int64, bool) {
	if v != math.Trunc(v) || math.Abs(v) > exact || v == 0 && math.Signbit(v) {
		return 0, false
	}
	return int64(v), true
}

// format is how one serializer writes. What gives a want cannot write the value and says what it could.
type format interface {
	null(dst []byte) []byte
	boolean(dst []byte, v bool) []byte
	number(dst []byte, v float64) (out []byte, want string)
	text(dst []byte, v string) (out []byte, want string)
	key(dst []byte, v any) (out []byte, want string)
	openArray(dst []byte, n int) []byte
	closeArray(dst []byte) []byte
	openMap(dst []byte, n int) []byte
	closeMap(dst []byte) []byte
	separate(dst []byte) []byte // between two items, or two pairs
}

// writer walks through a value. A value within itself ends at the depth; one that holds another many times, which is
// written as often, ends at the limit.
type writer struct {
	format format
	dst    []byte
	depth  int
	limit  int      // len(dst) at most
	path   []string // to what cannot be written, innermost first
}

// write appends at most limit bytes for v. Its errors leave Filter empty.
func write(f format, dst []byte, v any, depth, limit int) ([]byte, *ItemError) {
	start := len(dst)
	if limit > math.MaxInt-start {
		limit = math.MaxInt - start
	}
	w := writer{format: f, dst: dst, depth: depth, limit: start + limit}
	if err := w.value(v); err != nil {
		if len(w.path) > 0 {
			w.path = append(w.path, "item")
			var b strings.Builder
			for i := len(w.path) - 1; i >= 0; i-- {
				b.WriteString(w.path[i])
			}
			err.Path = b.String()
		}
		return dst, err
	}
	return w.dst, nil
}

func (w *writer) value(v any) *ItemError {
	var want string
	switch v := v.(type) {
	case nil, Null:
		w.dst = w.format.null(w.dst)
	case bool:
		w.dst = w.format.boolean(w.dst, v)
	case float64:
		w.dst, want = w.format.number(w.dst, v)
	case string:
		if len(v) <= w.limit-len(w.dst) {
			w.dst, want = w.format.text(w.dst, v)
		} else {
			want = w.shorter()
		}
	case []any:
		return w.array(v)
	case Map:
		return w.mapping(v)
	default:
		want = "null, boolean, number, string, array or map"
	}
	if want == "" && len(w.dst) > w.limit {
		want = w.shorter()
	}
	if want != "" {
		return &ItemError{Want: want, Got: v}
	}
	return nil
}

func (w *writer) shorter() string { return "item that is not longer than the maximum when written" }

// enter begins an array or a map of n items.
func (w *writer) enter(v any, n int) *ItemError {
	if w.depth <= 0 {
		return &ItemError{Want: "item that is not nested deeper than the maximum", Got: v}
	}
	if n > w.limit-len(w.dst) {
		return &ItemError{Want: w.shorter(), Got: v}
	}
	w.depth--
	return nil
}

func (w *writer) array(v []any) *ItemError {
	if err := w.enter(v, len(v)); err != nil {
		return err
	}
	w.dst = w.format.openArray(w.dst, len(v))
	for i, item := range v {
		if i > 0 {
			w.dst = w.format.separate(w.dst)
		}
		if err := w.value(item); err != nil {
			w.path = append(w.path, "["+strconv.Itoa(i+1)+"]")
			return err
		}
	}
	w.dst = w.format.closeArray(w.dst)
	w.depth++
	return nil
}

func (w *writer) mapping(v Map) *ItemError {
	if err := w.enter(v, len(v)); err != nil {
		return err
	}
	w.dst = w.format.openMap(w.dst, len(v))
	for i, pair := range v {
		if i > 0 {
			w.dst = w.format.separate(w.dst)
		}
		var want string
		w.dst, want = w.format.key(w.dst, pair.Key)
		if want != "" {
			return &ItemError{Want: want, Got: pair.Key}
		}
		if err := w.value(pair.Value); err != nil {
			w.path = append(w.path, step(pair.Key))
			return err
		}
	}
	w.dst = w.format.closeMap(w.dst)
	w.depth++
	return nil
}

// step is a key as part of a path.
func step(key any) string {
	const shown = 40 // bytes of a key
	switch key := key.(type) {
	case string:
		if len(key) > shown {
			return "[" + strconv.Quote(key[:shown]) + "...]"
		}
		if isName(key) {
			return "." + key
		}
		return "[" + strconv.Quote(key) + "]"
	default:
		return fmt.Sprintf("[%v]", key)
	}
}

// isName says whether a string may stand after a dot.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// What all serializers refuse to read.
var (
	errShort    = errors.New("the value is cut short")
	errTrailing = errors.New("bytes after the value")
	errDepth    = errors.New("nested deeper than the maximum")
	errKey      = errors.New("a key is neither string, number nor boolean")
	errBig      = errors.New("an integer is beyond 2^53")
)

// emptyArray is what all empty arrays are read as: nothing can be changed in it.
var emptyArray any = []any{}

// few is up to how many keys comparing each with each is quicker than a set.
const few = 8

// unique makes the last of equal keys win, in the place of the first.
func unique(m Map) Map {
	if len(m) <= few {
		for i := 1; i < len(m); i++ {
			for j := range i {
				if m[i].Key == m[j].Key {
					m[j].Value = m[i].Value
					m = append(m[:i], m[i+1:]...)
					i--
					break
				}
			}
		}
		return m
	}
	at := make(map[any]int, len(m))
	kept := m[:0]
	for _, pair := range m {
		if i, ok := at[pair.Key]; ok {
			kept[i].Value = pair.Value
			continue
		}
		at[pair.Key] = len(kept)
		kept = append(kept, pair)
	}
	return kept
}

// reader reads MessagePack and CBOR, which have the same shape: heads that tell a type and a length.
type reader struct {
	in    []byte
	at    int
	depth int
	owed  int  // items that open arrays and maps still wait for: each takes a byte at least
	big   bool // integers beyond 2^53 are given as strings
	keys  *Keys
	inKey bool // what is read is a key
	next  func(r *reader) (any, error)
}

// read gives the one value that payload is.
func (r *reader) read() (any, error) {
	v, err := r.next(r)
	if err != nil {
		return nil, err
	}
	if r.at < len(r.in) {
		return nil, errTrailing
	}
	return v, nil
}

// bytes are the next n.
func (r *reader) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(r.in)-r.at) {
		return nil, errShort
	}
	b := r.in[r.at : r.at+int(n)]
	r.at += int(n)
	return b, nil
}

// uint is a number of width bytes.
func (r *reader) uint(width int) (n uint64, err error) {
	b, err := r.bytes(uint64(width))
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, err
}

// integer gives n, or -1-n.
func (r *reader) integer(n uint64, negative bool) (any, error) {
	switch {
	case !negative && n < uint64(len(small)):
		return small[n], nil
	case !negative && n <= exact:
		return float64(n), nil
	case negative && n < exact:
		return -1 - float64(n), nil
	case !r.big:
		return nil, errBig
	case !negative:
		return strconv.FormatUint(n, 10), nil
	case n == math.MaxUint64:
		return "-18446744073709551616", nil
	default:
		return "-" + strconv.FormatUint(n+1, 10), nil
	}
}

// enter begins an array or map of n items, keys counted. Nothing is allocated for what is not there.
func (r *reader) enter(n uint64) error {
	if r.depth <= 0 {
		return errDepth
	}
	free := len(r.in) - r.at - r.owed
	if free < 0 || n > uint64(free) {
		return errShort
	}
	r.depth--
	r.owed += int(n)
	return nil
}

// text is a string, or a key.
func (r *reader) text(b []byte) any {
	if r.inKey {
		return r.keys.get(b)
	}
	return string(b)
}

func (r *reader) array(n uint64) (any, error) {
	if err := r.enter(n); err != nil {
		return nil, err
	}
	if n == 0 {
		r.depth++
		return emptyArray, nil
	}
	items := make([]any, n)
	for i := range items {
		r.owed--
		v, err := r.next(r)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	r.depth++
	return items, nil
}

func (r *reader) mapping(n uint64) (any, error) {
	if n > uint64(len(r.in)) {
		return nil, errShort
	}
	if err := r.enter(2 * n); err != nil {
		return nil, err
	}
	m := make(Map, n)
	for i := range m {
		r.owed--
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		r.owed--
		v, err := r.next(r)
		if err != nil {
			return nil, err
		}
		m[i] = Pair{key, v}
	}
	r.depth++
	return unique(m), nil
}

func (r *reader) key() (any, error) {
	r.inKey = true
	key, err := r.next(r)
	r.inKey = false
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case string, bool:
		return key, nil
	case float64:
		if k == k {
			return key, nil
		}
	}
	return nil, errKey
}
