package filters

import "syscall"

// items is a queue for filters between items. What it holds is bounded by what it is likely to take.
type items struct {
	list  []any
	start int // of those that are left
	size  int // of those that are left, as sizeOf counts
}

// itemSize is what an item takes besides its bytes.
const itemSize = 16

func sizeOf(item any) int {
	if s, ok := item.(string); ok {
		return itemSize + len(s)
	}
	return itemSize
}

func (q *items) len() int    { return len(q.list) - q.start }
func (q *items) left() []any { return q.list[q.start:] }
func (q *items) full() bool  { return q.size > DefaultMaxBuffer }

// push adds an item, unless what waits already is too much.
func (q *items) push(filter string, item any) error {
	if q.full() {
		return &Error{Errno: syscall.EMSGSIZE, Message: filter + ": buffer is full"}
	}
	q.add(item)
	return nil
}

func (q *items) add(list ...any) {
	if q.start > 0 && len(q.list)+len(list) > cap(q.list) && q.start >= q.len() {
		n := copy(q.list, q.left())
		clear(q.list[n:])
		q.list, q.start = q.list[:n], 0
	}
	for _, item := range list {
		q.size += sizeOf(item)
	}
	q.list = append(q.list, list...)
}

// pop takes the oldest item.
func (q *items) pop() (item any, ok bool) {
	if q.len() == 0 {
		return nil, false
	}
	item = q.list[q.start]
	q.list[q.start] = nil
	q.start++
	q.size -= sizeOf(item)
	if q.start == len(q.list) {
		q.list, q.start = q.list[:0], 0
		if cap(q.list) > idleSize/itemSize {
			q.list = nil
		}
	}
	return item, true
}

// take takes the n oldest items.
func (q *items) take(n int) []any {
	group := make([]any, n)
	for i := range group {
		group[i], _ = q.pop()
	}
	return group
}

// pendingText is what Pending gives of items that are held: those that are byte strings, one after another.
func pendingText(held []any) []byte {
	var out []byte
	for _, item := range held {
		if s, ok := item.(string); ok {
			out = append(out, s...)
		}
	}
	return out
}

// putAll appends the texts of items, or nothing.
func putAll(filter string, dst []byte, list []any) ([]byte, error) {
	out := dst
	for _, item := range list {
		s, err := text(filter, item)
		if err != nil {
			return dst, err
		}
		out = append(out, s...)
	}
	return out, nil
}
