package repl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings"
	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/bindings/luax"
)

// Values are shown without running Lua, but for a __tostring of the value that is asked for, and at a cost that depends
// on what is shown, not on how much there is.
const (
	mostValues  = 40       // that an input prints, and arguments of an event
	mostEntries = 40       // of a table
	mostLines   = 40       // after which tables take one line each
	mostDepth   = 4        // tables within tables
	mostText    = 4000     // bytes of a string that is all there is to show
	mostClean   = 64 << 10 // bytes of a message
	mostSorted  = 2000     // keys of a table that are put in order; of more, the first so many
	mostCounted = 1 << 20  // places of an array that are looked at for holes
	keyWidth    = 40
)

// printValues shows the values of an input and keeps the first as _.
func (p *Prompt) printValues(l *lua.LState, values []lua.LValue) {
	if len(values) == 0 {
		return
	}
	p.typed.Set("_", values[0])
	shown := values[:min(len(values), mostValues)]
	var lines []string
	for _, v := range shown {
		lines = append(lines, p.pretty(l, v)...)
	}
	if len(lines) == len(shown) && columnsOf(strings.Join(lines, "  ")) <= p.columns() {
		lines = []string{strings.Join(lines, "  ")}
	}
	if n := len(values) - len(shown); n > 0 {
		lines = append(lines, more(n))
	}
	p.printf("%s", strings.Join(lines, "\n"))
}

// pretty shows a value in as many lines as it takes.
func (p *Prompt) pretty(l *lua.LState, v lua.LValue) []string {
	if text, ok := p.ownText(l, v); ok {
		return strings.Split(clean(text), "\n")
	}
	if s, ok := v.(lua.LString); ok {
		text, whole := quote(string(s), mostText)
		if !whole {
			text += fmt.Sprintf("... (%s bytes)", grouped(len(s)))
		}
		return []string{text}
	}
	if lines, ok := p.records(v); ok {
		return lines
	}
	w := &prettyWriter{lib: p.Lib, width: p.columns()}
	w.value("", "", "", v, mostDepth)
	return w.lines
}

// ownText is what a value's __tostring says, if that is a program's.
func (p *Prompt) ownText(l *lua.LState, v lua.LValue) (string, bool) {
	t := metatableOf(l, v)
	if t == nil {
		return "", false
	}
	f, ok := t.RawGetString("__tostring").(*lua.LFunction)
	if _, ours := p.Lib.Describe(v); ours || !ok {
		return "", false
	}
	l.Push(f)
	l.Push(v)
	if p.Lib.Guard.Call(l, 1, 1, false) != nil {
		return "", false
	}
	s, ok := l.Get(-1).(lua.LString)
	l.Pop(1)
	return string(s[:min(len(s), mostText)]), ok
}

// metatableOf is the metatable of a value, whatever it shows of it to scripts; nil if it has none.
func metatableOf(l *lua.LState, v lua.LValue) *lua.LTable {
	var mt lua.LValue
	switch v := v.(type) {
	case *lua.LTable:
		mt = v.Metatable
	case *lua.LUserData:
		mt = v.Metatable
	case lua.LString:
		mt = l.GetMetatable(v)
	}
	t, _ := mt.(*lua.LTable)
	return t
}

// show is a value for people, in one line of so many columns.
func (p *Prompt) show(v any, width int) string {
	text, _ := inLine(p.Lib, p.Lib.Value(v), mostDepth, width, nil)
	return text
}

// prettyWriter puts a value on several lines.
type prettyWriter struct {
	lib   *bindings.Lib
	width int
	lines []string
	path  []*lua.LTable // that are being shown
}

// value puts a value between what stands before and after it.
func (w *prettyWriter) value(indent, before, after string, v lua.LValue, depth int) {
	room := max(w.width-columnsOf(indent)-columnsOf(before)-len(after), 10)
	text, whole := inLine(w.lib, v, depth, room, w.path)
	t, ok := v.(*lua.LTable)
	if !ok || whole || depth == 0 || len(w.lines) >= mostLines {
		w.lines = append(w.lines, indent+before+text+after)
		return
	}
	w.lines = append(w.lines, indent+before+"{")
	w.path = append(w.path, t)
	w.entries(indent+"  ", t, depth-1)
	w.path = w.path[:len(w.path)-1]
	w.lines = append(w.lines, indent+"}"+after)
}

