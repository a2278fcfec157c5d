package runtime

import (
	"context"
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings"
	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// ScriptError is an error that a script raised and nobody handled.
type ScriptError struct {
	Session   kernel.SessionID // whose handler failed; 0 for the main chunk
	Event     string           // the event it handled
	Message   string           // with file and line, if it was raised with them
	Traceback string           // the Lua calls, innermost first
	Value     any              // what was raised: nil, bool, float64, string, or for other values the lua.LValue

	cause error
}

func (e *ScriptError) Error() string { return e.Message }

// Unwrap gives the Go error behind it, if there is one.
func (e *ScriptError) Unwrap() error { return e.cause }

// Detail is message and traceback, as the command prints them.
func (e *ScriptError) Detail() string {
	if e.Traceback == "" {
		return e.Message
	}
	return e.Message + "\n" + e.Traceback
}

func (rt *Runtime) scriptError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var e *luax.Error
	if direct, ok := err.(*luax.Error); ok {
		e = direct
		if f := rt.lib.Remembered(e.Value); f != nil {
			err = f // kernel:run raised what a handler had raised: where that was matters
		}
	}
	f := bindings.AsFailure(err)
	switch {
	case f != nil:
		return &ScriptError{Session: f.Session, Event: f.Event, Message: f.Lua.Message, Traceback: f.Lua.Traceback,
			Value: goValue(f.Lua.Value), cause: f.Lua.Cause}
	case e != nil:
		return &ScriptError{Message: e.Message, Traceback: e.Traceback, Value: goValue(e.Value), cause: e.Cause}
	default:
		return &ScriptError{Message: err.Error(), Value: err.Error(), cause: err}
	}
}

func goValue(v lua.LValue) any {
	switch v := v.(type) {
	case *lua.LNilType:
		return nil
	case lua.LBool:
		return bool(v)
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		return string(v)
	default:
		return v
	}
}

// Report tells, on the runtime's standard error, of an error that does not end the run.
func (rt *Runtime) Report(err error) {
	var script *ScriptError
	if !errors.As(err, &script) {
		errors.As(rt.scriptError(err), &script)
	}
	text := err.Error()
	if script != nil {
		text = script.Detail()
	}
	fmt.Fprintf(rt.stderr, "poelua: %s\n", text)
}
