package bindings

import (
	"errors"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// filterKind is a class of poe.filter.
type filterKind struct {
	name    string // "Line"
	build   func(b *Lib, p *luax.Params) filters.Filter
	methods map[string]filterMethod // that no other class has
}

// filterMethod is a method of filters. Errors name it by a.Name.
type filterMethod func(b *Lib, f *filter, a luax.Args) int

// lineKind is the class of the filters that wheels have if nothing else is said.
var lineKind = &filterKind{name: "Line", build: buildLine}

// filterKinds are the classes of poe.filter.
var filterKinds = []*filterKind{
	{name: "Block", build: buildBlock},
	{name: "CSV", build: buildCSV},
	{name: "Grep", build: buildGrep, methods: map[string]filterMethod{"modify": (*Lib).filterModify}},
	{name: "HTTPClient", build: buildHTTPClient},
	{name: "HTTPD", build: buildHTTPD},
	{name: "IRC", build: buildIRC},
	{name: "JSONLines", build: buildJSONLines},
	{name: "LengthPrefix", build: buildLengthPrefix},
	lineKind,
	{name: "Map", build: buildMap, methods: map[string]filterMethod{"modify": (*Lib).filterModify}},
	{name: "Netstring", build: buildNetstring},
	{name: "RecordBlock", build: buildRecordBlock, methods: recordBlockMethods},
	{name: "Reference", build: buildReference},
	{name: "Snort", build: buildSnort},
	{name: "Stackable", build: buildStackable, methods: stackableMethods},
	{name: "Stream", build: buildStream},
	{name: "Syslog", build: buildSyslog},
}

// filterMethods are those that the objects of all classes have.
var filterMethods = map[string]filterMethod{
	"get_one_start": (*Lib).filterGetOneStart,
	"get_one":       (*Lib).filterGetOne,
	"get":           (*Lib).filterGet,
	"get_pending":   (*Lib).filterGetPending,
	"get_eof":       (*Lib).filterGetEOF,
	"put":           (*Lib).filterPut,
	"clone":         (*Lib).filterClone,
	"reset":         (*Lib).filterReset,
	"type":          (*Lib).filterType,
}

// filter is an object of poe.filter, or a filter written in Lua in the place of one.
type filter struct {
	f     filters.Filter
	kind  *filterKind // nil: it is written in Lua
	value lua.LValue  // what scripts have; nil: nobody has asked yet
	rare  *filterRare // nil: nothing of it
	taken bool        // by a wheel
}

// filterRare is what few filters have.
type filterRare struct {
	stack *stack // that it is in; nil: none

	// What get found last comes later, when it has items to return first.
	failed error

	// ready are items that get had found when a function of the program raised. They are what comes next.
	ready []lua.LValue
}

var noRare filterRare // of filters that have nothing of it; nobody writes to it

// has is what there is of the rare.
func (f *filter) has() *filterRare {
	if f.rare == nil {
		return &noRare
	}
	return f.rare
}

// seldom is the same, to be changed.
func (f *filter) seldom() *filterRare {
	if f.rare == nil {
		f.rare = &filterRare{}
	}
	return f.rare
}

// busier is a filter that calls functions of the program. While one runs, or another filter that it consists of, it is in
// the middle of something.
type busier interface {
	busy() bool
}

// filterLib is what the library needs for filters.
type filterLib struct {
	metas map[*filterKind]*lua.LTable // metatables of their objects
	up    *lua.LTable                 // the metatable of their classes, which leads to the methods that all have
	null  *lua.LUserData
	array *lua.LTable // the metatable of tables that are marked as arrays
	spare []byte      // for bytes on their way; whoever uses it takes it away meanwhile
}

const mostSpare = 64 << 10 // bytes that spare may keep

func (b *Lib) openFilters(l *lua.LState) {
	b.openValues(l)
	b.openHTTP(l)
	shared := l.CreateTable(0, len(filterMethods))
	for name, m := range filterMethods {
		shared.RawSetString(name, l.NewFunction(b.filterMethod(name, m)))
	}
	b.filters.up = l.CreateTable(0, 1)
	b.filters.up.RawSetString("__index", shared)
	classes := l.CreateTable(0, len(filterKinds))
	b.filters.metas = make(map[*filterKind]*lua.LTable, len(filterKinds))
	for _, kind := range filterKinds {
		classes.RawSetString(kind.name, b.filterClass(l, kind))
	}
	b.module.RawSetString("filter", classes)
	b.openFilterBase(l)
}

// named is the __tostring of objects that have nothing to tell but their class.
func named(name string) map[string]lua.LGFunction {
	return map[string]lua.LGFunction{"__tostring": func(l *lua.LState) int {
		l.Push(lua.LString(name))
		return 1
	}}
}

// filterClass makes a class, and the metatable of its objects.
func (b *Lib) filterClass(l *lua.LState, kind *filterKind) *lua.LTable {
	own := l.CreateTable(0, 1+len(kind.methods))
	own.Metatable = b.filters.up
	own.RawSetString("new", l.NewFunction(b.filterNew(kind)))
	for name, m := range kind.methods {
		own.RawSetString(name, l.NewFunction(b.filterMethod(name, m)))
	}
	b.filters.metas[kind] = metatable(l, "poe.filter."+kind.name, own, named("poe.filter."+kind.name))
	return own
}

// filterNew makes the constructor of a class.
func (b *Lib) filterNew(kind *filterKind) lua.LGFunction {
	who := "poe.filter." + kind.name + ".new"
	return func(l *lua.LState) int {
		b.on(l, func() {
			p := luax.NewParams(l, 1, who)
			f := kind.build(b, p)
			p.Done()
			l.Push(b.newFilter(kind, f).value)
		})
		return 1
	}
}

// newFilter makes the object of a filter.
func (b *Lib) newFilter(kind *filterKind, f filters.Filter) *filter {
	o := &filter{f: f, kind: kind}
	o.value = &lua.LUserData{Value: o, Metatable: b.filters.metas[kind]}
	return o
}

// filterMethod makes a method: on an object that is one, and not in the middle of something.
func (b *Lib) filterMethod(name string, m filterMethod) lua.LGFunction {
	return func(l *lua.LState) int {
		f := checkedFilter(l.Get(1))
		if f == nil {
			l.RaiseError("calling '%s' on a bad self (use filter:%s)", name, name)
		}
		if o, ok := f.f.(busier); ok && o.busy() && name != "type" {
			l.RaiseError("'%s' must not be called from a function that the filter itself calls", name)
		}
		state := b.Guard.State
		b.Guard.State = l // functions that the filter calls run where it is called
		n := m(b, f, luax.Args{L: l, Name: name, Base: 1})
		b.Guard.State = state
		return n
	}
}

// checkedFilter is v as an object of poe.filter; nil if it is none.
func checkedFilter(v lua.LValue) *filter {
	if ud, ok := v.(*lua.LUserData); ok {
		if f, ok := ud.Value.(*filter); ok {
			return f
		}
	}
	return nil
}

// checkFilter is v as a filter: an object of poe.filter, or what can serve as one, which is wrapped. It is nil if v is neither.
func (b *Lib) checkFilter(v lua.LValue) *filter {
	if f := checkedFilter(v); f != nil {
		return f
	}
	if f := b.newLuaFilter(v); f != nil {
		return &filter{f: f, value: v}
	}
	return nil
}

// typeName is the class's name.
func (b *Lib) typeName(f *filter) string {
	if f.kind != nil {
		return f.kind.name
	}
	return f.f.(*luaFilter).typeName()
}

// next gives the next item.
func (f *filter) next(b *Lib) (item lua.LValue, ok bool, err error) {
	if r := f.rare; r != nil && len(r.ready) > 0 {
		item = r.ready[0]
		r.ready = r.ready[1:]
		return item, true, nil
	}
	if err = f.has().failed; err != nil {
		f.rare.failed = nil
		return nil, false, err
	}
	if fast, isFast := f.f.(filters.BytesNexter); isFast {
		p, ok, err := fast.NextBytes()
		if !ok || err != nil {
			return nil, false, err
		}
		return lua.LString(p), true, nil
	}
	v, ok, err := f.f.Next()
	if !ok || err != nil {
		return nil, false, err
	}
	return b.itemToLua(v), true, nil
}

// reset drops what the filter holds, and a failure with it.
func (f *filter) reset() {
	if r := f.rare; r != nil {
		r.failed, r.ready = nil, nil
	}
	if r, ok := f.f.(filters.Resetter); ok {
		r.Reset()
		if own, ok := f.f.(*luaFilter); ok {
			f.value = own.object
		}
		return
	}
	f.f = f.f.Clone()
	if stack := f.has().stack; stack != nil {
		stack.renew()
	}
}

// takesItems says whether a filter is to be fed with items.
func takesItems(f filters.Filter) bool {
	if s, ok := f.(*stack); ok {
		return len(s.members) == 0 || takesItems(s.members[0].f)
	}
	_, ok := f.(filters.ItemFeeder)
	return ok
}

// takeSpare takes the bytes on their way, giveSpare brings them back.
func (b *Lib) takeSpare() []byte {
	p := b.filters.spare[:0]
	b.filters.spare = nil
	return p
}

func (b *Lib) giveSpare(p []byte) {
	if cap(p) <= mostSpare {
		b.filters.spare = p
	}
}

// feed feeds a filter with argument 1: an array of chunks, or one.
func (b *Lib) feed(f *filter, a luax.Args) error {
	if takesItems(f.f) {
		return b.feedItems(f.f.(filters.ItemFeeder), a)
	}
	p := b.takeSpare()
	switch v := a.Get(1).(type) {
	case lua.LString:
		p = append(p, v...)
	case *lua.LTable:
		n := arrayArg(a, v, "string or array of strings")
		for i := 1; i <= n; i++ {
			s, ok := v.RawGetInt(i).(lua.LString)
			if !ok {
				luax.ArgError(a.L, a.Name, 1, "item "+lua.LNumber(i).String()+": string expected, got "+luax.TypeName(v.RawGetInt(i)))
			}
			p = append(p, s...)
		}
	default:
		a.Fail(1, "string or array of strings")
	}
	var err error
	if len(p) > 0 {
		err = f.f.Feed(p) // in one piece, so that it takes all or nothing
	}
	b.giveSpare(p)
	return err
}

func (b *Lib) feedItems(f filters.ItemFeeder, a luax.Args) error {
	switch v := a.Get(1).(type) {
	case lua.LString:
		return f.FeedItem(string(v))
	case *lua.LTable:
		n := arrayArg(a, v, "array of items")
		for i := 1; i <= n; i++ {
			if err := f.FeedItem(b.item(v.RawGetInt(i))); err != nil {
				return b.putFailed(a, i, err)
			}
		}
	default:
		a.Fail(1, "string or array of items")
	}
	return nil
}

// arrayArg is the length of the table that argument 1 is, which must be an array.
func arrayArg(a luax.Args, t *lua.LTable, want string) int {
	n := t.Len()
	if n > 0 {
		return n
	}
	if k, _ := t.Next(lua.LNil); k != lua.LNil {
		luax.ArgError(a.L, a.Name, 1, want+" expected, got a table with the key '"+luax.Text(k)+"'")
	}
	if luax.TypeName(t) != "table" {
		a.Fail(1, want) // an item by itself
	}
	return 0
}

// filterFailure returns what a filter gave in place of an item: bad input as nil, message, errno, and true if the failure is
// final. What a function of the program raised is raised again.
func (b *Lib) filterFailure(l *lua.LState, err error) int {
	var raised *luax.Error
	if errors.As(err, &raised) {
		raiseAgain(raised)
	}
	n := b.failure(l, err)
	var e *filters.Error
	if errors.As(err, &e) && e.Final {
		l.Push(lua.LTrue)
		n++
	}
	return n
}

// raiseAgain raises what was caught, with the calls that were in progress then.
func raiseAgain(e *luax.Error) {
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: e.Value, Cause: e.Cause, StackTrace: e.Traceback})
}

