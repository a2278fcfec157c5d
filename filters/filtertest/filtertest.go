// Package filtertest holds what every filter promises, as one suite: however a stream is cut, the same items and failures
// come out, in the same order; nothing is lost; a final failure stays; a clone starts afresh. Run takes streams with known
// items, Fuzz and Case.Invariant any bytes.
package filtertest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
)

// Case is a stream and what a filter makes of it.
type Case struct {
	Name   string
	Filter filters.Filter // in place of Run's; nil: that
	Before []any          // put before the stream comes
	Stream string
	Items  []any  // in order. A Failure among them is one of Next's
	EOF    []any  // what the end of the stream completes; of an EOFer
	Rest   string // what Pending gives when the stream has ended, before EOF is asked; not looked at after a final failure

	Show func(item any) any // what is compared, and shown, in place of an item; nil: the item

	Joined    bool // items are pieces, cut as the stream is: strings beside each other count as one
	Handover  bool // wherever the stream is cut, a clone that is fed what is pending can go on in the filter's place
	RoundTrip bool // what Put makes of the items gives the items again
}

// Failure stands for an *filters.Error among the items of a case.
type Failure struct {
	Errno   syscall.Errno
	Final   bool   // the last thing a filter gives
	Message string // "" is any
}

const (
	// long is a stream for which what takes time with the square of its length is left out.
	long = 4096

	randomCuts = 60
)

// Run feeds each stream to clones of filter: whole, in two pieces cut at every byte, byte by byte, and cut at random.
func Run(t *testing.T, filter filters.Filter, cases []Case) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if c.Filter == nil {
				c.Filter = filter
			}
			c.whole(t)
			c.cut(t)
			c.pending(t)
			c.cloned(t)
			c.handover(t)
			c.roundTrip(t)
		})
	}
}

// Fuzz checks Case.Invariant for random bytes and filters that newFilter makes.
func Fuzz(f *testing.F, newFilter func() filters.Filter, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream string) { Case{Filter: newFilter(), Stream: stream}.Invariant(t) })
}

// Invariant feeds the stream to clones of Filter, whole, byte by byte and cut at random: they give the same, and nothing
// panics. It does not look at Items, EOF and Rest.
func (c Case) Invariant(t testing.TB) {
	t.Helper()
	hash := fnv.New64()
	hash.Write([]byte(c.Stream))
	random := rand.New(rand.NewPCG(hash.Sum64(), 0))
	whole := c.normal(c.drive(t, []string{c.Stream}, false))
	_, hasBytes := c.Filter.(filters.BytesNexter)
	for i := range 4 {
		pieces := bytewise(c.Stream)
		if i > 0 {
			pieces = randomPieces(random, c.Stream)
		}
		if diff := c.normal(c.drive(t, pieces, false)).differs(whole); diff != "" {
			t.Fatalf("fed as %q: %s, the second when fed whole", pieces, diff)
		}
		if !hasBytes {
			continue
		}
		if diff := c.normal(c.drive(t, pieces, true)).differs(whole); diff != "" {
			t.Fatalf("NextBytes, fed as %q: %s, the second being Next's", pieces, diff)
		}
	}
}

// fresh is a filter to feed the stream to.
func (c Case) fresh(t testing.TB) filters.Filter {
	t.Helper()
	f := c.Filter.Clone()
	c.begin(t, f)
	return f
}

// begin puts what is to be put first.
func (c Case) begin(t testing.TB, f filters.Filter) {
	t.Helper()
	for _, item := range c.Before {
		if _, err := f.Put(nil, item); err != nil {
			t.Fatalf("put %#v: %v", item, err)
		}
	}
}

// drive feeds pieces to a fresh filter and ends the stream.
func (c Case) drive(t testing.TB, pieces []string, bytes bool) outcome {
	t.Helper()
	return drive(t, c.fresh(t), pieces, bytes)
}

// outcome is what a filter gave.
type outcome struct {
	items   []any // failures are *filters.Error
	eof     []any
	rest    string
	stopped bool // by a final failure
}

// driver feeds a filter and collects what comes.
type driver struct {
	t       testing.TB
	filter  filters.Filter
	bytes   bool // ask NextBytes
	fed     int
	outcome outcome
}

// drive feeds all pieces and ends the stream.
func drive(t testing.TB, filter filters.Filter, pieces []string, bytes bool) outcome {
	t.Helper()
	d := &driver{t: t, filter: filter, bytes: bytes}
	for _, piece := range pieces {
		d.feed(piece)
		d.drain()
	}
	return d.end()
}

