package luax

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Meter counts the instructions that a Lua state and its coroutines execute. So it can end what runs too long, also an
// endless loop, and call a hook every so many instructions.
//
// How: gopher-lua asks a state's context before each instruction whether it is done. The Meter is that context, and
// counts how often it is asked. A state that has it runs calls and arithmetic some 20 percent slower; one without does
// not notice that there are meters.
//
// What is counted belongs to a dispatch: the handling of an event, or the run of a chunk. When its limit is passed, or
// it is interrupted, every further instruction of it raises the error: a loop around pcall catches it no more often than
// once.
//
// Loop goroutine only, but for Interrupt, InterruptOnly, Ask and Tick.
type Meter struct {
	left   int64 // instructions until the next look
	budget int64 // what remains of the dispatch's limit without those
	over   error // what ends the dispatch
	end    time.Time
	depth  int // dispatches in progress
	number uint64
	last   uint64 // the number of the newest dispatch

	l         *lua.LState
	limits    Limits
	describe  func() string
	interrupt atomic.Pointer[string]
	target    atomic.Uint64 // the dispatch that InterruptOnly is to end
	every     int64         // instructions between calls of hook; 0 no hook
	hook      func(l *lua.LState)
	hooked    bool // hook is being called

	asking atomic.Bool // asked is not empty
	mu     sync.Mutex
	asked  []func()

	sample func(Moment)
	ticks  atomic.Bool // Tick was called
	marks  []frame     // while there is a sample: the calls from which the dispatches in progress were begun, at depth
}

// Moment is when a sample is taken.
type Moment uint8

// The moments.
const (
	Between   Moment = iota // a dispatch is about to begin that is within no other
	Executing               // an instruction is about to be executed, or a dispatch to begin within another
	Leaving                 // a dispatch is about to end: its calls are gone already
)

var _ context.Context = (*Meter)(nil)

// Limits of one dispatch. Zero means none.
type Limits struct {
	Instructions int64 // of the Lua virtual machine
	Time         time.Duration
}

// lookEvery is how many instructions pass between looks at the clock and for interrupts: a fraction of a millisecond.
const lookEvery = 4096

// sampleEvery is the same when samples are taken: what has taken long is still in progress then.
const sampleEvery = 16

// mostAsked bounds the functions that wait to be called.
const mostAsked = 64

var passed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// NewMeter puts a meter on a main state, for what is called from then on. Coroutines made later get it as well. describe
// says what is running, such as "event 'tick' of session 3"; "" if nothing is known.
func NewMeter(l *lua.LState, limits Limits, describe func() string) *Meter {
	m := &Meter{l: l, limits: limits, describe: describe}
	m.Rest()
	l.SetContext(m)
	return m
}

// Spent is a dispatch that waits for another which runs within it.
type Spent struct {
	budget int64
	over   error
	end    time.Time
	depth  int
	number uint64
}

// Enter begins a dispatch, perhaps within another. Leave, with what Enter gave, ends it.
func (m *Meter) Enter() Spent {
	s := Spent{m.budget + m.left, m.over, m.end, m.depth, m.number}
	if m.depth == 0 && m.interrupt.Load() != nil {
		m.interrupt.Store(nil) // it came while nothing ran
	}
	if m.sample != nil {
		m.enterSampled()
	}
	m.depth++
	m.last++
	m.number = m.last
	m.over, m.budget = nil, math.MaxInt64
	if m.limits.Instructions > 0 {
		m.budget = m.limits.Instructions
	}
	if m.limits.Time > 0 {
		m.end = time.Now().Add(m.limits.Time)
	}
	m.grant()
	return s
}

// Join makes the dispatch that Enter has begun a part of the one around it, for InterruptOnly. Enter gave s.
func (m *Meter) Join(s Spent) { m.number = s.number }

// Pause tells that what runs is waiting until Leave, with what Pause gave, and that until then dispatches are not within
// it.
func (m *Meter) Pause() Spent {
	s := Spent{m.budget + m.left, m.over, m.end, m.depth, m.number}
	m.Rest()
	return s
}

// Leave ends what Enter or Pause began.
func (m *Meter) Leave(s Spent) {
	if m.sample != nil {
		m.leaveSampled()
	}
	m.budget, m.over, m.end, m.depth, m.number = s.budget, s.over, s.end, s.depth, s.number
	m.grant()
}

// Rest tells that no dispatch runs any more. Until one does, nothing has a limit.
func (m *Meter) Rest() {
	m.budget, m.over, m.end, m.depth, m.number = math.MaxInt64, nil, time.Time{}, 0, 0
	m.grant()
}

// grant takes instructions out of the budget, to be executed before the next look.
func (m *Meter) grant() {
	n := int64(lookEvery)
	if m.every > 0 && !m.hooked {
		n = min(n, m.every-1)
	}
	if m.sample != nil && m.every == 0 {
		n = min(n, sampleEvery)
	}
	if m.over != nil || m.asking.Load() {
		n = 0
	}
	m.left = min(n, m.budget)
	m.budget -= m.left
}

