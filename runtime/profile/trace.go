package profile

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
)

const (
	bufferSize  = 64 << 10
	mostNotes   = 1024      // in a batch
	mostText    = 256 << 10 // of a batch
	mostBatches = 4         // that wait to be written
	latest      = 100 * time.Millisecond
	patience    = 2 * time.Second // for what is left, at the end
	mostTracks  = 1000            // sessions with a track of their own; the rest share one
	mostArgs    = 6               // arguments of an event that are shown
	longestArg  = 60              // bytes of one
	pastKept    = 1 << 14         // dispatches that are remembered, for the arrows of what was posted in them; a power of two
)

// TraceConfig is what a Trace needs to know.
type TraceConfig struct {
	Kernel *kernel.Kernel
	Format func(any) string     // an argument of an event, for people
	Now    func() time.Duration // the kernel's clock, from any goroutine; nil: time stands still between records
	Failed func(error)          // told once, on any goroutine, when what was recorded cannot be written; the trace has ended then
}

// Trace writes what happens as Chrome's trace events, a JSON array: each dispatch is a slice in the track of its
// session, each event that waited in the queue an arrow from where it was sent to its dispatch. Other things, such as
// the readiness of handles, are marks. NewTrace makes one.
//
// The loop only notes down what happens. A goroutine makes JSON of batches of notes and writes it, a tenth of a second later at
// most; the loop waits when several batches are not written yet. Of many sessions those that come late share a track.
type Trace struct {
	c        TraceConfig
	observer *kernel.Observer
	tracks   map[kernel.SessionID]*track
	shared   *track
	recent   *track // the one that trackOf gave last, and whose it is
	whose    kernel.SessionID

	mu      sync.Mutex // Close and the timer may come from any goroutine
	batch   *batch
	timer   *time.Timer
	closed  bool
	batches chan *batch
	spare   chan *batch
	writer  *traceWriter
	written chan struct{} // closed when all is
}

// batch is some notes and the texts that they need.
type batch struct {
	notes []note
	text  []byte
}

// note is what the loop notes down of a record.
type note struct {
	kind   noteKind
	arrow  arrowKind
	track  *track
	at     time.Duration
	depth  int
	number uint64 // of the dispatch
	cause  uint64
	event  int64
	text   []byte // JSON
}

type noteKind uint8

const (
	noteText   noteKind = iota // JSON that is complete
	noteMark                   // JSON without where and when
	noteBegin                  // of a dispatch: its JSON up to the last of its "args"
	noteFailed                 // the error with which a dispatch will end
	noteEnd
	noteTimer // one was set
)

type arrowKind uint8

const (
	arrowNone arrowKind = iota
	arrowPost
	arrowTimer
)

// track is a line of the picture.
type track struct {
	id    uint64
	name  string // "" until it is in the trace
	where string // its JSON in marks and arrows

	// The beginning of the JSON of its last dispatch: mostly the next one has the same.
	event string
	kind  kernel.Kind
	from  kernel.SessionID
	site  kernel.Site
	text  []byte
}

func newTrack(id uint64) *track {
	return &track{id: id, where: fmt.Sprintf(`,"pid":1,"tid":%d,"ts":`, id)}
}

const traced = kernel.RecordTimerSet | kernel.RecordDispatch | kernel.RecordReturn | kernel.RecordError |
	kernel.RecordStop | kernel.RecordReady | kernel.RecordSignal | kernel.RecordTimerRemoved

// NewTrace begins to record. An error of w is told by Failed. Until Close, w is another goroutine's.
func NewTrace(c TraceConfig, w io.Writer) *Trace {
	t := &Trace{
		c: c, tracks: map[kernel.SessionID]*track{}, shared: newTrack(1 << 31),
		batch: &batch{}, batches: make(chan *batch, mostBatches), spare: make(chan *batch, mostBatches),
		writer: &traceWriter{w: w, past: make([]sent, pastKept)}, written: make(chan struct{}),
	}
	t.timer = time.AfterFunc(latest, t.flush)
	t.writer.buf = append(t.writer.buf, `[{"name":"process_name","ph":"M","pid":1,"args":{"name":"poelua"}}`...)
	t.observer = c.Kernel.Observe(traced, nil, t.record)
	go t.work()
	return t
}

// record notes down a record.
func (t *Trace) record(r *kernel.Record) {
	if t.writer.failed.Load() {
		t.observer.Stop()
		return
	}
	t.mu.Lock()
	if !t.closed {
		t.note(r)
		if len(t.batch.notes) >= mostNotes || len(t.batch.text) >= mostText {
			t.handOver()
		}
	}
	t.mu.Unlock()
}

