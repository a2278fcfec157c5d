package filters

import (
	"strconv"
	"syscall"
	"time"
)

// The defaults of HTTPD and HTTPClient.
const (
	DefaultMaxContent = 1 << 20  // of HTTPD
	DefaultMaxHeader  = 64 << 10 // of both
	DefaultMaxHeaders = 128      // of HTTPD
)

// HTTPD is the server's side of HTTP/1.0 and HTTP/1.1: *Request comes in, *Response goes out.
//
// A request that cannot be taken comes in as an error: a *Response that may be put as it is. What comes after it is dropped.
//
// With Streaming a request comes without its content, then strings come, which are never empty, then an *End.
//
// After a Response with Chunked strings are put as chunks, until an *End; other strings go out as they are. The answers go
// in the order of the requests. A response gets these lines, unless it has them:
//
//	Date            unless NoDate, and not with 1xx
//	Server          if Server is set, and not with 1xx
//	Content-Length  the content's, in place of any other
//	Connection      close, if the request says so or the length is not known; keep-alive for a client of HTTP/1.0
//
// So the connection must be closed after a response without Content, Content-Length and Chunked: that ends its body.
//
// After CONNECT nothing comes out until it is answered, and after an answer of 2xx nothing at all: what the client sends is
// in Pending, as after an answer of 101.
//
// Differs: POE adds no lines to a response, and knows no chunks: it takes a chunked body for the next request. It throws away
// what is pipelined after a request with a length of 0.
type HTTPD struct {
	MaxContent int    // longest body, unless Streaming; 0: 1 MiB. Beyond: 413
	MaxHeader  int    // request line and header lines together; 0: 64 KiB. Beyond: 414 or 431
	MaxHeaders int    // header lines; 0: 128. Beyond: 431
	MaxBuffer  int    // bytes held; 0: 512 MiB
	Streaming  bool   // bodies come in pieces
	NoDate     bool   // no Date is added
	Server     string // is added; "": none

	Now  func() time.Time            // nil: time.Now
	From func(item any) (any, error) // what becomes of an item before it is put; nil: nothing

	intake
	scan    headScan
	state   httpdState
	checked bool     // the request line, before the head was whole
	request *Request // the one whose body comes
	body    bodyReader

	unanswered unanswered
	writer     bodyWriter
	dateAt     int64 // the second that date tells
	date       [len(dateLayout)]byte
}

var (
	_ Filter   = (*HTTPD)(nil)
	_ Resetter = (*HTTPD)(nil)
)

type httpdState uint8

const (
	atHead    httpdState = iota
	inBody               // or at its end
	atTunnel             // CONNECT was asked for: what follows is no HTTP
	atNothing            // what follows is dropped
)

// Bits of what is remembered of a request.
const (
	toHead    = 1 << iota // HEAD: the answer has no body
	toConnect             // CONNECT: if the answer is 2xx, all that follows is no HTTP
	toOld                 // from before HTTP/1.1: there are no chunks
	toClose               // the connection is to be closed after the answer
)

func (f *HTTPD) limits() httpLimits {
	return httpLimits{
		int64(or(f.MaxContent, DefaultMaxContent)), or(f.MaxHeader, DefaultMaxHeader), or(f.MaxHeaders, DefaultMaxHeaders),
	}
}

// Feed adds input. What comes after an error item is dropped.
func (f *HTTPD) Feed(chunk []byte) error {
	if f.state == atNothing {
		return nil
	}
	return f.take("httpd", chunk, or(f.MaxBuffer, DefaultMaxBuffer))
}

// Next gives a *Request, a *Response for one that cannot be taken, or a string or *End when streaming.
func (f *HTTPD) Next() (item any, ok bool, err error) {
	if f.failed != nil {
		return nil, false, f.failed
	}
	switch f.state {
	case atHead:
		item = f.nextHead()
	case inBody:
		item = f.nextBody()
	}
	if item == nil && f.failed == nil {
		f.wait("httpd", or(f.MaxBuffer, DefaultMaxBuffer))
	}
	if f.failed != nil {
		return nil, false, f.failed
	}
	return item, item != nil, nil
}

