package bindings

import (
	"fmt"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// functions calls those functions of the program that a filter consists of.
type functions struct {
	b       *Lib
	running bool
}

func (c *functions) busy() bool { return c.running }

// call calls a function. What it raises comes back as a *luax.Error.
func (c *functions) call(nret int, fn lua.LValue, args ...lua.LValue) ([]lua.LValue, error) {
	l := c.b.Guard.State
	base := l.GetTop()
	l.Push(fn)
	for _, v := range args {
		l.Push(v)
	}
	was := c.running
	c.running = true
	err := c.b.Guard.Call(l, len(args), nret, true)
	c.running = was
	if err != nil {
		return nil, err
	}
	results := make([]lua.LValue, l.GetTop()-base)
	for i := range results {
		results[i] = l.Get(base + 1 + i)
	}
	l.SetTop(base)
	return results, nil
}

// scriptError is an error that lies with a function of the program, as if it had raised it.
func scriptError(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return &luax.Error{Value: lua.LString(text), Message: text}
}

// luaFilter is a filter written in Lua: any object with the methods. One that has only get, not get_one_start and get_one, is
// fed when Next is called.
type luaFilter struct {
	functions
	object lua.LValue
	stream bool // it has get_one_start and get_one

	chunks []lua.LValue // for get
	octets int          // of chunks
	items  []lua.LValue // that it gave and Next did not
	final  error        // the failure after which there is nothing more
}

var (
	_ filters.Filter     = (*luaFilter)(nil)
	_ filters.ItemFeeder = (*luaFilter)(nil)
	_ filters.ItemPutter = (*luaFilter)(nil)
	_ filters.ItemPender = (*luaFilter)(nil)
	_ filters.EOFer      = (*luaFilter)(nil)
	_ filters.Resetter   = (*luaFilter)(nil)
)

// newLuaFilter is an object as a filter; nil if it cannot serve as one.
func (b *Lib) newLuaFilter(object lua.LValue) *luaFilter {
	switch object.(type) {
	case *lua.LTable, *lua.LUserData:
	default:
		return nil
	}
	stream := b.hasMethod(object, "get_one_start") && b.hasMethod(object, "get_one")
	if !b.hasMethod(object, "put") || !stream && !b.hasMethod(object, "get") {
		return nil
	}
	return &luaFilter{functions: functions{b: b}, object: object, stream: stream}
}

// hasMethod says whether an object has a method. An __index that is a function is asked.
func (b *Lib) hasMethod(object lua.LValue, name string) bool {
	if rawMethod(object, name) != nil {
		return true
	}
	l := b.Guard.State
	if _, isTable := object.(*lua.LTable); !isTable && l.GetMetaField(object, "__index") == lua.LNil {
		return false
	}
	return callable(l, l.GetField(object, name))
}

// method calls a method of the object.
func (f *luaFilter) method(name string, nret int, args ...lua.LValue) ([]lua.LValue, error) {
	if fn := rawMethod(f.object, name); fn != nil {
		return f.call(nret, fn, append([]lua.LValue{f.object}, args...)...)
	}
	return f.call(nret, f.b.method, append([]lua.LValue{f.object, lua.LString(name)}, args...)...)
}

// list calls a method that gives an array, or nil, message, errno and whether the failure is final. Nil alone is an empty one.
func (f *luaFilter) list(name string, args ...lua.LValue) ([]lua.LValue, error) {
	r, err := f.method(name, 4, args...)
	if err != nil {
		return nil, err
	}
	switch t := r[0].(type) {
	case *lua.LTable:
		list := make([]lua.LValue, t.Len())
		for i := range list {
			list[i] = t.RawGetInt(i + 1)
		}
		return list, nil
	case *lua.LNilType:
		return nil, f.refused(r)
	}
	return nil, scriptError("the method '%s' of a filter returned a %s, want an array", name, luax.TypeName(r[0]))
}

// refused is the failure that the results nil, message, errno, final stand for; nil if there is no message.
func (f *luaFilter) refused(r []lua.LValue) error {
	if r[1] == lua.LNil {
		return nil
	}
	e := &filters.Error{Errno: syscall.EBADMSG, Message: luax.Text(r[1]), Final: lua.LVAsBool(r[3])}
	if n, ok := r[2].(lua.LNumber); ok && n >= 1 && n < 4096 && n == lua.LNumber(int(n)) {
		e.Errno = syscall.Errno(n)
	}
	return e
}

// Feed implements filters.Filter.
func (f *luaFilter) Feed(chunk []byte) error { return f.take(lua.LString(chunk), len(chunk)) }

// FeedItem implements filters.ItemFeeder.
func (f *luaFilter) FeedItem(item any) error {
	v := f.b.itemToLua(item)
	return f.take(v, luax.Size(v))
}

func (f *luaFilter) take(v lua.LValue, octets int) error {
	if f.final != nil {
		return nil // nothing will be looked at
	}
	if f.stream {
		r, err := f.method("get_one_start", 4, f.array(v))
		if err == nil && (r[0] == lua.LNil || r[0] == lua.LFalse) {
			err = f.refused(r)
		}
		return err
	}
	if f.octets > filters.DefaultMaxBuffer {
		return &filters.Error{Errno: syscall.EMSGSIZE, Message: "too much input is waiting"}
	}
	f.chunks = append(f.chunks, v)
	f.octets += octets
	return nil
}

// array makes an array of values.
func (f *luaFilter) array(values ...lua.LValue) *lua.LTable { return arrayOf(f.b.Guard.State, values) }

// Next implements filters.Filter.
func (f *luaFilter) Next() (item any, ok bool, err error) {
	if len(f.items) == 0 && f.final != nil {
		return nil, false, f.final
	}
	if len(f.items) == 0 {
		if err := f.fetch(); err != nil {
			if e, ok := err.(*filters.Error); ok && e.Final {
				f.final, f.chunks, f.octets = err, nil, 0
			}
			return nil, false, err
		}
	}
	if len(f.items) == 0 {
		return nil, false, nil
	}
	v := f.items[0]
	f.items = f.items[1:]
	return f.b.item(v), true, nil
}

// fetch asks the object for items.
func (f *luaFilter) fetch() (err error) {
	if f.stream {
		f.items, err = f.list("get_one")
		return err
	}
	if len(f.chunks) == 0 {
		return nil
	}
	chunks := f.array(f.chunks...)
	f.chunks, f.octets = nil, 0
	f.items, err = f.list("get", chunks)
	return err
}

// Put implements filters.Filter.
func (f *luaFilter) Put(dst []byte, item any) ([]byte, error) {
	chunks, err := f.list("put", f.array(f.b.itemToLua(item)))
	if err != nil {
		return dst, err
	}
	n := len(dst)
	for _, v := range chunks {
		switch v := v.(type) {
		case lua.LString:
			dst = append(dst, v...)
		case lua.LNumber:
			dst = append(dst, number(v).ItemText()...)
		default:
			return dst[:n], scriptError("the method 'put' of a filter returned an array with a %s, want strings", luax.TypeName(v))
		}
	}
	return dst, nil
}

// PutItem implements filters.ItemPutter.
func (f *luaFilter) PutItem(item any) ([]any, error) {
	given, err := f.list("put", f.array(f.b.itemToLua(item)))
	return f.goItems(given), err
}

func (f *luaFilter) goItems(values []lua.LValue) []any {
	if len(values) == 0 {
		return nil
	}
	items := make([]any, len(values))
	for i, v := range values {
		items[i] = f.b.item(v)
	}
	return items
}

// pending is what was received and not given. Of items that get gave too early the bytes are not known.
func (f *luaFilter) pending() []lua.LValue {
	var held []lua.LValue
	if f.b.hasMethod(f.object, "get_pending") {
		var err error
		if held, err = f.list("get_pending"); err != nil {
			if raised, ok := err.(*luax.Error); ok {
				raiseAgain(raised)
			}
		}
	}
	return append(held, f.chunks...)
}

// Pending implements filters.Filter. What the object raises goes through it.
func (f *luaFilter) Pending() []byte {
	var p []byte
	for _, v := range f.pending() {
		if s, ok := v.(lua.LString); ok {
			p = append(p, s...)
		}
	}
	return p
}

// PendingItems implements filters.ItemPender.
func (f *luaFilter) PendingItems() []any { return f.goItems(f.pending()) }

// Clone implements filters.Filter. What the object raises goes through it.
func (f *luaFilter) Clone() filters.Filter {
	r, err := f.method("clone", 1)
	if err == nil {
		if c := f.b.newLuaFilter(r[0]); c != nil {
			return c
		}
		err = scriptError("the method 'clone' of a filter returned a %s, want a filter", luax.TypeName(r[0]))
	}
	raiseAgain(err.(*luax.Error))
	return nil
}

// EOF implements filters.EOFer.
func (f *luaFilter) EOF() ([]any, error) {
	items := f.goItems(f.items)
	f.items = nil
	if f.final != nil || !f.b.hasMethod(f.object, "get_eof") {
		return items, f.final
	}
	last, err := f.list("get_eof")
	return append(items, f.goItems(last)...), err
}

// Reset implements filters.Resetter. An object without the method is replaced by a clone.
func (f *luaFilter) Reset() {
	*f = luaFilter{functions: f.functions, object: f.object, stream: f.stream}
	if !f.b.hasMethod(f.object, "reset") {
		c := f.Clone().(*luaFilter)
		f.object, f.stream = c.object, c.stream
		return
	}
	if _, err := f.method("reset", 0); err != nil {
		raiseAgain(err.(*luax.Error))
	}
}

// typeName is what the method type gives, or else "Filter".
func (f *luaFilter) typeName() string {
	if f.b.hasMethod(f.object, "type") {
		r, err := f.method("type", 1)
		if err != nil {
			raiseAgain(err.(*luax.Error))
		}
		if name, ok := r[0].(lua.LString); ok {
			return string(name)
		}
	}
	return "Filter"
}

// openFilterBase makes poe.Filter, the class to derive filters from that are written in Lua.
func (b *Lib) openFilterBase(l *lua.LState) {
	base := class(l, map[string]lua.LGFunction{
		"get":     b.baseGet,
		"get_eof": func(l *lua.LState) int { l.Push(l.CreateTable(0, 0)); return 1 },
		"type":    baseType,
		"clone":   baseClone,
		"is":      b.filterIs,
		"new": func(l *lua.LState) int {
			l.RaiseError("poe.Filter.new: the base class makes no filters; use one of poe.filter, or a class derived from it")
			return 0
		},
	})
	b.module.RawSetString("Filter", base)
}

// filterIs is poe.Filter.is(x).
func (b *Lib) filterIs(l *lua.LState) int {
	is := false
	b.on(l, func() { is = b.checkFilter(l.Get(1)) != nil })
	l.Push(lua.LBool(is))
	return 1
}

// laterKey is the field of an object in which get leaves a failure that comes next.
const laterKey = "_later"

// baseSelf is the object that a method of the base class is called on.
func baseSelf(l *lua.LState, method string) lua.LValue {
	switch v := l.Get(1).(type) {
	case *lua.LTable, *lua.LUserData:
		return v
	}
	l.RaiseError("calling '%s' on a bad self (use filter:%s)", method, method)
	return nil
}

// baseGet is get by get_one_start and get_one.
func (b *Lib) baseGet(l *lua.LState) int {
	self := baseSelf(l, "get")
	call := func(method string, args ...lua.LValue) {
		l.SetTop(2)
		l.Push(b.method)
		l.Push(self)
		l.Push(lua.LString(method))
		for _, v := range args {
			l.Push(v)
		}
		l.Call(2+len(args), 4)
	}
	call("get_one_start", l.Get(2))
	if l.Get(3) == lua.LNil && l.Get(4) != lua.LNil {
		return trimNils(l)
	}
	if later, ok := l.GetField(self, laterKey).(*lua.LTable); ok {
		l.SetField(self, laterKey, lua.LNil)
		l.SetTop(2)
		for i := 1; i <= 4; i++ {
			l.Push(later.RawGetInt(i))
		}
		return trimNils(l)
	}
	var items []lua.LValue
	for len(items) < lua.MaxArrayIndex-1 {
		call("get_one")
		t, ok := l.Get(3).(*lua.LTable)
		if !ok && l.Get(4) == lua.LNil {
			l.RaiseError("the method 'get_one' of a filter returned a %s, want an array", luax.TypeName(l.Get(3)))
		}
		if !ok && len(items) == 0 {
			return trimNils(l)
		}
		if !ok {
			later := arrayOf(l, []lua.LValue{lua.LNil, l.Get(4), l.Get(5), l.Get(6)})
			l.SetField(self, laterKey, later)
			break
		}
		n := t.Len()
		if n == 0 {
			break
		}
		for i := 1; i <= n; i++ {
			items = append(items, t.RawGetInt(i))
		}
	}
	l.Push(arrayOf(l, items))
	return 1
}

// trimNils returns the four results on the stack without nils at their end.
func trimNils(l *lua.LState) int {
	n := 4
	for n > 1 && l.Get(2+n) == lua.LNil {
		n--
	}
	l.SetTop(2 + n)
	return n
}

// baseType is the class's __name.
func baseType(l *lua.LState) int {
	name, ok := l.GetField(baseSelf(l, "type"), "__name").(lua.LString)
	if !ok {
		name = "Filter"
	}
	l.Push(name)
	return 1
}

// baseClone calls the class's new with the table in self.params.
func baseClone(l *lua.LState) int {
	self := baseSelf(l, "clone")
	l.Push(l.GetField(self, "new"))
	l.Push(l.GetField(self, "params"))
	l.Call(1, 1)
	return 1
}
