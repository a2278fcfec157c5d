package filters

import (
	"bytes"
	"regexp"
	"syscall"
	"unicode/utf8"
)

// Line gives lines without their ends. With the zero value CR LF, LF CR, CR and LF all end a line, the longer ones first.
//
// A CR or LF that is the last byte received ends its line at once; the other one, should it come next, is swallowed. That
// it would be is known to this filter alone: another one that takes its place before then gets it as input.
//
// Differs: where POE sees "a\r" and then "\nb\r\n" it gives "a", an empty line and "b".
type Line struct {
	Limits        // of a line without its end. Differs: POE looks when the end has come, if it ever does
	Input  string // what ends a line on input; "": what Pattern or Detect say

	// Pattern ends a line on input, if Input is "". It means what regexp.Compile makes of its text, and what it matches is
	// one byte long at least and 1024 bytes at most. A match that touches the last byte received counts as it is, even if more
	// input would lengthen it. However the input is cut, time is proportional to its length.
	Pattern *regexp.Regexp

	Output   string // what Put appends to each item; "" means CR LF
	Detect   bool   // the first of CR LF, LF CR, CR and LF that comes ends lines from then on; the others are data
	LastLine bool   // EOF gives a last line that has no end

	skipping bool    // an over-long line has failed and its end is still to come
	partner  byte    // the CR or LF that belongs to the end of the last line if it comes next; 0: none does
	found    lineEnd // by Detect
	searched int     // bytes at the front of buf where no end begins
	scan     *scan   // of Pattern; nil until it is needed
	buf      buffer
}

var (
	_ Filter      = (*Line)(nil)
	_ BytesNexter = (*Line)(nil)
	_ EOFer       = (*Line)(nil)
	_ Resetter    = (*Line)(nil)
	_ TextPutter  = (*Line)(nil)
)

// lineEnd is an index of lineEnds.
type lineEnd byte

const (
	endUnknown lineEnd = iota
	endCR
	endLF
	withPartner = 2 // turns CR into CR LF and LF into LF CR
)

var lineEnds = [...]string{"", "\r", "\n", "\r\n", "\n\r"}

// end is the one string that ends lines, "" if there is none: then it is a pattern, or CR and LF in any order.
func (f *Line) end() string {
	if f.Input != "" {
		return f.Input
	}
	return lineEnds[f.found]
}

func (f *Line) patterned() bool { return f.Pattern != nil && f.Input == "" }

// Feed adds input. It refuses it when more than MaxBuffer is waiting.
func (f *Line) Feed(chunk []byte) error {
	if err := f.buf.full("line", f.room()); err != nil {
		return err
	}
	f.buf.write(chunk)
	return nil
}

// room is how much may wait: a line of MaxLength with all but the last byte of its end, if that is more than MaxBuffer.
func (f *Line) room() int {
	if f.patterned() {
		return f.most(endBound + utf8.UTFMax)
	}
	return f.most(len(f.end()))
}

// Next gives the oldest line, as a string. One over MaxLength is a passing error, as soon as it is known to be, and is
// skipped through its end without being kept.
func (f *Line) Next() (item any, ok bool, err error) {
	line, ok, err := f.NextBytes()
	if !ok {
		return nil, false, err
	}
	return string(line), true, nil
}

// NextBytes is Next without making a string.
func (f *Line) NextBytes() (line []byte, ok bool, err error) {
	for {
		f.swallow()
		at, size, ok := f.find()
		if !ok {
			return nil, false, f.unfinished()
		}
		line, skipping := f.buf.bytes()[:at], f.skipping
		f.skipping = false
		f.drop(at + size)
		switch {
		case skipping:
		case at > f.longest():
			return nil, false, f.tooLong()
		default:
			return line, true, nil
		}
	}
}

// swallow completes the end of the last line, if there is input to tell by. To the program it changes nothing.
func (f *Line) swallow() {
	if f.partner == 0 || f.buf.len() == 0 {
		return
	}
	if f.buf.bytes()[0] == f.partner {
		f.buf.drop(1)
		if f.found != endUnknown {
			f.found += withPartner
		}
	}
	f.partner = 0
}