// refuse gives the error item for a request that cannot be taken. request is what was read of it.
func (f *HTTPD) refuse(bad *fault, request *Request) any {
	bits := uint8(toClose)
	switch {
	case request == nil:
	case request.Method == "":
		request = nil
	case request.Method == "HEAD":
		bits |= toHead
	}
	begun := f.state != atHead // then it is remembered, unless it was answered early
	if !(begun && f.unanswered.mark(toClose)) && !f.remember(bits) {
		return nil
	}
	f.buf, f.request, f.state = buffer{}, nil, atNothing
	reason := statusText(bad.status)
	title := strconv.Itoa(bad.status) + " " + reason
	return &Response{
		Status: bad.status, Reason: reason, Protocol: "HTTP/1.1",
		Header: HeaderList{{"Content-Type", "text/html"}},
		Content: "<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1><p>" + bad.message +
			"</p></body></html>\n",
		HasContent: true,
		IsError:    true, Request: request,
	}
}

// remember keeps what the answer will have to know. Without a bound a client could fill the memory with requests that nobody
// answers.
func (f *HTTPD) remember(bits uint8) bool {
	ok := f.unanswered.add(bits)
	if !ok {
		f.fail(syscall.EMSGSIZE, tooManyUnanswered)
	}
	return ok
}

// nextHead reads a head. The request line is judged as soon as it is there, and before the length of the head, so that the
// same is wrong with the same bytes however they are cut.
func (f *HTTPD) nextHead() any {
	if f.scan.at == 0 && !skipLines(&f.buf) {
		return nil
	}
	rest := f.buf.bytes()
	end, whole := f.scan.find(rest)
	most := or(f.MaxHeader, DefaultMaxHeader)
	if !whole || end > most {
		return f.partHead(rest, most)
	}
	head := string(rest[:end])
	r := &Request{}
	line, fields := cutLine(head)
	if bad := r.parseRequestLine(line); bad != nil {
		return f.refuse(bad, r)
	}
	f.scan, f.checked = headScan{}, false
	var bad *fault
	if r.Header, bad = parseFields(fields, r.fields[:0], or(f.MaxHeaders, DefaultMaxHeaders)); bad != nil {
		return f.refuse(bad, r)
	}
	return f.begin(r, end)
}

// partHead judges a head that is not whole, or too long.
func (f *HTTPD) partHead(rest []byte, most int) any {
	if f.scan.line == 0 || f.scan.first > most {
		if len(rest) > most {
			return f.refuse(longTarget, nil)
		}
		return nil
	}
	tooLong := len(rest) > most
	if f.checked && !tooLong {
		return nil
	}
	f.checked = true
	r := &Request{}
	line, _ := cutLine(string(rest[:f.scan.first]))
	if bad := r.parseRequestLine(line); bad != nil {
		return f.refuse(bad, r)
	}
	if tooLong {
		return f.refuse(longHead, r)
	}
	return nil
}

// begin goes on from a head, which is the first size bytes of the input.
func (f *HTTPD) begin(r *Request, size int) any {
	old := r.Protocol != "HTTP/1.1"
	m, bad := parseFraming(r.Header, old)
	r.KeepAlive, r.ExpectContinue = m.lives(r.Protocol), m.expect && !old
	switch {
	case bad != nil:
	case m.hosts == 0 && !old:
		bad = noHost
	case r.Method == "CONNECT" && (m.chunked || m.length > 0):
		bad = bodyOfNone
	case m.length > f.limits().content && !f.Streaming:
		bad = longContent
	case m.length == hugeLength:
		bad = badLength
	}
	if bad != nil {
		return f.refuse(bad, r)
	}
	if !f.remember(answerBits(r)) {
		return nil
	}
	r.HasContent, r.Chunked = !f.Streaming, f.Streaming && m.chunked
	f.request, f.state = r, inBody
	f.body = bodyReader{pieces: f.Streaming, start: size, left: m.length}
	switch {
	case m.chunked:
		f.body.kind = chunksBody
	case m.length > 0:
		f.body.kind = lengthBody
	}
	if f.Streaming {
		f.buf.drop(size)
		return r
	}
	return f.nextBody()
}

