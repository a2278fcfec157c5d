package filters

import (
	"bytes"
	"strings"
)

// fault is what is wrong with a message that came: HTTPD answers it with the status, for HTTPClient it is a failure.
type fault struct {
	status  int
	message string
}

// The faults of messages that make no sense. Where two readers of the same bytes might see two different messages, there is
// one here: that is how requests are smuggled past a proxy.
var (
	badLine      = &fault{400, "bad request line"}
	badTarget    = &fault{400, "bad request target"}
	badVersion   = &fault{505, "HTTP version not supported"}
	badStatus    = &fault{502, "bad status line"}
	badHeader    = &fault{400, "bad header line"}
	badValue     = &fault{400, "bad byte in a header value"}
	badFold      = &fault{400, "continuation of no header line"}
	badLength    = &fault{400, "bad Content-Length"}
	twoLengths   = &fault{400, "several values of Content-Length"}
	bothLengths  = &fault{400, "both Content-Length and Transfer-Encoding"}
	badCodings   = &fault{400, "bad Transfer-Encoding"}
	oldCodings   = &fault{400, "Transfer-Encoding before HTTP/1.1"}
	otherCodings = &fault{501, "transfer coding not supported"}
	badHost      = &fault{400, "bad Host"}
	twoHosts     = &fault{400, "several values of Host"}
	noHost       = &fault{400, "no Host"}
	bodyOfNone   = &fault{400, "a body with CONNECT"}
	badChunkSize = &fault{400, "bad chunk size"}
	badChunkEnd  = &fault{400, "bad end of a chunk"}
	longChunk    = &fault{400, "chunk extensions too long"}
	longTarget   = &fault{414, "request line too long"}
	longHead     = &fault{431, "header lines too long"}
	manyFields   = &fault{431, "too many header lines"}
	longContent  = &fault{413, "content too long"}
)

// headScan looks for the empty line that ends a head, or trailers. It remembers how far it has looked.
type headScan struct {
	first int // where the first line ends, once line is above 0
	line  int // where the last line begins
	at    int // how far that was searched
}

// find gives the length of the head at the beginning of b, its empty line included; false: it has not ended yet. From one
// call to the next b only grows.
func (s *headScan) find(b []byte) (end int, ok bool) {
	for {
		if s.at == s.line && s.line < len(b) {
			switch b[s.line] {
			case '\n':
				return s.line + 1, true
			case '\r':
				if s.line+1 == len(b) {
					return 0, false
				}
				if b[s.line+1] == '\n' {
					return s.line + 2, true
				}
			}
		}
		i := bytes.IndexByte(b[s.at:], '\n')
		if i < 0 {
			s.at = len(b)
			return 0, false
		}
		s.at += i + 1
		if s.line == 0 {
			s.first = s.at
		}
		s.line = s.at
	}
}

