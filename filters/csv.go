package filters

import (
	"bytes"
	"strconv"
	"syscall"
)

// CSV has one record on each line, as RFC 4180 says; LF ends one as well as CR LF. Items are arrays of strings. Empty
// lines are skipped. A quote within a field that does not begin with one is data; anything behind a closing quote makes
// the record a failure that passes.
type CSV struct {
	Limits
	Separator byte   // between fields; 0: a comma
	Quote     byte   // around fields; 0: a double quote
	Header    bool   // the first record names the fields, and items are Maps by name
	LineEnd   string // what Put ends a record with; "": CR LF

	// From makes an array or a Map of an item to put. Nil: items are such.
	From func(item any) (any, error)

	intake
	scanned  int  // waiting bytes that state comes from
	state    int  // of the record that is arriving
	bad      bool // something stands behind a closing quote in it
	skipping bool // it was too long
	names    []any
	repeated bool     // a name comes twice
	written  []string // the names that Put wrote
}

var (
	_ Filter   = (*CSV)(nil)
	_ EOFer    = (*CSV)(nil)
	_ Resetter = (*CSV)(nil)
)

// Where in a record CSV is.
const (
	csvStart  = iota // a field may begin
	csvPlain         // in a field without quotes
	csvQuoted        // within quotes
	csvClosed        // behind a quote that closes, or is the first of two
	csvCR            // behind that, and a CR
)

func (f *CSV) separator() byte {
	if f.Separator == 0 {
		return ','
	}
	return f.Separator
}

func (f *CSV) quote() byte {
	if f.Quote == 0 {
		return '"'
	}
	return f.Quote
}

// Feed adds input.
func (f *CSV) Feed(chunk []byte) error {
	return f.take("csv", chunk, f.most(1))
}

// Next gives the oldest whole record.
func (f *CSV) Next() (item any, ok bool, err error) {
	for {
		line, ok, err := f.record()
		if !ok {
			return nil, false, err
		}
		item, ok, err := f.item(line)
		if ok || err != nil {
			return item, ok, err
		}
	}
}

// EOF gives what is still whole, and a last record that no line end follows.
func (f *CSV) EOF() ([]any, error) {
	items, err := drain(f)
	if err != nil {
		return items, err
	}
	line, state, skipped := f.buf.bytes(), f.state, f.skipping
	f.buf.drop(len(line))
	bad := f.end()
	switch {
	case skipped:
		return items, nil
	case state == csvQuoted:
		return items, f.wrong(syscall.EBADMSG, "csv: a quote is not closed")
	case bad:
		return items, f.wrong(syscall.EBADMSG, csvBehindQuote)
	}
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return items, nil
	}
	item, ok, err := f.item(line)
	if ok {
		items = append(items, item)
	}
	return items, err
}

const csvBehindQuote = "csv: a closing quote is not at the end of its field"

// record is the oldest whole record without its line end, until the next call of any method.
func (f *CSV) record() (line []byte, ok bool, err error) {
	for f.failed == nil {
		b := f.buf.bytes()
		end, found := f.scan(b)
		if !found {
			if f.skipping {
				f.buf.drop(len(b))
				f.scanned = 0
			} else if len(b) > f.longest() && (f.state == csvQuoted || overLength(b, f.longest())) {
				f.buf.drop(len(b))
				f.scanned, f.skipping = 0, true
				return nil, false, f.wrong(syscall.EMSGSIZE, "csv: record exceeds maximum length")
			}
			f.buf.settle()
			return nil, false, nil
		}
		f.buf.drop(end + 1)
		skipped := f.skipping
		bad := f.end()
		line = bytes.TrimSuffix(b[:end], []byte("\r"))
		switch {
		case skipped || len(line) == 0:
			continue
		case len(line) > f.longest():
			return nil, false, f.wrong(syscall.EMSGSIZE, "csv: record exceeds maximum length")
		case bad:
			return nil, false, f.wrong(syscall.EBADMSG, csvBehindQuote)
		}
		return line, true, nil
	}
	return nil, false, f.failed
}

// wrong is the failure of a record. That of the header is final: without names, no other record is an item.
func (f *CSV) wrong(errno syscall.Errno, message string) error {
	if f.Header && f.names == nil {
		return f.fail(errno, message)
	}
	return &Error{Errno: errno, Message: message}
}

// end begins a new record, and says whether the one before was bad.
func (f *CSV) end() (bad bool) {
	bad = f.bad
	f.scanned, f.state, f.bad, f.skipping = 0, csvStart, false, false
	return bad
}

// scan looks for the line end of the record in bytes that were not looked at before.
func (f *CSV) scan(b []byte) (end int, found bool) {
	separator, quote := f.separator(), f.quote()
	state := f.state
	for i := f.scanned; i < len(b); i++ {
		c := b[i]
		if state == csvQuoted {
			n := bytes.IndexByte(b[i:], quote)
			if n < 0 {
				break
			}
			i += n
			state = csvClosed
			continue
		}
		switch {
		case c == '\n':
			return i, true
		case c == quote && (state == csvStart || state == csvClosed):
			state = csvQuoted
			continue
		case c == '\r' && state == csvClosed:
			state = csvCR
			continue
		case state == csvCR || state == csvClosed && c != separator:
			f.bad = true
		}
		state = csvPlain
		if c == separator {
			state = csvStart
		}
	}
	f.scanned, f.state = len(b), state
	return 0, false
}

// csvGuess is how many bytes of a record tell how many fields to expect: not so many that a long one takes memory for none.
const csvGuess = 64 << 10