func answerBits(r *Request) (bits uint8) {
	switch r.Method {
	case "HEAD":
		bits = toHead
	case "CONNECT":
		bits = toConnect
	}
	if r.Protocol != "HTTP/1.1" {
		bits |= toOld
	}
	if !r.KeepAlive {
		bits |= toClose
	}
	return bits
}

// finish goes on to the next request.
func (f *HTTPD) finish() {
	f.state = atHead
	if f.request.Method == "CONNECT" {
		f.state = atTunnel
	}
	f.request = nil
}

// nextBody goes on in a body.
func (f *HTTPD) nextBody() any {
	r := f.request
	part, bad := f.body.next(&f.buf, f.limits())
	switch {
	case bad != nil:
		return f.refuse(bad, r)
	case f.Streaming && part.content != "":
		return part.content
	case !part.done:
		return nil
	}
	f.finish()
	if f.Streaming {
		return &End{Trailers: part.trailers}
	}
	r.Content, r.Trailers = part.content, part.trailers
	return r
}

// dateLayout is that of the header line Date.
const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// appendDate appends the header line Date. It is formatted once a second.
func (f *HTTPD) appendDate(dst []byte) []byte {
	now := time.Now
	if f.Now != nil {
		now = f.Now
	}
	t := now()
	if at := t.Unix(); at != f.dateAt || f.date[0] == 0 {
		t.UTC().AppendFormat(f.date[:0], dateLayout)
		f.dateAt = at
	}
	dst = append(dst, "Date: "...)
	dst = append(dst, f.date[:]...)
	return append(dst, "\r\n"...)
}

// Put appends a *Response, a string of a body, or an *End.
func (f *HTTPD) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		var err error
		if item, err = f.From(item); err != nil {
			return dst, err
		}
	}
	switch v := item.(type) {
	case *Response:
		return f.putResponse(dst, v)
	case *End:
		return f.writer.end(dst, "HTTPD", v)
	case string:
		return f.writer.piece(dst, v), nil
	case Texter:
		return f.writer.piece(dst, v.ItemText()), nil
	}
	return dst, &ItemError{Filter: "HTTPD", Want: "response, string or end", Got: item}
}

