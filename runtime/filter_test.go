package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/runtime"
)

// fields is a filter of a program's: lines of key=value, which are maps.
type fields struct {
	filters.Line
	separator string
}

func (f *fields) Next() (item any, ok bool, err error) {
	line, ok, err := f.Line.Next()
	if !ok || err != nil {
		return nil, false, err
	}
	key, value, ok := strings.Cut(line.(string), f.separator)
	if !ok {
		return nil, false, &filters.Error{Errno: 74, Message: "no separator"}
	}
	return filters.Map{{Key: key, Value: value}}, true, nil
}

func (f *fields) Put(dst []byte, item any) ([]byte, error) {
	m, ok := item.(map[string]any)
	if !ok {
		return dst, &filters.ItemError{Filter: "Fields", Want: "table", Got: item}
	}
	for key, value := range m {
		dst = fmt.Appendf(dst, "%s%s%v\n", key, f.separator, value)
	}
	return dst, nil
}

func (f *fields) Clone() filters.Filter { return &fields{separator: f.separator} }

// plainFields hides what fields has by embedding and should not be used: NextBytes gives lines, not maps.
type plainFields struct{ filters.Filter }

func (f plainFields) Clone() filters.Filter { return plainFields{f.Filter.Clone()} }

func TestFilterInGoServesScripts(t *testing.T) {
	var out bytes.Buffer
	rt, err := runtime.New(runtime.Options{Stdout: &out, Stderr: &out, Idle: true})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	build := func(params map[string]any) (filters.Filter, error) {
		separator, ok := params["separator"].(string)
		if !ok {
			return nil, errors.New("separator: string expected")
		}
		return plainFields{&fields{separator: separator}}, nil
	}
	if err := rt.Filter("Fields", build); err != nil {
		t.Fatal(err)
	}
	if err := rt.Filter("Line", build); err == nil {
		t.Error("the name of a built-in filter was taken over")
	}
	err = rt.DoString("test", `
local poe = require "poe"
local f = poe.filter.Fields.new{ separator = "=" }
print(f:type(), poe.Filter.is(f), f:get("a=1\nb=")[1].a, f:get_pending()[1], f:clone():get_pending())
print(table.concat(f:put{ { x = 5 }, { y = { 1, 2 } } }))
print(pcall(f.put, f, { print }))
print(pcall(poe.filter.Fields.new, { separator = 1 }))
f:reset()
print(f:get("nonsense\n"))
poe.Session.create{ inline_states = {
  _start = function(ctx)
    local a, _, b = poe.pipe.TwoWay.new("socketpair")
    ctx.heap.w = poe.wheel.ReadWrite.new{ handle = a, filter = poe.filter.Fields.new{ separator = ":" }, input_event = "item" }
    b:write("k:v\n")
    ctx.heap.b = b
  end,
  item = function(ctx, item) print("in a wheel", item.k) ctx.heap.w:destroy() ctx.heap.b:close() end,
} }`)
	if err == nil {
		err = rt.Run(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	want := `Fields	true	1	b=	nil
x=5
y=[1 2]

false	test:6: bad argument #1 to 'put' (item 1: item: value expected, got function)
false	test:7: poe.filter.Fields.new: separator: string expected
nil	no separator	74
in a wheel	v
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
