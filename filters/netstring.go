package filters

import (
	"fmt"
	"strconv"
	"syscall"
)

// Netstring frames each item as "<length>:<bytes>,". Items are byte strings. Whatever is not a netstring is a final
// failure; so is a length with leading zeros.
type Netstring struct {
	Limits
	intake
}

var (
	_ Filter      = (*Netstring)(nil)
	_ BytesNexter = (*Netstring)(nil)
	_ Resetter    = (*Netstring)(nil)
)

// Feed adds input.
func (f *Netstring) Feed(chunk []byte) error {
	return f.take("netstring", chunk, f.most(lengthDigits+2))
}

// Next gives the oldest whole item, a string.
func (f *Netstring) Next() (item any, ok bool, err error) {
	b, ok, err := f.NextBytes()
	if !ok {
		return nil, false, err
	}
	return string(b), true, nil
}

// NextBytes is Next without making a string.
func (f *Netstring) NextBytes() (item []byte, ok bool, err error) {
	body, size, ok, err := f.counted("netstring", f.longest(), ':', 1, false)
	if !ok {
		return nil, false, err
	}
	n := len(body) - 1
	if body[n] != ',' {
		return nil, false, f.fail(syscall.EBADMSG, fmt.Sprintf("netstring: comma expected after the item, got %q", body[n]))
	}
	f.buf.drop(size)
	return body[:n], true, nil
}

// Put appends a string as a netstring.
func (f *Netstring) Put(dst []byte, item any) ([]byte, error) {
	s, err := text("Netstring", item)
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	dst = append(dst, ':')
	dst = append(dst, s...)
	return append(dst, ','), nil
}

// Clone gives an empty filter with the same limits.
func (f *Netstring) Clone() Filter { return &Netstring{Limits: f.Limits} }
