package pattern

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// naive matches as the manual describes it, one byte after the other and by recursion.
type naive struct {
	pattern, subject string
	captures         []span
	closed           []Kind
	calls            int
}

// errTired is when the naive way takes too long.
var errTired = errors.New("tired")

// match gives where a match of the pattern from p on ends, -1 if there is none.
func (n *naive) match(s, p int) (int, error) {
	if n.calls++; n.calls > 20_000 {
		return -1, errTired
	}
	if p == len(n.pattern) {
		return s, nil
	}
	rest := n.pattern[p:]
	switch {
	case rest[0] == '(':
		if len(n.captures) == MaxCaptures {
			return -1, Error("too many captures")
		}
		kind, next := Unfinished, p+1
		if strings.HasPrefix(rest, "()") {
			kind, next = Position, p+2
		}
		n.captures, n.closed = append(n.captures, span{s, s}), append(n.closed, kind)
		end, err := n.match(s, next)
		if end < 0 {
			n.captures, n.closed = n.captures[:len(n.captures)-1], n.closed[:len(n.closed)-1]
		}
		return end, err
	case rest[0] == ')':
		for i := len(n.closed) - 1; i >= 0; i-- {
			if n.closed[i] == Unfinished {
				n.closed[i], n.captures[i].end = Text, s
				end, err := n.match(s, p+1)
				if end < 0 {
					n.closed[i] = Unfinished
				}
				return end, err
			}
		}
		return -1, Error("invalid pattern capture")
	case rest == "$":
		if s == len(n.subject) {
			return s, nil
		}
		return -1, nil
	case strings.HasPrefix(rest, "%b"):
		if len(rest) < 4 {
			return -1, Error("unbalanced pattern")
		}
		if s == len(n.subject) || n.subject[s] != rest[2] {
			return -1, nil
		}
		for i, depth := s+1, 1; i < len(n.subject); i++ {
			if n.subject[i] == rest[3] {
				if depth--; depth == 0 {
					return n.match(i+1, p+4)
				}
			} else if n.subject[i] == rest[2] {
				depth++
			}
		}
		return -1, nil
	case strings.HasPrefix(rest, "%f"):
		if len(rest) == 2 || rest[2] != '[' {
			return -1, Error("missing '[' after '%f' in pattern")
		}
		length, err := n.length(p + 2)
		if err != nil {
			return -1, err
		}
		around := "\x00" + n.subject + "\x00"
		if n.one(around[s], p+2, length) || !n.one(around[s+1], p+2, length) {
			return -1, nil
		}
		return n.match(s, p+2+length)
	case len(rest) > 1 && rest[0] == '%' && isDigit(rest[1]):
		i := int(rest[1]) - '1'
		if i < 0 || i >= len(n.captures) || n.closed[i] == Unfinished {
			return -1, Error("invalid capture index")
		}
		text := n.subject[n.captures[i].begin:n.captures[i].end]
		if n.closed[i] == Position || !strings.HasPrefix(n.subject[s:], text) {
			return -1, nil
		}
		return n.match(s+len(text), p+2)
	}
	length, err := n.length(p)
	if err != nil {
		return -1, err
	}
	next := p + length
	matches := func(s int) bool { return s < len(n.subject) && n.one(n.subject[s], p, length) }
	repeat := byte(0)
	if next < len(n.pattern) {
		repeat = n.pattern[next]
	}
	switch repeat {
	case '*', '+', '?':
		most := s
		for matches(most) && (repeat != '?' || most == s) {
			most++
		}
		if repeat == '+' {
			s++
		}
		for ; most >= s; most-- {
			if end, err := n.match(most, next+1); end >= 0 || err != nil {
				return end, err
			}
		}
		return -1, nil
	case '-':
		for {
			if end, err := n.match(s, next+1); end >= 0 || err != nil {
				return end, err
			}
			if !matches(s) {
				return -1, nil
			}
			s++
		}
	}
	if !matches(s) {
		return -1, nil
	}
	return n.match(s+1, next)
}

// length is that of the item for one byte that begins at p.
func (n *naive) length(p int) (int, error) {
	rest := n.pattern[p:]
	if rest[0] == '%' {
		if len(rest) == 1 {
			return 0, Error("malformed pattern (ends with '%')")
		}
		return 2, nil
	}
	if rest[0] != '[' {
		return 1, nil
	}
	i := 1
	if strings.HasPrefix(rest, "[^") {
		i = 2
	}
	for begin := i; i < len(rest); i++ {
		if rest[i] == ']' && i > begin {
			return i + 1, nil
		}
		if rest[i] == '%' {
			i++
		}
	}
	return 0, Error("malformed pattern (missing ']')")
}

