package repl

import "iter"

// List gives a prompt something to list.
func (p *Prompt) List(lines iter.Seq[string]) { p.list(lines) }
