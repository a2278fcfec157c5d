package filters

// GrepItems lets items through or drops them, each way as a function says. Bytes that it is fed with are one item a chunk.
//
// An error of the function is its caller's. The item is gone then, those after it are not.
type GrepItems struct {
	In, Out func(item any) (bool, error) // nil lets everything through. They may change at any time

	in items
}

var (
	_ Filter     = (*GrepItems)(nil)
	_ ItemFeeder = (*GrepItems)(nil)
	_ ItemPutter = (*GrepItems)(nil)
	_ ItemPender = (*GrepItems)(nil)
	_ Resetter   = (*GrepItems)(nil)
)

// Feed adds one item, unless the chunk is empty.
func (f *GrepItems) Feed(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	return f.FeedItem(string(chunk))
}

// FeedItem adds an item. It refuses it when more than 512 MiB are waiting.
func (f *GrepItems) FeedItem(item any) error { return f.in.push("grep", item) }

// Next gives the oldest item that In lets through.
func (f *GrepItems) Next() (item any, ok bool, err error) {
	for {
		item, ok = f.in.pop()
		if !ok {
			return nil, false, nil
		}
		passes := true
		if f.In != nil {
			if passes, err = f.In(item); err != nil {
				return nil, false, err
			}
		}
		if passes {
			return item, true, nil
		}
	}
}

// Put appends the item, if Out lets it through.
func (f *GrepItems) Put(dst []byte, item any) ([]byte, error) {
	list, err := f.PutItem(item)
	if err != nil {
		return dst, err
	}
	return putAll("Grep", dst, list)
}

// PutItem gives the item, if Out lets it through.
func (f *GrepItems) PutItem(item any) ([]any, error) {
	if f.Out != nil {
		if passes, err := f.Out(item); err != nil || !passes {
			return nil, err
		}
	}
	return []any{item}, nil
}

// Pending is the items that wait, as far as they are byte strings.
func (f *GrepItems) Pending() []byte { return pendingText(f.in.left()) }

// PendingItems is the items that wait. The caller is done with it at the next call.
func (f *GrepItems) PendingItems() []any { return f.in.left() }

// Clone gives an empty GrepItems.
func (f *GrepItems) Clone() Filter { return &GrepItems{In: f.In, Out: f.Out} }

// Reset drops the items that wait.
func (f *GrepItems) Reset() { f.in = items{} }
