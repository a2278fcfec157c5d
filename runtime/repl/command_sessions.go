package repl

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/poelua/poelua/bindings"
	"github.com/poelua/poelua/kernel"
)

const (
	deepest       = 6   // levels of the tree that are indented; what lies deeper has the number of its level
	handlersShown = 200 // of a session; each kind of thing that keeps it alive is shown up to itemsShown
	itemsShown    = 20
	namedReasons  = 2  // of each kind that .sessions names
	lookedThrough = 64 // resources of a session, for those that keep it alive
)

var sessionsCommand = command{
	name: "sessions",
	args: "[X]",
	help: "the tree of sessions, or what is below X, with what keeps each alive",
	run: func(p *Prompt, rest string) error {
		t, err := p.findOptional(rest)
		if err != nil {
			return err
		}
		if t == nil {
			t = p.k.Root()
		}
		p.list(p.sessionLines(t))
		return nil
	},
}

// sessionLines shows the sessions below t, and t itself unless it is the kernel, as a tree.
func (p *Prompt) sessionLines(top *kernel.Task) iter.Seq[string] {
	return func(yield func(string) bool) {
		newest := kernel.SessionID(p.k.Stats().SessionsCreated)
		c := columns{
			{head: "ID", width: max(3, len(newest.String())), right: true}, {head: "SESSION", width: p.columns()/4 + 2},
			{head: "KIND", width: 10}, {head: "STATES", width: 6, right: true}, {head: "KEPT ALIVE BY"},
		}
		if !yield(p.fit(c.heads())) {
			return
		}
		n := 0
		for level, t := range family(top) {
			if !yield(p.fit(p.sessionLine(c, t, level))) {
				return
			}
			n++
		}
		yield(count(n, "session"))
	}
}

// family yields t, unless it is the kernel, and its descendants with their levels: each session before its children.
// The tree may change meanwhile.
func family(top *kernel.Task) iter.Seq2[int, *kernel.Task] {
	type siblings struct {
		rest  []*kernel.Task
		level int
	}
	return func(yield func(int, *kernel.Task) bool) {
		var open []siblings
		if top.Receiver() == nil {
			open = append(open, siblings{top.Children(), 0})
		} else {
			open = append(open, siblings{[]*kernel.Task{top}, 0})
		}
		for len(open) > 0 {
			last := &open[len(open)-1]
			if len(last.rest) == 0 {
				open = open[:len(open)-1]
				continue
			}
			t, level := last.rest[0], last.level
			last.rest = last.rest[1:]
			if !t.Alive() {
				continue
			}
			if len(last.rest) == 0 {
				open = open[:len(open)-1] // in a long chain of only children there is never more than one
			}
			if !yield(level, t) {
				return
			}
			if t.Alive() {
				open = append(open, siblings{t.Children(), level + 1})
			}
		}
	}
}

// sessionLine is the line of a session in the tree.
func (p *Prompt) sessionLine(c columns, t *kernel.Task, level int) string {
	look := p.Lib.Look(t)
	kind := look.Kind()
	if state := look.State(); state != "" {
		kind += " " + plain(state)
	}
	states := ""
	if n := look.Handled(); n > 0 {
		states = grouped(n)
	}
	return c.line(t.ID().String(), indent(level)+treeName(t), kind, states, strings.Join(p.reasons(t), ", "))
}

// indent is what stands before the name of a session at a level of the tree.
func indent(level int) string {
	if level <= deepest {
		return strings.Repeat("  ", level)
	}
	return strings.Repeat("  ", deepest-1) + "(" + strconv.Itoa(level) + ") "
}

// treeName is the session's aliases, or its number.
func treeName(t *kernel.Task) string {
	aliases := t.Aliases()
	if len(aliases) == 0 {
		return "session " + t.ID().String()
	}
	for i := range aliases {
		aliases[i] = plain(aliases[i])
	}
	return strings.Join(aliases, ", ")
}

