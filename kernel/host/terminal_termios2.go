//go:build linux && !ppc && !ppc64 && !ppc64le

package host

import "golang.org/x/sys/unix"

// The older pair of requests does not carry speeds as numbers.
const (
	getSettings = unix.TCGETS2
	setSettings = unix.TCSETS2
)
