package host

import (
	"io"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// RecvFrom reads one datagram, or what is there of a stream, and tells where it is from. A datagram longer than p is cut, which
// truncated tells; an empty one is no end. With peek the next read gives the same again. Like those of Read its
// failures are bare numbers.
func (h *Handle) RecvFrom(p []byte, peek bool) (n int, from Address, truncated bool, err error) {
	if err := h.failing("recv"); err != nil {
		return 0, Address{}, false, err
	}
	flags := 0
	if peek {
		flags = unix.MSG_PEEK
	}
	p = p[:min(len(p), ioMax)]
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return 0, Address{}, false, syscall.EBADF
	}
	for {
		n, _, got, sender, err := unix.Recvmsg(h.fd, p, nil, flags)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, Address{}, false, err
		case n == 0 && len(p) > 0 && !h.isDatagram():
			return 0, Address{}, false, io.EOF
		}
		return n, addressOf(sender), got&unix.MSG_TRUNC != 0, nil
	}
}

func (h *Handle) isDatagram() bool { return h.kind == "udp" || h.kind == "unixgram" }

// SendTo sends one datagram, to the peer of a connected socket if to is the zero Address. Another one needs Connect, or
// Write for a UNIX path. Like those of Write its failures are bare numbers, except for refusals of permission.
func (h *Handle) SendTo(p []byte, to Address) (int, error) {
	if to == (Address{}) {
		return h.Write(p)
	}
	if h.host.Allow != nil || h.host.Fail != nil {
		if err := h.host.checkAddress("send", to, Connect); err != nil {
			return 0, err
		}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return 0, syscall.EBADF
	}
	address, err := to.sockaddr(h.familyOf(h.fd))
	if err != nil {
		return 0, err
	}
	for {
		n, err := unix.SendmsgN(h.fd, p, nil, address, sendFlags)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// JoinGroup has the socket receive what is sent to a multicast group. name is an interface, by its name or one of its
// addresses, that is also used for sending; "" leaves both to the system.
func (h *Handle) JoinGroup(group netip.Addr, name string) error {
	return h.setMembership(group, name, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
}

// LeaveGroup is the reverse of JoinGroup.
func (h *Handle) LeaveGroup(group netip.Addr, name string) error {
	return h.setMembership(group, name, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
}

func (h *Handle) setMembership(group netip.Addr, name string, option4, option6 int) error {
	index := 0
	if name != "" {
		var err error
		if index, err = interfaceIndex(name); err != nil {
			return &OpError{"setsockopt", name, err}
		}
	}
	return h.with("setsockopt", func(fd int) error {
		var err error
		if group.Is4() {
			err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, option4, &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(index)})
			if err == nil && index != 0 {
				err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(index)})
			}
		} else {
			err = unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, option6, &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(index)})
			if err == nil && index != 0 {
				err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index)
			}
		}
		return failed("setsockopt", group.String(), err)
	})
}

// interfaceIndex finds an interface by its name or one of its addresses.
func interfaceIndex(name string) (int, error) {
	ip, ok := ParseAddress(name)
	if !ok {
		found, err := net.InterfaceByName(name)
		if err != nil {
			return 0, syscall.ENODEV
		}
		return found.Index, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return 0, err
	}
	for _, candidate := range all {
		addresses, err := candidate.Addrs()
		if err != nil {
			return 0, err
		}
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr() == ip.WithZone("") {
				return candidate.Index, nil
			}
		}
	}
	return 0, syscall.ENODEV
}
