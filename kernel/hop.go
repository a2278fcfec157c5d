package kernel

// Hop is a dispatch: one of those that led to another.
type Hop struct {
	Number  uint64 // of the dispatch
	Session SessionID
	Event   string
	Kind    Kind
	From    SessionID // who sent the event
	State   string    // the event in whose handler it was sent; "" outside of handlers, or too long ago to be known
	Site    Site      // where it was sent from
}

// hopsKept is how many dispatches are remembered. A power of two.
const hopsKept = 1024

// hops are the last dispatches. Each lies where its number says. They hold names and places in the program, nothing of
// sessions and arguments.
type hops struct {
	ring *[hopsKept]hop
	last uint64 // the number of the newest
}

// hop is what is remembered of a dispatch. Every dispatch writes one, so it is as large as a line of the processor's
// cache.
type hop struct {
	event         string
	code          any
	place         int // Site.Pos, then eight bits of Kind
	session, from SessionID
	cause         uint64
}

// add remembers the dispatch of e and gives its number.
func (h *hops) add(e *event) uint64 {
	h.last++
	o := &h.ring[h.last%hopsKept]
	o.event, o.code, o.place = e.Event, e.Site.Code, e.Site.Pos<<8|int(e.Kind)
	o.session, o.from, o.cause = e.Task.id, e.From.id, e.cause
	return h.last
}

// cause is the number of the dispatch that sends an event now.
func (k *Kernel) cause() uint64 { return k.frames[k.depth].number }

// onBehalf makes a past dispatch the cause of what the loop sends now, until it is called with what it returned.
func (k *Kernel) onBehalf(number uint64) (before uint64) {
	d := k.frames[k.depth]
	before, d.number = d.number, number
	return before
}

// Hops gives the dispatch in progress, then the one whose handler sent its event, and so on, n at most. Of dispatches
// that lie further back than some thousand nothing is known any more, unless they are in progress.
func (k *Kernel) Hops(n int) (list []Hop) {
	depth := k.depth
	if depth == 0 {
		return nil
	}
	for number := k.frames[depth].number; number > 0; {
		for depth > 0 && k.frames[depth].number > number {
			depth--
		}
		var h Hop
		var cause uint64
		switch {
		case depth > 0 && k.frames[depth].number == number:
			e := k.frames[depth].event
			h, cause = Hop{number, e.Task.id, e.Event, e.Kind, e.From.id, e.FromState, e.Site}, e.cause
		case k.hops.last-number < hopsKept:
			o := &k.hops.ring[number%hopsKept]
			site := Site{o.code, o.place >> 8}
			h, cause = Hop{number, o.session, o.event, Kind(o.place & 0xff), o.from, "", site}, o.cause
		default:
			return list
		}
		if len(list) > 0 && list[len(list)-1].State == "" {
			list[len(list)-1].State = h.Event
		}
		if len(list) == n {
			return list
		}
		list = append(list, h)
		number = cause
	}
	return list
}