// one says whether the item for one byte that begins at p stands for c.
func (n *naive) one(c byte, p, length int) bool {
	switch item := n.pattern[p : p+length]; item[0] {
	case '.':
		return true
	case '%':
		return escaped(item[1]).has(c)
	case '[':
		inside, member := item[1:length-1], true
		if inside[0] == '^' {
			inside, member = inside[1:], false
		}
		for i := 0; i < len(inside); i++ {
			switch {
			case inside[i] == '%':
				i++
				if escaped(item[len(item)-len(inside)-1+i]).has(c) { // the ] after a % that ends a range
					return member
				}
			case i+2 < len(inside) && inside[i+1] == '-':
				if inside[i] <= c && c <= inside[i+2] {
					return member
				}
				i += 2
			case inside[i] == c:
				return member
			}
		}
		return !member
	default:
		return item[0] == c
	}
}

// found describes what a search finds.
func (n *naive) found(from int) (text string, next int, err error) {
	p := 0
	if strings.HasPrefix(n.pattern, "^") {
		p = 1
	}
	for s := from; s <= len(n.subject); s++ {
		n.captures, n.closed = nil, nil
		end, err := n.match(s, p)
		if err != nil {
			return "", -1, err
		}
		if end >= 0 {
			text := fmt.Sprint(s, end)
			for i, c := range n.captures {
				text += describe(n.closed[i], c)
			}
			return text, max(end, s+1), nil
		}
		if p == 1 {
			break
		}
	}
	return "nothing", -1, nil
}

func describe(kind Kind, c span) string {
	switch kind {
	case Text:
		return fmt.Sprint(" ", c)
	case Position:
		return fmt.Sprint(" at ", c.begin)
	default:
		return " unfinished"
	}
}

func (m *Matcher) found(from int) (text string, next int, err error) {
	begin, end, err := m.Find(from)
	switch {
	case err != nil:
		return "", -1, err
	case begin < 0:
		return "nothing", -1, nil
	}
	text = fmt.Sprint(begin, end)
	for i, kind := range m.program.Captures() {
		text += describe(kind, m.captures[i])
	}
	return text, max(end, begin+1), nil
}

// matchers are the ways to match, all of which must come to the same.
var matchers = map[string]func(m *Matcher, p *Program, subject string){
	"quick":   func(m *Matcher, p *Program, subject string) { m.Reset(p, subject) },
	"careful": func(m *Matcher, p *Program, subject string) { m.Reset(p, subject); m.notice, m.next = 0, 0 },
	"careful after some steps": func(m *Matcher, p *Program, subject string) {
		m.Reset(p, subject)
		m.notice = 1 + len(subject)*7%23
		m.next = m.notice
	},
}

// check compares all ways to match with the naive one. Each match is looked for after the one before.
func check(t *testing.T, text, subject string) {
	t.Helper()
	p := Compile(text)
	for name, reset := range matchers {
		var m Matcher
		reset(&m, p, subject)
		for from := 0; from >= 0 && from <= len(subject); {
			n := naive{pattern: text, subject: subject}
			want, next, wantErr := n.found(from)
			if wantErr == errTired {
				return
			}
			got, gotNext, err := m.found(from)
			if got != want || err != wantErr || gotNext != next {
				t.Fatalf("%s: %q in %q from %d: got %s, %v, want %s, %v", name, text, subject, from, got, err, want, wantErr)
			}
			if from = next; p.anchored {
				break
			}
		}
	}
}

func randomText(r *rand.Rand, parts string, most int) string {
	all := strings.Split(parts, " ")
	var b strings.Builder
	for range r.Intn(most + 1) {
		b.WriteString(all[r.Intn(len(all))])
	}
	return b.String()
}

const (
	patternParts = "a a a b c . ( ) () %b() %bab %1 %2 %f[%a] %f[^a] [ab] [^a] [^b] %a %s %( x ^ $ * * + + - - ? ? ab aab [a-c] [a-%%] %w [^%s] ) ( % [ \x00 %z %Z ] .- .* a- a* [ab]*"
	subjectParts = "a a a a b b ab c ( ) x \x00 1"
)

func TestAllWaysToMatchAgree(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 60_000 {
		check(t, randomText(r, patternParts, 8), strings.ReplaceAll(randomText(r, subjectParts, 14), "1", " "))
	}
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"a*a*b", "aaaa"}, {"^%s*(.-)%s*$", "  x y "}, {"%b()", "(()"}, {"(a-)%1b", "aab"}, {"%f[%w]%w+", "a b"}, {"[^]-a%]", "]"}, {"[+-%%]*", "]%"}, {"(()a?)(", "aa"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, subject string) {
		if len(text) <= 50 && len(subject) <= 50 { // the naive way is slow
			check(t, text, subject)
		}
	})
}

