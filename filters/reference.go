package filters

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
	"syscall"
)

// Reference frames any value: its length in decimal digits, a zero byte, and the value as a Serializer writes it.
// Differs: POE's takes references only, and in Perl's own format by default.
type Reference struct {
	Limits
	Serializer Serializer // nil: MessagePack
	Compress   bool       // zlib within the frame, each by itself
	NoFatals   bool       // what cannot be read is an item, a string that says why, and no failure

	// From makes a value of an item to put. Nil: items are values.
	From func(item any) (any, error)

	intake
	usual Serializer // in place of a nil one
	zlibs *sync.Pool // of *zlibs, for this filter and its clones; nil: made when the first is needed
}

var (
	_ Filter   = (*Reference)(nil)
	_ Resetter = (*Reference)(nil)
)

func (f *Reference) serializer() Serializer {
	if f.Serializer != nil {
		return f.Serializer
	}
	if f.usual == nil {
		f.usual = MessagePack{Keys: new(Keys)}
	}
	return f.usual
}

// Feed adds input.
func (f *Reference) Feed(chunk []byte) error {
	return f.take("reference", chunk, f.most(lengthDigits+1))
}

// Next gives the oldest whole value. Null, not nil, is what stands for none. A frame whose value cannot be read is
// skipped.
func (f *Reference) Next() (item any, ok bool, err error) {
	payload, size, ok, err := f.counted("reference", f.longest(), 0, 0, true)
	if !ok {
		return nil, false, err
	}
	f.buf.drop(size)
	item, err = f.thaw(payload)
	switch {
	case err == nil:
		return item, true, nil
	case f.NoFatals:
		return err.Error(), true, nil
	}
	return nil, false, err
}

func (f *Reference) thaw(payload []byte) (any, error) {
	if f.Compress {
		var err error
		if payload, err = f.unpack(payload); err != nil {
			return nil, err
		}
	}
	item, err := f.serializer().Thaw(payload)
	if err != nil {
		return nil, &Error{Errno: syscall.EBADMSG, Message: "reference: " + err.Error()}
	}
	return item, nil
}

// zlibs compresses and the other way round. It takes a megabyte, so filters share them.
type zlibs struct {
	packed  bytes.Buffer
	deflate *zlib.Writer
	source  bytes.Reader // of inflate
	inflate io.ReadCloser
}

func (f *Reference) pool() *sync.Pool {
	if f.zlibs == nil {
		f.zlibs = &sync.Pool{New: func() any { return new(zlibs) }}
	}
	return f.zlibs
}

// unpack gives what a payload was before it was compressed.
func (f *Reference) unpack(payload []byte) ([]byte, error) {
	z := f.pool().Get().(*zlibs)
	defer f.pool().Put(z)
	z.source.Reset(payload)
	defer z.source.Reset(nil)
	return z.unpack(f.longest())
}

// unpack reads source, which holds at most longest bytes when unpacked.
func (z *zlibs) unpack(longest int) ([]byte, error) {
	var err error
	if z.inflate == nil {
		z.inflate, err = zlib.NewReader(&z.source)
	} else {
		err = z.inflate.(zlib.Resetter).Reset(&z.source, nil)
	}
	if err != nil {
		return nil, badZlib(err)
	}
	var unpacked bytes.Buffer
	most := min(int64(longest), math.MaxInt64-1)
	n, err := unpacked.ReadFrom(io.LimitReader(z.inflate, most+1))
	switch {
	case n > most:
		return nil, &Error{Errno: syscall.EMSGSIZE, Message: "reference: item exceeds maximum length when unpacked"}
	case err != nil:
		return nil, badZlib(err)
	case z.source.Len() > 0:
		return nil, badZlib(errors.New("bytes after the end"))
	}
	return unpacked.Bytes(), nil
}

func badZlib(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Errno: syscall.EBADMSG, Message: fmt.Sprintf("reference: bad compression: %v", err)}
}

// Put appends a value's frame. A value whose frame is longer than the maximum is refused: who reads it with the same
// limits would lose the framing.
func (f *Reference) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		v, err := f.From(item)
		if err != nil {
			return dst, err
		}
		item = v
	}
	const room = lengthDigits + 1 // for the length, which is known when the payload is there
	start := len(dst) + room
	out, err := f.freeze(append(dst, make([]byte, room)...), item)
	if err == nil && f.Compress {
		out, err = f.pack(out, start)
	}
	if err == nil && len(out)-start > f.longest() {
		err = &ItemError{Filter: "Reference", Want: "item that is not longer than the maximum when written", Got: item}
	}
	if err != nil {
		return dst, err
	}
	framed := append(strconv.AppendInt(out[:len(dst)], int64(len(out)-start), 10), 0)
	return append(framed, out[start:]...), nil
}

// freeze appends a value.
func (f *Reference) freeze(dst []byte, item any) ([]byte, error) {
	if s, ok := f.serializer().(freezer); ok {
		return freeze(s, "Reference", dst, item, f.longest())
	}
	return f.Serializer.Freeze(dst, item)
}

// pack compresses what begins at start.
func (f *Reference) pack(dst []byte, start int) ([]byte, error) {
	z := f.pool().Get().(*zlibs)
	defer f.pool().Put(z)
	z.packed.Reset()
	if z.deflate == nil {
		z.deflate = zlib.NewWriter(&z.packed)
	} else {
		z.deflate.Reset(&z.packed)
	}
	if _, err := z.deflate.Write(dst[start:]); err != nil {
		return nil, err
	}
	if err := z.deflate.Close(); err != nil {
		return nil, err
	}
	return append(dst[:start], z.packed.Bytes()...), nil
}

// Clone gives an empty filter with the same parameters.
func (f *Reference) Clone() Filter {
	c := &Reference{Limits: f.Limits, Serializer: f.Serializer, Compress: f.Compress, NoFatals: f.NoFatals, From: f.From}
	if f.Compress {
		c.zlibs = f.pool()
	}
	return c
}
