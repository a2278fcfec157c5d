package interp

import (
	"io"
	"math"
	"strconv"
	"strings"
)

// scanNumber reads a number as C's scanf does with %lf: space before it is skipped, and the longest run of characters
// that could begin a number is taken, also when it turns out to be none. Only a failure of the input is an error.
func scanNumber(r io.ByteScanner) (number float64, ok bool, err error) {
	s := scanner{r: r}
	number, ok = s.number()
	if s.err == io.EOF {
		s.err = nil
	}
	return number, ok && s.err == nil, s.err
}

// scanner reads a character at a time; next is the one that was read last, 0 after the end.
type scanner struct {
	r    io.ByteScanner
	next byte
	err  error
	text strings.Builder
}

func (s *scanner) advance() {
	s.next = 0
	if s.err == nil {
		s.next, s.err = s.r.ReadByte()
	}
}

func (s *scanner) take() {
	s.text.WriteByte(s.next)
	s.advance()
}

// back leaves the character that was read last to the next read.
func (s *scanner) back() {
	if s.err == nil {
		s.r.UnreadByte()
	}
}

func (s *scanner) number() (float64, bool) {
	s.advance()
	for s.err == nil && strings.IndexByte(" \t\n\v\f\r", s.next) >= 0 {
		s.advance()
	}
	sign := 1.0
	if s.next == '+' || s.next == '-' {
		if s.next == '-' {
			sign = -1
		}
		s.advance()
	}
	switch s.next | 0x20 {
	case 'n':
		return s.word("nan", math.Copysign(math.NaN(), sign))
	case 'i':
		return s.infinity(sign)
	}
	n, ok := s.digits()
	return sign * n, ok
}

// word takes a word that must come in full.
func (s *scanner) word(word string, number float64) (float64, bool) {
	for i := range len(word) {
		if s.next|0x20 != word[i] {
			return 0, false
		}
		if i < len(word)-1 {
			s.advance()
		}
	}
	return number, true
}

func (s *scanner) infinity(sign float64) (float64, bool) {
	if _, ok := s.word("inf", 0); !ok {
		return 0, false
	}
	s.advance()
	if s.next|0x20 == 'i' {
		return s.word("inity", math.Inf(int(sign)))
	}
	s.back()
	return math.Inf(int(sign)), true
}

func (s *scanner) digits() (float64, bool) {
	var hex, digit, point, exponent bool
	mark := byte('e')
	if s.next == '0' {
		s.take()
		if s.next|0x20 == 'x' {
			s.take()
			hex, mark = true, 'p'
		} else {
			digit = true
		}
	}
	last := byte(0)
	for s.err == nil {
		c := s.next
		switch {
		case '0' <= c && c <= '9', hex && !exponent && 'a' <= c|0x20 && c|0x20 <= 'f':
			digit = true
		case exponent && last == mark && (c == '+' || c == '-'):
		case digit && !exponent && c|0x20 == mark:
			exponent, point = true, true
		case c == '.' && !point:
			point = true
		default:
			s.back()
			return parsePrefix(s.text.String(), hex)
		}
		last = c | 0x20
		s.take()
	}
	return parsePrefix(s.text.String(), hex)
}

// parsePrefix is C's strtod: the number that text begins with. A number out of range is infinite or 0.
func parsePrefix(text string, hex bool) (float64, bool) {
	if hex {
		if len(text) == 2 {
			return 0, false
		}
		if n, ok := parseMantissa(text, "pP", "p0"); ok {
			return n, true
		}
		return 0, true // the 0 before the x
	}
	return parseMantissa(text, "eE", "")
}

// parseMantissa parses text, or, if its exponent has no digits, what comes before that.
func parseMantissa(text, marks, none string) (float64, bool) {
	i := strings.IndexAny(text, marks)
	if i < 0 {
		i = len(text)
	}
	if exponent := text[i:]; strings.Trim(exponent, marks+"+-") == "" {
		text = text[:i] + none
	}
	n, err := strconv.ParseFloat(text, 64)
	if numError, ok := err.(*strconv.NumError); ok && numError.Err == strconv.ErrRange {
		err = nil
	}
	return n, err == nil
}
