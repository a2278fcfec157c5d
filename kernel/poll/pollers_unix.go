//go:build unix && !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package poll

var pollers = []kind{{"poll", newPortable}}
