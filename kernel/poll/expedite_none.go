//go:build freebsd || netbsd

package poll

// TODO: drop when these systems have a filter for out-of-band data.
var expedite []filter
