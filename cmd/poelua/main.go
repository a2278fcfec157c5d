// The command poelua runs event-driven Lua.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/check"
	"github.com/poelua/poelua/runtime/console"
)

func main() {
	// A closed pipe is an error of the write, not the end of the process; children still find the default.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	tuneGC()
	os.Exit(run(os.Args[1:]))
}

const (
	exitError = 1
	exitUsage = 2
)

// command is what the command line asks for.
type command struct {
	chunk     string // -e
	hasChunk  bool
	libraries []string // -l
	traceFile string
	profile   string // --profile
	trace     kernel.Trace
	assert    kernel.Assert
	stats     bool
	options   runtime.Options
	script    string // "-" for standard input
	prompt    bool   // -i
	console   bool
	socket    string // where the console listens; "" the usual place
}

func run(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "help", "--help", "-h":
			return help(args[1:])
		case "version", "--version", "-v":
			fmt.Println(version())
			return 0
		case "check":
			return checkFiles(args[1:])
		case "attach":
			return attach(args[1:])
		}
	}
	c, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return help(nil)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "poelua: %v (see poelua help)\n", err)
		return exitUsage
	}
	if c.script == "" && !c.hasChunk && !c.prompt {
		if c.prompt = runtime.StdinIsTerminal(); !c.prompt {
			c.script = "-"
		}
	}
	return c.run()
}

// parse reads the command line. Options end at the script's name: what follows is the script's.
func parse(args []string) (*command, error) {
	c := &command{}
	f := flag.NewFlagSet("poelua", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Func("e", "", func(s string) error { c.chunk, c.hasChunk = s, true; return nil })
	f.Func("l", "", func(s string) error { c.libraries = append(c.libraries, s); return nil })
	f.StringVar(&c.options.Loop, "loop", "", "")
	f.StringVar(&c.options.Clock, "clock", "", "")
	f.BoolVar(&c.prompt, "i", false, "")
	f.BoolFunc("console", "", func(path string) error {
		if c.console = true; path != "true" { // which --console alone gives
			c.socket = path
		}
		return nil
	})
	f.StringVar(&c.traceFile, "trace-file", "", "")
	f.StringVar(&c.profile, "profile", "", "")
	f.BoolVar(&c.stats, "stats", false, "")
	f.Func("max-instructions", "", func(s string) (err error) {
		c.options.Limits.Instructions, err = strconv.ParseInt(s, 10, 64)
		if err != nil || c.options.Limits.Instructions < 1 {
			return errors.New("a whole number above 0 expected")
		}
		return nil
	})
	f.Func("max-dispatch-time", "", func(s string) (err error) {
		c.options.Limits.DispatchTime, err = duration(s)
		return err
	})
	f.Func("trace", "", func(s string) (err error) { c.trace, err = kernel.ParseTrace(s); return err })
	f.Func("assert", "", func(s string) (err error) { c.assert, err = kernel.ParseAssert(s); return err })
	if err := f.Parse(args); err == flag.ErrHelp {
		return nil, err
	} else if err != nil {
		return nil, tidy(err)
	}
	rest := f.Args()
	if !c.hasChunk && len(rest) > 0 {
		c.script, rest = rest[0], rest[1:]
	}
	if c.prompt && c.script == "-" {
		return nil, errors.New("-i: standard input is for the prompt, it cannot be the script, too")
	}
	if c.profile != "" && c.profile == c.traceFile {
		return nil, fmt.Errorf("--profile and --trace-file: both are to write '%s'", c.profile)
	}
	c.options.Args = rest
	return c, nil
}

// duration reads a time: seconds, or a number with a unit such as 500ms.
func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d <= 0 {
		return 0, errors.New("a time above 0 expected, such as 2 or 500ms")
	}
	return d, nil
}

// tidy turns the flag package's words into the command's.
func tidy(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return fmt.Errorf("unknown option '%s'", dashed(name))
	}
	// invalid value "x" for flag -trace: reason
	if value, reason, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(value, "invalid value") {
		_, name, _ := strings.Cut(value, " for flag -")
		return fmt.Errorf("--%s: %s", name, reason)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return fmt.Errorf("option '%s' needs a value", dashed(name))
	}
	return errors.New(text)
}

// dashed is an option as people write it: one dash before a letter, two before a word.
func dashed(name string) string {
	if len(name) > 2 {
		return "-" + name
	}
	return name
}

