package bindings

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// wheelObject is what a script has of a wheel.
type wheelObject interface {
	wheels.Wheel
	// event is a parameter of wheel:event, and of new; nil if there is none of that name.
	event(name string) *wheels.Event
	// changed has the events that were changed through event taken up.
	changed()
	// held yields the Lua values that the wheel leads to and that may lead to tables: its handles do not.
	held(yield func(lua.LValue))
}

// wheelKind is a class of wheels.
type wheelKind struct {
	name    string // "ReadWrite"
	build   func(b *Lib, p *luax.Params, c wheels.Config) (wheelObject, error)
	methods func(b *Lib) map[string]lua.LGFunction
}

var wheelKinds = []wheelKind{
	{"Datagram", buildDatagram, datagramMethods},
	{"ListenAccept", buildListenAccept, listenAcceptMethods},
	{"ReadWrite", buildReadWrite, readWriteMethods},
	{"SocketFactory", buildSocketFactory, socketFactoryMethods},
}

func (b *Lib) openWheels(l *lua.LState) {
	b.wheels = map[uint64]*lua.LUserData{}
	b.env = &wheels.Env{
		Kernel: b.k, Host: b.host, Close: b.closeHandle, Spare: &b.spare,
		Ended:   b.wheelEnded,
		Handle:  b.givenHandle,
		Item:    func(item any) any { return b.itemToLua(item) },
		Text:    b.text,
		Opening: b.opening,
	}
	classes := l.CreateTable(0, len(wheelKinds))
	for _, kind := range wheelKinds {
		methods := class(l, kind.methods(b))
		for name, f := range map[string]lua.LGFunction{
			"id": b.wheelID, "event": b.wheelEvent, "destroy": b.wheelDestroy, "owner": b.wheelOwner, "is_alive": b.wheelIsAlive,
		} {
			methods.RawSetString(name, l.NewFunction(f))
		}
		if kind.name == "ReadWrite" {
			methods.RawSetString("put", luax.NewDirect(l, b.readWritePut, b.directPut))
		}
		meta := metatable(l, "poe.wheel."+kind.name, methods, map[string]lua.LGFunction{
			"__tostring": func(l *lua.LState) int {
				w := checkWheel(l, "tostring")
				text := "poe.wheel." + w.Kind() + "(" + lua.LNumber(w.ID()).String()
				if !w.Alive() {
					text += " destroyed"
				}
				l.Push(lua.LString(text + ")"))
				return 1
			},
		}, "put")
		of := l.CreateTable(0, 1)
		of.RawSetString("new", l.NewFunction(func(l *lua.LState) int { return b.wheelNew(l, kind, meta) }))
		classes.RawSetString(kind.name, of)
	}
	b.module.RawSetString("wheel", classes)
}

// text makes the value of an item. When there are many in a turn they lie together.
func (b *Lib) text(item []byte, nth int) any {
	switch {
	case nth < fewTexts:
		return lua.LString(item)
	case nth == fewTexts:
		b.texts.Drop()
	}
	return b.texts.Make(item)
}

const fewTexts = 4 // items of a turn that have memory of their own

// wheelEnded is called when a wheel was destroyed.
func (b *Lib) wheelEnded(id uint64) {
	b.lastWheel = foundWheel{}
	if ud := b.wheels[id]; ud != nil {
		delete(b.wheels, id)
		switch w := ud.Value.(type) {
		case *readWrite:
			w.ended()
		case interface{ letGo() }:
			w.letGo() // of its filters
		}
	}
}

// givenHandle makes the object of a handle that a wheel of owner's gives away.
func (b *Lib) givenHandle(h *handle.Handle, owner *kernel.Task) any {
	ud := b.handleObject(h)
	s, ok := owner.Receiver().(*session)
	b.garbage.add(ud, h, ok && s.debug)
	return ud
}

// wheelNew makes a wheel of a kind, for the session that handles an event or the one that is named. What the world
// refuses is nil, message and errno.
func (b *Lib) wheelNew(l *lua.LState, kind wheelKind, meta *lua.LTable) int {
	who := "poe.wheel." + kind.name + ".new"
	b.changing(l, who)
	p := luax.NewParams(l, 1, who)
	owner := b.k.Active()
	if v := p.Get("session"); v != lua.LNil {
		if owner = b.sessionNamed(v); owner == nil {
			p.Raise("session: there is no such session")
		}
	}
	if owner == b.k.Root() {
		p.Raise("a wheel is made while a session handles an event, or for one that is named: session = s")
	}
	var w wheelObject
	var err error
	b.on(l, func() {
		w, err = kind.build(b, p, wheels.Config{
			Env: b.env, Owner: owner, Site: site(l), Tag: func(id uint64) any { return lua.LNumber(id) },
		})
	})
	if err != nil {
		return luax.Failure(l, err)
	}
	ud := &lua.LUserData{Value: w, Metatable: meta}
	if w.Alive() {
		b.wheels[w.ID()] = ud
	}
	l.Push(ud)
	return 1
}

