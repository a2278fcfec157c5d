package kernel

import (
	"fmt"
	"strconv"
	"strings"
)

// tracing is which records make lines of a trace. Those of TraceStats have no record: they come once, at the end.
var tracing = [...]struct {
	trace Trace
	kinds Records
}{
	{TraceEvents, RecordPass | RecordQueued | RecordDispatch | RecordDropped | RecordReturn},
	{TraceSessions, RecordStart | RecordStop | RecordChild},
	{TraceRefcounts, RecordRef},
	{TraceFiles, RecordWatch | RecordUnwatch | RecordReady},
	{TraceSignals, recordSignalLine},
	{TraceErrors, RecordError},
}

// SetTrace sets what is traced.
func (k *Kernel) SetTrace(t Trace) {
	k.trace = t
	k.writeTrace()
	if k.tracer != nil {
		k.tracer.Stop()
		k.tracer = nil
	}
	var kinds Records
	for _, l := range tracing {
		if t&l.trace != 0 {
			kinds |= l.kinds
		}
	}
	if kinds != 0 {
		k.tracer = &Observer{k: k, kinds: kinds, untimed: true, f: k.printRecord}
		k.observe(k.tracer)
	}
}

// printRecord writes a record as a line of the trace. What a handler's end and the beginning of an iteration have to say waits
// for the next line, or for the loop's wait: to write takes longer than to say it.
func (k *Kernel) printRecord(r *Record) {
	b := k.line
	switch r.Kind {
	case RecordPass:
		now := passCounts{k.queue.events, k.tasks, len(k.watched)}
		if now == k.traced {
			return
		}
		k.traced = now
		b = append(b, "<ev> iteration "...)
		b = strconv.AppendUint(b, k.count.Iterations, 10)
		b = append(b, ": "...)
		b = strconv.AppendInt(b, int64(k.queue.events), 10)
		b = append(b, " events, "...)
		b = strconv.AppendInt(b, int64(k.tasks), 10)
		b = append(b, " sessions, "...)
		b = strconv.AppendInt(b, int64(len(k.watched)), 10)
		b = append(b, " handles"...)
	case RecordQueued:
		b = append(b, "<ev> queued "...)
		if r.EventKind == KindTimer {
			b = append(b, "timer "...)
		}
		b = strconv.AppendInt(b, max(r.ID, -r.ID), 10)
		b = append(b, " '"...)
		if r.EventKind == KindSignal || r.EventKind == KindDie {
			b = append(b, "signal "...)
			b = k.appendValue(b, r.Args[0])
		} else {
			b = append(b, r.Event...)
		}
		b = k.appendEvent(b, r)
		if r.EventKind == KindTimer {
			b = fmt.Appendf(b, ", due in %v", r.Due-k.now)
		}
	case RecordDispatch:
		b = append(appendIndent(append(b, "<ev> "...), r.Depth), "dispatching '"...)
		b = append(b, r.Event...)
		b = k.appendEvent(b, r)
	case RecordDropped:
		b = appendIndent(append(b, "<ev> "...), k.depth)
		b = append(b, '\'')
		b = append(b, r.Event...)
		b = append(b, "' has no handler in "...)
		b = r.Task.append(b)
	case RecordReturn:
		if !r.Handled {
			return // RecordDropped has told
		}
		b = appendIndent(append(b, "<ev> "...), r.Depth)
		b = append(b, '\'')
		b = append(b, r.Event...)
		b = append(b, "' returns"...)
		if len(r.Results) > 0 {
			b = append(k.appendValues(append(b, " ("...), r.Results), ')')
		}
	case RecordStart:
		b = fmt.Appendf(b, "<ss> %v is created by %v", r.Task, r.Other)
	case RecordStop:
		b = fmt.Appendf(b, "<ss> %v stops", r.Task)
	case RecordChild:
		if r.What != ChildGain {
			return
		}
		b = fmt.Appendf(b, "<ss> %v is now a child of %v", r.Other, r.Task)
	case RecordRef:
		b = r.Task.append(append(b, "<rc> "...))
		b = strconv.AppendInt(append(b, ": "...), int64(r.Count), 10)
		if r.Delta > 0 {
			b = append(b, " (+ "...)
		} else {
			b = append(b, " (- "...)
		}
		b = append(append(b, r.What...), ')')
	case RecordWatch, RecordUnwatch, RecordReady:
		b = appendHandle(b, r)
	case recordSignalLine:
		b = append(append(b, "<sg> "...), r.What...)
	case RecordError:
		if r.Event == "" {
			b = fmt.Appendf(b, "<er> %v", r.Err)
		} else {
			b = fmt.Appendf(b, "<er> %v, event '%s': %v", r.Task, r.Event, r.Err)
		}
	}
	k.line = append(b, '\n')
	if r.Kind&(RecordPass|RecordReturn) == 0 || len(k.line) > maxHeld {
		k.writeTrace()
	}
}