// feed takes the chunk away at once, as the owner of a read buffer does.
func (d *driver) feed(piece string) {
	d.t.Helper()
	if d.outcome.stopped {
		return
	}
	if err := d.offer(piece); err != nil {
		d.t.Fatalf("feed %q: %v", clip(piece), err)
	}
}

// offer feeds what may be refused.
func (d *driver) offer(piece string) error {
	chunk := []byte(piece)
	if err := d.filter.Feed(chunk); err != nil {
		return err
	}
	d.fed += len(piece)
	for i := range chunk {
		chunk[i] ^= 0xA5
	}
	return nil
}

// drain asks for items until there is none, or none ever again.
func (d *driver) drain() {
	d.t.Helper()
	for !d.outcome.stopped {
		item, ok, err := d.next()
		var failure *filters.Error
		switch {
		case errors.As(err, &failure):
			d.outcome.items = append(d.outcome.items, failure)
			d.outcome.stopped = failure.Final
		case err != nil:
			d.t.Fatalf("next: %v, which is no *filters.Error", err)
		case !ok:
			return
		default:
			d.outcome.items = append(d.outcome.items, item)
		}
		if len(d.outcome.items) > 4*d.fed+16 {
			d.t.Fatalf("%d items came of %d bytes", len(d.outcome.items), d.fed)
		}
	}
}

func (d *driver) next() (any, bool, error) {
	if !d.bytes {
		return d.filter.Next()
	}
	item, ok, err := d.filter.(filters.BytesNexter).NextBytes()
	return string(item), ok, err
}

func (d *driver) end() outcome {
	d.t.Helper()
	if d.outcome.stopped {
		d.sticks()
		return d.outcome
	}
	d.outcome.rest = string(d.filter.Pending())
	if eofer, ok := d.filter.(filters.EOFer); ok {
		items, err := eofer.EOF()
		d.outcome.eof = items
		var failure *filters.Error
		if errors.As(err, &failure) {
			d.outcome.eof = append(d.outcome.eof, failure)
		} else if err != nil {
			d.t.Fatalf("EOF: %v, which is no *filters.Error", err)
		}
	}
	return d.outcome
}

// sticks checks that the final failure that came last comes again, and ends with a reset.
func (d *driver) sticks() {
	d.t.Helper()
	last := d.outcome.items[len(d.outcome.items)-1]
	for range 2 {
		if item, ok, err := d.next(); ok || !same(err, last) {
			d.t.Fatalf("after the final failure %v, next gave %#v, %v, %v", last, item, ok, err)
		}
		if err := d.filter.Feed([]byte("x")); err != nil && !same(err, last) { // a filter before the one that failed may take it
			d.t.Fatalf("after the final failure %v, feed gave %v", last, err)
		}
	}
	if item, ok, err := d.filter.Clone().Next(); ok || err != nil {
		d.t.Fatalf("after the final failure %v, a clone gave %#v, %v, %v", last, item, ok, err)
	}
	d.filter = filters.Reset(d.filter)
	if item, ok, err := d.next(); ok || err != nil || d.filter.Pending() != nil {
		d.t.Fatalf("after the final failure %v and a reset, next gave %#v, %v, %v, with %q pending", last, item, ok, err, d.filter.Pending())
	}
}

// differs says where two outcomes do, "" if they don't.
func (o outcome) differs(want outcome) string {
	if diff := differs("", o.items, want.items); diff != "" {
		return diff
	}
	if diff := differs("at EOF, ", o.eof, want.eof); diff != "" {
		return diff
	}
	if o.stopped != want.stopped {
		return fmt.Sprintf("a final failure: got %v, want %v", o.stopped, want.stopped)
	}
	if o.rest != want.rest {
		return fmt.Sprintf("pending: got %q, want %q", clip(o.rest), clip(want.rest))
	}
	return ""
}

func differs(where string, got, want []any) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i == len(got):
			return fmt.Sprintf("%sitem %d is missing: want %s", where, i, show(want[i]))
		case i == len(want):
			return fmt.Sprintf("%sitem %d is one too many: got %s", where, i, show(got[i]))
		case !same(got[i], want[i]):
			return fmt.Sprintf("%sitem %d: got %s, want %s", where, i, show(got[i]), show(want[i]))
		}
	}
	return ""
}

// same compares items. A Failure is as much like an error as it says.
func same(got, want any) bool {
	failure, ok := got.(*filters.Error)
	if !ok {
		return reflect.DeepEqual(got, want) || text(got) == text(want)
	}
	switch want := want.(type) {
	case Failure:
		return failure.Errno == want.Errno && failure.Final == want.Final && (want.Message == "" || failure.Message == want.Message)
	case *filters.Error:
		return *failure == *want
	}
	return false
}

