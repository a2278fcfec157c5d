package bindings

import (
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

const (
	mostMembers = 1000 // of a stack
	mostStacks  = 50   // stacks in stacks
)

// stack is Stackable with the objects that scripts have.
type stack struct {
	b *Lib
	*filters.Stackable
	members []*filter
	outer   *stack // that it is a member of
	running bool
}

var stackableMethods = map[string]filterMethod{
	"push":         stackPush,
	"pop":          stackPop,
	"shift":        stackShift,
	"unshift":      stackUnshift,
	"filters":      stackFilters,
	"filter_types": stackFilterTypes,
}

func buildStackable(b *Lib, p *luax.Params) filters.Filter {
	s := newStack(b)
	list := p.Table("filters")
	if list == nil {
		return s
	}
	members := make([]*filter, min(list.Len(), mostMembers+1))
	for i := range members {
		v := list.RawGetInt(i + 1)
		f := b.checkFilter(v)
		if f == nil {
			p.Raise("filters: item %d: filter expected, got %s", i+1, luax.TypeName(v))
		}
		members[i] = f
	}
	if why := s.refuses(members); why != "" {
		p.Raise("filters: %s", why)
	}
	s.push(members)
	return s
}

func newStack(b *Lib) *stack { return &stack{b: b, Stackable: filters.NewStack()} }

// Clone implements filters.Filter.
func (s *stack) Clone() filters.Filter {
	defer s.enter()()
	c := newStack(s.b)
	members := make([]*filter, len(s.members))
	for i, m := range s.members {
		members[i] = s.b.cloneOf(m)
	}
	c.push(members)
	return c
}

// refuses says why filters cannot become members; "" if they can.
//
// Differs: POE takes a filter that is in a stack already; then two streams meet in one buffer.
func (s *stack) refuses(list []*filter) string {
	if len(s.members)+len(list) > mostMembers {
		return "a stack has at most " + strconv.Itoa(mostMembers) + " filters"
	}
	outer := 1
	for o := s.outer; o != nil; o = o.outer {
		outer++
	}
	for i, f := range list {
		switch inner, ok := f.f.(*stack); {
		case ok && inner.holds(s):
			return "a stack cannot be within itself"
		case f.has().stack != nil || slices.Contains(list[:i], f):
			return "the filter is in a stack already"
		case ok && outer+inner.height() > mostStacks:
			return "stacks are nested too deep"
		}
	}
	return ""
}

// holds says whether s is the stack o or one that o is within.
func (s *stack) holds(o *stack) bool {
	for ; o != nil; o = o.outer {
		if o == s {
			return true
		}
	}
	return false
}

// height is how deep stacks are nested in the stack, itself included.
func (s *stack) height() int {
	most := 0
	for _, m := range s.members {
		if inner, ok := m.f.(*stack); ok {
			most = max(most, inner.height())
		}
	}
	return 1 + most
}

// taken makes filters members, as far as they are concerned.
func (s *stack) taken(list []*filter) []filters.Filter {
	fs := make([]filters.Filter, len(list))
	for i, f := range list {
		f.seldom().stack, fs[i] = s, f.f
		if inner, ok := f.f.(*stack); ok {
			inner.outer = s
		}
	}
	return fs
}

// given lets go of a member.
func (s *stack) given(f *filter) lua.LValue {
	f.seldom().stack = nil
	if inner, ok := f.f.(*stack); ok {
		inner.outer = nil
	}
	return f.value
}

// push adds filters that refuses has nothing against.
func (s *stack) push(list []*filter) {
	must(s.Push(s.taken(list)...))
	s.members = append(s.members, list...)
}

// must is for the error of a stack within itself, which refuses looks for.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// renew puts the members' filters in the place of those that they had.
func (s *stack) renew() {
	for range s.members {
		s.Shift()
	}
	must(s.Push(s.taken(s.members)...))
}

// Reset implements filters.Resetter.
func (s *stack) Reset() {
	defer s.enter()()
	for range s.members {
		s.Shift()
	}
	defer func() { must(s.Push(s.taken(s.members)...)) }()
	s.Stackable.Reset() // what came while there were no filters
	for _, m := range s.members {
		m.seldom().stack = nil
		m.reset()
	}
}

// busy says whether the stack is in the middle of something.
func (s *stack) busy() bool { return s.running }

// enter marks the stack as being in the middle of something until what it returns is called.
func (s *stack) enter() (leave func()) {
	s.running = true
	return s.leave
}

func (s *stack) leave() { s.running = false }

// Next implements filters.Filter.
func (s *stack) Next() (item any, ok bool, err error) {
	defer s.enter()()
	return s.Stackable.Next()
}

// Feed implements filters.Filter.
func (s *stack) Feed(chunk []byte) error {
	defer s.enter()()
	return s.Stackable.Feed(chunk)
}

// FeedItem implements filters.ItemFeeder.
func (s *stack) FeedItem(item any) error {
	defer s.enter()()
	return s.Stackable.FeedItem(item)
}

// Put implements filters.Filter.
func (s *stack) Put(dst []byte, item any) ([]byte, error) {
	defer s.enter()()
	return s.Stackable.Put(dst, item)
}

// PutItem implements filters.ItemPutter.
func (s *stack) PutItem(item any) ([]any, error) {
	defer s.enter()()
	return s.Stackable.PutItem(item)
}

// Pending implements filters.Filter.
func (s *stack) Pending() []byte {
	defer s.enter()()
	return s.Stackable.Pending()
}

// PendingItems implements filters.ItemPender.
func (s *stack) PendingItems() []any {
	defer s.enter()()
	return s.Stackable.PendingItems()
}

// EOF implements filters.EOFer.
func (s *stack) EOF() ([]any, error) {
	defer s.enter()()
	return s.Stackable.EOF()
}

// stackArgs are the filters that a method of a stack was called with.
func stackArgs(b *Lib, s *stack, a luax.Args) []*filter {
	list := make([]*filter, a.Count())
	for i := range list {
		if list[i] = b.checkFilter(a.Get(i + 1)); list[i] == nil {
			a.Fail(i+1, "filter")
		}
	}
	if why := s.refuses(list); why != "" {
		a.L.RaiseError("%s: %s", a.Name, why)
	}
	return list
}

// stackOf is the filter that a method of Stackable was called on.
func stackOf(f *filter, a luax.Args) *stack {
	s, ok := f.f.(*stack)
	if !ok {
		a.L.RaiseError("calling '%s' on a bad self (use filter:%s)", a.Name, a.Name)
	}
	return s
}

// stackPush adds filters at the end where items are.
func stackPush(b *Lib, f *filter, a luax.Args) int {
	s := stackOf(f, a)
	s.push(stackArgs(b, s, a))
	a.L.Push(lua.LNumber(len(s.members)))
	return 1
}

// stackUnshift adds filters at the end where the wire is.
func stackUnshift(b *Lib, f *filter, a luax.Args) int {
	s := stackOf(f, a)
	list := stackArgs(b, s, a)
	must(s.Unshift(s.taken(list)...))
	s.members = slices.Insert(s.members, 0, list...)
	a.L.Push(lua.LNumber(len(s.members)))
	return 1
}

// stackPop removes the filter where items are. What it holds stays in it.
func stackPop(_ *Lib, f *filter, a luax.Args) int {
	s := stackOf(f, a)
	n := len(s.members) - 1
	if n < 0 {
		a.L.Push(lua.LNil)
		return 1
	}
	s.Pop()
	last := s.given(s.members[n])
	s.members = slices.Delete(s.members, n, n+1)
	a.L.Push(last)
	return 1
}

// stackShift removes the filter where the wire is. What it holds stays in it.
func stackShift(_ *Lib, f *filter, a luax.Args) int {
	s := stackOf(f, a)
	if len(s.members) == 0 {
		a.L.Push(lua.LNil)
		return 1
	}
	s.Shift()
	first := s.given(s.members[0])
	s.members = slices.Delete(s.members, 0, 1)
	a.L.Push(first)
	return 1
}

func stackFilters(_ *Lib, f *filter, a luax.Args) int {
	var list []lua.LValue
	for _, m := range stackOf(f, a).members {
		list = append(list, m.value)
	}
	a.L.Push(arrayOf(a.L, list))
	return 1
}

func stackFilterTypes(b *Lib, f *filter, a luax.Args) int {
	s := stackOf(f, a)
	defer s.enter()()
	var list []lua.LValue
	for _, m := range s.members {
		list = append(list, lua.LString(b.typeName(m)))
	}
	a.L.Push(arrayOf(a.L, list))
	return 1
}
