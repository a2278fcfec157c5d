//go:build linux && (ppc || ppc64 || ppc64le)

package host

import "golang.org/x/sys/unix"

// Here the requests always carried speeds as numbers.
const (
	getSettings = unix.TCGETS
	setSettings = unix.TCSETS
)
