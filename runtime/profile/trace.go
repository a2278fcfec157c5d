package profile

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
)

const (
	bufferSize = 16 << 10
	mostTracks = 1000 // sessions with a track of their own; the rest share one
	mostArgs   = 6    // arguments of an event that are shown
	longestArg = 60   // bytes of one
	keptText   = 4096 // bytes of memory that are kept for the next slice
)

// TraceConfig is what a Trace needs to know.
type TraceConfig struct {
	Kernel *kernel.Kernel
	Format func(any) string     // an argument of an event, for people
	Now    func() time.Duration // the kernel's clock, from any goroutine; nil: time stands still between records
	Failed func(error)          // told once when what was recorded cannot be written; the trace has ended then
}

// Trace writes what happens as Chrome's trace events, a JSON array: each dispatch is a slice in the track of its
// session, each event that waited in the queue an arrow from where it was sent to its dispatch. Other things, such as
// the readiness of handles, are marks. NewTrace makes one.
//
// It is written as it goes and takes the memory of a buffer. Of many sessions those that come late share a track.
type Trace struct {
	c        TraceConfig
	w        io.Writer
	observer *kernel.Observer

	mu     sync.Mutex // Close may come from any goroutine
	buf    []byte
	closed bool
	last   time.Duration // of the newest record
	tracks map[kernel.SessionID]*track
	shared *track
	recent *track // the one that trackOf gave last, and whose it is
	whose  kernel.SessionID
	open   []slice // dispatches in progress, the outermost first
	past   []sent  // the last dispatches, each where its number says
	id     []byte  // the number of an arrow
}

func newTrack(id uint64) *track {
	return &track{id: id, where: fmt.Sprintf(`,"pid":1,"tid":%d,"ts":`, id)}
}

// sent is a dispatch from which events may have been sent.
type sent struct {
	number uint64
	since  time.Duration
	track  *track
}

// pastKept is how many dispatches are remembered, for the arrows of what was posted in them. A power of two.
const pastKept = 1 << 14

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

// slice is a dispatch in progress.
type slice struct {
	number uint64
	since  time.Duration
	track  *track
	text   []byte // its JSON, up to the last of its "args"
	failed string // the error that it ended with
}

const traced = kernel.RecordTimerSet | kernel.RecordDispatch | kernel.RecordReturn | kernel.RecordError |
	kernel.RecordStop | kernel.RecordReady | kernel.RecordSignal | kernel.RecordTimerRemoved

// NewTrace begins to record. An error of w is told by Failed.
func NewTrace(c TraceConfig, w io.Writer) *Trace {
	t := &Trace{
		c: c, w: w, buf: make([]byte, 0, bufferSize+bufferSize/4),
		tracks: map[kernel.SessionID]*track{}, shared: newTrack(1 << 31), past: make([]sent, pastKept),
	}
	t.buf = append(t.buf, `[{"name":"process_name","ph":"M","pid":1,"args":{"name":"poelua"}}`...)
	t.observer = c.Kernel.Observe(traced, nil, t.record)
	return t
}

// record writes what a record tells.
func (t *Trace) record(r *kernel.Record) {
	t.mu.Lock()
	if !t.closed {
		t.write(r)
	}
	t.mu.Unlock()
}

func (t *Trace) write(r *kernel.Record) {
	t.last = r.Time
	switch r.Kind {
	case kernel.RecordTimerSet:
		if n := len(t.open); n > 0 {
			t.flow(flowStart, t.arrow(r.ID), t.open[n-1].track, r.Time)
		}
	case kernel.RecordDispatch:
		t.begin(r)
	case kernel.RecordReturn:
		t.end(r)
	case kernel.RecordError:
		if n := len(t.open); n > 0 && t.open[n-1].number == r.Number {
			t.open[n-1].failed = r.Err.Error()
		}
	case kernel.RecordStop:
		tr := t.trackOf(r.Task)
		t.rename(tr, r.Task)
		t.mark("stop", "", "session", tr)
	case kernel.RecordReady:
		t.mark(fmt.Sprintf("handle %d ready: %v", r.FD, r.Mode), r.What, "io", t.trackOf(r.Task))
	case kernel.RecordSignal:
		t.mark("signal "+r.What, r.Event, "signal", t.trackOf(r.Task))
	case kernel.RecordTimerRemoved:
		t.mark("timer removed: "+r.Event, "", "timer", t.trackOf(r.Task))
	}
	if len(t.buf) >= bufferSize {
		t.flush()
	}
}

// flush writes the buffer. If that fails the trace ends.
func (t *Trace) flush() {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	if err != nil {
		t.closed = true
		t.observer.Stop()
		t.c.Failed(fmt.Errorf("trace: %w", err))
	}
}

