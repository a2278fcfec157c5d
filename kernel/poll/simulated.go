package poll

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// Simulated is a clock and the poller that moves it: to wait is to let that time have passed. It watches no
// descriptors. Loop goroutine only, but for Wake.
type Simulated struct {
	start  time.Time
	now    time.Duration
	wake   chan struct{} // holds one token: many calls of Wake count once
	closed bool
}

var (
	_ Poller = (*Simulated)(nil)
	_ Clock  = (*Simulated)(nil)
)

// NewSimulated returns a clock at 0 whose wall clock shows start.
func NewSimulated(start time.Time) *Simulated {
	return &Simulated{start: start, wake: make(chan struct{}, 1)}
}

// Name is "simulated".
func (s *Simulated) Name() string { return "simulated" }

// Now is the sum of all timeouts waited for.
func (s *Simulated) Now() time.Duration { return s.now }

// Wall is exactly the start plus Now.
func (s *Simulated) Wall() time.Time { return s.start.Add(s.now) }

// Watch can only forget.
func (s *Simulated) Watch(fd int, events Events) error {
	if events == 0 {
		return nil
	}
	return fmt.Errorf("watch descriptor %d: the simulated clock watches no real handle: %w", fd, errors.ErrUnsupported)
}

// Wait moves the clock forward by timeout and returns at once; after Wake the clock stays. Below 0 it blocks until
// Wake, because nothing else could happen.
func (s *Simulated) Wait(timeout time.Duration, ready []Ready) ([]Ready, error) {
	if s.closed {
		return ready, os.ErrClosed
	}
	if timeout < 0 {
		<-s.wake
		return ready, nil
	}
	select {
	case <-s.wake:
	default:
		s.now += min(timeout, math.MaxInt64-s.now) // the end of time stays the end
	}
	return ready, nil
}

// Wake ends the Wait that runs now or, if none does, the next one. Safe from any goroutine, also after Close.
func (s *Simulated) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Stale appends nothing.
func (s *Simulated) Stale(fds []int) []int { return fds }

// Close makes Wait fail. The clock can still be read.
func (s *Simulated) Close() error {
	s.closed = true
	return nil
}