// text is an item as Go writes it: so NaN equals NaN.
func text(item any) string {
	if v := reflect.ValueOf(item); v.Kind() == reflect.Pointer && !v.IsNil() {
		item = v.Elem().Interface()
	}
	return fmt.Sprintf("%#v", item)
}

func show(item any) string {
	switch item := item.(type) {
	case *filters.Error:
		return fmt.Sprintf("the failure %+v", *item)
	case Failure:
		return fmt.Sprintf("the failure %+v", item)
	}
	return clip(text(item))
}

// clip keeps messages readable.
func clip(s string) string {
	if len(s) > 300 {
		return s[:200] + "..." + s[len(s)-90:]
	}
	return s
}

// joined makes one of strings that are beside each other.
func joined(items []any) []any {
	var out []any
	for _, item := range items {
		s, ok := item.(string)
		if n := len(out) - 1; ok && n >= 0 {
			if before, ok := out[n].(string); ok {
				out[n] = before + s
				continue
			}
		}
		out = append(out, item)
	}
	return out
}

// want is the outcome that the case states.
func (c Case) want() outcome {
	o := outcome{items: c.Items, eof: c.EOF, rest: c.Rest}
	if n := len(c.Items); n > 0 {
		failure, ok := c.Items[n-1].(Failure)
		o.stopped = ok && failure.Final
	}
	if o.stopped {
		o.rest = ""
	}
	if c.Joined {
		o.items = joined(o.items)
	}
	return o
}

// normal is an outcome in the form of want's.
func (c Case) normal(o outcome) outcome {
	if o.stopped {
		o.rest = ""
	}
	o.items, o.eof = c.shown(o.items), c.shown(o.eof)
	if c.Joined {
		o.items = joined(o.items)
	}
	return o
}

// shown is items as they are compared.
func (c Case) shown(items []any) []any {
	if c.Show == nil {
		return items
	}
	out := make([]any, len(items))
	for i, item := range items {
		if _, ok := item.(*filters.Error); !ok {
			item = c.Show(item)
		}
		out[i] = item
	}
	return out
}

func (c Case) check(t *testing.T, how string, got outcome) {
	t.Helper()
	if diff := c.normal(got).differs(c.want()); diff != "" {
		t.Fatalf("%s: %s", how, diff)
	}
}

func (c Case) whole(t *testing.T) {
	f := c.fresh(t)
	c.check(t, "fed whole", drive(t, f, []string{c.Stream}, false))
	if r, ok := f.(filters.Resetter); ok {
		r.Reset()
		c.begin(t, f)
		c.check(t, "fed whole after a reset", drive(t, f, []string{c.Stream}, false))
	}
	if _, ok := f.(filters.BytesNexter); ok {
		c.check(t, "fed whole, NextBytes", c.drive(t, []string{c.Stream}, true))
	}
}

func (c Case) cut(t *testing.T) {
	for i := 1; i < len(c.Stream); i += c.stride() {
		pieces := []string{c.Stream[:i], c.Stream[i:]}
		c.check(t, fmt.Sprintf("cut at %d", i), c.drive(t, pieces, false))
	}
	c.check(t, "byte by byte", c.drive(t, bytewise(c.Stream), false))
	random := rand.New(rand.NewPCG(1, 2))
	for range min(randomCuts, 1+64*long/(len(c.Stream)+1)) {
		pieces := randomPieces(random, c.Stream)
		how := "cut at random"
		if len(c.Stream) < long {
			how = fmt.Sprintf("fed as %q", pieces)
		}
		c.check(t, how, c.drive(t, pieces, false))
		if _, ok := c.Filter.(filters.BytesNexter); ok {
			c.check(t, how+", NextBytes", c.drive(t, pieces, true))
		}
	}
}

// stride is how far apart the places are where the stream is cut in two.
func (c Case) stride() int { return 1 + len(c.Stream)*len(c.Stream)/(long*512) }

