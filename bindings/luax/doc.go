// Package luax helps to bind Go to Lua: protected calls, arguments and their errors, options, results. It knows
// nothing of POE.
//
// Everything here belongs to the goroutine of the Lua state it is given.
package luax