// Done counts an instruction. gopher-lua calls it.
func (m *Meter) Done() <-chan struct{} {
	if m.left--; m.left >= 0 {
		return nil
	}
	return m.look()
}

// look decides whether the dispatch may go on.
func (m *Meter) look() <-chan struct{} {
	m.left = 0
	if m.asking.Load() {
		m.answer()
	}
	if m.sample != nil {
		m.takeSample(Executing)
	}
	if m.every > 0 && !m.hooked && m.over == nil {
		m.callHook()
	}
	if m.over == nil {
		m.over = m.verdict()
	}
	if m.over == nil {
		m.budget-- // for the instruction that is about to be executed
	}
	m.grant()
	if m.over != nil {
		return passed
	}
	return nil
}

func (m *Meter) verdict() error {
	if reason := m.interrupt.Swap(nil); reason != nil {
		return errors.New(*reason + m.place())
	}
	if m.number != 0 && m.target.Load() == m.number {
		return errors.New("interrupted")
	}
	if m.budget <= 0 {
		return fmt.Errorf("the limit of %d instructions is passed%s", m.limits.Instructions, m.place())
	}
	if m.limits.Time > 0 && !m.end.IsZero() && time.Now().After(m.end) {
		return fmt.Errorf("the limit of %v for a dispatch is passed%s", m.limits.Time, m.place())
	}
	return nil
}

func (m *Meter) place() string {
	if what := m.describe(); what != "" {
		return " in " + what
	}
	return ""
}

// Check is for Go functions that take long: it raises the error that the next instruction would. It counts as one.
func (m *Meter) Check() {
	m.budget += m.left
	if m.look() != nil {
		m.current().RaiseError("%s", m.over.Error())
	}
}

// current is the state that runs: the main one or a coroutine's.
func (m *Meter) current() *lua.LState { return running(m.l) }

// Interrupt ends the dispatch that runs with an error; without one it does nothing. Safe from any goroutine.
func (m *Meter) Interrupt(reason string) { m.interrupt.Store(&reason) }

// Dispatch is the number of the dispatch that runs; 0 none does.
func (m *Meter) Dispatch() uint64 { return m.number }

// InterruptOnly ends one dispatch with an error, if it still goes on: dispatches within it run to their ends first. Safe
// from any goroutine.
func (m *Meter) InterruptOnly(dispatch uint64) { m.target.Store(dispatch) }

// Ask has f called on the loop goroutine, before one of the next few thousand instructions; while nothing runs, before
// one of the next dispatch. f may look at everything, but must not run Lua. It is false, and f is not called, when too
// many wait already. Safe from any goroutine.
func (m *Meter) Ask(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.asked) == mostAsked {
		return false
	}
	m.asked = append(m.asked, f)
	m.asking.Store(true)
	return true
}

// answer calls what Ask was given.
func (m *Meter) answer() {
	m.mu.Lock()
	asked := m.asked
	m.asked = nil
	m.asking.Store(false)
	m.mu.Unlock()
	for _, f := range asked {
		f()
	}
}

// Sample has f called soon after each Tick, once for several: when what has taken the time is still known. f may look
// at everything, but must not run Lua. A nil f ends it.
func (m *Meter) Sample(f func(Moment)) {
	m.sample, m.marks = f, nil
	m.budget += m.left
	m.grant()
}

// Tick asks for a sample. Safe from any goroutine.
func (m *Meter) Tick() { m.ticks.Store(true) }

func (m *Meter) takeSample(when Moment) {
	if m.ticks.Load() && m.ticks.Swap(false) {
		m.sample(when)
	}
}

// enterSampled is what Enter does more when samples are taken.
func (m *Meter) enterSampled() {
	when := Between
	if m.depth > 0 {
		when = Executing
	}
	m.takeSample(when)
	m.marks = append(m.marks[:min(m.depth, len(m.marks))], currentFrame(m.current()))
}

func (m *Meter) leaveSampled() {
	when := Leaving
	if m.depth == 0 { // what was waiting goes on
		when = Between
	}
	m.takeSample(when)
}

// marked are the calls from which the dispatches in progress were begun, innermost last.
func (m *Meter) marked() []frame {
	if m == nil {
		return nil
	}
	return m.marks[:min(m.depth, len(m.marks))]
}

// Hook has f called before every so many instructions, with the state or coroutine that executes them; 1 means before
// each. What f calls in Lua is counted, but f is not called for it. A nil f ends it.
//
// Where tells the instruction. A change of line is one whose line differs from the last one's of the same call.
func (m *Meter) Hook(every int, f func(l *lua.LState)) {
	m.every, m.hook = 0, nil
	if f != nil {
		m.every, m.hook = max(int64(every), 1), f
	}
	m.budget += m.left
	m.grant()
}

func (m *Meter) callHook() {
	m.hooked = true
	defer func() { m.hooked = false }()
	m.hook(m.current())
}

// Deadline is part of context.Context.
func (m *Meter) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Value is part of context.Context.
func (m *Meter) Value(any) any { return nil }

// Err is why the dispatch has ended; nil while it goes on.
func (m *Meter) Err() error { return m.over }
