package filters

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Syslog has one message of RFC 3164 or RFC 5424 on each line, or in each counted frame of RFC 6587. Items are
// *SyslogMessage. What is no such message is an item, too, with all of it as Message. Empty lines are skipped.
type Syslog struct {
	Limits
	Octet bool             // frames begin with their length; else each ends with LF or CR LF
	Now   func() time.Time // for dates without a year and a zone; nil: time.Now

	// From makes a message of an item to put. Nil: items are messages.
	From func(item any) (any, error)

	lines
}

// SyslogMessage is one message.
type SyslogMessage struct {
	Facility int       // 0 (kern) to 23 (local7); -1: none
	Severity int       // 0 (emerg) to 7 (debug); -1: none
	Time     time.Time // zero: none
	Host     string
	Tag      string // the program; APP-NAME of RFC 5424
	PID      string // PROCID of RFC 5424
	ID       string // MSGID of RFC 5424
	Message  string

	// Structured is of RFC 5424: maps of strings by their ids. It is nil in a message of RFC 3164 and in no other.
	Structured Map

	Raw string // all of it as it came
}

var (
	_ Filter   = (*Syslog)(nil)
	_ Resetter = (*Syslog)(nil)
)

func (f *Syslog) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// Feed adds input.
func (f *Syslog) Feed(chunk []byte) error {
	frame := 1
	if f.Octet {
		frame = lengthDigits + 1
	}
	return f.take("syslog", chunk, f.most(frame))
}

// Next gives the oldest whole message.
func (f *Syslog) Next() (item any, ok bool, err error) {
	for {
		line, ok, err := f.frame()
		if !ok {
			return nil, false, err
		}
		if len(line) > 0 {
			return parseSyslog(string(line), f.now), true, nil
		}
	}
}

func (f *Syslog) frame() (line []byte, ok bool, err error) {
	if !f.Octet {
		return f.next("syslog", f.longest())
	}
	if b := f.buf.bytes(); len(b) > 0 && b[0] == '0' && f.failed == nil {
		return nil, false, f.fail(syscall.EBADMSG, `syslog: bad length "0"`)
	}
	line, size, ok, err := f.counted("syslog", f.longest(), ' ', 0, false)
	f.buf.drop(size)
	return line, ok, err
}

// parseSyslog reads a message.
func parseSyslog(s string, now func() time.Time) *SyslogMessage {
	m := &SyslogMessage{Raw: s}
	if m.parse(s, now) {
		return m
	}
	return &SyslogMessage{Facility: -1, Severity: -1, Message: s, Raw: s}
}

func (m *SyslogMessage) parse(s string, now func() time.Time) bool {
	priority, rest, ok := strings.Cut(s, ">")
	if !ok || len(priority) < 2 || len(priority) > 4 || priority[0] != '<' {
		return false
	}
	n, ok := number(priority[1:])
	if !ok || n > 23<<3|7 {
		return false
	}
	m.Facility, m.Severity = n>>3, n&7
	if fields, ok := strings.CutPrefix(rest, "1 "); ok {
		return m.parse5424(fields)
	}
	m.parse3164(rest, now)
	return true
}

// number reads a few decimal digits.
func number(s string) (n int, ok bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// parse5424 reads what stands behind the version.
func (m *SyslogMessage) parse5424(s string) bool {
	var fields [5]string
	for i := range fields {
		field, rest, ok := strings.Cut(s, " ")
		if !ok || field == "" {
			return false
		}
		if field != "-" {
			fields[i] = field
		}
		s = rest
	}
	if fields[0] != "" {
		t, err := time.Parse(time.RFC3339, fields[0])
		if err != nil {
			return false
		}
		m.Time = t
	}
	m.Host, m.Tag, m.PID, m.ID = fields[1], fields[2], fields[3], fields[4]
	s, ok := m.parseStructured(s)
	if !ok {
		return false
	}
	if s != "" {
		m.Message = strings.TrimPrefix(s[1:], "\ufeff")
	}
	return true
}

// parseStructured reads the structured data that s begins with. A space or nothing follows it.
func (m *SyslogMessage) parseStructured(s string) (rest string, ok bool) {
	m.Structured = Map{}
	if nothing, ok := strings.CutPrefix(s, "-"); ok {
		s = nothing
	} else if s == "" {
		return "", false
	}
	for strings.HasPrefix(s, "[") {
		end := strings.IndexAny(s, " ]")
		if end < 2 {
			return "", false
		}
		id := s[1:end]
		params := Map{}
		s = s[end:]
		for strings.HasPrefix(s, " ") {
			name, value, found := strings.Cut(s[1:], `="`)
			if !found || name == "" {
				return "", false
			}
			if value, s, ok = unquoteParam(value); !ok {
				return "", false
			}
			params = append(params, Pair{name, value})
		}
		if s == "" || s[0] != ']' {
			return "", false
		}
		s = s[1:]
		m.Structured = append(m.Structured, Pair{id, unique(params)})
	}
	m.Structured = unique(m.Structured)
	return s, s == "" || s[0] == ' '
}

// unquoteParam reads a value up to its closing quote.
func unquoteParam(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '"' {
		return s[:end], s[end+1:], true
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			return string(b), s[i+1:], true
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`"\]`, s[i+1]) >= 0:
			i++
			c = s[i]
		}
		b = append(b, c)
	}
	return "", "", false
}

