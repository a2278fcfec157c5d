package filters

// MapItems replaces items, each way by what a function gives for them: none, one or several. Bytes that it is fed with are
// one item a chunk.
//
// An error of the function is its caller's. The item is gone then, those after it are not.
//
// Differs: where the function gives nothing for an item POE's get stops, and the rest comes with the next input.
type MapItems struct {
	In, Out func(item any) ([]any, error) // nil replaces nothing. They may change at any time

	in  items
	out items // what In gave for an item of which Next has given some
}

var (
	_ Filter     = (*MapItems)(nil)
	_ ItemFeeder = (*MapItems)(nil)
	_ ItemPutter = (*MapItems)(nil)
	_ ItemPender = (*MapItems)(nil)
	_ Resetter   = (*MapItems)(nil)
)

// Feed adds one item, unless the chunk is empty.
func (f *MapItems) Feed(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	return f.FeedItem(string(chunk))
}

// FeedItem adds an item. It refuses it when more than 512 MiB are waiting.
func (f *MapItems) FeedItem(item any) error { return f.in.push("map", item) }

// Next gives the oldest of what In gives.
func (f *MapItems) Next() (item any, ok bool, err error) {
	for {
		if item, ok = f.out.pop(); ok {
			return item, true, nil
		}
		if item, ok = f.in.pop(); !ok || f.In == nil {
			return item, ok, nil
		}
		list, err := f.In(item)
		if err != nil {
			return nil, false, err
		}
		f.out.add(list...)
	}
}

// Put appends what Out gives for the item.
func (f *MapItems) Put(dst []byte, item any) ([]byte, error) {
	list, err := f.PutItem(item)
	if err != nil {
		return dst, err
	}
	return putAll("Map", dst, list)
}

// PutItem gives what Out does.
func (f *MapItems) PutItem(item any) ([]any, error) {
	if f.Out == nil {
		return []any{item}, nil
	}
	return f.Out(item)
}

// Pending is what PendingItems is, as far as that is byte strings.
func (f *MapItems) Pending() []byte { return pendingText(f.PendingItems()) }

// PendingItems is what is left of the last item's replacement, then the items that wait. The caller changes nothing of it.
func (f *MapItems) PendingItems() []any {
	if f.out.len() == 0 {
		return f.in.left()
	}
	return append(append([]any(nil), f.out.left()...), f.in.left()...)
}

// Clone gives an empty MapItems.
func (f *MapItems) Clone() Filter { return &MapItems{In: f.In, Out: f.Out} }

// Reset drops what waits.
func (f *MapItems) Reset() { f.in, f.out = items{}, items{} }
