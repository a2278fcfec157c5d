package filters

import (
	"bytes"
	"strconv"
	"strings"
)

// skipLines drops empty lines. It is false if there is nothing after them yet.
func skipLines(in *buffer) bool {
	for {
		rest := in.bytes()
		switch {
		case len(rest) == 0:
			return false
		case rest[0] == '\n':
			in.drop(1)
		case rest[0] != '\r':
			return true
		case len(rest) == 1:
			return false
		case rest[1] != '\n':
			return true
		default:
			in.drop(2)
		}
	}
}

// The states of a chunkReader.
const (
	atChunkSize = iota
	inChunk
	atChunkEnd
	atTrailers
)

const (
	longestChunkLine = 1024     // of a chunk's size and extensions
	chunkExcess      = 16 << 10 // of extensions and the like beyond what sizes need, in a body
)

// chunkReader decodes a chunked body.
//
// Differs: lines in here end with CR LF, a bare LF is an error, though it is none in a head. Readers do not agree on it.
type chunkReader struct {
	state  uint8
	left   int64 // of the chunk
	excess int   // bytes that were spent on little
	scan   headScan
}

// chunkStep is a step of a chunkReader. Nothing used, and not done: it needs more input.
type chunkStep struct {
	used     int // bytes of the input
	data     []byte
	trailers HeaderList
	done     bool
}

// step reads what comes first in b: a size, data, the end of a chunk, the trailers. From a step that used nothing to the
// next one b only grows.
func (c *chunkReader) step(b []byte, l httpLimits) (s chunkStep, bad *fault) {
	switch c.state {
	case atChunkSize:
		i := bytes.IndexByte(b[:min(len(b), longestChunkLine)], '\n')
		if i < 0 {
			if len(b) >= longestChunkLine {
				return s, longChunk
			}
			return s, nil
		}
		s.used = i + 1
		return s, c.readSize(b[:i])
	case inChunk:
		s.used = int(min(c.left, int64(len(b))))
		s.data = b[:s.used]
		if c.left -= int64(s.used); c.left == 0 {
			c.state = atChunkEnd
		}
	case atChunkEnd:
		if len(b) > 0 && b[0] != '\r' || len(b) > 1 && b[1] != '\n' {
			return s, badChunkEnd
		}
		if len(b) > 1 {
			s.used = 2
			c.state = atChunkSize
		}
	case atTrailers:
		end, ok := c.scan.find(b)
		if ok && end > l.header || !ok && len(b) > l.header {
			return s, longHead
		}
		if ok {
			s.used, s.done = end, true
			if end > len("\r\n") {
				s.trailers, bad = parseFields(string(b[:end]), nil, l.headers)
			}
		}
	}
	return s, bad
}

// readSize reads a line of hexadecimal digits and extensions, which are ignored. A peer may spend a few bytes a chunk on
// them, or some thousand on one, but not the same again and again.
func (c *chunkReader) readSize(line []byte) *fault {
	n := len(line)
	if n == 0 || line[n-1] != '\r' {
		return badChunkSize
	}
	line = line[:n-1]
	digits := line
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		digits = line[:i]
	}
	if len(digits) == 0 || len(digits) > 16 {
		return badChunkSize
	}
	var size uint64
	for _, digit := range digits {
		d := hexDigit(digit)
		if d < 0 {
			return badChunkSize
		}
		size = size<<4 | uint64(d)
	}
	for _, b := range line {
		if byteKinds[b]&valueByte == 0 {
			return badChunkSize
		}
	}
	if size > hugeLength {
		return badChunkSize
	}
	c.left, c.state = int64(size), inChunk
	if size == 0 {
		c.state, c.scan = atTrailers, headScan{}
	}
	c.excess = int(max(0, int64(c.excess+n)-16-2*min(c.left, chunkExcess)))
	if c.excess > chunkExcess {
		return longChunk
	}
	return nil
}

// httpLimits bound what is read.
type httpLimits struct {
	content         int64 // of a body that comes as one
	header, headers int   // bytes and lines of a head, and of trailers
}

// The kinds of bodies.
const (
	noBody = iota // or all of it was read
	lengthBody
	chunksBody
	openBody // until the end of input
)

// bodyReader reads a body, in pieces or as one. If as one, its raw bytes stay in the input, the head before them, until it
// is whole: another filter may have to read them.
type bodyReader struct {
	kind   uint8
	pieces bool
	start  int   // as one: where the body begins in the input
	left   int64 // of a lengthBody
	chunks chunkReader
	at     int   // as one: how much of a chunksBody was looked at
	size   int64 // as one: of its content so far
}

// bodyPart is what a bodyReader gives.
type bodyPart struct {
	content  string // a piece, or all
	trailers HeaderList
	done     bool
}

// next goes on in the body. No content, and not done: it needs more input.
func (r *bodyReader) next(in *buffer, l httpLimits) (bodyPart, *fault) {
	if r.pieces {
		return r.piece(in, l)
	}
	return r.whole(in, l)
}

