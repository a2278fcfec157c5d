package filters

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// endBound is the most bytes that a regular expression may match as the end of a line. It bounds how far a search looks
// beyond what is a match already, and what a line's end may hold back.
const endBound = 1024

// program is a regular expression, ready to be searched for in input that comes in pieces. It never changes; clones of a
// filter share it.
type program struct {
	inst  []syntax.Inst
	start uint32
	first [256]bool // the bytes with which a match may begin
}

// compile makes the program of an expression, whose text is good in one of regexp's two syntaxes.
func compile(re *regexp.Regexp) *program {
	parsed, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		parsed, err = syntax.Parse(re.String(), syntax.POSIX)
	}
	if err != nil {
		panic(err)
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		panic(err)
	}
	p := &program{inst: prog.Inst, start: uint32(prog.Start)}
	p.findFirst()
	return p
}

// findFirst fills in first. Where a match depends on what is before it, no byte can be passed over.
func (p *program) findFirst() {
	for _, i := range p.inst {
		if i.Op == syntax.InstEmptyWidth {
			for b := range p.first {
				p.first[b] = true
			}
			return
		}
	}
	s := newScan(p)
	s.round++
	s.follow(thread{p.start, 0}, 0)
	for _, t := range s.list {
		i := &p.inst[t.pc]
		if i.Op == syntax.InstMatch {
			continue
		}
		beyond := syntax.Flags(i.Arg)&syntax.FoldCase != 0 || i.Rune[len(i.Rune)-1] >= utf8.RuneSelf
		for b := range p.first {
			if b < utf8.RuneSelf {
				p.first[b] = p.first[b] || i.MatchRune(rune(b))
			} else {
				p.first[b] = p.first[b] || beyond
			}
		}
	}
}

// scan is a search for a program's first match that goes on where it stopped: each byte is looked at once, however few
// come at a time. It runs all ways to a match side by side.
type scan struct {
	*program
	pos     int      // bytes looked at
	before  rune     // the last of them; -1 at the beginning
	threads []thread // ways begun, the preferred ones first; so they ascend by start
	list    []thread // threads led to where they need a character, or match
	seen    []uint32 // by instruction: the round that last came there
	round   uint32
}

// thread is a way to a match: what comes next, and where the match began.
type thread struct {
	pc    uint32
	start int
}

func newScan(p *program) *scan {
	return &scan{program: p, before: -1, seen: make([]uint32, len(p.inst))}
}

// restart begins anew, at the beginning of a line.
func (s *scan) restart() { s.pos, s.before, s.threads = 0, -1, s.threads[:0] }

// shift is told that n bytes of what was looked at are gone.
func (s *scan) shift(n int) {
	s.pos -= n
	for i := range s.threads {
		s.threads[i].start -= n
	}
}

// partial is how many of the n bytes that have come may belong to a match.
func (s *scan) partial(n int) int {
	if len(s.threads) > 0 {
		return n - s.threads[0].start
	}
	return n - s.pos
}

// find looks at the bytes of b that it has not seen. Empty matches are none.
func (s *scan) find(b []byte) (at, size int, ok bool) {
	end := 0
	for s.pos < len(b) {
		if len(s.threads) == 0 {
			if end > 0 {
				break // nothing can lengthen the match
			}
			for s.pos < len(b) && !s.first[b[s.pos]] {
				s.pos++
			}
		}
		if !utf8.FullRune(b[s.pos:]) {
			break
		}
		r, n := utf8.DecodeRune(b[s.pos:])
		if start, matches := s.lead(r, end == 0); matches {
			at, end = start, s.pos
		}
		s.advance(r, n)
	}
	if end == 0 || len(s.threads) > 0 {
		if start, matches := s.lead(-1, end == 0); matches {
			at, end = start, s.pos
		}
	}
	return at, end - at, end > 0
}

// lead brings all threads, and a new one if there is no match yet, to where they need the character r, which is next; -1
// is the end of what has come. It stops at a match: those that follow are not preferred to it.
func (s *scan) lead(r rune, begin bool) (start int, matches bool) {
	if s.round++; s.round == 0 {
		clear(s.seen)
		s.round = 1
	}
	s.list = s.list[:0]
	around := syntax.EmptyOpContext(s.before, r)
	for _, t := range s.threads {
		s.follow(t, around)
	}
	if begin {
		s.follow(thread{s.start, s.pos}, around)
	}
	for i, t := range s.list {
		if s.inst[t.pc].Op == syntax.InstMatch && t.start < s.pos {
			s.list = s.list[:i]
			return t.start, true
		}
	}
	return 0, false
}

// follow adds to list where a thread gets without a character.
func (s *scan) follow(t thread, around syntax.EmptyOp) {
	if s.seen[t.pc] == s.round {
		return // one that is preferred has been here
	}
	s.seen[t.pc] = s.round
	i := &s.inst[t.pc]
	switch i.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		s.follow(thread{i.Out, t.start}, around)
		s.follow(thread{i.Arg, t.start}, around)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(i.Arg)&^around == 0 {
			s.follow(thread{i.Out, t.start}, around)
		}
	case syntax.InstCapture, syntax.InstNop:
		s.follow(thread{i.Out, t.start}, around)
	case syntax.InstFail:
	default:
		s.list = append(s.list, t)
	}
}

// advance takes the character that lead was told of. Threads that have come too far end here.
func (s *scan) advance(r rune, n int) {
	s.pos += n
	s.before = r
	s.threads = s.threads[:0]
	for _, t := range s.list {
		i := &s.inst[t.pc]
		if i.Op != syntax.InstMatch && s.pos-t.start <= endBound && i.MatchRune(r) {
			s.threads = append(s.threads, thread{i.Out, t.start})
		}
	}
}
