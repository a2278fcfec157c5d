package kernel

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// workNamed bounds the reasons of one kind that Work names.
const workNamed = 10

// Work lists for people what keeps the task alive, such as "2 events queued for it", "1 timer in 3.2 s: tick",
// "1 event sent by it to others", "alias logger", "child 7", "handle 5 (read)", "wheel 3 (ReadWrite)",
// "reference anon_event x1", "process 4711", in this order. Nothing: the task is about to stop. Of each kind ten are
// named, the rest counted; of timers the first is named.
func (t *Task) Work() []string {
	var w reasons
	c := t.Counts()
	w.count(c.EventsTo-c.Timers, "event queued for it", "events queued for it")
	if c.Timers > 0 {
		w = append(w, t.timerWork(c.Timers))
	}
	w.count(int(t.fromCount), "event sent by it to others", "events sent by it to others")
	if c.Aliases > 0 {
		aliases := t.Aliases()
		w.name(c.Aliases, "aliases", func(i int) string { return "alias " + aliases[i] })
	}
	child := t.first
	if t.unsorted {
		child = t.Children()[0]
	}
	w.name(c.Children, "children", func(int) string {
		id := child.id
		child = child.next
		return fmt.Sprintf("child %d", id)
	})
	if t.rare == nil {
		return w
	}
	w.name(c.Handles, "handles", func(i int) string { return t.handleWork(t.rare.fds[i].fd) })
	o := t.rare.owned
	w.name(c.Busy, "wheels", func(int) string {
		for !o.busy {
			o = o.older
		}
		r := o.resource
		o = o.older
		return r.String()
	})
	w.name(c.Tags, "references", func(i int) string {
		return fmt.Sprintf("reference %s x%d", t.rare.tags[i].name, t.rare.tags[i].count)
	})
	w.name(c.Processes, "processes", func(i int) string { return fmt.Sprintf("process %d", t.rare.processes[i].pid) })
	return w
}

type reasons []string

// count adds "1 event" or "5 events".
func (w *reasons) count(n int, one, many string) {
	switch {
	case n == 1:
		*w = append(*w, "1 "+one)
	case n > 1:
		*w = append(*w, fmt.Sprintf("%d %s", n, many))
	}
}

// name adds what next says, which is called for one after the other of n, and counts the rest.
func (w *reasons) name(n int, many string, next func(i int) string) {
	for i := range min(n, workNamed) {
		*w = append(*w, next(i))
	}
	if n > workNamed {
		*w = append(*w, fmt.Sprintf("%d more %s", n-workNamed, many))
	}
}

func (t *Task) timerWork(n int) string {
	var first *event
	for g := t.timers; g != nil; g = g.next {
		g.events.each(taskLink, func(e *event) {
			if first == nil || e.due < first.due || e.due == first.due && e.seq < first.seq {
				first = e
			}
		})
	}
	in := forPeople(first.due - t.k.clock.Now())
	if n == 1 {
		return fmt.Sprintf("1 timer in %s: %s", in, first.Event)
	}
	return fmt.Sprintf("%d timers, the first in %s: %s", n, in, first.Event)
}

func (t *Task) handleWork(fd int) string {
	var in []string
	for m := range modes {
		if d := t.k.watched[fd]; d != nil && d.raw != nil {
			if _, found := d.raw.find(m, t); found {
				in = append(in, m.String())
			}
		}
	}
	return fmt.Sprintf("handle %d (%s)", fd, strings.Join(in, ", "))
}

// forPeople is a time as people say it: 15 ms, 3.2 s, 5 min, 12 h.
func forPeople(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", (d+time.Millisecond-1)/time.Millisecond)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", math.Round(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", math.Round(d.Hours()))
	default:
		return fmt.Sprintf("%.0f days", math.Round(d.Hours()/24))
	}
}
