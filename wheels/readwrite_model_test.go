package wheels_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/kernel/kerneltest"
	"github.com/poelua/poelua/wheels"
	"github.com/poelua/poelua/wheels/handle"
)

// deliberate is what handlers of the model fail with.
type deliberate struct{}

func (deliberate) Error() string { return "a handler fails" }

// protect lets nothing pass but faults of the wheels.
func protect(f func()) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case deliberate:
			err = v
		default:
			panic(v)
		}
	}()
	f()
	return nil
}

// ending is what a side does when its steps are over.
type ending int

const (
	destroys ending = iota
	closesAfterFlush
	shutsDownFlushed
	shutsDown
	waits    // for the end of input
	goesDeaf // it wants no input any more: its session stops when its output is written
	releases
	endings
)

func (e ending) reads() bool { return e == shutsDownFlushed || e == shutsDown || e == waits }

// goesOn says whether the peer of one that ends so can count on what it writes being read, or on hearing that it is not.
func (e ending) goesOn() bool { return e.reads() || e == destroys || e == releases }

// model is one connection: two wheels with small buffers between them, on which random things are done.
type model struct {
	t     testing.TB
	r     *rand.Rand
	env   *wheels.Env
	k     *kernel.Kernel
	sides [2]*side
	fails bool // handlers fail now and then
}

// side is a wheel with its session, and what must hold of it.
type side struct {
	kernel.Task
	m    *model
	name string
	w    *wheels.ReadWrite
	peer *side

	steps     int
	end       ending
	finishing bool // it ends: nothing holds back input any more

	sent    strings.Builder // what was put
	got     strings.Builder // what came, as bytes
	pauses  bool
	silent  bool           // input is turned off
	over    bool           // the wheel was destroyed or released
	ended   bool           // the end of input was told
	noInput bool           // it was shut down
	failed  bool           // writing has failed
	dropped bool           // output may have been lost
	marked  bool           // it has marks
	high    bool           // the last of high and low that was told
	flushed int            // events
	puts    int            // that queued something
	unsent  string         // what was put and Release gave back
	unread  string         // what was read and not delivered at the end
	former  filters.Filter // the input filter before this one
}

func (s *side) fault(format string, args ...any) {
	s.m.t.Errorf("%s: "+format, append([]any{s.name}, args...)...)
}

// Receive implements kernel.Receiver.
func (s *side) Receive(d *kernel.Dispatch) (err error) {
	if !d.Bare {
		return protect(func() { s.receive(d) })
	}
	s.receive(d)
	return nil
}

func (s *side) receive(d *kernel.Dispatch) {
	m := s.m
	switch d.Event {
	case kernel.EventStart:
		m.k.WatchSignal("DIE", "died", nil)
		s.open(d.Args[0].(*handle.Handle))
		m.k.Yield("step", kernel.Site{}, nil)
	case "died":
		m.k.SignalHandled()
	case "step":
		s.step()
	case "input", "input again", "error", "flushed", "high", "low":
		if s.over {
			s.fault("'%s' after the wheel's end", d.Event)
		}
		s.hear(d.Event, d.Args)
	default:
		d.Unhandled = true
		return
	}
	if m.fails && d.Event != kernel.EventStart && d.Event != "died" && m.r.IntN(40) == 0 {
		panic(deliberate{})
	}
}

func (s *side) open(h *handle.Handle) {
	m := s.m
	small, _ := host.FindSocketOption("send_buffer")
	if err := h.SetOption(small, 4096); err != nil {
		m.t.Fatal(err)
	}
	c := wheels.ReadWriteConfig{
		Config: wheels.Config{Env: m.env, Owner: &s.Task}, Input: h, Output: h,
		InputFilter: m.filter(), OutputFilter: &filters.Stream{}, Events: names(),
		AutoFlush: m.r.IntN(3) == 0, ReadLimit: 1 + m.r.IntN(3), BlockSize: []int{0, 20, 100, 5000}[m.r.IntN(4)],
	}
	if m.r.IntN(3) > 0 {
		s.marked = true
		c.High = 1 + m.r.IntN(10_000)
		c.Low = 1 + m.r.IntN(c.High)
	}
	w, err := wheels.NewReadWrite(c)
	if err != nil {
		m.t.Fatal(err)
	}
	s.w = w
}

// filter is one from whose items the bytes can be told that it was fed with.
func (m *model) filter() filters.Filter {
	switch m.r.IntN(3) {
	case 0:
		return &filters.Line{Input: "\n", Output: "\n"}
	case 1:
		return &filters.Block{Size: 1 + m.r.IntN(30)}
	}
	return &filters.Stream{}
}

