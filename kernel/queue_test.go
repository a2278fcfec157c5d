package kernel

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// queueModel is a queue and what it must hold, as a sorted slice. Each byte of a script is a step.
type queueModel struct {
	t      testing.TB
	q      queue
	now    time.Duration
	tasks  []*Task
	want   []modelEntry // ascending by due, then seq
	events int          // of want, those that are no births
}

type modelEntry struct {
	due  time.Duration
	seq  uint64
	e    *event // nil for a birth
	born *Task
}

func (e modelEntry) posted() bool { return e.e == nil || e.e.slot < 0 }

// in says whether an entry belongs to a pass. What was posted later than its beginning does not, whatever the clock says.
func (e modelEntry) in(h horizon) bool {
	if e.posted() {
		return e.seq <= h.seq
	}
	return h.includes(e.due, e.seq)
}

func newQueueModel(t testing.TB) *queueModel {
	m := &queueModel{t: t}
	for range 4 {
		m.tasks = append(m.tasks, &Task{})
	}
	return m
}

func (m *queueModel) insert(entry modelEntry) {
	i, _ := slices.BinarySearchFunc(m.want, entry, func(a, b modelEntry) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq))
	})
	m.want = slices.Insert(m.want, i, entry)
	if entry.e != nil {
		m.events++
	}
}

func (m *queueModel) remove(i int) {
	if m.want[i].e != nil {
		m.events--
	}
	m.want = slices.Delete(m.want, i, i+1)
}

func (m *queueModel) push(task int) {
	m.q.seq++
	e := &event{Task: m.tasks[task], due: m.now, seq: m.q.seq, slot: -1}
	m.q.push(e)
	m.insert(modelEntry{e.due, e.seq, e, nil})
}

// birth puts what Start puts for a new session.
func (m *queueModel) birth(task int) {
	m.q.seq++
	m.q.ring.push(slot{born: m.tasks[task], due: m.now, seq: m.q.seq})
	m.insert(modelEntry{m.now, m.q.seq, nil, m.tasks[task]})
}

func (m *queueModel) pushTimer(task int, d time.Duration) {
	m.q.seq++
	e := &event{Task: m.tasks[task], due: m.now + d, seq: m.q.seq, slot: -1}
	m.q.pushTimer(e)
	m.insert(modelEntry{e.due, e.seq, e, nil})
}

// cancel takes out the nth event.
func (m *queueModel) cancel(n int) {
	if len(m.want) == 0 {
		return
	}
	n %= len(m.want)
	if e := m.want[n].e; e != nil {
		m.q.cancel(e)
		m.remove(n)
	}
}

// move gives the nth event, if it is a timer, another time.
func (m *queueModel) move(n int, d time.Duration) {
	if len(m.want) == 0 {
		return
	}
	entry := m.want[n%len(m.want)]
	if entry.e == nil || entry.e.slot < 0 {
		return
	}
	m.remove(n % len(m.want))
	m.q.heap.move(entry.e, m.now+d)
	entry.due = m.now + d
	m.insert(entry)
}

// stop ends a task as free does: its timers are cancelled, its posts stay in the ring as dead slots.
func (m *queueModel) stop(task int) {
	t := m.tasks[task]
	for i := len(m.want) - 1; i >= 0; i-- {
		switch entry := m.want[i]; {
		case entry.born == t:
			m.q.ring.dead++
			m.remove(i)
		case entry.e == nil || entry.e.Task != t:
		case entry.e.slot >= 0:
			m.q.cancel(entry.e)
			m.remove(i)
		default:
			m.q.events--
			m.q.ring.dead++
			m.remove(i)
		}
	}
	t.gone = true
	m.tasks[task] = &Task{}
}

// next takes out the first entry, if the horizon includes it.
func (m *queueModel) next(h horizon) bool {
	m.t.Helper()
	want := len(m.want) > 0 && m.want[0].in(h)
	s, ok := m.q.next(h)
	if ok != want {
		m.t.Fatalf("next of %+v: got %v, want %v; the first is %+v", h, ok, want, m.want[:min(1, len(m.want))])
	}
	if !ok {
		return false
	}
	m.took(s, 0)
	return true
}

