package bindings

import (
	"cmp"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels/handle"
)

// Look is what the library knows of a session, for people: beside what the kernel knows. Nothing of it changes the session
// or calls the program. Loop goroutine only.
type Look struct {
	b *Lib
	t *kernel.Task
	s *session // nil: it is not one of Lua's
}

// Look looks at a session, or at the kernel's own task.
func (b *Lib) Look(t *kernel.Task) Look {
	s, _ := t.Receiver().(*session)
	return Look{b, t, s}
}

// Kind is "session", "nfa", "kernel", or "go" for a session that is not Lua's.
func (k Look) Kind() string {
	switch {
	case k.t.Receiver() == nil:
		return "kernel"
	case k.s == nil:
		return "go"
	}
	return k.s.kind()
}

// State is the current state of an NFA; "" otherwise.
func (k Look) State() string {
	if k.s == nil {
		return ""
	}
	return k.s.current()
}

// Class is the name of the subclass that the session is of; "" if there is none, or it has no name.
func (k Look) Class() string {
	if k.s == nil || k.s.class == nil {
		return ""
	}
	name, _ := k.s.class.RawGetString("name").(lua.LString)
	return string(name)
}

// Heap is the session's heap; nil if nobody has made use of it yet.
func (k Look) Heap() lua.LValue {
	if k.s == nil {
		return nil
	}
	return k.s.heap
}

// LookedOption is an option of a session.
type LookedOption struct {
	Name  string
	Value lua.LValue
}

// Options are those that were set, by name.
func (k Look) Options() []LookedOption {
	if k.s == nil {
		return nil
	}
	options := make([]LookedOption, 0, len(k.s.options))
	for name, v := range k.s.options {
		options = append(options, LookedOption{name, v})
	}
	slices.SortFunc(options, func(a, b LookedOption) int { return cmp.Compare(a.Name, b.Name) })
	return options
}

// LookedHandler is what handles an event.
type LookedHandler struct {
	Event  string
	Kind   string // "inline", "object", "package", "state"
	Method string // of an object or a class
	File   string // "" if it is not written in Lua, or not to be found without running Lua
	Line   int
}

// Handlers are those that the session has now, by event.
func (k Look) Handlers() []LookedHandler {
	if k.s == nil {
		return nil
	}
	infos := k.s.handlerInfos()
	handlers := make([]LookedHandler, len(infos))
	for i, h := range infos {
		handlers[i] = LookedHandler{Event: h.event, Kind: h.kind, Method: h.method, File: h.file, Line: h.line}
	}
	return handlers
}

// Handled is the number of handlers that the session has now.
func (k Look) Handled() int {
	switch {
	case k.s == nil:
		return 0
	case k.s.machine != nil:
		return len(k.s.handlers.list) + len(k.s.machine.handlers.list)
	}
	return len(k.s.handlers.list)
}

// LookedWheel is a wheel.
type LookedWheel struct {
	ID     uint64
	Kind   string
	Busy   bool   // it waits for something, which keeps its session alive
	Handle string // "pipe 7", "tcp 9 127.0.0.1:80->127.0.0.1:4711"; "" if it has none
	Unsent int    // bytes that wait to be written
}

// Wheels are the session's, in the order in which they were made.
func (k Look) Wheels() []LookedWheel {
	var all []LookedWheel
	k.t.EachResource(func(r kernel.Resource) {
		if ud := k.b.wheelOf(r); ud != nil {
			all = append(all, lookAtWheel(ud.Value.(wheelObject)))
		}
	})
	slices.Reverse(all)
	return all
}

func lookAtWheel(w wheelObject) LookedWheel {
	v := LookedWheel{ID: w.ID(), Kind: w.Kind()}
	if owned, ok := w.(interface{ Busy() bool }); ok {
		v.Busy = owned.Busy()
	}
	switch w := w.(type) {
	case *readWrite:
		in, out := w.Handles()
		v.Handle, v.Unsent = handleNames(in, out), w.Octets()
	case *listenAccept:
		v.Handle = handleNames(checkedHandle(w.handle), nil)
	case *datagram:
		v.Handle = handleNames(checkedHandle(w.handle), nil)
	case *socketFactory:
		if at, err := w.Sockname(); err == nil {
			v.Handle = "at " + at.String()
		}
	}
	return v
}

// handleNames names the handle, or the two.
func handleNames(in, out *handle.Handle) string {
	switch {
	case in == nil && out == nil:
		return ""
	case out == nil || in == out:
		return in.String()
	case in == nil:
		return out.String()
	}
	return in.String() + ", " + out.String()
}

// LookedPostback is a postback or a callback.
type LookedPostback struct {
	Method string // "postback" or "callback"
	Event  string
	Args   lua.LValue // those it was made with; nil: none
}

const postbacksSearched = 100_000 // that are looked through for those of one session

// Postbacks are the postbacks and callbacks that hold the session, the newest first, n at most. Where there are very many,
// old ones are not looked for.
func (k Look) Postbacks(n int) (found []LookedPostback) {
	held := k.b.anons.held
	for i := len(held) - 1; i >= max(0, len(held)-postbacksSearched) && len(found) < n; i-- {
		if held[i].hold.task != k.t || !held[i].hold.on {
			continue
		}
		if ud := held[i].object.Value(); ud != nil {
			p := ud.Value.(*anon)
			v := LookedPostback{Method: p.method, Event: p.event}
			if given, _ := p.created.RawGetString("n").(lua.LNumber); given > 0 {
				v.Args = p.created
			}
			found = append(found, v)
		}
	}
	return found
}
