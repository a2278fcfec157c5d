package luax

import (
	lua "github.com/yuin/gopher-lua"
)

// Coroutine is a coroutine as scripts see it: a value of type thread. It does not run itself. What runs are threads of
// gopher-lua, taken from a pool: one for the function that the coroutine began with, and one more for each pcall and
// xpcall in progress. So a coroutine can yield within a protected call: no Go function lies between.
//
// How: within a coroutine, pcall yields to the Go function that resumed the thread, asking it to call something.
// That function, Coroutines.Resume, has the call made on a thread of its own and resumes the first with its outcome.
type Coroutine struct {
	value   lua.LState // what scripts have; its fields are empty, but for Env while there are no threads
	threads []thread   // the last is the one that runs, or will; nil before the first resume and after the end
	fn      *lua.LFunction
	status  Status
	resumer *Coroutine // while it runs
	failed  trace      // the calls that were in progress when an error ended it
	before  string     // the traceback of a coroutine that this one had resumed, if the error came from there
}

// thread is a thread of gopher-lua at work for a coroutine.
type thread struct {
	state   *lua.LState
	want    int            // how many results the yield or pcall it waits in is to give; -1 all there are
	handler *lua.LFunction // of the xpcall that it is for; nil if none
}

// Status of a coroutine.
type Status int

// The values of Status.
const (
	Suspended Status = iota
	Running
	Normal // it has resumed another one
	Dead
)

func (s Status) String() string { return [...]string{"suspended", "running", "normal", "dead"}[s] }

// Coroutines makes and resumes the coroutines of one Lua state. Loop goroutine only.
type Coroutines struct {
	guard   *Guard
	resume  lua.LGFunction // gopher-lua's coroutine.resume
	wrap    *lua.LFunction // gopher-lua's coroutine.wrap
	start   *lua.LFunction // startThread
	serve   *lua.LFunction // what each thread runs
	running *Coroutine
	depth   int // resumes in progress
	idle    []*lua.LState

	outcome outcome        // why the thread that ran last does not run any more
	handler *lua.LFunction // of the call that it asks for
}

type outcome int

const (
	yielded outcome = iota
	asked           // for a protected call
	done
)

const (
	mostIdle  = 64   // threads kept for coroutines to come
	idleRoom  = 1024 // values; a thread whose stack has grown beyond is not kept
	mostDepth = 200  // coroutines that resume one another; Go's stack grows with them
	// A coroutine's protected calls within protected calls; each has a thread.
	mostThreads = 1000
)

// serveSource is what a thread runs: call after call. take suspends it until there is one to make, done hands the results
// over. That what a coroutine was made of is called by something that has more to do also keeps gopher-lua from
// breaking down when the last thing it does is to yield.
const serveSource = `
local take, done = ...
local function call(f, ...) done(f(...)) end
return function() while true do call(take()) end end`

// NewCoroutines makes the coroutines of the Guard's state; the size of their stacks is in the state's Options. It opens
// gopher-lua's library of that name, whose functions must not be left to scripts.
func NewCoroutines(g *Guard) *Coroutines {
	l := g.State
	l.Push(l.NewFunction(lua.OpenCoroutine))
	l.Call(0, 1)
	library := l.Get(-1).(*lua.LTable)
	l.Pop(1)
	c := &Coroutines{
		guard:  g,
		resume: library.RawGetString("resume").(*lua.LFunction).GFunction,
		wrap:   library.RawGetString("wrap").(*lua.LFunction),
	}
	c.start = l.NewFunction(c.startThread)
	fn, err := l.LoadString(serveSource)
	if err != nil {
		panic(err) // it is a constant
	}
	hide(fn.Proto)
	l.Push(fn)
	l.Push(l.NewFunction(func(l *lua.LState) int { return -1 }))
	l.Push(l.NewFunction(c.done))
	l.Call(2, 1)
	c.serve = l.Get(-1).(*lua.LFunction)
	l.Pop(1)
	return c
}

