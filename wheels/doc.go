// Package wheels is where I/O posts events: a wheel watches a handle for its session and tells it what came of it.
//
// There are no wheels yet.
package wheels
