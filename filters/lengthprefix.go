package filters

import (
	"fmt"
	"syscall"
)

// LengthPrefix frames each item by its length as a binary number before it. Items are byte strings.
type LengthPrefix struct {
	Limits
	Width     int  // bytes of the length: 1 to 8; 0: 4
	Little    bool // the lowest byte comes first
	Inclusive bool // the length counts its own bytes

	intake
}

var (
	_ Filter      = (*LengthPrefix)(nil)
	_ BytesNexter = (*LengthPrefix)(nil)
	_ Resetter    = (*LengthPrefix)(nil)
)

func (f *LengthPrefix) width() int {
	if f.Width == 0 {
		return 4
	}
	return min(max(f.Width, 1), 8)
}

// Feed adds input.
func (f *LengthPrefix) Feed(chunk []byte) error {
	return f.take("lengthprefix", chunk, f.most(f.width()))
}

// Next gives the oldest whole item, a string.
func (f *LengthPrefix) Next() (item any, ok bool, err error) {
	b, ok, err := f.NextBytes()
	if !ok {
		return nil, false, err
	}
	return string(b), true, nil
}

// NextBytes is Next without making a string.
func (f *LengthPrefix) NextBytes() (item []byte, ok bool, err error) {
	if f.failed != nil {
		return nil, false, f.failed
	}
	b, width := f.buf.bytes(), f.width()
	if len(b) < width {
		f.buf.settle()
		return nil, false, nil
	}
	var n uint64
	for i := range width {
		if f.Little {
			n |= uint64(b[i]) << (8 * i)
		} else {
			n = n<<8 | uint64(b[i])
		}
	}
	if f.Inclusive {
		if n < uint64(width) {
			return nil, false, f.fail(syscall.EBADMSG, fmt.Sprintf("lengthprefix: the length %d does not count its own %d bytes", n, width))
		}
		n -= uint64(width)
	}
	if n > uint64(f.longest()) {
		return nil, false, f.fail(syscall.EMSGSIZE, "lengthprefix: item exceeds maximum length")
	}
	if uint64(len(b)-width) < n {
		f.buf.settle()
		return nil, false, nil
	}
	end := width + int(n)
	f.buf.drop(end)
	return b[width:end], true, nil
}

// Put appends a string and its length. It refuses one whose length has no room in Width bytes.
func (f *LengthPrefix) Put(dst []byte, item any) ([]byte, error) {
	s, err := text("LengthPrefix", item)
	if err != nil {
		return dst, err
	}
	width := f.width()
	n := uint64(len(s))
	if f.Inclusive {
		n += uint64(width)
	}
	if n>>(8*width) != 0 {
		return dst, &ItemError{Filter: "LengthPrefix", Want: fmt.Sprintf("string whose length fits %d bytes", width), Got: item}
	}
	for i := range width {
		shift := 8 * i
		if !f.Little {
			shift = 8 * (width - 1 - i)
		}
		dst = append(dst, byte(n>>shift))
	}
	return append(dst, s...), nil
}

// Clone gives an empty filter with the same parameters.
func (f *LengthPrefix) Clone() Filter {
	return &LengthPrefix{Limits: f.Limits, Width: f.Width, Little: f.Little, Inclusive: f.Inclusive}
}
