package bindings

import (
	"runtime"
	"syscall"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// anonTag is the tag under which postbacks and callbacks together hold their session, as in POE.
const anonTag = "anon_event"

// anon is a postback or a callback.
type anon struct {
	*hold
	event    string
	created  *lua.LTable // the arguments given at creation, the same table each time
	method   string      // "postback" or "callback"
	released bool
}

// hold is what a postback does to its session. It is a thing of its own, because what the kernel looks through for garbage
// must not lead to a postback's arguments: they may lead to the postback.
type hold struct {
	task *kernel.Task
	on   bool
}

func (p *anon) String() string {
	return "poe." + p.method + "(" + p.task.ID().String() + " " + p.event + ")"
}

// anons are the postbacks and callbacks that hold their sessions: whether the script still has them can be told by the
// weak pointers.
type anons struct {
	held []heldAnon
}

type heldAnon struct {
	object weak.Pointer[lua.LUserData]
	hold   *hold
}

func (b *Lib) openPostbacks(l *lua.LState) {
	methods := class(l, map[string]lua.LGFunction{
		"release": b.anonRelease,
		"weaken":  b.anonWeaken,
	})
	b.anonMeta = metatable(l, "poe.Postback", methods, map[string]lua.LGFunction{
		"__call": b.anonCall,
		"__tostring": func(l *lua.LState) int {
			l.Push(lua.LString(checkAnon(l, "tostring").String()))
			return 1
		},
	})
}

func (b *Lib) sessionPostback(l *lua.LState) int { return b.newAnon(l, "postback") }
func (b *Lib) sessionCallback(l *lua.LState) int { return b.newAnon(l, "callback") }

func (b *Lib) newAnon(l *lua.LState, method string) int {
	b.changing(l, "session:"+method)
	t := b.checkTask(l, method)
	a := luax.Args{L: l, Name: method, Base: 1}
	event := b.eventArg(a, 1)
	if t.ID() == 0 || !t.Alive() {
		return b.failure(l, b.k.NoSession(method, t))
	}
	if _, err := b.k.Retain(t, anonTag); err != nil {
		return b.failure(l, err)
	}
	p := &anon{hold: &hold{t, true}, event: event, created: b.packed(a.Rest(1)), method: method}
	ud := &lua.LUserData{Value: p, Metatable: b.anonMeta}
	b.anons.add(heldAnon{weak.Make(ud), p.hold})
	l.Push(ud)
	return 1
}

// add remembers one more. When the list has doubled, those that no longer hold anything are taken out.
func (a *anons) add(h heldAnon) {
	if len(a.held) == cap(a.held) {
		kept := a.held[:0]
		for _, o := range a.held {
			if o.hold.on && o.hold.task.Alive() {
				kept = append(kept, o)
			}
		}
		clear(a.held[len(kept):])
		a.held = kept
	}
	a.held = append(a.held, h)
}

func checkAnon(l *lua.LState, method string) *anon {
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		if p, ok := ud.Value.(*anon); ok {
			return p
		}
	}
	l.RaiseError("calling '%s' on a bad self (use postback:%s)", method, method)
	return nil
}

// changedAnon is checkAnon for a method that changes the kernel.
func (b *Lib) changedAnon(l *lua.LState, method string) *anon {
	p := checkAnon(l, method)
	if b.k.Observing() {
		b.changing(l, "a "+p.method)
	}
	return p
}

// drop ends the hold of a postback on its session.
func (b *Lib) drop(h *hold) {
	if !h.on {
		return
	}
	h.on = false
	if h.task.Alive() {
		_, _ = b.k.Release(h.task, anonTag) // it has the tag as long as it lives and this holds
	}
}

func (b *Lib) anonRelease(l *lua.LState) int {
	p := b.changedAnon(l, "release")
	p.released = true
	b.drop(p.hold)
	return luax.True(l)
}

func (b *Lib) anonWeaken(l *lua.LState) int {
	b.drop(b.changedAnon(l, "weaken").hold)
	l.SetTop(1)
	return 1
}

// anonCall posts or calls the event with the arguments given at creation and those given now.
func (b *Lib) anonCall(l *lua.LState) int {
	p := b.changedAnon(l, "call")
	if p.released {
		return b.failure(l, &kernel.Error{Errno: syscall.EINVAL, Message: p.method + ": it was released"})
	}
	if !p.task.Alive() {
		return b.failure(l, b.k.NoSession(p.method, p.task))
	}
	args := []any{lua.LValue(p.created), lua.LValue(b.packed(luax.Args{L: l, Base: 1}.Rest(0)))}
	if p.method == "callback" {
		return b.call(l, p.task, p.event, args)
	}
	return b.result(l, b.k.Post(p.task, p.event, site(l), args))
}

// Collect lets go of postbacks that have become garbage, so that they no longer hold their sessions. One may have been
// all that led to another.
func (b *Lib) Collect() {
	for found := true; found && len(b.anons.held) > 0; {
		runtime.GC()
		found = false
		kept := b.anons.held[:0]
		for _, h := range b.anons.held {
			switch {
			case !h.hold.on || !h.hold.task.Alive():
			case h.object.Value() == nil:
				b.drop(h.hold)
				found = true
			default:
				kept = append(kept, h)
			}
		}
		clear(b.anons.held[len(kept):])
		b.anons.held = kept
	}
}
