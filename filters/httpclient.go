package filters

import (
	"strings"
	"syscall"
)

// HTTPClient is the client's side of HTTP/1.0 and HTTP/1.1: *Request goes out, *Response comes in. It remembers the methods
// of the requests that went out, so it knows which answers have no body.
//
// An answer of 1xx comes with Interim, except 101: after that one, and after one of 2xx to CONNECT, nothing comes out any
// more, and what was received is in Pending.
//
// A body without a length lasts until the end of input, which EOF completes. With Streaming a response comes without its
// content, then strings come, which are never empty, then an *End; interim ones, 101 and 2xx to CONNECT come alone.
//
// Host and Content-Length are added to a request that lacks them. After a Request with Chunked strings are put as chunks,
// until an *End; other strings go out as they are.
type HTTPClient struct {
	MaxContent int                         // longest body, unless Streaming; 0: 512 MiB
	MaxHeader  int                         // status line and header lines together; 0: 64 KiB
	Streaming  bool                        // bodies come in pieces
	From       func(item any) (any, error) // what becomes of an item before it is put; nil: nothing

	intake
	scan     headScan
	state    clientState
	response *Response // the one whose body comes
	body     bodyReader

	unanswered unanswered
	writer     bodyWriter
}

var (
	_ Filter   = (*HTTPClient)(nil)
	_ Resetter = (*HTTPClient)(nil)
	_ EOFer    = (*HTTPClient)(nil)
)

type clientState uint8

const (
	beforeHead   clientState = iota
	withinBody               // or at its end
	withinTunnel             // what follows is no HTTP
)

func (f *HTTPClient) limits() httpLimits {
	most := or(f.MaxHeader, DefaultMaxHeader)
	return httpLimits{int64(or(f.MaxContent, DefaultMaxBuffer)), most, most} // there are fewer lines than bytes
}

// Feed adds input.
func (f *HTTPClient) Feed(chunk []byte) error {
	return f.take("httpclient", chunk, DefaultMaxBuffer)
}

// Next gives a *Response, or a string or *End when streaming.
func (f *HTTPClient) Next() (item any, ok bool, err error) {
	if f.failed != nil {
		return nil, false, f.failed
	}
	switch f.state {
	case beforeHead:
		item = f.nextHead()
	case withinBody:
		item = f.nextBody()
	}
	if item == nil && f.failed == nil {
		f.wait("httpclient", DefaultMaxBuffer)
	}
	if f.failed != nil {
		return nil, false, f.failed
	}
	return item, item != nil, nil
}

// refuse makes a fault the filter's failure.
func (f *HTTPClient) refuse(bad *fault) any {
	errno := syscall.EBADMSG
	switch bad {
	case longContent, longHead, manyFields, longChunk:
		errno = syscall.EMSGSIZE
	}
	f.fail(errno, bad.message)
	return nil
}

func (f *HTTPClient) nextHead() any {
	if f.scan.at == 0 && !skipLines(&f.buf) {
		return nil
	}
	rest := f.buf.bytes()
	l := f.limits()
	end, whole := f.scan.find(rest)
	if whole && end > l.header || !whole && len(rest) > l.header {
		return f.refuse(longHead)
	}
	if !whole {
		return nil
	}
	f.scan = headScan{}
	r := &Response{HasContent: true}
	line, fields := cutLine(string(rest[:end]))
	bad := r.parseStatusLine(line)
	if bad == nil {
		r.Header, bad = parseFields(fields, r.fields[:0], l.headers)
	}
	if bad != nil {
		return f.refuse(bad)
	}
	return f.begin(r, end)
}

// begin goes on from a head, which is the first size bytes of the input.
func (f *HTTPClient) begin(r *Response, size int) any {
	if r.Status < 200 && r.Status != 101 {
		r.Interim, r.KeepAlive = true, true
		f.buf.drop(size)
		return r
	}
	m, bad := parseFraming(r.Header, r.Protocol != "HTTP/1.1")
	if bad != nil {
		return f.refuse(bad)
	}
	bits := f.unanswered.oldest()
	f.unanswered.remove()
	r.KeepAlive = m.lives(r.Protocol)
	if r.Status == 101 || bits&toConnect != 0 && r.Status/100 == 2 {
		f.state = withinTunnel
		f.buf.drop(size)
		return r
	}
	f.response, f.state = r, withinBody
	f.body = bodyReader{pieces: f.Streaming, start: size, left: m.length}
	switch {
	case bits&toHead != 0 || r.Status == 204 || r.Status == 304 || m.length == 0:
	case m.chunked:
		f.body.kind = chunksBody
	case m.length == hugeLength || !f.Streaming && m.length > f.limits().content:
		return f.refuse(longContent)
	case m.length > 0:
		f.body.kind = lengthBody
	default:
		f.body.kind = openBody
		r.KeepAlive = false
	}
	if f.Streaming {
		r.HasContent, r.Chunked = f.body.kind == noBody, f.body.kind == chunksBody
		f.buf.drop(size)
		return r
	}
	return f.nextBody()
}

// nextBody goes on in a body.
func (f *HTTPClient) nextBody() any {
	part, bad := f.body.next(&f.buf, f.limits())
	switch {
	case bad != nil:
		return f.refuse(bad)
	case f.Streaming && part.content != "":
		return part.content
	case !part.done:
		return nil
	}
	return f.finish(part)
}

// finish gives the last item of a response.
func (f *HTTPClient) finish(part bodyPart) any {
	r := f.response
	f.state, f.response = beforeHead, nil
	if f.Streaming {
		return &End{Trailers: part.trailers}
	}
	r.Content, r.Trailers = part.content, part.trailers
	return r
}