// fields cuts a record without faults.
func (f *CSV) fields(line []byte) []any {
	separator, quote := f.separator(), f.quote()
	fields := make([]any, 0, 1+bytes.Count(line[:min(len(line), csvGuess)], []byte{separator}))
	for {
		var field []byte
		if len(line) > 0 && line[0] == quote {
			field, line = f.unquote(line[1:])
		} else if i := bytes.IndexByte(line, separator); i >= 0 {
			field, line = line[:i], line[i:]
		} else {
			field, line = line, nil
		}
		fields = append(fields, string(field))
		if len(line) == 0 {
			return fields
		}
		line = line[1:] // the separator
	}
}

// unquote cuts a field off that ends with a quote.
func (f *CSV) unquote(line []byte) (field, rest []byte) {
	quote := f.quote()
	for {
		i := bytes.IndexByte(line, quote)
		if i < 0 {
			return append(field, line...), nil
		}
		if i+1 == len(line) || line[i+1] != quote {
			if field == nil {
				return line[:i], line[i+1:]
			}
			return append(field, line[:i]...), line[i+1:]
		}
		field = append(field, line[:i+1]...)
		line = line[i+2:]
	}
}

// item makes an item of a record. The header is none.
func (f *CSV) item(line []byte) (item any, ok bool, err error) {
	fields := f.fields(line)
	switch {
	case !f.Header:
		return fields, true, nil
	case f.names == nil:
		f.names, f.repeated = fields, repeats(fields)
		return nil, false, nil
	case len(fields) > len(f.names):
		return nil, false, f.wrong(syscall.EBADMSG, "csv: a record has more fields than the header")
	}
	m := make(Map, len(fields))
	for i, field := range fields {
		m[i] = Pair{f.names[i], field}
	}
	if f.repeated {
		m = unique(m)
	}
	return m, true, nil
}

func repeats(names []any) bool {
	seen := make(map[any]bool, len(names))
	for _, name := range names {
		seen[name] = true
	}
	return len(seen) < len(names)
}

// Put appends a record: an array of strings, numbers and booleans, or with Header a Map of them. With Header, the first
// item gives the names, which are written before it; an array that comes first is nothing but the names. A name that a
// Map lacks is an empty field.
func (f *CSV) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		v, err := f.From(item)
		if err != nil {
			return dst, err
		}
		item = v
	}
	switch v := item.(type) {
	case []any:
		fields := make([]string, len(v))
		for i, field := range v {
			var err error
			if fields[i], err = csvField(field, "item["+strconv.Itoa(i+1)+"]"); err != nil {
				return dst, err
			}
		}
		if len(fields) == 0 {
			return dst, &ItemError{Filter: "CSV", Want: "at least one field", Got: item}
		}
		if f.Header && f.written == nil {
			f.written = fields
		}
		return f.write(dst, fields), nil
	case Map:
		if f.Header {
			return f.writeMap(dst, v)
		}
	}
	want := "array"
	if f.Header {
		want = "array or map"
	}
	return dst, &ItemError{Filter: "CSV", Want: want, Got: item}
}

func (f *CSV) writeMap(dst []byte, m Map) ([]byte, error) {
	names := f.written
	if names == nil {
		for _, pair := range m {
			name, err := csvField(pair.Key, "")
			if err != nil {
				return dst, err
			}
			names = append(names, name)
		}
		if len(names) == 0 {
			return dst, &ItemError{Filter: "CSV", Want: "at least one field", Got: m}
		}
	}
	column := make(map[string]int, len(names))
	for i, name := range names {
		column[name] = i
	}
	fields := make([]string, len(names))
	for _, pair := range m {
		name, err := csvField(pair.Key, "")
		if err != nil {
			return dst, err
		}
		i, ok := column[name]
		if !ok {
			return dst, &ItemError{Filter: "CSV", Want: "name that the header has", Got: pair.Key, Path: "item" + step(name)}
		}
		if fields[i], err = csvField(pair.Value, "item"+step(name)); err != nil {
			return dst, err
		}
	}
	if f.written == nil {
		f.written = names
		dst = f.write(dst, names)
	}
	return f.write(dst, fields), nil
}

// csvField is a value as a field. What is nil is empty.
func csvField(v any, path string) (string, error) {
	switch v := v.(type) {
	case nil, Null:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		if n, ok := whole(v); ok {
			return strconv.FormatInt(n, 10), nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case Texter:
		return v.ItemText(), nil
	}
	return "", &ItemError{Filter: "CSV", Want: "string, number or boolean", Got: v, Path: path}
}

// write appends a record. Only fields that need quotes get them; so does an only field that is empty, which would look
// like an empty line.
func (f *CSV) write(dst []byte, fields []string) []byte {
	separator, quote := f.separator(), f.quote()
	for i, field := range fields {
		if i > 0 {
			dst = append(dst, separator)
		}
		if !f.special(field) && (field != "" || len(fields) > 1) {
			dst = append(dst, field...)
			continue
		}
		dst = append(dst, quote)
		for j := range len(field) {
			if field[j] == quote {
				dst = append(dst, quote)
			}
			dst = append(dst, field[j])
		}
		dst = append(dst, quote)
	}
	if f.LineEnd == "" {
		return append(dst, "\r\n"...)
	}
	return append(dst, f.LineEnd...)
}

// special says whether a field needs quotes.
func (f *CSV) special(field string) bool {
	for i := range len(field) {
		if c := field[i]; c == f.separator() || c == f.quote() || c == '\r' || c == '\n' {
			return true
		}
	}
	return false
}

// Reset drops what is held and forgets the names of the fields, read and written.
func (f *CSV) Reset() { *f = *f.Clone().(*CSV) }

// Clone gives an empty filter with the same parameters. It knows no names yet.
func (f *CSV) Clone() Filter {
	return &CSV{Limits: f.Limits, Separator: f.Separator, Quote: f.Quote, Header: f.Header, LineEnd: f.LineEnd, From: f.From}
}
