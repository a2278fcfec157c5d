package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func peerCredentials(fd int) (Credentials, error) {
	found, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Credentials{}, err
	}
	if found.Pid == 0 && found.Uid == 1<<32-1 { // nobody is there
		return Credentials{}, syscall.ENOTCONN
	}
	return Credentials{int(found.Pid), int(found.Uid), int(found.Gid)}, nil
}
