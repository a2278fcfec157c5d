package kernel

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel/poll"
)

// Options of a kernel. The zero value is a kernel with the platform's best poller and the real clock.
type Options struct {
	Poller poll.Poller // how readiness is learned; nil: poll.New("")
	Clock  poll.Clock  // where time is read; nil: the real clock
	// Idle sends the signals IDLE and ZOMBIE when nothing is left that could make an event happen. Off, the
	// kernel waits: somebody may Submit.
	Idle    bool
	Signals SignalSource                       // catches the system's signals; nil: none are caught
	Locate  func(Site) (file string, line int) // nil: nowhere
	Collect func()                             // called before a wait without end while tags hold sessions: may release some
	// Housekeep is called between events, when some were handled and before the kernel would wait: then with idle. handled
	// is how many there were so far. It says after how long it wants to be called again if nothing happens until then: 0
	// is at once, when the kernel has looked for what is ready; negative is not before something happens.
	Housekeep func(idle bool, handled uint64) time.Duration
	Report    func(err error)        // an error that nobody handles and that does not end the run; nil: one line on Log
	Warn      func(message string)   // warnings of the options debug and default; nil: one line on Log
	DieText   func(args []any) error // the error that an unhandled DIE sent by a script stands for; nil: its text is "DIE signal"
	// Protect calls f and turns a panic in it into an error. With it, and with Blame, handlers of queued events run
	// bare (see Dispatch), and one protected call serves many events.
	Protect func(f func()) error
	Blame   func(d *Dispatch, err error) error // makes of what Protect caught the error of a handler
	Format  func(v any) string                 // an argument in a trace; nil: its type
	Log     io.Writer                          // traces and reports; nil: standard error
}

// SignalSource catches signals of the operating system. What arrives is told by Kernel.SystemSignal.
type SignalSource interface {
	Catch(name string) error // start catching, idempotent; an error for names that cannot be caught
	Release(name string)     // stop catching, idempotent
}

// Kernel is one event loop and everything it knows. New makes one.
type Kernel struct {
	options Options
	poller  poll.Poller
	clock   poll.Clock
	id      string
	log     io.Writer

	root   *Task
	active *Task       // whose handler runs; root outside of handlers
	frames []*Dispatch // frames[depth] is the innermost dispatch in progress; the first is none
	depth  int         // dispatches in progress
	hops   hops

	observed Records // that somebody wants
	recorder recorder

	queue      queue
	timers     pages[event]
	spareGroup *timerGroup
	lastTimer  TimerID
	pool       []*event
	now        time.Duration // the clock's last reading
	pass       pass
	ready      []poll.Ready

	tasks      int     // sessions alive, the kernel not counted
	background []*Task // of them, those that do not keep the program alive
	lastID     SessionID
	names      names
	marked     []*Task
	spareMarks []*Task
	tagged     int // sessions that tags hold

	watched    map[int]*descriptor
	touched    bool          // a handle was read, written or watched since the last poll
	quiet      bool          // the last poll found nothing
	polled     time.Duration // when that was
	checked    time.Duration // when watched descriptors were last looked for that were closed behind the kernel's back
	checkAfter time.Duration // how long after that the next time is
	tidyAt     uint64        // the number of events handled at which Housekeep is called
	tidying    bool          // it has more to do
	served     uint64        // events of ready handles
	round      uint64        // of calling watchers

	asking       int // descriptors that the poller was asked about
	rawWatched   int // descriptors with watchers that tasks have set themselves
	lastResource uint64
	busy         int       // resources that keep their owners alive
	batch        Batch     // what batchFunc runs
	batchFunc    func()    // made once, since making a function costs memory each time
	bareDepth    int       // the depth at which Deliver may leave errors to a batch, plus 1; 0: none
	turns        []Turner  // resources that have something to tell in the next pass
	outputs      []Flusher // resources with output for the end of the pass
	forced       []int     // descriptors whose gates say that something is ready
	gated        []int     // descriptors with gates that the pass has to do with
	scratch      []byte    // what is read goes through here
	underScratch []byte

	signalWatchers map[string]int
	current        *signalState // the signal that is being dispatched
	processes      map[int]*process
	running        int // processes started and not ended
	untold         []*process
	endedBy        string
	own            int // signals in the queue that the kernel sent itself
	timeouts       int // of resources, in the queue

	exception error // ends the run
	loop      bool  // Run or one of its kin is on

	mu        sync.Mutex
	submitted []func()
	spare     []func()
	pending   atomic.Bool // submitted is not empty
	ending    atomic.Bool

	trace     Trace
	tracer    *Observer // prints what is traced; nil: nothing is
	line      []byte    // that it prints
	traced    passCounts
	placed    Site // the last place that was printed
	place     string
	assert    Assert
	catch     bool // errors become DIE
	isolate   bool
	count     Stats
	simulated bool
	userStart time.Duration
}

