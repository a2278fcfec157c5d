package poll_test

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel/poll"
)

func TestNewKnowsItsNames(t *testing.T) {
	names := poll.Names()
	if len(names) == 0 {
		if _, err := poll.New(""); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %v, want %v", err, errors.ErrUnsupported)
		}
		return
	}
	for i, name := range append([]string{""}, names...) {
		p, err := poll.New(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := names[max(0, i-1)]; p.Name() != want {
			t.Errorf("New(%q): got %q, want %q", name, p.Name(), want)
		}
		p.Close()
	}
	_, err := poll.New("no such")
	if err == nil || !strings.Contains(err.Error(), strings.Join(names, ", ")) {
		t.Errorf("got %v, want an error that lists %v", err, names)
	}
}

func TestRealClockNeverGoesBack(t *testing.T) {
	before := time.Now()
	c := poll.RealClock()
	last := c.Now()
	for range 1000 {
		now := c.Now()
		if now < last {
			t.Fatalf("got %v after %v", now, last)
		}
		last = now
	}
	if wall := c.Wall(); wall.Before(before) {
		t.Errorf("got %v, want no earlier than %v", wall, before)
	}
}

func TestSimulatedWaitMovesTheClock(t *testing.T) {
	start := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	s := poll.NewSimulated(start)
	check := func(want time.Duration) {
		t.Helper()
		if s.Now() != want || !s.Wall().Equal(start.Add(want)) {
			t.Fatalf("got %v and %v, want %v and %v", s.Now(), s.Wall(), want, start.Add(want))
		}
	}
	wait := func(timeout time.Duration) {
		t.Helper()
		if ready, err := s.Wait(timeout, nil); len(ready) > 0 || err != nil {
			t.Fatalf("got %v, %v", ready, err)
		}
	}
	check(0)
	wait(0)
	check(0)
	wait(24 * time.Hour)
	check(24 * time.Hour)
	s.Wake()
	s.Wake()
	wait(time.Hour) // woken: no time passes
	check(24 * time.Hour)
	wait(time.Nanosecond)
	check(24*time.Hour + 1)
	wait(math.MaxInt64)
	check(math.MaxInt64)
}

func TestSimulatedWaitWithoutEndIsEndedByWake(t *testing.T) {
	s := poll.NewSimulated(time.Unix(0, 0))
	go s.Wake()
	if _, err := s.Wait(-1, nil); err != nil || s.Now() != 0 {
		t.Errorf("got %v at %v, want none at 0", err, s.Now())
	}
}

func TestSimulatedWatchesNothing(t *testing.T) {
	s := poll.NewSimulated(time.Unix(0, 0))
	if err := s.Watch(0, poll.Read); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want %v", err, errors.ErrUnsupported)
	}
	if err := s.Watch(0, 0); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	if got := s.Stale(nil); len(got) > 0 {
		t.Errorf("got %v, want none", got)
	}
	s.Close()
	s.Wake()
	if _, err := s.Wait(-1, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want %v", err, os.ErrClosed)
	}
}
