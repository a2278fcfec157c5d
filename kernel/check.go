package kernel

import (
	"fmt"
	"slices"
)

// checkTables looks for inconsistencies between the kernel's tables. The first one found ends the run: it is a fault
// of the kernel, not of the script.
func (k *Kernel) checkTables() {
	if err := k.tableError(); err != nil {
		k.raise(err)
	}
}

func (k *Kernel) tableError() error {
	family := k.root.family()
	if len(family)-1 != k.tasks {
		return fmt.Errorf("internal: %d sessions in the tree, %d counted", len(family)-1, k.tasks)
	}
	if n := slices.IndexFunc(k.background, func(t *Task) bool { return t.gone }); n >= 0 {
		return fmt.Errorf("internal: %v is in the background and has stopped", k.background[n])
	}
	queued := 0
	for _, t := range family {
		to, from := int32(0), int32(0)
		t.to.each(taskLink, func(*event) { to++ })
		for g := t.timers; g != nil; g = g.next {
			g.events.each(taskLink, func(*event) { to++ })
		}
		to += t.toSelf
		queued += int(to)
		t.from.each(fromLink, func(*event) { from++ })
		births := int32(0)
		if t != k.root {
			if k.ByID(t.id) != t {
				return fmt.Errorf("internal: %v is not among the living", t)
			}
			births = t.toCount - to
		}
		if births < 0 || births > 1 || from != t.fromCount {
			return fmt.Errorf("internal: %v has %d events to it and %d from it, %d and %d counted", t, to, from, t.toCount, t.fromCount)
		}
		if work := t.countWork(); work != t.work {
			return fmt.Errorf("internal: %v has %d kinds of work, %d counted", t, work, t.work)
		}
	}
	if queued += k.timeouts; queued != k.queue.events {
		return fmt.Errorf("internal: %d events wait, %d counted", queued, k.queue.events)
	}
	return nil
}

// countWork counts what keeps a task alive, from the tables themselves.
func (t *Task) countWork() int32 {
	n := len(t.aliases)
	for c := t.first; c != nil; c = c.next {
		n++
	}
	if t.toCount > 0 {
		n++
	}
	if t.fromCount > 0 {
		n++
	}
	if t.rare != nil {
		n += len(t.rare.tags) + len(t.rare.fds) + len(t.rare.processes)
		for o := t.rare.owned; o != nil; o = o.older {
			if o.busy {
				n++
			}
		}
	}
	return int32(n)
}