func (s *side) hear(event string, args []any) {
	if tag := args[len(args)-1]; tag != s.w.ID() {
		s.fault("'%s' has the number %v, want %d", event, tag, s.w.ID())
	}
	switch event {
	case "input", "input again":
		if s.pauses || s.silent || s.ended || s.noInput {
			s.fault("input that must not come: paused %v, off %v, ended %v, shut down %v", s.pauses, s.silent, s.ended, s.noInput)
		}
		if event != s.w.Events().Input.Name {
			s.fault("'%s', want '%s'", event, s.w.Events().Input.Name)
		}
		s.got.WriteString(args[0].(string))
		if in, _ := s.w.Filters(); isLine(in) {
			s.got.WriteByte('\n')
		}
	case "error":
		s.hearError(args[0].(string), args[1].(int))
	case "high", "low":
		if (event == "high") == s.high {
			s.fault("'%s' twice", event)
		}
		s.high = event == "high"
	case "flushed":
		if s.flushed++; s.flushed > s.puts {
			s.fault("flushed %d times after %d puts", s.flushed, s.puts)
		}
		if s.high {
			s.fault("flushed before low")
		}
	}
	if s.m.r.IntN(4) == 0 && !s.over {
		s.act()
	}
}

func isLine(f filters.Filter) bool { _, is := f.(*filters.Line); return is }

func (s *side) hearError(op string, errno int) {
	switch {
	case op == "read":
		if s.ended || s.noInput {
			s.fault("the end of input is told again, or after it was shut down")
		}
		s.ended = true
		in, _ := s.w.Filters()
		s.unread = string(in.Pending())
		if s.steps == 0 && s.end.reads() {
			s.destroy()
		}
	case op == "write" && !s.failed && (errno == int(syscall.EPIPE) || errno == int(syscall.ECONNRESET)):
		s.failed = true
		if _, err := s.w.Put("x"); !errors.Is(err, syscall.EPIPE) {
			s.fault("put after a failure gives %v", err)
		}
	default:
		s.fault("an error: %s %d, failed before: %v", op, errno, s.failed)
	}
}

func (s *side) destroy() {
	if s.w.Octets() > 0 {
		s.dropped = true
	}
	s.keepUnread()
	s.w.Destroy()
	s.over = true
}

// keepUnread notes what the filter holds, before it is gone.
func (s *side) keepUnread() {
	if in, _ := s.w.Filters(); in != nil && !s.ended {
		s.unread = string(in.Pending())
	}
}

// step is one of the steps of a side, or its end.
func (s *side) step() {
	m := s.m
	if s.over {
		return
	}
	s.mustBeBusy()
	if s.steps == 0 {
		s.finish()
		return
	}
	s.steps--
	m.k.Yield("step", kernel.Site{}, nil)
	for range m.r.IntN(3) {
		who := s
		if m.r.IntN(4) == 0 {
			who = s.peer // from another session's handler
		}
		if who.w != nil && who.w.Alive() {
			who.act()
		}
	}
}

// mustBeBusy looks whether the wheel keeps its session where it must.
func (s *side) mustBeBusy() {
	waits := !s.ended && !s.noInput && !s.silent
	writes := s.w.Octets() > 0 && !s.failed && s.end != shutsDown
	if (waits || writes) && !s.w.Busy() {
		s.fault("the wheel does not keep its session: it waits for input: %v, it has output: %v", waits, writes)
	}
}

// act does something to the wheel.
func (s *side) act() {
	m, w := s.m, s.w
	before := w.Octets()
	switch m.r.IntN(12) {
	case 0, 1, 2, 3:
		s.put()
	case 4:
		if left := w.Flush(); left > before || left != w.Octets() {
			s.fault("flush gives %d of %d octets, %d wait", left, before, w.Octets())
		}
	case 5:
		if !s.finishing {
			w.PauseInput()
			s.pauses = true
		}
	case 6, 7:
		w.ResumeInput()
		s.pauses = false
	case 8:
		for range 1 + m.r.IntN(2) {
			old, _ := w.Filters()
			f := s.former // which is to hold nothing any more
			if f == nil || m.r.IntN(2) == 0 {
				f = m.filter()
			}
			if err := w.SetInputFilter(f); err != nil {
				s.fault("set filter: %v", err)
			}
			s.former = old
		}
	case 9:
		if !s.finishing {
			s.wantInput(m.r.IntN(2) == 0)
		}
	case 10:
		if s.marked {
			high := 1 + m.r.IntN(10_000)
			w.SetMarks(high, 1+m.r.IntN(high))
		}
	case 11:
		if w.SetOutputFilter(&filters.Stream{}) != nil {
			s.fault("set output filter")
		}
	}
}

func (s *side) wantInput(on bool) {
	e := *s.w.Events()
	e.Input = wheels.Event{}
	if on {
		e.Input.Name = []string{"input", "input again"}[s.m.r.IntN(2)]
	}
	s.w.SetEvents(&e)
	s.silent = !on
}

const modelBytes = "abcdefg\n"

