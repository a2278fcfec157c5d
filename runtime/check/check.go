// Package check reads a Lua chunk and says what is certain to be wrong with it, without running it:
//
//   - syntax errors, and what only the compiler finds (a goto without its label);
//   - reads of global names that Lua does not have and the file never assigns;
//   - events a session posts to itself, or has a wheel tell it, by a literal name that no state in the file handles;
//   - states that a machine enters by a literal name that no machine in the file has.
//
// It prefers silence to a wrong complaint: where names are made at run time, the check that needs them is off for
// the whole file. It loads no module, looks at no second file and never changes anything.
package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding is one thing wrong with a file.
type Finding struct {
	File    string
	Line    int // counted from 1
	Message string
}

// String gives the finding as compilers do: file:line: message.
func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message) }

// Source checks one chunk named name. Findings come in line order; none means nothing was found.
// A UTF-8 byte order mark and a first line beginning with # are skipped, as by lua itself.
// It keeps no reference to source. Safe from any goroutine.
func Source(name string, source []byte) []Finding {
	text := prepare(source)
	chunk, bad := parseText(name, text)
	if bad != nil {
		return finish(name, []Finding{*bad})
	}

	// The walk comes first: it finds out whether the compiler, which recurses too, may be let in,
	// and the compiler folds constants in the tree it is given.
	w := newWalker()
	w.block(chunk)
	if w.tooDeep > 0 {
		return finish(name, []Finding{{Line: w.tooDeep, Message: fmt.Sprintf("nested more than %d levels deep", maxDepth)}})
	}
	findings := append(w.globals.findings(), w.events.findings()...)
	if bad := compile(name, text, chunk); bad != nil {
		findings = append(findings, *bad)
	}
	return finish(name, findings)
}

// finish puts findings in line order, each once, and names their file.
func finish(name string, findings []Finding) []Finding {
	for i := range findings {
		findings[i].File = name
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(findings)
}
