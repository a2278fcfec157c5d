package handle

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

const (
	// DefaultBlockSize is what one Get reads when nothing else is said.
	DefaultBlockSize = 65536
	blockSizeMost    = 16 << 20 // what one Get reads whatever is said

	octetsMost = 512 << 20 // queued in one driver
	chunksMost = 64 << 20  // the same; the record of each takes four bytes

	blockMost  = 65536 // bytes of a block that many chunks share
	blockLeast = 512
)

// SysRW moves bytes between a handle and memory and never waits: a queue of output that belongs to one handle, and reads
// of a bounded size. What is queued between two flushes leaves in one write, up to 64 KiB. The zero value is ready for
// use, and takes no memory of its own while nothing is queued. Loop goroutine only.
type SysRW struct {
	BlockSize int    // the most that one Get reads, at most 16 MiB; 0 means DefaultBlockSize
	Spare     *Spare // where memory comes from and goes to; nil: nothing is kept

	queue *queue // nil when nothing is queued
}

// Writer takes what it can now: the number of bytes, EAGAIN when none.
type Writer interface {
	Write(p []byte) (int, error)
}

// queue is output on its way. Small chunks lie in blocks one after the other, large ones in blocks of their own: where
// one ends within the bytes does not matter to the writes, only to the count of chunks.
type queue struct {
	octets  int          // in all blocks, those that have left not counted
	blocks  fifo[[]byte] // oldest first
	written int          // bytes of the first block that have left
	chunks  fifo[uint32] // the sizes of those that have not left whole, oldest first
	partial uint32       // bytes of the first chunk that have left
}

// Get reads what is there, at most BlockSize bytes: nil and no error when nothing is there now, io.EOF at the end. The
// caller is done with the bytes at the next Get of any driver with the same Spare.
func (d *SysRW) Get(r io.Reader) ([]byte, error) {
	p := d.Spare.scratch(d.Size())
	n, err := r.Read(p)
	if errors.Is(err, syscall.EAGAIN) {
		return nil, nil
	}
	return p[:n], err
}

// Size is the most that one Get reads.
func (d *SysRW) Size() int {
	if d.BlockSize <= 0 {
		return DefaultBlockSize
	}
	return min(d.BlockSize, blockSizeMost)
}

// Put queues a chunk; an empty one is nothing. It keeps no reference to it. When more than 512 MiB would be queued it is
// ENOBUFS, and nothing was taken.
func (d *SysRW) Put(chunk []byte) error { return put(d, chunk) }

// PutString is Put.
func (d *SysRW) PutString(chunk string) error { return put(d, chunk) }

// PutAll is Put for several chunks: all are taken, or none.
func (d *SysRW) PutAll(chunks [][]byte) error { return putAll(d, chunks) }

// PutStrings is PutAll.
func (d *SysRW) PutStrings(chunks []string) error { return putAll(d, chunks) }

func put[S []byte | string](d *SysRW, chunk S) error {
	if len(chunk) == 0 {
		return nil
	}
	if err := d.admit(len(chunk), 1); err != nil {
		return err
	}
	add(d, chunk)
	return nil
}

func putAll[S []byte | string](d *SysRW, chunks []S) error {
	octets := 0
	for _, chunk := range chunks {
		if octets += len(chunk); octets > octetsMost {
			break // before the sum overflows
		}
	}
	if err := d.admit(octets, len(chunks)); err != nil {
		return err
	}
	for _, chunk := range chunks {
		if len(chunk) > 0 {
			add(d, chunk)
		}
	}
	return nil
}

// admit refuses what would be too much.
func (d *SysRW) admit(octets, chunks int) error {
	if d.Octets()+octets > octetsMost || d.Messages()+chunks > chunksMost {
		return fmt.Errorf("put: more than %d octets or %d chunks would be queued: %w", octetsMost, chunksMost, syscall.ENOBUFS)
	}
	return nil
}

func add[S []byte | string](d *SysRW, chunk S) {
	if d.queue == nil {
		d.queue = d.Spare.queue()
	}
	q := d.queue
	q.octets += len(chunk)
	q.chunks.push(uint32(len(chunk)))
	if last := q.blocks.last(); last != nil && len(*last)+len(chunk) <= blockMost {
		*last = extend(*last, chunk)
		return
	}
	if len(chunk) >= blockMost {
		q.blocks.push(append([]byte(nil), chunk...))
		return
	}
	q.blocks.push(extend(d.Spare.block(), chunk))
}

// extend appends to a block that stays below blockMost.
func extend[S []byte | string](block []byte, chunk S) []byte {
	if need := len(block) + len(chunk); need > cap(block) {
		grown := make([]byte, len(block), min(max(2*cap(block), need, blockLeast), blockMost))
		copy(grown, block)
		block = grown
	}
	return append(block, chunk...)
}

// Octets tells how many bytes are queued.
func (d *SysRW) Octets() int {
	if d.queue == nil {
		return 0
	}
	return d.queue.octets
}