func (t *Trace) note(r *kernel.Record) {
	switch r.Kind {
	case kernel.RecordDispatch:
		t.begin(r)
	case kernel.RecordReturn:
		t.add(note{kind: noteEnd, at: r.Time, number: r.Number})
		if r.EventKind == kernel.KindStart { // where sessions mostly take their names
			t.rename(t.trackOf(r.Task), r.Task)
		}
	case kernel.RecordTimerSet:
		t.add(note{kind: noteTimer, at: r.Time, event: r.ID})
	case kernel.RecordError:
		text := t.textOf(func(b []byte) []byte { return appendString(append(b, `,"error":`...), r.Err.Error(), longest) })
		t.add(note{kind: noteFailed, number: r.Number, text: text})
	case kernel.RecordStop:
		tr := t.trackOf(r.Task)
		t.rename(tr, r.Task)
		t.mark(r, "stop", "", "session")
	case kernel.RecordReady:
		t.mark(r, fmt.Sprintf("handle %d ready: %v", r.FD, r.Mode), r.What, "io")
	case kernel.RecordSignal:
		t.mark(r, "signal "+r.What, r.Event, "signal")
	case kernel.RecordTimerRemoved:
		t.mark(r, "timer removed: "+r.Event, "", "timer")
	}
}

func (t *Trace) add(n note) { t.batch.notes = append(t.batch.notes, n) }

// textOf makes a text in the memory of the batch.
func (t *Trace) textOf(f func(b []byte) []byte) []byte {
	begin := len(t.batch.text)
	t.batch.text = f(t.batch.text)
	return t.batch.text[begin:len(t.batch.text):len(t.batch.text)] // which stays what it is when the memory moves
}

// begin notes down the beginning of a dispatch.
func (t *Trace) begin(r *kernel.Record) {
	tr := t.trackOf(r.Task)
	if !tr.describes(r) {
		t.describe(tr, r)
	}
	n := note{
		kind: noteBegin, track: tr, at: r.Time, depth: r.Depth, number: r.Number, cause: r.Cause, event: r.ID, text: tr.text,
	}
	if len(r.Args) > 0 {
		n.text = t.textOf(func(b []byte) []byte {
			return t.appendArgs(append(append(b, tr.text...), `,"arguments":`...), r.Args)
		})
	}
	if r.ID != 0 && r.Cause != 0 {
		switch r.EventKind {
		case kernel.KindPost:
			n.arrow = arrowPost
		case kernel.KindTimer:
			n.arrow = arrowTimer
		}
	}
	t.add(n)
}

// describes says whether the beginning of the last dispatch's JSON is that of another one, too.
func (tr *track) describes(r *kernel.Record) bool {
	return len(tr.text) > 0 && tr.event == r.Event && tr.kind == r.EventKind && tr.from == r.From.ID() && tr.site == r.Site
}

// describe makes the beginning of a dispatch's JSON, in memory of its own: notes point to it.
func (t *Trace) describe(tr *track, r *kernel.Record) {
	tr.event, tr.kind, tr.from, tr.site = r.Event, r.EventKind, r.From.ID(), r.Site
	from := t.trackOf(r.From).name
	b := append([]byte(nil), ",\n{\"name\":"...)
	b = appendString(b, r.Event, longest)
	b = append(b, `,"cat":"`...)
	b = append(b, r.EventKind.String()...)
	b = append(b, `","ph":"X","pid":1,"tid":`...)
	b = strconv.AppendUint(b, tr.id, 10)
	b = append(b, `,"args":{"from":`...)
	b = appendString(b, from, longest)
	if file, line := t.c.Kernel.Locate(r.Site); file != "" {
		b = append(b, `,"at":`...)
		b = appendString(b, fmt.Sprintf("%s:%d", short(file), line), 2*longest)
	}
	tr.text = b
}

// mark notes down something that takes no time.
func (t *Trace) mark(r *kernel.Record, name, detail, category string) {
	tr := t.trackOf(r.Task)
	text := t.textOf(func(b []byte) []byte {
		b = appendString(append(b, ",\n{\"name\":"...), name, longest)
		b = append(append(append(b, `,"cat":"`...), category...), `","ph":"i","s":"t"`...)
		if detail != "" {
			b = append(appendString(append(b, `,"args":{"for":`...), detail, longest), '}')
		}
		return b
	})
	t.add(note{kind: noteMark, track: tr, at: r.Time, text: text})
}

// trackOf gives the track of a session.
func (t *Trace) trackOf(s *kernel.Task) *track {
	id := s.ID()
	if t.recent == nil || t.whose != id {
		t.recent, t.whose = t.findTrack(s, id), id
	}
	return t.recent
}

