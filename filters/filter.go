// Package filters turns bytes into items and items into bytes. A filter knows framing and nothing of I/O, events or Lua;
// it works the same inside a wheel and alone.
//
//	f.Feed(chunk)              // bytes come in
//	item, ok, err := f.Next()  // whole items come out, one at a time
//	out, err := f.Put(nil, x)  // the way back
//
// The filters, and what an item is to them:
//
//	Line                  a line, without its end
//	Stream                all that has come
//	Block                 a byte string of a known length
//	Netstring             a byte string, as "5:hello,"
//	LengthPrefix          a byte string behind its length in binary
//	Reference             any value, in MessagePack, CBOR, JSON or what a Serializer makes of it
//	JSONLines             any value, in JSON on a line
//	CSV                   a record
//	IRC, Syslog, Snort    a message, or an alert
//	HTTPD, HTTPClient     a request, or a response
//	RecordBlock           some items together
//	GrepItems, MapItems   what a function makes of an item
//	Stackable             what comes through several filters
//
// However the same bytes are cut into chunks, the same items and failures come out, in the same order. A filter belongs to
// one goroutine at a time.
package filters

import (
	"fmt"
	"syscall"
)

// Filter is one framing. Byte strings are Go strings in items.
type Filter interface {
	// Feed adds bytes and parses nothing. It keeps no reference to chunk. An error refuses the whole chunk.
	Feed(chunk []byte) error

	// Next gives the oldest whole item. Not ok and no error: nothing is complete yet. An error is an *Error: bad input, after
	// which Next may be called again; after a final one it gives the same error until the filter is reset.
	Next() (item any, ok bool, err error)

	// Put appends the item's bytes to dst. On an error, dst comes back as it was. It keeps no reference to item.
	Put(dst []byte, item any) ([]byte, error)

	// Pending is raw input from the first byte that is not part of an item that Next gave: what another filter is fed with
	// in this one's place. It is nil when there is none. The caller changes nothing of it and is done with it at the next call.
	Pending() []byte

	// Clone gives a filter of the same parameters with nothing in it.
	Clone() Filter
}

// BytesNexter is a filter whose items are byte strings and which can give them without making a string of each.
type BytesNexter interface {
	// NextBytes is Next. The caller is done with item at the next call of any method.
	NextBytes() (item []byte, ok bool, err error)
}

// TextPutter is a filter of byte strings which can put one without it being made an item.
type TextPutter interface {
	// PutText is Put.
	PutText(dst []byte, item string) ([]byte, error)
}

// ItemFeeder is a filter that takes items in place of bytes: Grep, Map, RecordBlock.
type ItemFeeder interface {
	FeedItem(item any) error
}

// ItemPutter is a filter whose way out, towards the wire, gives items. An item may give none, one or several.
type ItemPutter interface {
	PutItem(item any) ([]any, error)
}

// ItemPender is a filter that holds items which Pending cannot tell in bytes.
type ItemPender interface {
	PendingItems() []any
}

// EOFer is a filter for which the end of input may complete items.
type EOFer interface {
	EOF() ([]any, error)
}

// Resetter is a filter that can drop what it holds, and a failure with it. Others are replaced by a clone.
type Resetter interface {
	Reset()
}

// Reset drops what f holds. It gives the filter to use from now on: f, or in the place of one that cannot be reset a clone.
func Reset(f Filter) Filter {
	if r, ok := f.(Resetter); ok {
		r.Reset()
		return f
	}
	return f.Clone()
}

// Error is bad input: EMSGSIZE when a limit is passed, EBADMSG when the bytes make no sense.
type Error struct {
	Errno   syscall.Errno
	Message string
	Final   bool // framing is lost: the filter gives this error again and again
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the number.
func (e *Error) Unwrap() error { return e.Errno }

// Limits bound what a filter holds. The zero value has the defaults.
type Limits struct {
	MaxLength int // the longest item in bytes; 0: 64 MiB
	MaxBuffer int // bytes held; 0: 512 MiB
}

// The defaults of Limits.
const (
	DefaultMaxLength = 64 << 20
	DefaultMaxBuffer = 512 << 20
)

// longest is the length of an item that is allowed. It never passes MaxBuffer: then the length of an item decides whether
// it fails, and not how its bytes were cut.
func (l Limits) longest() int {
	return max(0, min(or(l.MaxLength, DefaultMaxLength), l.maxBuffer()))
}

// most is how many bytes may wait when more come; beside is what a frame may have beside its item. The longest item fits
// in any case.
func (l Limits) most(beside int) int { return max(l.maxBuffer(), l.longest()+beside) }

func (l Limits) maxBuffer() int { return or(l.MaxBuffer, DefaultMaxBuffer) }

// or is a number, or what stands for 0.
func or(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

// Texter is an item that stands for a byte string without being one: a number that a script puts.
type Texter interface {
	ItemText() string
}

// text is an item as a byte string.
func text(filter string, item any) (string, error) {
	switch v := item.(type) {
	case string:
		return v, nil
	case Texter:
		return v.ItemText(), nil
	}
	return "", &ItemError{Filter: filter, Want: "string", Got: item}
}

// ItemError is an item that a filter cannot put: a fault of the program, not of the world.
type ItemError struct {
	Filter string // "Line"
	Want   string // "string"
	Got    any    // the item, or the part of it that is wrong
	Path   string // where in the item that is: "headers.Host"; "" the item itself
}

func (e *ItemError) Error() string {
	where := e.Filter
	if e.Path != "" {
		where += ": " + e.Path
	}
	return fmt.Sprintf("%s: %s expected, got %T", where, e.Want, e.Got)
}

// Null is nil among values, where Go's nil and an absent key would not be told apart: null of JSON, nil of MessagePack.
type Null struct{}

// Map is a table of values whose order is kept. The values that Reference and JSONLines exchange are nil or Null, bool,
// float64, string, []any and Map. Keys are strings, float64s or bools.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct {
	Key, Value any
}
