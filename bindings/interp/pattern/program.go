package pattern

import "strings"

// A Program is a compiled pattern. It never changes and is safe from any goroutine.
//
// A Lua pattern has no alternatives and no repeated groups, so its items are gone through in order. From that follows
// most of what is done here: which captures are open at an item is known beforehand, and so are the errors, which
// become items that raise when the matcher gets there, as Lua's do. The choices in progress are at most one for each
// item, and a capture need not be restored when a match goes back: it is passed again before anybody looks at it.
type Program struct {
	insts    []inst
	captures []Kind
	anchored bool
	plain    bool // no character means anything but itself

	literal   string // what all matches are, if isLiteral
	isLiteral bool

	prefix    string // what all matches begin with; "" when it is shorter than two bytes
	first     *set   // what the first byte may be; nil if it can be any, or there need not be one
	firstByte int    // the only member of first; -1 if there are others
	firstEnd  bool   // a match may begin at the end of the subject

	choices  int  // items that can match in several ways
	balances int  // items that are %b
	refers   bool // there are back-references
	leads    bool // the first item is opLead
}

// Kind is what a capture gives.
type Kind byte

const (
	Text       Kind = iota // a piece of the subject
	Position               // a position in it
	Unfinished             // nothing: its ) is missing
)

// Error is a fault of a pattern, in Lua's words.
type Error string

func (e Error) Error() string { return string(e) }

// MaxCaptures is how many captures a pattern can have.
const MaxCaptures = 32

// maxItems bounds the memory that a program takes.
const maxItems = 1 << 18

type op byte

const (
	opMatch    op = iota // the match is complete
	opEnd                // $
	opError              // what is wrong is in text
	opOpen               // (, capture number a
	opClose              // )
	opHere               // ()
	opRefer              // a back-reference to capture a
	opNever              // a back-reference to a position
	opBalance            // %b with a and b
	opFrontier           // %f
	opByte               // the byte a
	opText               // two literal bytes and more
	opAny                // .
	opSet                // a class or a set
	opMax                // * and +
	opMin                // -
	opMaybe              // ?
	opRun                // * and + where nothing but the longest run can lead to a match
	opLead               // an opRun that a match begins with: what fails after it, fails for any part of the run
)

// runKind is how the end of a run is found.
type runKind byte

const (
	runSet   runKind = iota
	runAll           // of anything
	runUntil         // of anything but one byte
)

type inst struct {
	op   op
	run  runKind
	a, b byte
	sure bool // the choice taken first cannot turn out wrong
	ends bool // what follows can match at the end of the subject

	least  int32 // fewest repetitions
	number int32 // among the choices, or among the balances

	set     *set // what an item of one byte stands for
	follow  *set // what the byte after a choice may be; nil if it can be any
	nextOne int  // the only member of follow; -1 if there are others
	text    string
}

// Compile makes a program of a pattern. What is wrong with a pattern is found out by matching: Lua says nothing of a
// fault that it does not get to.
func Compile(text string) *Program {
	c := compiler{text: text, p: &Program{plain: !strings.ContainsAny(text, "^$*+?.([%-")}}
	if strings.HasPrefix(text, "^") {
		c.p.anchored = true
		c.at = 1
	}
	for c.at < len(text) && !c.ended {
		if len(c.p.insts) >= maxItems {
			c.fail(string(ErrTooComplex))
			break
		}
		c.item()
	}
	c.emit(inst{op: opMatch})
	c.p.lookAhead()
	c.p.findStart()
	return c.p
}

// Plain says that no character of the pattern is one that Lua's find takes for a special one. A bracket that closes is none.
func (p *Program) Plain() bool { return p.plain }

// Captures gives the kinds of the captures. The caller must not change them.
func (p *Program) Captures() []Kind { return p.captures }

// compiler is a pattern that is being read.
type compiler struct {
	text    string
	at      int
	p       *Program
	literal []byte // bytes that wait to become an item
	ended   bool   // no item can follow
}

func (c *compiler) emit(in inst) {
	c.flush()
	c.p.insts = append(c.p.insts, in)
}