func TestStepsAreProportionalToSubjectAndPattern(t *testing.T) {
	for _, c := range []struct{ name, pattern, unit string }{
		{"runs in a row", "a*a*a*a*b", "a"},
		{"short runs in a row", ".-.-.-.-b", "a"},
		{"optional items", strings.Repeat("a?", 40) + "b", "a"},
		{"captures", "(a-)(a-)(a*)b", "a"},
		{"brackets that do not close", "%b()", "("},
		{"brackets that close sometimes", "%b()x", "(()"},
		{"equal brackets", "%baab", "a"},
		{"spaces before what does not come", "%s+x", " "},
		{"a gap", "a.-b.-c", "ab"},
		{"frontiers", "%f[%a].-%f[%d]", "a "},
		{"words without what follows", "(%w+)=(%w+)", "a"},
		{"sets", "[ab]+[ac]+[ad]+x", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 100_000
			var m Matcher
			m.Reset(Compile(c.pattern), strings.Repeat(c.unit, n/len(c.unit)))
			begin, _, err := m.Find(0)
			if begin >= 0 || err != nil {
				t.Fatalf("got a match at %d, %v; want none", begin, err)
			}
			if most := (len(c.pattern)*4 + 40) * n; m.Steps() > most {
				t.Errorf("took %d steps, want at most %d", m.Steps(), most)
			}
		})
	}
}

func TestRepeatedSearchesShareTheirSteps(t *testing.T) {
	const n = 300_000
	subject := strings.Repeat("(()", n/3)
	var m Matcher
	m.Reset(Compile("%b()"), subject)
	found := 0
	for from := 0; ; found++ {
		begin, end, err := m.Find(from)
		if err != nil {
			t.Fatal(err)
		}
		if begin < 0 {
			break
		}
		from = end
	}
	if found != n/3 || m.Steps() > 60*n {
		t.Errorf("got %d matches in %d steps, want %d in at most %d", found, m.Steps(), n/3, 60*n)
	}
}

func TestBackReferencesAreGivenUp(t *testing.T) {
	subject := strings.Repeat("a", 50_000)
	for _, text := range []string{"(a*)(a*)%1%2b", "(a-)(a-)(a-)%1%2%3b", "^(.*)(.*)%1%2%2.-b"} {
		var m Matcher
		m.Reset(Compile(text), subject)
		if _, _, err := m.Find(0); err != ErrTooComplex {
			t.Errorf("%s: got %v, want %v", text, err, ErrTooComplex)
		}
		if most := MaxSteps + (perByte+8)*len(subject); m.Steps() > most {
			t.Errorf("%s: took %d steps, want at most %d", text, m.Steps(), most)
		}
	}
}

func TestLongPatterns(t *testing.T) {
	const n = 10_000
	for _, c := range []struct{ name, pattern, subject, want string }{
		{"bytes", strings.Repeat("a", n), strings.Repeat("a", n), fmt.Sprint(0, n)},
		{"sets", strings.Repeat("[ab]", n), strings.Repeat("a", n), fmt.Sprint(0, n)},
		{"repetitions", strings.Repeat("a-", n) + "$", strings.Repeat("a", n), fmt.Sprint(0, n)},
		{"options", strings.Repeat("a?", n), strings.Repeat("a", n/2), fmt.Sprint(0, n/2)},
		{"more than a program holds", strings.Repeat(".", maxItems+1), strings.Repeat("a", maxItems+1), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Matcher
			m.Reset(Compile(c.pattern), c.subject)
			got, _, err := m.found(0)
			if got != c.want || err != nil != (c.want == "") || err != nil && err != ErrTooComplex {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestTickCanStopAMatch(t *testing.T) {
	ticks := 0
	m := Matcher{Tick: func() {
		if ticks++; ticks == 3 {
			panic("stop")
		}
	}}
	m.Reset(Compile("(a*)(a*)%1%2b"), strings.Repeat("a", 50_000))
	defer func() {
		if v := recover(); v != "stop" || ticks != 3 {
			t.Errorf("got %v after %d ticks, want stop after 3", v, ticks)
		}
	}()
	m.Find(0)
}

func BenchmarkCompile(b *testing.B) {
	for _, text := range []string{"abc", "^%s*(.-)%s*$", "([%w_]+)%s*=%s*[\"']([^\"']*)"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compile(text)
			}
		})
	}
}
