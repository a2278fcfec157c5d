package interp

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/interp/pattern"
	"github.com/poelua/poelua/bindings/luax"
)

const (
	programsMost = 256     // compiled patterns that are kept
	patternMost  = 1 << 10 // bytes of a pattern that is worth keeping
	idleMost     = 8       // matchings that are kept for the next call
	outputKept   = 1 << 16 // bytes of a buffer that is kept
)

// openMatch makes the functions of the string library that look for patterns. tick, unless it is nil, is called every now and then
// during a long match; it may panic.
func openMatch(l *lua.LState, tick func()) {
	lib := &matchLib{tick: tick, young: map[string]*pattern.Program{}}
	t := l.GetGlobal(lua.StringLibName).(*lua.LTable)
	t.RawSetString("find", l.NewFunction(lib.find))
	t.RawSetString("match", l.NewFunction(lib.match))
	gmatch := l.NewFunction(lib.gmatch)
	t.RawSetString("gmatch", gmatch)
	t.RawSetString("gfind", gmatch)
	t.RawSetString("gsub", l.NewFunction(lib.gsub))
}

// matchLib is what the functions of one Lua state share.
type matchLib struct {
	tick func()

	// The programs used last, by their patterns. When young is full it takes old's place, and what nobody asks for goes.
	young, old map[string]*pattern.Program

	idle []*matching
}

// compile gives the program of a pattern.
func (lib *matchLib) compile(text string) *pattern.Program {
	if p, ok := lib.young[text]; ok {
		return p
	}
	p, ok := lib.old[text]
	if !ok {
		p = pattern.Compile(text)
		if len(text) > patternMost {
			return p
		}
		text = strings.Clone(text)
	}
	if len(lib.young) == programsMost/2 {
		lib.old, lib.young = lib.young, make(map[string]*pattern.Program, programsMost/2)
	}
	lib.young[text] = p
	return p
}

// matching is a pattern that is being looked for.
type matching struct {
	l       *lua.LState
	lib     *matchLib
	kinds   []pattern.Kind
	subject string
	matcher pattern.Matcher
	out     []byte

	many     bool   // more pieces will be wanted: small ones are cut from a copy of the subject's next bytes
	copied   string // the copy
	copiedAt int    // where in the subject it begins
}

func (lib *matchLib) begin(l *lua.LState, p *pattern.Program, subject string) *matching {
	var m *matching
	if n := len(lib.idle) - 1; n >= 0 {
		m = lib.idle[n]
		lib.idle = lib.idle[:n]
	} else {
		m = &matching{lib: lib}
		m.matcher.Tick = lib.tick
	}
	m.l, m.kinds, m.subject = l, p.Captures(), subject
	m.matcher.Reset(p, subject)
	return m
}

// end makes a matching free for the next call. One that has raised is left to the collector.
func (m *matching) end() {
	if len(m.lib.idle) == idleMost {
		return
	}
	m.l, m.kinds, m.subject = nil, nil, ""
	m.many, m.copied, m.copiedAt = false, "", 0
	m.matcher.Release()
	if m.out = m.out[:0]; cap(m.out) > outputKept {
		m.out = nil
	}
	m.lib.idle = append(m.lib.idle, m)
}

// find is Matcher.Find. What is wrong with the pattern raises.
func (m *matching) find(from int) (begin, end int) {
	begin, end, err := m.matcher.Find(from)
	if err != nil {
		m.l.RaiseError("%s", err.Error())
	}
	return begin, end
}

// piece is a part of the subject.
func (m *matching) piece(begin, end int) lua.LValue {
	switch {
	case end == begin+1:
		return oneByte[m.subject[begin]]
	case !m.many || len(m.subject) <= sharedMost || end-begin > sharedMost/4:
		return lua.LString(cut(m.subject, begin, end))
	}
	if begin < m.copiedAt || end > m.copiedAt+len(m.copied) {
		m.copied, m.copiedAt = strings.Clone(m.subject[begin:min(begin+sharedMost, len(m.subject))]), begin
	}
	return lua.LString(m.copied[begin-m.copiedAt : end-m.copiedAt])
}