// flush makes an item of the literal bytes.
func (c *compiler) flush() {
	switch len(c.literal) {
	case 0:
		return
	case 1:
		c.p.insts = append(c.p.insts, inst{op: opByte, a: c.literal[0], set: &singles[c.literal[0]]})
	default:
		c.p.insts = append(c.p.insts, inst{op: opText, a: c.literal[0], text: string(c.literal)})
	}
	c.literal = c.literal[:0]
}

func (c *compiler) fail(message string) {
	c.emit(inst{op: opError, text: message})
	c.ended = true
}

// peek is the byte n after the current one; 0, which means nothing, beyond the end.
func (c *compiler) peek(n int) byte {
	if c.at+n < len(c.text) {
		return c.text[c.at+n]
	}
	return 0
}

// item reads what comes next.
//
// Differs: a zero byte does not end a pattern, it stands for itself as in Lua 5.2.
func (c *compiler) item() {
	switch ch := c.text[c.at]; {
	case ch == '(':
		c.open()
	case ch == ')':
		c.close()
	case ch == '$' && c.at+1 == len(c.text):
		c.at++
		c.emit(inst{op: opEnd})
		c.ended = true
	case ch == '%' && c.peek(1) == 'b':
		c.balance()
	case ch == '%' && c.peek(1) == 'f':
		c.frontier()
	case ch == '%' && isDigit(c.peek(1)):
		c.refer()
	default:
		c.single()
	}
}

func (c *compiler) open() {
	p := c.p
	if len(p.captures) == MaxCaptures {
		c.fail("too many captures")
		return
	}
	n := byte(len(p.captures))
	if c.peek(1) == ')' {
		c.at += 2
		p.captures = append(p.captures, Position)
		c.emit(inst{op: opHere, a: n})
		return
	}
	c.at++
	p.captures = append(p.captures, Unfinished)
	c.emit(inst{op: opOpen, a: n})
}

func (c *compiler) close() {
	c.at++
	for n := len(c.p.captures) - 1; n >= 0; n-- {
		if c.p.captures[n] == Unfinished {
			c.p.captures[n] = Text
			c.emit(inst{op: opClose, a: byte(n)})
			return
		}
	}
	c.fail("invalid pattern capture")
}

func (c *compiler) balance() {
	if c.at+3 >= len(c.text) {
		c.fail("unbalanced pattern")
		return
	}
	c.emit(inst{op: opBalance, a: c.peek(2), b: c.peek(3), number: int32(c.p.balances)})
	c.p.balances++
	c.at += 4
}

func (c *compiler) frontier() {
	c.at += 2
	if c.peek(0) != '[' {
		c.fail("missing '[' after '%f' in pattern")
		return
	}
	if s, ok := c.brackets(); ok {
		c.emit(inst{op: opFrontier, set: s})
	}
}

func (c *compiler) refer() {
	n := int(c.peek(1)) - '1'
	c.at += 2
	switch {
	case n < 0 || n >= len(c.p.captures) || c.p.captures[n] == Unfinished:
		c.fail("invalid capture index")
	case c.p.captures[n] == Position:
		c.emit(inst{op: opNever})
	default:
		c.p.refers = true
		c.emit(inst{op: opRefer, a: byte(n)})
	}
}

// brackets reads a set.
func (c *compiler) brackets() (*set, bool) {
	begin := c.at + 1
	i := begin
	if i < len(c.text) && c.text[i] == '^' {
		i++
	}
	for first := true; first || i < len(c.text) && c.text[i] != ']'; first = false {
		if i >= len(c.text) {
			break
		}
		if c.text[i] == '%' {
			i++
		}
		i++
	}
	if i >= len(c.text) {
		c.fail("malformed pattern (missing ']')")
		return nil, false
	}
	c.at = i + 1
	return bracketed(c.text[begin:i]), true
}

