package kernel

import (
	"fmt"
	"math/bits"
	"strings"
)

var traceTags = [...]string{"ev", "ss", "rc", "fh", "sg", "er", "st"} // in the order of the Trace bits

// tracef writes one line. Callers test the flag themselves, so that a trace that is off costs one test.
func (k *Kernel) tracef(t Trace, format string, args ...any) {
	fmt.Fprintf(k.log, "<%s> %s\n", traceTags[bits.TrailingZeros16(uint16(t))], fmt.Sprintf(format, args...))
}

func (k *Kernel) traceIteration() {
	k.tracef(TraceEvents, "iteration %d: %d events, %d sessions, %d handles", k.count.Iterations, k.queue.events, k.tasks, len(k.watched))
}

func (k *Kernel) traceQueued(e *event) {
	name := e.Event
	if e.Kind == KindSignal || e.Kind == KindDie {
		name = fmt.Sprint("signal ", e.Args[0])
	}
	when := ""
	if e.Kind == KindTimer {
		when = fmt.Sprintf(", due in %v", e.due-k.now)
	}
	k.tracef(TraceEvents, "queued %d '%s'(%s) from %v to %v%s%s", e.seq, name, k.show(e.Args), e.From, e.Task, k.place(e.Site), when)
}

func (k *Kernel) traceDispatch(d *Dispatch) {
	k.tracef(TraceEvents, "%sdispatching '%s'(%s) from %v to %v%s", k.indent(), d.Event, k.show(d.Args), d.From, d.Task, k.place(d.Site))
}

func (k *Kernel) traceReturn(d *Dispatch) {
	switch {
	case d.Unhandled:
		k.tracef(TraceEvents, "%s'%s' has no handler in %v", k.indent(), d.Event, d.Task)
	case len(d.Results) > 0:
		k.tracef(TraceEvents, "%s'%s' returns (%s)", k.indent(), d.Event, k.show(d.Results))
	default:
		k.tracef(TraceEvents, "%s'%s' returns", k.indent(), d.Event)
	}
}

func (k *Kernel) indent() string { return strings.Repeat("  ", k.depth-1) }

// show lists values for people.
func (k *Kernel) show(values []any) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		switch v := v.(type) {
		case *Task:
			b.WriteString(v.String())
		case *Die:
			fmt.Fprintf(&b, "error %q in '%s'", v.Err.Error(), v.Event)
		case nil:
			b.WriteString("nil")
		case string, int, bool, Mode:
			fmt.Fprint(&b, v)
		default:
			if k.options.Format != nil {
				b.WriteString(k.options.Format(v))
			} else {
				fmt.Fprintf(&b, "%T", v)
			}
		}
	}
	return b.String()
}

// place is " at file:line", "" if a site is nowhere.
func (k *Kernel) place(s Site) string {
	file, line := k.Locate(s)
	if file == "" {
		return ""
	}
	return fmt.Sprintf(" at %s:%d", file, line)
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
	var b strings.Builder
	k.Stats().WriteTo(&b)
	for line := range strings.Lines(b.String()) {
		k.tracef(TraceStats, "%s", strings.TrimSuffix(line, "\n"))
	}
}

// Warn tells of something that is probably a mistake.
func (k *Kernel) Warn(format string, args ...any) { k.warn(format, args...) }
