package repl

import (
	"fmt"
	"iter"

	"github.com/poelua/poelua/kernel"
)

// command is one of those that begin with a dot.
type command struct {
	name string // without the dot
	args string // for people: "X EVENT args..."
	help string // a line
	// run does it. rest is what follows the name, without space around it. An error is told in one line. Output that may be
	// long is given to list.
	run func(p *Prompt, rest string) error
}

// commands are in the order in which .help shows them.
var commands []command

// runCommand runs a line that begins with a dot.
func (p *Prompt) runCommand(line string) error { return nil }

// printf writes a line, or several.
func (p *Prompt) printf(format string, args ...any) { p.Out(fmt.Sprintf(format, args...) + "\n") }

// list writes lines, without their ends, as they are asked for: a slice of them at a time, so that the program goes on
// meanwhile, and no more than the reader takes. What it shows may have changed since it began. It ends with Interrupt.
func (p *Prompt) list(lines iter.Seq[string]) {}

// find is the session that an ID or an alias names.
func (p *Prompt) find(name string) (*kernel.Task, error) {
	if t := p.k.Resolve(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no session '%s'", name)
}

// evaluate gives the values of Lua expressions separated by commas, as the prompt would evaluate them.
func (p *Prompt) evaluate(expressions string) ([]any, error) { return nil, nil }

// show is a value for people, in one line of so many columns.
func (p *Prompt) show(v any, width int) string { return "" }