// hide keeps a function and those within it out of tracebacks.
func hide(p *lua.FunctionProto) {
	p.LineDefined = hiddenLine
	for _, inner := range p.FunctionPrototypes {
		hide(inner)
	}
}

// done gives the results of a call to the state that resumed the thread.
func (c *Coroutines) done(l *lua.LState) int {
	c.outcome = done
	l.XMoveTo(l.Parent, l.GetTop())
	return 0
}

// New makes a coroutine of a function. As in Lua 5.1 it has the table of globals of l, who makes it, for its own.
func (c *Coroutines) New(l *lua.LState, fn *lua.LFunction) *Coroutine {
	co := &Coroutine{fn: fn}
	co.value.Env = l.Env
	return co
}

// Value is the coroutine as a Lua value.
func (co *Coroutine) Value() *lua.LState { return &co.value }

// Status tells what the coroutine is doing.
func (co *Coroutine) Status() Status { return co.status }

// AsCoroutine gives the coroutine that a value is; nil if it is none.
func AsCoroutine(v lua.LValue) *Coroutine {
	if l, ok := v.(*lua.LState); ok && l.G == nil { // what gopher-lua makes has a G
		return coroutineOf(l)
	}
	return nil
}

// Hold yields what the coroutine keeps in memory: the function that it is made of, or what lies on its stacks.
func (co *Coroutine) Hold(yield func(lua.LValue)) {
	if co.fn != nil {
		yield(co.fn)
	}
	for _, t := range co.threads {
		for _, v := range stack(t.state) {
			if v != nil {
				yield(v)
			}
		}
	}
}

// Running is the coroutine that runs; nil if none does.
func (c *Coroutines) Running() *Coroutine { return c.running }

// Env is the table of globals that chunks are given which the coroutine loads.
func (co *Coroutine) Env() *lua.LTable {
	if co.threads != nil {
		return co.top().state.Env
	}
	return co.value.Env
}

// SetEnv sets what Env gives.
func (co *Coroutine) SetEnv(env *lua.LTable) {
	if co.threads != nil {
		co.top().state.Env = env
	} else {
		co.value.Env = env
	}
}

func (co *Coroutine) top() *thread { return &co.threads[len(co.threads)-1] }

// push gives the coroutine one more thread, whose first call is to be made.
func (c *Coroutines) push(l *lua.LState, co *Coroutine, handler *lua.LFunction) {
	if len(c.idle) == 0 {
		l.Push(c.start)
		l.Call(0, 0)
	}
	n := len(c.idle) - 1
	c.idle[n].Env = co.Env()
	co.threads = append(co.threads, thread{state: c.idle[n], handler: handler})
	c.idle[n] = nil
	c.idle = c.idle[:n]
}

// pop takes the last thread away. Unless it is dead it is kept for others.
func (c *Coroutines) pop(co *Coroutine) {
	n := len(co.threads) - 1
	state := co.threads[n].state
	if n > 0 {
		co.threads[n-1].state.Env = state.Env
	} else {
		co.value.Env = state.Env
	}
	co.threads[n] = thread{}
	co.threads = co.threads[:n]
	if !state.Dead && len(c.idle) < mostIdle && roomTaken(state) <= idleRoom {
		c.idle = append(c.idle, state)
	}
}

// startThread makes a thread that waits for calls to make, and puts it with the idle ones.
func (c *Coroutines) startThread(l *lua.LState) int {
	ctx := l.Context()
	if ctx != nil {
		l.RemoveContext() // the thread would get one derived from it, and a goroutine
	}
	l.Push(c.wrap) // makes threads whose errors come through as panics, with the calls still on the stack
	l.Push(c.serve)
	l.Call(1, 1)
	t := l.Get(-1).(*lua.LFunction).Upvalues[0].Value().(*lua.LState)
	if ctx != nil {
		l.SetContext(ctx)
		t.SetContext(ctx)
	}
	l.SetTop(0)
	l.Push(t)
	c.resume(l)
	c.idle = append(c.idle, t)
	return 0
}