func (t *Trace) findTrack(s *kernel.Task, id kernel.SessionID) *track {
	if tr := t.tracks[id]; tr != nil {
		return tr
	}
	if len(t.tracks) == mostTracks {
		if t.shared.name == "" {
			t.name(t.shared, "other sessions")
		}
		return t.shared
	}
	tr := newTrack(uint64(id))
	t.tracks[id] = tr
	t.name(tr, short(s.String()))
	return tr
}

// rename looks whether the name of a session has changed.
func (t *Trace) rename(tr *track, s *kernel.Task) {
	if tr == t.shared {
		return
	}
	if name := short(s.String()); name != tr.name {
		t.name(tr, name)
	}
}

// name names a track; the last name of a track counts.
func (t *Trace) name(tr *track, name string) {
	tr.name, tr.text = name, nil
	t.add(note{kind: noteText, text: t.textOf(func(b []byte) []byte {
		b = append(b, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":"...)
		b = append(strconv.AppendUint(b, tr.id, 10), `,"args":{"name":`...)
		return append(appendString(b, name, longest), "}}"...)
	})})
}

// handOver has the batch written, and goes on with an empty one.
func (t *Trace) handOver() {
	t.batches <- t.batch
	select {
	case t.batch = <-t.spare:
	default:
		t.batch = &batch{}
	}
	t.timer.Reset(latest)
}

// flush is called when a batch has become old. It does not wait: when others are being written, this one can wait, too.
func (t *Trace) flush() {
	if !t.mu.TryLock() {
		t.timer.Reset(latest)
		return
	}
	defer t.mu.Unlock()
	switch {
	case t.closed:
	case len(t.batch.notes) > 0 && len(t.batches) < cap(t.batches):
		t.handOver()
	default:
		t.timer.Reset(latest)
	}
}

// work writes batches until there are no more.
func (t *Trace) work() {
	defer close(t.written)
	for b := range t.batches {
		err := t.writer.write(b)
		clear(b.notes)
		b.notes, b.text = b.notes[:0], b.text[:0]
		select {
		case t.spare <- b:
		default:
		}
		if err != nil && !t.writer.failed.Swap(true) {
			t.c.Failed(fmt.Errorf("trace: %w", err))
		}
	}
	if err := t.writer.finish(t.c.Now); err != nil && !t.writer.failed.Swap(true) {
		t.c.Failed(fmt.Errorf("trace: %w", err))
	}
}

// Close ends the trace: dispatches in progress end with it, and all is written; for that it waits some seconds at most. Again
// it does nothing. Safe from any goroutine.
func (t *Trace) Close() {
	if !lockSoon(&t.mu) {
		return
	}
	if !t.closed {
		t.closed = true
		t.timer.Stop()
		last := t.batch
		go func() { // a write may be stuck
			t.batches <- last
			close(t.batches)
		}()
	}
	t.mu.Unlock()
	select {
	case <-t.written:
	case <-time.After(patience):
	}
}

// traceWriter makes JSON of notes, on a goroutine of its own.
type traceWriter struct {
	w      io.Writer
	failed atomic.Bool
	buf    []byte
	last   time.Duration // of the newest note
	open   []slice       // dispatches in progress, the outermost first
	past   []sent        // the last dispatches, each where its number says
	id     []byte        // the number of an arrow
}

// slice is a dispatch in progress.
type slice struct {
	number uint64
	since  time.Duration
	track  *track
	text   []byte // its JSON, up to the last of its "args"
}

// sent is a dispatch from which events may have been sent.
type sent struct {
	number uint64
	since  time.Duration
	track  *track
}

