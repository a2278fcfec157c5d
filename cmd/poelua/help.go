package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

const usage = `poelua runs event-driven Lua.

  poelua [options] script.lua [args]   run a script, then the kernel until every session has stopped
  poelua [options] -e CHUNK [args]     run a chunk given here
  poelua [options] -                   run what standard input holds
  poelua check FILE...                 compile only; find undefined globals and events that nothing handles
  poelua help [TOPIC]                  this text, or more on a topic
  poelua version                       versions of poelua, Go, Lua; system, loop

Options end at the script's name: what follows is the script's.

  -l NAME            require NAME first
  --loop NAME        the event loop: epoll, kqueue, poll
  --clock NAME       real, or simulated: nothing waits, time jumps to the next due event
  --trace LIST       events,sessions,refcounts,files,signals,errors,stats,all
  --trace-file PATH  where traces go (standard error if not given)
  --assert LIST      usage,states,data,retvals,all (all leaves out retvals)
  --stats            tables at exit: counts, dispatch time by session and event

Exit status: 0; 1 for an uncaught error; 2 for a wrong command line; 128+n when the signal n ended the program;
os.exit(n) gives n.

Topics: `

// topics are short texts; what is longer is in the documents that come with the source.
var topics = map[string]string{
	"trace": `--trace LIST, or POELUA_TRACE=LIST, writes a line for each

  events     queueing, dispatch, return of an event; iteration      <ev>
  sessions   creation, stop, change of parent                       <ss>
  refcounts  change of what keeps a session alive                   <rc>
  files      change of an I/O watcher, readiness                    <fh>
  signals    arrival, dispatch, watcher called, session stopped     <sg>
  errors     a kernel method that refuses; an error in a handler    <er>
  stats      totals, at the end of the run                          <st>

to standard error or --trace-file PATH (POELUA_TRACE_FILE). One session alone: session:option("trace", true).
`,
	"assert": `--assert LIST, or POELUA_ASSERT=LIST, turns into errors

  usage      posting, timing or watching with a reserved event name; redefining a handler under debug
  retvals    every failure that a kernel method would have returned (not part of all)
  data       an inconsistency of the kernel's own tables
  states     (a warning) an event that nothing handles
`,
	"signals": `INT and TERM reach sessions as signals: kernel:sig("INT", "on_int"), then kernel:sig_handled() in the handler, else every
session is stopped, each with its _stop, and the exit status is 128+n. A second INT or TERM ends the process at once
while the stops of the first are running, or when a handler has not returned for a second.
QUIT prints sessions and queue to standard error and goes on, unless a session watches it.
`,
}

func help(args []string) int {
	if len(args) == 0 {
		fmt.Print(usage, strings.Join(topicNames(), ", "), "\n")
		return 0
	}
	text, ok := topics[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "poelua: no help on '%s' (topics: %s)\n", args[0], strings.Join(topicNames(), ", "))
		return exitUsage
	}
	fmt.Print(text)
	return 0
}

func topicNames() []string {
	var names []string
	for name := range topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
