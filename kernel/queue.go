package kernel

import (
	"cmp"
	"container/heap"
	"sort"
	"time"
)

// queue holds what waits to be dispatched. Events for now come in order and lie in a ring; timed ones lie in a
// heap. The older of the two heads goes first.
type queue struct {
	ring   ring
	heap   timerHeap
	events int    // events waiting, births not counted
	peak   int    // the most there ever were
	queued uint64 // all that there ever were
	seq    uint64
}

// horizon ends a pass: what is due before now, or at now but queued no later than seq, belongs to it.
type horizon struct {
	now time.Duration
	seq uint64
}

func (h horizon) includes(due time.Duration, seq uint64) bool {
	return due < h.now || due == h.now && seq <= h.seq
}

// slot is a place in the ring: an event, or the birth of a task, which for one pass stands for an event that
// keeps the task alive (POE queues a real one).
type slot struct {
	event *event
	born  *Task
	due   time.Duration
	seq   uint64
}

func (s *slot) dead() bool {
	if s.born != nil {
		return s.born.gone
	}
	return s.event.cancelled || s.event.Task.gone
}

// next takes out the first entry that the horizon includes.
func (q *queue) next(h horizon) (s slot, ok bool) {
	head := q.ring.skip()
	if len(q.heap) > 0 {
		t := &q.heap[0]
		if head == nil || t.due < head.due || t.due == head.due && t.seq < head.seq {
			if !h.includes(t.due, t.seq) {
				return slot{}, false
			}
			s = slot{event: t.event, due: t.due, seq: t.seq}
			q.heap.remove(t.event)
			q.events--
			return s, true
		}
	}
	return q.takePost(head, h)
}

// nextPost is next for posts only.
func (q *queue) nextPost(h horizon) (s slot, ok bool) { return q.takePost(q.ring.skip(), h) }

func (q *queue) takePost(head *slot, h horizon) (s slot, ok bool) {
	if head == nil || head.seq > h.seq {
		return slot{}, false
	}
	return q.takeHead(), true
}

// takeHead takes the first slot out of the ring.
func (q *queue) takeHead() slot {
	s := *q.ring.first()
	q.drop()
	return s
}

// drop forgets the first slot of the ring.
func (q *queue) drop() {
	head := q.ring.first()
	if head.event != nil {
		q.events--
	}
	head.event, head.born = nil, nil
	q.ring.head++
}

// firstDue is the due time of the first entry.
func (q *queue) firstDue() (due time.Duration, ok bool) {
	head := q.ring.skip()
	if len(q.heap) > 0 && (head == nil || q.heap[0].due < head.due) {
		return q.heap[0].due, true
	}
	if head == nil {
		return 0, false
	}
	return head.due, true
}

func (q *queue) counted() {
	q.events++
	q.queued++
	if q.events > q.peak {
		q.peak = q.events
	}
}

// push queues an event for now.
func (q *queue) push(e *event) {
	q.ring.push(slot{event: e, due: e.due, seq: e.seq})
	q.counted()
}

// pushTimer queues an event for e.due.
func (q *queue) pushTimer(e *event) {
	q.heap.push(e)
	q.counted()
}

// cancel takes an event out, wherever it is. A posted one leaves its slot to be skipped.
func (q *queue) cancel(e *event) {
	if e.slot >= 0 {
		q.heap.remove(e)
	} else {
		e.cancelled = true
		q.ring.dead++
	}
	q.events--
}

// ring is a first-in, first-out buffer of slots that grows by doubling. head and tail only grow; the
// length of slots is a power of two. dead counts the slots that are to be skipped: cancelled events, and what is
// for tasks that have stopped.
type ring struct {
	slots      []slot
	head, tail uint64
	dead       int
}

// first is the slot at the head, which must not be empty.
func (r *ring) first() *slot { return &r.slots[r.head&uint64(len(r.slots)-1)] }

const ringFloor = 64 // slots that are kept when the ring has run empty after a burst

func (r *ring) push(s slot) {
	if r.tail-r.head == uint64(len(r.slots)) {
		r.grow()
	}
	r.slots[r.tail&uint64(len(r.slots)-1)] = s
	r.tail++
}

func (r *ring) grow() {
	n := max(ringFloor, 2*len(r.slots))
	slots := make([]slot, n)
	for i := r.head; i < r.tail; i++ {
		slots[i&uint64(n-1)] = r.slots[i&uint64(len(r.slots)-1)]
	}
	r.slots = slots
}

// skip passes over slots that were cancelled and returns the first live one, nil if there is none.
func (r *ring) skip() *slot {
	for r.head < r.tail {
		s := r.first()
		if r.dead == 0 || !s.dead() {
			return s
		}
		*s = slot{}
		r.head++
		r.dead--
	}
	if len(r.slots) > 64*ringFloor {
		*r = ring{slots: make([]slot, ringFloor)} // a burst is over: give its memory back
	}
	return nil
}

