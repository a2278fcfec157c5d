package filters

import (
	"bytes"
	"syscall"
)

// JSONLines has one JSON value on each line, which LF ends; CR LF is accepted. Lines of nothing but space are skipped. A
// line that is no JSON is a failure that passes.
type JSONLines struct {
	Limits
	MaxDepth   int  // as JSON's
	BigStrings bool // as JSON's

	// From makes a value of an item to put. Nil: items are values.
	From func(item any) (any, error)

	lines
	keys *Keys
}

var (
	_ Filter   = (*JSONLines)(nil)
	_ Resetter = (*JSONLines)(nil)
)

// Feed adds input.
func (f *JSONLines) Feed(chunk []byte) error {
	return f.take("jsonlines", chunk, f.most(1))
}

// Next gives the value on the oldest whole line. Null, not nil, is what stands for none.
func (f *JSONLines) Next() (item any, ok bool, err error) {
	for {
		line, ok, err := f.next("jsonlines", f.longest())
		if !ok {
			return nil, false, err
		}
		if len(bytes.Trim(line, " \t\r")) == 0 {
			continue
		}
		item, err := f.json().Thaw(line)
		if err != nil {
			return nil, false, &Error{Errno: syscall.EBADMSG, Message: "jsonlines: " + err.Error()}
		}
		return item, true, nil
	}
}

func (f *JSONLines) json() JSON {
	if f.keys == nil {
		f.keys = new(Keys)
	}
	return JSON{MaxDepth: f.MaxDepth, BigStrings: f.BigStrings, Keys: f.keys}
}

// Put appends a value and LF.
func (f *JSONLines) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		v, err := f.From(item)
		if err != nil {
			return dst, err
		}
		item = v
	}
	out, err := freeze(f.json(), "JSONLines", dst, item, f.longest())
	if err != nil {
		return dst, err
	}
	return append(out, '\n'), nil
}

// Clone gives an empty filter with the same parameters.
func (f *JSONLines) Clone() Filter {
	return &JSONLines{Limits: f.Limits, MaxDepth: f.MaxDepth, BigStrings: f.BigStrings, From: f.From}
}