// nextPost takes out the first post, if the horizon includes it.
func (m *queueModel) nextPost(h horizon) {
	m.t.Helper()
	s, ok := m.q.nextPost(h)
	first := slices.IndexFunc(m.want, modelEntry.posted)
	want := first >= 0 && m.want[first].in(h)
	if ok != want {
		m.t.Fatalf("next post of %+v: got %v, want %v", h, ok, want)
	}
	if ok {
		m.took(s, first)
	}
}

// took compares what came out with the model's entry i.
func (m *queueModel) took(s slot, i int) {
	m.t.Helper()
	first := m.want[i]
	if s.event != first.e || s.born != first.born || s.seq != first.seq || s.due != first.due {
		m.t.Fatalf("next: got %+v, want %+v", s, first)
	}
	if s.event != nil && s.event.slot != -1 {
		m.t.Fatalf("an event that left the queue has slot %d", s.event.slot)
	}
	m.remove(i)
}

// pass does what dispatchDue does, without handlers.
func (m *queueModel) pass() {
	for h := (horizon{m.now, m.q.seq}); m.next(h); {
	}
}

func (m *queueModel) check() {
	m.t.Helper()
	if m.q.events != m.events {
		m.t.Fatalf("got %d events, want %d", m.q.events, m.events)
	}
	due, ok := m.q.firstDue()
	if ok != (len(m.want) > 0) || ok && due != m.want[0].due {
		m.t.Fatalf("first due: got %v %v, want %+v", due, ok, m.want[:min(1, len(m.want))])
	}
	births := 0
	for _, e := range m.want {
		if e.born != nil {
			births++
		}
	}
	if got := m.q.births(); got != births {
		m.t.Fatalf("got %d births, want %d", got, births)
	}
	for i, entry := range m.q.heap {
		switch {
		case int(entry.event.slot) != i:
			m.t.Fatalf("the timer at %d of the heap believes to be at %d", i, entry.event.slot)
		case entry.due != entry.event.due || entry.seq != entry.event.seq:
			m.t.Fatalf("entry %d of the heap differs from its event", i)
		case i > 0 && entry.before(&m.q.heap[(i-1)/4]):
			m.t.Fatalf("timer %d of the heap is before its parent", i)
		}
	}
	var posted []*event
	m.q.ring.each(func(e *event) bool { posted = append(posted, e); return true })
	var want []*event
	for _, entry := range m.want {
		if entry.e != nil && entry.e.slot < 0 {
			want = append(want, entry.e)
		}
	}
	if !slices.Equal(posted, want) {
		m.t.Fatalf("the ring holds %d events, want %d", len(posted), len(want))
	}
	dead := 0
	for i := m.q.ring.head; i < m.q.ring.tail; i++ {
		if m.q.ring.slots[i&uint64(len(m.q.ring.slots)-1)].dead() {
			dead++
		}
	}
	if dead != m.q.ring.dead {
		m.t.Fatalf("%d slots are dead, %d counted", dead, m.q.ring.dead)
	}
}

