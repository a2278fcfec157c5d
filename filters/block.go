package filters

import (
	"strconv"
	"syscall"
)

// Block gives byte strings of a known length. With the zero value each has its length before it, in decimal, and a NUL:
// "5\0hello". With Size all have that length. With Encode and Decode the program writes and reads the lengths.
//
// Differs: POE skips rubbish before a length when more input comes, and waits for ever for the rest of a wrong one.
type Block struct {
	Limits     // MaxLength is not for blocks of Size
	Size   int // of every block, which has no header then; 0: they have one

	// Encode gives a payload with its header.
	Encode func(payload string) (string, error)

	// Decode reads the header at the beginning of buffer: the length of the payload, and how many bytes of buffer to drop
	// to come to it. Not ok and no error: the header is incomplete. An error's text is that of a final EBADMSG. It is shown
	// 64 bytes at first, then more, up to 32 KiB, and keeps no reference to them.
	Decode func(buffer []byte) (length, consumed int, ok bool, err error)

	buf    buffer
	begun  bool // the header of the oldest block has been read. It stays in buf until the block is whole
	header int  // bytes of it
	length int  // bytes of the payload
	failed *Error
}

var (
	_ Filter      = (*Block)(nil)
	_ BytesNexter = (*Block)(nil)
	_ Resetter    = (*Block)(nil)
)

const (
	// maxDigits is the most digits of a decimal header.
	maxDigits = 20

	// headerBound is the longest header for Decode, which reads it again for each chunk until it is complete.
	headerBound = 32 << 10

	// headerGlance is what Decode is shown first. With all that has come, many small blocks in one chunk would take time
	// with the square of their number: the program's Decode may copy what it is shown.
	headerGlance = 64
)

// Feed adds bytes. It refuses them when more than MaxBuffer are waiting, and after a failure.
func (f *Block) Feed(chunk []byte) error {
	if f.failed != nil {
		return f.failed
	}
	if err := f.buf.full("block", f.room()); err != nil {
		return err
	}
	f.buf.write(chunk)
	return nil
}

// room is how much may wait: a block that has begun, if that is more than MaxBuffer.
func (f *Block) room() int {
	if f.begun && f.Size == 0 {
		return max(f.maxBuffer(), f.header+f.length)
	}
	return max(f.maxBuffer(), maxDigits)
}

// Next gives the oldest whole block, as a string. All its errors are final. One over MaxLength is an error before its
// payload has come.
func (f *Block) Next() (item any, ok bool, err error) {
	block, ok, err := f.NextBytes()
	if !ok {
		return nil, false, err
	}
	return string(block), true, nil
}

// NextBytes is Next without a string for each block.
func (f *Block) NextBytes() (block []byte, ok bool, err error) {
	if f.failed == nil && !f.begun && f.buf.len() > 0 {
		f.failed = f.begin(f.buf.bytes())
	}
	if f.failed != nil {
		return nil, false, f.failed
	}
	if !f.begun || f.buf.len()-f.header < f.length {
		f.buf.settle()
		return nil, false, nil
	}
	f.begun = false
	block = f.buf.bytes()[f.header:][:f.length]
	f.buf.drop(f.header + f.length)
	return block, true, nil
}

// begin reads the header at the beginning of b, if it is there.
func (f *Block) begin(b []byte) *Error {
	switch {
	case f.Decode != nil:
		return f.decode(b)
	case f.Size > 0:
		return f.beginSized(b)
	}
	return f.beginDecimal(b)
}

// beginSized refuses blocks that cannot be waited for, however much of one has come at once.
func (f *Block) beginSized(b []byte) *Error {
	if f.Size > f.maxBuffer() {
		if len(b) <= f.maxBuffer() {
			return nil
		}
		return final(syscall.EMSGSIZE, "block is longer than what may wait")
	}
	f.begun, f.header, f.length = true, 0, f.Size
	return nil
}

func (f *Block) beginDecimal(b []byte) *Error {
	digits := 0
	for digits < len(b) && '0' <= b[digits] && b[digits] <= '9' {
		if digits++; digits > maxDigits {
			return final(syscall.EBADMSG, "block length has too many digits")
		}
	}
	if digits == len(b) {
		return nil
	}
	if digits == 0 || b[digits] != 0 {
		return final(syscall.EBADMSG, "block length expected")
	}
	length, err := strconv.ParseInt(string(b[:digits]), 10, strconv.IntSize)
	if err != nil || int(length) > f.maxLength() { // an error says that it is out of range
		return final(syscall.EMSGSIZE, "block exceeds maximum length")
	}
	f.begun, f.header, f.length = true, digits+1, int(length)
	return nil
}

// decode lets the program read the header. It shows more of b as long as that is not enough.
func (f *Block) decode(b []byte) *Error {
	most := min(headerBound, f.maxBuffer())
	shown := min(headerGlance, most, len(b))
	for {
		length, consumed, ok, err := f.Decode(b[:shown:shown])
		switch {
		case err != nil:
			return final(syscall.EBADMSG, err.Error())
		case ok && length > f.maxLength():
			return final(syscall.EMSGSIZE, "block exceeds maximum length")
		case ok && (length < 0 || consumed < 0 || consumed > most || length+consumed == 0):
			return final(syscall.EBADMSG, "block header makes no sense") // no bytes at all would be blocks without end
		case ok:
			f.begun, f.header, f.length = true, consumed, length
			return nil
		case shown == most && len(b) > most:
			return final(syscall.EMSGSIZE, "block header is too long")
		case shown == min(most, len(b)):
			return nil
		}
		shown = min(8*shown, most, len(b))
	}
}

// Put appends the item with its header, if there are headers. To blocks of Size nothing is added, and nothing is checked.
func (f *Block) Put(dst []byte, item any) ([]byte, error) {
	s, err := text("Block", item)
	if err != nil {
		return dst, err
	}
	switch {
	case f.Encode != nil:
		framed, err := f.Encode(s)
		if err != nil {
			return dst, err
		}
		return append(dst, framed...), nil
	case f.Size > 0:
		return append(dst, s...), nil
	}
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	return append(append(dst, 0), s...), nil
}

// Pending is what belongs to no block yet, headers included, and after a failure what begins with the bad one.
func (f *Block) Pending() []byte { return f.buf.pending() }

// Clone gives an empty Block. Differs: POE's still waits for the rest of the block that this one was in.
func (f *Block) Clone() Filter {
	return &Block{Limits: f.Limits, Size: f.Size, Encode: f.Encode, Decode: f.Decode}
}

// Reset drops what is held, and a failure.
func (f *Block) Reset() { *f = *f.Clone().(*Block) }

func final(errno syscall.Errno, message string) *Error {
	return &Error{Errno: errno, Message: message, Final: true}
}
