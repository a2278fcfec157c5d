package repl

import (
	"fmt"
	"iter"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/poelua/poelua/kernel"
)

// looks is what the commands that look keep between one and the next.
type looks struct {
	watches watches
	stats   kernel.Stats  // when .stats was last asked for
	statsAt time.Duration // and when that was, on the kernel's clock; 0: never
}

// close ends the watches.
func (l *looks) close() { l.watches.close() }

const (
	queueShown = 1000 // events that .queue shows: a look at the queue is not to be interrupted
)

var queueCommand = command{
	name: "queue",
	args: "[X]",
	help: "the events that wait, of all sessions or for X, in the order in which they are due",
	run: func(p *Prompt, rest string) error {
		t, err := p.findOptional(rest)
		if err != nil {
			return err
		}
		p.list(p.queueLines(t))
		return nil
	},
}

var aliasesCommand = command{
	name: "aliases",
	help: "the aliases and whose they are",
	run: func(p *Prompt, rest string) error {
		c := columns{{head: "ALIAS", width: p.nameWidth() + 8}, {head: "SESSION"}}
		p.table(c, "no session has an alias", func(yield func([]string) bool) {
			for _, t := range p.k.Tasks() {
				if !t.Alive() {
					continue
				}
				for _, alias := range t.Aliases() {
					if !yield([]string{plain(alias), p.named(t)}) {
						return
					}
				}
			}
		})
		return nil
	},
}

var handlesCommand = command{
	name: "handles",
	help: "the descriptors that are watched, and by whom",
	run: func(p *Prompt, rest string) error {
		c := columns{
			{head: "FD", width: 5, right: true}, {head: "MODE", width: 8}, {head: "EVENT", width: 16}, {head: "WATCHED BY"},
		}
		p.table(c, "no descriptor is watched", func(yield func([]string) bool) {
			for _, w := range p.k.Watched(nil) {
				if !yield([]string{strconv.Itoa(w.FD), w.Mode.String(), plain(w.Event), p.watcher(w)}) {
					return
				}
			}
		})
		return nil
	},
}

// watcher names who watches a descriptor.
func (p *Prompt) watcher(w kernel.Watching) string {
	if w.IO == nil {
		return p.named(w.Task) + ifPaused(w.Paused, ", paused")
	}
	text := plain(w.IO.String())
	if owned, ok := w.IO.(interface{ Owner() *kernel.Task }); ok && owned.Owner() != nil {
		text += " of " + p.named(owned.Owner())
	}
	return text + ifPaused(w.Paused, ", which does not wait for it now")
}

func ifPaused(paused bool, text string) string {
	if paused {
		return text
	}
	return ""
}

var signalsCommand = command{
	name: "signals",
	help: "the signals and processes that sessions watch, and the events they become",
	run: func(p *Prompt, rest string) error {
		c := columns{
			{head: "SESSION", width: p.nameWidth()}, {head: "SIGNAL", width: 14}, {head: "EVENT", width: 16},
			{head: "ARGUMENTS"},
		}
		p.table(c, "no signal is watched", func(yield func([]string) bool) {
			for _, t := range p.k.Tasks() {
				if !t.Alive() {
					continue
				}
				for _, w := range p.k.SignalWatches(t) {
					if !yield([]string{p.named(t), plain(w.Signal), plain(w.Event), p.shown(w.Args)}) {
						return
					}
				}
				for _, w := range p.k.ProcessWatches(t) {
					if !yield([]string{p.named(t), "process " + strconv.Itoa(w.PID), plain(w.Event), ""}) {
						return
					}
				}
			}
		})
		return nil
	},
}

var wheelsCommand = command{
	name: "wheels",
	help: "the wheels, by session",
	run: func(p *Prompt, rest string) error {
		c := columns{
			{head: "ID", width: 6, right: true}, {head: "KIND", width: 14}, {head: "SESSION", width: p.nameWidth()},
			{head: "HANDLE"},
		}
		p.table(c, "there is no wheel", func(yield func([]string) bool) {
			for _, t := range p.k.Tasks() {
				if !t.Alive() {
					continue
				}
				for _, w := range p.Lib.Look(t).Wheels() {
					cells := []string{strconv.FormatUint(w.ID, 10), w.Kind, p.named(t), wheelState(w.Handle, w.Unsent, w.Busy)}
					if !yield(cells) {
						return
					}
				}
			}
		})
		return nil
	},
}

