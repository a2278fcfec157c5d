// Package kernel is the cooperative event kernel: a queue, the tree of sessions, and everything that can make
// an event happen (posts, timers, signals, I/O watchers, ends of processes).
//
// What there is:
//
//	Kernel     the loop and its tables (loop.go reads as a list of phases)
//	Task       a session as the kernel keeps it: its place in the tree and what keeps it alive (task.go)
//	Receiver   what a task's events are given to; a Lua session is one, a Go Session another
//	Dispatch   one event being handled
//	Observer   hears of what happens as it happens: traces, statistics and peek are made of it
//	event      one event waiting; the queue orders events by due time, then by the order of queueing
//
// The kernel carries, it does not look: arguments are any, places in a program are opaque Sites, and what
// handles an event is behind Receiver. It knows nothing of Lua, wheels or filters.
//
// All of it belongs to the goroutine that is in Run (or that calls anything else while Run is not running).
// Submit, Known and Ending are the only calls that are safe from any goroutine.
//
// Behaviour follows POE 1.370 (POE::Kernel and POE::Resource::*); lines that begin with "Differs:" say where not.
package kernel
