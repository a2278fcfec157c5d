package filters

import (
	"errors"
	"slices"
)

// Stackable is filters behind one another: what the first gives is input of the second, and so on; on the way out the last
// comes first. So the first is next to the wire. A failure of any is the stack's. With none, chunks pass through as items.
//
// An item goes on as it is to a filter that takes items, and as bytes to one that does not.
type Stackable struct {
	stages  []Filter  // replaced, never changed: a function that a filter calls may push and pop
	through GrepItems // in place of stages when there are none; it lets everything through
}

var (
	_ Filter     = (*Stackable)(nil)
	_ ItemFeeder = (*Stackable)(nil)
	_ ItemPutter = (*Stackable)(nil)
	_ ItemPender = (*Stackable)(nil)
	_ EOFer      = (*Stackable)(nil)
	_ Resetter   = (*Stackable)(nil)
)

// NewStack makes a stack, the filter next to the wire first.
func NewStack(fs ...Filter) *Stackable { return &Stackable{stages: slices.Clone(fs)} }

// errWithin is a stack that would have to be fed by itself.
var errWithin = errors.New("stackable: a stack cannot be within itself")

// Push adds filters at the end of the items, in the order given. A stack that holds this one is refused, and none is added.
func (f *Stackable) Push(fs ...Filter) error {
	if slices.ContainsFunc(fs, f.within) {
		return errWithin
	}
	f.stages = slices.Concat(f.stages, fs)
	return nil
}

// Unshift adds filters at the wire, in the order given. It refuses what Push does.
func (f *Stackable) Unshift(fs ...Filter) error {
	if slices.ContainsFunc(fs, f.within) {
		return errWithin
	}
	f.stages = slices.Concat(fs, f.stages)
	return nil
}

// within says whether a filter is this stack or holds it.
func (f *Stackable) within(other Filter) bool {
	stack, ok := other.(*Stackable)
	return ok && (stack == f || slices.ContainsFunc(stack.stages, f.within))
}

// Pop removes the filter at the end of the items and gives it with all that it holds, nil when there is none.
func (f *Stackable) Pop() Filter {
	if len(f.stages) == 0 {
		return nil
	}
	n := len(f.stages) - 1
	last := f.stages[n]
	f.stages = slices.Clone(f.stages[:n])
	return last
}

// Shift removes the filter at the wire and gives it with all that it holds, nil when there is none.
func (f *Stackable) Shift() Filter {
	if len(f.stages) == 0 {
		return nil
	}
	first := f.stages[0]
	f.stages = slices.Clone(f.stages[1:])
	return first
}

// Filters gives the filters, the one at the wire first.
func (f *Stackable) Filters() []Filter { return slices.Clone(f.stages) }

// entry is what input goes to. What came while there were no filters must have gone to the first before more does.
func (f *Stackable) entry() Filter {
	if len(f.stages) == 0 || f.through.in.len() > 0 {
		return &f.through
	}
	return f.stages[0]
}

// Feed feeds the filter at the wire.
func (f *Stackable) Feed(chunk []byte) error { return f.entry().Feed(chunk) }

// FeedItem feeds the filter at the wire with an item.
func (f *Stackable) FeedItem(item any) error { return hand(item, f.entry()) }

// hand feeds a filter with what another one gave.
func hand(item any, to Filter) error {
	if feeder, ok := to.(ItemFeeder); ok {
		return feeder.FeedItem(item)
	}
	s, err := text("Stackable", item)
	if err != nil {
		return err
	}
	return to.Feed([]byte(s))
}

// Next gives the oldest item that comes out of the last filter. An item that some filter cannot take is gone.
func (f *Stackable) Next() (item any, ok bool, err error) { return f.pull(f.stages) }