// Messages tells how many chunks are queued. One that is half written counts.
func (d *SysRW) Messages() int {
	if d.queue == nil {
		return 0
	}
	return d.queue.chunks.len()
}

// Flush writes until all is gone or it would block, which is no error. It gives the bytes that are left. After an error
// they are queued still.
func (d *SysRW) Flush(w Writer) (left int, err error) {
	q := d.queue
	if q == nil {
		return 0, nil
	}
	for q.octets > 0 {
		n, err := w.Write((*q.blocks.first())[q.written:])
		q.leave(n, d.Spare)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			q.shrink(d.Spare)
			return q.octets, nil
		case err != nil:
			return q.octets, err
		case n == 0:
			return q.octets, io.ErrShortWrite // a device that takes nothing would keep us here for ever
		}
	}
	d.Drop()
	return 0, nil
}

// Drop forgets what is queued.
func (d *SysRW) Drop() {
	if q := d.queue; q != nil {
		d.queue = nil
		d.Spare.keepQueue(q)
	}
}

// leave takes n written bytes out.
func (q *queue) leave(n int, spare *Spare) {
	q.octets -= n
	q.written += n
	if block := q.blocks.first(); q.written == len(*block) {
		spare.keepBlock(*block)
		q.blocks.pop()
		q.written = 0
	}
	for n > 0 {
		rest := int(*q.chunks.first() - q.partial)
		if n < rest {
			q.partial += uint32(n)
			return
		}
		n -= rest
		q.partial = 0
		q.chunks.pop()
	}
}

// shrink moves the little that is left of a large block into a small one: with a reader that does not read it may stay for
// long.
func (q *queue) shrink(spare *Spare) {
	if q.blocks.len() != 1 {
		return
	}
	block := q.blocks.first()
	rest := (*block)[q.written:]
	if cap(*block) < 4*max(len(rest), blockLeast) {
		return
	}
	small := append([]byte(nil), rest...)
	spare.keepBlock(*block)
	*block, q.written = small, 0
}

const (
	queuesKept = 64   // queues in a Spare
	blocksKept = 64   // blocks in a Spare: 4 MiB at most
	slotsKept  = 1024 // entries that a queue in a Spare has room for
)

// Spare is memory that drivers use by turns: most of them have nothing queued most of the time. One for each kernel; the
// zero value is ready for use. Loop goroutine only.
type Spare struct {
	queues []*queue
	blocks [][]byte // of at most blockMost bytes each
	read   []byte   // what Get reads into
}

// scratch gives n bytes that are good until the next call.
func (s *Spare) scratch(n int) []byte {
	if s == nil {
		return make([]byte, n)
	}
	if len(s.read) < n {
		s.read = make([]byte, n)
	}
	return s.read[:n]
}

func (s *Spare) queue() *queue {
	if s == nil || len(s.queues) == 0 {
		return &queue{}
	}
	last := len(s.queues) - 1
	q := s.queues[last]
	s.queues = s.queues[:last]
	return q
}

func (s *Spare) block() []byte {
	if s == nil || len(s.blocks) == 0 {
		return nil
	}
	last := len(s.blocks) - 1
	block := s.blocks[last]
	s.blocks = s.blocks[:last]
	return block[:0]
}

func (s *Spare) keepQueue(q *queue) {
	if s == nil || len(s.queues) == queuesKept {
		return
	}
	for q.blocks.len() > 0 {
		s.keepBlock(*q.blocks.first())
		q.blocks.pop()
	}
	q.blocks.reset()
	q.chunks.reset()
	q.octets, q.written, q.partial = 0, 0, 0
	s.queues = append(s.queues, q)
}

func (s *Spare) keepBlock(block []byte) {
	if s != nil && len(s.blocks) < blocksKept && cap(block) <= blockMost {
		s.blocks = append(s.blocks, block)
	}
}

// fifo is a queue in a slice. What was taken out at its front is given room to again when the slice is full: moving the
// rest is paid for by what was taken out before.
type fifo[T any] struct {
	items []T
	head  int // items before it are taken out
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

// first is the oldest; there is one.
func (f *fifo[T]) first() *T { return &f.items[f.head] }

// last is the newest; nil when there is none.
func (f *fifo[T]) last() *T {
	if f.len() == 0 {
		return nil
	}
	return &f.items[len(f.items)-1]
}

func (f *fifo[T]) push(v T) {
	if len(f.items) == cap(f.items) && f.head > len(f.items)/2 {
		kept := copy(f.items, f.items[f.head:])
		clear(f.items[kept:])
		f.items, f.head = f.items[:kept], 0
	}
	f.items = append(f.items, v)
}

func (f *fifo[T]) pop() {
	var none T
	f.items[f.head] = none
	if f.head++; f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
}

// reset takes everything out, and drops a large slice.
func (f *fifo[T]) reset() {
	clear(f.items)
	f.items, f.head = f.items[:0], 0
	if cap(f.items) > slotsKept {
		f.items = nil
	}
}
