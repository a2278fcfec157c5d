// Package profile says where a program's time goes: a profile of Lua functions and sessions that go tool pprof reads, and
// a trace of dispatches that Perfetto and Chrome show.
package profile