func (s *side) put() {
	m := s.m
	items := make([]any, m.r.IntN(3))
	put := 0
	for i := range items {
		item := make([]byte, []int{0, 1, 10, 500, 9000}[m.r.IntN(5)])
		for j := range item {
			item[j] = modelBytes[(m.r.IntN(3)+j)%len(modelBytes)]
		}
		items[i] = string(item)
		put += len(item)
	}
	var high bool
	var err error
	if len(items) == 1 {
		high, err = s.w.PutText(items[0].(string))
	} else {
		high, err = s.w.Put(items...)
	}
	if err != nil {
		if !errors.Is(err, syscall.EPIPE) || !s.finishing && s.peer.w.Alive() {
			s.fault("put: %v", err)
		}
		return
	}
	if mark, _, ok := s.w.Marks(); high != (ok && s.w.Octets() >= mark) {
		s.fault("put gives %v with %d octets and the mark %d", high, s.w.Octets(), mark)
	}
	if put > 0 {
		s.puts++
	}
	for _, item := range items {
		s.sent.WriteString(item.(string))
	}
}

// finish ends the side.
func (s *side) finish() {
	w := s.w
	s.finishing = true
	if s.end != goesDeaf {
		w.ResumeInput()
		s.pauses = false
		s.wantInput(true)
	}
	switch s.end {
	case closesAfterFlush:
		s.keepUnread()
		w.CloseAfterFlush()
		s.noInput = true
		if w.Alive() && s.m.r.IntN(4) == 0 {
			s.dropped = true
			if err := w.ShutdownOutput(false); err != nil {
				s.fault("shut down: %v", err)
			}
		}
	case shutsDownFlushed, shutsDown:
		if s.end == shutsDown {
			s.dropped = true
		}
		if err := w.ShutdownOutput(s.end == shutsDownFlushed); err != nil {
			s.fault("shut down: %v", err)
		}
		if s.ended {
			s.destroy()
		}
	case waits:
		if s.ended {
			s.destroy()
		}
	case goesDeaf:
		s.keepUnread()
		s.wantInput(false)
	case releases:
		in, _, unread, unsent := w.Release()
		if !s.ended {
			s.unread = string(unread)
		}
		s.unsent, s.over = string(unsent), true
		if in == nil || in.FD() < 0 {
			s.fault("the handle is not open")
			return
		}
		if _, err := s.w.Put("x"); !errors.Is(err, syscall.EBADF) {
			s.fault("put after the release gives %v", err)
		}
		if err := s.m.env.Close(in); err != nil {
			s.fault("close: %v", err)
		}
	default:
		s.destroy()
	}
}

// check compares what one side has sent with what the other has got.
func (s *side) check() {
	sent, got := s.sent.String(), s.peer.got.String()+s.peer.unread
	if !strings.HasPrefix(sent, got) {
		s.fault("%d bytes were put and %d came out, which are others", len(sent), len(got))
		return
	}
	read := s.peer.ended
	if !s.dropped && !s.failed && read && len(got) != len(sent)-len(s.unsent) {
		s.fault("%d bytes were put, %d given back, and %d came out", len(sent), len(s.unsent), len(got))
	}
	if !strings.HasSuffix(sent, s.unsent) {
		s.fault("%d bytes were given back that are not the last ones put", len(s.unsent))
	}
	if s.w.Alive() {
		s.fault("the wheel is still there")
	}
}

func TestReadWriteModel(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 300
	}
	const seed = 7
	k := kernel.New(kernel.Options{Protect: protect, Blame: func(_ *kernel.Dispatch, err error) error { return err }})
	k.SetAssert(kernel.AssertData)
	h := host.New()
	env := &wheels.Env{Kernel: k, Host: h, Spare: &handle.Spare{}, Close: func(h *handle.Handle) error {
		k.CloseWatched(h.FD())
		return h.Close()
	}}
	for round := range rounds {
		m := &model{t: t, r: rand.New(rand.NewPCG(seed, uint64(round))), env: env, k: k}
		m.run()
		if n := h.Handles(); n != 0 {
			t.Errorf("%d handles are left open", n)
		}
		kerneltest.Clean(t, k)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// mostPasses is more than any round needs: who takes more turns in circles.
const mostPasses = 100_000

func (m *model) run() {
	x, _, y, _, err := m.env.Host.PipePair("socketpair")
	if err != nil {
		m.t.Fatal(err)
	}
	m.fails = m.r.IntN(2) == 0
	ends := [2]ending{ending(m.r.IntN(int(endings))), ending(m.r.IntN(int(endings)))}
	for !ends[0].goesOn() && !ends[1].goesOn() || ends[0] == waits && ends[1] == waits {
		ends[1] = ending(m.r.IntN(int(endings)))
	}
	for i := range m.sides {
		m.sides[i] = &side{m: m, name: fmt.Sprintf("side %d, which ends by %d", i, ends[i]), steps: m.r.IntN(30), end: ends[i]}
	}
	for i, h := range []*host.Handle{x, y} {
		s := m.sides[i]
		s.peer = m.sides[1-i]
		m.k.Start(&s.Task, s, []any{handle.New(h)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	passes := 0
	err = m.k.RunWhile(ctx, func() bool { passes++; return passes < mostPasses })
	if err != nil || m.k.Sessions() > 0 {
		var dump strings.Builder
		m.k.Dump(&dump)
		m.t.Fatalf("%v after %d passes; the sides end by %v\n%s", err, passes, ends, dump.String())
	}
	for _, s := range m.sides {
		s.check()
	}
}
