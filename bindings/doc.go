// Package bindings is where Lua meets the kernel: one file a class or module that scripts see.
//
//	Lib          the library poe for one Lua state and one kernel (lib.go)
//	kernel.go    poe.kernel and its methods; timer.go, signal.go and run.go have those that belong together
//	session.go   poe.Session: what create makes; receive.go: how its handlers are called
//	context.go   ctx
//	postback.go  postbacks and callbacks
//	handle.go    poe.Handle, poe.pipe
//
// Arguments of events travel as []any that hold lua.LValues unconverted; what the kernel itself puts into them is turned
// into Lua values when a handler is called (values.go).
package bindings
