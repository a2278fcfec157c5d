package pattern

// set is a set of bytes.
type set [8]uint32

func (s *set) has(c byte) bool { return s[c>>5]&(1<<(c&31)) != 0 }

func (s *set) add(c byte) { s[c>>5] |= 1 << (c & 31) }

func (s *set) addSet(other *set) {
	for i := range s {
		s[i] |= other[i]
	}
}

func (s *set) invert() {
	for i := range s {
		s[i] = ^s[i]
	}
}

func (s *set) meets(other *set) bool {
	for i := range s {
		if s[i]&other[i] != 0 {
			return true
		}
	}
	return false
}

// only is the one byte of a set; ok is false when it has none or more.
func (s *set) only() (c byte, ok bool) {
	for i, word := range s {
		switch {
		case word == 0:
		case ok || word&(word-1) != 0:
			return 0, false
		default:
			ok = true
			for word>>(c&31) != 1 {
				c++
			}
			c += byte(i * 32)
		}
	}
	return c, ok
}

func setOf(belongs func(c byte) bool) *set {
	var s set
	for c := range 256 {
		if belongs(byte(c)) {
			s.add(byte(c))
		}
	}
	return &s
}

func between(c, low, high byte) bool { return low <= c && c <= high }

func isUpper(c byte) bool { return between(c, 'A', 'Z') }
func isLower(c byte) bool { return between(c, 'a', 'z') }
func isDigit(c byte) bool { return between(c, '0', '9') }
func isAlpha(c byte) bool { return isUpper(c) || isLower(c) }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }

// everything is what . stands for.
var everything = setOf(func(byte) bool { return true })

// classes are what letters stand for after %, in the C locale. Capitals are the complements.
var classes = func() (all [256]*set) {
	for letter, belongs := range map[byte]func(c byte) bool{
		'a': isAlpha,
		'c': func(c byte) bool { return c < ' ' || c == 127 },
		'd': isDigit,
		'l': isLower,
		'p': func(c byte) bool { return between(c, '!', '~') && !isAlnum(c) },
		's': func(c byte) bool { return c == ' ' || between(c, '\t', '\r') },
		'u': isUpper,
		'w': isAlnum,
		'x': func(c byte) bool { return isDigit(c) || between(c, 'a', 'f') || between(c, 'A', 'F') },
		'z': func(c byte) bool { return c == 0 },
	} {
		all[letter] = setOf(belongs)
		all[letter-'a'+'A'] = setOf(func(c byte) bool { return !belongs(c) })
	}
	return all
}()

// singles are the sets of one byte.
var singles = func() (all [256]set) {
	for c := range all {
		all[c].add(byte(c))
	}
	return all
}()

// escaped is the set that a byte stands for after %.
func escaped(c byte) *set {
	if class := classes[c]; class != nil {
		return class
	}
	return &singles[c]
}

// bracketed is the set that text stands for, the inside of a pair of brackets.
func bracketed(text string) *set {
	var s set
	complement := text[0] == '^'
	if complement {
		text = text[1:]
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '%' && i+1 == len(text): // in [a-%%] the range ends with one %, and the other, as in PUC Lua, escapes ]
			s.add(']')
		case text[i] == '%':
			i++
			s.addSet(escaped(text[i]))
		case i+2 < len(text) && text[i+1] == '-':
			for c := int(text[i]); c <= int(text[i+2]); c++ {
				s.add(byte(c))
			}
			i += 2
		default:
			s.add(text[i])
		}
	}
	if complement {
		s.invert()
	}
	return &s
}
