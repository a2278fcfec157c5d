package bindings

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
)

const (
	historyShown = 5  // lines that say how the event came to be
	historySeen  = 64 // dispatches that are looked at for them: equal ones are shown once
)

// History tells of the dispatch in progress, and of those that led to it, for the end of a traceback: a line for each,
// with no end of line after the last. It is "" outside of handlers.
func (b *Lib) History() string {
	hops := b.k.Hops(historySeen)
	if len(hops) == 0 {
		return ""
	}
	lines := make([]string, len(hops))
	for i, h := range hops {
		var cause *kernel.Hop
		if i+1 < len(hops) {
			cause = &hops[i+1]
		}
		lines[i] = b.hopText(h, cause)
	}
	last := hops[len(hops)-1]
	text := "\tin "
	if failed := b.nfa.failed; failed.number == hops[0].Number {
		text += b.handlerText(failed.event, hops[0].Session) + "\n\tcalled by "
	}
	text += b.handlerText(hops[0].Event, hops[0].Session)
	return text + shorten(lines, last.State != "")
}

// shorten puts lines one below the other, historyShown at most. Those that repeat themselves are shown once, also if it
// is two or more that do in turn. more says that the last is not the end of the story.
func shorten(lines []string, more bool) string {
	var b strings.Builder
	shown := 0
	for i := 0; i < len(lines); {
		if shown == historyShown {
			more = true
			break
		}
		period, times := repetition(lines[i:], historyShown-shown)
		for _, line := range lines[i : i+period] {
			b.WriteString("\n\t" + line)
		}
		shown += period
		i += period * times
		if times == 1 {
			continue
		}
		these, often := "the same", "more"
		if period > 1 {
			these = fmt.Sprintf("these %d", period)
		}
		if more && len(lines)-i < period {
			often, i, more = "or more", len(lines), false
		}
		fmt.Fprintf(&b, "\n\t(%s, %d times %s)", these, times-1, often)
	}
	if more {
		b.WriteString("\n\t...")
	}
	return b.String()
}

// repetition finds the shortest beginning of lines, of so many at most, that comes several times in a row. It is one
// line, once, if there is none.
func repetition(lines []string, most int) (period, times int) {
	for period = 1; period <= most && 2*period <= len(lines); period++ {
		same := 0
		for period+same < len(lines) && lines[same] == lines[period+same] {
			same++
		}
		if times = 1 + same/period; times > 1 && period*times > 2 {
			return period, times
		}
	}
	return 1, 1
}

// hopText says how an event came to be. cause is the dispatch in whose handler that was; nil if none is known.
func (b *Lib) hopText(h kernel.Hop, cause *kernel.Hop) string {
	switch h.Kind {
	case kernel.KindCall:
		return "called" + b.origin(" from", h, cause)
	case kernel.KindStart:
		return "created" + b.origin(" from", h, cause)
	case kernel.KindStop:
		if cause == nil {
			return "as the session stopped"
		}
		return "as the session stopped because of " + b.handlerText(cause.Event, cause.Session)
	case kernel.KindTree:
		return "as its parent or its children changed" + b.within(h, cause)
	case kernel.KindTimer:
		return "by a timer set" + b.origin(" at", h, cause)
	case kernel.KindIO:
		return "as a handle was ready, watched" + b.origin(" from", h, cause)
	case kernel.KindWheel:
		return "told by a wheel" + b.origin(" made at", h, cause)
	case kernel.KindProcess:
		return "as a process ended, watched" + b.origin(" from", h, cause)
	case kernel.KindSignal:
		if h.Site.Code == nil && h.State == "" {
			return "by a signal of the system"
		}
		return "by a signal sent" + b.origin(" from", h, cause)
	case kernel.KindDie:
		if cause == nil {
			return "after an error in a handler"
		}
		return "after an error in " + b.handlerText(cause.Event, cause.Session)
	default:
		return "sent" + b.origin(" from", h, cause)
	}
}

// origin says where an event was sent: in which line, and in which handler.
func (b *Lib) origin(from string, h kernel.Hop, cause *kernel.Hop) string {
	place := ""
	if file, line := b.k.Locate(h.Site); file != "" {
		place = fmt.Sprintf("%s %s:%d", from, file, line)
	}
	return place + b.within(h, cause)
}

func (b *Lib) within(h kernel.Hop, cause *kernel.Hop) string {
	switch {
	case h.State == "" && cause != nil: // what the kernel tells while a handler runs
		return " in " + b.handlerText(cause.Event, cause.Session)
	case h.State == "" && h.Kind == kernel.KindWheel:
		return ""
	case h.State == "":
		return " outside of handlers"
	case h.From == 0 && cause != nil && cause.Event == h.State: // a signal goes by way of the kernel
		return " in " + b.handlerText(h.State, cause.Session)
	case h.From == 0:
		return " in handler '" + h.State + "'"
	default:
		return " in " + b.handlerText(h.State, h.From)
	}
}

func (b *Lib) handlerText(event string, id kernel.SessionID) string {
	who := "session " + id.String()
	if t := b.k.ByID(id); t != nil {
		who = t.String()
	}
	return fmt.Sprintf("handler '%s' of %s", event, who)
}

// Group names what a session is counted with where there may be too many to name each: by its first alias, its class,
// or "session".
func (b *Lib) Group(t *kernel.Task) string {
	if aliases := t.Aliases(); len(aliases) > 0 {
		return aliases[0]
	}
	if s, ok := t.Receiver().(*session); ok && s.class != nil {
		if name, ok := s.class.RawGetString("name").(lua.LString); ok {
			return string(name)
		}
	}
	return "session"
}
