package bindings

import (
	"errors"
	"io"
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

func (b *Lib) openDrivers(l *lua.LState) {
	methods := class(l, map[string]lua.LGFunction{
		"get":                       b.driverGet,
		"put":                       b.driverPut,
		"flush":                     b.driverFlush,
		"get_out_messages_buffered": b.driverMessages("get_out_messages_buffered"),
		"get_out_messages_left":     b.driverMessages("get_out_messages_left"),
		"get_out_octets_left":       b.driverOctets,
	})
	b.driverMeta = metatable(l, "poe.driver.SysRW", methods, nil)
	drivers := l.CreateTable(0, 1)
	drivers.RawSetString("SysRW", class(l, map[string]lua.LGFunction{"new": b.driverNew}))
	b.module.RawSetString("driver", drivers)
}

func (b *Lib) driverNew(l *lua.LState) int {
	p := luax.NewParams(l, 1, "poe.driver.SysRW.new")
	d := &handle.SysRW{BlockSize: p.Int("block_size", 1, math.MaxInt, handle.DefaultBlockSize), Spare: &b.spare}
	p.Done()
	l.Push(&lua.LUserData{Value: d, Metatable: b.driverMeta})
	return 1
}

// checkedDriver is v as a driver; nil if it is none of ours.
func checkedDriver(v lua.LValue) *handle.SysRW {
	if ud, ok := v.(*lua.LUserData); ok {
		if d, ok := ud.Value.(*handle.SysRW); ok {
			return d
		}
	}
	return nil
}

func checkDriver(l *lua.LState, method string) *handle.SysRW {
	d := checkedDriver(l.Get(1))
	if d == nil {
		l.RaiseError("calling '%s' on a bad self (use driver:%s)", method, method)
	}
	return d
}

// withHandle calls f with what argument 1 names: a handle, a Lua file or a descriptor's number. The descriptor of the
// last two is ours for the time of the call only, and blocks afterwards if it did before.
func (b *Lib) withHandle(a luax.Args, f func(h *host.Handle) error) error {
	if h := checkedHandle(a.Get(1)); h != nil {
		if h.FD() < 0 {
			return errClosed
		}
		return f(h.Handle)
	}
	fd := b.descriptorArg(a, 1)
	if fd < 0 {
		return errClosed
	}
	h, err := b.host.Wrap(fd, true)
	if err != nil {
		return err
	}
	err = f(h)
	return errors.Join(err, h.Close())
}

// driverGet reads a block: an array of it, empty when nothing is there now. At the end of input it gives nil, "" and 0.
func (b *Lib) driverGet(l *lua.LState) int {
	d := checkDriver(l, "get")
	b.k.Touch()
	var p []byte
	err := b.withHandle(luax.Args{L: l, Name: "get", Base: 1}, func(h *host.Handle) (err error) {
		p, err = d.Get(h)
		return err
	})
	switch {
	case errors.Is(err, io.EOF):
		return pushEnd(l)
	case err != nil:
		return luax.Failure(l, err)
	}
	chunks := l.CreateTable(1, 0)
	if p != nil {
		chunks.RawSetInt(1, lua.LString(p))
	}
	l.Push(chunks)
	return 1
}

// driverPut queues an array of strings and tells how many bytes are queued.
func (b *Lib) driverPut(l *lua.LState) int {
	d := checkDriver(l, "put")
	a := luax.Args{L: l, Name: "put", Base: 1}
	list, ok := a.Get(1).(*lua.LTable)
	if !ok {
		a.Fail(1, "array of strings")
	}
	chunks := make([]string, list.Len())
	for i := range chunks {
		v := list.RawGetInt(i + 1)
		s, ok := v.(lua.LString)
		if !ok {
			luax.ArgError(l, "put", 1, "array of strings expected, got "+luax.TypeName(v)+" in it")
		}
		chunks[i] = string(s)
	}
	if err := d.PutStrings(chunks); err != nil {
		return luax.Failure(l, err)
	}
	l.Push(lua.LNumber(d.Octets()))
	return 1
}

// driverFlush writes what the handle takes: the bytes left, with message and errno when a write failed.
func (b *Lib) driverFlush(l *lua.LState) int {
	d := checkDriver(l, "flush")
	b.k.Touch()
	err := b.withHandle(luax.Args{L: l, Name: "flush", Base: 1}, func(h *host.Handle) error {
		_, err := d.Flush(h)
		return err
	})
	if err == nil {
		l.Push(lua.LNumber(d.Octets()))
		return 1
	}
	n := luax.Failure(l, err)
	l.Replace(l.GetTop()-n+1, lua.LNumber(d.Octets()))
	return n
}

func (b *Lib) driverMessages(method string) lua.LGFunction {
	return func(l *lua.LState) int {
		l.Push(lua.LNumber(checkDriver(l, method).Messages()))
		return 1
	}
}

func (b *Lib) driverOctets(l *lua.LState) int {
	l.Push(lua.LNumber(checkDriver(l, "get_out_octets_left").Octets()))
	return 1
}