// entries puts those of a table. Of items without a key, several stand in a line.
func (w *prettyWriter) entries(indent string, t *lua.LTable, depth int) {
	entries, left := entriesOf(t)
	row := ""
	flush := func() {
		if row != "" {
			w.lines = append(w.lines, indent+row)
			row = ""
		}
	}
	for _, e := range entries {
		if _, ok := e.value.(*lua.LTable); ok || e.key != nil {
			flush()
			before := ""
			if e.key != nil {
				before = keyText(w.lib, e.key) + " = "
			}
			w.value(indent, before, ",", e.value, depth)
			continue
		}
		room := max(w.width-columnsOf(indent)-1, 10)
		text, _ := inLine(w.lib, e.value, depth, room, w.path)
		if row != "" && columnsOf(row)+columnsOf(text)+2 > room {
			flush()
		}
		row = strings.TrimPrefix(row+" "+text+",", " ")
	}
	flush()
	if left > 0 {
		w.lines = append(w.lines, indent+more(left))
	}
}

// lineWriter puts a value on one line of so many columns. What is beyond is not looked at.
type lineWriter struct {
	lib  *bindings.Lib
	b    strings.Builder
	left int // columns; below 0 when it was too much
	path []*lua.LTable
	cut  bool // something was left out otherwise
}

// inLine shows a value in a line; whole says that it is all there.
func inLine(lib *bindings.Lib, v lua.LValue, depth, width int, path []*lua.LTable) (text string, whole bool) {
	w := &lineWriter{lib: lib, left: width, path: slices.Clone(path)}
	w.value(v, depth)
	text = w.b.String()
	if w.left < 0 {
		text = cutText(text, width)
	}
	return text, w.left >= 0 && !w.cut
}

func (w *lineWriter) put(text string) {
	w.b.WriteString(text)
	w.left -= columnsOf(text)
}

func (w *lineWriter) value(v lua.LValue, depth int) {
	switch v := v.(type) {
	case lua.LString:
		text, whole := quote(string(v), max(w.left, 0)+1)
		w.put(text)
		w.cut = w.cut || !whole
	case *lua.LTable:
		if text, ok := w.lib.Describe(v); ok {
			w.put(text)
			return
		}
		w.table(v, depth)
	default:
		w.put(scalar(w.lib, v))
	}
}

func (w *lineWriter) table(t *lua.LTable, depth int) {
	if slices.Contains(w.path, t) {
		w.put("<cycle>")
		return
	}
	if depth == 0 {
		if isEmpty(t) {
			w.put("{}")
		} else {
			w.put("{...}")
		}
		return
	}
	w.path = append(w.path, t)
	w.put("{")
	entries, left := entriesOf(t)
	for i, e := range entries {
		if i > 0 {
			w.put(", ")
		}
		if e.key != nil {
			w.put(keyText(w.lib, e.key) + " = ")
		}
		if w.left < 0 {
			return
		}
		w.value(e.value, depth-1)
	}
	if left > 0 {
		w.cut = true
		w.put(", " + more(left))
	}
	w.put("}")
	w.path = w.path[:len(w.path)-1]
}

// scalar shows what is neither a string nor a table.
func scalar(lib *bindings.Lib, v lua.LValue) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case lua.LNumber:
		return interp.Numeral(float64(v))
	case *lua.LFunction:
		if v.IsG {
			return "function (built-in)"
		}
		return fmt.Sprintf("function %s:%d", clean(v.Proto.SourceName), v.Proto.LineDefined)
	case *lua.LUserData:
		if text, ok := lib.Describe(v); ok {
			return clean(text)
		}
		return clean(luax.TypeName(v))
	case *lua.LState:
		if co := luax.AsCoroutine(v); co != nil {
			return "thread (" + co.Status().String() + ")"
		}
		return "thread"
	}
	return v.String()
}

// entry is a field of a table; key is nil if the place tells it.
type entry struct{ key, value lua.LValue }

// entriesOf gives the entries of a table that are shown: items, then fields by their keys; and how many are left. An
// array that has no holes up to there is taken for one without.
func entriesOf(t *lua.LTable) (entries []entry, left int) {
	in := luax.Inside(t)
	total, holes := 0, false
	for i, v := range in.Array {
		if i == mostCounted || len(entries) == mostEntries && !holes {
			total += len(in.Array) - i
			break
		}
		if v == lua.LNil {
			holes = true
			continue
		}
		total++
		if len(entries) < mostEntries {
			e := entry{value: v}
			if holes {
				e.key = lua.LNumber(i + 1)
			}
			entries = append(entries, e)
		}
	}
	total += luax.Fields(t)
	if len(entries) < mostEntries {
		fields := fieldsOf(in)
		entries = append(entries, fields[:min(len(fields), mostEntries-len(entries))]...)
	}
	return entries, total - len(entries)
}

