package filters

// Stream gives what has come as one item. The zero value is ready.
type Stream struct {
	buf buffer
}

var (
	_ Filter      = (*Stream)(nil)
	_ BytesNexter = (*Stream)(nil)
	_ Resetter    = (*Stream)(nil)
	_ TextPutter  = (*Stream)(nil)
)

// Feed adds input. There is no limit: the next item has all of them.
func (f *Stream) Feed(chunk []byte) error {
	f.buf.write(chunk)
	return nil
}

// Next gives all that was fed, as a string.
func (f *Stream) Next() (item any, ok bool, err error) {
	all, ok, _ := f.NextBytes()
	if !ok {
		return nil, false, nil
	}
	return string(all), true, nil
}

// NextBytes gives all that was fed.
func (f *Stream) NextBytes() (item []byte, ok bool, err error) {
	item = f.buf.pending()
	f.buf.drop(len(item))
	return item, item != nil, nil
}

// Put appends the item as it is.
func (f *Stream) Put(dst []byte, item any) ([]byte, error) {
	s, err := text("Stream", item)
	if err != nil {
		return dst, err
	}
	return f.PutText(dst, s)
}

// PutText is Put.
func (f *Stream) PutText(dst []byte, item string) ([]byte, error) { return append(dst, item...), nil }

// Pending is what was fed since the last item.
func (f *Stream) Pending() []byte { return f.buf.pending() }

// Clone gives an empty Stream.
func (f *Stream) Clone() Filter { return &Stream{} }

// Reset drops what was fed.
func (f *Stream) Reset() { f.buf.reset() }