// putFailed is what becomes of a failure to take item i of argument 1. What lies with the item raises.
func (b *Lib) putFailed(a luax.Args, i int, err error) error {
	var bad *filters.Error
	var raised *luax.Error
	switch {
	case errors.As(err, &raised), errors.As(err, &bad):
		return err
	}
	luax.ArgError(a.L, a.Name, 1, "item "+lua.LNumber(i).String()+": "+itemText(err))
	return nil
}

func (b *Lib) filterGetOneStart(f *filter, a luax.Args) int {
	if err := b.feed(f, a); err != nil {
		return b.filterFailure(a.L, err)
	}
	return luax.True(a.L)
}

func (b *Lib) filterGetOne(f *filter, a luax.Args) int {
	item, ok, err := f.next(b)
	if err != nil {
		return b.filterFailure(a.L, err)
	}
	t := a.L.CreateTable(1, 0)
	if ok {
		t.RawSetInt(1, item)
	}
	a.L.Push(t)
	return 1
}

func (b *Lib) filterGet(f *filter, a luax.Args) int {
	if err := b.feed(f, a); err != nil {
		return b.filterFailure(a.L, err)
	}
	late := len(f.has().ready) > 0
	var items []lua.LValue
	for len(items) < lua.MaxArrayIndex-1 { // a table does not hold more
		item, ok, err := f.next(b)
		if err != nil {
			if len(items) == 0 {
				return b.filterFailure(a.L, err)
			}
			var raised *luax.Error
			if errors.As(err, &raised) && !late { // who called is told at once: there may be no other call
				f.seldom().ready = items
				raiseAgain(raised)
			}
			f.seldom().failed = err
			break
		}
		if !ok {
			break
		}
		items = append(items, item)
	}
	a.L.Push(arrayOf(a.L, items))
	return 1
}