func checkWheel(l *lua.LState, method string) wheelObject {
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		if w, ok := ud.Value.(wheelObject); ok {
			return w
		}
	}
	l.RaiseError("calling '%s' on a bad self (use wheel:%s)", method, method)
	return nil
}

// liveWheel makes a method of a wheel that is nil, message and EBADF once the wheel is destroyed. Those whose names
// begin with get change nothing.
func liveWheel[T wheelObject](name string, f func(l *lua.LState, w T, a luax.Args) int) lua.LGFunction {
	reads := strings.HasPrefix(name, "get")
	return func(l *lua.LState) int {
		var w T
		ud, ok := l.Get(1).(*lua.LUserData)
		if ok {
			w, ok = ud.Value.(T)
		}
		if !ok {
			l.RaiseError("calling '%s' on a bad self (use wheel:%s)", name, name)
		}
		if !w.Alive() {
			return luax.Failure(l, wheels.ErrDestroyed)
		}
		if !reads && w.Owner().Kernel().Observing() {
			l.RaiseError("wheel:%s cannot be used in a trace function", name)
		}
		return f(l, w, luax.Args{L: l, Name: name, Base: 1})
	}
}

func (b *Lib) wheelID(l *lua.LState) int {
	l.Push(lua.LNumber(checkWheel(l, "id").ID()))
	return 1
}

func (b *Lib) wheelIsAlive(l *lua.LState) int {
	l.Push(lua.LBool(checkWheel(l, "is_alive").Alive()))
	return 1
}

func (b *Lib) wheelOwner(l *lua.LState) int {
	w := checkWheel(l, "owner")
	if !w.Alive() {
		return luax.Failure(l, wheels.ErrDestroyed)
	}
	l.Push(b.taskValue(w.Owner()))
	return 1
}

// wheelDestroy ends a wheel. A second time is fine.
func (b *Lib) wheelDestroy(l *lua.LState) int {
	b.changing(l, "wheel:destroy")
	w := checkWheel(l, "destroy")
	b.on(l, w.Destroy)
	return luax.True(l)
}

// wheelEvent changes what a wheel tells: names, functions, or false for what is not wanted any more.
func (b *Lib) wheelEvent(l *lua.LState) int {
	b.changing(l, "wheel:event")
	w := checkWheel(l, "event")
	if !w.Alive() {
		return luax.Failure(l, wheels.ErrDestroyed)
	}
	t, ok := l.Get(2).(*lua.LTable)
	if !ok {
		luax.Args{L: l, Name: "event", Base: 1}.Fail(1, "table")
	}
	who := "poe.wheel." + w.Kind() + ":event"
	given := map[string]wheels.Event{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name := luax.Text(k)
		if _, ok := k.(lua.LString); !ok || w.event(name) == nil {
			l.RaiseError("%s: unknown parameter '%s'", who, name)
		}
		e, ok := eventOf(name, v)
		if !ok && v != lua.LFalse {
			l.RaiseError("%s: %s: event name, function or false expected, got %s", who, name, luax.TypeName(v))
		}
		given[name] = e
	}
	for name, e := range given {
		*w.event(name) = e
	}
	w.changed()
	return luax.True(l)
}

// eventOf is an event parameter: a name, or a function.
func eventOf(parameter string, v lua.LValue) (e wheels.Event, ok bool) {
	switch v := v.(type) {
	case lua.LString:
		return wheels.Event{Name: string(v)}, v != ""
	case *lua.LFunction:
		return wheels.Event{Name: parameter, Handler: &handler{event: parameter, fn: v}}, true
	}
	return wheels.Event{}, false
}

// eventParam is an event parameter of new.
func eventParam(p *luax.Params, name string) wheels.Event {
	v := p.Get(name)
	if v == lua.LNil || v == lua.LFalse {
		return wheels.Event{}
	}
	e, ok := eventOf(name, v)
	if !ok {
		p.Fail(name, "event name or function", v)
	}
	return e
}

// wantedEvent is an event parameter that must be there.
func wantedEvent(p *luax.Params, name string) wheels.Event {
	e := eventParam(p, name)
	if !e.Wanted() {
		p.Raise("%s is required", name)
	}
	return e
}

// holds says whether an event leads to something of the program's.
func holds(e wheels.Event) bool { return e.Handler != nil }

