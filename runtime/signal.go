package runtime

import (
	"bytes"
	"fmt"
	"sync/atomic"
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
		rt.askQuit()
		return
	}
	rt.k.Submit(func() {
		rt.waiting.Store(0)
		rt.k.SystemSignal(name)
	})
}

// quit is what has become of a QUIT.
type quit struct{ state atomic.Int32 }

const (
	quitWaits  = iota
	quitPassed // to the sessions that watch it, when the handler that runs has returned
	quitShown
)

// askQuit has a QUIT answered on the loop's goroutine: between two events, or with a meter within the handler that
// runs, whichever comes first.
func (rt *Runtime) askQuit() {
	q := &quit{}
	rt.k.Submit(func() {
		switch {
		case q.state.Swap(quitShown) == quitShown:
		case rt.k.Watches("QUIT"):
			rt.k.SystemSignal("QUIT")
		default:
			rt.k.Dump(rt.stderr)
		}
	})
	if rt.meter != nil {
		rt.meter.Ask(func() {
			switch {
			case q.state.Load() == quitShown:
			case rt.k.Watches("QUIT"):
				q.state.Store(quitPassed)
			default:
				q.state.Store(quitShown)
				rt.showHandler()
			}
		})
	}
	go rt.expectQuit(q)
}

// showHandler shows what the program is doing in the midst of a handler, or of the main chunk.
func (rt *Runtime) showHandler() {
	var b bytes.Buffer
	rt.k.Dump(&b)
	b.WriteString(rt.coroutines.Stack())
	if history := rt.lib.History(); history != "" {
		b.WriteString("\n" + history)
	}
	b.WriteByte('\n')
	rt.stderr.Write(b.Bytes()) // there is nowhere to tell of an error
}

// expectQuit tells that the loop has not come round, so that QUIT is never answered by silence.
func (rt *Runtime) expectQuit(q *quit) {
	time.Sleep(patience)
	what := "a handler"
	then := "sessions and queue are shown when it returns"
	switch state := q.state.Load(); {
	case state == quitShown:
		return
	case state == quitPassed:
		then = "who watches QUIT hears of it when it returns"
	case rt.meter != nil:
		what = "a call of a function that is not Lua, such as os.execute,"
	default:
		then += "; a program that is started with -i, --console or a limit, such as --max-dispatch-time 60, " +
			"shows them at once, with the Lua stack"
	}
	fmt.Fprintf(rt.stderr, "poelua: %s has been running for more than a second; %s\n", what, then)
}