// parse3164 reads what stands behind the priority. Programs leave much of it out, so whatever is missing is empty.
func (m *SyslogMessage) parse3164(s string, now func() time.Time) {
	if t, rest, ok := parseDate(s, now); ok {
		m.Time = t
		s = rest
		// What ends like a tag is one: a program that logs on its own machine gives no host.
		if host, rest, ok := strings.Cut(s, " "); ok && !strings.HasSuffix(host, ":") {
			if host != "-" {
				m.Host = host
			}
			s = rest
		}
	}
	m.Tag, m.PID, m.Message = parseTag(s)
}

// parseDate reads the time that s begins with, and a space: "Oct 11 22:14:15", or as in RFC 3339.
func parseDate(s string, now func() time.Time) (t time.Time, rest string, ok bool) {
	if s == "" {
		return t, s, false
	}
	if isDigit(s[0]) {
		date, rest, _ := strings.Cut(s, " ")
		t, err := time.Parse(time.RFC3339, date)
		return t, rest, err == nil
	}
	month, rest := word(s)
	day, rest := word(rest)
	clock, rest, _ := strings.Cut(rest, " ")
	if len(month) != 3 || len(day) > 2 || len(clock) != len("15:04:05") {
		return t, s, false
	}
	t, err := time.Parse("Jan 2 15:04:05", month+" "+day+" "+clock)
	if err != nil {
		return t, s, false
	}
	t, ok = nearest(t, now())
	return t, rest, ok
}

// nearest gives a time without year and zone those that bring it nearest to now: a message of last December may come in
// January.
func nearest(t, now time.Time) (best time.Time, ok bool) {
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		c := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
		if c.Day() != t.Day() && t.Day() == 29 { // no leap year
			continue
		}
		if !ok || c.Sub(now).Abs() < best.Sub(now).Abs() {
			best, ok = c, true
		}
	}
	return best, ok
}

// parseTag cuts off "tag: " or "tag[pid]: ".
func parseTag(s string) (tag, pid, message string) {
	end := strings.IndexAny(s, " [:")
	if end < 1 || s[end] == ' ' {
		return "", "", s
	}
	tag, rest := s[:end], s[end:]
	if rest[0] == '[' {
		var ok bool
		if pid, rest, ok = strings.Cut(rest[1:], "]"); !ok || strings.Contains(pid, " ") {
			return "", "", s
		}
	}
	if !strings.HasPrefix(rest, ":") {
		return "", "", s
	}
	return tag, pid, strings.TrimPrefix(rest[1:], " ")
}

// Put appends a *SyslogMessage: as RFC 5424 says if it has Structured or ID, as RFC 3164 if not, and one without
// Facility and Severity as its Message alone. Raw is not looked at. A part that would be cut short by what stands in it
// is refused.
func (f *Syslog) Put(dst []byte, item any) ([]byte, error) {
	if f.From != nil {
		v, err := f.From(item)
		if err != nil {
			return dst, err
		}
		item = v
	}
	m, ok := item.(*SyslogMessage)
	if !ok {
		return dst, &ItemError{Filter: "Syslog", Want: "message", Got: item}
	}
	var b []byte
	var err error
	switch {
	case m.Facility < 0 && m.Severity < 0:
		b = []byte(m.Message)
	case m.Facility < 0 || m.Facility > 23:
		return dst, syslogError("facility", "number from 0 to 23", m.Facility)
	case m.Severity < 0 || m.Severity > 7:
		return dst, syslogError("severity", "number from 0 to 7", m.Severity)
	case m.Structured != nil || m.ID != "":
		b, err = m.format5424()
	default:
		b, err = m.format3164(f.now)
	}
	switch {
	case err != nil:
		return dst, err
	case len(b) == 0:
		return dst, syslogError("message", "string that is not empty", m.Message)
	case f.Octet:
		dst = strconv.AppendInt(dst, int64(len(b)), 10)
		dst = append(dst, ' ')
		return append(dst, b...), nil
	case bytes.ContainsAny(b, "\r\n"):
		return dst, syslogError("message", "string without line ends", m.Message)
	}
	return append(append(dst, b...), '\n'), nil
}

