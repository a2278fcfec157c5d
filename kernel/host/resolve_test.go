package host_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

func TestAddressInNumbersIsItsOwnAnswer(t *testing.T) {
	h := newHost(t)
	h.Allow = &host.Permissions{} // nothing is looked up
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cases := []struct {
		name   string
		family host.Family
		want   string // "" if there is none
	}{
		{"192.0.2.1", host.AnyFamily, "192.0.2.1"},
		{"192.0.2.1", host.Inet, "192.0.2.1"},
		{"192.0.2.1", host.Inet6, ""},
		{"fe80::1%7", host.AnyFamily, "fe80::1%7"},
		{"::1", host.Inet, ""},
	}
	for _, c := range cases {
		got, err := h.LookupHost(ctx, c.name, c.family)
		if c.want == "" {
			wantNotFound(t, err, "getaddrinfo", c.name)
		} else if err != nil || !slices.Equal(got, []netip.Addr{netip.MustParseAddr(c.want)}) {
			t.Errorf("%s: got %v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func wantNotFound(t *testing.T, err error, op, name string) {
	t.Helper()
	var failed *host.OpError
	if !errors.As(err, &failed) || failed.Op != op || failed.Name != name || host.Errno(err) != syscall.EADDRNOTAVAIL {
		t.Errorf("got %v, want %s %s: EADDRNOTAVAIL", err, op, name)
	}
}

func TestLocalhostIsOnLoopback(t *testing.T) {
	h := newHost(t)
	h.Allow = &host.Permissions{Connect: []string{"localhost:80"}}
	found, err := h.LookupHost(t.Context(), "localhost", host.Inet)
	if err != nil || !slices.ContainsFunc(found, netip.Addr.IsLoopback) {
		t.Errorf("got %v, %v, want a loopback address", found, err)
	}
}

func TestNamesThatDoNotResolveAreEADDRNOTAVAIL(t *testing.T) {
	h := newHost(t)
	for _, name := range []string{"", "no such name", "x\x00y", "a..b"} { // none of which is worth asking a server
		_, err := h.LookupHost(t.Context(), name, host.AnyFamily)
		wantNotFound(t, err, "getaddrinfo", name)
	}
}

func TestLookupsNeedPermission(t *testing.T) {
	h := newHost(t)
	h.Allow = &host.Permissions{Connect: []string{"*.example.org:80"}, Listen: []string{"localhost"}}
	var refused *host.PermissionError
	if _, err := h.LookupHost(t.Context(), "secret.example.com", host.AnyFamily); !errors.As(err, &refused) || refused.Needs != "connect=secret.example.com" {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := h.LookupHost(t.Context(), "localhost", host.Inet); err != nil {
		t.Errorf("got %v for a name to listen at", err)
	}
}

func TestLookupsEndWithTheirContext(t *testing.T) {
	h := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, hostErr := h.LookupHost(ctx, "localhost.invalid", host.AnyFamily)
	_, serviceErr := h.LookupService(ctx, "tcp", "nonesuch")
	for _, err := range []error{hostErr, serviceErr} {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want it to be cancelled", err)
		}
	}
	if hostErr == nil {
		t.Error("an invalid name was found")
	}
}

func TestServices(t *testing.T) {
	h := newHost(t)
	for name, want := range map[string]int{"80": 80, "0": 0, "65535": 65535, "http": 80} {
		if got, err := h.LookupService(t.Context(), "tcp", name); got != want {
			t.Errorf("%s: got %d, %v, want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"", "nonesuch", "65536", "-1"} {
		_, err := h.LookupService(t.Context(), "tcp", name)
		wantNotFound(t, err, "getservbyname", name)
	}
}
