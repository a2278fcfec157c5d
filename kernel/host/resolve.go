package host

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// lookupsMax is how many look-ups are under way at once; each may take a thread. Others wait for their turn.
const lookupsMax = 64

// lookups are the turns of those that look something up.
type lookups struct {
	once sync.Once
	free chan struct{}
}

func (l *lookups) begin(ctx context.Context) error {
	l.once.Do(func() { l.free = make(chan struct{}, lookupsMax) })
	select {
	case l.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lookups) end() { <-l.free }

// notFound is what a resolver says, with the number that POE gives to all of that.
type notFound struct{ text string }

func (e notFound) Error() string { return e.text }
func (e notFound) Unwrap() error { return syscall.EADDRNOTAVAIL }

// LookupHost finds the addresses of a host, the one to try first in front. An address in numbers is its own answer. It blocks
// until ctx is done and so is for goroutines other than the loop's. The name must be allowed by a pattern of Connect or
// Listen, at whatever port: looking it up tells others about it. A name that has no address of the family is EADDRNOTAVAIL,
// with the Op "getaddrinfo".
func (h *Host) LookupHost(ctx context.Context, name string, family Family) ([]netip.Addr, error) {
	const op = "getaddrinfo"
	if ip, ok := ParseAddress(name); ok {
		if family != AnyFamily && FamilyOf(ip) != family {
			return nil, &OpError{op, name, notFound{"no " + family.String() + " address"}}
		}
		return []netip.Addr{ip}, nil
	}
	if err := h.checkName(op, name); err != nil {
		return nil, err
	}
	if err := h.lookups.begin(ctx); err != nil {
		return nil, &OpError{op, name, err}
	}
	defer h.lookups.end()
	network := "ip"
	switch family {
	case Inet:
		network = "ip4"
	case Inet6:
		network = "ip6"
	}
	found, err := new(net.Resolver).LookupNetIP(ctx, network, name)
	if err == nil && len(found) == 0 {
		err = errors.New("no address")
	}
	if err != nil {
		return nil, lookupError(ctx, op, name, err)
	}
	for i, ip := range found {
		found[i] = ip.Unmap()
	}
	return found, nil
}

// checkName asks whether a host may be looked up.
func (h *Host) checkName(op, name string) error {
	if h.Allow != nil {
		matches := func(pattern string) bool {
			want, _ := splitAddress(pattern)
			return pattern != "" && matchesHost(want, strings.TrimSuffix(name, "."))
		}
		if !slices.ContainsFunc(h.Allow.Connect, matches) && !slices.ContainsFunc(h.Allow.Listen, matches) {
			return refusal(op, name, Connect, false)
		}
	}
	return h.fail(op, name)
}

// LookupService finds the port of a service, such as "http" of the network "tcp". A number is its own answer. It blocks as
// LookupHost does. An unknown one is EADDRNOTAVAIL, with the Op "getservbyname".
func (h *Host) LookupService(ctx context.Context, network, name string) (int, error) {
	const op = "getservbyname"
	if port, err := strconv.ParseUint(name, 10, 16); err == nil {
		return int(port), nil
	}
	if name == "" { // which a resolver takes for 0
		return 0, &OpError{op, name, notFound{"no service is named"}}
	}
	if err := h.Check(op, name); err != nil {
		return 0, err
	}
	if err := h.lookups.begin(ctx); err != nil {
		return 0, &OpError{op, name, err}
	}
	defer h.lookups.end()
	port, err := new(net.Resolver).LookupPort(ctx, network, name)
	if err != nil {
		return 0, lookupError(ctx, op, name, err)
	}
	return port, nil
}

func lookupError(ctx context.Context, op, name string, err error) error {
	if ctx.Err() != nil {
		return &OpError{op, name, ctx.Err()}
	}
	text := err.Error()
	if found, ok := errors.AsType[*net.DNSError](err); ok {
		text = found.Err // the rest names the name again
	}
	return &OpError{op, name, notFound{text}}
}
