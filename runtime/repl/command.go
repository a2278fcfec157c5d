package repl

import (
	"fmt"
	"strings"

	"github.com/poelua/poelua/kernel"
)

// command is one of those that begin with a dot.
type command struct {
	name string // without the dot
	args string // for people: "X EVENT args..."
	help string // a line
	// run does it. rest is what follows the name, without space around it. An error is told in one line. Output that
	// may be long is given to list.
	run func(p *Prompt, rest string) error
}

// commands are in the order in which .help shows them.
var commands = []command{
	sessionsCommand, sessionCommand, queueCommand, aliasesCommand, handlesCommand, signalsCommand, wheelsCommand,
	watchCommand, unwatchCommand, postCommand, callCommand, stopCommand, signalCommand, whyCommand, statsCommand,
	memCommand, loadCommand, helpCommand, quitCommand,
}

// runCommand runs a line that begins with a dot.
func (p *Prompt) runCommand(line string) error {
	name, rest := cutWord(strings.TrimSpace(line)[1:])
	c := p.command(name)
	if c == nil {
		return fmt.Errorf("unknown command '.%s'%s", cutText(clean(name), keyWidth), p.suggestion(name))
	}
	return c.run(p, rest)
}

// command finds a command; nil if there is none of that name.
func (p *Prompt) command(name string) *command {
	for i := range p.commands {
		if p.commands[i].name == name {
			return &p.commands[i]
		}
	}
	return nil
}

// suggestion names the command that may have been meant.
func (p *Prompt) suggestion(name string) string {
	best, least := "", 3
	for _, c := range p.commands {
		d := distance(name, c.name)
		if len(name) > 1 && strings.HasPrefix(c.name, name) {
			d = 1
		}
		if (d < least || d == least && len(c.name) < len(best)) && d < len(name) {
			best, least = c.name, d
		}
	}
	if best == "" {
		return "; .help lists all"
	}
	return "; did you mean '." + best + "'?"
}

// distance counts the bytes to insert, drop or replace that make b of a. Of long names it only says that they are far
// apart.
func distance(a, b string) int {
	const longest = 20
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var last, row [longest + 1]int
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
		}
		last = row
	}
	return last[len(b)]
}

// cutWord takes the first word off a text. Both are without space around them.
func cutWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// printf writes a line, or several.
func (p *Prompt) printf(format string, args ...any) { p.write(fmt.Sprintf(format, args...) + "\n") }

// find is the session that an ID or an alias names.
func (p *Prompt) find(name string) (*kernel.Task, error) {
	if t := p.k.Resolve(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no session '%s'", cutText(clean(name), keyWidth))
}
