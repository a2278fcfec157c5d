package filters

import (
	"bytes"
	"fmt"
	"syscall"
)

// intake is the input of a filter that may lose its framing.
type intake struct {
	buf    buffer
	failed *Error // final
}

// Pending is what came and is not yet part of an item. After a final failure it begins with what caused it.
func (in *intake) Pending() []byte { return in.buf.pending() }

// Reset drops what is held, and a final failure.
func (in *intake) Reset() { *in = intake{} }

// take adds a chunk unless more than most bytes wait already.
func (in *intake) take(filter string, chunk []byte, most int) error {
	if in.failed != nil {
		return in.failed
	}
	if err := in.buf.full(filter, most); err != nil {
		return err
	}
	in.buf.write(chunk)
	return nil
}

// fail makes a final failure and remembers it.
func (in *intake) fail(errno syscall.Errno, message string) error {
	in.failed = final(errno, message)
	return in.failed
}

// wait is for when what has come is no item yet. It fails if more than most bytes wait: they will be none.
func (in *intake) wait(filter string, most int) {
	if in.buf.len() > most {
		in.failed = final(syscall.EMSGSIZE, filter+": buffer is full")
		return
	}
	in.buf.settle()
}

func final(errno syscall.Errno, message string) *Error {
	return &Error{Errno: errno, Message: message, Final: true}
}

// lengthDigits is the most digits of a decimal length.
const lengthDigits = 20

// counted is the oldest frame that begins with its decimal length: the bytes after the length and the end of it, and
// how long the frame is, tail more bytes behind them included. With zeros, a length may have leading ones.
func (in *intake) counted(filter string, longest int, end byte, tail int, zeros bool) (body []byte, size int, ok bool, err error) {
	if in.failed != nil {
		return nil, 0, false, in.failed
	}
	b := in.buf.bytes()
	var n uint64
	for i, c := range b {
		switch {
		case c == end && i > 0:
			if n > uint64(longest) {
				return nil, 0, false, in.fail(syscall.EMSGSIZE, filter+": item exceeds maximum length")
			}
			if len(b)-i-1 < tail || uint64(len(b)-i-1-tail) < n {
				in.buf.settle()
				return nil, 0, false, nil
			}
			size = i + 1 + int(n) + tail
			return b[i+1 : size], size, true, nil
		case c < '0' || c > '9' || i == lengthDigits || !zeros && i > 0 && n == 0:
			return nil, 0, false, in.fail(syscall.EBADMSG, fmt.Sprintf("%s: bad length %q", filter, b[:i+1]))
		}
		n = decimal(n, c)
	}
	in.buf.settle()
	return nil, 0, false, nil
}

// decimal adds a digit to a number. One that would not fit stays at the largest.
func decimal(n uint64, digit byte) uint64 {
	const most = ^uint64(0)
	d := uint64(digit - '0')
	if n > (most-d)/10 {
		return most
	}
	return n*10 + d
}

// drain gives all items that are whole.
func drain(f Filter) (items []any, err error) {
	for {
		item, ok, err := f.Next()
		if !ok {
			return items, err
		}
		items = append(items, item)
	}
}

// lines cuts input at LF or CR LF.
type lines struct {
	intake
	scanned  int  // waiting bytes known to have no LF
	skipping bool // within a line that was too long
}

// Reset drops what is held.
func (l *lines) Reset() { *l = lines{} }

// next gives the oldest line without its end, until the next call of any method. One of more than longest bytes is a
// failure as soon as that many are there, and its rest is skipped.
func (l *lines) next(filter string, longest int) (line []byte, ok bool, err error) {
	for {
		b := l.buf.bytes()
		i := bytes.IndexByte(b[l.scanned:], '\n')
		if i < 0 {
			l.scanned = len(b)
			if !l.skipping && !overLength(b, longest) {
				l.buf.settle()
				return nil, false, nil
			}
			err := l.skip(filter)
			l.buf.drop(len(b))
			l.scanned = 0
			return nil, false, err
		}
		end := l.scanned + i
		l.buf.drop(end + 1)
		l.scanned = 0
		if l.skipping {
			l.skipping = false
			continue
		}
		line = bytes.TrimSuffix(b[:end], []byte("\r"))
		if len(line) > longest {
			return nil, false, lineTooLong(filter)
		}
		return line, true, nil
	}
}

// skip begins to skip a line. It fails the first time.
func (l *lines) skip(filter string) error {
	if l.skipping {
		return nil
	}
	l.skipping = true
	return lineTooLong(filter)
}

func lineTooLong(filter string) error {
	return &Error{Errno: syscall.EMSGSIZE, Message: filter + ": line exceeds maximum length"}
}

// overLength says whether an unfinished line has passed its length. A CR at the end may be half of the line's end.
func overLength(b []byte, longest int) bool {
	return len(b) > longest && (len(b) > longest+1 || b[len(b)-1] != '\r')
}
