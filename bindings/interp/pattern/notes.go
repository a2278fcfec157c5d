package pattern

// beginNotes begins to note what fails, unless the notes would be of no use or too large. No place before base will be looked
// at again.
func (m *Matcher) beginNotes(base int) {
	p := m.program
	if p.refers {
		return
	}
	places := len(m.subject) - base + 1
	if p.choices > 0 && places > maxMemory*8/p.choices {
		return
	}
	words := (places*p.choices + 63) / 64
	m.failed = make([]uint64, words)
	m.closed = make([][]uint32, p.balances)
	m.memory = words * 8
	m.base = base
	m.noting = true
}

func (m *Matcher) note(in *inst, s int) (word int, bit uint64) {
	n := (s-m.base)*m.program.choices + int(in.number)
	return n >> 6, 1 << (n & 63)
}

// hasFailed says whether it is known that going on at s after the choice fails.
func (m *Matcher) hasFailed(in *inst, s int) bool {
	word, bit := m.note(in, s)
	return m.failed[word]&bit != 0
}

func (m *Matcher) setFailed(in *inst, s int) {
	word, bit := m.note(in, s)
	m.failed[word] |= bit
}

// careful matches with notes of what has failed.
//
// Each choice notes every end that fails. So a choice that is met again needs to look at new ends only: for an item that
// takes the longest run first, the ends that have failed are the upper part of a run; for one that takes the shortest first,
// if one has failed in an earlier match then so have all above it. That makes the sum of all runs that are looked at
// proportional to the subject.
func (m *Matcher) careful(start int) (end int, err error) {
	insts := m.program.insts
	stack := m.stack[:0]
	s, pc, resumed := start, 0, 0
	for {
		in := &insts[pc]
		if in.op == opMatch {
			m.stack = stack
			m.steps += pc - resumed + 1
			return s, nil
		}
		if in.op >= opMax {
			if e := m.untried(in, s); e >= 0 {
				stack = append(stack, choice{pc, s + int(in.least), e})
				s = e
				pc++
				continue
			}
		} else {
			e, err := m.simple(in, s)
			if err != nil {
				return -1, err
			}
			if e >= 0 {
				s = e
				pc++
				continue
			}
		}
		if err := m.count(pc-resumed+1, start); err != nil {
			return -1, err
		}
		for {
			n := len(stack) - 1
			if n < 0 {
				m.stack = stack
				return -1, nil
			}
			c := &stack[n]
			in := &insts[c.pc]
			m.setFailed(in, c.cur)
			m.steps++
			if c.cur = m.nextUntried(in, c); c.cur >= 0 {
				s, pc = c.cur, c.pc+1
				resumed = pc
				break
			}
			stack = stack[:n]
		}
	}
}

// untried is the first end to try for a choice that is met at s; -1 if there is none.
func (m *Matcher) untried(in *inst, s int) int {
	sub := m.subject
	lo := s + int(in.least)
	if lo > s && (s == len(sub) || !in.set.has(sub[s])) || in.op != opMaybe && m.hasFailed(in, lo) {
		return -1
	}
	switch in.op {
	case opMin:
		return s
	case opMaybe:
		if s < len(sub) && in.set.has(sub[s]) && !m.hasFailed(in, s+1) {
			return s + 1
		}
		if m.hasFailed(in, s) {
			return -1
		}
		return s
	}
	e := lo
	for e < len(sub) && in.set.has(sub[e]) && !m.hasFailed(in, e+1) {
		e++
	}
	m.steps += e - lo
	return e
}

// nextUntried is the end to try after c.cur has failed; -1 if there is none.
func (m *Matcher) nextUntried(in *inst, c *choice) int {
	e := c.cur - 1
	if in.op == opMin {
		e = c.cur + 1
		if e > len(m.subject) || !in.set.has(m.subject[c.cur]) {
			return -1
		}
	}
	if in.op != opMin && e < c.lo || m.hasFailed(in, e) {
		return -1
	}
	return e
}

// closedAt is balance by looking into a table of all that the item can match. ok is false if there is no room for one.
func (m *Matcher) closedAt(in *inst, s int) (end int, ok bool) {
	sub := m.subject[m.base:]
	ends := m.closed[in.number]
	if ends == nil {
		if len(sub) > maxMemory || m.memory+8*len(sub) > maxMemory {
			return -1, false
		}
		ends = closings(sub, in.a, in.b)
		m.closed[in.number] = ends
		m.memory += 4 * len(ends)
		m.steps += len(sub)
	}
	if end := ends[s-m.base]; end != 0 {
		return int(end) + m.base, true
	}
	return -1, true
}

// closings is, for each place in sub where a is, the place after the b that belongs to it; 0 if there is none.
func closings(sub string, a, b byte) []uint32 {
	ends := make([]uint32, len(sub))
	var open []uint32
	for i := range len(sub) {
		if c := sub[i]; c == b && len(open) > 0 {
			ends[open[len(open)-1]] = uint32(i + 1)
			open = open[:len(open)-1]
		}
		if sub[i] == a && (a != b || len(open) == 0) {
			open = append(open, uint32(i))
		}
	}
	return ends
}