// writeTrace writes the lines that wait.
func (k *Kernel) writeTrace() {
	if len(k.line) == 0 {
		return
	}
	k.log.Write(k.line)
	k.line = k.line[:0]
	if cap(k.line) > maxLine {
		k.line = nil
	}
}

// maxHeld is how much waits to be written.
const maxHeld = 2 << 10

// passCounts are what the line of an iteration tells. It is written when they have changed.
type passCounts struct{ events, sessions, handles int }

// maxLine is the memory for lines of a trace that is kept.
const maxLine = 64 << 10

func appendHandle(b []byte, r *Record) []byte {
	var who any = r.Task
	if r.What != "" {
		who = r.What
	}
	switch {
	case r.Kind == RecordReady:
		return fmt.Appendf(b, "<fh> descriptor %d is ready (%v) for %v", r.FD, r.Mode, who)
	case r.Kind == RecordUnwatch:
		return fmt.Appendf(b, "<fh> %v no longer watches descriptor %d (%v)", who, r.FD, r.Mode)
	case r.What != "":
		return fmt.Appendf(b, "<fh> %v watches descriptor %d (%v)", who, r.FD, r.Mode)
	default:
		return fmt.Appendf(b, "<fh> %v watches descriptor %d (%v) as '%s'", who, r.FD, r.Mode, r.Event)
	}
}

// appendEvent adds what follows the name of an event.
func (k *Kernel) appendEvent(b []byte, r *Record) []byte {
	b = k.appendValues(append(b, "'("...), r.Args)
	b = r.From.append(append(b, ") from "...))
	b = r.Task.append(append(b, " to "...))
	return k.appendPlace(b, r.Site)
}

func appendIndent(b []byte, depth int) []byte {
	for range depth - 1 {
		b = append(b, "  "...)
	}
	return b
}

// appendValues lists values for people.
func (k *Kernel) appendValues(b []byte, values []any) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = k.appendValue(b, v)
	}
	return b
}

func (k *Kernel) appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case *Task:
		return v.append(b)
	case *Die:
		return fmt.Appendf(b, "error %q in '%s'", v.Err.Error(), v.Event)
	case nil:
		return append(b, "nil"...)
	case string:
		return append(b, v...)
	case int, bool, Mode:
		return fmt.Append(b, v)
	}
	if k.options.Format != nil {
		return append(b, k.options.Format(v)...)
	}
	return fmt.Appendf(b, "%T", v)
}

// appendPlace adds " at file:line", nothing if a site is nowhere.
func (k *Kernel) appendPlace(b []byte, s Site) []byte {
	if s != k.placed || k.place == "" {
		k.placed, k.place = s, ""
		if file, line := k.Locate(s); file != "" {
			k.place = fmt.Sprintf(" at %s:%d", file, line)
		}
	}
	return append(b, k.place...)
}

// Locate turns a site into a file and a line; "" and 0 if it is nowhere.
func (k *Kernel) Locate(s Site) (file string, line int) {
	if s.Code == nil || k.options.Locate == nil {
		return "", 0
	}
	return k.options.Locate(s)
}

// traceStats writes the counts, each line with the tag of the trace.
func (k *Kernel) traceStats() {
	k.writeTrace()
	var b strings.Builder
	k.Stats().WriteTo(&b)
	for line := range strings.Lines(b.String()) {
		fmt.Fprint(k.log, "<st> ", line)
	}
}

// Warn tells of something that is probably a mistake.
func (k *Kernel) Warn(format string, args ...any) { k.warn(format, args...) }