func (r *bodyReader) piece(in *buffer, l httpLimits) (p bodyPart, bad *fault) {
	rest := in.bytes()
	switch r.kind {
	case noBody:
		p.done = true
	case lengthBody:
		n := int(min(r.left, int64(len(rest))))
		p.content = string(rest[:n])
		in.drop(n)
		if r.left -= int64(n); r.left == 0 {
			r.kind = noBody
		}
	case openBody:
		p.content = string(rest)
		in.drop(len(rest))
	case chunksBody:
		for {
			s, bad := r.chunks.step(in.bytes(), l)
			if bad != nil {
				return p, bad
			}
			p.content, p.trailers, p.done = string(s.data), s.trailers, s.done
			in.drop(s.used)
			if s.used == 0 || s.done || p.content != "" {
				return p, nil
			}
		}
	}
	return p, nil
}

func (r *bodyReader) whole(in *buffer, l httpLimits) (p bodyPart, bad *fault) {
	raw := in.bytes()[r.start:]
	used := 0
	switch r.kind {
	case lengthBody:
		if int64(len(raw)) < r.left {
			return p, nil
		}
		used = int(r.left)
		p.content = string(raw[:used])
	case openBody:
		if int64(len(raw)) > l.content {
			bad = longContent
		}
		return p, bad
	case chunksBody:
		var done bool
		if p.trailers, done, bad = r.look(raw, l); bad != nil || !done {
			return p, bad
		}
		used = r.at
		p.content = r.join(raw)
	}
	in.drop(r.start + used)
	p.done = true
	return p, nil
}

// look goes on in a chunked body, and judges it.
func (r *bodyReader) look(raw []byte, l httpLimits) (trailers HeaderList, done bool, bad *fault) {
	for {
		s, bad := r.chunks.step(raw[r.at:], l)
		if bad != nil {
			return nil, false, bad
		}
		r.at += s.used
		r.size += int64(len(s.data))
		if r.chunks.state == inChunk && r.chunks.left > l.content-r.size {
			return nil, false, longContent
		}
		if s.done || s.used == 0 {
			return s.trailers, s.done, nil
		}
	}
}

// join puts the content of a chunked body together that is known to be whole and right.
func (r *bodyReader) join(raw []byte) string {
	var b strings.Builder
	b.Grow(int(r.size))
	var chunks chunkReader
	for int64(b.Len()) < r.size {
		s, bad := chunks.step(raw, httpLimits{})
		if bad != nil {
			break // look has seen these bytes and found nothing
		}
		b.Write(s.data)
		raw = raw[s.used:]
	}
	return b.String()
}

// bodyWriter is what becomes of the strings that follow a head.
type bodyWriter uint8

const (
	asIs bodyWriter = iota
	asChunks
	dropped // the message has no body
)

// piece appends a string of the body.
func (w bodyWriter) piece(dst []byte, s string) []byte {
	switch {
	case w == asIs:
		return append(dst, s...)
	case w == dropped || s == "": // an empty chunk would be the last
		return dst
	}
	dst = strconv.AppendInt(dst, int64(len(s)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, s...)
	return append(dst, "\r\n"...)
}

// end appends the end of the body.
func (w *bodyWriter) end(dst []byte, filter string, end *End) ([]byte, error) {
	for _, field := range end.Trailers {
		if err := checkField(filter, "trailers", field); err != nil {
			return dst, err
		}
	}
	if *w == asChunks {
		dst = append(dst, "0\r\n"...)
		for _, field := range end.Trailers {
			dst = appendField(dst, field.Name, field.Value)
		}
		dst = append(dst, "\r\n"...)
	}
	*w = asIs
	return dst, nil
}

// mostUnanswered bounds what is remembered of requests that have no answer yet.
const mostUnanswered = 1 << 16

// tooManyUnanswered is the failure when there are mostUnanswered.
const tooManyUnanswered = "65536 requests without an answer"

// unanswered is what is remembered of each request until its answer goes the other way: some bits, oldest first.
type unanswered struct {
	list []uint8
	off  int
}

func (u *unanswered) add(bits uint8) bool {
	if len(u.list)-u.off >= mostUnanswered {
		return false
	}
	if len(u.list) == cap(u.list) && u.off > len(u.list)/2 {
		u.list = u.list[:copy(u.list, u.list[u.off:])]
		u.off = 0
	}
	u.list = append(u.list, bits)
	return true
}

// mark adds bits to those of the newest request; false: nothing waits.
func (u *unanswered) mark(bits uint8) bool {
	if u.off == len(u.list) {
		return false
	}
	u.list[len(u.list)-1] |= bits
	return true
}

// oldest is 0 if nothing waits.
func (u *unanswered) oldest() uint8 {
	if u.off == len(u.list) {
		return 0
	}
	return u.list[u.off]
}

func (u *unanswered) remove() {
	if u.off < len(u.list) {
		u.off++
	}
	if u.off == len(u.list) {
		u.list, u.off = u.list[:0], 0
	}
}
