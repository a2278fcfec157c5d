package filters

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
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
	frozen  []byte // what Put writes before it knows its length
	packed  bytes.Buffer
	deflate *zlib.Writer
	inflate io.ReadCloser
	source  bytes.Reader // of inflate
}

var (
	_ Filter   = (*Reference)(nil)
	_ Resetter = (*Reference)(nil)
)

func (f *Reference) serializer() Serializer {
	if f.Serializer == nil {
		return MessagePack{}
	}
	return f.Serializer
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
	f.drop(size)
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

// unpack gives what a payload was before it was compressed.
func (f *Reference) unpack(payload []byte) ([]byte, error) {
	f.source.Reset(payload)
	out, err := f.read()
	f.source.Reset(nil)
	return out, err
}

func (f *Reference) read() (out []byte, err error) {
	if f.inflate == nil {
		f.inflate, err = zlib.NewReader(&f.source)
	} else {
		err = f.inflate.(zlib.Resetter).Reset(&f.source, nil)
	}
	if err != nil {
		return nil, badZlib(err)
	}
	var unpacked bytes.Buffer
	longest := min(int64(f.longest()), math.MaxInt64-1)
	n, err := unpacked.ReadFrom(io.LimitReader(f.inflate, longest+1))
	switch {
	case n > longest:
		return nil, &Error{Errno: syscall.EMSGSIZE, Message: "reference: item exceeds maximum length when unpacked"}
	case err != nil:
		return nil, badZlib(err)
	case f.source.Len() > 0:
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
	payload, err := f.freeze(item)
	if err == nil && f.Compress {
		payload, err = f.pack(payload)
	}
	if err == nil && len(payload) > f.longest() {
		err = &ItemError{Filter: "Reference", Want: "item that is not longer than the maximum when written", Got: item}
	}
	if err == nil {
		dst = strconv.AppendInt(dst, int64(len(payload)), 10)
		dst = append(dst, 0)
		dst = append(dst, payload...)
	}
	if cap(f.frozen) > keep {
		f.frozen = nil
	}
	if f.packed.Cap() > keep {
		f.packed = bytes.Buffer{}
	}
	return dst, err
}

// freeze writes a value into frozen.
func (f *Reference) freeze(item any) (payload []byte, err error) {
	if s, ok := f.serializer().(freezer); ok {
		payload, err = freeze(s, "Reference", f.frozen[:0], item, f.longest())
	} else {
		payload, err = f.Serializer.Freeze(f.frozen[:0], item)
	}
	f.frozen = payload
	return payload, err
}

// pack compresses a payload into packed.
func (f *Reference) pack(payload []byte) ([]byte, error) {
	f.packed.Reset()
	if f.deflate == nil {
		f.deflate = zlib.NewWriter(&f.packed)
	} else {
		f.deflate.Reset(&f.packed)
	}
	if _, err := f.deflate.Write(payload); err != nil {
		return nil, err
	}
	if err := f.deflate.Close(); err != nil {
		return nil, err
	}
	return f.packed.Bytes(), nil
}

// Clone gives an empty filter with the same parameters.
func (f *Reference) Clone() Filter {
	return &Reference{Limits: f.Limits, Serializer: f.Serializer, Compress: f.Compress, NoFatals: f.NoFatals, From: f.From}
}
