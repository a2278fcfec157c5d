package interp

import (
	"os"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

const shell = "/bin/sh"

// shellCommand is what runs a command line of a script. Its streams are the script's; where those have no
// descriptor, it writes to the process's own and has nothing to read.
func shellCommand(c Config, line string) host.Command {
	command := host.Command{
		Args:   []string{shell, "-c", line},
		Stdin:  c.Stdin.File(),
		Stdout: c.Stdout.File(),
		Stderr: c.Stderr.File(),
	}
	if command.Stdout == nil {
		command.Stdout = c.Host.Stdout().File()
	}
	if command.Stderr == nil {
		command.Stderr = c.Host.Stderr().File()
	}
	return command
}

// popen starts a command and gives a file that reads its output or writes its input. Reading waits, and closing waits
// for the command's end.
func (fs *files) popen(l *lua.LState) int {
	a := luax.Args{L: l, Name: "popen"}
	line, mode := textArg(a, 1), "r"
	if !a.Missing(2) {
		mode = textArg(a, 2)
	}
	if mode != "r" && mode != "w" {
		luax.ArgError(l, "popen", 2, "invalid mode")
	}
	fs.flushAll()
	f, err := fs.start(line, mode == "r")
	if err != nil {
		return refuse(l, reasonFor(line, err), err)
	}
	l.Push(fs.add(f))
	return 1
}

func (fs *files) start(line string, reads bool) (*file, error) {
	ours, theirs, err := fs.pipe(reads)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	command := shellCommand(fs.c, line)
	if reads {
		command.Stdout = theirs
	} else {
		command.Stdin, command.Finish = theirs, true
	}
	pid, err := fs.c.Host.Start(command)
	if err != nil {
		ours.Close()
		return nil, err
	}
	if fs.c.Started != nil {
		fs.c.Started(pid)
	}
	f := fs.wrap(ours, reads, !reads)
	f.pid = pid
	return f, nil
}

// pipe makes a pipe whose reader or writer is ours.
func (fs *files) pipe(reads bool) (ours, theirs *os.File, err error) {
	r, w, err := fs.c.Host.Pipe("")
	if err != nil {
		return nil, nil, err
	}
	if !reads {
		r, w = w, r
	}
	if ours, err = r.File(); err != nil {
		return nil, nil, err
	}
	if theirs, err = w.File(); err != nil {
		ours.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}
