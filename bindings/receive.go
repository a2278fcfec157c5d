package bindings

import (
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// handler is what handles one event: a function, or a method of an object or class, which is looked up at each event.
type handler struct {
	event  string
	fn     *lua.LFunction
	object lua.LValue
	method string
	kind   handlerKind
}

// handlerSet are the handlers of a session. A shared one is copied before it is changed.
type handlerSet struct {
	list   []handler
	index  map[string]int // once there are many
	shared bool

	// The name of an event mostly comes from the same constant as the last time: then it need not be compared.
	seen string
	hint int
}

const fewHandlers = 12 // that a look-up goes through one by one

var noHandlers = handlerSet{shared: true}

// find gives the handler of an event, nil if there is none.
func (h *handlerSet) find(event string) *handler {
	if luax.SameString(event, h.seen) {
		return &h.list[h.hint]
	}
	i := h.search(event)
	if i < 0 {
		return nil
	}
	h.seen, h.hint = event, i
	return &h.list[i]
}

// search gives the place of an event's handler, -1 if there is none.
func (h *handlerSet) search(event string) int {
	if h.index != nil {
		if i, ok := h.index[event]; ok {
			return i
		}
		return -1
	}
	for i := range h.list {
		if h.list[i].event == event {
			return i
		}
	}
	return -1
}

// put defines or replaces a handler.
func (h *handlerSet) put(n handler) {
	if old := h.find(n.event); old != nil {
		*old = n
		return
	}
	h.list = append(h.list, n)
	h.reindex()
}

func (h *handlerSet) remove(event string) {
	h.list = slices.DeleteFunc(h.list, func(o handler) bool { return o.event == event })
	h.index, h.seen = nil, ""
	h.reindex()
}

func (h *handlerSet) reindex() {
	switch n := len(h.list); {
	case n <= fewHandlers:
	case h.index != nil:
		h.index[h.list[n-1].event] = n - 1
	default:
		h.index = make(map[string]int, 2*n)
		for i := range h.list {
			h.index[h.list[i].event] = i
		}
	}
}

// sameAs says whether the set is what a table of inline states would give.
func (h *handlerSet) sameAs(t *lua.LTable) bool {
	if luax.Fields(t) != len(h.list) || t.Len() > 0 {
		return false
	}
	for i := range h.list {
		if t.RawGetString(h.list[i].event) != lua.LValue(h.list[i].fn) {
			return false
		}
	}
	return true
}

// own makes the session's handlers its own, so that they can be changed.
func (s *session) own() {
	if !s.handlers.shared {
		return
	}
	s.handlers = &handlerSet{list: slices.Clone(s.handlers.list)}
	s.handlers.reindex()
}

// define gives the session a handler; of a machine, one that belongs to no state. With the option debug it warns of a
// redefinition; under the assertion usage it raises then.
func (s *session) define(l *lua.LState, h handler) {
	if s.machine != nil && isMove(h.event) {
		l.RaiseError("no handler can be called '%s': names with %s are the machine's own", h.event, movePrefix)
	}
	if s.debug && s.handlers.find(h.event) != nil {
		who := "a new session"
		if s.ID() != 0 {
			who = s.Task.String()
		}
		message := fmt.Sprintf("the handler for event '%s' of %s is redefined", h.event, who)
		if s.lib.k.Assert()&kernel.AssertUsage != 0 {
			l.RaiseError("%s", message)
		}
		s.lib.k.Warn("%s", message)
	}
	s.own()
	s.handlers.put(h)
}

// Receive implements kernel.Receiver.
func (s *session) Receive(d *kernel.Dispatch) error {
	if m := s.lib.meter; m != nil {
		if !s.lib.counting {
			return s.receiveCounted(m, d)
		}
		s.lib.counting = false
	}
	if s.trace {
		s.traceEvent(d)
	}
	var h *handler
	switch {
	case !s.detour:
		h = s.pick(d)
	case s.machine != nil:
		h = s.pickInState(d)
	default:
		return s.receiveInvoke(d)
	}
	if h == nil {
		return nil
	}
	l := s.lib.Guard.State
	if d.Bare && h.fn != nil && d.State == "" && d.Want == kernel.WantNothing {
		luax.Run(l, h.fn, &s.ctx, d.Args, s.lib.convert) // the short way for the usual case
		return nil
	}
	base := l.GetTop()
	n := s.pushCall(l, h, d, d.Args)
	return s.finish(l, d, base, n)
}

// receiveCounted is Receive with what the handler does counted.
func (s *session) receiveCounted(m *luax.Meter, d *kernel.Dispatch) error {
	spent := m.Enter()
	if d.Kind == kernel.KindCall && d.From == d.Task {
		m.Join(spent) // to itself: what ends the handler around it ends this
	}
	s.lib.counting = true
	err := s.Receive(d)
	m.Leave(spent)
	return err
}

// Hears implements kernel.Hearer.
func (s *session) Hears(event string) bool {
	return s.detour || s.trace || s.handlers.search(event) >= 0 || s.handlers.search(kernel.EventDefault) >= 0
}

// pick finds the handler of an event: its own, or _default's, or none. It sets d.State and d.Object.
func (s *session) pick(d *kernel.Dispatch) *handler {
	if h, ok := d.Handler.(*handler); ok {
		return h
	}
	h := s.handlers.find(d.Event)
	if h == nil {
		if h = s.handlers.find(kernel.EventDefault); h == nil {
			d.Unhandled = true
			if s.fallback {
				s.warnUnhandled(d)
			}
			return nil
		}
		if s.trace {
			s.lib.k.Warn("%v -> %s redirected to _default", s.ID(), d.Event)
		}
		d.State = kernel.EventDefault
	}
	if h.object != nil {
		d.Object = h.object
	}
	return h
}

func (s *session) traceEvent(d *kernel.Dispatch) {
	from := ""
	if file, line := s.lib.k.Locate(d.Site); file != "" {
		from = fmt.Sprintf(" (from %s:%d)", file, line)
	}
	s.lib.k.Warn("%v -> %s%s", s.ID(), d.Event, from)
}

// Differs: POE warns for _stop, _child and _parent, too.
func (s *session) warnUnhandled(d *kernel.Dispatch) {
	switch d.Event {
	case kernel.EventStop, kernel.EventChild, kernel.EventParent:
		return
	}
	from := ""
	if file, line := s.lib.k.Locate(d.Site); file != "" {
		from = fmt.Sprintf(" from %s:%d", file, line)
	}
	s.lib.k.Warn("the event '%s' was sent%s to %v, which has neither a handler for it nor one for _default", d.Event, from, &s.Task)
}

// pushCall pushes the call of a handler and returns the number of its arguments.
func (s *session) pushCall(l *lua.LState, h *handler, d *kernel.Dispatch, args []any) int {
	n := 1
	if h.object == nil {
		l.Push(h.fn)
	} else if fn := rawMethod(h.object, h.method); fn != nil {
		l.Push(fn)
		l.Push(h.object)
		n++
	} else {
		l.Push(s.lib.method)
		l.Push(h.object)
		l.Push(lua.LString(h.method))
		n += 2
	}
	l.Push(&s.ctx)
	if d.State != "" { // _default
		l.Push(lua.LString(d.Event))
		l.Push(s.lib.packed(args))
		return n + 2
	}
	for _, v := range args {
		l.Push(s.lib.toLua(v))
	}
	return n + len(args)
}

// finish makes the call that was pushed and keeps the results that are wanted.
func (s *session) finish(l *lua.LState, d *kernel.Dispatch, base, nargs int) error {
	nret := 0
	switch d.Want {
	case kernel.WantFirst:
		nret = 1
	case kernel.WantAll:
		nret = lua.MultRet
	}
	if d.Bare {
		l.Call(nargs, nret)
	} else if err := s.lib.Guard.Call(l, nargs, nret, true); err != nil {
		return s.lib.failed(s, d.Event, err)
	}
	if nret != 0 {
		d.Results = takeResults(l, base)
	}
	return nil
}

var oneNil = make(kernel.Values, 1)

// takeResults takes what lies on top of base off the stack.
func takeResults(l *lua.LState, base int) kernel.Values {
	n := l.GetTop() - base
	if n == 0 || n == 1 && l.Get(base+1) == lua.LNil {
		l.SetTop(base)
		if n == 0 {
			return nil
		}
		return oneNil
	}
	results := make(kernel.Values, n)
	for i := range results {
		if v := l.Get(base + 1 + i); v != lua.LNil {
			results[i] = v
		}
	}
	l.SetTop(base)
	return results
}

// rawMethod finds a method that is reached through tables alone; nil if running Lua is needed, or it is not a function.
func rawMethod(object lua.LValue, name string) *lua.LFunction {
	for range 100 {
		var mt lua.LValue
		switch o := object.(type) {
		case *lua.LTable:
			if v := o.RawGetString(name); v != lua.LNil {
				fn, _ := v.(*lua.LFunction)
				return fn
			}
			mt = o.Metatable
		case *lua.LUserData:
			mt = o.Metatable
		}
		t, ok := mt.(*lua.LTable)
		if !ok {
			return nil
		}
		object = t.RawGetString("__index")
	}
	return nil
}

// callMethod is called with an object, the name of a method, and arguments.
func (b *Lib) callMethod(l *lua.LState) int {
	object, name := l.Get(1), l.Get(2).(lua.LString)
	fn := l.GetField(object, string(name))
	if !callable(l, fn) {
		what := "object"
		if s := b.contextSession(l.Get(3)); s != nil {
			what = "object of " + s.Task.String()
		}
		l.Error(lua.LString(fmt.Sprintf("the %s has no method '%s'", what, string(name))), 0)
	}
	l.Replace(2, object)
	l.Replace(1, fn)
	l.Call(l.GetTop()-1, lua.MultRet)
	return l.GetTop()
}

// receiveInvoke lets a subclass's invoke handle the event.
func (s *session) receiveInvoke(d *kernel.Dispatch) error {
	b := s.lib
	l := b.Guard.State
	base := l.GetTop()
	l.Push(b.method)
	l.Push(&s.object)
	l.Push(lua.LString("invoke"))
	l.Push(&s.ctx)
	l.Push(lua.LString(d.Event))
	for _, v := range d.Args {
		l.Push(b.toLua(v))
	}
	return s.finish(l, d, base, 4+len(d.Args))
}

// sessionInvoke is poe.Session.invoke(session, ctx, event, ...): it calls the handler of an event.
func (b *Lib) sessionInvoke(l *lua.LState) int {
	b.changing(l, "session:invoke")
	s := b.checkSession(l, "invoke")
	a := luax.Args{L: l, Name: "invoke", Base: 1}
	event := a.String(2)
	var d *kernel.Dispatch
	if s != nil && s.machine == nil {
		d = s.Dispatch()
	}
	if d == nil {
		l.RaiseError("'invoke' must be called while the session handles an event")
	}
	sent := d.Event
	if event != sent {
		d.Handler = nil // a wheel's function is for its own event
	}
	d.Event = event
	h := s.pick(d)
	if h == nil {
		d.Event = sent
		return 0
	}
	base := l.GetTop()
	l.Call(s.pushCall(l, h, d, a.Rest(2)), lua.MultRet)
	d.Event = sent
	return l.GetTop() - base
}

// Stopped lets go of what the session no longer needs.
func (s *session) Stopped() {
	s.handlers = &noHandlers
	if s.machine != nil {
		s.machine.stopped()
	}
}