// reasons say in short what keeps a session alive: how many of what, and of what has names a few.
func (p *Prompt) reasons(t *kernel.Task) []string {
	var all []string
	c := t.Counts()
	if t == p.task {
		all = append(all, "this prompt")
		c.Aliases, c.Tags = 0, 0
	}
	add := func(n int, what string) {
		if n > 0 {
			all = append(all, count(n, what))
		}
	}
	add(c.EventsTo-c.Timers, "event")
	add(c.Timers, "timer")
	if c.EventsTo == 0 {
		add(c.EventsFrom, "sent event")
	}
	if c.Aliases > 0 {
		all = append(all, "alias")
	}
	add(c.Children, "child")
	add(c.Handles, "handle")
	if c.Busy > 0 {
		all = append(all, busyNames(t, c)...)
	}
	if c.Tags > namedReasons {
		add(c.Tags, "reference")
	} else if c.Tags > 0 {
		for _, tag := range t.Tags() {
			all = append(all, tagName(tag))
		}
	}
	if c.Processes > namedReasons {
		add(c.Processes, "process")
	} else if c.Processes > 0 {
		for _, w := range p.k.ProcessWatches(t) {
			all = append(all, "process "+strconv.Itoa(w.PID))
		}
	}
	if t.Dispatch() != nil && t != p.task {
		all = append(all, "it runs")
	}
	if len(all) == 0 {
		return []string{"nothing: it is about to stop"}
	}
	return all
}

// busyNames names the resources that keep a session alive, if they are few.
func busyNames(t *kernel.Task, c kernel.Counts) []string {
	if c.Busy > namedReasons || c.Resources > lookedThrough {
		return []string{count(c.Busy, "wheel")}
	}
	var names []string
	t.EachResource(func(r kernel.Resource) {
		if owned, ok := r.(interface{ Busy() bool }); ok && owned.Busy() {
			names = append(names, plain(r.String()))
		}
	})
	slices.Reverse(names)
	return names
}

func tagName(tag kernel.Tag) string {
	return fmt.Sprintf("reference %s x%d", plain(tag.Name), tag.Count)
}

var sessionCommand = command{
	name: "session",
	args: "X",
	help: "all about one session",
	run: func(p *Prompt, rest string) error {
		t, err := p.findOne(rest)
		if err != nil {
			return err
		}
		p.list(p.wholeSession(t))
		return nil
	},
}

// wholeSession shows a session in full, section by section.
func (p *Prompt) wholeSession(t *kernel.Task) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(plain(t.String())) {
			return
		}
		for _, section := range sessionSections {
			if !t.Alive() {
				yield("it has stopped meanwhile")
				return
			}
			label := section.label
			for line := range section.show(p, t) {
				if !yield(p.fit(fmt.Sprintf("  %-11s %s", label, line))) {
					return
				}
				label = ""
			}
		}
	}
}

