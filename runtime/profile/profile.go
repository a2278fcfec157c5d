// Package profile says where a program's time goes: a profile of Lua functions and sessions that go tool pprof reads,
// and a trace of dispatches that Perfetto and Chrome show.
package profile

import (
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/google/pprof/profile"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

const (
	period = 10 * time.Millisecond // between samples

	mostCalls  = 250     // of a stack, the innermost; dispatches that those belong to are added
	mostNames  = 1000    // of sessions; the rest share one
	mostPlaces = 1 << 15 // lines, functions, events that are told apart
	mostStacks = 1 << 15
	mostKeys   = 32 << 20 // bytes that stacks take
	longest    = 200      // bytes of a name
)

// Config is what a Profiler looks at.
type Config struct {
	Kernel     *kernel.Kernel
	Meter      *luax.Meter
	Coroutines *luax.Coroutines
	Group      func(*kernel.Task) string // what a session is counted as
	Simulated  bool                      // the kernel never waits
}

// Profiler samples what a program does, by the clock on the wall, while it does something. Start makes one.
//
// A goroutine ticks, and the meter has the sample taken within some instructions of Lua, or when the handler has
// returned: so the time that a function written in Go takes is its caller's.
type Profiler struct {
	c     Config
	start time.Time
	stop  chan struct{}

	mu     sync.Mutex // Stop may come from any goroutine
	done   bool
	ticks  int           // that have been accounted for
	idle   time.Duration // the kernel's, when that was
	owed   time.Duration // time outside of handlers that has not made a whole sample yet
	places map[place]uint32
	names  map[string]string
	list   []place
	stacks map[string]*sample
	keys   int
	key    []byte
}

// place is a line of a function, or what stands for one.
type place struct {
	file  string
	start int // where the function begins; 0 a main chunk
	name  string
	line  int
}

// sample is how often a stack was seen.
type sample struct {
	count          int64
	session, event string
}

const overflow = "(others)"

// Start begins to sample.
func Start(c Config) *Profiler {
	p := &Profiler{
		c: c, start: time.Now(), stop: make(chan struct{}), idle: c.Kernel.Stats().Idle,
		places: map[place]uint32{}, names: map[string]string{}, stacks: map[string]*sample{},
	}
	c.Meter.Sample(p.take)
	go p.tick()
	return p
}

func (p *Profiler) tick() {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.c.Meter.Tick()
		case <-p.stop:
			return
		}
	}
}

// take takes a sample, for all ticks since the last.
func (p *Profiler) take(when luax.Moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	ticks := int(time.Since(p.start)/period) - p.ticks
	p.ticks += ticks
	idle := p.c.Kernel.Stats().Idle
	waited := idle - p.idle
	p.idle = idle
	if p.c.Simulated {
		waited = 0
	}
	p.key = p.key[:0]
	if when == luax.Between {
		p.owed = max(p.owed+time.Duration(ticks)*period-waited, -period)
		ticks = int(p.owed / period)
		if ticks > 0 {
			p.owed -= time.Duration(ticks) * period
			p.add(place{name: "outside of handlers"})
			p.count(ticks, "", "")
		}
		return
	}
	session, event := p.stack(when)
	p.count(ticks, session, event)
}

// stack makes the key of the stack as it is, innermost first: calls, then the event and the session that they belong
// to. It gives the names of the innermost ones.
func (p *Profiler) stack(when luax.Moment) (session, event string) {
	running := p.c.Kernel.Running()
	dispatches := make([][2]string, min(len(running), mostCalls))
	for i := range dispatches {
		dispatches[i] = [2]string{p.session(running[i].Task), short(running[i].Event)}
	}
	if len(dispatches) > 0 {
		session, event = dispatches[0][0], dispatches[0][1]
	}
	n := 0
	for call := range p.c.Coroutines.Calls(p.c.Meter) {
		if n++; n == mostCalls {
			p.add(place{name: "(more calls)"})
			break
		}
		switch {
		case call.Begin && len(dispatches) > 0:
			p.dispatch(dispatches[0])
			dispatches = dispatches[1:]
		case call.Begin:
		case call.Proto == nil && call.Name == "":
		case call.Proto == nil:
			p.add(place{name: short(call.Name) + " (Go)"})
		default:
			p.add(place{short(call.Proto.SourceName), call.Proto.LineDefined, short(call.Name), call.Line})
		}
	}
	for _, d := range dispatches {
		p.dispatch(d)
	}
	return session, event
}

func (p *Profiler) dispatch(d [2]string) {
	p.add(place{name: "event " + d[1]})
	p.add(place{name: "session " + d[0]})
}

