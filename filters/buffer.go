package filters

import "syscall"

// idleSize is how much memory a filter holds on to with nothing in it, and with little in it.
const idleSize = 512

// buffer is what was fed and not taken yet. Bytes are added at the end and dropped at the front; no byte is moved more
// often, on average, than a small number of times. Who feeds looks at full first: the buffer itself has no bound.
type buffer struct {
	data  []byte
	start int // of the bytes that are left
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
	if b.start > 0 && len(b.data)+len(chunk) > cap(b.data) {
		b.move(len(chunk))
	}
	b.data = append(b.data, chunk...)
}

// move brings what is left to the front, to make room for n bytes. It does so in place only if as much was dropped, which
// pays for it; otherwise the memory grows, by a quarter at least.
func (b *buffer) move(n int) {
	left := b.bytes()
	if len(left) > b.start {
		b.data = append(make([]byte, 0, len(left)+len(left)/4+n), left...)
	} else {
		b.data = b.data[:copy(b.data, left)]
	}
	b.start = 0
}

// drop takes n bytes from the front. They stay readable until the next write.
func (b *buffer) drop(n int) {
	if b.start += n; b.start < len(b.data) {
		return
	}
	b.start = 0
	if cap(b.data) > idleSize {
		b.data = nil
		return
	}
	b.data = b.data[:0]
}

// settle gives memory back that a small rest holds. It is for when the next thing to come is input.
func (b *buffer) settle() {
	if n := b.len(); cap(b.data) > idleSize && cap(b.data) > 4*n {
		b.data = append(make([]byte, 0, n), b.bytes()...)
		b.start = 0
	}
}

func (b *buffer) reset() { *b = buffer{} }
