//go:build !linux

package host

import "golang.org/x/sys/unix"

func readSocket(fd int, p []byte) (int, error) { return readFD(fd, p) }

func writeSocket(fd int, p []byte) (int, error) {
	p = p[:min(len(p), ioMax)]
	for {
		n, err := unix.SendmsgN(fd, p, nil, nil, sendFlags)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