// wheelState says what a wheel is doing with its handle.
func wheelState(handle string, unsent int, busy bool) string {
	parts := []string{plain(handle)}
	if handle == "" {
		parts[0] = "no handle"
	}
	if unsent > 0 {
		parts = append(parts, count(unsent, "byte")+" unsent")
	}
	if !busy {
		parts = append(parts, "waits for nothing")
	}
	return strings.Join(parts, ", ")
}

// queueLines shows what waits in the queue; with t, for that session.
func (p *Prompt) queueLines(t *kernel.Task) iter.Seq[string] {
	events, more := p.pending(t)
	now := p.k.Clock().Wall()
	c := columns{
		{head: "DUE IN", width: 10, right: true}, {head: "EVENT", width: 18}, {head: "FROM", width: p.nameWidth()},
		{head: "TO", width: p.nameWidth()}, {head: "ARGUMENTS"},
	}
	return func(yield func(string) bool) {
		if len(events) == 0 {
			yield("no event waits")
			return
		}
		if !yield(p.fit(c.heads())) {
			return
		}
		for _, e := range events {
			line := c.line(dueIn(e, now), plain(eventName(e)), p.named(e.From), p.named(e.Task), p.shown(eventArgs(e)))
			if !yield(p.fit(line)) {
				return
			}
		}
		if more > 0 {
			yield("... and " + grouped(more) + " more")
		}
	}
}

// pending takes the first events of the queue out of it, in a copy. more is how many there are beyond them.
func (p *Prompt) pending(t *kernel.Task) (events []kernel.Pending, more int) {
	if t != nil && t.Counts().EventsTo == 0 {
		return nil, 0
	}
	for e := range p.k.Queue(t) {
		if len(events) == queueShown {
			total := p.k.Events()
			if t != nil {
				total = t.Counts().EventsTo
			}
			return events, max(1, total-len(events))
		}
		events = append(events, e)
	}
	return events, 0
}

// dueIn says how long an event has to wait.
func dueIn(e kernel.Pending, now time.Time) string {
	if e.Kind != kernel.KindTimer || !e.Due.After(now) {
		return "now"
	}
	return duration(e.Due.Sub(now))
}

// eventName names an event of the queue, a signal by its own name.
func eventName(e kernel.Pending) string {
	if (e.Kind == kernel.KindSignal || e.Kind == kernel.KindDie) && len(e.Args) > 0 {
		return fmt.Sprint("signal ", e.Args[0])
	}
	return e.Event
}

// eventArgs are those that a handler would get.
func eventArgs(e kernel.Pending) []any {
	if e.Kind == kernel.KindSignal || e.Kind == kernel.KindDie {
		return e.Args[min(1, len(e.Args)):] // the first is the name
	}
	return e.Args
}

var statsCommand = command{
	name: "stats",
	help: "what the kernel has done: in all, and since the last .stats",
	run: func(p *Prompt, rest string) error {
		for _, line := range p.statsLines() {
			p.printf("%s", line)
		}
		return nil
	},
}

