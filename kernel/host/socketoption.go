package host

import (
	"math"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketOption is something that can be asked and set on a socket.
type SocketOption struct {
	Name        string
	Flag        bool // 0 or 1
	Least, Most int  // what it can be set to; of linger, -1 means off, else it is seconds
	ReadOnly    bool

	place, place6 place // place6 is that of IPv6 sockets, if it is another one
	get           func(fd int, at place) (int, error)
	set           func(fd int, at place, value int) error
}

// place is where the system keeps an option.
type place struct{ level, option int }

const lingerMax = math.MaxInt16 // seconds; some systems hold them in that many bits

// socketOptions are all there are.
var socketOptions = []SocketOption{
	flag("nodelay", unix.IPPROTO_TCP, unix.TCP_NODELAY),
	flag("keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE),
	flag("reuse_address", unix.SOL_SOCKET, unix.SO_REUSEADDR),
	flag("reuse_port", unix.SOL_SOCKET, unix.SO_REUSEPORT),
	flag("broadcast", unix.SOL_SOCKET, unix.SO_BROADCAST),
	number("receive_buffer", 1, math.MaxInt32, place{unix.SOL_SOCKET, unix.SO_RCVBUF}, place{}),
	number("send_buffer", 1, math.MaxInt32, place{unix.SOL_SOCKET, unix.SO_SNDBUF}, place{}),
	{Name: "linger", Least: -1, Most: lingerMax, place: place{unix.SOL_SOCKET, soLinger}, get: getLinger, set: setLinger},
	number("ttl", 1, 255, place{unix.IPPROTO_IP, unix.IP_TTL}, place{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS}),
	multicast("multicast_ttl", 255, unix.IP_MULTICAST_TTL, unix.IPV6_MULTICAST_HOPS),
	multicast("multicast_loop", 1, unix.IP_MULTICAST_LOOP, unix.IPV6_MULTICAST_LOOP),
	{Name: "only_v6", Flag: true, Most: 1, place6: place{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY}, get: getInt, set: setInt},
	{Name: "error", ReadOnly: true, place: place{unix.SOL_SOCKET, unix.SO_ERROR}, get: getInt},
}

func flag(name string, level, option int) SocketOption {
	return SocketOption{Name: name, Flag: true, Most: 1, place: place{level, option}, get: getInt, set: setInt}
}

func number(name string, least, most int, at, at6 place) SocketOption {
	return SocketOption{Name: name, Least: least, Most: most, place: at, place6: at6, get: getInt, set: setInt}
}

// multicast options of IPv4 are single bytes: some systems take nothing else.
func multicast(name string, most, option4, option6 int) SocketOption {
	return SocketOption{
		Name: name, Flag: most == 1, Most: most,
		place: place{unix.IPPROTO_IP, option4}, place6: place{unix.IPPROTO_IPV6, option6},
		get: func(fd int, at place) (int, error) {
			if at.level == unix.IPPROTO_IPV6 {
				return getInt(fd, at)
			}
			value, err := unix.GetsockoptByte(fd, at.level, at.option)
			return int(value), err
		},
		set: func(fd int, at place, value int) error {
			if at.level == unix.IPPROTO_IPV6 {
				return setInt(fd, at, value)
			}
			return unix.SetsockoptByte(fd, at.level, at.option, byte(value))
		},
	}
}

// FindSocketOption gives the option of a name: nodelay keepalive reuse_address reuse_port broadcast receive_buffer send_buffer linger
// ttl multicast_ttl multicast_loop only_v6 error.
func FindSocketOption(name string) (o SocketOption, ok bool) {
	i := slices.IndexFunc(socketOptions, func(o SocketOption) bool { return o.Name == name })
	if i < 0 {
		return SocketOption{}, false
	}
	return socketOptions[i], true
}

// Option asks for an option. Some systems keep buffers larger than they were set to. Asking for "error" takes it away.
func (h *Handle) Option(o SocketOption) (value int, err error) {
	err = h.with("getsockopt", func(fd int) error {
		at, err := h.placeOf(fd, o)
		if err == nil {
			value, err = o.get(fd, at)
		}
		if o.Flag && value != 0 {
			value = 1
		}
		return failed("getsockopt", o.Name, err)
	})
	return value, err
}

// SetOption sets an option: EINVAL for a value that is not from Least to Most.
func (h *Handle) SetOption(o SocketOption, value int) error {
	return h.with("setsockopt", func(fd int) error {
		at, err := h.placeOf(fd, o)
		switch {
		case err != nil:
		case o.ReadOnly:
			err = syscall.ENOPROTOOPT
		case value < o.Least || value > o.Most:
			err = syscall.EINVAL
		default:
			err = o.set(fd, at, value)
		}
		return failed("setsockopt", o.Name, err)
	})
}

func (h *Handle) placeOf(fd int, o SocketOption) (place, error) {
	switch {
	case !h.socket:
		return place{}, syscall.ENOTSOCK
	case o.place6 != place{} && h.familyOf(fd) == Inet6:
		return o.place6, nil
	case o.place == place{}:
		return place{}, syscall.ENOPROTOOPT
	}
	return o.place, nil
}

func getInt(fd int, at place) (int, error) { return unix.GetsockoptInt(fd, at.level, at.option) }

func setInt(fd int, at place, value int) error {
	return unix.SetsockoptInt(fd, at.level, at.option, value)
}

func setFlag(fd, level, option int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	return unix.SetsockoptInt(fd, level, option, value)
}

func getLinger(fd int, at place) (int, error) {
	l, err := unix.GetsockoptLinger(fd, at.level, at.option)
	if err != nil || l.Onoff == 0 {
		return -1, err
	}
	return int(l.Linger), nil
}

func setLinger(fd int, at place, value int) error {
	l := unix.Linger{}
	if value >= 0 {
		l = unix.Linger{Onoff: 1, Linger: int32(value)}
	}
	return unix.SetsockoptLinger(fd, at.level, at.option, &l)
}

// KeepAlive says when a connection over which nothing comes is found dead. What is 0 is left to the system.
type KeepAlive struct {
	Idle     int // seconds of silence before the first probe
	Interval int // seconds between probes
	Count    int // probes without an answer
}

// KeepAlive tells how the option "keepalive" works, whether it is on or not.
func (h *Handle) KeepAlive() (k KeepAlive, err error) {
	err = h.with("getsockopt", func(fd int) error {
		return k.each(func(option int, value *int) (err error) {
			*value, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, option)
			return failed("getsockopt", "keepalive", err)
		})
	})
	return k, err
}

// SetKeepAlive sets the option "keepalive" and how it works.
func (h *Handle) SetKeepAlive(k KeepAlive) error {
	return h.with("setsockopt", func(fd int) error {
		err := k.each(func(option int, value *int) error {
			if *value == 0 {
				return nil
			}
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, *value)
		})
		if err == nil {
			err = setFlag(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, true)
		}
		return failed("setsockopt", "keepalive", err)
	})
}

func (k *KeepAlive) each(f func(option int, value *int) error) error {
	err := f(tcpKeepIdle, &k.Idle)
	if err == nil {
		err = f(unix.TCP_KEEPINTVL, &k.Interval)
	}
	if err == nil {
		err = f(unix.TCP_KEEPCNT, &k.Count)
	}
	return err
}
