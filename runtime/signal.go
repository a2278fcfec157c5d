package runtime

import (
	"fmt"
	"time"

	"github.com/poelua/poelua/kernel/host"
)

// signalSource catches what the kernel's sessions watch. What the command always catches stays caught.
type signalSource struct {
	host *host.Host
	keep bool
}

func (s *signalSource) Catch(name string) error {
	if !host.Catchable(name) {
		return fmt.Errorf("%s cannot be caught", name)
	}
	return s.host.Catch(name)
}

func (s *signalSource) Release(name string) {
	if s.keep && (name == "INT" || name == "TERM" || name == "QUIT") {
		return
	}
	if host.Catchable(name) {
		s.host.Release(name)
	}
}

// patience is how long a signal to end may wait for the loop before a second one ends the process at once.
const patience = time.Second

// onSignal hands a signal of the system to the loop. It runs on a goroutine of the host's.
func (rt *Runtime) onSignal(number int) {
	name := host.SignalName(number)
	if name == "INT" && rt.onInterrupt != nil && rt.onInterrupt() {
		return
	}
	switch name {
	case "CHLD":
		return // the kernel hears of the ends of processes that it started, one by one
	case "INT", "TERM":
		now := time.Now().UnixNano()
		since := rt.waiting.Load()
		if rt.k.Ending() || since != 0 && now-since > int64(patience) {
			rt.host.Exit(128 + number)
		}
		if since == 0 {
			rt.waiting.Store(now)
		}
	case "QUIT":
		rt.k.Submit(rt.onQuit)
		go rt.expectQuit()
		return
	}
	rt.k.Submit(func() {
		rt.waiting.Store(0)
		rt.k.SystemSignal(name)
	})
}

// onQuit passes QUIT to those who watch it; if nobody does, it shows what the program is doing.
func (rt *Runtime) onQuit() {
	rt.quits.Add(1)
	if rt.k.Watches("QUIT") {
		rt.k.SystemSignal("QUIT")
		return
	}
	rt.k.Dump(rt.stderr)
}

// expectQuit tells that the loop has not come round, so that QUIT is never answered by silence.
func (rt *Runtime) expectQuit() {
	before := rt.quits.Load()
	time.Sleep(patience)
	if rt.quits.Load() == before {
		fmt.Fprintln(rt.stderr, "poelua: a handler has been running for more than a second; sessions and queue are shown when it returns")
	}
}
