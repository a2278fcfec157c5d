package filters

import "syscall"

// RecordBlock groups items: it gives arrays of Size of them, and puts arrays of any length, member by member. Bytes that
// it is fed with are one item a chunk.
type RecordBlock struct {
	Size     int  // of a group; below 1 means 1. It may change at any time
	CheckPut bool // put whole multiples of Size only and hold the rest back. It may change at any time, which puts nothing

	// From makes an array, []any, of an item to put that is none; nil: there is no other way to write one.
	From func(item any) (any, error)

	in  items
	out []any // held back by CheckPut
}

var (
	_ Filter     = (*RecordBlock)(nil)
	_ ItemFeeder = (*RecordBlock)(nil)
	_ ItemPutter = (*RecordBlock)(nil)
	_ ItemPender = (*RecordBlock)(nil)
	_ Resetter   = (*RecordBlock)(nil)
)

// Feed adds one item, unless the chunk is empty.
func (f *RecordBlock) Feed(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	return f.FeedItem(string(chunk))
}

// FeedItem adds an item. It refuses it when more than 512 MiB are waiting.
func (f *RecordBlock) FeedItem(item any) error { return f.in.push("recordblock", item) }

// Next gives the oldest whole group, as []any. It fails finally when what waits is too much and no group yet.
func (f *RecordBlock) Next() (item any, ok bool, err error) {
	switch n := max(f.Size, 1); {
	case f.in.len() >= n:
		return f.in.take(n), true, nil
	case f.in.full():
		return nil, false, final(syscall.EMSGSIZE, "recordblock: group exceeds maximum length")
	}
	return nil, false, nil
}

// Put appends the members' bytes.
func (f *RecordBlock) Put(dst []byte, item any) ([]byte, error) {
	held := f.out
	members, err := f.PutItem(item)
	if err != nil {
		return dst, err
	}
	out, err := putAll("RecordBlock", dst, members)
	if err != nil {
		f.out = held
	}
	return out, err
}

// PutItem gives the members of an array, after those that were held back.
func (f *RecordBlock) PutItem(item any) ([]any, error) {
	members, err := f.members(item)
	if err != nil {
		return nil, err
	}
	all := append(f.out[:len(f.out):len(f.out)], members...)
	n := len(all)
	if f.CheckPut {
		n -= n % max(f.Size, 1)
	}
	f.out = nil
	if n < len(all) {
		f.out = append(f.out, all[n:]...)
	}
	return all[:n:n], nil
}

func (f *RecordBlock) members(item any) ([]any, error) {
	if f.From != nil {
		var err error
		if item, err = f.From(item); err != nil {
			return nil, err
		}
	}
	members, ok := item.([]any)
	if !ok {
		return nil, &ItemError{Filter: "RecordBlock", Want: "array", Got: item}
	}
	return members, nil
}

// PendingPut is what CheckPut holds back, nil for nothing. The caller changes nothing of it.
func (f *RecordBlock) PendingPut() []any { return f.out }

// Pending is the items that are no group yet, as far as they are byte strings.
func (f *RecordBlock) Pending() []byte { return pendingText(f.in.left()) }

// PendingItems is the items that are no group yet. The caller is done with it at the next call.
func (f *RecordBlock) PendingItems() []any { return f.in.left() }

// Clone gives an empty RecordBlock, on both sides.
func (f *RecordBlock) Clone() Filter {
	return &RecordBlock{Size: f.Size, CheckPut: f.CheckPut, From: f.From}
}

// Reset drops what is held on both sides.
func (f *RecordBlock) Reset() { *f = *f.Clone().(*RecordBlock) }