// Resume resumes a coroutine with what lies on the stack of the running Go function beyond index 1, and leaves there what
// it yielded or returned. Index 1 is for Resume's own use. An error, also that it cannot be resumed, is returned.
func (c *Coroutines) Resume(l *lua.LState, co *Coroutine) *Error {
	if co.status != Suspended {
		return &Error{Value: lua.LString("cannot resume " + co.status.String() + " coroutine")}
	}
	if c.depth == mostDepth {
		return &Error{Value: lua.LString("stack overflow (coroutines that resume each other)")}
	}
	defer c.leave(co, c.guard.State)
	if c.running != nil {
		c.running.status = Normal
	}
	co.resumer, c.running = c.running, co
	co.status = Running
	c.depth++
	return c.run(l, co)
}

func (c *Coroutines) leave(co *Coroutine, state *lua.LState) {
	c.depth--
	c.guard.State = state
	if co.status == Running { // a panic comes through: the stack of who resumed it overflowed
		co.status, co.threads = Dead, nil
	}
	c.running, co.resumer = co.resumer, nil
	if c.running != nil {
		c.running.status = Running
	}
}

// run lets the threads of a coroutine work until it yields, returns or fails.
func (c *Coroutines) run(l *lua.LState, co *Coroutine) *Error {
	if co.threads == nil {
		l.Insert(co.fn, 2)
		co.fn = nil
		c.push(l, co, nil)
	} else {
		fit(l, co.top().want)
	}
	for {
		l.Replace(1, co.top().state)
		err := c.step(l, co)
		switch {
		case err == nil && c.outcome == asked:
			c.push(l, co, c.handler)
			c.handler = nil
			continue
		case err == nil && c.outcome == yielded:
			co.status = Suspended
			return nil
		}
		c.pop(co)
		if len(co.threads) == 0 {
			co.status, co.threads = Dead, nil
			return err
		}
		if err == nil {
			l.Insert(lua.LTrue, 2)
		} else {
			l.SetTop(1)
			l.Push(lua.LFalse)
			l.Push(err.Value)
		}
		fit(l, co.top().want)
	}
}

// fit makes the values beyond index 1 as many as are wanted. gopher-lua would leave what is missing undefined.
func fit(l *lua.LState, want int) {
	if want >= 0 {
		l.SetTop(1 + want)
	}
}

// step resumes the last thread until it yields or is done, and catches an error that ends it.
func (c *Coroutines) step(l *lua.LState, co *Coroutine) (err *Error) {
	defer func() {
		if v := recover(); v != nil {
			err = c.fail(l, co, v)
		}
	}()
	c.resume(l)
	return nil
}

// fail sees to a panic that came out of the last thread. The calls that failed are still on the thread's stack.
func (c *Coroutines) fail(l *lua.LState, co *Coroutine, v any) *Error {
	t := co.top()
	api := asAPIError(t.state, v)
	if len(co.threads) == 1 {
		co.before = api.StackTrace
		c.guard.addCalls(&co.failed, currentFrame(t.state), nil)
	}
	if t.handler != nil {
		api.Object = c.guard.handle(t.state, t.handler, api.Object)
	}
	closeUpvalues(t.state, nil)
	t.state.Parent, t.state.Dead = nil, true
	l.G.CurrentThread = l
	return c.guard.failed(api, guarded{l: l})
}

// Fail raises the error that ended the coroutine in the one that resumed it. Its calls begin the traceback.
func (c *Coroutines) Fail(co *Coroutine, v lua.LValue) {
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: v, StackTrace: c.TracebackOf(co, 0)})
}

// Yield is coroutine.yield.
func (c *Coroutines) Yield(l *lua.LState) int {
	if c.running == nil {
		l.RaiseError("attempt to yield from outside a coroutine")
	}
	if what := c.guard.across(l); what != "" {
		l.RaiseError("attempt to yield across %s", what)
	}
	c.running.top().want = Wanted(l)
	c.outcome = yielded
	return -1
}

