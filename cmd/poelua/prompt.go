package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

// talker is a prompt: one of this process, or of another one through its console.
type talker interface {
	// Line hands over a line and waits until all it led to is out. An error says that the prompt is gone.
	Line(text string) (repl.State, error)
	Drop()
	Complete(text string, at int) (from int, candidates []string)
	Interrupt()
}

// asker is where lines come from.
type asker interface {
	// Ask gives the next line: errDropped if it was dropped, io.EOF at the end of all.
	Ask(state repl.State) (string, error)
}

// errDropped says that whoever types wants to begin anew.
var errDropped = errors.New("line dropped")

// converse carries lines from a to t until there are no more, or .quit is one.
func converse(a asker, t talker) error {
	state := repl.Ready
	for {
		line, err := a.Ask(state)
		switch {
		case err == errDropped:
			t.Drop()
			state = repl.Ready
			continue
		case err == io.EOF && state == repl.More:
			_, err = t.Line("") // what is unfinished will never be finished: that is told
			return err
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if state, err = t.Line(line); err != nil || state == repl.Quit {
			return err
		}
	}
}

// lineMost bounds a line of a script for the prompt.
const lineMost = 1 << 20

// pipe gives the lines of an input that nobody types.
type pipe struct {
	in       *bufio.Reader
	most     int                  // bytes in a line
	complain func(message string) // of a line that is longer, which is left out
}

func newPipe(in io.Reader, most int) *pipe {
	return &pipe{in: bufio.NewReader(in), most: most, complain: func(message string) {
		fmt.Fprintf(os.Stderr, "poelua: %s\n", message)
	}}
}

// Ask gives the next line. The last one needs no end.
func (p *pipe) Ask(repl.State) (string, error) {
	for {
		line, long, err := p.read()
		switch {
		case err != nil && len(line) == 0 && !long:
			return "", err
		case !long:
			return line, nil
		}
		p.complain(fmt.Sprintf("a line of more than %d bytes is left out", p.most))
	}
}

// read takes a line out of the input and tells if it was too long to be kept.
func (p *pipe) read() (line string, long bool, err error) {
	var all []byte
	for {
		part, err := p.in.ReadSlice('\n')
		if long = long || len(all)+len(part) > p.most+1; !long {
			all = append(all, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if long {
			return "", true, err
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(all), "\n"), "\r")
		if err != nil && len(all) > 0 {
			err = nil // the end comes with the next read
		}
		return text, false, err
	}
}

// hangupTime is how long the loop may take to say whether somebody watches HUP.
const hangupTime = time.Second

// errEnded says that the program is over, and its prompt with it.
var errEnded = errors.New("the program has ended")

// localPrompt is the prompt of the program that this process runs.
type localPrompt struct {
	rt       *runtime.Runtime
	terminal *terminal // nil: what is typed comes through a pipe
	out      io.Writer // where the prompt writes to

	prompt  *repl.Prompt // loop goroutine only, but for Interrupt
	begun   bool         // loop goroutine only
	active  atomic.Pointer[repl.Prompt]
	done    chan repl.State
	ended   chan struct{} // closed after the run
	lines   int64         // so many were handed over
	line    atomic.Int64  // number of the one that is being dealt with; 0 none
	outside func() int    // sessions that are no part of the program
	failed  atomic.Bool   // the input or the output of a pipe

	unheard atomic.Pointer[error] // of the output that failed last
}

var _ talker = (*localPrompt)(nil)

// newLocalPrompt prepares a prompt, as far as that goes before there is a runtime: o learns what to do differently.
func newLocalPrompt(o *runtime.Options) (*localPrompt, error) {
	p := &localPrompt{done: make(chan repl.State, 1), ended: make(chan struct{})}
	if terminalIsThere() {
		t, err := openTerminal()
		if err != nil {
			return nil, err
		}
		p.terminal, p.out = t, t
		o.Stdout, o.Stderr = t, t
	} else {
		p.out = host.New().Stdout()
	}
	o.Stdin = strings.NewReader("") // what is typed is for the prompt
	o.NoInterrupt = false
	o.OnInterrupt = p.onInterrupt
	return p, nil
}

// attach connects the prompt to its runtime. It begins when the loop first runs, or with begin. outside is how many
// sessions there are that belong to other prompts.
func (p *localPrompt) attach(rt *runtime.Runtime, outside func() int) {
	p.rt, p.outside = rt, outside
	if p.terminal != nil {
		rt.AtExit(p.terminal.Leave)
	}
	rt.Kernel().Submit(func() {
		if err := p.begin(); err != nil {
			rt.Report(err)
		}
	})
}

// begin makes the prompt. Loop goroutine only, outside of handlers.
func (p *localPrompt) begin() error {
	if p.begun {
		return nil
	}
	p.begun = true
	c := repl.Config{
		Out:      p.show,
		Done:     func(s repl.State) { p.done <- s },
		Keep:     true,
		Terminal: p.terminal != nil,
	}
	if p.terminal != nil {
		c.Width = p.terminal.Width
	}
	prompt, err := p.rt.Prompt(c)
	if err != nil {
		return err
	}
	p.prompt = prompt
	p.active.Store(prompt)
	go p.converse()
	return nil
}

// show is Config.Out. A terminal's failure is one of what is read from it, too.
func (p *localPrompt) show(text string) {
	if _, err := io.WriteString(p.out, text); err != nil && p.terminal == nil {
		err = fmt.Errorf("output: %w", err)
		p.unheard.Store(&err)
	}
}

// converse runs on a goroutine of its own until the prompt is left.
func (p *localPrompt) converse() {
	var in asker = newPipe(host.New().Stdin(), lineMost)
	if p.terminal != nil {
		defer p.watchHangup()()
		p.terminal.complete = p.Complete
		in = p.terminal
		fmt.Fprintf(p.terminal, "poelua %s; .help lists the commands, Ctrl-D leaves\n", runtime.Version)
	}
	for {
		err := converse(in, p)
		if err != nil && err != errEnded && p.terminal == nil {
			p.failed.Store(true)
			fail(fmt.Errorf("prompt: %w", err))
		}
		if err != nil || p.terminal == nil {
			break // it is over, or a terminal is gone
		}
		if left, over := p.leave(); left {
			break
		} else if over {
			p.rt.Kernel().Submit(p.rt.Kernel().Stop)
			break
		}
	}
	if p.terminal != nil {
		p.terminal.Leave()
	}
	p.active.Store(nil)
	p.rt.Kernel().Submit(p.prompt.Close)
}

// watchHangup has HUP find the terminal in order before it ends the process, unless a session watches it, until stop is
// called.
func (p *localPrompt) watchHangup() (stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	over := make(chan struct{})
	go func() {
		for {
			select {
			case <-over:
				return
			case <-c:
			}
			if p.watched("HUP") {
				continue
			}
			p.terminal.restore()
			signal.Reset(syscall.SIGHUP)
			if syscall.Kill(os.Getpid(), syscall.SIGHUP) != nil {
				os.Exit(128 + int(syscall.SIGHUP))
			}
		}
	}()
	return func() {
		signal.Stop(c)
		close(over)
	}
}

// watched asks the loop whether a session watches a signal. If it does not answer, none can.
func (p *localPrompt) watched(name string) bool {
	answer := make(chan bool, 1)
	p.rt.Kernel().Submit(func() { answer <- p.rt.Kernel().Watches(name) })
	select {
	case watched := <-answer:
		return watched
	case <-p.ended:
	case <-time.After(hangupTime):
	}
	return false
}

// leave asks whether the program goes on, if there is anything left of it. Neither is the answer of somebody who wants
// to go on typing.
func (p *localPrompt) leave() (left, over bool) {
	counted := make(chan int, 1)
	p.rt.Kernel().Submit(func() { counted <- p.rt.Kernel().Sessions() - 1 - p.outside() })
	select {
	case n := <-counted:
		if n <= 0 {
			return true, false
		}
		plural := "s"
		if n == 1 {
			plural = ""
		}
		for {
			fmt.Fprintf(p.terminal, "%d session%s left. Let the program go on?\n", n, plural)
			answer, err := p.terminal.Question("[Y/n] ")
			switch strings.ToLower(strings.TrimSpace(answer)) {
			case "", "y", "yes":
				return err != errDropped, false
			case "n", "no":
				return false, true
			}
		}
	case <-p.ended:
		return true, false
	}
}

// onInterrupt is called with SIGINT, from any goroutine.
func (p *localPrompt) onInterrupt() bool {
	prompt := p.active.Load()
	if prompt == nil {
		return false
	}
	prompt.Interrupt()
	if line := p.line.Load(); line != 0 {
		go p.insist(prompt, line)
	} else if p.terminal != nil {
		p.terminal.noteInterrupt()
	}
	return true
}

// insist interrupts a line that has not begun when it was to be interrupted.
func (p *localPrompt) insist(prompt *repl.Prompt, line int64) {
	for range 50 {
		time.Sleep(20 * time.Millisecond)
		if p.line.Load() != line {
			return
		}
		prompt.Interrupt()
	}
}

// end tells that the program does not run any more.
func (p *localPrompt) end() {
	close(p.ended)
	if p.terminal != nil {
		p.terminal.Leave()
	}
}

// Line is for one goroutine at a time, as are the others.
func (p *localPrompt) Line(text string) (repl.State, error) {
	p.lines++
	p.line.Store(p.lines)
	defer p.line.Store(0)
	if p.terminal != nil && p.terminal.dropEarly() {
		p.Drop()
		return repl.Ready, nil
	}
	p.rt.Kernel().Submit(func() { p.prompt.Line(text) })
	select {
	case s := <-p.done:
		if err := p.unheard.Load(); err != nil {
			return s, *err
		}
		return s, nil
	case <-p.ended:
		return repl.Quit, errEnded
	}
}

// Drop forgets an unfinished input.
func (p *localPrompt) Drop() { p.rt.Kernel().Submit(p.prompt.Drop) }

// Interrupt ends what is being evaluated.
func (p *localPrompt) Interrupt() { p.prompt.Interrupt() }

// Complete waits for the loop, but not for long: a handler may be running for ever.
func (p *localPrompt) Complete(text string, at int) (int, []string) {
	type found struct {
		from       int
		candidates []string
	}
	answer := make(chan found, 1)
	p.rt.Kernel().Submit(func() {
		from, candidates := p.prompt.Complete(text, at)
		answer <- found{from, candidates}
	})
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	select {
	case f := <-answer:
		return f.from, f.candidates
	case <-p.ended:
	case <-ctx.Done():
	}
	return at, nil
}
