package pattern

import (
	"math"
	"strings"
)

const (
	// ErrTooComplex ends a match that has used up its steps.
	// Differs: Lua 5.1 would go on, for years if need be.
	ErrTooComplex = Error("pattern too complex")

	// MaxSteps is how many steps a matcher takes; for each byte of the subject there are perByte more. A step takes some
	// nanoseconds at most, so all of them take about a second.
	MaxSteps = 1 << 28
	perByte  = 16

	// After that many steps, perByte more for each byte, a matcher begins to note what has failed.
	carefree = 20_000

	maxMemory = 64 << 20 // bytes that the notes may take
	tickEvery = 1 << 16  // steps
	perStep   = 5        // so many bytes that are compared or skipped in bulk, as a power of 2, are one step
)

// A Matcher looks for the matches of one program in one subject, from the beginning towards the end. Its zero value is
// to be Reset. It belongs to one goroutine.
//
// A match that has to try many ways through a subject can take time that grows with a high power of its length. So
// what a matcher does is counted in steps. When they get many it notes, for each choice and each place in the subject,
// that going on from there has failed, and does not do it again. With that the time is proportional to the lengths of
// subject and pattern. Back-references depend on more than the place, so they forbid it; they, and what would need too
// large notes, are given up after MaxSteps.
type Matcher struct {
	Tick func() // called every so many steps, if not nil; it may panic

	program  *Program
	subject  string
	captures []span
	stack    []choice
	lead     int // where the run of opLead has ended

	steps  int
	next   int // steps at which to look up
	tick   int // steps at which to call Tick
	notice int // steps at which to begin with the notes

	noting bool
	base   int        // the place in the subject that the notes begin with
	failed []uint64   // bits, those of all choices for each place
	closed [][]uint32 // for each %b, the ends of what it matches from each place on, less base; 0 if it does not
	memory int        // bytes that the notes take
}

// span is a piece of the subject.
type span struct{ begin, end int }

// choice is an item that matched in one of several ways. At most one is on the stack for each item.
type choice struct {
	pc  int
	lo  int // the last end to try, unless the item is an opMin
	cur int // the end that is being tried
}

// Reset makes the matcher one of p in subject.
func (m *Matcher) Reset(p *Program, subject string) {
	m.program, m.subject = p, subject
	if n := len(p.captures); n > cap(m.captures) {
		m.captures = make([]span, n)
	}
	m.captures = m.captures[:len(p.captures)]
	m.steps, m.tick = 0, tickEvery
	m.notice = carefree + perByte*len(subject)
	m.noting, m.failed, m.closed, m.memory = false, nil, nil, 0
	m.next = m.notice
	if m.Tick != nil {
		m.next = min(m.next, m.tick)
	}
}

// Release lets go of the subject.
func (m *Matcher) Release() {
	m.program, m.subject, m.failed, m.closed = nil, "", nil, nil
	if cap(m.stack) > 1<<10 {
		m.stack = nil
	}
}

// Steps is how many steps have been taken since Reset.
func (m *Matcher) Steps() int { return m.steps }

// Anchored says whether a match has to begin where the search does.
func (m *Matcher) Anchored() bool { return m.program.anchored }

// Capture is the piece of the subject that capture i got in the last match. A position has no end.
func (m *Matcher) Capture(i int) (begin, end int) {
	return m.captures[i].begin, m.captures[i].end
}

// Find looks for the first match that begins at from or later; at from and nowhere else if the pattern is anchored. begin is
// -1 if there is none. No search may begin before the end of a match that was found since Reset.
func (m *Matcher) Find(from int) (begin, end int, err error) {
	p := m.program
	switch {
	case p.isLiteral:
		return m.findLiteral(from)
	case p.anchored:
		end, err = m.match(from)
		if err != nil || end < 0 {
			return -1, -1, err
		}
		return from, end, nil
	}
	for s := from; ; {
		s, err = m.candidate(s)
		if s < 0 || err != nil {
			return -1, -1, err
		}
		m.lead = 0
		end, err = m.match(s)
		if err != nil {
			return -1, -1, err
		}
		if end >= 0 {
			return s, end, m.count(0, s)
		}
		s = max(s+1, m.lead)
		if s > len(m.subject) {
			return -1, -1, nil
		}
	}
}

func (m *Matcher) findLiteral(from int) (begin, end int, err error) {
	literal, rest := m.program.literal, m.subject[from:]
	if m.program.anchored {
		if !strings.HasPrefix(rest, literal) {
			return -1, -1, nil
		}
		return from, from + len(literal), nil
	}
	i := indexOf(rest, literal)
	if i < 0 {
		return -1, -1, nil
	}
	return from + i, from + i + len(literal), m.count(1+i>>perStep, from)
}