// pull gives the oldest item that comes out of the last of some stages, driving those before it no more than that takes.
// Stage -1 is what came while there were none.
func (f *Stackable) pull(stages []Filter) (item any, ok bool, err error) {
	top := len(stages) - 1
	for i := top; i >= -1; {
		if i == -1 {
			item, ok, err = f.through.Next()
		} else {
			item, ok, err = stages[i].Next()
		}
		switch {
		case err != nil:
			return nil, false, err
		case !ok:
			i--
		case i == top:
			return item, true, nil
		default:
			i++
			if err := hand(item, stages[i]); err != nil {
				return nil, false, err
			}
		}
	}
	return nil, false, nil
}

// EOF gives the items that Next would still give, and those that the end of input completes in any filter and that come
// out of those after it. After an error it may be called for the rest.
func (f *Stackable) EOF() ([]any, error) {
	stages := f.stages
	for i, stage := range stages {
		eofer, ok := stage.(EOFer)
		if !ok {
			continue
		}
		if i > 0 {
			if err := f.advance(stages[:i], stage); err != nil {
				return nil, err
			}
		}
		list, err := eofer.EOF()
		if i == len(stages)-1 {
			return list, err
		}
		for _, item := range list {
			if err := hand(item, stages[i+1]); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
	}
	var list []any
	for {
		item, ok, err := f.pull(stages)
		if err != nil || !ok {
			return list, err
		}
		list = append(list, item)
	}
}

// advance brings all that comes out of some stages into the next.
func (f *Stackable) advance(stages []Filter, next Filter) error {
	for {
		item, ok, err := f.pull(stages)
		if err != nil || !ok {
			return err
		}
		if err := hand(item, next); err != nil {
			return err
		}
	}
}

// Put appends what comes of the item at the wire. It stops where a filter gives nothing.
func (f *Stackable) Put(dst []byte, item any) ([]byte, error) {
	if len(f.stages) == 0 {
		return putAll("Stackable", dst, []any{item})
	}
	wire := f.stages[0]
	list, err := outward(item, f.stages[1:])
	if err != nil {
		return dst, err
	}
	out := dst
	for _, item := range list {
		if out, err = wire.Put(out, item); err != nil {
			return dst, err
		}
	}
	return out, nil
}

// PutItem gives what comes of the item at the wire: items, if the filter there gives items.
func (f *Stackable) PutItem(item any) ([]any, error) { return outward(item, f.stages) }

// outward puts an item through filters, the last one first.
func outward(item any, stages []Filter) ([]any, error) {
	list := []any{item}
	for _, stage := range slices.Backward(stages) {
		var next []any
		for _, item := range list {
			given, err := putItem(stage, item)
			if err != nil {
				return nil, err
			}
			next = append(next, given...)
		}
		list = next
	}
	return list, nil
}

// putItem puts an item through one filter. Bytes are one item, no bytes none.
func putItem(f Filter, item any) ([]any, error) {
	if putter, ok := f.(ItemPutter); ok {
		return putter.PutItem(item)
	}
	out, err := f.Put(nil, item)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return []any{string(out)}, nil
}

// Pending is what PendingItems is, as far as that is byte strings.
func (f *Stackable) Pending() []byte { return pendingText(f.PendingItems()) }

// PendingItems is what each filter holds, the last one's, which is the oldest, first.
func (f *Stackable) PendingItems() []any {
	var held []any
	for _, stage := range slices.Backward(f.stages) {
		if pender, ok := stage.(ItemPender); ok {
			held = append(held, pender.PendingItems()...)
		} else if pending := stage.Pending(); pending != nil {
			held = append(held, string(pending))
		}
	}
	return append(held, f.through.PendingItems()...)
}

// Clone gives a stack of clones.
func (f *Stackable) Clone() Filter {
	clone := &Stackable{stages: make([]Filter, len(f.stages))}
	for i, stage := range f.stages {
		clone.stages[i] = stage.Clone()
	}
	return clone
}

// Reset resets all filters. One that cannot be has its clone put in its place.
func (f *Stackable) Reset() {
	f.through.Reset()
	stages := slices.Clone(f.stages)
	for i, stage := range stages {
		if r, ok := stage.(Resetter); ok {
			r.Reset()
		} else {
			stages[i] = stage.Clone()
		}
	}
	f.stages = stages
}