// pending checks that what is fed is pending, that asking changes nothing, and that several chunks may come before the
// first item is asked for.
func (c Case) pending(t *testing.T) {
	if len(c.Stream) > long {
		return
	}
	d := &driver{t: t, filter: c.fresh(t)}
	if p := d.filter.Pending(); p != nil {
		t.Errorf("a fresh filter has %q pending, want nil", p)
	}
	full := false
	for i, b := range bytewise(c.Stream) {
		if full = d.offer(b) != nil; full {
			break
		}
		first := string(d.filter.Pending())
		if second := string(d.filter.Pending()); first != second {
			t.Fatalf("pending: first %q, then %q", first, second)
		}
		if fed := c.Stream[:i+1]; first != fed {
			t.Fatalf("pending before any item was asked for: got %q, want %q", first, fed)
		}
	}
	if !full {
		d.drain()
		c.check(t, "asked when all had come", d.end())
	}

	d = &driver{t: t, filter: c.fresh(t)}
	for _, b := range bytewise(c.Stream) {
		d.feed(b)
		d.drain()
		first := d.filter.Pending()
		if first != nil && len(first) == 0 {
			t.Fatal("pending is empty, want nil")
		}
		if second := d.filter.Pending(); string(first) != string(second) {
			t.Fatalf("pending: first %q, then %q", first, second)
		}
	}
	c.check(t, "looked at after every byte", d.end())
}

// cloned makes clones while a filter is at work: they have nothing in them, and neither disturbs the other.
func (c Case) cloned(t *testing.T) {
	if c.Joined || len(c.Stream) > long {
		return
	}
	for _, i := range []int{len(c.Stream) / 3, len(c.Stream) / 2, len(c.Stream)} {
		d := &driver{t: t, filter: c.fresh(t)}
		d.feed(c.Stream[:i])
		if i%2 == 0 {
			d.drain()
		}
		clone := d.filter.Clone()
		if reflect.TypeOf(clone) != reflect.TypeOf(c.Filter) {
			t.Fatalf("a clone of %T is %T", c.Filter, clone)
		}
		if p := clone.Pending(); p != nil {
			t.Fatalf("a clone made after %d bytes has %q pending, want nil", i, p)
		}
		if items := drive(t, clone, nil, false).items; items != nil {
			t.Fatalf("a clone made after %d bytes gives %s", i, show(items[0]))
		}
		d.drain()
		d.feed(c.Stream[i:])
		d.drain()
		c.check(t, fmt.Sprintf("cloned after %d bytes", i), d.end())
	}
}

func (c Case) handover(t *testing.T) {
	if !c.Handover {
		return
	}
	for i := 0; i <= len(c.Stream); i += c.stride() {
		d := &driver{t: t, filter: c.fresh(t)}
		d.feed(c.Stream[:i])
		d.drain()
		if !d.outcome.stopped {
			next := c.fresh(t)
			if pending := d.filter.Pending(); pending != nil {
				if err := next.Feed(pending); err != nil {
					t.Fatalf("feed %q: %v", clip(string(pending)), err)
				}
			}
			d.filter = next
		}
		d.drain()
		d.feed(c.Stream[i:])
		d.drain()
		c.check(t, fmt.Sprintf("handed over after %d bytes", i), d.end())
	}
}

// roundTrip puts all items and reads them again. Put appends.
func (c Case) roundTrip(t *testing.T) {
	if !c.RoundTrip {
		return
	}
	f := c.Filter.Clone()
	out := []byte("before")
	for _, item := range c.Items {
		if _, ok := item.(Failure); ok {
			t.Fatal("a case with failures has no round trip")
		}
		n := len(out)
		var err error
		if out, err = f.Put(out, item); err != nil {
			t.Fatalf("put %s: %v", show(item), err)
		}
		if len(out) < n {
			t.Fatalf("put %s: %d bytes became %d", show(item), n, len(out))
		}
	}
	stream, ok := strings.CutPrefix(string(out), "before")
	if !ok {
		t.Fatal("put changed what was there")
	}
	for _, pieces := range [][]string{{stream}, bytewise(stream)} {
		got := c.drive(t, pieces, false)
		got.eof, got.rest = nil, ""
		if diff := c.normal(got).differs(Case{Items: c.Items, Joined: c.Joined}.want()); diff != "" {
			t.Fatalf("what put made, %q: %s", clip(stream), diff)
		}
	}
}

func bytewise(stream string) []string {
	pieces := make([]string, len(stream))
	for i := range pieces {
		pieces[i] = stream[i : i+1]
	}
	return pieces
}

// randomPieces cuts a stream: mostly into small pieces, now and then into large or empty ones.
func randomPieces(random *rand.Rand, stream string) []string {
	most := 1 + random.IntN(8)
	if len(stream) > long || random.IntN(4) == 0 {
		most = 1 + len(stream)/2
	}
	var pieces []string
	for len(stream) > 0 {
		n := min(random.IntN(most+1), len(stream))
		if n == 0 && random.IntN(4) > 0 {
			n = 1
		}
		pieces = append(pieces, stream[:n])
		stream = stream[n:]
	}
	return pieces
}
