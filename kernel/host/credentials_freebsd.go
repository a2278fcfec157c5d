package host

import "golang.org/x/sys/unix"

const solLocal = 0 // the level of what only UNIX sockets have

func peerCredentials(fd int) (Credentials, error) {
	found, err := unix.GetsockoptXucred(fd, solLocal, unix.LOCAL_PEERCRED)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{UID: int(found.Uid), GID: int(found.Groups[0])}, nil
}
