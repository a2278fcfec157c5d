// Package pattern matches the string patterns of Lua 5.1. A pattern is compiled once to a Program; a Matcher runs it over
// a subject. Both are bytes without an encoding. The package knows nothing of Lua's values.
//
// It matches what Lua 5.1 matches and finds the faults that it finds, no others and no sooner. What would take too
// long it gives up with ErrTooComplex.
package pattern
