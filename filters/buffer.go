package filters

import (
	"syscall"
	"unsafe"
	"weak"
)

// idleSize is how much memory a filter holds on to with nothing in it, and with little in it.
const idleSize = 512

// spareSize is from which size on memory is worth finding again.
const spareSize = 4 << 10

// buffer is what was fed and not taken yet. Bytes are added at the end and dropped at the front; no byte is moved more
// often, on average, than a small number of times. Who feeds looks at full first: the buffer itself has no bound.
type buffer struct {
	data  []byte
	start int // of the bytes that are left

	// Memory that was given up, until the collector takes it: a busy filter uses the same over and over, and an idle one
	// holds none.
	spare    weak.Pointer[byte]
	spareCap int
}

func (b *buffer) len() int { return len(b.data) - b.start }

// bytes gives what is left, until the next write or drop.
func (b *buffer) bytes() []byte { return b.data[b.start:] }

// pending is what a filter's Pending gives: nil for nothing.
func (b *buffer) pending() []byte {
	if b.len() == 0 {
		return nil
	}
	return b.data[b.start:len(b.data):len(b.data)]
}

// full is the error of a Feed that comes when more than most bytes are waiting already.
func (b *buffer) full(filter string, most int) error {
	if b.len() <= most {
		return nil
	}
	return &Error{Errno: syscall.EMSGSIZE, Message: filter + ": buffer is full"}
}

func (b *buffer) write(chunk []byte) {
	if len(b.data)+len(chunk) > cap(b.data) {
		b.move(len(chunk))
	}
	b.data = append(b.data, chunk...)
}

// move brings what is left to the front, to make room for n bytes. It does so in place only if as much was dropped, which
// pays for it; otherwise the memory grows, by a quarter at least.
func (b *buffer) move(n int) {
	left := b.bytes()
	switch memory := b.found(len(left) + n); {
	case memory != nil:
		b.data = append(memory, left...)
	case b.start == 0:
		return // append knows best
	case len(left) > b.start:
		b.data = append(make([]byte, 0, len(left)+len(left)/4+n), left...)
	default:
		b.data = b.data[:copy(b.data, left)]
	}
	b.start = 0
}

// found is memory for n bytes that was given up, nil if there is none. It must not be so large that settle would give it up
// again.
func (b *buffer) found(n int) []byte {
	if n > b.spareCap || n < b.spareCap/4 {
		return nil
	}
	first, size := b.spare.Value(), b.spareCap
	b.spareCap = 0
	if first == nil {
		return nil
	}
	return unsafe.Slice(first, size)[:0]
}

// giveUp leaves the memory to the collector, if it does not find use before.
func (b *buffer) giveUp() {
	if cap(b.data) >= spareSize {
		b.spare, b.spareCap = weak.Make(unsafe.SliceData(b.data)), cap(b.data)
	}
	b.data = nil
}

// drop takes n bytes from the front. They stay readable until the next write.
func (b *buffer) drop(n int) {
	if b.start += n; b.start == len(b.data) {
		b.clear()
	}
}

// clear is drop when nothing is left.
func (b *buffer) clear() {
	b.start = 0
	if cap(b.data) > idleSize {
		b.giveUp()
		return
	}
	b.data = b.data[:0]
}

// settle gives memory back that a small rest holds. It is for when the next thing to come is input.
func (b *buffer) settle() {
	if n := b.len(); cap(b.data) > idleSize && cap(b.data) > 4*n {
		rest := append(make([]byte, 0, n), b.bytes()...)
		b.giveUp()
		b.data, b.start = rest, 0
	}
}

func (b *buffer) reset() { *b = buffer{} }
