package repl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
)

var postCommand = command{
	name: "post", args: "X EVENT [ARGS]",
	help: "queue an event for X; ARGS are Lua expressions, with commas between them",
	run: func(p *Prompt, rest string) error {
		t, event, args, err := p.eventFor(rest)
		if err != nil {
			return err
		}
		return p.k.Post(t, event, kernel.Site{}, args)
	},
}

var callCommand = command{
	name: "call", args: "X EVENT [ARGS]",
	help: "have X handle an event at once, and print what it returns",
	run: func(p *Prompt, rest string) error {
		t, event, args, err := p.eventFor(rest)
		if err != nil {
			return err
		}
		results, err := p.k.Call(t, event, kernel.Site{}, args, kernel.WantAll)
		if err != nil {
			return err
		}
		values := make([]lua.LValue, len(results))
		for i, v := range results {
			values[i] = p.Lib.Value(v)
		}
		p.printValues(p.Lib.Guard.State, values)
		return nil
	},
}

// eventFor reads "X EVENT [ARGS]".
func (p *Prompt) eventFor(rest string) (t *kernel.Task, event string, args []any, err error) {
	name, rest := cutWord(rest)
	event, expressions := cutWord(rest)
	if event == "" {
		return nil, "", nil, errors.New("a session and an event are needed")
	}
	if t, err = p.find(name); err != nil {
		return nil, "", nil, err
	}
	args, err = p.evaluate(expressions)
	return t, event, args, err
}

var stopCommand = command{
	name: "stop", args: "X",
	help: "stop X, whatever keeps it alive; its children go to its parent",
	run: func(p *Prompt, rest string) error {
		t, err := p.findOne(rest)
		if err != nil {
			return err
		}
		switch t {
		case p.k.Root():
			return errors.New("the kernel is no session that can be stopped")
		case p.task:
			return errors.New("this is the prompt's own session: .quit leaves it")
		}
		p.k.End(t)
		return nil
	},
}

var signalCommand = command{
	name: "signal", args: "X NAME",
	help: "send a signal such as TERM to X and the sessions below it",
	run: func(p *Prompt, rest string) error {
		name, signal := cutWord(rest)
		if signal == "" {
			return errors.New("a session and the name of a signal are needed")
		}
		t, err := p.find(name)
		if err != nil {
			return err
		}
		return p.k.Signal(t, strings.TrimPrefix(signal, "SIG"), kernel.Site{}, nil)
	},
}

// findOne is find for a command that has no other argument.
func (p *Prompt) findOne(name string) (*kernel.Task, error) {
	if name == "" {
		return nil, errors.New("the ID or an alias of a session is needed (.sessions shows them)")
	}
	return p.find(name)
}

var loadCommand = command{
	name: "load", args: "FILE",
	help: "run a file as if it were typed: what is local in it stays",
	run: func(p *Prompt, rest string) error {
		if rest == "" {
			return errors.New("the name of a file is needed")
		}
		source, err := p.Lib.ReadSource(rest)
		if err != nil {
			return err
		}
		fn, err := p.typed.LoadFile(rest, source)
		if err != nil {
			return err
		}
		p.run(p.Lib.Guard.State, fn)
		return nil
	},
}

var helpCommand = command{
	name: "help", args: "[NAME]",
	help: "list the commands, or tell what one does",
	run: func(p *Prompt, rest string) error {
		shown := p.commands
		if rest != "" {
			name := strings.TrimPrefix(rest, ".")
			c := p.command(name)
			if c == nil {
				return fmt.Errorf("unknown command '.%s'%s", cutText(clean(name), keyWidth), p.suggestion(name))
			}
			shown = []command{*c}
		}
		width := 0
		for _, c := range shown {
			width = max(width, len(c.name)+len(c.args)+2)
		}
		lines := make([]string, 0, len(shown)+1)
		for _, c := range shown {
			usage := "." + c.name + " " + c.args
			for _, line := range fold(c.help, p.wide()-width-2) {
				lines = append(lines, fmt.Sprintf("%-*s  %s", width, usage, line))
				usage = ""
			}
		}
		if rest == "" {
			lines = append(lines, "X is the ID or an alias of a session. Anything else is Lua:",
				"ctx, kernel, heap and poe are there, _ is the last value.")
		}
		p.list(slices.Values(lines))
		return nil
	},
}

// fold breaks a text between its words into lines of so many columns, if the words are short enough.
func fold(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && columnsOf(line)+1+columnsOf(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

var quitCommand = command{
	name: "quit",
	help: "leave the prompt",
	run: func(p *Prompt, rest string) error {
		p.quitting = true
		return nil
	},
}