// indexOf is strings.Index, but quicker where the answer is near.
func indexOf(s, literal string) int {
	if len(literal) == 0 || strings.HasPrefix(s, literal) {
		return 0
	}
	if len(literal) == 1 {
		return strings.IndexByte(s, literal[0])
	}
	return strings.Index(s, literal)
}

// candidate is the first place from s on at which a match can begin; -1 if there is none.
func (m *Matcher) candidate(s int) (int, error) {
	p, rest := m.program, m.subject[s:]
	i := 0
	switch {
	case p.prefix != "":
		if i = indexOf(rest, p.prefix); i < 0 {
			return -1, nil
		}
		return s + i, m.count(1+i>>perStep, s)
	case p.firstByte >= 0:
		if rest != "" && rest[0] == byte(p.firstByte) {
			return s, nil
		}
		if i = strings.IndexByte(rest, byte(p.firstByte)); i < 0 {
			return -1, nil
		}
		return s + i, m.count(1+i>>perStep, s)
	case p.first != nil:
		for i < len(rest) && !p.first.has(rest[i]) {
			i++
		}
		if i == len(rest) && !p.firstEnd {
			return -1, nil
		}
		return s + i, m.count(i, s)
	}
	return s, nil
}

// count adds to the steps. Nothing before the place at will be looked at again.
func (m *Matcher) count(steps, at int) error {
	m.steps += steps
	if m.steps >= m.next {
		return m.lookUp(at)
	}
	return nil
}

// lookUp does what is due at this number of steps.
func (m *Matcher) lookUp(at int) error {
	most := MaxSteps + perByte*len(m.subject)
	if m.steps >= most {
		return ErrTooComplex
	}
	if m.steps >= m.notice {
		m.notice = math.MaxInt
		m.beginNotes(at)
	}
	m.next = min(most, m.notice)
	if m.Tick != nil {
		if m.steps >= m.tick {
			m.tick = m.steps + tickEvery
			m.Tick()
		}
		m.next = min(m.next, m.tick)
	}
	return nil
}

// match matches at start. end is -1 if that fails.
func (m *Matcher) match(start int) (end int, err error) {
	if !m.noting {
		if end, err = m.quick(start); end >= 0 || err != nil || !m.noting {
			return end, err
		}
	}
	return m.careful(start)
}

// quick matches without notes. It gives up when they have begun.
func (m *Matcher) quick(start int) (end int, err error) {
	insts, sub := m.program.insts, m.subject
	stack, steps := m.stack[:0], m.steps
	s, pc, resumed := start, 0, 0
	for {
		in := &insts[pc]
		switch in.op {
		case opByte:
			if s < len(sub) && sub[s] == in.a {
				s++
				pc++
				continue
			}
		case opSet:
			if s < len(sub) && in.set.has(sub[s]) {
				s++
				pc++
				continue
			}
		case opRun, opLead:
			e := in.longest(sub, s)
			steps += e - s
			if in.op == opLead {
				m.lead = e
			}
			if e >= s+int(in.least) {
				s = e
				pc++
				continue
			}
		case opMax:
			lo, e := s+int(in.least), in.longest(sub, s)
			steps += e - s
			if e = in.lastEnd(sub, lo, e); e >= 0 {
				if e > lo {
					stack = append(stack, choice{pc, lo, e})
				}
				s = e
				pc++
				continue
			}
		case opMin:
			if in.sure {
				pc++
				continue
			}
			e, ok := in.firstEnd(sub, s)
			steps += e - s
			if ok {
				stack = append(stack, choice{pc, s, e})
				s = e
				pc++
				continue
			}
		case opMaybe:
			if s < len(sub) && in.set.has(sub[s]) {
				if !in.sure {
					stack = append(stack, choice{pc, s, s + 1})
				}
				s++
			}
			pc++
			continue
		case opOpen:
			m.captures[in.a].begin = s
			pc++
			continue
		case opClose:
			m.captures[in.a].end = s
			pc++
			continue
		case opMatch:
			m.stack, m.steps = stack, steps+pc-resumed+1
			return s, nil
		default:
			m.steps = steps
			e, err := m.simple(in, s)
			if err != nil {
				return -1, err
			}
			steps = m.steps
			if e >= 0 {
				s = e
				pc++
				continue
			}
		}
		steps += pc - resumed + 1
		if steps >= m.next {
			m.steps = steps
			if err := m.lookUp(start); err != nil || m.noting {
				return -1, err
			}
		}
		for {
			n := len(stack) - 1
			if n < 0 {
				m.stack, m.steps = stack, steps
				return -1, nil
			}
			c := &stack[n]
			in := &insts[c.pc]
			was := c.cur
			if in.op == opMin {
				if was == len(sub) || !in.set.has(sub[was]) {
					stack = stack[:n]
					continue
				}
				e, ok := in.firstEnd(sub, was+1)
				steps += e - was
				if !ok {
					stack = stack[:n]
					continue
				}
				c.cur = e
			} else {
				e := in.lastEnd(sub, c.lo, was-1)
				if e <= c.lo {
					stack = stack[:n]
				}
				if e < 0 {
					steps += was - c.lo
					continue
				}
				steps += was - e
				c.cur = e
			}
			s, pc = c.cur, c.pc+1
			resumed = pc
			break
		}
	}
}

