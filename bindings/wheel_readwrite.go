package bindings

import (
	"errors"
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/wheels"
)

// readWrite is a script's ReadWrite wheel.
type readWrite struct {
	*wheels.ReadWrite
	in, out             *lua.LUserData // the handles as the script knows them; nil: none
	inFilter, outFilter *filter
	seldom              *readWriteSeldom // nil: nothing of it
}

// readWriteSeldom is what few wheels have.
type readWriteSeldom struct {
	driver  lua.LValue              // a driver of the program's; nil: none
	editing *wheels.ReadWriteEvents // while wheel:event runs
}

func (w *readWrite) rarely() *readWriteSeldom {
	if w.seldom == nil {
		w.seldom = &readWriteSeldom{}
	}
	return w.seldom
}

func readWriteEvent(e *wheels.ReadWriteEvents, name string) *wheels.Event {
	switch name {
	case "input_event":
		return &e.Input
	case "error_event":
		return &e.Error
	case "flushed_event":
		return &e.Flushed
	case "high_event":
		return &e.High
	case "low_event":
		return &e.Low
	}
	return nil
}

// event is that of a copy: the wheel's own may be other wheels', too.
func (w *readWrite) event(name string) *wheels.Event {
	r := w.rarely()
	if r.editing == nil {
		copied := *w.Events()
		r.editing = &copied
	}
	return readWriteEvent(r.editing, name)
}

func (w *readWrite) changed() {
	if r := w.rarely(); r.editing != nil {
		w.SetEvents(r.editing)
		r.editing = nil
	}
}

func (w *readWrite) held(yield func(lua.LValue)) {
	if w.seldom != nil && w.seldom.driver != nil {
		yield(w.seldom.driver)
	}
	if w.inFilter != nil {
		w.inFilter.lead(yield)
	}
	if w.outFilter != nil && w.outFilter != w.inFilter {
		w.outFilter.lead(yield)
	}
	for _, name := range readWriteEventNames {
		yieldEvent(*readWriteEvent(w.Events(), name), yield)
	}
}

var readWriteEventNames = []string{"input_event", "error_event", "flushed_event", "high_event", "low_event"}

func buildReadWrite(b *Lib, p *luax.Params, c wheels.Config) (wheelObject, error) {
	w := &readWrite{}
	o := wheels.ReadWriteConfig{Config: c, Events: b.readWriteEvents(p)}
	b.readWriteHandles(p, w, &o)
	b.readWriteFilters(p, w)
	readWriteMarks(p, &o)
	b.readWriteDriver(p, w, &o)
	o.AutoFlush = p.Bool("auto_flush", false)
	o.ReadLimit = p.Int("read_limit", 1, math.MaxInt32, 0)
	p.Done()
	w.take(p)
	o.InputFilter, o.OutputFilter = w.inFilter.f, w.outFilter.f
	made, err := wheels.NewReadWrite(o)
	if err != nil {
		w.letGo()
		return nil, refused(p, err)
	}
	w.ReadWrite = made
	return w, nil
}

// take makes the filters this wheel's.
func (w *readWrite) take(p *luax.Params) {
	for _, f := range []*filter{w.inFilter, w.outFilter} {
		if f.taken {
			p.Raise("the filter serves another wheel already")
		}
	}
	w.inFilter.taken, w.outFilter.taken = true, true
}

// letGo frees the filters for other wheels.
func (w *readWrite) letGo() { w.inFilter.taken, w.outFilter.taken = false, false }

// ended lets go of all that the wheel had: a script may keep its object for long.
func (w *readWrite) ended() {
	w.letGo()
	w.in, w.out, w.inFilter, w.outFilter, w.seldom = nil, nil, nil, nil, nil
}

// lineFilter is the filter of a wheel for which none is named.
func (b *Lib) lineFilter() *filter { return &filter{f: &filters.Line{}, kind: lineKind} }

// filterValue is what scripts have of a filter.
func (b *Lib) filterValue(f *filter) lua.LValue {
	if f.value == nil {
		f.value = &lua.LUserData{Value: f, Metatable: b.filters.metas[f.kind]}
	}
	return f.value
}

