package host

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Family is a kind of address.
type Family uint8

// The families. AnyFamily is IPv4 or IPv6, for look-ups.
const (
	AnyFamily Family = iota
	Inet
	Inet6
	Unix
)

// FamilyOf tells whether an address is Inet or Inet6. An IPv4 address in IPv6 notation is Inet6.
func FamilyOf(ip netip.Addr) Family {
	if ip.Is4() {
		return Inet
	}
	return Inet6
}

func (f Family) domain() int {
	switch f {
	case Inet6:
		return unix.AF_INET6
	case Unix:
		return unix.AF_UNIX
	}
	return unix.AF_INET
}

func (f Family) String() string {
	return [...]string{"any", "inet", "inet6", "unix"}[f]
}

// Address is one end of a socket. The zero Address is the end of a socket without a name.
type Address struct {
	IP   netip.AddrPort // of TCP and UDP
	Path string         // of UNIX: a path, or "@" and a name in the abstract name space
	Name string         // the host name that IP was found by, if any: it may be allowed where IP is not
}

// AnyAddress is every local address of a family, at a port; 0 lets the system choose one.
func AnyAddress(family Family, port uint16) Address {
	if family == Inet6 {
		return Address{IP: netip.AddrPortFrom(netip.IPv6Unspecified(), port)}
	}
	return Address{IP: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}
}

// ParseAddress reads an address in numbers: "127.0.0.1", "::1", "fe80::1%eth0". It knows no names.
func ParseAddress(text string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(text)
	return ip, err == nil
}

// Host is the address without the port: "127.0.0.1", "::1", a path, or nothing.
func (a Address) Host() string {
	if a.IP.IsValid() {
		return a.IP.Addr().String()
	}
	return a.Path
}

// Port is the port; 0 for a UNIX socket.
func (a Address) Port() int { return int(a.IP.Port()) }

// String is "127.0.0.1:80", "[::1]:80", a path, or nothing.
func (a Address) String() string {
	if a.IP.IsValid() {
		return a.IP.String()
	}
	return a.Path
}

func (a Address) isAbstract() bool { return strings.HasPrefix(a.Path, "@") }

// pathMax is the longest path that the system takes, which wants a zero byte after it.
const pathMax = len(unix.RawSockaddrUnix{}.Path) - 1

// sockaddr gives the system's form for a socket of the family.
func (a Address) sockaddr(family Family) (unix.Sockaddr, error) {
	if family == Unix {
		return a.sockaddrUnix()
	}
	if !a.IP.IsValid() {
		return nil, syscall.EAFNOSUPPORT
	}
	ip, port := a.IP.Addr(), int(a.IP.Port())
	if family == Inet6 {
		zone, err := zoneID(ip.Zone())
		return &unix.SockaddrInet6{Addr: ip.As16(), Port: port, ZoneId: zone}, err
	}
	if ip = ip.Unmap(); !ip.Is4() {
		return nil, syscall.EAFNOSUPPORT
	}
	return &unix.SockaddrInet4{Addr: ip.As4(), Port: port}, nil
}

func (a Address) sockaddrUnix() (unix.Sockaddr, error) {
	switch {
	case a.IP.IsValid():
		return nil, syscall.EAFNOSUPPORT
	case len(a.Path) > pathMax:
		return nil, syscall.ENAMETOOLONG
	case a.Path == "" || strings.Contains(a.Path, "\x00"): // the system would see an end there
		return nil, syscall.EINVAL
	case a.isAbstract() && !abstractNames:
		return nil, syscall.EOPNOTSUPP
	case a.Path == "@":
		return &unix.SockaddrUnix{}, nil // the system chooses a name
	}
	return &unix.SockaddrUnix{Name: a.Path}, nil
}

// zoneID gives the number of an interface; it is known by its name or by the number itself.
func zoneID(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if number, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(number), nil
	}
	found, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, syscall.ENODEV
	}
	return uint32(found.Index), nil
}

// addressOf reads the system's form.
func addressOf(from unix.Sockaddr) Address {
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		return Address{IP: netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port))}
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(from.Addr)
		if from.ZoneId != 0 && (ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast()) {
			ip = ip.WithZone(zoneName(from.ZoneId))
		}
		return Address{IP: netip.AddrPortFrom(ip, uint16(from.Port))}
	case *unix.SockaddrUnix:
		if from.Name != "@" { // which is how no name looks
			return Address{Path: from.Name}
		}
	}
	return Address{}
}

func zoneName(id uint32) string {
	if found, err := net.InterfaceByIndex(int(id)); err == nil {
		return found.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// familyOf is the handle's family. That of a wrapped descriptor has to be asked for.
func (h *Handle) familyOf(fd int) Family {
	if h.family != AnyFamily {
		return h.family
	}
	switch local, _ := unix.Getsockname(fd); local.(type) { // what is no socket fails later by itself
	case *unix.SockaddrInet6:
		return Inet6
	case *unix.SockaddrUnix:
		return Unix
	}
	return Inet
}

// checkAddress is Check for an act on an address. A path needs Write: for the entry itself when it is bound, for what it leads
// to otherwise. An abstract name must be among the patterns as it is: it is in no folder and on no host.
func (h *Host) checkAddress(op string, a Address, need Permission) error {
	switch {
	case a.isAbstract():
		if h.Allow != nil && !slices.Contains(h.patterns(need), a.Path) {
			return refusal(op, a.Path, need, false)
		}
		return h.fail(op, a.Path)
	case a.Path != "":
		return h.check(op, a.Path, need == Connect, []Permission{Write})
	}
	name := a.String()
	if a.Name != "" && !h.allows(need, name, false) {
		name = net.JoinHostPort(a.Name, strconv.Itoa(a.Port()))
	}
	return h.Check(op, name, need)
}

func (h *Host) patterns(need Permission) []string {
	if need == Listen {
		return h.Allow.Listen
	}
	return h.Allow.Connect
}
