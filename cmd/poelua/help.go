package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

const usage = `poelua runs event-driven Lua.

  poelua [options] script.lua [args]   run a script, then the kernel until every session has stopped
  poelua [options] -e CHUNK [args]     run a chunk given here
  poelua [options] -                   run what standard input holds
  poelua [options]                     at a terminal: a prompt; otherwise as -
  poelua [options] -i script.lua [args]
                                       run a script with a prompt beside it
  poelua attach [ADDRESS]              a prompt of a program that runs with --console; without ADDRESS a list of those
  poelua check FILE...                 compile only; find undefined globals and events that nothing handles
  poelua help [TOPIC]                  this text, or more on a topic
  poelua version                       versions of poelua, Go, Lua; system, loop

Options end at the script's name: what follows is the script's.

  -l NAME            require NAME first
  --loop NAME        the event loop: epoll, kqueue, poll
  --clock NAME       real, or simulated: nothing waits, time jumps to the next due event
  --trace LIST       events,sessions,refcounts,files,signals,errors,stats,all
  --max-instructions N, --max-dispatch-time D
                     end a handler that executes more instructions of Lua, or takes longer (2, 500ms), with an
                     error; code that calls much runs up to 1.2 times as long
  --trace-file PATH  where traces go (standard error if not given); PATH.json: a picture for Perfetto and Chrome
  --profile FILE     a profile of functions, events and sessions for go tool pprof
  --assert LIST      usage,states,data,retvals,all (all leaves out retvals)
  --console[=PATH]   listen on a UNIX socket for poelua attach (help attach)
  --stats            tables at exit: counts, dispatch time by session and event

Exit status: 0; 1 for an uncaught error; 2 for a wrong command line; 128+n when the signal n ended the program;
os.exit(n) gives n.

Topics: `

// topics are the texts of help TOPIC, a file each.
//
//go:embed help/*.txt
var topics embed.FS

func help(args []string) int {
	if len(args) == 0 {
		fmt.Print(usage, strings.Join(topicNames(), ", "), "\n")
		return 0
	}
	text, err := topics.ReadFile("help/" + args[0] + ".txt")
	if err != nil {
		fmt.Fprintf(os.Stderr, "poelua: no help on '%s' (topics: %s)\n", args[0], strings.Join(topicNames(), ", "))
		return exitUsage
	}
	os.Stdout.Write(text)
	return 0
}

// topicNames are in alphabetical order.
func topicNames() []string {
	var names []string
	files, _ := fs.Glob(topics, "help/*.txt") // the pattern is good
	for _, file := range files {
		names = append(names, strings.TrimSuffix(path.Base(file), ".txt"))
	}
	return names
}