// readWriteEvents are the wheel's events. Wheels that are made alike share them, if they are names: functions would be
// kept beyond the wheel's end.
func (b *Lib) readWriteEvents(p *luax.Params) *wheels.ReadWriteEvents {
	e := wheels.ReadWriteEvents{}
	own := false
	for _, name := range readWriteEventNames {
		given := eventParam(p, name)
		*readWriteEvent(&e, name) = given
		own = own || holds(given)
	}
	if own {
		return &e
	}
	if b.lastEvents == nil || *b.lastEvents != e {
		made := e
		b.lastEvents = &made
	}
	return b.lastEvents
}

// readWriteHandles reads handle, or input_handle and output_handle. false in the place of one makes a wheel for one
// way.
func (b *Lib) readWriteHandles(p *luax.Params, w *readWrite, o *wheels.ReadWriteConfig) {
	if p.Has("handle") {
		for _, other := range []string{"input_handle", "output_handle"} {
			if p.Has(other) {
				p.Raise("handle and %s exclude each other", other)
			}
		}
		o.Input, w.in = b.handleParam(p, "handle")
		if o.Input == nil {
			p.Raise("handle: handle expected, got false")
		}
		o.Output, w.out = o.Input, w.in
		return
	}
	for _, name := range []string{"input_handle", "output_handle"} {
		if !p.Has(name) {
			p.Raise("handle is required, or input_handle and output_handle (false for a way that is not used)")
		}
	}
	o.Input, w.in = b.handleParam(p, "input_handle")
	o.Output, w.out = b.handleParam(p, "output_handle")
	if o.Input == nil && o.Output == nil {
		p.Raise("input_handle and output_handle are both false")
	}
}

func (b *Lib) readWriteFilters(p *luax.Params, w *readWrite) {
	if p.Has("filter") {
		for _, other := range []string{"input_filter", "output_filter"} {
			if p.Has(other) {
				p.Raise("filter and %s exclude each other", other)
			}
		}
		w.inFilter = b.filterParam(p, "filter")
		w.outFilter = w.inFilter
		return
	}
	w.inFilter = b.filterParam(p, "input_filter")
	w.outFilter = b.filterParam(p, "output_filter")
	switch {
	case w.inFilter == nil && w.outFilter == nil:
		w.inFilter = b.lineFilter()
		w.outFilter = w.inFilter
	case w.inFilter == nil:
		w.inFilter = b.lineFilter()
	case w.outFilter == nil:
		w.outFilter = b.lineFilter()
	}
}

// filterParam is a parameter that is a filter; nil if it is absent.
func (b *Lib) filterParam(p *luax.Params, name string) *filter {
	v := p.Get(name)
	if v == lua.LNil {
		return nil
	}
	f := b.checkFilter(v)
	if f == nil {
		p.Fail(name, "filter", v)
	}
	return f
}

// readWriteMarks reads the marks, and that the events fit them. Differs: POE warns of some wrong combinations and goes
// on.
func readWriteMarks(p *luax.Params, o *wheels.ReadWriteConfig) {
	high, low := p.Has("high_mark"), p.Has("low_mark")
	switch {
	case high != low:
		p.Raise("high_mark and low_mark go together")
	case !high && (o.Events.High.Wanted() || o.Events.Low.Wanted()):
		p.Raise("high_event and low_event need high_mark and low_mark")
	case high && !o.Events.Low.Wanted():
		p.Raise("low_mark needs low_event")
	}
	o.High = p.Int("high_mark", 1, math.MaxInt32, 0)
	o.Low = p.Int("low_mark", 1, math.MaxInt32, 0)
	if o.Low > o.High {
		p.Raise("low_mark (%d) is above high_mark (%d)", o.Low, o.High)
	}
}

