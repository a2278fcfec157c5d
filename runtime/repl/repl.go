// Package repl is the prompt at which people explore a running program: it evaluates what they type on the kernel's own
// turn, in a session of its own, and answers commands such as .sessions. It reads from nowhere and writes to nowhere itself: who
// makes a Prompt hands it lines and gets text, be it a terminal, a pipe or a socket.
//
//	p, err := repl.New(repl.Config{...})
//	p.Line("poe.kernel:post('bot', 'say', 'hi')")
//	p.Close()
package repl

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings"
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
	k    *kernel.Kernel
	task *kernel.Task // its session
}

// New makes a prompt with a session of its own, whose alias is repl, or repl2 and so on if that is taken.
func New(c Config) (*Prompt, error) {
	return &Prompt{Config: c, k: c.Lib.Kernel()}, nil
}

// Line takes a line of input, without its end. Config.Done tells when the next may come.
func (p *Prompt) Line(text string) {}

// Drop forgets an unfinished input.
func (p *Prompt) Drop() {}

// Drained lets a listing go on that waits because Config.Full said so.
func (p *Prompt) Drained() {}

// Complete gives what the text before a position may go on with: candidates are what to put in the place of text[from:at]. It
// calls nothing of the program.
func (p *Prompt) Complete(text string, at int) (from int, candidates []string) { return at, nil }

// Interrupt ends the evaluation, or the listing, that goes on; nothing else. Safe from any goroutine.
func (p *Prompt) Interrupt() {}

// Close ends the prompt and its session. What it made in the program stays.
func (p *Prompt) Close() {}