// run does one step for each pair of bytes.
func (m *queueModel) run(script []byte) {
	for len(script) >= 2 {
		what, arg := script[0], int(script[1])
		script = script[2:]
		task := arg % len(m.tasks)
		d := time.Duration(arg-64) * time.Millisecond // a quarter of them in the past
		switch what % 13 {
		case 0, 1:
			m.push(task)
		case 2:
			m.birth(task)
		case 3, 4:
			m.pushTimer(task, d)
		case 5, 6:
			m.cancel(arg)
		case 7:
			m.move(arg, d*3)
		case 8:
			m.next(horizon{m.now, m.q.seq})
		case 9:
			m.next(horizon{m.now, m.q.seq - min(m.q.seq, uint64(arg%4))})
		case 10:
			m.now += time.Duration(arg) * time.Millisecond / 4
			m.pass()
		case 11:
			if arg%8 == 0 {
				m.stop(arg / 8 % len(m.tasks))
			} else {
				m.now++
			}
		case 12:
			m.nextPost(horizon{m.now, m.q.seq - min(m.q.seq, uint64(arg%4))})
		}
		m.check()
	}
	for m.next(forever) {
	}
	m.check()
	if len(m.want) > 0 {
		m.t.Fatalf("%d entries never came out", len(m.want))
	}
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 0, 3, 70, 3, 1, 7, 0, 10, 255})
	f.Add([]byte{2, 1, 0, 1, 11, 8, 8, 0, 0, 1, 8, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4096 {
			t.Skip("each step checks everything")
		}
		newQueueModel(t).run(script)
	})
}

func TestQueueIsASortedSlice(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 2*(50+r.IntN(400)))
		for i := range script {
			script[i] = byte(r.UintN(256))
		}
		newQueueModel(t).run(script)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// A post is never behind a timer that was set for the same instant after it, nor before one that was set before it.
func TestQueueEqualTimesKeepTheirOrder(t *testing.T) {
	m := newQueueModel(t)
	for range 100 {
		m.push(0)
		m.pushTimer(0, 0)
		m.pushTimer(1, 0)
	}
	for want := uint64(1); want <= 300; want++ {
		if s, ok := m.q.next(forever); !ok || s.seq != want {
			t.Fatalf("got %d %v, want %d", s.seq, ok, want)
		}
	}
}

func TestQueueHorizonEndsAPass(t *testing.T) {
	m := newQueueModel(t)
	m.push(0)
	h := horizon{m.now, m.q.seq}
	m.push(0)                        // posted in the pass
	m.pushTimer(0, 0)                // due at now, but later
	m.pushTimer(0, -time.Nanosecond) // in the past: it belongs to the pass
	for _, want := range []uint64{4, 1} {
		if s, ok := m.q.next(h); !ok || s.seq != want {
			t.Fatalf("got %d %v, want %d", s.seq, ok, want)
		}
	}
	if s, ok := m.q.next(h); ok {
		t.Errorf("got %d, want nothing", s.seq)
	}
}

func TestRingGrowsAndShrinks(t *testing.T) {
	m := newQueueModel(t)
	const burst = 100*ringFloor + 7
	for offset := range 3 { // the head at several places when it grows
		for range offset * 5 {
			m.push(0)
			m.pass()
		}
		for range burst {
			m.push(0)
		}
		if n := len(m.q.ring.slots); n < burst || n&(n-1) != 0 || n > 2*burst {
			t.Fatalf("%d slots for %d events", n, burst)
		}
		m.check()
		m.pass()
		m.check()
		if n := len(m.q.ring.slots); n != ringFloor {
			t.Errorf("%d slots after the burst, want %d", n, ringFloor)
		}
		if len(m.want) > 0 {
			t.Fatalf("%d left", len(m.want))
		}
	}
}

// A burst of which all is cancelled gives its memory back, too, and so do timers.
func TestQueueForgetsWhatWasCancelled(t *testing.T) {
	m := newQueueModel(t)
	for range 10_000 {
		m.push(1)
		m.pushTimer(1, time.Hour)
	}
	m.push(0)
	m.stop(1)
	if m.q.events != 1 || len(m.q.heap) != 0 || cap(m.q.heap) != 0 {
		t.Errorf("got %d events, %d timers in room for %d", m.q.events, len(m.q.heap), cap(m.q.heap))
	}
	m.pass()
	m.check()
	if n := len(m.q.ring.slots); n != ringFloor {
		t.Errorf("got %d slots, want %d", n, ringFloor)
	}
	if m.q.peak != 20_001 || m.q.queued != 20_001 {
		t.Errorf("got a peak of %d and %d queued, want 20001", m.q.peak, m.q.queued)
	}
}