// yieldEvent yields what an event leads to.
func yieldEvent(e wheels.Event, yield func(lua.LValue)) {
	if h, ok := e.Handler.(*handler); ok {
		yield(h.fn)
	}
}

// wheelOf is the object of a wheel that is alive; nil if r is none.
func (b *Lib) wheelOf(r kernel.Resource) *lua.LUserData {
	if w, ok := r.(wheels.Wheel); ok {
		return b.wheels[w.ID()]
	}
	return nil
}

// sessionWheels lists the session's wheels by ID.
func (b *Lib) sessionWheels(l *lua.LState) int {
	t := b.checkTask(l, "wheels")
	list := l.CreateTable(0, 0)
	for _, r := range slices.Backward(t.Resources()) {
		if ud := b.wheelOf(r); ud != nil {
			list.Append(ud)
		}
	}
	l.Push(list)
	return 1
}

// foundWheel is a wheel that sessionWheel has found.
type foundWheel struct {
	id     float64
	object *lua.LUserData
	wheel  wheelObject
}

// sessionWheel finds one of the session's wheels by its ID.
func (b *Lib) sessionWheel(l *lua.LState) int {
	t := b.checkTask(l, "wheel")
	id := luax.Args{L: l, Name: "wheel", Base: 1}.Number(1)
	ud := b.lastWheel.object
	if b.lastWheel.id != id || ud == nil { // several events of one wheel come one after the other
		if ud = b.wheels[uint64(id)]; ud == nil || float64(uint64(id)) != id {
			l.Push(lua.LNil)
			return 1
		}
		b.lastWheel = foundWheel{id, ud, ud.Value.(wheelObject)}
	}
	if b.lastWheel.wheel.Owner() == t {
		l.Push(ud)
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

// directWheel is sessionWheel for the wheel that was found last.
func (b *Lib) directWheel(_ *lua.LState, args []lua.LValue) (lua.LValue, bool) {
	if len(args) != 2 {
		return nil, false
	}
	id, isNumber := args[1].(lua.LNumber)
	ud, isObject := args[0].(*lua.LUserData)
	if !isNumber || !isObject || b.lastWheel.id != float64(id) || b.lastWheel.object == nil {
		return nil, false
	}
	s, ok := ud.Value.(*session)
	if !ok || b.lastWheel.wheel.Owner() != &s.Task {
		return nil, false
	}
	return b.lastWheel.object, true
}

// sessionNamed is the living session that v names; nil if there is none.
func (b *Lib) sessionNamed(v lua.LValue) (t *kernel.Task) {
	switch v := v.(type) {
	case *lua.LUserData:
		t = sessionTask(v)
	case lua.LNumber:
		if v >= 1 && v < 1<<53 && v == lua.LNumber(kernel.SessionID(v)) {
			t = b.k.ByID(kernel.SessionID(v))
		}
	case lua.LString:
		t = b.k.Resolve(string(v))
	}
	if t == nil || t.ID() == 0 || !t.Alive() {
		return nil
	}
	return t
}

// handleParam is a parameter that is a handle, a Lua file or a descriptor's number; nil if it is absent. The value is
// what the script sees of it.
func (b *Lib) handleParam(p *luax.Params, name string) (*handle.Handle, *lua.LUserData) {
	v := p.Get(name)
	if v == lua.LNil || v == lua.LFalse {
		return nil, nil
	}
	h := checkedHandle(v)
	if h == nil {
		var err error
		if h, err = b.wrapped(v); err != nil {
			p.Raise("%s: %v", name, err)
		}
		if h == nil {
			p.Fail(name, "handle", v)
		}
		made := b.newHandle(h)
		made.Env = p.L.CreateTable(1, 0)
		made.Env.RawSetInt(1, v) // the file is no garbage while the handle lives
		v = made
	}
	if h.FD() < 0 {
		p.Raise("%s: the handle is closed", name)
	}
	return h, v.(*lua.LUserData)
}

// wrapped makes a handle of a Lua file or a number, which stays open when the handle closes; nil if v is neither.
func (b *Lib) wrapped(v lua.LValue) (*handle.Handle, error) {
	fd := -1
	switch v := v.(type) {
	case lua.LNumber:
		if fd = int(v); lua.LNumber(fd) != v {
			return nil, nil
		}
	case *lua.LUserData:
		d, ok := v.Value.(descriptor)
		if !ok {
			return nil, nil
		}
		fd = d.FD()
	default:
		return nil, nil
	}
	h, err := b.host.Wrap(fd, true)
	if err != nil {
		return nil, err
	}
	return handle.New(h), nil
}
