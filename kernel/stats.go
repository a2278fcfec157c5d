package kernel

import (
	"fmt"
	"io"
	"time"
)

// Stats counts what happened since the kernel was made.
type Stats struct {
	Dispatched      uint64 // queued events that were dispatched
	Queued          uint64
	Timers          uint64
	IOEvents        uint64
	Signals         uint64 // dispatched, whoever sent them
	Calls           uint64
	SessionsCreated uint64
	SessionsStopped uint64
	Iterations      uint64
	Errors          uint64
	Idle            time.Duration // spent waiting
	User            time.Duration // processor time of the process
	MaxQueue        int
}

// Stats gives the counts.
func (k *Kernel) Stats() Stats {
	s := k.count
	s.MaxQueue = k.queue.peak
	s.Queued = k.queue.queued
	s.User = userTime() - k.userStart
	return s
}

// WriteTo writes the counts as a table.
func (s Stats) WriteTo(w io.Writer) (int64, error) {
	n, err := fmt.Fprintf(w, `events dispatched  %12d
events queued      %12d
timers set         %12d
I/O events         %12d
signals            %12d
calls              %12d
sessions created   %12d
sessions stopped   %12d
iterations         %12d
errors             %12d
longest queue      %12d
idle seconds       %12.3f
user seconds       %12.3f
`, s.Dispatched, s.Queued, s.Timers, s.IOEvents, s.Signals, s.Calls, s.SessionsCreated, s.SessionsStopped, s.Iterations,
		s.Errors, s.MaxQueue, s.Idle.Seconds(), s.User.Seconds())
	return int64(n), err
}
