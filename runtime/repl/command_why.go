package repl

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/poelua/poelua/kernel"
)

const (
	whyShown    = 10     // of each kind of thing that is waited for
	whySearched = 10_000 // events of the queue that are looked through for the next timer
)

var whyCommand = command{
	name: "why",
	args: "[X]",
	help: "why X is alive and what it waits for; alone: what the program waits for, or why nothing happens",
	run: func(p *Prompt, rest string) error {
		if rest == "" {
			p.list(p.whyProgram())
			return nil
		}
		t, err := p.find(rest)
		if err != nil {
			if p.hasStopped(rest) {
				return fmt.Errorf("session %s has stopped", rest)
			}
			return err
		}
		if t == p.k.Root() {
			p.list(p.whyProgram())
			return nil
		}
		p.list(p.whySession(t))
		return nil
	},
}

// hasStopped says whether there was a session of this ID.
func (p *Prompt) hasStopped(name string) bool {
	id, err := strconv.ParseUint(name, 10, 64)
	return err == nil && id >= 1 && id <= p.k.Stats().SessionsCreated
}

// whySession says what a session waits for, then what keeps it alive.
func (p *Prompt) whySession(t *kernel.Task) iter.Seq[string] {
	return func(yield func(string) bool) {
		work := t.Work()
		for _, line := range p.whatItDoes(t) {
			if !yield(p.fit(line)) {
				return
			}
		}
		if len(work) == 0 || t == p.task {
			return
		}
		if !yield("It is kept alive by") {
			return
		}
		for _, reason := range work {
			if !yield(p.fit("  " + plain(reason))) {
				return
			}
		}
	}
}

// whatItDoes says in sentences what a session does or waits for: what will come first, first.
func (p *Prompt) whatItDoes(t *kernel.Task) []string {
	who := capital(plain(t.String()))
	if t == p.task {
		return []string{who + " is this prompt; it lives until the prompt is left."}
	}
	c := t.Counts()
	if d := t.Dispatch(); d != nil {
		from := p.named(d.From) + p.at(d.Site)
		return []string{fmt.Sprintf("%s runs: it handles '%s' from %s.", who, plain(d.Event), from)}
	}
	events, more := p.pending(t)
	switch {
	case len(events) > 0 && dueIn(events[0], p.k.Clock().Wall()) == "now":
		first, due := events[0], len(events)+more-c.Timers
		return []string{fmt.Sprintf("%s is about to handle '%s' from %s%s%s.", who, plain(eventName(first)),
			p.named(first.From), p.at(first.Site), ofSeveral(max(1, due), "event"))}
	case len(events) > 0:
		return []string{fmt.Sprintf("%s waits for its timer '%s', due in %s%s.", who, plain(events[0].Event),
			dueIn(events[0], p.k.Clock().Wall()), ofSeveral(c.Timers, "timer"))}
	case c.Handles+c.Busy > 0:
		return []string{who + " waits for " + join(p.openEnds(t, c)) + "."}
	case c.Processes > 0:
		return []string{who + " waits for the end of " + count(c.Processes, "process") + "."}
	case c.EventsFrom > 0:
		return []string{fmt.Sprintf("%s waits until %s that it sent %s handled.", who, count(c.EventsFrom, "event"),
			isAre(c.EventsFrom))}
	case c.Children > 0:
		return p.whyChildren(t, who, c)
	case c.Tags > 0:
		return []string{who + " waits for nothing of its own: somebody holds " + count(c.Tags, "reference") + " to it."}
	case c.Aliases > 0:
		return []string{who + " waits to be sent something: its alias keeps it as long as there are others that may do so."}
	}
	return []string{who + " has nothing to wait for: nothing keeps it, it is about to stop."}
}

// whyChildren says what the children wait for that a session waits for.
func (p *Prompt) whyChildren(t *kernel.Task, who string, c kernel.Counts) []string {
	lines := []string{who + " waits for nothing of its own: it lives as long as its " + childOrChildren(c.Children) + "."}
	for i, child := range t.Children() {
		if i == whyShown {
			return append(lines, "  ... and "+grouped(c.Children-i)+" more")
		}
		lines = append(lines, "  "+plain(child.String())+": "+strings.Join(p.reasons(child), ", "))
	}
	return lines
}

func childOrChildren(n int) string {
	if n == 1 {
		return "child"
	}
	return count(n, "child")
}

// openEnds names what a session watches: descriptors and resources.
func (p *Prompt) openEnds(t *kernel.Task, c kernel.Counts) []string {
	var names []string
	for i, w := range p.k.Watched(t) {
		if i == whyShown {
			break
		}
		names = append(names, fmt.Sprintf("descriptor %d (%v%s)", w.FD, w.Mode, ifPaused(w.Paused, ", paused")))
	}
	if c.Busy > 0 {
		names = append(names, busyNames(t, c)...)
	}
	return names
}