// each calls f for every live event in the ring, oldest first, while f wants more.
func (r *ring) each(f func(e *event) bool) {
	for i := r.head; i < r.tail; i++ {
		if s := r.at(i); s.event != nil && !s.dead() && !f(s.event) {
			return
		}
	}
}

func (r *ring) at(i uint64) *slot { return &r.slots[i&uint64(len(r.slots)-1)] }

// find gives the event of a number, nil if it is not in the ring.
func (r *ring) find(seq uint64) *event {
	i, found := sort.Find(int(r.tail-r.head), func(i int) int { return cmp.Compare(seq, r.at(r.head+uint64(i)).seq) })
	if !found {
		return nil
	}
	if s := r.at(r.head + uint64(i)); s.event != nil && !s.dead() {
		return s.event
	}
	return nil
}

// births is the number of births in the ring.
func (q *queue) births() int {
	posts := q.events - len(q.heap)
	return int(q.ring.tail-q.ring.head) - q.ring.dead - posts
}

// inOrder calls f for every event in the order of dispatch, while f wants more. The first ones cost little.
func (q *queue) inOrder(f func(e *event) bool) {
	timers := frontier{heap: q.heap}
	if len(q.heap) > 0 {
		timers.next = []int{0}
	}
	for i := q.ring.head; i < q.ring.tail; i++ {
		s := q.ring.at(i)
		if s.event == nil || s.dead() {
			continue
		}
		post := timerEntry{due: s.due, seq: s.seq}
		for t := timers.first(); t != nil && t.before(&post); t = timers.first() {
			if !f(t.event) {
				return
			}
			timers.pass()
		}
		if !f(s.event) {
			return
		}
	}
	for t := timers.first(); t != nil; t = timers.first() {
		if !f(t.event) {
			return
		}
		timers.pass()
	}
}

// frontier goes through the timers in order and leaves the heap as it is. next are the places of those that may be
// next, as a heap: each has its four children in the place of itself once it is passed.
type frontier struct {
	heap timerHeap
	next []int
}

func (f *frontier) Len() int           { return len(f.next) }
func (f *frontier) Less(i, j int) bool { return f.heap[f.next[i]].before(&f.heap[f.next[j]]) }
func (f *frontier) Swap(i, j int)      { f.next[i], f.next[j] = f.next[j], f.next[i] }
func (f *frontier) Push(i any)         { f.next = append(f.next, i.(int)) }
func (f *frontier) Pop() any {
	i := f.next[len(f.next)-1]
	f.next = f.next[:len(f.next)-1]
	return i
}

// first is the next timer, nil if there is none.
func (f *frontier) first() *timerEntry {
	if len(f.next) == 0 {
		return nil
	}
	return &f.heap[f.next[0]]
}

// pass goes on to the next one.
func (f *frontier) pass() {
	first := 4*heap.Pop(f).(int) + 1
	for i := first; i < min(first+4, len(f.heap)); i++ {
		heap.Push(f, i)
	}
}

// timerHeap is a 4-ary heap ordered by due time, then by order of queueing. Each event knows its place.
type timerHeap []timerEntry

type timerEntry struct {
	due   time.Duration
	seq   uint64
	event *event
}

func (t *timerEntry) before(u *timerEntry) bool {
	return t.due < u.due || t.due == u.due && t.seq < u.seq
}

func (h *timerHeap) push(e *event) {
	*h = append(*h, timerEntry{e.due, e.seq, e})
	h.up(len(*h) - 1)
}

func (h *timerHeap) remove(e *event) {
	s := *h
	i, n := int(e.slot), len(s)-1
	e.slot = -1
	last := s[n]
	s[n] = timerEntry{}
	*h = s[:n]
	if i < n {
		s[i] = last
		last.event.slot = int32(i)
		h.fix(i)
	}
	if n == 0 && cap(s) > 1024 {
		*h = nil
	}
}

// move gives a timer another due time.
func (h timerHeap) move(e *event, due time.Duration) {
	e.due = due
	h[e.slot].due = due
	h.fix(int(e.slot))
}

func (h timerHeap) fix(i int) {
	if i > 0 && h[i].before(&h[(i-1)/4]) {
		h.up(i)
	} else {
		h.down(i)
	}
}

func (h timerHeap) up(i int) {
	t := h[i]
	for i > 0 {
		p := (i - 1) / 4
		if !t.before(&h[p]) {
			break
		}
		h[i] = h[p]
		h[i].event.slot = int32(i)
		i = p
	}
	h[i] = t
	t.event.slot = int32(i)
}

func (h timerHeap) down(i int) {
	t := h[i]
	n := len(h)
	for {
		c := 4*i + 1
		if c >= n {
			break
		}
		least := c
		for j := c + 1; j < min(c+4, n); j++ {
			if h[j].before(&h[least]) {
				least = j
			}
		}
		if !h[least].before(&t) {
			break
		}
		h[i] = h[least]
		h[i].event.slot = int32(i)
		i = least
	}
	h[i] = t
	t.event.slot = int32(i)
}