// single reads an item that stands for one byte, and how often it is repeated.
func (c *compiler) single() {
	in := inst{op: opByte, a: c.text[c.at]}
	switch in.a {
	case '.':
		c.at++
		in.op, in.set = opAny, everything
	case '[':
		s, ok := c.brackets()
		if !ok {
			return
		}
		in.op, in.set = opSet, s
	case '%':
		if c.at+1 == len(c.text) {
			c.fail("malformed pattern (ends with '%')")
			return
		}
		in.a = c.text[c.at+1]
		c.at += 2
		in.set = escaped(in.a)
		if classes[in.a] != nil {
			in.op = opSet
		}
	default:
		c.at++
		in.set = &singles[in.a]
	}
	switch c.peek(0) {
	case '*':
		in.op = opMax
	case '+':
		in.op, in.least = opMax, 1
	case '-':
		in.op = opMin
	case '?':
		in.op = opMaybe
	default:
		if in.op == opByte {
			c.literal = append(c.literal, in.a)
		} else {
			c.emit(in)
		}
		return
	}
	c.at++
	in.number = int32(c.p.choices)
	c.p.choices++
	in.run, in.a = howToRun(in.set)
	c.emit(in)
}

func howToRun(s *set) (runKind, byte) {
	if s == everything {
		return runAll, 0
	}
	rest := *s
	rest.invert()
	if c, ok := rest.only(); ok {
		return runUntil, c
	}
	return runSet, 0
}

// ahead is what can come at a place in the pattern.
type ahead struct {
	next set  // what the next byte may be
	free bool // it may be any, and there need not be one
	ends bool // there need not be one
	safe bool // the rest matches whatever comes
}

// lookAhead goes through the items from the last to the first and notes what can follow each choice.
func (p *Program) lookAhead() {
	var after ahead
	for i := len(p.insts) - 1; i >= 0; i-- {
		in := &p.insts[i]
		switch in.op {
		case opMatch:
			after = ahead{free: true, ends: true, safe: true}
		case opError, opRefer:
			after = ahead{free: true, ends: true}
		case opEnd:
			after = ahead{ends: true}
		case opNever:
			after = ahead{}
		case opBalance, opText:
			after = ahead{next: singles[in.a]}
		case opFrontier:
			after = ahead{next: *in.set, ends: in.set.has(0)}
		case opByte, opAny, opSet:
			after = ahead{next: *in.set}
		case opMax, opMin, opMaybe:
			in.choose(&after)
			if in.least > 0 {
				after = ahead{next: *in.set}
			} else {
				after.next.addSet(in.set)
			}
		}
	}
	p.firstByte, p.firstEnd = -1, after.ends
	if !after.free {
		p.first = &after.next
		if c, ok := after.next.only(); ok && !after.ends {
			p.firstByte = int(c)
		}
	}
}

// choose notes what helps to choose how often the item is repeated.
func (in *inst) choose(after *ahead) {
	in.ends, in.nextOne = after.ends, -1
	if !after.free {
		follow := after.next
		in.follow = &follow
		if c, ok := follow.only(); ok && !after.ends {
			in.nextOne = int(c)
		}
	}
	// Where nothing that the item stands for can come after it, only the longest run will do.
	apart := !after.free && !after.next.meets(in.set)
	in.sure = after.safe || apart
	if apart && in.op == opMin || in.sure && in.op == opMax {
		in.op = opRun
	}
}

// findStart notes what helps to find where a match can begin.
func (p *Program) findStart() {
	i := 0
	for p.insts[i].op == opOpen || p.insts[i].op == opHere {
		i++
	}
	switch in := &p.insts[i]; in.op {
	case opText:
		p.prefix = in.text
	case opRun:
		if !p.refers {
			in.op = opLead
			p.leads = true
		}
	}
	switch last := len(p.insts) - 1; {
	case p.insts[last].op != opMatch:
	case last == 0:
		p.isLiteral = true
	case last == 1 && p.insts[0].op == opText:
		p.isLiteral, p.literal = true, p.prefix
	case last == 1 && p.insts[0].op == opByte:
		p.isLiteral, p.literal = true, string([]byte{p.insts[0].a})
	}
}
