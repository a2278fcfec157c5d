package repl

import (
	"iter"
	"sync/atomic"
	"time"
)

// slice is how long a listing keeps the program waiting at a time.
const slice = 2 * time.Millisecond

// listing is output that is made while it is put out, in slices between which the program goes on.
type listing struct {
	p     *Prompt
	parts []*part       // those that are not over; the first is being put out
	after func()        // what to do when all is out
	waits bool          // for the reader
	turn  bool          // a slice is on its way
	made  uint64        // listings so far
	on    atomic.Uint64 // the number of the one that goes on; 0 none does
}

// part is what one list was given.
type part struct {
	next func() (string, bool)
	stop func()
}

// list writes lines, without their ends, as they are asked for: a slice of them at a time, so that the program goes on
// meanwhile, and no more than the reader takes. What it shows may have changed since it began. It ends with Interrupt.
func (p *Prompt) list(lines iter.Seq[string]) {
	next, stop := iter.Pull(lines)
	g := &p.listing
	g.parts = append(g.parts, &part{next, stop})
	if len(g.parts) == 1 {
		g.made++
		g.on.Store(g.made)
		g.goOn()
	}
}

// goOn puts out a slice.
func (g *listing) goOn() {
	began := time.Now()
	for g.waits = false; len(g.parts) > 0; {
		if g.p.Full != nil && g.p.Full() {
			g.waits = true
			return
		}
		if time.Since(began) > slice {
			g.turn = true
			g.p.k.Submit(g.again)
			return
		}
		line, ok := g.parts[0].next()
		if !ok {
			g.parts[0].stop()
			g.parts = g.parts[1:]
			continue
		}
		g.p.Out(line + "\n")
	}
	g.over()
}

func (g *listing) again() {
	if g.turn {
		g.turn = false
		g.goOn()
	}
}

// drained goes on when the reader can take more.
func (g *listing) drained() {
	if g.waits {
		g.goOn()
	}
}

// whenOver has f called when all is out, at once if it is.
func (g *listing) whenOver(f func()) {
	if len(g.parts) == 0 {
		f()
		return
	}
	g.after = f
}

func (g *listing) over() {
	g.on.Store(0)
	if f := g.after; f != nil {
		g.after = nil
		f()
	}
}

// interrupt ends a listing before its end, if it is the one that goes on.
func (g *listing) interrupt(number uint64) {
	if g.on.Load() == number {
		g.p.Out("... interrupted\n")
		g.end()
	}
}

// end drops what is not out.
func (g *listing) end() {
	for _, part := range g.parts {
		part.stop()
	}
	g.parts, g.waits, g.turn = nil, false, false
	g.over()
}
