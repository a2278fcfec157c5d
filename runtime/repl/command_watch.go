package repl

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poelua/poelua/kernel"
)

const (
	mostWatches = 100
	watchedDeep = 50 // dispatches within each other that are indented and kept
)

// watches are a prompt's: what it prints of the events that are dispatched while the program runs.
type watches struct {
	all     []*watch
	open    []*seen // dispatches in progress that are watched, outermost first
	seq     uint64  // of the last record: several watches may be given the same
	dropped int     // events that were not shown because the reader is slow
}

// watch prints the events of one session, or of all.
type watch struct {
	task     *kernel.Task // nil: all but the prompt's own
	event    string       // "": all
	observer *kernel.Observer
}

// over says whether the watch has ended with its session.
func (w *watch) over() bool { return w.task != nil && !w.task.Alive() }

// seen is a dispatch in progress.
type seen struct {
	task   *kernel.Task
	event  string
	number uint64
	depth  int
	text   string // what is known at its beginning; "" once that is printed
	note   string // "no handler" and the like
	failed string // its error
}

// close ends all watches.
func (w *watches) close() {
	for _, o := range w.all {
		o.observer.Stop()
	}
	w.all, w.open = nil, nil
}

// tidy takes out those that have ended with their sessions.
func (w *watches) tidy() { w.all = slices.DeleteFunc(w.all, (*watch).over) }

var watchCommand = command{
	name: "watch",
	args: "[X [EVENT]]",
	help: "print each event, or only EVENT, that X handles, * being all sessions; alone: what is watched",
	run: func(p *Prompt, rest string) error {
		name, event := cutWord(rest)
		if name == "" {
			p.listWatches()
			return nil
		}
		return p.watch(name, event)
	},
}

var unwatchCommand = command{
	name: "unwatch",
	args: "[X [EVENT]]",
	help: "end the watches of X, or all",
	run: func(p *Prompt, rest string) error {
		name, event := cutWord(rest)
		return p.unwatch(name, event)
	},
}

// watched is the session that a watch is about: nil for *.
func (p *Prompt) watched(name string) (*kernel.Task, error) {
	if name == "*" {
		return nil, nil
	}
	return p.find(name)
}

func (p *Prompt) watch(name, event string) error {
	t, err := p.watched(name)
	if err != nil {
		return err
	}
	ws := &p.looks.watches
	ws.tidy()
	if slices.ContainsFunc(ws.all, func(w *watch) bool { return w.task == t && w.event == event }) {
		return fmt.Errorf("%s is watched already", p.watchName(t, event))
	}
	if len(ws.all) == mostWatches {
		return fmt.Errorf("there are %d watches already: .unwatch ends some", mostWatches)
	}
	w := &watch{task: t, event: event}
	const kinds = kernel.RecordDispatch | kernel.RecordReturn | kernel.RecordError | kernel.RecordDefault |
		kernel.RecordDropped | kernel.RecordStop
	w.observer = p.k.Observe(kinds, t, func(r *kernel.Record) { p.record(w, r) })
	ws.all = append(ws.all, w)
	p.printf("watching %s", p.watchName(t, event))
	return nil
}

// watchName says what a watch is about.
func (p *Prompt) watchName(t *kernel.Task, event string) string {
	who := "all sessions"
	if t != nil {
		who = plain(t.String())
	}
	if event == "" {
		return who
	}
	return "'" + plain(event) + "' of " + who
}

func (p *Prompt) listWatches() {
	p.looks.watches.tidy()
	if len(p.looks.watches.all) == 0 {
		p.printf("nothing is watched")
	}
	for _, w := range p.looks.watches.all {
		p.printf("watching %s", p.watchName(w.task, w.event))
	}
}

// unwatch ends the watches of a session, or of one event of it; without a name all.
func (p *Prompt) unwatch(name, event string) error {
	ws := &p.looks.watches
	ws.tidy()
	ends := func(*watch) bool { return true }
	if name != "" {
		t, err := p.watched(name)
		if err != nil {
			return err
		}
		ends = func(w *watch) bool { return w.task == t && (event == "" || w.event == event) }
		if !slices.ContainsFunc(ws.all, ends) {
			return fmt.Errorf("%s is not watched", p.watchName(t, event))
		}
	}
	ws.all = slices.DeleteFunc(ws.all, func(w *watch) bool {
		if !ends(w) {
			return false
		}
		w.observer.Stop()
		return true
	})
	if len(ws.all) == 0 {
		ws.open = nil
	}
	p.tellDropped()
	return nil
}

