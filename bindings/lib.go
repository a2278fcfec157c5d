package bindings

import (
	"fmt"
	"syscall"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// Lib is the library poe in one Lua state, on one kernel. Loop goroutine only.
type Lib struct {
	Guard *luax.Guard

	meter    *luax.Meter // nil: nothing is counted
	counting bool        // for the event that is about to be received the meter has begun

	k    *kernel.Kernel
	host *host.Host
	main *lua.LState

	module      *lua.LTable
	kernelTable *lua.LTable
	session     *lua.LTable // the class poe.Session
	sessionMeta *lua.LTable // the metatable of its objects
	contextMeta *lua.LTable
	anonMeta    *lua.LTable // of postbacks and callbacks
	handleMeta  *lua.LTable
	driverMeta  *lua.LTable
	traceMeta   *lua.LTable          // of the traces of poe.peek
	invoke      *lua.LFunction       // poe.Session.invoke
	convert     func(any) lua.LValue // toLua
	method      *lua.LFunction       // calls a method that is not to be found without running Lua

	classMetas   map[*lua.LTable]*lua.LTable     // metatables of the objects of subclasses
	foreigners   map[*kernel.Task]*lua.LUserData // objects of sessions that are not Lua's
	filters      filterLib
	nfa          nfaLib
	http         httpLib
	wheels       map[uint64]*lua.LUserData // the living ones, by their numbers
	lastWheel    foundWheel
	texts        luax.Strings
	env          *wheels.Env
	lastEvents   *wheels.ReadWriteEvents // of the newest wheel: the next one mostly has the same
	sets         [4]cachedSet
	nextSet      int
	anons        anons
	garbage      garbage
	spare        handle.Spare        // of the drivers
	foreignBound int                 // of foreigners, before those that have stopped are taken out
	interfaces   map[int]kernel.Site // descriptors whose closing sends UIDESTROY, and where that was asked for
	buffer       []byte              // of reads, made when first needed
	last         *Failure            // the error that ended the last run
	looping      bool                // the kernel's loop is on
	tls          tlsKeeper
}

// Config is what a Lib is made of.
type Config struct {
	State   *lua.LState
	Kernel  *kernel.Kernel
	Host    *host.Host
	Guard   *luax.Guard
	Meter   *luax.Meter // nil: what handlers do is not counted
	Version string
}

// New makes the library. The table that require "poe" gives is Module.
func New(c Config) *Lib {
	b := &Lib{
		Guard:      c.Guard,
		meter:      c.Meter,
		k:          c.Kernel,
		host:       c.Host,
		main:       c.State,
		classMetas: map[*lua.LTable]*lua.LTable{},
		foreigners: map[*kernel.Task]*lua.LUserData{},
		interfaces: map[int]kernel.Site{},
	}
	b.convert = b.toLua
	l := c.State
	b.module = l.CreateTable(0, 16)
	b.openKernel(l)
	b.openSession(l)
	b.openNFA(l)
	b.openContext(l)
	b.openPostbacks(l)
	b.openHandles(l)
	b.openSockets(l)
	b.openFilters(l)
	b.openTerminals(l)
	b.openDrivers(l)
	b.openTLS(l)
	b.openWheels(l)
	b.openPeek(l)
	set := func(name string, v lua.LValue) { b.module.RawSetString(name, v) }
	set("kernel", b.kernelTable)
	set("Session", b.session)
	set("errno", errnoTable(l))
	set("version", lua.LString(c.Version))
	set("open", l.NewFunction(b.fileOpen))
	set("time", l.NewFunction(b.time))
	set("pid", l.NewFunction(b.pid))
	return b
}

// Module is the table that require "poe" gives.
func (b *Lib) Module() *lua.LTable { return b.module }

// Kernel is the kernel that the library is bound to.
func (b *Lib) Kernel() *kernel.Kernel { return b.k }

func (b *Lib) time(l *lua.LState) int {
	l.Push(luax.Seconds(b.k.Clock().Wall()))
	return 1
}

func (b *Lib) pid(l *lua.LState) int {
	l.Push(lua.LNumber(b.host.Pid()))
	return 1
}

// errnoTable maps the names of errors to their numbers.
func errnoTable(l *lua.LState) *lua.LTable {
	t := l.CreateTable(0, 160)
	for i := 1; i < 200; i++ {
		if name := unix.ErrnoName(syscall.Errno(i)); name != "" {
			t.RawSetString(name, lua.LNumber(i))
		}
	}
	for name, errno := range map[string]syscall.Errno{
		"EWOULDBLOCK": syscall.EWOULDBLOCK, "ENOTSUP": syscall.ENOTSUP, "EOPNOTSUPP": syscall.EOPNOTSUPP,
	} {
		t.RawSetString(name, lua.LNumber(errno))
	}
	return t
}

// class makes a table of methods.
func class(l *lua.LState, methods map[string]lua.LGFunction) *lua.LTable {
	t := l.CreateTable(0, len(methods))
	for name, f := range methods {
		t.RawSetString(name, l.NewFunction(f))
	}
	return t
}

// metatable makes the metatable of a class's objects. name is what error messages call them, hot are the methods that are called
// most.
func metatable(l *lua.LState, name string, index lua.LValue, more map[string]lua.LGFunction, hot ...string) *lua.LTable {
	var mt *lua.LTable
	if methods, ok := index.(*lua.LTable); ok {
		mt = luax.NewClass(l, 3+len(more), methods, hot...)
	} else {
		mt = l.CreateTable(0, 4+len(more))
		mt.RawSetString("__index", index)
	}
	mt.RawSetString("__name", lua.LString(name))
	mt.RawSetString("__metatable", lua.LString(name))
	for event, f := range more {
		mt.RawSetString(event, l.NewFunction(f))
	}
	return mt
}

// failure returns nil, message and errno; under the assertion retvals it raises instead.
func (b *Lib) failure(l *lua.LState, err error) int {
	if b.k.Assert()&kernel.AssertRetvals != 0 {
		l.RaiseError("%s", err.Error())
	}
	return luax.Failure(l, err)
}

// result returns true, or what failure does.
func (b *Lib) result(l *lua.LState, err error) int {
	if err != nil {
		return b.failure(l, err)
	}
	return luax.True(l)
}

// Failure is an error that a handler raised.
type Failure struct {
	Lua     *luax.Error
	Session kernel.SessionID
	Who     string // the session, for people
	Event   string
}

func (f *Failure) Error() string { return f.Lua.Message }

// Unwrap gives the Lua error.
func (f *Failure) Unwrap() error { return f.Lua }

// failed tells whose handler raised an error, and what led to it. It is called while the dispatch is in progress.
func (b *Lib) failed(s *session, event string, err *luax.Error) *Failure {
	if err.Traceback == "" {
		err.Traceback = "stack traceback:"
	}
	if history := b.History(); history != "" {
		err.Traceback += "\n" + history
	}
	return &Failure{err, s.ID(), s.Task.String(), event}
}

// Protect calls f, in which the kernel's loop runs, and catches what is raised in it.
func (b *Lib) Protect(f func()) error {
	outer := b.looping
	b.looping = true
	err := b.Guard.Run(b.Guard.State, f)
	b.looping = outer
	if err != nil {
		return err
	}
	return nil
}

// Blame tells whose handler raised what Protect caught.
func (b *Lib) Blame(d *kernel.Dispatch, err error) error {
	if b.meter != nil {
		b.meter.Rest()
	}
	s, isLua := d.Task.Receiver().(*session)
	raised, ok := err.(*luax.Error)
	if !isLua || !ok {
		return err
	}
	return b.failed(s, d.Event, raised)
}

// Running says what runs, for messages: "event 'tick' of session 3"; "" outside of handlers.
func (b *Lib) Running() string {
	event := b.k.ActiveEvent()
	if event == "" {
		return ""
	}
	return fmt.Sprintf("event '%s' of %v", event, b.k.Active())
}

// Remembered is what is known of an error that ended a run and was then raised by kernel:run with this value; nil if
// it did not come from there.
func (b *Lib) Remembered(v lua.LValue) *Failure {
	if b.last != nil && b.last.Lua.Value == v {
		return b.last
	}
	return nil
}