// statsLines are the counts. It remembers them for the next time.
func (p *Prompt) statsLines() []string {
	now, s := p.k.Clock().Now(), p.k.Stats()
	age := p.k.Clock().Wall().Sub(p.k.Root().Created())
	old, span, since := p.looks.stats, now-p.looks.statsAt, "SINCE THE LAST .STATS"
	if p.looks.statsAt == 0 {
		old, span, since = kernel.Stats{}, age, "SINCE THE BEGINNING"
	}
	p.looks.stats, p.looks.statsAt = s, max(now, 1)
	c := columns{
		{width: 18}, {head: "TOTAL", width: 16, right: true}, {head: since, width: 22, right: true}, {head: "PER SECOND"},
	}
	lines := []string{c.heads()}
	add := func(what string, total, before uint64) {
		lines = append(lines, c.line(what, grouped(int(total)), grouped(int(total-before)), rate(total-before, span)))
	}
	add("events dispatched", s.Dispatched, old.Dispatched)
	add("events queued", s.Queued, old.Queued)
	add("timers set", s.Timers, old.Timers)
	add("I/O events", s.IOEvents, old.IOEvents)
	add("signals", s.Signals, old.Signals)
	add("calls", s.Calls, old.Calls)
	add("sessions created", s.SessionsCreated, old.SessionsCreated)
	add("sessions stopped", s.SessionsStopped, old.SessionsStopped)
	add("iterations", s.Iterations, old.Iterations)
	add("errors", s.Errors, old.Errors)
	spent := func(what string, total, before, of, ofSpan time.Duration) {
		lines = append(lines, c.line(what, duration(total), duration(total-before), share(total-before, of)))
	}
	spent("time", age, age-span, 0, 0)
	spent("idle", s.Idle, old.Idle, span, age)
	spent("processor", s.User, old.User, span, age)
	return append(lines, fmt.Sprintf("now %s, %s in the queue (%s at most)", count(p.k.Sessions(), "session"),
		count(p.k.Events(), "event"), grouped(s.MaxQueue)))
}

// rate is how many of something there were in a second.
func rate(n uint64, span time.Duration) string {
	if n == 0 || span <= 0 {
		return "0"
	}
	switch r := float64(n) / span.Seconds(); {
	case r >= 9.95:
		return grouped(int(r + 0.5))
	case r < 0.01:
		return "below 0.01"
	default:
		return strconv.FormatFloat(r, 'f', 2, 64)
	}
}

// share is a part of a time; "" of none.
func share(d, of time.Duration) string {
	if of <= 0 {
		return ""
	}
	return strconv.Itoa(int(100*d.Seconds()/of.Seconds()+0.5)) + " %"
}

var memCommand = command{
	name: "mem",
	help: "how much memory is taken, by what",
	run: func(p *Prompt, rest string) error {
		for _, line := range p.memLines() {
			p.printf("%s", line)
		}
		return nil
	},
}

// memLines show the memory of the process, by kind, and how many there are of what takes it.
func (p *Prompt) memLines() []string {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	v := make([]uint64, len(samples))
	for i := range samples {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			v[i] = samples[i].Value.Uint64()
		}
	}
	m := p.Lib.Memory()
	line := func(what string, bytes int, more string) string {
		return strings.TrimRight(fmt.Sprintf("%-12s  %10s  %s", what, size(uint64(bytes)), more), " ")
	}
	return []string{
		"of the program, about; what values lead to is not counted:",
		line("  sessions", m.Sessions, count(p.k.Sessions(), "session")),
		line("  queue", m.Queue, count(p.k.Events(), "event")),
		line("  handles", m.Handles, ""),
		line("  signals", m.Signals, ""),
		line("  aliases", m.Aliases, ""),
		line("  together", m.Total(), ""),
		"of the process, exactly:",
		line("  objects", int(v[1]), size(min(v[1], v[2]))+" of it in use at the last collection"),
		line("  room", int(v[3]+v[4]), "for more"),
		line("  stacks", int(v[5]), ""),
		line("  all", int(v[0]-min(v[0], v[6])), "taken from the system"),
	}
}

// findOptional is the session that a command names, nil if it names none.
func (p *Prompt) findOptional(name string) (*kernel.Task, error) {
	if name == "" {
		return nil, nil
	}
	return p.find(name)
}

// column is one of a table. The width does not follow what is in it: lines are made one at a time.
type column struct {
	head  string
	width int // the last one's does not matter
	right bool
}

type columns []column