// whyProgram says what the whole program waits for, or why nothing happens.
func (p *Prompt) whyProgram() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, part := range []iter.Seq[string]{p.programState(), p.outside()} {
			for line := range part {
				if !yield(p.fit(line)) {
					return
				}
			}
		}
	}
}

// programState says what will happen next.
func (p *Prompt) programState() iter.Seq[string] {
	sessions := p.k.Sessions()
	if p.task != nil && p.task.Alive() {
		sessions--
	}
	if sessions <= 0 {
		return lines("There is no session but this prompt's: the program has ended, or has not begun.")
	}
	due, timer, more := p.next()
	watched, paused := p.waitedFor()
	handles, processes := len(watched), len(p.k.ProcessWatches(nil))
	var first string
	switch {
	case due != nil:
		first = fmt.Sprintf("The program is at work: it is about to handle '%s' of %s, from %s%s.", plain(eventName(*due)),
			p.named(due.Task), p.named(due.From), p.at(due.Site))
	case timer != nil:
		first = fmt.Sprintf("The program waits for the timer '%s' of %s, due in %s.", plain(timer.Event),
			p.named(timer.Task), dueIn(*timer, p.k.Clock().Wall()))
	case more:
		first = "The program is at work: very many events wait."
	case handles > 0:
		first = "The program waits for " + count(handles, "handle") + ". No timer is set."
	case processes > 0:
		first = "The program waits for the end of " + count(processes, "process") + ". No timer is set."
	default:
		return p.nothing(paused)
	}
	if due != nil && timer != nil {
		first += fmt.Sprintf(" The next timer is '%s' of %s, due in %s.", plain(timer.Event), p.named(timer.Task),
			dueIn(*timer, p.k.Clock().Wall()))
	}
	return lines(first, count(sessions, "session")+", "+count(p.k.Events(), "event")+" in the queue, "+
		count(handles, "handle")+" to wait for, "+count(processes, "process")+" to wait for")
}

// next are the first event that is due and the first timer that is not; more says that there are too many to look for
// it.
func (p *Prompt) next() (due, timer *kernel.Pending, more bool) {
	now, n := p.k.Clock().Wall(), 0
	for e := range p.k.Queue(nil) {
		if n++; n > whySearched {
			return due, nil, due == nil
		}
		if dueIn(e, now) != "now" {
			return due, &e, false
		}
		if due == nil {
			due = &e
		}
	}
	return due, nil, false
}

// waitedFor are the descriptors that somebody waits for, and those that would be waited for if they were not paused.
func (p *Prompt) waitedFor() (all []kernel.Watching, paused int) {
	all = p.k.Watched(nil)
	return slices.DeleteFunc(all, func(w kernel.Watching) bool {
		if w.Paused && w.IO == nil {
			paused++
		}
		return w.Paused
	}), paused
}

// nothing says that nothing will happen by itself, and who is left.
func (p *Prompt) nothing(paused int) iter.Seq[string] {
	return func(yield func(string) bool) {
		text := "Nothing will happen by itself: no event waits, no timer is set, no handle and no process is watched."
		if n := p.busy(); n > 0 {
			text = "The program waits for " + count(n, "wheel") + " at work elsewhere. No event waits and no timer is set."
		} else if paused > 0 {
			text = "Nothing will happen by itself: " + count(paused, "handle") +
				" watched, but paused; no event waits and no timer is set."
		}
		if !yield(text) || !yield("Who is left, and why:") {
			return
		}
		n := 0
		for _, t := range family(p.k.Root()) {
			if t == p.task {
				continue
			}
			if n++; n > whyShown {
				yield("  ... (.sessions shows all)")
				return
			}
			if !yield("  " + plain(t.String()) + ": " + strings.Join(p.reasons(t), ", ")) {
				return
			}
		}
	}
}

// busy counts the resources that are at work.
func (p *Prompt) busy() (n int) {
	for _, t := range p.k.Tasks() {
		n += t.Counts().Busy
	}
	return n
}

// outside lists the handles and processes that are waited for.
func (p *Prompt) outside() iter.Seq[string] {
	handles, _ := p.waitedFor()
	processes := p.k.ProcessWatches(nil)
	return func(yield func(string) bool) {
		for line := range some(handles, whyShown, func(w kernel.Watching) string {
			return fmt.Sprintf("  descriptor %d (%v): %s", w.FD, w.Mode, p.watcher(w))
		}) {
			if !yield(line) {
				return
			}
		}
		for line := range some(processes, whyShown, func(w kernel.ProcessWatch) string {
			return fmt.Sprintf("  process %d: %s", w.PID, p.named(w.Task))
		}) {
			if !yield(line) {
				return
			}
		}
	}
}

// ofSeveral is " (1 of 12 timers)", "" if there is one.
func ofSeveral(n int, what string) string {
	if n <= 1 {
		return ""
	}
	return " (1 of " + count(n, what) + ")"
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// join lists names with commas and an "and".
func join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
