package poll

import "time"

// Clock is where a kernel reads time.
type Clock interface {
	Now() time.Duration // monotonic, since the clock was made; never goes back
	Wall() time.Time    // the wall clock now
}

// RealClock returns the system's clock, started now. Safe from any goroutine.
func RealClock() Clock { return realClock{time.Now()} }

type realClock struct{ start time.Time }

func (c realClock) Now() time.Duration { return time.Since(c.start) }
func (c realClock) Wall() time.Time    { return time.Now() }
