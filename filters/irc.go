package filters

import (
	"strconv"
	"strings"
	"syscall"
)

// IRC has one message on each line, which CR LF ends; LF is accepted. Items are *IRCMessage. Empty lines are skipped. A
// line without a command, or with bytes that no message may have, is a failure that passes.
type IRC struct {
	Limits

	// From makes a message of an item to put. Nil: items are messages, or strings.
	From func(item any) (any, error)

	lines
}

// IRCMessage is one message of RFC 2812, with the tags of IRCv3.
type IRCMessage struct {
	Tags   Map    // name to value, both strings; one without value has ""
	Prefix string // as sent: a server, or "nick!user@host"
	Nick   string // of the prefix; "" if it is a server
	User   string
	Host   string

	Command string   // as sent: "PRIVMSG", "001"
	Params  []string // the trailing one last, without its colon

	Raw string // the line, without its end
}

var (
	_ Filter   = (*IRC)(nil)
	_ Resetter = (*IRC)(nil)
)

// notInLine are bytes that no message may have, because they would end it.
const notInLine = "\r\n\x00"

// Feed adds input.
func (f *IRC) Feed(chunk []byte) error {
	return f.take("irc", chunk, f.most(1))
}

// Next gives the oldest whole message.
func (f *IRC) Next() (item any, ok bool, err error) {
	for {
		line, ok, err := f.next("irc", f.longest())
		if !ok {
			return nil, false, err
		}
		if len(line) == 0 {
			continue
		}
		m, bad := parseIRC(string(line))
		if bad != "" {
			return nil, false, &Error{Errno: syscall.EBADMSG, Message: "irc: " + bad}
		}
		return m, true, nil
	}
}

// parseIRC reads a message, or says what is bad about it.
func parseIRC(line string) (m *IRCMessage, bad string) {
	if strings.ContainsAny(line, notInLine) {
		return nil, "a message with a zero byte or a CR in it"
	}
	m = &IRCMessage{Raw: line}
	rest := line
	if strings.HasPrefix(rest, "@") {
		var tags string
		tags, rest = word(rest[1:])
		m.Tags = parseTags(tags)
	}
	if strings.HasPrefix(rest, ":") {
		m.Prefix, rest = word(rest[1:])
		m.Nick, m.User, m.Host = splitPrefix(m.Prefix)
	}
	if m.Command, rest = word(rest); m.Command == "" {
		return nil, "a message without a command"
	}
	for rest != "" {
		if rest[0] == ':' {
			m.Params = append(m.Params, rest[1:])
			break
		}
		var param string
		param, rest = word(rest)
		m.Params = append(m.Params, param)
	}
	return m, ""
}

// word cuts s at its first space, and the spaces away.
func word(s string) (first, rest string) {
	first, rest, _ = strings.Cut(s, " ")
	return first, strings.TrimLeft(rest, " ")
}

// splitPrefix takes "nick!user@host" apart. Nicks have no dots, and names of servers have.
func splitPrefix(prefix string) (nick, user, host string) {
	nick, host, _ = strings.Cut(prefix, "@")
	nick, user, _ = strings.Cut(nick, "!")
	if nick == prefix && strings.Contains(nick, ".") {
		nick = ""
	}
	return nick, user, host
}

func parseTags(s string) Map {
	tags := Map{}
	for tag := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(tag, "=")
		if name != "" {
			tags = append(tags, Pair{name, unescapeTag(value)})
		}
	}
	return unique(tags)
}

// unescapeTag undoes escapes. A backslash that begins none is dropped.
func unescapeTag(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' {
			i++
			if i == len(s) {
				break
			}
			switch c = s[i]; c {
			case ':':
				c = ';'
			case 's':
				c = ' '
			case 'r':
				c = '\r'
			case 'n':
				c = '\n'
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// escapeTag makes a value of a tag that has nothing in it which would end it.
var escapeTag = strings.NewReplacer(`\`, `\\`, ";", `\:`, " ", `\s`, "\r", `\r`, "\n", `\n`)

// Put appends a message: an *IRCMessage, or a string that is one without its line end. Raw is not looked at; Nick, User
// and Host are where Prefix is empty. What would make another message of it is refused.
func (f *IRC) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		v, err := f.From(item)
		if err != nil {
			return dst, err
		}
		item = v
	}
	if m, ok := item.(*IRCMessage); ok {
		out, err := m.put(dst)
		if err != nil {
			return dst, err
		}
		return append(out, "\r\n"...), nil
	}
	line, err := text("IRC", item)
	if err == nil && strings.ContainsAny(line, notInLine) {
		err = &ItemError{Filter: "IRC", Want: "string without CR, LF and zero bytes", Got: item}
	}
	if err != nil {
		return dst, err
	}
	return append(append(dst, line...), "\r\n"...), nil
}

// put appends the message without its line end.
func (m *IRCMessage) put(dst []byte) ([]byte, error) {
	dst, err := m.putTags(dst)
	if err != nil {
		return nil, err
	}
	if prefix := m.prefix(); prefix != "" {
		if strings.ContainsAny(prefix, notInLine+" ") {
			return nil, ircError("prefix", prefix)
		}
		dst = append(append(append(dst, ':'), prefix...), ' ')
	}
	if c := m.Command; c == "" || strings.ContainsAny(c, notInLine+" ") || c[0] == ':' || c[0] == '@' {
		return nil, ircError("command", m.Command)
	}
	dst = append(dst, m.Command...)
	for i, param := range m.Params {
		trailing := param == "" || param[0] == ':' || strings.Contains(param, " ")
		if trailing && i < len(m.Params)-1 || strings.ContainsAny(param, notInLine) {
			return nil, ircError("params["+strconv.Itoa(i+1)+"]", param)
		}
		dst = append(dst, ' ')
		if trailing {
			dst = append(dst, ':')
		}
		dst = append(dst, param...)
	}
	return dst, nil
}

// ircError is a part that would be read as something else.
func ircError(path, got string) error {
	return &ItemError{Filter: "IRC", Want: "string that fits in its place", Got: got, Path: path}
}

func (m *IRCMessage) prefix() string {
	if m.Prefix != "" || m.Nick == "" {
		return m.Prefix
	}
	prefix := m.Nick
	if m.User != "" {
		prefix += "!" + m.User
	}
	if m.Host != "" {
		prefix += "@" + m.Host
	}
	return prefix
}

func (m *IRCMessage) putTags(dst []byte) ([]byte, error) {
	for i, tag := range m.Tags {
		name, ok := tag.Key.(string)
		if !ok || name == "" || strings.ContainsAny(name, notInLine+" ;=") {
			return nil, &ItemError{Filter: "IRC", Want: "name of a tag", Got: tag.Key, Path: "tags"}
		}
		value, ok := tag.Value.(string)
		if !ok || strings.Contains(value, "\x00") {
			return nil, &ItemError{Filter: "IRC", Want: "string without zero bytes", Got: tag.Value, Path: "tags" + step(name)}
		}
		if i == 0 {
			dst = append(dst, '@')
		} else {
			dst = append(dst, ';')
		}
		dst = append(dst, name...)
		if value != "" {
			dst = append(append(dst, '='), escapeTag.Replace(value)...)
		}
	}
	if len(m.Tags) > 0 {
		dst = append(dst, ' ')
	}
	return dst, nil
}

// Clone gives an empty filter with the same parameters.
func (f *IRC) Clone() Filter { return &IRC{Limits: f.Limits, From: f.From} }