func readWriteMethods(b *Lib) map[string]lua.LGFunction {
	type args = luax.Args
	m := map[string]lua.LGFunction{}
	def := func(name string, f func(l *lua.LState, w *readWrite, a args) int) {
		m[name] = liveWheel(name, func(l *lua.LState, w *readWrite, a args) (n int) {
			b.on(l, func() { n = f(l, w, a) }) // functions that filters and drivers call run where the method is called
			return n
		})
	}
	number := func(name string, f func(w *readWrite) int) {
		def(name, func(l *lua.LState, w *readWrite, a args) int {
			l.Push(lua.LNumber(f(w)))
			return 1
		})
	}
	m["put"] = b.readWritePut
	number("flush", func(w *readWrite) int { return w.Flush() })
	number("get_driver_out_octets", func(w *readWrite) int { return w.Octets() })
	def("get_driver_out_messages", func(l *lua.LState, w *readWrite, a args) int {
		n, err := w.Messages()
		if err != nil {
			return b.outcome(a, err)
		}
		l.Push(lua.LNumber(n))
		return 1
	})
	def("set_filter", func(l *lua.LState, w *readWrite, a args) int {
		f := b.filterArg(a)
		return b.outcome(a, w.setFilters(a, f, true, true))
	})
	def("set_input_filter", func(l *lua.LState, w *readWrite, a args) int {
		return b.outcome(a, w.setFilters(a, b.filterArg(a), true, false))
	})
	def("set_output_filter", func(l *lua.LState, w *readWrite, a args) int {
		return b.outcome(a, w.setFilters(a, b.filterArg(a), false, true))
	})
	def("get_input_filter", func(l *lua.LState, w *readWrite, a args) int {
		l.Push(b.filterValue(w.inFilter))
		return 1
	})
	def("get_output_filter", func(l *lua.LState, w *readWrite, a args) int {
		l.Push(b.filterValue(w.outFilter))
		return 1
	})
	def("set_high_mark", func(l *lua.LState, w *readWrite, a args) int { return w.setMark(l, a, true) })
	def("set_low_mark", func(l *lua.LState, w *readWrite, a args) int { return w.setMark(l, a, false) })
	def("pause_input", func(l *lua.LState, w *readWrite, a args) int {
		w.PauseInput()
		return luax.True(l)
	})
	def("resume_input", func(l *lua.LState, w *readWrite, a args) int {
		w.ResumeInput()
		return luax.True(l)
	})
	def("shutdown_input", func(l *lua.LState, w *readWrite, a args) int { return b.outcome(a, w.ShutdownInput()) })
	def("shutdown_output", func(l *lua.LState, w *readWrite, a args) int {
		p := luax.NewParams(l, 2, "shutdown_output")
		flush := p.Bool("flush", false)
		p.Done()
		return b.outcome(a, w.ShutdownOutput(flush))
	})
	def("get_input_handle", func(l *lua.LState, w *readWrite, a args) int {
		in, _ := b.handles(w)
		l.Push(objectOrNil(in))
		return 1
	})
	def("get_output_handle", func(l *lua.LState, w *readWrite, a args) int {
		_, out := b.handles(w)
		l.Push(objectOrNil(out))
		return 1
	})
	def("close_after_flush", func(l *lua.LState, w *readWrite, a args) int {
		w.CloseAfterFlush()
		return luax.True(l)
	})
	def("detach", b.readWriteDetach)
	def("start_tls", b.readWriteStartTLS)
	return m
}

// outcome is true, or nil, message and errno. What a function of the program raised is raised again, and what lies with
// the argument raises.
func (b *Lib) outcome(a luax.Args, err error) int {
	var raised *luax.Error
	var item *filters.ItemError
	switch {
	case err == nil:
		return luax.True(a.L)
	case errors.As(err, &raised):
		raiseAgain(raised)
	case errors.As(err, &item):
		luax.ArgError(a.L, a.Name, 1, itemText(err))
	}
	return luax.Failure(a.L, err)
}

// readWritePut is put: it encodes items and queues them, and says whether the high mark is reached.
func (b *Lib) readWritePut(l *lua.LState) int {
	var w *readWrite
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		w, _ = ud.Value.(*readWrite)
	}
	if w == nil {
		l.RaiseError("calling 'put' on a bad self (use wheel:put)")
	}
	b.changing(l, "wheel:put")
	var high bool
	var err error
	state, n := b.Guard.State, l.GetTop()-1
	b.Guard.State = l
	if s, ok := l.Get(2).(lua.LString); ok && n == 1 { // the short way for the usual case
		high, err = w.PutText(string(s))
	} else {
		items := make([]any, n)
		for i := range items {
			items[i] = b.item(l.Get(2 + i))
		}
		high, err = w.Put(items...)
	}
	b.Guard.State = state
	if err != nil {
		return b.outcome(luax.Args{L: l, Name: "put", Base: 1}, err)
	}
	l.Push(lua.LBool(high))
	return 1
}

// directPut is readWritePut for one string, if its filter is written in Go and nothing goes wrong.
func (b *Lib) directPut(_ *lua.LState, args []lua.LValue) (lua.LValue, bool) {
	if len(args) != 2 || b.k.Observing() {
		return nil, false
	}
	text, isText := args[1].(lua.LString)
	ud, isObject := args[0].(*lua.LUserData)
	if !isText || !isObject {
		return nil, false
	}
	w, ok := ud.Value.(*readWrite)
	if !ok || !w.TakesText() {
		return nil, false
	}
	high, err := w.PutText(string(text))
	if err != nil {
		return nil, false
	}
	return lua.LBool(high), true
}

