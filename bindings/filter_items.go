package bindings

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// twoWays are the functions of Grep and Map.
type twoWays struct {
	functions
	get, put *lua.LFunction
}

// modified is a filter whose functions can be replaced.
type modified interface {
	ways() *twoWays
}

func (w *twoWays) ways() *twoWays { return w }

// newTwoWays reads the functions of a constructor: one for both ways, or one for each.
func newTwoWays(b *Lib, p *luax.Params) twoWays {
	alone(p, "code", "get", "put")
	code, get, put := p.Function("code"), p.Function("get"), p.Function("put")
	if code != nil {
		get, put = code, code
	}
	if get == nil || put == nil {
		p.Raise("code, or get and put, must be given")
	}
	return twoWays{functions{b: b}, get, put}
}

// filterModify replaces functions.
func (b *Lib) filterModify(f *filter, a luax.Args) int {
	o, ok := f.f.(modified)
	if !ok {
		a.L.RaiseError("calling 'modify' on a bad self (use filter:modify)")
	}
	if a.Missing(1) {
		a.Fail(1, "table")
	}
	p := luax.NewParams(a.L, 2, "modify")
	alone(p, "code", "get", "put")
	code, get, put := p.Function("code"), p.Function("get"), p.Function("put")
	p.Done()
	w := o.ways()
	if code != nil {
		w.get, w.put = code, code
	}
	if get != nil {
		w.get = get
	}
	if put != nil {
		w.put = put
	}
	return luax.True(a.L)
}

// grepFilter is Grep with functions of the program.
type grepFilter struct {
	filters.GrepItems
	twoWays
}

func buildGrep(b *Lib, p *luax.Params) filters.Filter { return newGrep(newTwoWays(b, p)) }

func newGrep(w twoWays) *grepFilter {
	f := &grepFilter{twoWays: w}
	f.In = func(item any) (bool, error) { return f.stays(f.get, item) }
	f.Out = func(item any) (bool, error) { return f.stays(f.put, item) }
	return f
}

func (f *grepFilter) stays(fn *lua.LFunction, item any) (bool, error) {
	r, err := f.call(1, fn, f.b.itemToLua(item))
	return err == nil && lua.LVAsBool(r[0]), err
}

// Clone implements filters.Filter.
func (f *grepFilter) Clone() filters.Filter {
	return newGrep(twoWays{functions{b: f.b}, f.get, f.put})
}

// mapFilter is Map with functions of the program.
type mapFilter struct {
	filters.MapItems
	twoWays
}

func buildMap(b *Lib, p *luax.Params) filters.Filter { return newMap(newTwoWays(b, p)) }

func newMap(w twoWays) *mapFilter {
	f := &mapFilter{twoWays: w}
	f.In = func(item any) ([]any, error) { return f.replaced(f.get, item) }
	f.Out = func(item any) ([]any, error) { return f.replaced(f.put, item) }
	return f
}

// replaced is what a function returns for an item, up to the first nil.
func (f *mapFilter) replaced(fn *lua.LFunction, item any) ([]any, error) {
	r, err := f.call(lua.MultRet, fn, f.b.itemToLua(item))
	if err != nil {
		return nil, err
	}
	items := make([]any, 0, len(r))
	for _, v := range r {
		if v == lua.LNil {
			break
		}
		items = append(items, f.b.item(v))
	}
	return items, nil
}

// Clone implements filters.Filter.
func (f *mapFilter) Clone() filters.Filter {
	return newMap(twoWays{functions{b: f.b}, f.get, f.put})
}

var recordBlockMethods = map[string]filterMethod{
	"block_size":  recordBlockSize,
	"check_put":   recordBlockCheckPut,
	"put_pending": recordBlockPutPending,
}

func buildRecordBlock(b *Lib, p *luax.Params) filters.Filter {
	if !p.Has("block_size") {
		p.Raise("block_size: number expected, got nil")
	}
	return &filters.RecordBlock{
		Size:     p.Int("block_size", 1, math.MaxInt32, 1),
		CheckPut: p.Bool("check_put", false),
		From:     b.recordFrom,
	}
}

// recordFrom makes a record of an item to put.
func (b *Lib) recordFrom(item any) (any, error) {
	t, ok := item.(*lua.LTable)
	if !ok {
		return item, nil
	}
	members := make([]any, t.Len())
	for i := range members {
		members[i] = b.item(t.RawGetInt(i + 1))
	}
	return members, nil
}

// recordBlock is the filter that a method of RecordBlock was called on.
func recordBlock(f *filter, a luax.Args) *filters.RecordBlock {
	r, ok := f.f.(*filters.RecordBlock)
	if !ok {
		a.L.RaiseError("calling '%s' on a bad self (use filter:%s)", a.Name, a.Name)
	}
	return r
}

// recordBlockSize reads the size, or sets it.
func recordBlockSize(_ *Lib, f *filter, a luax.Args) int {
	r := recordBlock(f, a)
	if a.Count() > 0 {
		n := a.Int(1)
		if n < 1 || n > math.MaxInt32 {
			luax.ArgError(a.L, a.Name, 1, "a whole number above 0 expected, got "+a.Get(1).String())
		}
		r.Size = n
	}
	a.L.Push(lua.LNumber(r.Size))
	return 1
}

// recordBlockCheckPut reads whether only whole blocks are put, or sets it.
func recordBlockCheckPut(_ *Lib, f *filter, a luax.Args) int {
	r := recordBlock(f, a)
	if a.Count() > 0 {
		on, ok := a.Get(1).(lua.LBool)
		if !ok {
			a.Fail(1, "boolean")
		}
		r.CheckPut = bool(on)
	}
	a.L.Push(lua.LBool(r.CheckPut))
	return 1
}

// recordBlockPutPending gives what check_put keeps back; nil if that is nothing.
func recordBlockPutPending(b *Lib, f *filter, a luax.Args) int {
	kept := recordBlock(f, a).PendingPut()
	if len(kept) == 0 {
		a.L.Push(lua.LNil)
		return 1
	}
	items := make([]lua.LValue, len(kept))
	for i, item := range kept {
		items[i] = b.itemToLua(item)
	}
	a.L.Push(arrayOf(a.L, items))
	return 1
}