// sessionSections are what .session shows, in this order. One without lines is left out.
var sessionSections = []struct {
	label string
	show  func(p *Prompt, t *kernel.Task) iter.Seq[string]
}{
	{"kind", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		look := p.Lib.Look(t)
		text := look.Kind()
		if class := look.Class(); class != "" {
			text += " of class " + plain(class)
		}
		return lines(text)
	}},
	{"state", func(p *Prompt, t *kernel.Task) iter.Seq[string] { return lines(plain(p.Lib.Look(t).State())) }},
	{"aliases", func(p *Prompt, t *kernel.Task) iter.Seq[string] { return some(t.Aliases(), itemsShown, plain) }},
	{"parent", func(p *Prompt, t *kernel.Task) iter.Seq[string] { return lines(p.named(t.Parent())) }},
	{"children", func(p *Prompt, t *kernel.Task) iter.Seq[string] { return some(t.Children(), itemsShown, p.named) }},
	{"created", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		age := max(0, p.k.Clock().Wall().Sub(t.Created()))
		return lines(duration(age) + " ago; " + count(int(t.Handled()), "event") + " handled since")
	}},
	{"runs", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		if d := t.Dispatch(); d != nil && t != p.task {
			return lines("event '" + plain(d.Event) + "' from " + p.named(d.From) + p.at(d.Site))
		}
		return lines("")
	}},
	{"alive by", func(p *Prompt, t *kernel.Task) iter.Seq[string] { return lines(strings.Join(p.reasons(t), ", ")) }},
	{"heap", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		if heap := p.Lib.Look(t).Heap(); heap != nil {
			return lines(p.show(heap, p.roomBeside(14)))
		}
		return lines("")
	}},
	{"options", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		look := p.Lib.Look(t)
		return func(yield func(string) bool) {
			for _, o := range look.Options() {
				if !yield(plain(o.Name) + " = " + p.show(o.Value, p.roomBeside(30))) {
					return
				}
			}
		}
	}},
	{"handlers", func(p *Prompt, t *kernel.Task) iter.Seq[string] { return p.handlerLines(t) }},
	{"queue", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		events, more := p.pending(t)
		now := p.k.Clock().Wall()
		rest := ""
		if hidden := max(0, len(events)-itemsShown) + more; hidden > 0 {
			rest = "... and " + grouped(hidden) + " more (.queue " + t.ID().String() + ")"
		}
		return func(yield func(string) bool) {
			for _, e := range events[:min(len(events), itemsShown)] {
				if !yield(fmt.Sprintf("%-10s %s from %s%s", dueIn(e, now), plain(eventName(e)), p.named(e.From), p.at(e.Site))) {
					return
				}
			}
			lines(rest)(yield)
		}
	}},
	{"watches", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		return some(p.k.Watched(t), itemsShown, func(w kernel.Watching) string {
			return fmt.Sprintf("descriptor %d (%v): '%s'%s", w.FD, w.Mode, plain(w.Event), ifPaused(w.Paused, ", paused"))
		})
	}},
	{"wheels", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		look := p.Lib.Look(t)
		wheels := look.Wheels()
		return func(yield func(string) bool) {
			for i, w := range wheels {
				if i == itemsShown {
					yield("... and " + grouped(len(wheels)-i) + " more")
					return
				}
				if !yield(fmt.Sprintf("%d %s: %s", w.ID, w.Kind, wheelState(w.Handle, w.Unsent, w.Busy))) {
					return
				}
			}
		}
	}},
	{"signals", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		return some(p.k.SignalWatches(t), itemsShown, func(w kernel.SignalWatch) string {
			text := plain(w.Signal) + ": '" + plain(w.Event) + "'"
			if len(w.Args) > 0 {
				text += " with " + p.shown(w.Args)
			}
			return text
		})
	}},
	{"processes", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		return some(p.k.ProcessWatches(t), itemsShown, func(w kernel.ProcessWatch) string {
			return fmt.Sprintf("%d: '%s'", w.PID, plain(w.Event))
		})
	}},
	{"postbacks", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		look := p.Lib.Look(t)
		return func(yield func(string) bool) {
			for _, b := range look.Postbacks(itemsShown) {
				text := b.Method + " of '" + plain(b.Event) + "'"
				if b.Args != nil {
					text += " with " + p.show(b.Args, p.roomBeside(40))
				}
				if !yield(text) {
					return
				}
			}
		}
	}},
	{"references", func(p *Prompt, t *kernel.Task) iter.Seq[string] {
		return some(t.Tags(), itemsShown, func(tag kernel.Tag) string {
			return fmt.Sprintf("%s x%d", plain(tag.Name), tag.Count)
		})
	}},
}

// handlerLines shows what handles a session's events, and where that is written.
func (p *Prompt) handlerLines(t *kernel.Task) iter.Seq[string] {
	handlers := p.Lib.Look(t).Handlers()
	longest := 8
	for _, h := range handlers[:min(len(handlers), handlersShown)] {
		longest = min(24, max(longest, len(h.Event)))
	}
	return func(yield func(string) bool) {
		for i, h := range handlers {
			if i == handlersShown {
				yield("... and " + grouped(len(handlers)-i) + " more")
				return
			}
			text := fmt.Sprintf("%-*s  ", longest, plain(h.Event))
			if h.File != "" {
				text += plain(h.File) + ":" + strconv.Itoa(h.Line)
			} else {
				text += "not in Lua"
			}
			if !yield(text + byWhat(h)) {
				return
			}
		}
	}
}

// byWhat says how a session came by a handler, unless it is one of its inline states.
func byWhat(h bindings.LookedHandler) string {
	switch h.Kind {
	case "object", "package":
		return ", method '" + plain(h.Method) + "' of " + h.Kind + " states"
	case "state":
		return ", set by kernel:state"
	}
	return ""
}

// at is " at file:line", "" if a site is nowhere.
func (p *Prompt) at(s kernel.Site) string {
	file, line := p.k.Locate(s)
	if file == "" {
		return ""
	}
	return " at " + plain(file) + ":" + strconv.Itoa(line)
}

// roomBeside is how many columns a value has in a line of which so many are taken.
func (p *Prompt) roomBeside(taken int) int { return max(20, p.columns()-taken) }

// lines are those of some texts that are not empty.
func lines(texts ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, text := range texts {
			if text != "" && !yield(text) {
				return
			}
		}
	}
}

// some shows the first n of some things, a line each, and says how many more there are.
func some[T any](all []T, n int, show func(T) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, v := range all {
			if i == n {
				yield("... and " + grouped(len(all)-i) + " more")
				return
			}
			if !yield(show(v)) {
				return
			}
		}
	}
}