// CanYield says whether the running Go function was called from a coroutine that can yield.
func (c *Coroutines) CanYield(l *lua.LState) bool { return c.running != nil && c.guard.across(l) == "" }

// Close ends a coroutine that is not running. It says whether it could.
func (c *Coroutines) Close(co *Coroutine) bool {
	switch co.status {
	case Running, Normal:
		return false
	case Suspended:
		for _, t := range co.threads {
			closeUpvalues(t.state, nil)
			t.state.Dead = true
		}
		co.status, co.threads, co.fn = Dead, nil, nil
	}
	return true
}

// PCall is Lua's pcall. Within a coroutine what it calls can yield.
func (c *Coroutines) PCall(l *lua.LState) int {
	if c.ask(l, nil) {
		return -1
	}
	return c.guard.PCall(l)
}

// XPCall is Lua's xpcall; arguments after the handler are passed on, as in Lua 5.2. Within a coroutine what it calls can
// yield, but not the handler.
func (c *Coroutines) XPCall(l *lua.LState) int {
	if handler, ok := l.Get(2).(*lua.LFunction); ok && c.ask(l, handler) {
		l.Remove(2)
		return -1
	}
	return c.guard.XPCall(l)
}

// ask asks Resume to have the call protected whose function and arguments lie on the stack, if that is possible.
func (c *Coroutines) ask(l *lua.LState, handler *lua.LFunction) bool {
	co := c.running
	if co == nil || len(co.threads) == mostThreads || !callable(l, l.Get(1)) || c.guard.across(l) != "" {
		return false
	}
	co.top().want = Wanted(l)
	c.outcome, c.handler = asked, handler
	return true
}

// Traceback lists the calls in progress, without the innermost level ones: "stack traceback:" and a line for each.
func (c *Coroutines) Traceback(l *lua.LState, level int) string {
	var t trace
	c.guard.addCalls(&t, currentFrame(l), nil)
	t = t[min(level, len(t)):]
	if co := c.running; co != nil && co.top().state == l {
		c.addOuter(&t, co)
	}
	return t.text()
}

// TracebackOf lists the calls in progress of a coroutine that does not run, without the innermost level ones. If an error
// ended it they are those that failed.
func (c *Coroutines) TracebackOf(co *Coroutine, level int) string {
	t := co.failed
	if co.threads != nil {
		t = append(t, traced{text: "\t[Go]: in function 'yield'"})
		c.guard.addCalls(&t, currentFrame(co.top().state), nil)
		c.addOuter(&t, co)
	}
	return joinTraces(co.before, t[min(level, len(t)):].text())
}

// CallOf tells of a call in progress of a coroutine that does not run; level 0 is the innermost. One that has yielded is
// in a call of yield, which is level 0 and has no function.
func (c *Coroutines) CallOf(co *Coroutine, level int) (CallInfo, bool) {
	if co.threads == nil {
		if level >= 0 && level < len(co.failed) && co.failed[level].f != nil {
			return callAt(co.failed[level].f, 0)
		}
		return CallInfo{}, false
	}
	if level == 0 {
		return CallInfo{Name: "yield"}, true
	}
	return callAt(currentFrame(co.top().state), level-1)
}

// LocalOf is LocalAt for a coroutine that does not run. Of one that has ended nothing is left.
func (c *Coroutines) LocalOf(co *Coroutine, level, n int) (Local, bool) {
	if co.threads == nil {
		return Local{}, false
	}
	if level == 0 {
		return Local{}, true
	}
	return localAt(co.top().state, level-1, n)
}

// addOuter adds the calls of the threads of a coroutine that wait for its last.
func (c *Coroutines) addOuter(t *trace, co *Coroutine) {
	for i := len(co.threads) - 1; i > 0; i-- {
		name := "pcall"
		if co.threads[i].handler != nil {
			name = "xpcall"
		}
		*t = append(*t, traced{text: "\t[Go]: in function '" + name + "'"})
		c.guard.addCalls(t, currentFrame(co.threads[i-1].state), nil)
	}
}