// putResponse appends a response, or its head if the content follows.
func (f *HTTPD) putResponse(dst []byte, r *Response) ([]byte, error) {
	if err := f.checkResponse(r); err != nil {
		return dst, err
	}
	status := or(r.Status, 200)
	bits := f.unanswered.oldest()
	p := planResponse(r, status, bits)
	var has uint8
	dst = appendStatusLine(dst, r, status)
	for _, field := range r.Header {
		if kind := kindOfField(field.Name); kind&p.drop == 0 {
			has |= kind
			dst = appendField(dst, field.Name, field.Value)
		}
	}
	if !p.alone {
		if has&fieldDate == 0 && !f.NoDate {
			dst = f.appendDate(dst)
		}
		if has&fieldServer == 0 && f.Server != "" {
			dst = appendField(dst, "Server", f.Server)
		}
	}
	if p.length && has&fieldLength == 0 {
		dst = appendLength(dst, len(r.Content))
	}
	if p.chunks {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	dst = p.appendConnection(dst, has, bits)
	dst = append(dst, "\r\n"...)
	f.writer = p.writer
	if r.HasContent {
		dst = f.writer.piece(dst, r.Content)
	}
	if status >= 200 || status == 101 {
		f.answered(status)
	}
	return dst, nil
}

// answered goes on to the next answer, and reads on after a CONNECT that was refused.
func (f *HTTPD) answered(status int) {
	connect := f.unanswered.oldest()&toConnect != 0
	f.unanswered.remove()
	switch {
	case status == 101:
		f.state = atTunnel
	case connect && f.state == atTunnel && status/100 != 2:
		f.state = atHead
	}
}

func (f *HTTPD) checkResponse(r *Response) error {
	wrong := func(path, want string, got any) error {
		return &ItemError{Filter: "HTTPD", Want: want, Got: got, Path: path}
	}
	switch {
	case f.writer == asChunks:
		return wrong("", "string or end", r)
	case r.Status != 0 && (r.Status < 100 || r.Status > 999):
		return wrong("status", "number from 100 to 999", r.Status)
	case !consists(r.Reason, valueByte):
		return wrong("reason", "string without line ends", r.Reason)
	}
	for _, field := range r.Header {
		if err := checkField("HTTPD", "headers", field); err != nil {
			return err
		}
	}
	return checkProtocol("HTTPD", r.Protocol)
}

// appendStatusLine appends the first line.
//
// Differs: POE writes the usual reason, too, if the response has another: "404 (Not Found) nope".
func appendStatusLine(dst []byte, r *Response, status int) []byte {
	if r.Protocol == "" {
		dst = append(dst, "HTTP/1.1 "...)
	} else {
		dst = append(dst, r.Protocol...)
		dst = append(dst, ' ')
	}
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	if r.Reason == "" {
		dst = append(dst, statusText(status)...)
	} else {
		dst = append(dst, r.Reason...)
	}
	return append(dst, "\r\n"...)
}

// Header lines that a filter looks at when it puts a message, as bits.
const (
	fieldLength = 1 << iota
	fieldCoding
	fieldConnection
	fieldDate
	fieldServer
	fieldHost
)

func kindOfField(name string) uint8 {
	switch len(name) {
	case len("Content-Length"):
		if equalFold(name, "Content-Length") {
			return fieldLength
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "Transfer-Encoding") {
			return fieldCoding
		}
	case len("Connection"):
		if equalFold(name, "Connection") {
			return fieldConnection
		}
	case len("Server"):
		if equalFold(name, "Server") {
			return fieldServer
		}
	case len("Date"):
		if equalFold(name, "Date") {
			return fieldDate
		}
		if equalFold(name, "Host") {
			return fieldHost
		}
	}
	return 0
}

// responsePlan is how a response is framed.
type responsePlan struct {
	drop   uint8 // header lines that are not sent: they would contradict the framing
	length bool  // Content-Length is added if absent
	chunks bool  // Transfer-Encoding is added
	open   bool  // if no header line says where the body ends, the end of the connection does
	alone  bool  // neither Date and Server nor Connection are added
	writer bodyWriter
}

// planResponse decides on the framing of an answer to a request of which bits are known.
func planResponse(r *Response, status int, bits uint8) (p responsePlan) {
	tunnel := status == 101 || bits&toConnect != 0 && status/100 == 2
	head := bits&toHead != 0
	p.alone = status < 200 || tunnel
	if p.alone || r.Chunked || r.HasContent && !head || status == 204 {
		p.drop = fieldLength | fieldCoding
	}
	switch {
	case tunnel:
		p.writer = asIs
	case status < 200 || status == 204 || status == 304:
		p.writer = dropped
	case r.Chunked && (bits&toOld != 0 || r.Protocol == "HTTP/1.0"):
		p.open = true
	case r.Chunked:
		p.chunks, p.writer = true, asChunks
	case r.HasContent:
		p.length = true
	default:
		p.open = true
	}
	if head && !tunnel {
		p.open, p.writer = false, dropped
	}
	return p
}

// appendConnection appends the header line Connection, if there is something to say.
func (p *responsePlan) appendConnection(dst []byte, has, bits uint8) []byte {
	switch {
	case p.alone || has&fieldConnection != 0:
	case bits&toClose != 0 || p.open && has&(fieldLength|fieldCoding) == 0:
		dst = append(dst, "Connection: close\r\n"...)
	case bits&toOld != 0:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	return dst
}

// Clone gives a filter of the same parameters.
func (f *HTTPD) Clone() Filter {
	return &HTTPD{
		MaxContent: f.MaxContent, MaxHeader: f.MaxHeader, MaxHeaders: f.MaxHeaders, MaxBuffer: f.MaxBuffer, Streaming: f.Streaming,
		NoDate: f.NoDate, Server: f.Server, Now: f.Now, From: f.From,
	}
}

// Reset forgets all but the parameters, the requests without an answer, too.
func (f *HTTPD) Reset() { *f = *f.Clone().(*HTTPD) }
