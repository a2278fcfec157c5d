package repl

import (
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
)

const (
	mostCompleted  = 64 << 10 // bytes of a line that are understood
	mostCandidates = 1000
	mostKeys       = 100_000 // of a table, and sessions, that are looked through
	mostIndexes    = 100     // metatables on the way to a field
)

// Complete gives what the text before a position may go on with: candidates are what to put in the place of
// text[from:at]. It calls nothing of the program.
func (p *Prompt) Complete(text string, at int) (from int, candidates []string) {
	at = min(max(at, 0), len(text))
	if at > mostCompleted || p.closed {
		return at, nil
	}
	c := &completion{p: p, at: at}
	if text = text[:at]; len(p.input.lines) == 0 && isCommand(text) {
		c.command(text)
	} else {
		c.lua(text, 0)
	}
	slices.Sort(c.found)
	c.found = slices.Compact(c.found)
	return c.at, c.found[:min(len(c.found), mostCandidates)]
}

// completion is one that is being looked for.
type completion struct {
	p      *Prompt
	at     int // where it begins
	prefix string
	found  []string
}

// begin sets what the candidates are to begin with, and where that stands.
func (c *completion) begin(prefix string, at int) { c.prefix, c.at = prefix, at }

func (c *completion) add(names ...string) {
	for _, name := range names {
		if strings.HasPrefix(name, c.prefix) {
			c.found = append(c.found, name)
		}
	}
}

// command completes a line that begins with a dot: by what the command says of its arguments.
func (c *completion) command(text string) {
	at := strings.IndexByte(text, '.') + 1
	name, _ := cutWord(text[at:])
	if end := at + len(name); end == len(text) || name == "" {
		c.begin(text[at:], at)
		c.commands()
		return
	}
	found := c.p.command(name)
	if found == nil {
		return
	}
	rest := text[at+len(name):]
	words := strings.Fields(rest)
	if len(words) == 0 || strings.HasSuffix(rest, " ") {
		words = append(words, "")
	}
	last := words[len(words)-1]
	wanted := strings.Fields(found.args)
	if len(words) > len(wanted) || strings.Contains(wanted[len(words)-1], "ARGS") {
		c.lua(rest, at+len(name))
		return
	}
	c.begin(last, len(text)-len(last))
	switch strings.Trim(wanted[len(words)-1], "[]") {
	case "X":
		c.sessions()
	case "EVENT":
		c.events(c.p.k.Resolve(words[0]))
	case "NAME":
		if name == "help" {
			c.commands()
		} else {
			c.signals()
		}
	}
}

func (c *completion) commands() {
	for _, known := range c.p.commands {
		c.add(known.name)
	}
}

// sessions adds aliases; sessions that have none are known by their IDs.
func (c *completion) sessions() {
	for i, t := range c.p.k.Tasks() {
		switch {
		case i == mostKeys:
			return
		case t == c.p.k.Root():
			continue
		}
		c.add(t.Aliases()...)
		if c.prefix != "" || len(t.Aliases()) == 0 {
			c.add(t.ID().String())
		}
	}
}

func (c *completion) events(t *kernel.Task) {
	if t != nil {
		c.add(c.p.Lib.EventNames(t)...)
	}
}

func (c *completion) signals() {
	c.add("ALRM", "CHLD", "CONT", "DIE", "HUP", "IDLE", "INT", "KILL", "PIPE", "QUIT", "TERM", "UIDESTROY", "USR1", "USR2",
		"WINCH", "ZOMBIE")
}

// lua completes Lua. Its first byte is so many bytes from the beginning of the line.
func (c *completion) lua(text string, offset int) {
	c.at = offset + len(text)
	tokens, comment, closer := scan(text)
	if comment || closer != "" {
		return
	}
	n := len(tokens)
	if n > 0 && tokens[n-1].open {
		c.begin(tokens[n-1].text, offset+tokens[n-1].from)
		c.inString(tokens[:n-1])
		return
	}
	name := ""
	if n > 0 && tokens[n-1].kind == nameToken && tokens[n-1].to == len(text) {
		name = tokens[n-1].text
		n--
	}
	c.begin(name, c.at-len(name))
	switch {
	case n > 0 && tokens[n-1].is(".") || n > 0 && tokens[n-1].is(":"):
		if v, ok := c.value(tokens[:n-1]); ok {
			c.fields(v, tokens[n-1].is(":"), isName)
		}
	case name != "":
		c.add(keywords...)
		c.add(c.p.typed.Names()...)
		c.fields(c.p.State.G.Global, false, isName)
	}
}

// inString completes a string by what it is the argument or the key of.
func (c *completion) inString(before []token) {
	n := len(before)
	if n > 1 && before[n-1].is("[") {
		if v, ok := c.value(before[:n-1]); ok {
			c.fields(v, false, isPlain)
		}
		return
	}
	open, argument := callOf(before)
	if open < 1 || before[open-1].kind != nameToken {
		return
	}
	kinds := arguments[before[open-1].text]
	if argument >= len(kinds) {
		return
	}
	switch kinds[argument] {
	case aSession:
		c.sessions()
	case anEvent:
		c.events(c.task(before[open+1:]))
	case anOwnEvent:
		c.events(c.p.task)
	case aSignal:
		c.signals()
	case aModule:
		pkg := c.index(c.p.State.G.Global, lua.LString("package"))
		c.fields(c.index(pkg, lua.LString("loaded")), false, isPlain)
		c.fields(c.index(pkg, lua.LString("preload")), false, isPlain)
	}
}