// cutLine cuts off the first line, without its end. Every line in s has one.
func cutLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	line, rest = s[:i], s[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimBlanks(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// parseFields reads header lines up to the empty one, which is the end of s, and appends them to list, which gets at most that
// many.
//
// Differs: POE drops a line without a colon, and all that follow it.
func parseFields(s string, list HeaderList, most int) (HeaderList, *fault) {
	for {
		line, rest := cutLine(s)
		if line == "" {
			return list, nil
		}
		i := 0
		for i < len(line) && byteKinds[line[i]]&tokenByte != 0 {
			i++
		}
		if i == 0 || i == len(line) || line[i] != ':' {
			if isBlank(line[0]) {
				return list, badFold
			}
			return list, badHeader
		}
		value := trimBlanks(line[i+1:])
		if isBlank(rest[0]) { // there is a rest: the empty line
			value, rest = unfold(value, rest)
		}
		if !consists(value, valueByte) {
			return list, badValue
		}
		if len(list) == most {
			return list, manyFields
		}
		list = append(list, Field{line[:i], value})
		s = rest
	}
}

// unfold joins a value with the lines that continue it, which are the first of s.
func unfold(value, s string) (joined, rest string) {
	parts := []string{value}
	for isBlank(s[0]) {
		var line string
		line, s = cutLine(s)
		parts = append(parts, trimBlanks(line))
	}
	return trimBlanks(strings.Join(parts, " ")), s
}

// parseRequestLine reads `method target version`.
//
// Differs: POE takes several blanks for one, and ignores what follows the version; a method with a hyphen is bad there.
func (r *Request) parseRequestLine(line string) *fault {
	method, rest, ok := strings.Cut(line, " ")
	if !ok || method == "" || !consists(method, tokenByte) {
		return badLine
	}
	target, version, ok := strings.Cut(rest, " ")
	if target == "" || !consists(target, uriByte) {
		return badLine
	}
	r.Method, r.URI = knownMethod(method), target
	switch {
	case !ok:
		r.Protocol = "HTTP/0.9"
	case version == "HTTP/1.1":
		r.Protocol = "HTTP/1.1"
	case version == "HTTP/1.0":
		r.Protocol = "HTTP/1.0"
	case isVersion(version):
		return badVersion
	default:
		return badLine
	}
	return r.parseTarget()
}

// knownMethod is a method that does not keep the head in memory, where it is one of the usual ones.
func knownMethod(method string) string {
	for _, known := range [...]string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"} {
		if method == known {
			return known
		}
	}
	return method
}

// isVersion says whether s is an HTTP version of whatever number.
func isVersion(s string) bool {
	s, ok := strings.CutPrefix(s, "HTTP/")
	major, minor, dot := strings.Cut(s, ".")
	return ok && dot && isDigits(major) && isDigits(minor)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseTarget takes the target apart. It has one of four forms: /path?query, http://host/path?query, host:port for
// CONNECT, * for OPTIONS.
func (r *Request) parseTarget() *fault {
	target := r.URI
	switch {
	case r.Method == "CONNECT":
		host, port, ok := cutPort(target)
		if !ok || host == "" || !isDigits(port) || !consists(host, hostByte) {
			return badTarget
		}
		return nil
	case target == "*":
		if r.Method != "OPTIONS" {
			return badTarget
		}
		r.Path = target
		return nil
	case target[0] != '/':
		scheme, rest, ok := strings.Cut(target, "://")
		if !ok || !isScheme(scheme) {
			return badTarget
		}
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		if i == 0 || !consists(rest[:i], hostByte) {
			return badTarget
		}
		target = rest[i:]
	}
	target, r.Query, r.HasQuery = strings.Cut(target, "?")
	r.Path = decodePath(target)
	return nil
}

// cutPort cuts at the last colon, unless that is one of an IPv6 address.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := lower(s[i])
		if letter := c >= 'a' && c <= 'z'; !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// decodePath decodes %XX. What is no escape stays as it is. A path begins with one slash, as in POE: what is taken for the
// beginning of a URL by those who use it would lead to another host.
func decodePath(s string) string {
	if strings.IndexByte(s, '%') >= 0 {
		s = unescape(s)
	}
	for len(s) > 1 && s[0] == '/' && s[1] == '/' {
		s = s[1:]
	}
	if s == "" {
		return "/"
	}
	return s
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0 {
			b = append(b, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// hexDigit is the value of a hexadecimal digit, -1 if it is none.
func hexDigit(c byte) int {
	switch c := lower(c); {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// parseStatusLine reads `version status reason`.
func (r *Response) parseStatusLine(line string) *fault {
	version, rest, _ := strings.Cut(line, " ")
	switch {
	case version == "HTTP/1.1":
		r.Protocol = "HTTP/1.1"
	case version == "HTTP/1.0":
		r.Protocol = "HTTP/1.0"
	case isVersion(version):
		return badVersion
	default:
		return badStatus
	}
	status, reason, _ := strings.Cut(rest, " ")
	if len(status) != 3 || !isDigits(status) || status[0] == '0' || !consists(reason, valueByte) {
		return badStatus
	}
	r.Status, r.Reason = int(status[0]-'0')*100+int(status[1]-'0')*10+int(status[2]-'0'), reason
	return nil
}

// framing is what the header lines say of a message's extent and of what comes after it.
type framing struct {
	length    int64 // -1: not said
	chunked   bool
	close     bool // Connection: close
	keepAlive bool // Connection: keep-alive
	expect    bool // Expect: 100-continue
	hosts     int

	lengthText string
	codings    *fault // what is wrong with Transfer-Encoding
	coded      bool   // there is a Transfer-Encoding
}

// parseFraming reads the lines that matter. old says that the message is from before HTTP/1.1.
func parseFraming(list HeaderList, old bool) (m framing, bad *fault) {
	m.length = -1
	for i := range list {
		name, value := list[i].Name, list[i].Value
		switch len(name) {
		case len("Host"):
			if equalFold(name, "Host") {
				if m.hosts++; m.hosts > 1 {
					return m, twoHosts
				}
				if !consists(value, hostByte) {
					return m, badHost
				}
			}
		case len("Expect"):
			m.expect = m.expect || equalFold(name, "Expect") && equalFold(value, "100-continue")
		case len("Connection"):
			if equalFold(name, "Connection") {
				m.readConnection(value)
			}
		case len("Content-Length"):
			if equalFold(name, "Content-Length") {
				if bad := m.readLength(value); bad != nil {
					return m, bad
				}
			}
		case len("Transfer-Encoding"):
			if equalFold(name, "Transfer-Encoding") {
				m.readCodings(value)
			}
		}
	}
	switch {
	case !m.coded:
	case old:
		return m, oldCodings
	case m.length >= 0:
		return m, bothLengths
	case m.codings != nil:
		return m, m.codings
	}
	return m, nil
}

func (m *framing) readConnection(value string) {
	for part := range strings.SplitSeq(value, ",") {
		switch part = trimBlanks(part); {
		case equalFold(part, "close"):
			m.close = true
		case equalFold(part, "keep-alive"):
			m.keepAlive = true
		}
	}
}

// lives says whether another message may follow on the connection.
func (m *framing) lives(protocol string) bool {
	return !m.close && (protocol == "HTTP/1.1" || protocol == "HTTP/1.0" && m.keepAlive)
}

// hugeLength is a length beyond every limit.
const hugeLength = 1<<63 - 1

func (m *framing) readLength(value string) *fault {
	if m.length >= 0 {
		if value != m.lengthText {
			return twoLengths
		}
		return nil
	}
	if !isDigits(value) {
		return badLength
	}
	m.length, m.lengthText = 0, value
	for i := range len(value) {
		if m.length > (hugeLength-9)/10 {
			m.length = hugeLength
			return nil
		}
		m.length = m.length*10 + int64(value[i]-'0')
	}
	return nil
}

// readCodings accepts chunked alone. Another coding is not supported; one after chunked makes no sense.
func (m *framing) readCodings(value string) {
	m.coded = true
	for part := range strings.SplitSeq(value, ",") {
		switch part = trimBlanks(part); {
		case part == "" || !consists(part, valueByte) || m.chunked:
			m.codings = badCodings
			return
		case equalFold(part, "chunked"):
			m.chunked = true
		case m.codings == nil:
			m.codings = otherCodings
		}
	}
}