// capture is capture i of a match; the first is all of it if the pattern has none.
func (m *matching) capture(i, begin, end int) lua.LValue {
	if len(m.kinds) > 0 || i > 0 {
		begin, end = m.bounds(i)
	}
	if end < 0 {
		return numberValue(float64(begin + 1))
	}
	return m.piece(begin, end)
}

// bounds is where capture i lies. A position has the end -1.
func (m *matching) bounds(i int) (begin, end int) {
	if i >= len(m.kinds) {
		m.l.RaiseError("invalid capture index")
	}
	begin, end = m.matcher.Capture(i)
	switch m.kinds[i] {
	case pattern.Unfinished:
		m.l.RaiseError("unfinished capture")
	case pattern.Position:
		end = -1
	}
	return begin, end
}

// push pushes all captures of a match and says how many there are.
func (m *matching) push(begin, end int) int {
	n := max(len(m.kinds), 1)
	for i := range n {
		m.l.Push(m.capture(i, begin, end))
	}
	return n
}

// startArg is argument n as the place in the subject at which a search begins.
func startArg(a luax.Args, n int, subject string) int {
	if a.Missing(n) {
		return 0
	}
	at := integerArg(a, n)
	if at < 0 {
		at += len(subject) + 1
	}
	return min(max(at-1, 0), len(subject))
}

// find is string.find.
func (lib *matchLib) find(l *lua.LState) int {
	a := luax.Args{L: l, Name: "find"}
	subject, text := textArg(a, 1), textArg(a, 2)
	from := startArg(a, 3, subject)
	if lua.LVAsBool(a.Get(4)) {
		return pushPlace(l, strings.Index(subject[from:], text), from, len(text))
	}
	p := lib.compile(text)
	if p.Plain() {
		return pushPlace(l, strings.Index(subject[from:], text), from, len(text))
	}
	m := lib.begin(l, p, subject)
	begin, end := m.find(from)
	if begin < 0 {
		m.end()
		l.Push(lua.LNil)
		return 1
	}
	pushNumber(l, float64(begin+1))
	pushNumber(l, float64(end))
	n := 2
	if len(m.kinds) > 0 {
		n += m.push(begin, end)
	}
	m.end()
	return n
}

func pushPlace(l *lua.LState, i, from, length int) int {
	if i < 0 {
		l.Push(lua.LNil)
		return 1
	}
	pushNumber(l, float64(from+i+1))
	pushNumber(l, float64(from+i+length))
	return 2
}

// match is string.match.
func (lib *matchLib) match(l *lua.LState) int {
	a := luax.Args{L: l, Name: "match"}
	subject, text := textArg(a, 1), textArg(a, 2)
	m := lib.begin(l, lib.compile(text), subject)
	begin, end := m.find(startArg(a, 3, subject))
	n := 1
	if begin < 0 {
		l.Push(lua.LNil)
	} else {
		n = m.push(begin, end)
	}
	m.end()
	return n
}

// gmatch is string.gmatch. A ^ has no special meaning at the beginning of its pattern.
func (lib *matchLib) gmatch(l *lua.LState) int {
	a := luax.Args{L: l, Name: "gmatch"}
	subject, text := textArg(a, 1), textArg(a, 2)
	if strings.HasPrefix(text, "^") {
		text = "%" + text
	}
	p := lib.compile(text)
	m := &matching{lib: lib, kinds: p.Captures(), subject: subject, many: true}
	m.matcher.Tick = lib.tick
	m.matcher.Reset(p, subject)
	from := 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		if from > len(subject) {
			return 0
		}
		m.l = l
		begin, end := m.find(from)
		if begin < 0 {
			from = len(subject) + 1
			return 0
		}
		from = end
		if begin == end {
			from++
		}
		return m.push(begin, end)
	}))
	return 1
}