// task is the session that the first of a call's arguments names.
func (c *completion) task(arguments []token) *kernel.Task {
	end := slices.IndexFunc(arguments, func(t token) bool { return t.is(",") })
	if end < 0 {
		return nil
	}
	if end == 1 && arguments[0].kind == stringToken {
		return c.p.k.Resolve(arguments[0].text)
	}
	v, _ := c.value(arguments[:end])
	if name, ok := v.(lua.LString); ok {
		return c.p.k.Resolve(string(name))
	}
	return c.p.Lib.TaskOf(v)
}

// callOf finds the parenthesis of the call whose argument comes next, and how many arguments come before that one.
// Without a parenthesis it is the place after the tokens.
func callOf(tokens []token) (open, argument int) {
	if n := len(tokens); n > 0 && tokens[n-1].kind == nameToken && !slices.Contains(keywords, tokens[n-1].text) {
		return n, 0
	}
	depth := 0
	for i := len(tokens) - 1; i >= 0; i-- {
		switch t := tokens[i]; {
		case t.is(")") || t.is("]") || t.is("}"):
			depth++
		case t.is("(") && depth == 0:
			return i, argument
		case t.is("(") || t.is("[") || t.is("{"):
			depth--
			if depth < 0 {
				return -1, 0
			}
		case t.is(",") && depth == 0:
			argument++
		}
	}
	return -1, 0
}

// argumentKind is what a string among the arguments of a function names.
type argumentKind int

const (
	other argumentKind = iota
	aSession
	anEvent    // of the session that the first argument names
	anOwnEvent // of the prompt's session
	aSignal
	aModule
)

// arguments tells by the name of a function or method what its arguments are.
var arguments = map[string][]argumentKind{
	"post":               {aSession, anEvent},
	"call":               {aSession, anEvent},
	"signal":             {aSession, aSignal},
	"yield":              {anOwnEvent},
	"state":              {anOwnEvent},
	"alarm":              {anOwnEvent},
	"alarm_set":          {anOwnEvent},
	"delay":              {anOwnEvent},
	"delay_set":          {anOwnEvent},
	"postback":           {anOwnEvent},
	"callback":           {anOwnEvent},
	"select_read":        {other, anOwnEvent},
	"select_write":       {other, anOwnEvent},
	"select_expedite":    {other, anOwnEvent},
	"sig":                {aSignal, anOwnEvent},
	"sig_child":          {other, anOwnEvent},
	"alias_resolve":      {aSession},
	"alias_list":         {aSession},
	"alias_remove":       {aSession},
	"detach_child":       {aSession},
	"refcount_increment": {aSession},
	"refcount_decrement": {aSession},
	"session":            {aSession},
	"children":           {aSession},
	"parent":             {aSession},
	"tree":               {aSession},
	"is_child":           {aSession, aSession},
	"aliases":            {aSession},
	"events":             {aSession},
	"handlers":           {aSession},
	"queue":              {aSession},
	"events_to":          {aSession},
	"events_from":        {aSession},
	"timers":             {aSession},
	"handles":            {aSession},
	"refcounts":          {aSession},
	"work":               {aSession},
	"signals":            {aSession},
	"processes":          {aSession},
	"wheels":             {aSession},
	"memory":             {aSession},
	"trace":              {aSession},
	"require":            {aModule},
}

// value is what a chain of names and keys at the end of the tokens stands for. Nothing is called on the way.
func (c *completion) value(tokens []token) (v lua.LValue, ok bool) {
	start := len(tokens)
	for {
		switch i := start - 1; {
		case i >= 0 && tokens[i].kind == nameToken:
			if i == 0 || !tokens[i-1].is(".") && !tokens[i-1].is(":") {
				return c.follow(tokens[i:])
			}
			start -= 2
		case i >= 2 && tokens[i].is("]") && tokens[i-2].is("[") && tokens[i-1].key() != nil:
			start -= 3
		default:
			return nil, false
		}
	}
}

// follow goes along a chain that begins with a name.
func (c *completion) follow(tokens []token) (v lua.LValue, ok bool) {
	v, ok = c.p.typed.Get(tokens[0].text)
	if !ok {
		v = c.index(c.p.State.G.Global, lua.LString(tokens[0].text))
	}
	for i := 1; i < len(tokens); {
		key := lua.LValue(lua.LString(tokens[i+1].text))
		if tokens[i].is("[") {
			key = tokens[i+1].key()
			i++
		}
		i += 2
		v = c.index(v, key)
	}
	return v, v != lua.LNil
}