// find searches for the first end, where it has not searched yet.
func (f *Line) find() (at, size int, ok bool) {
	b := f.buf.bytes()
	if f.patterned() {
		return f.scanner().find(b)
	}
	end := f.end()
	switch len(end) {
	case 0:
		at = f.findEither(b)
		if at < 0 {
			return 0, 0, false
		}
		f.partner = '\r' + '\n' - b[at]
		if f.Detect {
			f.found = endCR
			if b[at] == '\n' {
				f.found = endLF
			}
		}
		return at, 1, true
	case 1:
		at = bytes.IndexByte(b[f.searched:], end[0])
	default:
		at = bytes.Index(b[f.searched:], []byte(end))
	}
	if at < 0 {
		f.searched = max(0, len(b)-len(end)+1)
		return 0, 0, false
	}
	return f.searched + at, len(end), true
}

// findEither gives the place of the first CR or LF, -1 if there is none. It goes by windows: a search for one of them in
// all that has come, for each line that ends with the other, would look at the same bytes again and again.
func (f *Line) findEither(b []byte) int {
	for window := 128; f.searched < len(b); window *= 2 {
		part := b[f.searched:min(f.searched+window, len(b))]
		lf := bytes.IndexByte(part, '\n')
		if lf >= 0 {
			part = part[:lf]
		}
		if cr := bytes.IndexByte(part, '\r'); cr >= 0 {
			return f.searched + cr
		}
		f.searched += len(part)
		if lf >= 0 {
			return f.searched
		}
	}
	return -1
}

// unfinished sees to it that a line whose end has not come does not get too long. It is passing then, and once only.
func (f *Line) unfinished() error {
	tooLong := false
	if f.skipping || f.buf.len() > f.longest() {
		length := f.buf.len() - f.partial()
		tooLong = length > f.longest() && !f.skipping
		if tooLong || f.skipping {
			f.skipping = true
			f.forget(length)
		}
	}
	f.buf.settle()
	if tooLong {
		return f.tooLong()
	}
	return nil
}

func (f *Line) tooLong() error {
	return &Error{Errno: syscall.EMSGSIZE, Message: "line exceeds maximum length"}
}

// partial is how many of the last bytes received may be the beginning of the line's end.
func (f *Line) partial() int {
	if f.patterned() {
		return f.scanner().partial(f.buf.len())
	}
	end, b := f.end(), f.buf.bytes()
	for n := min(len(b), len(end)-1); n > 0; n-- {
		if end[:n] == string(b[len(b)-n:]) {
			return n
		}
	}
	return 0
}

// forget drops bytes of a line whose end is still being searched for.
func (f *Line) forget(n int) {
	f.buf.drop(n)
	f.searched = max(0, f.searched-n)
	if f.scan != nil {
		f.scan.shift(n)
	}
}

// drop drops whole lines.
func (f *Line) drop(n int) {
	f.buf.drop(n)
	f.searched = 0
	if f.scan != nil {
		f.scan.restart()
	}
}

func (f *Line) scanner() *scan {
	if f.scan == nil {
		f.scan = newScan(compile(f.Pattern))
	}
	return f.scan
}

// EOF gives the lines that Next would still give and, with LastLine, what is left as one more. After an error it may be
// called for the rest.
func (f *Line) EOF() ([]any, error) {
	items, err := drain(f)
	if err != nil {
		return items, err
	}
	last := f.buf.bytes()
	if !f.LastLine || f.skipping || len(last) == 0 {
		return items, nil
	}
	f.drop(len(last))
	if len(last) > f.longest() { // by the beginning of an end that never came
		return items, f.tooLong()
	}
	return append(items, string(last)), nil
}

// Put appends the item and the line's end. It looks for none within the item.
func (f *Line) Put(dst []byte, item any) ([]byte, error) {
	s, err := text("Line", item)
	if err != nil {
		return dst, err
	}
	return f.PutText(dst, s)
}

// PutText is Put.
func (f *Line) PutText(dst []byte, item string) ([]byte, error) {
	end := f.Output
	if end == "" {
		end = "\r\n"
	}
	return append(append(dst, item...), end...), nil
}

// Pending is what belongs to no line yet. Of an over-long one that is being skipped it is nothing, or what may be the
// beginning of its end.
func (f *Line) Pending() []byte {
	f.swallow()
	return f.buf.pending()
}

// Clone gives an empty Line. What Detect has found out it knows, too; a CR or LF with nothing after it yet is not found out.
func (f *Line) Clone() Filter {
	f.swallow()
	c := &Line{Limits: f.Limits, Input: f.Input, Output: f.Output, Detect: f.Detect, LastLine: f.LastLine, Pattern: f.Pattern}
	if f.partner == 0 {
		c.found = f.found
	}
	if f.patterned() {
		c.scan = newScan(f.scanner().program)
	}
	return c
}

// Reset makes the filter what Clone gives.
func (f *Line) Reset() { *f = *f.Clone().(*Line) }