// write writes a batch. After an error it does nothing.
func (w *traceWriter) write(b *batch) error {
	if w.failed.Load() {
		return nil
	}
	for i := range b.notes {
		w.note(&b.notes[i])
		if len(w.buf) >= bufferSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	for i := range w.open { // their texts lie in the batch
		w.open[i].text = bytes.Clone(w.open[i].text)
	}
	return w.flush()
}

func (w *traceWriter) flush() error {
	_, err := w.w.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// finish ends the array.
func (w *traceWriter) finish(now func() time.Duration) error {
	if w.failed.Load() {
		return nil
	}
	if now != nil {
		w.last = now()
	}
	w.end(0)
	w.buf = append(w.buf, "\n]\n"...)
	return w.flush()
}

func (w *traceWriter) note(n *note) {
	switch n.kind {
	case noteText:
		w.buf = append(w.buf, n.text...)
	case noteMark:
		w.last = n.at
		w.buf = append(appendMicros(append(append(w.buf, n.text...), n.track.where...), n.at), '}')
	case noteBegin:
		w.last = n.at
		w.end(n.depth - 1)
		w.open = append(w.open, slice{n.number, n.at, n.track, n.text})
		w.arrive(n)
		w.past[n.number%pastKept] = sent{n.number, n.at, n.track}
	case noteFailed:
		if i := len(w.open) - 1; i >= 0 && w.open[i].number == n.number {
			s := &w.open[i]
			s.text = append(s.text[:len(s.text):len(s.text)], n.text...)
		}
	case noteEnd:
		w.last = n.at
		for i := len(w.open) - 1; i >= 0; i-- { // with those within it that were left without a word
			if w.open[i].number == n.number {
				w.end(i)
				break
			}
		}
	case noteTimer:
		if i := len(w.open) - 1; i >= 0 {
			w.flow(flowStart, w.arrow(n.event), w.open[i].track, n.at)
		}
	}
}

// end ends the slices from the n-th on.
func (w *traceWriter) end(n int) {
	for len(w.open) > max(n, 0) {
		s := &w.open[len(w.open)-1]
		b := append(append(w.buf, s.text...), `},"ts":`...)
		b = append(appendMicros(b, s.since), `,"dur":`...)
		w.buf = append(appendMicros(b, w.last-s.since), '}')
		*s = slice{}
		w.open = w.open[:len(w.open)-1]
	}
}

// arrive draws the arrow to a dispatch. That of a timer was begun when it was set; that of a post begins where the dispatch
// began that posted it, if that is not too long ago.
func (w *traceWriter) arrive(n *note) {
	if n.arrow == arrowNone {
		return
	}
	id := w.arrow(n.event)
	if n.arrow == arrowPost {
		from := &w.past[n.cause%pastKept]
		if from.number != n.cause {
			return
		}
		w.flow(flowStart, id, from.track, from.since)
	}
	w.flow(flowEnd, id, n.track, n.at)
}

// The names of the two ends of an arrow have to be the same.
const (
	flowStart = ",\n" + `{"ph":"s","cat":"to","name":"to","id":`
	flowEnd   = ",\n" + `{"ph":"f","bp":"e","cat":"to","name":"to","id":`
)

// arrow is the JSON of the number of an event's arrow.
func (w *traceWriter) arrow(event int64) []byte {
	id := 2 * event
	if id < 0 {
		id = 1 - id
	}
	w.id = strconv.AppendInt(w.id[:0], id, 10)
	return w.id
}

// flow writes an end of an arrow.
func (w *traceWriter) flow(end string, id []byte, tr *track, at time.Duration) {
	b := append(append(w.buf, end...), id...)
	b = append(b, tr.where...)
	w.buf = append(appendMicros(b, at), '}')
}

// appendMicros writes a time in microseconds, to the nanosecond.
func appendMicros(b []byte, d time.Duration) []byte {
	n := uint64(max(d, 0))
	rest := n % 1000
	b = strconv.AppendUint(b, n/1000, 10)
	return append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
}

// appendArgs writes the arguments of an event as a JSON array.
func (t *Trace) appendArgs(b []byte, args []any) []byte {
	b = append(b, '[')
	for i, v := range args {
		if i > 0 {
			b = append(b, ',')
		}
		if i == mostArgs {
			b = appendString(b, fmt.Sprintf("%d more", len(args)-i), longestArg)
			break
		}
		b = t.appendArg(b, v)
	}
	return append(b, ']')
}

func (t *Trace) appendArg(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil, *lua.LNilType:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case lua.LBool:
		return strconv.AppendBool(b, bool(v))
	case string:
		return appendString(b, v, longestArg)
	case lua.LString:
		return appendString(b, string(v), longestArg)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case lua.LNumber:
		if f := float64(v); !math.IsInf(f, 0) && !math.IsNaN(f) {
			return strconv.AppendFloat(b, f, 'g', -1, 64)
		}
		return appendString(b, v.String(), longestArg)
	default:
		return appendString(b, t.c.Format(v), longestArg)
	}
}

// appendString writes a JSON string, of so many bytes of s at most.
func appendString(b []byte, s string, most int) []byte {
	cut := len(s) > most
	if cut {
		s = s[:most]
	}
	b = append(b, '"')
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ' && c < utf8.RuneSelf && c != 0x7f:
			b = append(b, c)
		case c < utf8.RuneSelf:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		default:
			r, n := utf8.DecodeRuneInString(s)
			b = utf8.AppendRune(b, r) // what is no UTF-8 becomes U+FFFD
			s = s[n:]
			continue
		}
		s = s[1:]
	}
	if cut {
		b = append(b, "..."...)
	}
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"