// EOF gives what the end of input completes: a body without a length. It is a failure within any other message.
func (f *HTTPClient) EOF() ([]any, error) {
	items, err := drain(f)
	if err != nil {
		return items, err
	}
	switch {
	case f.state == withinBody && f.body.kind == openBody:
		var part bodyPart
		if !f.Streaming {
			raw := f.buf.bytes()
			part.content = string(raw[f.body.start:])
			f.buf.drop(len(raw))
		}
		items = append(items, f.finish(part))
	case f.state == withinBody:
		return items, f.fail(syscall.EBADMSG, "body cut short")
	case f.state == beforeHead && len(f.buf.bytes()) > 0:
		return items, f.fail(syscall.EBADMSG, "head cut short")
	}
	return items, nil
}

// Put appends a *Request, a string of a body, or an *End.
func (f *HTTPClient) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		var err error
		if item, err = f.From(item); err != nil {
			return dst, err
		}
	}
	switch v := item.(type) {
	case *Request:
		return f.putRequest(dst, v)
	case *End:
		return f.writer.end(dst, "HTTPClient", v)
	case string:
		return f.writer.piece(dst, v), nil
	case Texter:
		return f.writer.piece(dst, v.ItemText()), nil
	}
	return dst, &ItemError{Filter: "HTTPClient", Want: "request, string or end", Got: item}
}

// putRequest appends a request, or its head if the content follows.
func (f *HTTPClient) putRequest(dst []byte, r *Request) ([]byte, error) {
	if f.writer == asChunks {
		return dst, &ItemError{Filter: "HTTPClient", Want: "string or end", Got: r}
	}
	method := r.Method
	if method == "" {
		method = "GET"
	}
	if err := checkRequest(r, method); err != nil {
		return dst, err
	}
	target, host, err := r.target(method)
	if err != nil {
		return dst, err
	}
	var bits uint8
	switch method {
	case "HEAD":
		bits = toHead
	case "CONNECT":
		bits = toConnect
	}
	if !f.unanswered.add(bits) {
		return dst, &Error{Errno: syscall.EMSGSIZE, Message: tooManyUnanswered}
	}
	protocol := r.Protocol
	if protocol == "" {
		protocol = "HTTP/1.1"
	}
	dst = append(append(dst, method...), ' ')
	dst = append(append(dst, target...), ' ')
	dst = append(append(dst, protocol...), "\r\n"...)
	return f.appendRest(dst, r, method, host), nil
}

// appendRest appends what follows the request line.
func (f *HTTPClient) appendRest(dst []byte, r *Request, method, host string) []byte {
	var has, drop uint8
	for _, field := range r.Header {
		has |= kindOfField(field.Name)
	}
	if has&fieldHost == 0 && (host != "" || r.Protocol != "HTTP/1.0") {
		dst = appendField(dst, "Host", host)
	}
	if r.Chunked || r.HasContent || r.Content != "" {
		drop = fieldLength | fieldCoding
		has &^= drop
	}
	for _, field := range r.Header {
		if kindOfField(field.Name)&drop == 0 {
			dst = appendField(dst, field.Name, field.Value)
		}
	}
	f.writer = asIs
	switch {
	case r.Chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
		f.writer = asChunks
	case r.Content != "" || has&(fieldLength|fieldCoding) == 0 && (method == "POST" || method == "PUT" || method == "PATCH"):
		dst = appendLength(dst, len(r.Content))
	}
	dst = append(dst, "\r\n"...)
	return f.writer.piece(dst, r.Content)
}

func checkRequest(r *Request, method string) error {
	if !consists(method, tokenByte) {
		return &ItemError{Filter: "HTTPClient", Want: "name of a method", Got: method, Path: "method"}
	}
	if r.Chunked && r.Protocol == "HTTP/1.0" {
		return &ItemError{Filter: "HTTPClient", Want: "HTTP/1.1 with chunks", Got: r.Protocol, Path: "protocol"}
	}
	for _, field := range r.Header {
		if err := checkField("HTTPClient", "headers", field); err != nil {
			return err
		}
	}
	return checkProtocol("HTTPClient", r.Protocol)
}

// target gives what stands in the request line, and the host that it names: "" if it names none.
func (r *Request) target(method string) (target, host string, err error) {
	wrong := func(path, want string) (string, string, error) {
		return "", "", &ItemError{Filter: "HTTPClient", Want: want, Got: r.URL + r.URI, Path: path}
	}
	if r.URL == "" {
		parsed := Request{Method: method, URI: r.URI}
		if r.URI == "" || !consists(r.URI, uriByte) || parsed.parseTarget() != nil {
			return wrong("uri", "target of a request")
		}
		switch {
		case method == "CONNECT":
			host = r.URI
		case r.URI[0] != '/' && r.URI != "*":
			host = authority(r.URI)
		}
		return r.URI, host, nil
	}
	url, _, _ := strings.Cut(r.URL, "#")
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || !equalFold(scheme, "http") && !equalFold(scheme, "https") {
		return wrong("url", "http or https URL")
	}
	host = authority(url)
	if host == "" || !consists(host, hostByte) || !consists(rest, uriByte) {
		return wrong("url", "URL of a host, without a user,")
	}
	if target = rest[len(host):]; target == "" || target[0] != '/' {
		target = "/" + target
	}
	return target, host, nil
}

// authority is what stands between the scheme and the path of a URL.
func authority(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// Clone gives a filter of the same parameters.
func (f *HTTPClient) Clone() Filter {
	return &HTTPClient{MaxContent: f.MaxContent, MaxHeader: f.MaxHeader, Streaming: f.Streaming, From: f.From}
}

// Reset forgets all but the parameters, the requests without an answer, too.
func (f *HTTPClient) Reset() { *f = *f.Clone().(*HTTPClient) }
