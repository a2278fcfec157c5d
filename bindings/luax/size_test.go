package luax_test

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

func heapInUse() int {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

// The estimate is within a third of what the heap grows by.
func TestSizeIsAboutWhatTheHeapGrowsBy(t *testing.T) {
	for _, c := range []struct {
		name  string
		count int
		make  func(i int) lua.LValue
	}{
		{"empty tables", 20_000, func(int) lua.LValue { return tableOf(0, 0) }},
		{"objects", 20_000, func(int) lua.LValue { return tableOf(0, 4) }},
		{"arrays", 5_000, func(int) lua.LValue { return tableOf(100, 0) }},
		{"maps", 500, func(int) lua.LValue { return tableOf(0, 1000) }},
		{"large tables", 5, func(int) lua.LValue { return tableOf(10_000, 100_000) }},
		{"strings", 20_000, func(i int) lua.LValue { return lua.LString(fmt.Sprintf("%0100d", i)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := make([]lua.LValue, c.count)
			before := heapInUse()
			sum := 0
			for i := range values {
				values[i] = c.make(i)
				sum += luax.Size(values[i])
			}
			grown := heapInUse() - before
			runtime.KeepAlive(values)
			if sum < grown*2/3 || sum > grown*3/2 {
				t.Errorf("estimated %d bytes, the heap has grown by %d", sum, grown)
			}
		})
	}
}

var keys = func() (all []string) {
	for i := range 100_000 {
		all = append(all, fmt.Sprintf("key%d", i))
	}
	return all
}()

// tableOf makes a table with so many items and fields whose values take no memory.
func tableOf(items, fields int) *lua.LTable {
	l := &lua.LState{}
	t := l.CreateTable(items, fields)
	for i := range items {
		t.RawSetInt(i+1, lua.LTrue)
	}
	for i := range fields {
		t.RawSetString(keys[i], lua.LTrue)
	}
	return t
}

func TestSizeCountsWhatATableOnceHad(t *testing.T) {
	table := tableOf(0, 10_000)
	full := luax.Size(table)
	for i := range 10_000 {
		table.RawSetString(keys[i], lua.LNil)
	}
	if got := luax.Size(table); got < full*2/3 {
		t.Errorf("got %d bytes, want about %d: nothing was given back", got, full)
	}
}
