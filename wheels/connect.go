package wheels

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// socket makes a socket.
func (v *Env) socket(family host.Family, kind host.SocketKind) (h *host.Handle, err error) {
	err = v.opening(func() (err error) {
		h, err = v.Host.Socket(family, kind)
		return err
	})
	return h, err
}

// patience is how long a connector waits for one address before it tries the next one beside it.
//
// As in RFC 8305, section 5.
const patience = 250 * time.Millisecond

// connector connects to the first of several addresses that answers.
type connector struct {
	env     *Env
	kind    host.SocketKind
	prepare func(h *host.Handle, to host.Address) error // before it is connected
	done    func(h *handle.Handle, to host.Address)     // called once
	failed  func(err error)                             // or this: with what the last address failed

	left     []host.Address // not tried yet
	attempts []*attempt     // in progress
	next     *kernel.Timeout
	last     error
}

// attempt is one address that is being tried.
type attempt struct {
	c     *connector
	h     *handle.Handle
	to    host.Address
	again *kernel.Timeout // of a UNIX listener whose queue is full; nil: the system connects
}

// interleave orders addresses so that the families take turns, beginning with that of the first: when one of them leads
// nowhere, little time is lost.
//
// As in RFC 8305, section 4.
func interleave(ips []netip.Addr) []netip.Addr {
	var first, other []netip.Addr
	for _, ip := range ips {
		if host.FamilyOf(ip) == host.FamilyOf(ips[0]) {
			first = append(first, ip)
		} else {
			other = append(other, ip)
		}
	}
	ordered := make([]netip.Addr, 0, len(ips))
	for i := range max(len(first), len(other)) {
		if i < len(first) {
			ordered = append(ordered, first[i])
		}
		if i < len(other) {
			ordered = append(ordered, other[i])
		}
	}
	return ordered
}

// step tries the next address. done and failed may be called within it.
func (c *connector) step() {
	c.next.Stop()
	c.next = nil
	for len(c.left) > 0 {
		to := c.left[0]
		c.left = c.left[1:]
		h, connected, err := c.try(to)
		switch {
		case err != nil:
			c.last = err
		case connected:
			c.stop()
			c.done(h, to)
			return
		default:
			if len(c.left) > 0 {
				c.next = c.env.Kernel.After(patience, c.step)
			}
			return
		}
	}
	if len(c.attempts) == 0 {
		c.failed(c.last)
	}
}

// try begins to connect to an address.
func (c *connector) try(to host.Address) (h *handle.Handle, connected bool, err error) {
	family := host.Unix
	if to.IP.IsValid() {
		family = host.FamilyOf(to.IP.Addr())
	}
	socket, err := c.env.socket(family, c.kind)
	if err != nil {
		return nil, false, err
	}
	if err = c.prepare(socket, to); err == nil {
		err = socket.Connect(to)
	}
	h = handle.New(socket)
	a := &attempt{c: c, h: h, to: to}
	switch {
	case err == nil:
		return h, true, nil
	case err == syscall.EINPROGRESS:
		if err = c.env.Kernel.Attach(h.FD(), kernel.Write, a); err == nil {
			err = c.env.Kernel.Want(h.FD(), kernel.Write, a, true)
		}
	case errors.Is(err, syscall.EAGAIN) && to.Path != "":
		a.retry()
		err = nil
	}
	if err != nil {
		_ = c.env.Close(h) // the descriptor is free whatever the system says
		return nil, false, err
	}
	c.attempts = append(c.attempts, a)
	return h, false, nil
}

const fullQueueRest = 10 * time.Millisecond

// retry comes back to a UNIX listener whose queue is full: the system does not tell when there is room.
func (a *attempt) retry() {
	a.again = a.c.env.Kernel.After(fullQueueRest, func() {
		a.again = nil
		err := a.h.Connect(a.to)
		if errors.Is(err, syscall.EAGAIN) {
			a.retry()
			return
		}
		a.over(err)
	})
}

// String names the attempt for people.
func (a *attempt) String() string { return "a connection to " + a.to.String() }

// Ready implements kernel.IO.
func (a *attempt) Ready(kernel.Mode) {
	a.c.env.Kernel.Detach(a.h.FD(), kernel.Write, a)
	a.over(a.h.ConnectError())
}

// Closed implements kernel.IO. Nobody else knows the handle yet.
func (a *attempt) Closed(kernel.Mode) {}

// over is called when the attempt has come to an end.
func (a *attempt) over(err error) {
	c := a.c
	c.attempts = slices.DeleteFunc(c.attempts, func(o *attempt) bool { return o == a })
	if err == nil {
		c.stop()
		c.done(a.h, a.to)
		return
	}
	c.last = err
	_ = c.env.Close(a.h) // the descriptor is free whatever the system says
	c.step()
}

// stop gives up what is in progress.
func (c *connector) stop() {
	c.next.Stop()
	c.next, c.left = nil, nil
	for _, a := range c.attempts {
		a.again.Stop()
		c.env.Kernel.Detach(a.h.FD(), kernel.Write, a)
		_ = c.env.Close(a.h) // the descriptor is free whatever the system says
	}
	c.attempts = nil
}

// where is what is to be looked up: a host and a service, either of which may be known already.
type where struct {
	host, service string // "" there is nothing to look up
	network       string // "tcp", "udp"
	family        host.Family
}

// found is what became of it.
type found struct {
	ips  []netip.Addr
	port int
}

// look looks up all of places on a goroutine and calls done, on the loop, with what was found, or with the first failure.
// cancel makes it come to an end soon; done is called all the same.
//
// Differs: POE looks names up within new, and everything waits.
func (v *Env) look(places []where, done func(all []found, err error)) (cancel context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		all, err := v.lookAll(ctx, places)
		v.Kernel.Submit(func() { done(all, err) })
	}()
	return cancel
}

func (v *Env) lookAll(ctx context.Context, places []where) ([]found, error) {
	all := make([]found, len(places))
	for i, p := range places {
		var err error
		if p.service != "" {
			if all[i].port, err = v.Host.LookupService(ctx, p.network, p.service); err != nil {
				return nil, err
			}
		}
		if p.host != "" {
			if all[i].ips, err = v.Host.LookupHost(ctx, p.host, p.family); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
