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

	intake
	begun  bool // Decode has read the header of the oldest block, which is in buf until the block is whole
	header int  // bytes of it
	length int  // bytes of the payload
}

var (
	_ Filter      = (*Block)(nil)
	_ BytesNexter = (*Block)(nil)
	_ Resetter    = (*Block)(nil)
)

const (
	// headerBound is the longest header for Decode, which reads it again for each chunk until it is complete.
	headerBound = 32 << 10

	// headerGlance is what Decode is shown first. With all that has come, many small blocks in one chunk would take time
	// with the square of their number: the program's Decode may copy what it is shown.
	headerGlance = 64
)

// Feed adds input. It refuses it when more than MaxBuffer is waiting, and after a failure.
func (f *Block) Feed(chunk []byte) error {
	return f.take("block", chunk, f.room())
}

// room is how much may wait.
func (f *Block) room() int {
	if f.Size > 0 {
		return f.maxBuffer()
	}
	return f.most(max(lengthDigits+1, f.header))
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

// NextBytes is Next without making a string.
func (f *Block) NextBytes() (block []byte, ok bool, err error) {
	var size int
	switch {
	case f.Decode != nil:
		block, size, ok, err = f.decoded()
	case f.Size > 0:
		block, size, ok, err = f.sized()
	default:
		block, size, ok, err = f.counted("block", f.longest(), 0, 0, true)
	}
	f.buf.drop(size)
	return block, ok, err
}

// sized is the oldest block of Size. One that cannot be waited for fails, however much of it has come at once.
func (f *Block) sized() (block []byte, size int, ok bool, err error) {
	b := f.buf.bytes()
	if f.failed == nil && f.Size <= f.maxBuffer() && len(b) >= f.Size {
		return b[:f.Size], f.Size, true, nil
	}
	if f.failed == nil {
		f.wait("block", f.room())
	}
	if f.failed != nil {
		return nil, 0, false, f.failed
	}
	return nil, 0, false, nil
}

// decoded is the oldest block whose header Decode reads, and its size with the header.
func (f *Block) decoded() (block []byte, size int, ok bool, err error) {
	b := f.buf.bytes()
	if f.failed == nil && !f.begun && len(b) > 0 {
		f.failed = f.decode(b)
	}
	if f.failed != nil {
		return nil, 0, false, f.failed
	}
	if !f.begun || len(b)-f.header < f.length {
		f.buf.settle()
		return nil, 0, false, nil
	}
	f.begun = false
	size = f.header + f.length
	return b[f.header:size], size, true, nil
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
		case ok && length > f.longest():
			return final(syscall.EMSGSIZE, "block: item exceeds maximum length")
		case ok && (length < 0 || consumed < 0 || consumed > most || length+consumed == 0):
			return final(syscall.EBADMSG, "block: header makes no sense") // no bytes at all would be blocks without end
		case ok:
			f.begun, f.header, f.length = true, consumed, length
			return nil
		case shown == most && len(b) > most:
			return final(syscall.EMSGSIZE, "block: header exceeds maximum length")
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

// Clone gives an empty Block. Differs: POE's still waits for the rest of the block that this one was in.
func (f *Block) Clone() Filter {
	return &Block{Limits: f.Limits, Size: f.Size, Encode: f.Encode, Decode: f.Decode}
}

// Reset drops what is held, and a failure.
func (f *Block) Reset() { *f = *f.Clone().(*Block) }