// arrayOf makes an array. It keeps items.
func arrayOf(l *lua.LState, items []lua.LValue) *lua.LTable {
	t := l.CreateTable(0, 0)
	luax.Inside(t).Array = items
	return t
}

func (b *Lib) filterGetEOF(f *filter, a luax.Args) int {
	items, err := b.drain(f)
	if err != nil && len(items) == 0 {
		return b.filterFailure(a.L, err)
	}
	if err != nil {
		f.seldom().failed = err
	}
	a.L.Push(arrayOf(a.L, items))
	return 1
}

// drain gives what the end of input completes.
func (b *Lib) drain(f *filter) ([]lua.LValue, error) {
	items := f.has().ready
	if r := f.rare; r != nil {
		r.ready = nil
		if err := r.failed; err != nil {
			r.failed = nil
			return items, err
		}
	}
	e, ok := f.f.(filters.EOFer)
	if !ok {
		return items, nil
	}
	last, err := e.EOF()
	for _, item := range last {
		items = append(items, b.itemToLua(item))
	}
	return items, err
}

func (b *Lib) filterGetPending(f *filter, a luax.Args) int {
	var pending []lua.LValue
	if p, ok := f.f.(filters.ItemPender); ok {
		for _, item := range p.PendingItems() {
			pending = append(pending, b.itemToLua(item))
		}
	} else if p := f.f.Pending(); len(p) > 0 {
		pending = []lua.LValue{lua.LString(p)}
	}
	if pending == nil {
		a.L.Push(lua.LNil)
		return 1
	}
	a.L.Push(arrayOf(a.L, pending))
	return 1
}