// New makes a kernel. It panics if the platform has no poller and none is given, which is a fault of the program.
func New(o Options) *Kernel {
	if o.Poller == nil {
		p, err := poll.New("")
		if err != nil {
			panic(err)
		}
		o.Poller = p
	}
	if o.Clock == nil {
		o.Clock = poll.RealClock()
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
	k := &Kernel{
		options:        o,
		poller:         o.Poller,
		clock:          o.Clock,
		id:             uniqueID(),
		log:            o.Log,
		frames:         []*Dispatch{{}},
		watched:        map[int]*descriptor{},
		signalWatchers: map[string]int{},
		processes:      map[int]*process{},
		catch:          true,
		hops:           hops{ring: new([hopsKept]hop)},
		userStart:      userTime(),
	}
	k.names.aliases = map[string]*Task{}
	_, k.simulated = o.Clock.(*poll.Simulated)
	k.root = &Task{k: k}
	k.active = k.root
	k.now = k.clock.Now()
	k.root.created = k.now
	k.checked, k.checkAfter = k.now, staleLast
	return k
}

func uniqueID() string {
	var b [12]byte
	rand.Read(b[:])
	return "poelua-" + hex.EncodeToString(b[:])
}

// ID is a string that no other kernel has.
func (k *Kernel) ID() string { return k.id }

// Root is the kernel's own task, the root of the tree. It ignores what is sent to it.
func (k *Kernel) Root() *Task { return k.root }

// Active is the task whose handler runs; Root outside of handlers.
func (k *Kernel) Active() *Task { return k.active }

// ActiveEvent is the event that the active task handles, "" outside of handlers.
func (k *Kernel) ActiveEvent() string {
	if k.active == k.root {
		return ""
	}
	return k.frames[k.depth].Event
}

// Clock is where the kernel reads time.
func (k *Kernel) Clock() poll.Clock { return k.clock }

// LoopName is the poller's name: "epoll", "simulated" and so on.
func (k *Kernel) LoopName() string { return k.poller.Name() }

// Events is the number of events in the queue, timers included, the kernel's own not.
func (k *Kernel) Events() int { return k.queue.events - k.own - k.timeouts }

// Sessions is the number of sessions alive.
func (k *Kernel) Sessions() int { return k.tasks }

// NextEvent is when the first event of the queue is due; ok is false if there is none.
func (k *Kernel) NextEvent() (at time.Time, ok bool) {
	due, ok := k.queue.firstDue()
	if !ok || k.queue.events == 0 {
		return time.Time{}, false
	}
	return k.wall(due), true
}

// wall turns a time of the kernel's clock into one of the wall clock.
func (k *Kernel) wall(due time.Duration) time.Time {
	return k.clock.Wall().Add(due - k.clock.Now())
}

// tick reads the clock.
func (k *Kernel) tick() time.Duration {
	if now := k.clock.Now(); now > k.now {
		k.now = now
	}
	return k.now
}

// Error is a refusal: a look-up that found nothing, or an act on what is another's.
type Error struct {
	Errno   syscall.Errno
	Message string
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the errno, so that errors.Is(err, syscall.ESRCH) holds.
func (e *Error) Unwrap() error { return e.Errno }

func refuse(errno syscall.Errno, message string) *Error { return &Error{errno, message} }

// ErrRunning is what Run and its kin return when the kernel is running already.
var ErrRunning = errors.New("the kernel is already running")

// Run runs until the last session has stopped or ctx ends; then it returns ctx's error and the sessions remain. It
// returns the error that ended the run, if one did. Afterwards sessions may be created and Run called again.
func (k *Kernel) Run(ctx context.Context) error {
	return k.turn(ctx, nil)
}

// RunWhile does iterations while more returns true and sessions remain.
func (k *Kernel) RunWhile(ctx context.Context, more func() bool) error {
	return k.turn(ctx, more)
}

// RunOneTimeslice does one iteration, waiting for it as long as needed. It is false when no session is left.
func (k *Kernel) RunOneTimeslice(ctx context.Context) (bool, error) {
	n := 0
	err := k.turn(ctx, func() bool { n++; return n == 1 })
	return k.foreground() > 0, err
}

func (k *Kernel) turn(ctx context.Context, more func() bool) error {
	if k.loop || k.depth > 0 {
		return ErrRunning
	}
	k.loop = true
	defer func() { k.loop = false }()
	if k.tasks > 0 {
		k.endedBy = ""
		k.ending.Store(false)
	}
	if ctx != nil && ctx.Done() == nil {
		ctx = nil
	}
	if ctx != nil {
		release := context.AfterFunc(ctx, func() { k.Submit(func() {}) })
		defer release()
	}
	for {
		if err := k.spin(ctx, more); err != nil {
			return err
		}
		if k.exception != nil || k.foreground() > 0 || k.tasks == 0 {
			return k.finish()
		}
		k.stopBackground()
	}
}

// spin does iterations until there is a reason to stop.
func (k *Kernel) spin(ctx context.Context, more func() bool) (err error) {
	turns := func() {
		for k.foreground() > 0 && k.exception == nil && (k.pass.on || more == nil || more()) {
			if ctx != nil && ctx.Err() != nil {
				err = ctx.Err()
				return
			}
			k.iterate()
		}
	}
	if k.options.Protect == nil {
		turns()
		return err
	}
	for {
		caught := k.options.Protect(turns)
		if caught == nil {
			return err
		}
		if k.depth == 0 {
			return caught // it was more that failed
		}
		k.broken(caught)
	}
}

// broken ends the dispatch whose handler panicked. What it had called has ended before: only queued events, and those
// of a batch, are handled bare, and a task's calls of itself leave as the panic passes.
func (k *Kernel) broken(err error) {
	d := k.frames[k.depth]
	e := d.event
	k.failed(d, k.options.Blame(d, err))
	k.handledObserved(d)
	k.leave(d)
	if e != &d.called {
		k.recycle(e)
	}
}

// finish hands over the error that ended the run. When no session is left the queue is emptied: what is in it is for
// nobody.
func (k *Kernel) finish() error {
	k.writeTrace()
	if k.exception != nil {
		k.settle()
	}
	if k.tasks == 0 {
		for s, ok := k.queue.next(forever); ok; s, ok = k.queue.next(forever) {
			switch {
			case s.event == nil:
			case s.event.Kind == kindTimeout:
				s.event.Args[0].(*Timeout).event = nil
				k.recycle(s.event)
			default:
				k.unlink(s.event)
				k.recycle(s.event)
			}
		}
		k.own, k.timeouts = 0, 0
		k.turns, k.outputs = nil, nil
	}
	if k.tasks == 0 && k.trace&TraceStats != 0 {
		k.traceStats()
	}
	if late, ok := k.log.(interface{ Flush() }); ok && k.tasks == 0 {
		late.Flush() // somebody may read the trace now
	}
	err := k.exception
	k.exception = nil
	return err
}

var forever = horizon{now: 1<<63 - 1, seq: 1<<64 - 1}

// Close stops every session and closes the poller. An error of the stops is returned.
func (k *Kernel) Close() error {
	k.Stop()
	err := k.finish()
	return errors.Join(err, k.poller.Close())
}
