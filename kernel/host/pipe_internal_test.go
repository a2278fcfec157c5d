package host

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestStrangerOnTheInetPipeIsTurnedAway(t *testing.T) {
	listener, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(listener, inetBacklog); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	var sockets [3]int // two strangers and us
	for i := range sockets {
		if sockets[i], err = connectedSocket(address); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(sockets[i])
	}
	ours := sockets[2]
	accepted, err := acceptFrom(listener, ours)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(accepted)
	peer, err := unix.Getpeername(accepted)
	if err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(ours)
	if err != nil {
		t.Fatal(err)
	}
	if addressText(peer) != addressText(own) {
		t.Errorf("got a connection from %s, want %s", addressText(peer), addressText(own))
	}
}

func TestConnectingToNobodyIsRefused(t *testing.T) {
	fd, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(fd) // bound, but nobody listens
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connectedSocket(address); err != unix.ECONNREFUSED {
		t.Errorf("got %v, want ECONNREFUSED", err)
	}
}
