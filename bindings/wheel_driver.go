package bindings

import (
	"io"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// scriptDriver is an object with the methods of a driver, in the place of the wheel's own queue.
type scriptDriver struct {
	functions
	object lua.LValue
	in     lua.LValue // the handles as the script knows them
	out    lua.LValue
}

// readWriteDriver reads the parameter driver.
func (b *Lib) readWriteDriver(p *luax.Params, w *readWrite, o *wheels.ReadWriteConfig) {
	v := p.Get("driver")
	if v == lua.LNil {
		return
	}
	for _, method := range []string{"get", "put", "flush", "get_out_messages_buffered"} {
		if !b.hasMethod(v, method) {
			p.Raise("driver: it has no method '%s'", method)
		}
	}
	w.rarely().driver = v
	o.Driver = &scriptDriver{functions: functions{b: b}, object: v, in: objectOrNil(w.in), out: objectOrNil(w.out)}
}

func (d *scriptDriver) method(name string, nret int, args ...lua.LValue) ([]lua.LValue, error) {
	return d.call(nret, d.b.method, append([]lua.LValue{d.object, lua.LString(name)}, args...)...)
}

// Get implements wheels.Driver.
func (d *scriptDriver) Get(*handle.Handle) ([]byte, error) {
	r, err := d.method("get", 3, d.in)
	if err != nil {
		return nil, err
	}
	switch t := r[0].(type) {
	case *lua.LTable:
		var chunk []byte
		for i := 1; i <= t.Len(); i++ {
			s, ok := t.RawGetInt(i).(lua.LString)
			if !ok {
				return nil, scriptError("the method 'get' of a driver returned an array with a %s, want strings", luax.TypeName(t.RawGetInt(i)))
			}
			chunk = append(chunk, s...)
		}
		return chunk, nil
	case *lua.LNilType:
		if r[2] == lua.LNumber(0) {
			return nil, io.EOF
		}
		return nil, failureOf(r[1], r[2])
	}
	return nil, scriptError("the method 'get' of a driver returned a %s, want an array", luax.TypeName(r[0]))
}

// Put implements wheels.Driver.
func (d *scriptDriver) Put(chunk []byte) (int, error) {
	t := d.b.main.CreateTable(1, 0)
	t.RawSetInt(1, lua.LString(chunk))
	return d.count("put", t)
}

// Flush implements wheels.Driver.
func (d *scriptDriver) Flush(*handle.Handle) (int, error) {
	r, err := d.method("flush", 3, d.out)
	if err != nil {
		return 0, err
	}
	left, ok := r[0].(lua.LNumber)
	switch {
	case !ok || left < 0:
		return 0, scriptError("the method 'flush' of a driver returned %s, want the number of bytes left", luax.Text(r[0]))
	case r[1] != lua.LNil:
		return int(left), failureOf(r[1], r[2])
	}
	return int(left), nil
}

// Messages implements wheels.Driver.
func (d *scriptDriver) Messages() (int, error) { return d.count("get_out_messages_buffered") }

// count calls a method that gives a number.
func (d *scriptDriver) count(method string, args ...lua.LValue) (int, error) {
	r, err := d.method(method, 1, args...)
	if err != nil {
		return 0, err
	}
	n, ok := r[0].(lua.LNumber)
	if !ok || n < 0 {
		return 0, scriptError("the method '%s' of a driver returned %s, want a number", method, luax.Text(r[0]))
	}
	return int(n), nil
}

// failureOf is the error that a script tells with message and errno.
func failureOf(message, errno lua.LValue) error {
	e := &kernel.Error{Errno: errnoOf(errno), Message: luax.Text(message)}
	if message == lua.LNil {
		e.Message = e.Errno.Error()
	}
	return e
}

// errnoOf is a number that a script gives for an errno, EIO if it is none.
func errnoOf(v lua.LValue) syscall.Errno {
	if n, ok := v.(lua.LNumber); ok && n >= 1 && n < 4096 && n == lua.LNumber(int(n)) {
		return syscall.Errno(n)
	}
	return syscall.EIO
}
