package host

import "golang.org/x/sys/unix"

const (
	abstractNames = false
	soLinger      = unix.SO_LINGER
	tcpKeepIdle   = unix.TCP_KEEPIDLE
)
