package host

import "golang.org/x/sys/unix"

const (
	abstractNames = false
	soLinger      = unix.SO_LINGER_SEC // SO_LINGER counts ticks of the clock
	tcpKeepIdle   = unix.TCP_KEEPALIVE
)
