package filters

import (
	"net/http"
	"strconv"
	"strings"
)

// Field is one header line.
type Field struct {
	Name, Value string
}

// HeaderList is header lines in their order, with the names as they are written.
type HeaderList []Field

// Get is the value of the first line of that name, in any case.
func (h HeaderList) Get(name string) (value string, ok bool) {
	for i := range h {
		if equalFold(h[i].Name, name) {
			return h[i].Value, true
		}
	}
	return "", false
}

// Values are the values of all lines of that name, in any case.
func (h HeaderList) Values(name string) []string {
	var values []string
	for i := range h {
		if equalFold(h[i].Name, name) {
			values = append(values, h[i].Value)
		}
	}
	return values
}

// Joined is one field for each name, in lower case. Repeated ones are joined with ", ", cookies with "; ".
func (h HeaderList) Joined() HeaderList {
	joined := make(HeaderList, 0, len(h))
	more := map[int][]string{}
	find := joinedIndex(len(h))
	for _, field := range h {
		name := strings.ToLower(field.Name)
		if i := find(joined, name); i >= 0 {
			if more[i] == nil {
				more[i] = append(more[i], joined[i].Value)
			}
			more[i] = append(more[i], field.Value)
		} else {
			joined = append(joined, Field{name, field.Value})
		}
	}
	for i, values := range more {
		separator := ", "
		if joined[i].Name == "cookie" {
			separator = "; "
		}
		joined[i].Value = strings.Join(values, separator)
	}
	return joined
}

// joinedIndex makes a function that finds a name among the first fields of a list, -1 if it is not there; the name is then
// the next one. A few names are compared, many are looked up.
func joinedIndex(n int) func(HeaderList, string) int {
	if n <= 16 {
		return func(joined HeaderList, name string) int {
			for i := range joined {
				if joined[i].Name == name {
					return i
				}
			}
			return -1
		}
	}
	index := make(map[string]int, n)
	return func(joined HeaderList, name string) int {
		if i, ok := index[name]; ok {
			return i
		}
		index[name] = len(joined)
		return -1
	}
}

// ParseForm reads the fields of a form, or of a query: name=value&name=value, with + for a blank and %XX. ok is false if
// there are more than most.
func ParseForm(s string, most int) (fields []Field, ok bool) {
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		if len(fields) == most {
			return nil, false
		}
		name, value, _ := strings.Cut(part, "=")
		fields = append(fields, Field{decodeForm(name), decodeForm(value)})
	}
	return fields, true
}

func decodeForm(s string) string {
	if strings.IndexByte(s, '+') >= 0 {
		s = strings.ReplaceAll(s, "+", " ")
	}
	if strings.IndexByte(s, '%') >= 0 {
		s = unescape(s)
	}
	return s
}

// Cookies are the cookies that a request has: names and values, without quotes around them.
func (h HeaderList) Cookies() []Field {
	var cookies []Field
	for _, line := range h.Values("Cookie") {
		for part := range strings.SplitSeq(line, ";") {
			name, value, ok := strings.Cut(trimBlanks(part), "=")
			if !ok || name == "" {
				continue
			}
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			cookies = append(cookies, Field{name, value})
		}
	}
	return cookies
}

// inline is how many header lines lie within a message itself: most have no more.
const inline = 8

// Request is a request: what HTTPD gives and HTTPClient takes.
type Request struct {
	Method     string     // for HTTPClient "" is GET
	URI        string     // as it stands in the request line
	Path       string     // percent-decoded; one / at its beginning where there were several; "" for CONNECT
	Query      string     // what follows the question mark, as it is
	HasQuery   bool       // there is a question mark
	Protocol   string     // "HTTP/1.1", "HTTP/1.0", "HTTP/0.9"; for HTTPClient "" is HTTP/1.1
	Header     HeaderList // as the lines came, or go out
	Content    string     // the body
	HasContent bool       // false: Content is not the body; HTTPD gives it in pieces, for HTTPClient strings may follow
	Trailers   HeaderList // what came after a chunked body
	KeepAlive  bool       // by the protocol and Connection: another request may follow

	// ExpectContinue says that the client waits for a response of status 100 before it sends the body.
	ExpectContinue bool

	// URL is for HTTPClient, in place of URI: URI and Host are taken from it. It is http or https.
	URL string

	// Chunked says that the strings that follow are chunks, until an End.
	Chunked bool

	fields [inline]Field // where Header begins
}

