package kernel

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// dumpEvents bounds the events that Dump shows.
const dumpEvents = 100

// Watches says whether any session watches a signal.
func (k *Kernel) Watches(name string) bool { return k.signalWatchers[canonical(name)] > 0 }

// Dump writes what the kernel is doing: the handlers that run, the sessions with what keeps each alive, and the queue.
func (k *Kernel) Dump(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sessions, %d events, %d handles, iteration %d\n", k.tasks, k.queue.events, len(k.watched), k.count.Iterations)
	for i := k.depth; i > 0; i-- {
		fmt.Fprintf(&b, "running: event '%s' of %v\n", k.frames[i].Event, k.frames[i].Task)
	}
	k.dumpTree(&b, k.root, "")
	var events []*event
	k.queue.ring.each(func(e *event) { events = append(events, e) })
	for _, t := range k.queue.heap {
		if t.event.Kind != kindTimeout {
			events = append(events, t.event)
		}
	}
	slices.SortFunc(events, func(a, c *event) int { return cmp.Or(cmp.Compare(a.due, c.due), cmp.Compare(a.seq, c.seq)) })
	now := k.tick()
	for i, e := range events {
		if i == dumpEvents {
			fmt.Fprintf(&b, "and %d more events\n", len(events)-i)
			break
		}
		due := ""
		if e.Kind == KindTimer {
			due = fmt.Sprintf(" in %v", e.due-now)
		}
		name := e.Event
		if e.Kind == KindSignal || e.Kind == KindDie {
			name = fmt.Sprint("signal ", e.Args[0])
		}
		fmt.Fprintf(&b, "event '%s' for %v from %v%s%s\n", name, e.Task, e.From, due, k.place(e.Site))
	}
	io.WriteString(w, b.String())
}

func (k *Kernel) dumpTree(b *strings.Builder, t *Task, indent string) {
	if t != k.root {
		fmt.Fprintf(b, "%s%v: %s\n", indent, t, strings.Join(t.why(), ", "))
		indent += "  "
	}
	for _, c := range t.Children() {
		k.dumpTree(b, c, indent)
	}
}

// why lists what keeps a task alive.
func (t *Task) why() []string {
	var reasons []string
	add := func(n int, what string) {
		switch {
		case n == 1:
			reasons = append(reasons, "1 "+what)
		case n > 1:
			reasons = append(reasons, fmt.Sprintf("%d %ss", n, what))
		}
	}
	timers := 0
	for g := t.timers; g != nil; g = g.next {
		g.events.each(taskLink, func(*event) { timers++ })
	}
	add(int(t.toCount)-timers, "event")
	add(timers, "timer")
	add(int(t.fromCount), "sent event")
	for _, alias := range t.Aliases() {
		reasons = append(reasons, "alias "+alias)
	}
	children := 0
	for c := t.first; c != nil; c = c.next {
		children++
	}
	switch {
	case children == 1:
		reasons = append(reasons, "1 child")
	case children > 1:
		reasons = append(reasons, fmt.Sprintf("%d children", children))
	}
	if t.rare != nil {
		for _, u := range t.rare.fds {
			reasons = append(reasons, fmt.Sprintf("descriptor %d", u.fd))
		}
		for o := t.rare.owned; o != nil; o = o.older {
			if o.busy {
				reasons = append(reasons, fmt.Sprint(o.resource))
			}
		}
		for _, g := range t.rare.tags {
			reasons = append(reasons, fmt.Sprintf("reference %s x%d", g.name, g.count))
		}
		for _, p := range t.rare.processes {
			reasons = append(reasons, fmt.Sprintf("process %d", p.pid))
		}
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "nothing")
	}
	return reasons
}