// longest is where the longest run that begins at s ends.
func (in *inst) longest(sub string, s int) int {
	switch in.run {
	case runAll:
		return len(sub)
	case runUntil:
		if i := strings.IndexByte(sub[s:], in.a); i >= 0 {
			return s + i
		}
		return len(sub)
	}
	set := in.set
	for s < len(sub) && set.has(sub[s]) {
		s++
	}
	return s
}

// lastEnd is the last place between lo and hi after which the match can go on; -1 if there is none.
func (in *inst) lastEnd(sub string, lo, hi int) int {
	if hi < lo {
		return -1
	}
	follow := in.follow
	if follow == nil {
		return hi
	}
	if hi == len(sub) {
		if in.ends {
			return hi
		}
		hi--
	}
	for hi >= lo && !follow.has(sub[hi]) {
		hi--
	}
	if hi < lo {
		return -1
	}
	return hi
}

// firstEnd is the first place from s on after which the match can go on. If there is none, it is where the run ends.
func (in *inst) firstEnd(sub string, s int) (int, bool) {
	set, follow := in.set, in.follow
	switch {
	case follow == nil:
		return s, true
	case in.run == runAll && in.nextOne >= 0:
		i := strings.IndexByte(sub[s:], byte(in.nextOne))
		if i < 0 {
			return len(sub), false
		}
		return s + i, true
	}
	for s < len(sub) {
		switch c := sub[s]; {
		case follow.has(c):
			return s, true
		case !set.has(c):
			return s, false
		}
		s++
	}
	return s, in.ends
}

// simple matches an item that can match in one way only. The result is where the match goes on, or -1.
func (m *Matcher) simple(in *inst, s int) (int, error) {
	sub := m.subject
	switch in.op {
	case opByte:
		if s < len(sub) && sub[s] == in.a {
			return s + 1, nil
		}
	case opAny:
		if s < len(sub) {
			return s + 1, nil
		}
	case opSet:
		if s < len(sub) && in.set.has(sub[s]) {
			return s + 1, nil
		}
	case opText:
		m.steps += len(in.text) >> perStep
		if strings.HasPrefix(sub[s:], in.text) {
			return s + len(in.text), nil
		}
	case opOpen, opHere:
		m.captures[in.a].begin = s
		return s, nil
	case opClose:
		m.captures[in.a].end = s
		return s, nil
	case opRefer:
		text := sub[m.captures[in.a].begin:m.captures[in.a].end]
		m.steps += len(text) >> perStep
		if strings.HasPrefix(sub[s:], text) {
			return s + len(text), nil
		}
	case opBalance:
		return m.balance(in, s), nil
	case opFrontier:
		var before, after byte
		if s > 0 {
			before = sub[s-1]
		}
		if s < len(sub) {
			after = sub[s]
		}
		if !in.set.has(before) && in.set.has(after) {
			return s, nil
		}
	case opEnd:
		if s == len(sub) {
			return s, nil
		}
	case opError:
		return -1, Error(in.text)
	}
	return -1, nil
}

// balance is %b: from an opening byte to the closing one that belongs to it.
func (m *Matcher) balance(in *inst, s int) int {
	sub := m.subject
	if s >= len(sub) || sub[s] != in.a {
		return -1
	}
	if m.noting {
		if end, ok := m.closedAt(in, s); ok {
			return end
		}
	}
	depth := 1
	for i := s + 1; i < len(sub); i++ {
		switch sub[i] {
		case in.b:
			depth--
			if depth == 0 {
				m.steps += i - s
				return i + 1
			}
		case in.a:
			depth++
		}
	}
	m.steps += len(sub) - s
	return -1
}