// session is the name of a session, of which there are not too many.
func (p *Profiler) session(t *kernel.Task) string {
	name := short(p.c.Group(t))
	if kept, ok := p.names[name]; ok {
		return kept
	}
	if len(p.names) == mostNames {
		return overflow
	}
	p.names[name] = name
	return name
}

// add adds a place to the key.
func (p *Profiler) add(at place) {
	n, ok := p.places[at]
	if !ok && len(p.list) >= mostPlaces {
		at = place{name: overflow}
		n, ok = p.places[at]
	}
	if !ok {
		at.file, at.name = strings.Clone(at.file), strings.Clone(at.name)
		n = uint32(len(p.list))
		p.list = append(p.list, at)
		p.places[at] = n
	}
	p.key = binary.LittleEndian.AppendUint32(p.key, n)
}

// count counts the key's stack.
func (p *Profiler) count(ticks int, session, event string) {
	if s := p.stacks[string(p.key)]; s != nil {
		s.count += int64(ticks)
		return
	}
	if len(p.stacks) >= mostStacks || p.keys+len(p.key) > mostKeys {
		p.key, session, event = p.key[:0], overflow, overflow
		p.add(place{name: overflow})
		if s := p.stacks[string(p.key)]; s != nil {
			s.count += int64(ticks)
			return
		}
	}
	p.keys += len(p.key)
	p.stacks[string(p.key)] = &sample{int64(ticks), session, strings.Clone(event)}
}

// short bounds a name, and makes it what a profile may hold.
func short(name string) string {
	if len(name) > longest {
		name = name[:longest] + "..."
	}
	return strings.ToValidUTF8(name, "?")
}

// Stop ends the sampling and writes the profile. Again it does nothing. Safe from any goroutine.
func (p *Profiler) Stop(w io.Writer) error {
	if !lockSoon(&p.mu) {
		return nil
	}
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	p.done = true
	close(p.stop)
	if err := p.build().Write(w); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return nil
}

// lockSoon locks, but for somebody who has waited for a second: who ends the process is not to wait for a write that
// never ends, on the loop's goroutine.
func lockSoon(mu *sync.Mutex) bool {
	for range 100 {
		if mu.TryLock() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// build makes the profile of what was counted.
func (p *Profiler) build() *profile.Profile {
	elapsed := &profile.ValueType{Type: "time", Unit: "nanoseconds"}
	// Without a mapping that claims to know everything, pprof would look for the symbols in a program.
	mapping := &profile.Mapping{ID: 1, File: "poelua", HasFunctions: true, HasFilenames: true, HasLineNumbers: true}
	out := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "samples", Unit: "count"}, elapsed},
		DefaultSampleType: elapsed.Type,
		TimeNanos:         p.start.UnixNano(),
		DurationNanos:     int64(time.Since(p.start)),
		PeriodType:        elapsed,
		Period:            int64(period),
		Mapping:           []*profile.Mapping{mapping},
	}
	functions := p.functions()
	for i, at := range p.list {
		lines := []profile.Line{{Function: functions[at.function()], Line: int64(at.line)}}
		out.Location = append(out.Location, &profile.Location{ID: uint64(i + 1), Mapping: mapping, Line: lines})
	}
	for _, f := range functions {
		f.ID = uint64(len(out.Function) + 1)
		out.Function = append(out.Function, f)
	}
	for key, s := range p.stacks {
		one := &profile.Sample{Value: []int64{s.count, s.count * int64(period)}, Label: map[string][]string{}}
		for ; len(key) > 0; key = key[4:] {
			one.Location = append(one.Location, out.Location[binary.LittleEndian.Uint32([]byte(key[:4]))])
		}
		if s.session != "" {
			one.Label["session"], one.Label["event"] = []string{s.session}, []string{s.event}
		}
		out.Sample = append(out.Sample, one)
	}
	return out
}

// function is the place without what tells calls of the same function apart.
func (at place) function() place {
	if at.file != "" {
		at.name = ""
	}
	at.line = 0
	return at
}

// functions are those of all places. A Lua function has the first name that it was called by.
func (p *Profiler) functions() map[place]*profile.Function {
	functions := map[place]*profile.Function{}
	for _, at := range p.list {
		f := functions[at.function()]
		if f == nil {
			f = &profile.Function{Filename: at.file, StartLine: int64(at.start)}
			functions[at.function()] = f
		}
		if f.Name == "" {
			f.Name = at.name
		}
	}
	for at, f := range functions { // pprof takes what is in <> for a template and leaves it out
		switch where := path.Base(at.file); {
		case at.file == "":
		case at.start == 0:
			f.Name = "main chunk " + where
		case f.Name == "":
			f.Name = fmt.Sprintf("function %s:%d", where, at.start)
		default:
			f.Name = fmt.Sprintf("%s %s:%d", f.Name, where, at.start)
		}
		f.SystemName = f.Name
	}
	return functions
}
