// Package repl is the prompt at which people explore a running program: it evaluates what they type on the kernel's own
// turn, in a session of its own, and answers commands such as .sessions. It reads from nowhere and writes to nowhere
// itself: who makes a Prompt hands it lines and gets text, be it a terminal, a pipe or a socket.
//
//	p, err := repl.New(repl.Config{...})
//	p.Line("poe.kernel:post('bot', 'say', 'hi')")
//	p.Close()
package repl

import (
	"fmt"
	"strings"
	"sync/atomic"
	"unicode"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings"
	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

// Config is what a Prompt is made of. The functions are called on the loop goroutine.
type Config struct {
	Lib   *bindings.Lib
	State *lua.LState
	Meter *luax.Meter // nil: an evaluation cannot be interrupted

	// Out takes output, mostly whole lines with their ends.
	Out func(text string)
	// Full says that output has to wait. A long listing goes on after Drained. nil: never.
	Full func() bool
	// Done is called once for each Line, when all of its output is out.
	Done func(State)
	// Width is how many columns a line may have; nil: 80.
	Width func() int
	// Keep keeps the program alive until Close. Otherwise the prompt's session is in the background: it stops with the
	// last of the others.
	Keep bool
	// Terminal says that people read the output, not programs.
	Terminal bool
}

// State is what a Prompt waits for.
type State uint8

// The states.
const (
	Ready State = iota // a new input
	More               // the rest of an unfinished one
	Quit               // nothing: .quit was typed
)

// Prompt is what one person types at. New makes one. Loop goroutine only, but for Interrupt.
type Prompt struct {
	Config
	k        *kernel.Kernel
	session  *bindings.PromptSession
	task     *kernel.Task // its session
	typed    *interp.Typed
	commands []command // those that there are

	input    unfinished
	working  bool // a line is being worked at
	quitting bool // .quit was typed
	closed   bool

	evaluating atomic.Uint64 // the dispatch in which what was typed runs, by the meter's count; 0 none does
	listing    listing
	restore    func() // what print was before
	ahead      int    // bytes that were put out while output should have waited
	lost       int    // bytes that were not

	looks looks
}

const (
	mostInput  = 1 << 20 // bytes of an input
	shortInput = 1 << 10 // up to which it is looked at with each line
	mostLooks  = 20      // at a longer one
)

// New makes a prompt with a session of its own, whose alias is repl, or repl2 and so on if that is taken.
func New(c Config) (*Prompt, error) {
	p := &Prompt{Config: c, k: c.Lib.Kernel(), commands: commands, typed: interp.NewTyped(c.State)}
	p.listing.p = p
	session, err := c.Lib.NewPromptSession("repl", c.Keep, p.unhandled, func(text string) { p.printf("%s", clean(text)) })
	if err != nil {
		return nil, err
	}
	p.session, p.task = session, session.Task()
	for name, v := range session.Variables() {
		p.typed.Set(name, v)
	}
	p.typed.Set("_", lua.LNil)
	return p, nil
}

// Line takes a line of input, without its end. Config.Done tells when the next may come.
func (p *Prompt) Line(text string) {
	switch {
	case p.closed:
		return
	case p.working:
		p.printf("the line before this one is still being worked at")
		p.done(Ready)
		return
	}
	p.listing.end() // of a line whose Done was not waited for
	p.working = true
	state := Ready
	if !p.session.Do(func(l *lua.LState) { state = p.take(l, text) }) && !p.closed {
		p.printf("the prompt's session has stopped")
		p.Drop()
	}
	p.working = false
	if p.quitting {
		state = Quit
	}
	p.listing.whenOver(func() { p.done(state) })
}

func (p *Prompt) done(s State) {
	if p.Done != nil && !p.closed {
		p.Done(s)
	}
}

// take handles a line as a part of a dispatch of the prompt's session.
func (p *Prompt) take(l *lua.LState, text string) State {
	p.begin()
	defer p.end()
	blank := strings.TrimSpace(text) == ""
	if len(p.input.lines) == 0 {
		if blank {
			return Ready
		}
		if isCommand(text) {
			p.protect(l, func() error { return p.runCommand(text) })
			return Ready
		}
	}
	if p.input.size+len(text) > mostInput {
		p.Drop()
		p.printf("the input is longer than %d bytes: .load can run a file", mostInput)
		return Ready
	}
	p.input.add(text)
	return p.eval(l, blank)
}

// begin lets Interrupt know what to end, and print where to go.
func (p *Prompt) begin() {
	if p.Meter != nil {
		p.evaluating.Store(p.Meter.Dispatch())
	}
	p.restore = interp.Divert(p.State, p.takePrinted)
}

func (p *Prompt) end() {
	p.restore()
	p.evaluating.Store(0)
}

// takePrinted puts out what is printed while a line is worked at. What the program's own handlers print meanwhile,
// since they were called from the line, goes where it always does.
func (p *Prompt) takePrinted(text string) bool {
	if p.k.Active() != p.task {
		return false
	}
	if text != "" {
		p.write(text)
	}
	return true
}

// isCommand says whether a line is one that begins with a dot. A number may, too.
func isCommand(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, ".") && (len(line) == 1 || !unicode.IsDigit(rune(line[1])))
}

// Drop forgets an unfinished input.
func (p *Prompt) Drop() { p.input = unfinished{} }

// Drained lets a listing go on that waits because Config.Full said so.
func (p *Prompt) Drained() {
	p.tellDropped()
	p.listing.drained()
}

// Interrupt ends the evaluation, or the listing, that goes on; nothing else. Safe from any goroutine.
//
// Handlers of the program that the evaluation called are not interrupted: that would be an error of theirs. The
// evaluation ends when they return.
func (p *Prompt) Interrupt() {
	if dispatch := p.evaluating.Load(); dispatch != 0 {
		p.Meter.InterruptOnly(dispatch)
	}
	if number := p.listing.on.Load(); number != 0 {
		p.k.Submit(func() { p.listing.interrupt(number) })
	}
}

// Close ends the prompt and its session. What it made in the program stays.
func (p *Prompt) Close() {
	if p.closed {
		return
	}
	p.closed = true
	p.listing.end()
	p.looks.close()
	p.Drop()
	p.session.Close()
}

// mostAhead is how much is put out, in bytes, of what cannot wait while the reader is behind: events, and what an
// evaluation prints.
const mostAhead = 4 << 20

// write puts out text. What comes when the reader is too far behind is left out, and the reader told so later.
func (p *Prompt) write(text string) {
	switch {
	case p.closed:
		return
	case p.Full == nil || !p.Full():
		p.ahead = 0
		if n := p.lost; n > 0 {
			p.lost = 0
			p.Out(fmt.Sprintf("... %s bytes of output were left out: nobody took them\n", grouped(n)))
		}
	case p.ahead+len(text) > mostAhead:
		p.lost += len(text)
		return
	default:
		p.ahead += len(text)
	}
	p.Out(text)
}

// unhandled shows an event of the prompt's session that nothing handles.
func (p *Prompt) unhandled(event string, args []lua.LValue) {
	line := "event " + event
	for i, v := range args {
		if i == mostValues {
			line += ", " + more(len(args)-i)
			break
		}
		line += []string{" ", ", "}[min(i, 1)] + p.show(v, p.columns())
	}
	p.printf("%s", cutText(line, 2*p.columns()))
}

// columns is how many a line may have.
func (p *Prompt) columns() int {
	if p.Width == nil {
		return 80
	}
	return max(p.Width(), 20)
}
