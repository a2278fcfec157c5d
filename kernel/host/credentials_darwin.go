package host

import "golang.org/x/sys/unix"

func peerCredentials(fd int) (Credentials, error) {
	found, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Credentials{}, err
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	return Credentials{pid, int(found.Uid), int(found.Groups[0])}, err
}
