package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// standard are the global names a script finds.
var standard = setOf(
	"_G", "_VERSION", "arg", "assert", "bit", "collectgarbage", "coroutine", "debug", "dofile", "error", "gcinfo",
	"getfenv",
	"getmetatable", "io", "ipairs", "load", "loadfile", "loadstring", "math", "module", "newproxy", "next", "os", "package",
	"pairs", "pcall", "print", "rawequal", "rawget", "rawset", "require", "select", "setfenv", "setmetatable", "string",
	"table", "tonumber", "tostring", "type", "unpack", "utf8", "xpcall",
)

// untold are the standard names that can define a global or exchange the table of globals unseen: a file that uses
// one is not checked for undefined globals. So is one that hands _G to somebody.
var untold = setOf("_G", "dofile", "getfenv", "module", "setfenv")

// globals collects what a file does with global variables.
type globals struct {
	reads    []read
	assigned map[string]bool
	probed   map[string]bool   // compared with nil and the like: the script knows that it may be absent
	nearest  map[string]string // by undefined name, the local most like it where it was first read; "" for none
	off      bool
}

type read struct {
	name string
	line int
}

func newGlobals() *globals {
	return &globals{assigned: map[string]bool{}, probed: map[string]bool{}, nearest: map[string]string{}}
}

// read is a use of a global's value where the locals in live are in scope.
func (g *globals) read(name string, line int, live map[string]int) {
	if untold[name] {
		g.off = true
	}
	if standard[name] {
		return
	}
	g.reads = append(g.reads, read{name, line})
	if _, ok := g.nearest[name]; !ok && len(g.nearest) < maxGuesses {
		g.nearest[name] = nearest(name, maps.Keys(live))
	}
}

func (g *globals) assign(name string) { g.assigned[name] = true }

// assignKey is an assignment to a field of _G.
func (g *globals) assignKey(key ast.Expr) {
	if name, ok := literal(key); ok {
		g.assign(name)
	} else {
		g.off = true
	}
}

func (g *globals) probe(name string) { g.probed[name] = true }

func (g *globals) findings() []Finding {
	if g.off {
		return nil
	}
	known := slices.AppendSeq(slices.Collect(maps.Keys(standard)), maps.Keys(g.assigned))
	messages := map[string]string{}
	var found []Finding
	for _, r := range g.reads {
		if g.assigned[r.name] || g.probed[r.name] {
			continue
		}
		message, ok := messages[r.name]
		if !ok {
			message = fmt.Sprintf("undefined global '%s'", shown(r.name, maxToken))
			if len(messages) < maxGuesses {
				message += didYouMean(r.name, append(known, g.nearest[r.name]))
			}
			messages[r.name] = message
		}
		found = append(found, Finding{Line: r.line, Message: message})
	}
	return found
}