func (b *Lib) filterArg(a luax.Args) *filter {
	f := b.checkFilter(a.Get(1))
	if f == nil {
		a.Fail(1, "filter")
	}
	return f
}

// own is the filter of the wheel's that f is, if it is one: what is written in Lua is wrapped anew each time.
func (w *readWrite) own(f *filter) *filter {
	for _, mine := range []*filter{w.inFilter, w.outFilter} {
		if f.kind == nil && mine.kind == nil && mine.value == f.value {
			return mine
		}
	}
	return f
}

// setFilters puts another filter in the place of the wheel's own.
func (w *readWrite) setFilters(a luax.Args, f *filter, input, output bool) error {
	f = w.own(f)
	if f.taken && f != w.inFilter && f != w.outFilter {
		luax.ArgError(a.L, a.Name, 1, "the filter serves another wheel already")
	}
	if input && f != w.inFilter {
		if err := w.SetInputFilter(f.f); err != nil {
			return err
		}
	}
	if output && f != w.outFilter {
		if err := w.SetOutputFilter(f.f); err != nil {
			return err
		}
	}
	w.letGo()
	if input {
		w.inFilter = f
	}
	if output {
		w.outFilter = f
	}
	w.inFilter.taken, w.outFilter.taken = true, true
	return nil
}

func (w *readWrite) setMark(l *lua.LState, a luax.Args, isHigh bool) int {
	n := a.Int(1)
	high, low, ok := w.Marks()
	switch {
	case !ok:
		l.RaiseError("%s: the wheel was made without marks", a.Name)
	case n < 1 || n > math.MaxInt32:
		luax.ArgError(l, a.Name, 1, "a number of bytes above 0 expected")
	case isHigh:
		high = n
	default:
		low = n
	}
	if low > high {
		luax.ArgError(l, a.Name, 1, "the low mark would be above the high mark")
	}
	w.SetMarks(high, low)
	return luax.True(l)
}

// readWriteDetach ends the wheel and gives its handles, what was read and not delivered, and what was put and could not
// be written yet; nil in the place of either if it is nothing.
//
// Differs: the last result is new. Without it what was put just before would be lost, since put only queues.
func (b *Lib) readWriteDetach(l *lua.LState, w *readWrite, a luax.Args) int {
	in, out := b.handles(w)
	_, _, unread, unsent := w.Release()
	l.Push(objectOrNil(in))
	l.Push(objectOrNil(out))
	l.Push(textOrNil(unread))
	l.Push(textOrNil(unsent))
	return 4
}

func textOrNil(text []byte) lua.LValue {
	if len(text) == 0 {
		return lua.LNil
	}
	return lua.LString(text)
}

// readWriteStartTLS is start_tls: true, and the plain input that was read and was no item yet, or nil.
func (b *Lib) readWriteStartTLS(l *lua.LState, w *readWrite, a luax.Args) int {
	table, ok := a.Get(1).(*lua.LTable)
	if !ok {
		a.Fail(1, "table")
	}
	in, _ := w.Handles()
	t, err := b.newTLS(l, table, "poe.wheel.ReadWrite:start_tls", peerName(in))
	if err != nil {
		return luax.Failure(l, err)
	}
	plain, err := w.StartTLS(t)
	if err != nil {
		return luax.Failure(l, err)
	}
	l.Push(lua.LTrue)
	l.Push(textOrNil(plain))
	return 2
}

// handles are the wheel's handles as the script knows them, nil for a way that it does not have. TLS puts others in
// their place.
func (b *Lib) handles(w *readWrite) (in, out *lua.LUserData) {
	goIn, goOut := w.Handles()
	if goIn != nil && w.in.Value != goIn {
		w.in = b.newHandle(goIn)
	}
	switch {
	case goOut != nil && goOut == goIn:
		w.out = w.in
	case goOut != nil && w.out.Value != goOut:
		w.out = b.newHandle(goOut)
	}
	return w.in, w.out
}

func objectOrNil(ud *lua.LUserData) lua.LValue {
	if ud == nil {
		return lua.LNil
	}
	return ud
}