// Response is an answer: what HTTPD takes and HTTPClient gives.
type Response struct {
	Status     int        // for HTTPD 0 is 200
	Reason     string     // for HTTPD "" is the usual one
	Protocol   string     // for HTTPD "" is HTTP/1.1
	Header     HeaderList // as the lines go out, or came
	Content    string     // the body
	HasContent bool       // false: Content is not the body; strings may follow
	Chunked    bool       // the strings that follow are chunks, until an End
	Trailers   HeaderList // what came after a chunked body
	KeepAlive  bool       // another answer may follow on the connection
	Interim    bool       // another answer to the same request follows

	// IsError says that HTTPD made this in place of a request that it could not take, and that it takes no more.
	IsError bool
	Request *Request // what was read of that request; nil: nothing

	fields [inline]Field // where Header begins
}

// Add appends a header line. It allocates nothing for the first few.
func (r *Request) Add(name, value string) {
	if r.Header == nil {
		r.Header = r.fields[:0]
	}
	r.Header = append(r.Header, Field{name, value})
}

// Add appends a header line. It allocates nothing for the first few.
func (r *Response) Add(name, value string) {
	if r.Header == nil {
		r.Header = r.fields[:0]
	}
	r.Header = append(r.Header, Field{name, value})
}

// End ends a body that comes, or is put, in pieces.
type End struct {
	Trailers HeaderList // after a chunked body
}

// statusText is the usual reason, "" if there is none.
func statusText(status int) string { return http.StatusText(status) }

// Kinds of bytes, as bits.
const (
	tokenByte = 1 << iota // in a method or the name of a header line
	valueByte             // in the value of a header line
	uriByte               // in the target of a request
	hostByte              // in a value of Host
)

// byteKinds says for each byte where it may stand.
var byteKinds = func() (kinds [256]uint8) {
	for c := range kinds {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			kinds[c] = tokenByte | valueByte | uriByte | hostByte
		case c > ' ' && c != 0x7f:
			kinds[c] = valueByte | uriByte
		case c == ' ', c == '\t':
			kinds[c] = valueByte
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		kinds[c] |= tokenByte
	}
	for _, c := range "-._~%!$&'()*+,;=:[]" {
		kinds[c] |= hostByte
	}
	return kinds
}()

// consists says whether every byte of s is of a kind.
func consists(s string, kind uint8) bool {
	for i := range len(s) {
		if byteKinds[s[i]]&kind == 0 {
			return false
		}
	}
	return true
}

// IsHeaderValue says whether s may be the value of a header line: it has no line ends and no control characters.
func IsHeaderValue(s string) bool { return consists(s, valueByte) }

// equalFold compares names: letters of ASCII in any case.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// appendField appends a header line that has been checked.
func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

func appendLength(dst []byte, n int) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, "\r\n"...)
}

// checkField says what is wrong with a header line that a program puts: a line end within it would begin another line.
func checkField(filter, list string, field Field) error {
	if field.Name == "" || !consists(field.Name, tokenByte) {
		return &ItemError{Filter: filter, Want: "name of a header line", Got: field.Name, Path: list + "." + strconv.Quote(field.Name)}
	}
	if !consists(field.Value, valueByte) {
		const want = "string without line ends and control characters"
		return &ItemError{Filter: filter, Want: want, Got: field.Value, Path: list + "." + field.Name}
	}
	return nil
}

// checkProtocol says what is wrong with the protocol of a message that a program puts.
func checkProtocol(filter, protocol string) error {
	switch protocol {
	case "", "HTTP/1.1", "HTTP/1.0":
		return nil
	}
	return &ItemError{Filter: filter, Want: "HTTP/1.0 or HTTP/1.1", Got: protocol, Path: "protocol"}
}
