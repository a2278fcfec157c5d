package kernel

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// What Dump shows at most.
const (
	dumpSessions = 1000
	dumpEvents   = 100
)

// dumpIndent bounds the space before the sessions of a deep tree.
const dumpIndent = 40

// Watches says whether any session watches a signal.
func (k *Kernel) Watches(name string) bool { return k.signalWatchers[canonical(name)] > 0 }

// Dump writes what the kernel is doing: the handlers that run, the sessions with what keeps each alive, and the queue.
func (k *Kernel) Dump(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sessions, %d events, %d handles, iteration %d\n",
		k.tasks, k.queue.events, len(k.watched), k.count.Iterations)
	for i := k.depth; i > 0; i-- {
		fmt.Fprintf(&b, "running: event '%s' of %v\n", k.frames[i].Event, k.frames[i].Task)
	}
	if left := k.dumpTree(&b, k.root, "", dumpSessions); left == 0 && k.tasks > dumpSessions {
		fmt.Fprintf(&b, "and %d more sessions\n", k.tasks-dumpSessions)
	}
	now, shown := k.clock.Now(), 0
	for e := range k.waiting(nil) {
		if shown == dumpEvents {
			fmt.Fprintf(&b, "and %d more events\n", k.Events()-shown)
			break
		}
		shown++
		k.dumpEvent(&b, e, now)
	}
	io.WriteString(w, b.String())
}

func (k *Kernel) dumpEvent(b *strings.Builder, e *event, now time.Duration) {
	due := ""
	if e.Kind == KindTimer {
		due = " in " + forPeople(e.due-now)
	}
	name := e.Event
	if e.Kind == KindSignal || e.Kind == KindDie {
		name = fmt.Sprint("signal ", e.Args[0])
	}
	fmt.Fprintf(b, "event '%s' for %v from %v%s%s\n", name, e.Task, e.From, due, k.appendPlace(nil, e.Site))
}

// dumpTree shows a task and all below it, left sessions at most, and says how many more there may be.
func (k *Kernel) dumpTree(b *strings.Builder, t *Task, indent string, left int) int {
	if t != k.root {
		work := "nothing"
		if w := t.Work(); len(w) > 0 {
			work = strings.Join(w, ", ")
		}
		fmt.Fprintf(b, "%s%v: %s\n", indent, t, work)
		if len(indent) < dumpIndent {
			indent += "  "
		}
		left--
	}
	for _, c := range t.Children() {
		if left == 0 {
			break
		}
		left = k.dumpTree(b, c, indent, left)
	}
	return left
}