// gsub is string.gsub.
func (lib *matchLib) gsub(l *lua.LState) int {
	a := luax.Args{L: l, Name: "gsub"}
	subject, text := textArg(a, 1), textArg(a, 2)
	most := optInteger(a, 4, len(subject)+1)
	var with lua.LValue
	switch v := l.Get(3).(type) {
	case lua.LNumber:
		with = lua.LString(textArg(a, 3))
	case lua.LString, *lua.LFunction, *lua.LTable:
		with = v
	default:
		luax.ArgError(l, a.Name, 3, "string/function/table expected")
	}
	m := lib.begin(l, lib.compile(text), subject)
	m.many = true
	result, n := m.replace(with, most)
	m.end()
	l.Push(lua.LString(result))
	pushNumber(l, float64(n))
	return 2
}

// replace puts something in the place of the first matches, most at most, and counts them.
func (m *matching) replace(with lua.LValue, most int) (result string, n int) {
	subject, anchored := m.subject, m.matcher.Anchored()
	text, isText := with.(lua.LString)
	verbatim := isText && strings.IndexByte(string(text), '%') < 0
	copied := 0 // what comes before is in the output
	for from := 0; n < most && from <= len(subject); {
		begin, end := m.find(from)
		if begin < 0 {
			break
		}
		n++
		var v lua.LValue
		if !isText {
			v = m.ask(with, begin, end)
		}
		if v != lua.LNil {
			m.out = append(m.out, subject[copied:begin]...)
			copied = end
		}
		switch v := v.(type) {
		case lua.LString:
			m.out = append(m.out, v...)
		case lua.LNumber:
			m.out = appendNumeral(m.out, float64(v))
		case nil:
			if verbatim {
				m.out = append(m.out, text...)
			} else {
				m.expand(string(text), begin, end)
			}
		}
		if len(m.out) > stringMost {
			m.l.RaiseError("resulting string too large")
		}
		from = end
		if begin == end {
			from++
		}
		if anchored {
			break
		}
	}
	if copied == 0 && len(m.out) == 0 {
		return subject, n
	}
	m.out = append(m.out, subject[copied:]...)
	return string(m.out), n
}

// expand adds a replacement to the output, with what its % stand for.
func (m *matching) expand(text string, begin, end int) {
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			m.out = append(m.out, text...)
			return
		}
		m.out = append(m.out, text[:i]...)
		c := byte(0) // as in Lua 5.1, which looks at the zero byte after the string
		if i+1 < len(text) {
			c = text[i+1]
		}
		switch {
		case c == '0':
			m.out = append(m.out, m.subject[begin:end]...)
		case '1' <= c && c <= '9':
			m.addCapture(int(c-'1'), begin, end)
		default:
			m.out = append(m.out, c)
		}
		text = text[min(i+2, len(text)):]
		if len(m.out) > stringMost {
			m.l.RaiseError("resulting string too large")
		}
	}
}

func (m *matching) addCapture(i, begin, end int) {
	if len(m.kinds) > 0 || i > 0 {
		begin, end = m.bounds(i)
	}
	if end < 0 {
		m.out = appendNumeral(m.out, float64(begin+1))
		return
	}
	m.out = append(m.out, m.subject[begin:end]...)
}

// ask asks a table or a function what to put in the place of a match: a string, a number, or nil for nothing.
func (m *matching) ask(with lua.LValue, begin, end int) lua.LValue {
	l := m.l
	var v lua.LValue
	if f, ok := with.(*lua.LFunction); ok {
		l.Push(f)
		l.Call(m.push(begin, end), 1)
		v = l.Get(-1)
		l.Pop(1)
	} else {
		v = l.GetTable(with, m.capture(0, begin, end))
	}
	switch v.(type) {
	case lua.LString, lua.LNumber:
		return v
	}
	if lua.LVAsBool(v) {
		l.RaiseError("invalid replacement value (a %s)", v.Type().String())
	}
	return lua.LNil
}