// record takes up what happens to a session. An event is told in one line when it has been handled. When another
// watched one comes in between, its beginning and its end have lines of their own.
func (p *Prompt) record(w *watch, r *kernel.Record) {
	if w.task == nil && r.Task == p.task {
		return // all are those of the program
	}
	ws := &p.looks.watches
	if r.Seq == ws.seq {
		return // another watch has shown it
	}
	switch r.Kind {
	case kernel.RecordStop:
		if w.task != nil {
			ws.seq = r.Seq
			p.say(plain(r.Task.String()) + " stops; it is watched no more")
		}
	case kernel.RecordDispatch:
		if w.event == "" || r.Event == w.event {
			ws.seq = r.Seq
			p.recordDispatch(r)
		}
	default:
		ws.seq = r.Seq
		p.recordRest(r)
	}
}

func (p *Prompt) recordDispatch(r *kernel.Record) {
	ws := &p.looks.watches
	for len(ws.open) > 0 && ws.open[len(ws.open)-1].depth >= r.Depth {
		ws.open = ws.open[:len(ws.open)-1] // its end was not told: the watch began or ended within it
	}
	if p.slow() || len(ws.open) == watchedDeep {
		ws.dropped++
		return
	}
	p.tellDropped()
	p.tellOpen()
	text := p.named(r.Task) + "  " + p.call(r) + p.origin(r)
	ws.open = append(ws.open, &seen{task: r.Task, event: r.Event, number: r.Number, depth: r.Depth, text: text})
}

// recordRest adds what comes after the beginning of a dispatch.
func (p *Prompt) recordRest(r *kernel.Record) {
	ws := &p.looks.watches
	if len(ws.open) == 0 {
		return
	}
	s := ws.open[len(ws.open)-1]
	if r.Task != s.task || r.Event != s.event {
		return
	}
	switch {
	case r.Kind == kernel.RecordDefault:
		s.note = ", by _default"
	case r.Kind == kernel.RecordDropped:
		s.note = ", no handler"
	case r.Number != s.number:
	case r.Kind == kernel.RecordError:
		if r.Err != nil {
			s.failed = r.Err.Error()
		}
	default:
		ws.open = ws.open[:len(ws.open)-1]
		p.tellEnd(s, r)
	}
}

// tellOpen prints the beginnings that are not printed yet.
func (p *Prompt) tellOpen() {
	for i, s := range p.looks.watches.open {
		if s.text != "" {
			p.say(strings.Repeat("  ", i) + s.text + " {")
			s.text = ""
		}
	}
}

// tellEnd prints a dispatch that is over.
func (p *Prompt) tellEnd(s *seen, r *kernel.Record) {
	end := s.note
	switch {
	case s.failed != "":
		end += " failed: " + plain(firstLine(s.failed))
	case len(r.Results) > 0:
		end += " -> " + p.shown(r.Results)
	}
	if took := r.Took.Round(time.Microsecond); s.note != ", no handler" || took > 0 {
		end += " [" + duration(r.Took) + "]"
	}
	indent := strings.Repeat("  ", len(p.looks.watches.open))
	if s.text != "" {
		p.say(indent + s.text + end)
	} else {
		p.say(indent + "} " + p.named(s.task) + "  " + plain(s.event) + end)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// call is the event with its arguments.
func (p *Prompt) call(r *kernel.Record) string {
	return plain(r.Event) + "(" + p.shown(r.Args) + ")"
}

// origin says who sent an event, and where.
func (p *Prompt) origin(r *kernel.Record) string {
	who := "itself"
	if r.From != r.Task {
		who = p.named(r.From)
	}
	at := p.at(r.Site)
	switch r.EventKind {
	case kernel.KindCall:
		return ", called by " + who + at
	case kernel.KindTimer:
		return ", a timer set" + at
	case kernel.KindIO:
		return ", a handle is ready"
	case kernel.KindWheel:
		return " from a wheel made" + at
	case kernel.KindSignal, kernel.KindDie:
		return ", a signal from " + who + at
	case kernel.KindProcess:
		return ", a process has ended"
	case kernel.KindStart:
		return ", created by " + who + at
	case kernel.KindStop, kernel.KindTree:
		return ""
	}
	return " from " + who + at
}

// slow says that the reader has not taken yet what there is.
func (p *Prompt) slow() bool { return p.Full != nil && p.Full() }

// say prints a line of a watch.
func (p *Prompt) say(line string) {
	if p.slow() {
		p.looks.watches.dropped++
		return
	}
	p.tellDropped()
	p.write(p.fit(line) + "\n")
}

// tellDropped says how much was not shown, once the reader is ready for more.
func (p *Prompt) tellDropped() {
	if n := p.looks.watches.dropped; n > 0 && !p.slow() {
		p.looks.watches.dropped = 0
		p.write("... " + grouped(n) + " not shown\n")
	}
}