// Close ends the trace: dispatches in progress end with it, and what is in the buffer is written. Again it does
// nothing. Safe from any goroutine.
func (t *Trace) Close() {
	if !lockSoon(&t.mu) {
		return
	}
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if t.c.Now != nil {
		t.last = t.c.Now()
	}
	t.finish(0)
	t.buf = append(t.buf, "\n]\n"...)
	_, err := t.w.Write(t.buf)
	t.closed, t.buf = true, nil
	if err != nil {
		t.c.Failed(fmt.Errorf("trace: %w", err))
	}
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
	tr.name, tr.text = name, tr.text[:0]
	t.buf = append(t.buf, ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":"...)
	t.buf = strconv.AppendUint(t.buf, tr.id, 10)
	t.buf = append(t.buf, `,"args":{"name":`...)
	t.buf = appendString(t.buf, name, longest)
	t.buf = append(t.buf, "}}"...)
}

// begin begins a slice.
func (t *Trace) begin(r *kernel.Record) {
	t.finish(r.Depth - 1)
	tr := t.trackOf(r.Task)
	n := len(t.open)
	if n < cap(t.open) {
		t.open = t.open[:n+1] // with the memory of an earlier one
	} else {
		t.open = append(t.open, slice{})
	}
	s := &t.open[n]
	s.number, s.since, s.track, s.failed = r.Number, r.Time, tr, ""
	if !tr.describes(r) {
		t.describe(tr, r)
	}
	s.text = append(s.text[:0], tr.text...)
	if len(r.Args) > 0 {
		s.text = append(s.text, `,"arguments":`...)
		s.text = t.appendArgs(s.text, r.Args)
	}
	t.arrive(tr, r)
	t.past[r.Number%pastKept] = sent{r.Number, r.Time, tr}
}

// arrive draws the arrow to a dispatch. That of a timer was begun when it was set; that of a post begins where the dispatch
// began that posted it, if that is not too long ago.
func (t *Trace) arrive(tr *track, r *kernel.Record) {
	if r.ID == 0 || r.Cause == 0 {
		return
	}
	id := t.arrow(r.ID)
	switch r.EventKind {
	case kernel.KindPost:
		from := &t.past[r.Cause%pastKept]
		if from.number != r.Cause {
			return
		}
		t.flow(flowStart, id, from.track, from.since)
	case kernel.KindTimer:
	default:
		return
	}
	t.flow(flowEnd, id, tr, r.Time)
}

// describes says whether the beginning of the last dispatch's JSON is that of another one, too.
func (tr *track) describes(r *kernel.Record) bool {
	return len(tr.text) > 0 && tr.event == r.Event && tr.kind == r.EventKind && tr.from == r.From.ID() && tr.site == r.Site
}

// describe makes the beginning of a dispatch's JSON.
func (t *Trace) describe(tr *track, r *kernel.Record) {
	tr.event, tr.kind, tr.from, tr.site = r.Event, r.EventKind, r.From.ID(), r.Site
	from := t.trackOf(r.From).name
	b := append(tr.text[:0], ",\n{\"name\":"...)
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

// end ends the slice of a dispatch, and those within it that were left without a word.
func (t *Trace) end(r *kernel.Record) {
	for i := len(t.open) - 1; i >= 0; i-- {
		if t.open[i].number == r.Number {
			t.finish(i)
			break
		}
	}
	if r.EventKind == kernel.KindStart { // where sessions mostly take their names
		t.rename(t.trackOf(r.Task), r.Task)
	}
}

// finish ends the slices from the n-th on.
func (t *Trace) finish(n int) {
	for len(t.open) > max(n, 0) {
		s := &t.open[len(t.open)-1]
		t.open = t.open[:len(t.open)-1]
		t.buf = append(t.buf, s.text...)
		if s.failed != "" {
			t.buf = append(t.buf, `,"error":`...)
			t.buf = appendString(t.buf, s.failed, longest)
		}
		t.buf = append(t.buf, `},"ts":`...)
		t.buf = appendMicros(t.buf, s.since)
		t.buf = append(t.buf, `,"dur":`...)
		t.buf = append(appendMicros(t.buf, t.last-s.since), '}')
		if cap(s.text) > keptText {
			s.text = nil
		}
	}
}

// The names of the two ends of an arrow have to be the same.
const (
	flowStart = ",\n" + `{"ph":"s","cat":"to","name":"to","id":`
	flowEnd   = ",\n" + `{"ph":"f","bp":"e","cat":"to","name":"to","id":`
)

// arrow is the JSON of the number of an event's arrow.
func (t *Trace) arrow(event int64) []byte {
	id := 2 * event
	if id < 0 {
		id = 1 - id
	}
	t.id = strconv.AppendInt(t.id[:0], id, 10)
	return t.id
}

// flow writes an end of an arrow.
func (t *Trace) flow(end string, id []byte, tr *track, at time.Duration) {
	b := append(append(t.buf, end...), id...)
	b = append(b, tr.where...)
	t.buf = append(appendMicros(b, at), '}')
}

// mark writes something that takes no time.
func (t *Trace) mark(name, detail, category string, tr *track) {
	b := append(t.buf, ",\n{\"name\":"...)
	b = appendString(b, name, longest)
	b = append(b, `,"cat":"`...)
	b = append(b, category...)
	b = append(b, `","ph":"i","s":"t"`...)
	b = appendMicros(append(b, tr.where...), t.last)
	if detail != "" {
		b = append(b, `,"args":{"for":`...)
		b = append(appendString(b, detail, longest), '}')
	}
	t.buf = append(b, '}')
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