func syslogError(path, want string, got any) error {
	return &ItemError{Filter: "Syslog", Want: want, Got: got, Path: path}
}

func (m *SyslogMessage) priority() []byte {
	b := strconv.AppendInt([]byte{'<'}, int64(m.Facility<<3|m.Severity), 10)
	return append(b, '>')
}

func (m *SyslogMessage) format5424() ([]byte, error) {
	b := append(m.priority(), "1 "...)
	if m.Time.IsZero() {
		b = append(b, '-')
	} else {
		b = m.Time.AppendFormat(b, "2006-01-02T15:04:05.999999Z07:00")
	}
	for _, field := range []struct{ path, value string }{
		{"host", m.Host}, {"tag", m.Tag}, {"pid", m.PID}, {"id", m.ID},
	} {
		if !isGraphic(field.value, "") {
			return nil, syslogError(field.path, "string of visible ASCII", field.value)
		}
		b = append(b, ' ')
		if field.value == "" {
			b = append(b, '-')
		}
		b = append(b, field.value...)
	}
	b = append(b, ' ')
	if len(m.Structured) == 0 {
		b = append(b, '-')
	}
	for _, element := range m.Structured {
		var err error
		if b, err = formatElement(b, element); err != nil {
			return nil, err
		}
	}
	if m.Message != "" {
		b = append(append(b, ' '), m.Message...)
	}
	return b, nil
}

// formatElement appends one element of structured data.
func formatElement(b []byte, element Pair) ([]byte, error) {
	id, ok := element.Key.(string)
	if !ok || id == "" || !isGraphic(id, `="]`) {
		return nil, syslogError("structured", "id", element.Key)
	}
	params, ok := element.Value.(Map)
	if !ok {
		return nil, syslogError("structured"+step(id), "map", element.Value)
	}
	b = append(append(b, '['), id...)
	for _, param := range params {
		name, ok := param.Key.(string)
		if !ok || name == "" || !isGraphic(name, `="]`) {
			return nil, syslogError("structured"+step(id), "name", param.Key)
		}
		value, ok := param.Value.(string)
		if !ok {
			return nil, syslogError("structured"+step(id)+step(name), "string", param.Value)
		}
		b = append(append(append(b, ' '), name...), `="`...)
		for i := range len(value) {
			if strings.IndexByte(`"\]`, value[i]) >= 0 {
				b = append(b, '\\')
			}
			b = append(b, value[i])
		}
		b = append(b, '"')
	}
	return append(b, ']'), nil
}

// isGraphic says whether s is visible ASCII and has none of the bytes in not.
func isGraphic(s, not string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte(not, s[i]) >= 0 {
			return false
		}
	}
	return true
}

func (m *SyslogMessage) format3164(now func() time.Time) ([]byte, error) {
	switch {
	case !isGraphic(m.Host, "") || strings.HasSuffix(m.Host, ":"):
		return nil, syslogError("host", "name", m.Host)
	case !isGraphic(m.Tag, "[:"):
		return nil, syslogError("tag", "string of visible ASCII without [ and :", m.Tag)
	case !isGraphic(m.PID, "]"):
		return nil, syslogError("pid", "string of visible ASCII without ]", m.PID)
	case m.Tag == "" && m.PID != "":
		return nil, syslogError("tag", "string that is not empty beside a pid", m.Tag)
	}
	b := m.priority()
	if !m.Time.IsZero() || m.Host != "" { // there is no host without a time
		here := now()
		t := m.Time
		if t.IsZero() {
			t = here
		}
		b = append(t.In(here.Location()).AppendFormat(b, "Jan _2 15:04:05"), ' ')
		if m.Host == "" {
			b = append(b, '-')
		}
		b = append(append(b, m.Host...), ' ')
	}
	if m.Tag != "" {
		b = append(b, m.Tag...)
		if m.PID != "" {
			b = append(append(append(b, '['), m.PID...), ']')
		}
		b = append(b, ": "...)
	}
	return append(b, m.Message...), nil
}

// Clone gives an empty filter with the same parameters.
func (f *Syslog) Clone() Filter {
	return &Syslog{Limits: f.Limits, Octet: f.Octet, Now: f.Now, From: f.From}
}
