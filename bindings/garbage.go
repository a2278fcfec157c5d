package bindings

import (
	"errors"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/wheels/handle"
)

const (
	lookEvery   = time.Second // between two looks for garbage handles
	lookPortion = 1024        // handles that are looked at between two events
	boundLeast  = 16          // handles that are made before closed ones are taken out
)

// garbage finds handles that nobody can reach any more. It looks when Go's collector has run: that is when they show.
type garbage struct {
	handles []loose // those that may become garbage; closed ones go when it gets longer than bound
	bound   int

	collected *atomic.Bool  // the collector has run since the last look began
	left      int           // handles that the look in progress has not come to: those before this index
	looked    time.Duration // when the last look began
	searched  time.Duration // when it was last searched for descriptors in vain
}

// loose is a handle that is closed when its object is garbage. Whoever uses a handle keeps its object, too.
type loose struct {
	object weak.Pointer[lua.LUserData]
	handle *handle.Handle
	warn   bool // the session that made it has the option debug
}

// sentinel is an object for the collector to find.
type sentinel struct{ _ [32]byte }

// add remembers a handle's object.
func (g *garbage) add(object *lua.LUserData, h *handle.Handle, warn bool) {
	if len(g.handles) >= g.bound {
		g.compact()
		g.bound = max(boundLeast, 2*len(g.handles))
	}
	g.handles = append(g.handles, loose{weak.Make(object), h, warn})
}

// compact takes out closed handles. A look in progress begins anew.
func (g *garbage) compact() {
	kept := g.handles[:0]
	for _, o := range g.handles {
		if o.handle.FD() >= 0 {
			kept = append(kept, o)
		}
	}
	clear(g.handles[len(kept):])
	g.handles = kept
	if g.left > 0 {
		g.left = len(kept)
	}
}

// arm has collected set when the collector has run.
func (g *garbage) arm() {
	g.collected = new(atomic.Bool)
	runtime.AddCleanup(new(sentinel), func(ran *atomic.Bool) { ran.Store(true) }, g.collected)
}

// CloseGarbage closes the handles that the last run of Go's collector found to be garbage. It tells whether there were any.
// In the function of a trace it waits.
func (b *Lib) CloseGarbage() bool {
	if b.k.Observing() {
		return false
	}
	b.garbage.left = len(b.garbage.handles)
	return b.closeGarbage(b.garbage.left)
}

// closeGarbage goes on with the look, for so many handles at most, the newest first.
func (b *Lib) closeGarbage(most int) (found bool) {
	g := &b.garbage
	for ; g.left > 0 && most > 0; most-- {
		g.left--
		o := g.handles[g.left]
		open := o.handle.FD() >= 0
		if open && o.object.Value() != nil {
			continue
		}
		last := len(g.handles) - 1
		g.handles[g.left] = g.handles[last]
		g.handles[last] = loose{}
		g.handles = g.handles[:last]
		if open {
			b.closeLost(o)
			found = true
		}
	}
	return found
}

// closeLost closes a handle that is garbage.
func (b *Lib) closeLost(o loose) {
	name := o.handle.String()
	err := b.closeHandle(o.handle)
	switch {
	case err != nil:
		b.k.Warn("the handle %s was garbage: %v", name, err)
	case o.warn:
		b.k.Warn("the handle %s was garbage and is closed now", name)
	}
}

// Housekeep looks for garbage handles if the collector has run, a portion at a time. The result is after how long it
// wants to be called again, if nothing happens until then; negative is when something has happened.
func (b *Lib) Housekeep() time.Duration {
	g := &b.garbage
	if g.left == 0 {
		if len(g.handles) == 0 {
			return -1
		}
		if g.collected == nil {
			g.arm()
		}
		if !g.collected.Load() {
			return -1
		}
		now := b.k.Clock().Now()
		if wait := g.looked + lookEvery - now; wait > 0 && g.looked > 0 {
			return wait
		}
		g.looked = now
		g.left = len(g.handles)
		g.arm()
	}
	b.closeGarbage(lookPortion)
	if g.left > 0 {
		return 0
	}
	return -1
}

// opening calls open, and once more if there were no descriptors left and some could be got back from garbage.
func (b *Lib) opening(open func() error) error {
	err := open()
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		return err
	}
	g := &b.garbage
	now := b.k.Clock().Now()
	if g.searched > 0 && now < g.searched+lookEvery {
		return err
	}
	runtime.GC()
	if !b.CloseGarbage() {
		g.searched = now
		return err
	}
	return open()
}
