package host

import "syscall"

// Credentials tell who is at the other end of a UNIX connection, as the system saw it when the connection was made.
type Credentials struct {
	Pid int // 0 where the system does not tell
	UID int
	GID int
}

// PeerCredentials tells who is at the other end. Only connected UNIX streams know.
func (h *Handle) PeerCredentials() (c Credentials, err error) {
	err = h.with("peer_credentials", func(fd int) error {
		if h.kind != "unix" {
			return failed("getsockopt", "peer_credentials", syscall.EOPNOTSUPP)
		}
		c, err = peerCredentials(fd)
		return failed("getsockopt", "peer_credentials", err)
	})
	return c, err
}
