// Package filters is where bytes become items and items bytes. It knows nothing of I/O, events or Lua.
//
// There are no filters yet.
package filters