func (c *command) run() (status int) {
	c.options.Idle = true
	c.options.CatchSignals = true
	c.options.NoInterrupt = !c.console
	c.options.TrimMemory = true
	c.options.Limits.CallDepth = 20_000
	c.options.Stats = c.stats
	c.options.Name = c.script
	c.options.Program = os.Args[0]
	if c.hasChunk {
		c.options.Name = "-e"
	} else if c.script != "-" && c.script != "" {
		c.options.ModulePath = []string{runtime.ScriptDir(c.script)}
	}
	var trace *host.LateWriter
	for _, path := range []string{c.traceFile, c.profile} {
		if path == "" {
			continue
		}
		f, err := os.Create(path)
		if err != nil {
			return fail(err)
		}
		defer func() {
			if err := f.Close(); err != nil && status == 0 {
				status = fail(err)
			}
		}()
		if path == c.traceFile {
			trace = c.traceTo(f)
		} else {
			c.options.Profile = f
		}
	}
	var prompt *localPrompt
	if c.prompt {
		var err error
		if prompt, err = newLocalPrompt(&c.options); err != nil {
			return fail(err)
		}
	}
	rt, err := runtime.New(c.options)
	if err != nil {
		fmt.Fprintf(os.Stderr, "poelua: %v (see poelua help)\n", err)
		return exitUsage
	}
	if trace != nil {
		rt.AtExit(trace.Close)
	}
	k := rt.Kernel()
	k.SetTrace(k.Trace() | c.trace)
	k.SetAssert(k.Assert() | c.assert)
	err = c.serve(rt, prompt)
	if err != nil {
		rt.Report(err)
		status = exitError
	}
	if err := rt.Close(); err != nil { // stops what an error in the main chunk left behind
		rt.Report(err)
		status = exitError
	}
	if c.stats {
		if err := rt.WriteStats(os.Stderr); err != nil && status == 0 {
			status = exitError
		}
	}
	if prompt != nil && prompt.failed.Load() {
		status = exitError
	}
	if n := rt.EndSignal(); n != 0 && status == 0 {
		return 128 + n
	}
	return status
}

// traceTo has the trace written to a file: as JSON if the name of --trace-file says so.
func (c *command) traceTo(f *os.File) *host.LateWriter {
	if strings.HasSuffix(c.traceFile, ".json") {
		c.options.TraceJSON = f // which is written late anyway
		return nil
	}
	w := host.NewLateWriter(f, func(err error) {
		fmt.Fprintf(os.Stderr, "poelua: trace: %v; the program goes on without it\n", err)
	})
	c.options.Trace = w
	return w
}

// serve is execute with somebody at a prompt, or several, if that was asked for.
func (c *command) serve(rt *runtime.Runtime, prompt *localPrompt) error {
	attached := func() int { return 0 }
	if c.console {
		server, err := console.Listen(rt, console.Options{Path: c.socket, Name: c.options.Name})
		if err != nil {
			return err
		}
		defer server.Close()
		attached = server.Attached
	}
	if prompt != nil {
		prompt.attach(rt, attached)
		defer prompt.end()
	}
	return c.execute(rt, prompt)
}

// execute runs the script, then the kernel until every session has stopped.
func (c *command) execute(rt *runtime.Runtime, prompt *localPrompt) error {
	for _, name := range c.libraries {
		if err := rt.Require(name); err != nil {
			return err
		}
	}
	var err error
	switch {
	case c.hasChunk:
		err = rt.DoString("-e", c.chunk)
	case c.script == "-":
		var source []byte
		if source, err = io.ReadAll(os.Stdin); err == nil {
			err = rt.DoString("stdin", string(source))
		}
	case c.script != "":
		err = rt.DoFile(c.script)
	}
	if err == nil && prompt != nil {
		err = prompt.begin()
	}
	if err != nil {
		return err
	}
	return rt.Run(context.Background())
}

func fail(err error) int {
	fmt.Fprintf(os.Stderr, "poelua: %v\n", err)
	return exitError
}

// checkFiles is poelua check.
func checkFiles(files []string) int {
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, "poelua: check needs a file (see poelua help)")
		return exitUsage
	}
	status := 0
	for _, name := range files {
		if strings.HasPrefix(name, "-") && name != "-" {
			fmt.Fprintf(os.Stderr, "poelua: unknown option '%s' (see poelua help)\n", name)
			return exitUsage
		}
		source, err := readSource(name)
		if err != nil {
			status = fail(err)
			continue
		}
		for _, finding := range check.Source(name, source) {
			fmt.Println(finding)
			status = exitError
		}
	}
	return status
}

func readSource(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

func version() string {
	return fmt.Sprintf("poelua %s (%s, gopher-lua 1.1.2 with Lua 5.1, %s/%s, loop %s)",
		runtime.Version, goruntime.Version(), goruntime.GOOS, goruntime.GOARCH, runtime.DefaultLoop())
}