// line makes a line of cells. What is too long for its column is cut, unless it is a number.
func (c columns) line(cells ...string) string {
	var b strings.Builder
	b.Grow(128)
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		if i == len(c)-1 && !c[i].right {
			b.WriteString(cell)
			break
		}
		if !c[i].right {
			cell = cutText(cell, c[i].width)
		}
		pad := strings.Repeat(" ", max(0, c[i].width-columnsOf(cell)))
		if c[i].right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func (c columns) heads() string {
	heads := make([]string, len(c))
	for i := range c {
		heads[i] = c[i].head
	}
	return c.line(heads...)
}

// table lists rows under their heads; without any, it says none.
func (p *Prompt) table(c columns, none string, rows iter.Seq[[]string]) {
	p.list(func(yield func(string) bool) {
		some := false
		for cells := range rows {
			if !some && !yield(p.fit(c.heads())) {
				return
			}
			some = true
			if !yield(p.fit(c.line(cells...))) {
				return
			}
		}
		if !some {
			yield(none)
		}
	})
}

// nameWidth is how many columns the name of a session gets in a table.
func (p *Prompt) nameWidth() int { return min(32, max(12, p.columns()/5)) }

// fit cuts a line to the terminal; what is no terminal gets all of it.
func (p *Prompt) fit(line string) string {
	if !p.Terminal {
		return line
	}
	return cutText(line, p.columns())
}

// named is a session for a table: its ID, and its first alias.
func (p *Prompt) named(t *kernel.Task) string {
	switch {
	case t == nil:
		return ""
	case t == p.k.Root():
		return "kernel"
	case !t.Alive():
		return t.ID().String() + " (stopped)"
	}
	if aliases := t.Aliases(); len(aliases) > 0 {
		return t.ID().String() + " " + plain(aliases[0])
	}
	return t.ID().String()
}

// wide is how many columns a line may have whose end would be missed where no terminal bounds it.
func (p *Prompt) wide() int {
	if p.Terminal {
		return p.columns()
	}
	return max(p.columns(), 160)
}

// shown are values with commas between, as many as go into a line.
func (p *Prompt) shown(values []any) string {
	width := p.wide()
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() >= width {
			b.WriteString("...")
			break
		}
		b.WriteString(p.show(v, width))
	}
	return b.String()
}

// plain makes a name fit for a terminal, whatever is in it.
func plain(name string) string {
	const longest = 200
	bad := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	rest := ""
	if len(name) > longest {
		name, rest = name[:longest], "..."
	}
	if strings.IndexFunc(name, bad) >= 0 {
		name, _ = quote(name, 4*longest)
		name = name[1 : len(name)-1]
	}
	return name + rest
}

// count is "1 event", "1,234 events".
func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "child"):
		return grouped(n) + " " + what + "ren"
	case strings.HasSuffix(what, "alias"), strings.HasSuffix(what, "process"):
		return grouped(n) + " " + what + "es"
	}
	return grouped(n) + " " + what + "s"
}

// duration is a time for people: "3.2 s", "15 ms".
func duration(d time.Duration) string {
	decimals := func(v float64, unit string) string {
		if v >= 9.95 {
			return strconv.FormatFloat(v, 'f', 0, 64) + " " + unit
		}
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + unit
	}
	two := func(big int64, unit string, small int64, lesser string) string {
		if small == 0 {
			return fmt.Sprintf("%d %s", big, unit)
		}
		return fmt.Sprintf("%d %s %d %s", big, unit, small, lesser)
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < 0:
		return "-" + duration(-max(d, -1<<62))
	case d == 0:
		return "0 s"
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + " ns"
	case d < 999500*time.Nanosecond:
		return decimals(float64(d)/1e3, "µs")
	case d < 999500*time.Microsecond:
		return decimals(float64(d)/1e6, "ms")
	case s < 60:
		return decimals(d.Seconds(), "s")
	case s < 3600:
		return two(s/60, "min", s%60, "s")
	case s < 86400:
		return two(s/3600, "h", s%3600/60, "min")
	}
	return two(s/86400, "d", s%86400/3600, "h")
}

// size is a number of bytes for people.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	v, i := float64(n), 0
	for v >= 1023.95 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i == 0 || v >= 99.95 {
		return strconv.FormatFloat(v, 'f', 0, 64) + " " + units[i]
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[i]
}
