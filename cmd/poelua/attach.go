package main

import (
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
	"github.com/poelua/poelua/runtime/console"
	"github.com/poelua/poelua/runtime/repl"
)

// attach is poelua attach: a prompt of another process, or a list of those that have one.
func attach(args []string) int {
	switch {
	case len(args) > 1:
		fmt.Fprintln(os.Stderr, "poelua: attach takes one address (see poelua help)")
		return exitUsage
	case len(args) == 0:
		return listConsoles()
	case strings.HasPrefix(args[0], "-"):
		fmt.Fprintf(os.Stderr, "poelua: unknown option '%s' (see poelua help)\n", args[0])
		return exitUsage
	}
	client, err := console.Dial(args[0])
	if err != nil {
		return fail(fmt.Errorf("attach: %w", err))
	}
	defer client.Close()
	if terminalIsThere() {
		err = attachTerminal(client)
	} else {
		err = attachPipe(client)
	}
	if err != nil {
		return fail(fmt.Errorf("attach: %w", err))
	}
	return 0
}

func listConsoles() int {
	programs := console.List()
	if len(programs) == 0 {
		fmt.Println("no program of yours has a console (it is opened by --console)")
		return 0
	}
	fmt.Printf("%8s  %-19s  %s\n", "PID", "SINCE", "SCRIPT")
	for _, p := range programs {
		name := p.Name
		if !printable(name) {
			name = fmt.Sprintf("%q", name)
		}
		fmt.Printf("%8d  %-19s  %s\n", p.Pid, p.Since.Format(time.DateTime), name)
	}
	return 0
}

// attachPipe hands over what standard input has, line by line.
func attachPipe(client *console.Client) error {
	h := host.New()
	out := h.Stdout()
	var failed atomic.Bool
	err := client.Attach(func(text string) {
		if _, err := io.WriteString(out, text); err != nil && !failed.Swap(true) {
			client.Close() // nobody hears what is answered
		}
	}, false, widthUsual)
	if err != nil {
		return err
	}
	err = converse(newPipe(h.Stdin(), console.LineMost), client)
	if failed.Load() {
		return errors.New("the output cannot be written")
	}
	return err
}

// patience is how often ^C is pressed in vain before it leaves a program that does not answer.
const patience = 3

// attachTerminal has somebody type.
func attachTerminal(client *console.Client) error {
	t, err := openTerminal()
	if err != nil {
		return err
	}
	defer t.Leave()
	remote := &remotePrompt{Client: client, terminal: t}
	t.complete = client.Complete
	remote.watchSignals()
	fmt.Fprintf(t, "attached to process %d; .help lists the commands, Ctrl-D leaves\n", client.Info.Pid)
	if err := client.Attach(func(text string) { io.WriteString(t, text) }, true, t.Width()); err != nil {
		return err
	}
	go func() {
		<-client.Gone()
		t.Leave()
	}()
	err = converse(t, remote)
	if n := remote.killed.Load(); n != 0 {
		t.Leave()
		os.Exit(128 + int(n))
	}
	select {
	case <-client.Gone(): // also while a line was typed, which is no end of the input then
		err = console.ErrEnded
	default:
	}
	if err == console.ErrEnded && remote.presses.Load() >= patience {
		err = errors.New("left: the program does not answer")
	}
	return err
}

// remotePrompt is a prompt of another process at a terminal of this one.
type remotePrompt struct {
	*console.Client
	terminal *terminal
	busy     atomic.Bool  // a line is being dealt with
	presses  atomic.Int64 // of ^C since then
	killed   atomic.Int64 // the signal that ends the process
}

var _ talker = (*remotePrompt)(nil)

// Line tells of a new width first.
func (p *remotePrompt) Line(text string) (repl.State, error) {
	p.presses.Store(0)
	p.busy.Store(true)
	defer p.busy.Store(false)
	if p.terminal.dropEarly() {
		p.Drop()
		return repl.Ready, nil
	}
	p.SetWidth(p.terminal.Width())
	return p.Client.Line(text)
}

// watchSignals has INT interrupt what is evaluated, and the terminal put in order before other signals end the
// process. It lasts as long as that.
func (p *remotePrompt) watchSignals() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		for s := range c {
			if s != syscall.SIGINT {
				p.killed.Store(int64(s.(syscall.Signal)))
				p.Close()
				p.terminal.Leave()
				os.Exit(128 + int(p.killed.Load()))
			}
			if !p.busy.Load() {
				p.terminal.noteInterrupt()
				continue
			}
			if p.presses.Add(1) >= patience {
				p.Close()
			}
			p.Interrupt()
		}
	}()
}
