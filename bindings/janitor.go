package bindings

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
)

// Roots yields a session's object, for those who look at everything that a program can reach. Which sessions are left is
// named by from and next: it begins and ends with 0. Arguments of events that wait are not among it: they are looked at
// when they have arrived.
func (b *Lib) Roots(from uint64, yield func(lua.LValue)) (next uint64) {
	t, id := b.k.Browse(kernel.SessionID(from))
	if t != nil {
		if s, ok := t.Receiver().(*session); ok {
			yield(&s.object)
		}
	}
	return uint64(id)
}

// Held yields what an object of the library leads to: what a session, a wheel, a postback or a filter holds.
func (b *Lib) Held(object *lua.LUserData, yield func(lua.LValue)) {
	switch v := object.Value.(type) {
	case *session:
		if v.heap != nil {
			yield(v.heap)
		}
		yield(&v.ctx)
		if v.class != nil {
			yield(v.class)
		}
		v.handlers.held(yield)
		if v.machine != nil {
			v.machine.held(yield)
		}
		for _, option := range v.options {
			yield(option)
		}
		v.EachResource(func(r kernel.Resource) {
			if w := b.wheelOf(r); w != nil {
				w.Value.(wheelObject).held(yield) // not the wheel itself: of many thousand connections it mostly is all there is
			}
		})
	case *anon:
		yield(v.created)
	case *trace:
		yield(v.f)
	case *filter:
		v.held(yield)
	case wheelObject:
		v.held(yield)
	}
}
