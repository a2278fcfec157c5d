package host

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// kindOf tells what a descriptor is: "tcp" "udp" "unix" "unixgram" "pipe" "file" "pty" "serial" "tty" "fifo" "dir"
// or "other", and whether it is a socket.
func kindOf(fd int) (kind string, socket bool) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "other", false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return socketKind(fd), true
	case unix.S_IFIFO:
		if isNamedPipe(fd, &st) {
			return "fifo", false
		}
		return "pipe", false
	case unix.S_IFREG:
		return "file", false
	case unix.S_IFDIR:
		return "dir", false
	case unix.S_IFCHR:
		if IsTerminal(fd) {
			return terminalKind(fd), false
		}
	}
	return "other", false
}

func socketKind(fd int) string {
	address, err := unix.Getsockname(fd)
	if err != nil {
		return "other"
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "other"
	}
	datagram := kind == unix.SOCK_DGRAM
	switch address.(type) {
	case *unix.SockaddrInet4, *unix.SockaddrInet6:
		if datagram {
			return "udp"
		}
		if kind == unix.SOCK_STREAM {
			return "tcp"
		}
	case *unix.SockaddrUnix:
		if datagram {
			return "unixgram"
		}
		return "unix"
	}
	return "other"
}

// IsTerminal says whether a descriptor is a terminal.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, getTermios)
	return err == nil
}

// endpoints describes a socket's addresses: "local->peer", "local" when there is no peer, "" when there is none.
func endpoints(fd int) string {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	text := addressText(local)
	if peer, err := unix.Getpeername(fd); err == nil {
		if far := addressText(peer); far != "" {
			text += "->" + far
		}
	}
	return text
}

func addressText(address unix.Sockaddr) string {
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrUnix:
		return a.Name
	}
	return ""
}
