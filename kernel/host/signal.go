package host

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// otherNames are second names of signals.
var otherNames = map[string]string{"CLD": "CHLD", "IOT": "ABRT", "POLL": "IO"}

// uncatchable lists the signals that the system, or the Go runtime as the owner of the process, keeps for itself.
var uncatchable = []string{"KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT", "TRAP", "SYS", "PROF", "STKFLT", "EMT"}

// SignalNumber gives the number of a signal of this system, by its name without SIG: "INT" is 2, "CLD" is "CHLD".
func SignalNumber(name string) (number int, ok bool) {
	if first, ok := otherNames[name]; ok {
		name = first
	}
	number = int(unix.SignalNum("SIG" + name))
	return number, number != 0
}

// SignalName gives a signal's name without SIG, "" for a number that is none.
func SignalName(number int) string {
	return strings.TrimPrefix(unix.SignalName(syscall.Signal(number)), "SIG")
}

// Catchable tells whether the system's signal of that name can be caught. URG can, but Go's scheduler sends it to the
// process itself now and then, so more of them arrive than were sent.
func Catchable(name string) bool {
	number, ok := SignalNumber(name)
	return ok && !slices.Contains(uncatchable, SignalName(number))
}

// signals is what one Host catches.
type signals struct {
	mu      sync.Mutex
	receive func(number int)
	caught  map[int]*catch
	readers sync.WaitGroup
	turn    sync.Mutex // one delivery at a time
}

// catch is one signal. Each has a channel of its own, since os/signal cannot take one signal off a channel without
// a moment in which the others are not caught, either.
type catch struct {
	c      chan os.Signal
	wanted bool // Catch asked for it: deliveries are passed on
	guard  bool // Guard asked for it: it stays caught
}

// burst is how many deliveries of one signal can wait; further ones merge with them, as the system merges them.
const burst = 64

// OnSignal sets what is called with the number of each signal that was caught. It is set before the first Catch or Guard,
// and called on a goroutine of the host's, one delivery at a time.
func (h *Host) OnSignal(f func(number int)) {
	h.signals.mu.Lock()
	defer h.signals.mu.Unlock()
	h.signals.receive = f
}

// Catch starts to catch a signal. Catching it again changes nothing. A name that is not Catchable is EINVAL.
func (h *Host) Catch(name string) error {
	if err := h.Check("catch", name); err != nil {
		return err
	}
	if !Catchable(name) {
		return fmt.Errorf("catch %s: %w", name, syscall.EINVAL)
	}
	number, _ := SignalNumber(name)
	h.signals.mu.Lock()
	defer h.signals.mu.Unlock()
	h.signals.open(number).wanted = true
	return nil
}

// Release ends what Catch began: the signal has the effect again that it had before. Deliveries that were not passed on yet are
// dropped. Releasing what is not caught does nothing.
func (h *Host) Release(name string) {
	number, _ := SignalNumber(name)
	h.signals.mu.Lock()
	defer h.signals.mu.Unlock()
	held := h.signals.caught[number]
	if held == nil {
		return
	}
	if held.wanted = false; !held.guard {
		h.signals.close(number)
	}
}

// Guard is for a process that belongs to us: PIPE and QUIT are caught until Close, so that they no longer end it and yet
// keep their default in its children, which an ignored signal would not. PIPE is passed on only while Catch asked for
// it, QUIT always.
func (h *Host) Guard() {
	h.signals.mu.Lock()
	defer h.signals.mu.Unlock()
	for _, number := range []syscall.Signal{unix.SIGPIPE, unix.SIGQUIT} {
		h.signals.open(int(number)).guard = true
	}
}

// open gives the signal's catch, a new one if it is not caught yet. mu is held.
func (s *signals) open(number int) *catch {
	if held := s.caught[number]; held != nil {
		return held
	}
	held := &catch{c: make(chan os.Signal, burst)}
	if s.caught == nil {
		s.caught = map[int]*catch{}
	}
	s.caught[number] = held
	signal.Notify(held.c, syscall.Signal(number))
	s.readers.Go(func() {
		for range held.c {
			s.deliver(number)
		}
	})
	return held
}

// close ends the signal's catch. mu is held.
func (s *signals) close(number int) {
	held := s.caught[number]
	delete(s.caught, number)
	signal.Stop(held.c)
	close(held.c)
}

func (s *signals) deliver(number int) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	held, receive := s.caught[number], s.receive
	pass := held != nil && receive != nil && (held.wanted || held.guard && number == int(unix.SIGQUIT))
	s.mu.Unlock()
	if pass {
		receive(number)
	}
}

// stop ends all catches and waits until no delivery is under way.
func (s *signals) stop() {
	s.mu.Lock()
	for number := range s.caught {
		s.close(number)
	}
	s.mu.Unlock()
	s.readers.Wait()
}