func (b *Lib) filterPut(f *filter, a luax.Args) int {
	items, ok := a.Get(1).(*lua.LTable)
	if !ok {
		a.Fail(1, "array of items")
	}
	n := arrayArg(a, items, "array of items")
	var out []lua.LValue
	putter, givesItems := f.f.(filters.ItemPutter)
	for i := 1; i <= n; i++ {
		item := b.item(items.RawGetInt(i))
		if givesItems {
			given, err := putter.PutItem(item)
			if err != nil {
				return b.filterFailure(a.L, b.putFailed(a, i, err))
			}
			for _, v := range given {
				out = append(out, b.itemToLua(v))
			}
			continue
		}
		p, err := f.f.Put(b.takeSpare(), item)
		if err != nil {
			return b.filterFailure(a.L, b.putFailed(a, i, err))
		}
		out = append(out, lua.LString(p))
		b.giveSpare(p)
	}
	a.L.Push(arrayOf(a.L, out))
	return 1
}

func (b *Lib) filterClone(f *filter, a luax.Args) int {
	a.L.Push(b.cloneOf(f).value)
	return 1
}

// cloneOf makes a filter of the same parameters with nothing in it.
func (b *Lib) cloneOf(f *filter) *filter {
	c := f.f.Clone()
	if own, ok := c.(*luaFilter); ok {
		return &filter{f: own, value: own.object}
	}
	return b.newFilter(f.kind, c)
}

func (b *Lib) filterReset(f *filter, a luax.Args) int {
	f.reset()
	return luax.True(a.L)
}

func (b *Lib) filterType(f *filter, a luax.Args) int {
	a.L.Push(lua.LString(b.typeName(f)))
	return 1
}

// lead yields what a wheel's filter leads to: the object itself only if it is written in Lua, since of others there mostly is
// nothing to find.
func (f *filter) lead(yield func(lua.LValue)) {
	if f.kind == nil {
		yield(f.value)
		return
	}
	f.held(yield)
}

// held yields what the filter was made of. Items that it holds soon leave it.
func (f *filter) held(yield func(lua.LValue)) {
	switch o := f.f.(type) {
	case modified:
		w := o.ways()
		yield(w.get)
		yield(w.put)
	case *codecFilter:
		yield(o.encode)
		yield(o.decode)
	case *ownReference:
		s := o.Serializer.(*serializer)
		yield(s.freeze)
		yield(s.thaw)
	case *stack:
		for _, m := range o.members {
			yield(m.value)
		}
	}
}