// fieldsOf gives fields in the order of their keys. If there are very many, they are the oldest.
func fieldsOf(in *luax.Table) []entry {
	var fields []entry
	for _, key := range in.Keys {
		if len(fields) == mostSorted {
			break
		}
		if v := fieldOf(in, key); v != nil {
			fields = append(fields, entry{key, v})
		}
	}
	slices.SortStableFunc(fields, func(a, b entry) int { return compareKeys(a.key, b.key) })
	return fields
}

// fieldOf is the value of a key that is not one of the array; nil if there is none.
func fieldOf(in *luax.Table, key lua.LValue) lua.LValue {
	if s, ok := key.(lua.LString); ok {
		return in.Strings[string(s)]
	}
	return in.Others[key]
}

func isEmpty(t *lua.LTable) bool {
	entries, _ := entriesOf(t)
	return len(entries) == 0
}

// compareKeys puts numbers before strings, and these before other keys, which have no order.
func compareKeys(a, b lua.LValue) int {
	rank := func(v lua.LValue) int {
		switch v.(type) {
		case lua.LNumber:
			return 0
		case lua.LString:
			return 1
		}
		return 2
	}
	switch a := a.(type) {
	case lua.LNumber:
		if b, ok := b.(lua.LNumber); ok {
			return cmp.Compare(a, b)
		}
	case lua.LString:
		if b, ok := b.(lua.LString); ok {
			return cmp.Compare(a, b)
		}
	}
	return cmp.Compare(rank(a), rank(b))
}

// keyText shows a key as a constructor has it.
func keyText(lib *bindings.Lib, key lua.LValue) string {
	switch k := key.(type) {
	case lua.LString:
		if isName(string(k)) && len(k) <= keyWidth {
			return string(k)
		}
		text, whole := quote(string(k), keyWidth)
		if !whole {
			text += "..."
		}
		return "[" + text + "]"
	case *lua.LTable:
		if text, ok := lib.Describe(k); ok {
			return "[" + text + "]"
		}
		return "[table]"
	}
	return "[" + cutText(scalar(lib, key), keyWidth) + "]"
}

// quote writes a string as Lua could read it, and so much of it that the text has no more than most bytes, or little
// more.
func quote(s string, most int) (text string, whole bool) {
	b := []byte{'"'}
	for i := 0; i < len(s); {
		if len(b) > most {
			return string(append(b, '"')), false
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		default:
			b = appendRune(b, s[i:i+size], r, i+size < len(s) && '0' <= s[i+size] && s[i+size] <= '9')
		}
		i += size
	}
	return string(append(b, '"')), true
}

// appendRune adds a character as it is, or if it has no shape, as its bytes in decimal. digit: one follows.
func appendRune(b []byte, s string, r rune, digit bool) []byte {
	if unicode.IsPrint(r) && (r != utf8.RuneError || len(s) > 1) {
		return append(b, s...)
	}
	for i := range len(s) {
		b = append(b, '\\')
		if n := int64(s[i]); digit || i < len(s)-1 {
			b = fmt.Appendf(b, "%03d", n)
		} else {
			b = strconv.AppendInt(b, n, 10)
		}
	}
	return b
}

// clean replaces what would upset a terminal, but for the ends of lines, and cuts what is too long.
func clean(text string) string {
	cut := len(text) > mostClean
	text = text[:min(len(text), mostClean)]
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '\n' || r == '\t' {
			b = append(b, byte(r))
		} else {
			b = appendRune(b, text[i:i+size], r, true)
		}
		i += size
	}
	if cut {
		b = append(b, "..."...)
	}
	return string(b)
}

// cutText is the beginning of a text, with dots in the place of the rest if there is one.
func cutText(text string, width int) string {
	if columnsOf(text) <= width {
		return text
	}
	width = max(width-3, 0)
	for i := range text {
		if width == 0 {
			return text[:i] + "..."
		}
		width--
	}
	return text
}

func columnsOf(text string) int { return utf8.RuneCountInString(text) }

// more tells how many things are not shown.
func more(n int) string { return "... " + grouped(n) + " more" }

// grouped is a number with its thousands apart.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// isName says whether a string can stand in a source as a name.
func isName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) || i == 0 && '0' <= s[0] && s[0] <= '9' {
			return false
		}
	}
	return s != "" && !slices.Contains(keywords, s)
}

func isNameByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

var keywords = []string{
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
	"or", "repeat", "return", "then", "true", "until", "while",
}
