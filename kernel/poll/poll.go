// Package poll says which descriptors are ready, and what time it is.
//
//	epoll      Linux
//	kqueue     macOS and the BSDs
//	poll       every Unix
//	simulated  tests: no descriptors, and time that passes as fast as it is waited for
//
// A Poller belongs to one goroutine, the loop; only Wake may come from others. The package never reads from, writes
// to or closes a descriptor it was told to watch.
package poll

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Events is a set of readiness modes.
type Events uint8

// Readiness is level triggered. A descriptor that failed or hung up is ready in those of Read and Write that are
// watched; one watched for Expedite alone is not reported for that.
const (
	Read     Events = 1 << iota
	Write           // there is room, or writing would fail at once
	Expedite        // out-of-band or priority input; Watch refuses it where the platform cannot tell
)

// Ready is a descriptor and those of its watched modes that are ready.
type Ready struct {
	FD     int
	Events Events
}

// Poller says which descriptors are ready. Loop goroutine only, but for Wake.
type Poller interface {
	// Name is what New calls it.
	Name() string

	// Watch replaces what is watched on fd. Without events it forgets fd; forgetting one that is unknown or already
	// closed is fine. After an error, fd counts as watched only if it was before.
	// Unwatch before closing: the number may be another file's at once.
	Watch(fd int, events Events) error

	// Wait appends what is ready to ready, by ascending descriptor and each once, and returns it. It waits up to
	// timeout; below 0 without end, at 0 it only looks. With nothing ready it returns after Wake or when timeout is
	// over, never before. After Close the error is os.ErrClosed. The caller keeps the slice.
	Wait(timeout time.Duration, ready []Ready) ([]Ready, error)

	// Wake ends the Wait that runs now or, if none does, the next one. Many calls before a Wait count once.
	// Safe from any goroutine, also after Close.
	Wake()

	// Stale appends, ascending, those watched descriptors that are closed: somebody closed them without telling.
	// They stay watched until forgotten. A number that has become another file's is not found.
	Stale(fds []int) []int

	// Close forgets all descriptors and closes none. Closing again does nothing.
	Close() error
}

// New opens the named poller; "" is the platform's best.
func New(name string) (Poller, error) {
	if len(pollers) == 0 {
		return nil, fmt.Errorf("open poller: %w", errors.ErrUnsupported)
	}
	for _, k := range pollers {
		if name == "" || name == k.name {
			return k.open()
		}
	}
	return nil, fmt.Errorf("open poller: unknown name %q, known are %s", name, strings.Join(Names(), ", "))
}

// Names lists the pollers New can open on this platform, best first.
func Names() []string {
	var names []string
	for _, k := range pollers {
		names = append(names, k.name)
	}
	return names
}

// kind is one entry of the platform's table of pollers.
type kind struct {
	name string
	open func() (Poller, error)
}
