package host

import (
	"context"
	"testing"
)

func TestLookupsWaitForTheirTurn(t *testing.T) {
	var l lookups
	for range lookupsMax {
		if err := l.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.begin(ctx); err != context.Canceled {
		t.Errorf("got %v, want one more to wait", err)
	}
	l.end()
	if err := l.begin(t.Context()); err != nil {
		t.Errorf("got %v once one has ended", err)
	}
}