// index is v[key] as far as tables lead to it.
func (c *completion) index(v, key lua.LValue) lua.LValue {
	for range mostIndexes {
		if t, ok := v.(*lua.LTable); ok {
			if field := t.RawGet(key); field != lua.LNil {
				return field
			}
		}
		if name, ok := key.(lua.LString); ok {
			if field := c.p.Lib.Field(v, string(name)); field != lua.LNil {
				return field
			}
		}
		if v = c.up(v); v == nil {
			break
		}
	}
	return lua.LNil
}

// up is where fields are looked for that v does not have; nil if that is no table.
func (c *completion) up(v lua.LValue) lua.LValue {
	if mt := metatableOf(c.p.State, v); mt != nil {
		if t, ok := mt.RawGetString("__index").(*lua.LTable); ok {
			return t
		}
	}
	return nil
}

// fields adds the names of fields of a value, methods only those of functions.
func (c *completion) fields(v lua.LValue, methods bool, fits func(string) bool) {
	for range mostIndexes {
		if !methods {
			c.add(c.p.Lib.Fields(v)...)
		}
		if t, ok := v.(*lua.LTable); ok {
			c.keys(luax.Inside(t), methods, fits)
		}
		if v = c.up(v); v == nil {
			return
		}
	}
}

func (c *completion) keys(in *luax.Table, methods bool, fits func(string) bool) {
	for _, key := range in.Keys[:min(len(in.Keys), mostKeys)] {
		name, ok := key.(lua.LString)
		if !ok || !strings.HasPrefix(string(name), c.prefix) || !fits(string(name)) {
			continue
		}
		field := in.Strings[string(name)]
		if _, function := field.(*lua.LFunction); field != nil && (function || !methods) {
			c.found = append(c.found, string(name))
		}
	}
}

// isPlain says whether a text can stand between quotes as it is.
func isPlain(s string) bool {
	text, whole := quote(s, keyWidth)
	return whole && text == `"`+s+`"`
}

// token is a piece of a line of Lua.
type token struct {
	kind     tokenKind
	text     string // of a string what is between its quotes
	from, to int    // of a string where that begins, and where the string ends
	open     bool   // a string that has no end
}

type tokenKind int

const (
	otherToken tokenKind = iota
	nameToken
	numberToken
	stringToken
)

func (t token) is(text string) bool { return t.kind == otherToken && t.text == text }

// key is the value of a constant; nil for other tokens.
func (t token) key() lua.LValue {
	switch t.kind {
	case stringToken:
		return lua.LString(t.text)
	case numberToken:
		if n, err := strconv.ParseFloat(t.text, 64); err == nil {
			return lua.LNumber(n)
		}
	}
	return nil
}

// scan takes a line apart. comment says that its end is in one; closer is what ends the long string, or the long
// comment, that goes on in the next line.
func scan(text string) (tokens []token, comment bool, closer string) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || '\t' <= c && c <= '\r':
			i++
			continue
		case strings.HasPrefix(text[i:], "--"):
			level, ok := longBracket(text[i+2:])
			if !ok {
				return tokens, true, ""
			}
			size := strings.Index(text[i:], level)
			if size < 0 {
				return tokens, false, level
			}
			i += size + len(level)
			continue
		case c == '"' || c == '\'':
			tokens = append(tokens, quoted(text, i))
		case isNameByte(c) && (c < '0' || c > '9'):
			end := i
			for end < len(text) && isNameByte(text[end]) {
				end++
			}
			tokens = append(tokens, token{kind: nameToken, text: text[i:end], from: i, to: end})
		case '0' <= c && c <= '9':
			end := i
			for end < len(text) && (isNameByte(text[end]) || text[end] == '.') {
				end++
			}
			tokens = append(tokens, token{kind: numberToken, text: text[i:end], from: i, to: end})
		default:
			if level, ok := longBracket(text[i:]); ok {
				begin, size := i+len(level), strings.Index(text[i:], level)
				if size < 0 {
					return tokens, false, level
				}
				end := i + size
				tokens = append(tokens, token{kind: stringToken, text: text[begin:end], from: begin, to: end + len(level)})
				break
			}
			size := 1
			for _, operator := range []string{"...", "..", "==", "~=", "<=", ">="} {
				if strings.HasPrefix(text[i:], operator) {
					size = len(operator)
					break
				}
			}
			tokens = append(tokens, token{text: text[i : i+size], from: i, to: i + size})
		}
		i = tokens[len(tokens)-1].to
	}
	return tokens, false, ""
}

// longBracket gives the end of the long string that a text begins with.
func longBracket(text string) (end string, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return "", false
	}
	equals := strings.TrimLeft(text[1:], "=")
	if !strings.HasPrefix(equals, "[") {
		return "", false
	}
	return "]" + text[1:len(text)-len(equals)] + "]", true
}

// quoted is the string whose quote stands at i.
func quoted(text string, i int) token {
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case text[i]:
			return token{kind: stringToken, text: text[i+1 : j], from: i + 1, to: j + 1}
		}
	}
	return token{kind: stringToken, text: text[i+1:], from: i + 1, to: len(text), open: true}
}
