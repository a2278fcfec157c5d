package filters

import (
	"bytes"
	"fmt"
	"syscall"
)

// keep is the largest empty buffer that is kept for later.
const keep = 64 << 10

// longest is the length of an item that Limits allow. It never passes MaxBuffer: then the length of an item decides
// whether it fails, and not how its bytes were cut.
func (l Limits) longest() int { return min(l.maxLength(), l.maxBuffer()) }

// most is how many bytes may wait when more come; frame is what a frame may have beside its item. The longest item
// fits in any case.
func (l Limits) most(frame int) int { return max(l.maxBuffer(), l.longest()+frame) }

// intake is input that is not yet part of an item: data[from:].
type intake struct {
	data   []byte
	from   int
	failed *Error // final
}

func (in *intake) waiting() []byte { return in.data[in.from:] }

// Pending is what came and is not yet part of an item. After a final failure it begins with what caused it.
func (in *intake) Pending() []byte {
	if in.from == len(in.data) {
		return nil
	}
	return in.waiting()
}

// Reset drops what is held, and a final failure.
func (in *intake) Reset() { *in = intake{} }

// take adds a chunk unless more than most bytes wait already.
func (in *intake) take(name string, chunk []byte, most int) error {
	if in.failed != nil {
		return in.failed
	}
	waiting := len(in.data) - in.from
	if waiting > most {
		return &Error{Errno: syscall.EMSGSIZE, Message: fmt.Sprintf("%s: more than %d bytes are waiting", name, most)}
	}
	// Moved are never more bytes than were used before, so that moving costs no more than reading did.
	if in.from >= waiting && len(in.data)+len(chunk) > cap(in.data) {
		copy(in.data, in.waiting())
		in.data, in.from = in.data[:waiting], 0
	}
	in.data = append(in.data, chunk...)
	return nil
}

// drop makes the first n waiting bytes used ones. They stay as they are until more are taken.
func (in *intake) drop(n int) {
	in.from += n
	if in.from < len(in.data) {
		return
	}
	in.data, in.from = in.data[:0], 0
	if cap(in.data) > keep {
		in.data = nil
	}
}

// fail makes a final failure and remembers it.
func (in *intake) fail(errno syscall.Errno, format string, args ...any) error {
	in.failed = &Error{Errno: errno, Message: fmt.Sprintf(format, args...), Final: true}
	return in.failed
}

// lengthDigits is the most digits of a decimal length.
const lengthDigits = 20

// counted is the oldest frame that begins with its decimal length: the bytes after the length and the end of it, and
// how long the frame is, tail more bytes behind them included. With zeros, a length may have leading ones.
func (in *intake) counted(name string, longest int, end byte, tail int, zeros bool) (body []byte, size int, ok bool, err error) {
	if in.failed != nil {
		return nil, 0, false, in.failed
	}
	b := in.waiting()
	var n uint64
	for i, c := range b {
		switch {
		case c == end && i > 0:
			if n > uint64(max(longest, 0)) {
				return nil, 0, false, in.fail(syscall.EMSGSIZE, "%s: item exceeds maximum length", name)
			}
			if len(b)-i-1 < tail || uint64(len(b)-i-1-tail) < n {
				return nil, 0, false, nil
			}
			size = i + 1 + int(n) + tail
			return b[i+1 : size], size, true, nil
		case c < '0' || c > '9' || i == lengthDigits || !zeros && i > 0 && n == 0:
			return nil, 0, false, in.fail(syscall.EBADMSG, "%s: bad length %q", name, b[:i+1])
		}
		n = decimal(n, c)
	}
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
func (l *lines) next(name string, longest int) (line []byte, ok bool, err error) {
	for {
		b := l.waiting()
		i := bytes.IndexByte(b[l.scanned:], '\n')
		if i < 0 {
			l.scanned = len(b)
			if !l.skipping && !overLength(b, longest) {
				return nil, false, nil
			}
			err := l.skip(name)
			l.drop(len(b))
			l.scanned = 0
			return nil, false, err
		}
		end := l.scanned + i
		l.drop(end + 1)
		l.scanned = 0
		if l.skipping {
			l.skipping = false
			continue
		}
		line = bytes.TrimSuffix(b[:end], []byte("\r"))
		if len(line) > longest {
			return nil, false, lineTooLong(name)
		}
		return line, true, nil
	}
}

// skip begins to skip a line. It fails the first time.
func (l *lines) skip(name string) error {
	if l.skipping {
		return nil
	}
	l.skipping = true
	return lineTooLong(name)
}

func lineTooLong(name string) error {
	return &Error{Errno: syscall.EMSGSIZE, Message: name + ": line exceeds maximum length"}
}

// overLength says whether an unfinished line has passed its length. A CR at the end may be half of the line's end.
func overLength(b []byte, longest int) bool {
	return len(b) > longest && (len(b) > longest+1 || b[len(b)-1] != '\r')
}
