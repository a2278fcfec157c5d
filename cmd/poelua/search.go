package main

import (
	"slices"
	"strings"

	"github.com/chzyer/readline"
)

// search looks for a line in the history while its parts are typed. readline's own search panics when the width or the
// prompt changes at the wrong moment, so it never sees the keys for it. Used by readline's goroutine alone.
type search struct {
	on    bool
	query []rune
	at    int    // the entry that is shown; as many as there are: none
	saved []rune // the line before
}

const queryMost = 100 // runes

// step takes up a key of a search that is on. line is what readline has made of it. more is false when the search is
// over.
func (s *search) step(entries []string, line []rune, key rune) (found []rune, more bool) {
	from := s.at
	switch {
	case key == searchKey:
		from--
	case key == readline.CharBackspace || key == readline.CharCtrlH:
		s.query = s.query[:max(0, len(s.query)-1)]
		from = len(entries) - 1
	case key == readline.CharBell:
		return s.saved, false
	case key >= ' ':
		if len(s.query) < queryMost {
			s.query = append(s.query, key)
		}
		from = min(from, len(entries)-1)
	default:
		return line, false
	}
	for i := min(from, len(entries)-1); i >= 0; i-- {
		if strings.Contains(entries[i], string(s.query)) {
			s.at = i
			break
		}
	}
	if s.at >= len(entries) {
		return s.saved, true
	}
	return []rune(entries[s.at]), true
}

// prompt is what stands before the line while it is on, at most so wide.
func (s *search) prompt(width int) string {
	query := s.query[max(0, len(s.query)-width/4):] // some runes take two columns
	return "search " + string(query) + ": "
}

// searching is what a terminal does about its search after each key: it gives the line that is to be shown, if it is
// another.
func (t *terminal) searching(line []rune, at int, key rune) ([]rune, int, bool) {
	s := &t.search
	entries := t.history.all()
	if !s.on {
		if key != searchKey {
			return nil, 0, false
		}
		line = slices.DeleteFunc(line, func(r rune) bool { return r == searchKey })
		*s = search{on: true, at: len(entries), saved: slices.Clone(line)}
		t.setPrompt(s.prompt(t.Width()))
		return line, min(at, len(line)), true
	}
	if key == 0 || key == readline.CharEnter || key == readline.CharCtrlJ || key == readline.CharInterrupt {
		s.on = false // readline has ended the line, and the next one has a prompt of its own
		return nil, 0, false
	}
	found, more := s.step(entries, line, key)
	if s.on = more; more {
		t.setPrompt(s.prompt(t.Width()))
		return found, len(found), true
	}
	t.setPrompt(t.usual)
	if key == readline.CharBell {
		return found, len(found), true
	}
	return nil, 0, false
}
