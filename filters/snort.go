package filters

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Snort reads alert files. A fast alert is a line; a full one begins with a line that has no time in front, and ends
// with an empty line, the beginning of another alert, or the file. Items are *SnortAlert. A line that is no part of an
// alert is a failure that passes.
type Snort struct {
	Limits
	Now func() time.Time // for dates without a year and a zone; nil: time.Now

	lines
	full    []byte // the lines of a full alert that has begun
	dropped bool   // one was too long; its lines go on
}

// SnortAlert is one alert. What it does not tell is zero.
type SnortAlert struct {
	GID, SID, Rev  int // generator, signature, revision
	Message        string
	Classification string
	Priority       int
	Time           time.Time
	Protocol       string // "TCP"
	Src, Dst       string // addresses
	SrcPort        int    // 0: none
	DstPort        int
	References     []string

	Raw string // the lines, without the last line end
}

var (
	_ Filter   = (*Snort)(nil)
	_ EOFer    = (*Snort)(nil)
	_ Resetter = (*Snort)(nil)
)

// snortMark stands on both sides of a message.
const snortMark = "[**]"

// Feed adds input.
func (f *Snort) Feed(chunk []byte) error {
	return f.take("snort", chunk, f.most(1))
}

// Next gives the oldest whole alert.
func (f *Snort) Next() (item any, ok bool, err error) {
	for {
		line, ok, err := f.next("snort", f.longest())
		if !ok {
			return nil, false, err
		}
		starts := bytes.HasPrefix(line, []byte(snortMark))
		switch {
		case len(f.full) > 0 && (starts || len(line) == 0):
			item, err = f.finish()
			if starts {
				f.full = append(f.full, line...)
			}
			return item, err == nil, err
		case starts:
			f.dropped = false
			f.full = append(f.full, line...)
		case len(line) == 0:
			f.dropped = false
		case f.dropped:
		case len(f.full) == 0:
			item, err = f.parse(string(line))
			return item, err == nil, err
		case len(f.full)+1+len(line) > f.longest():
			f.full, f.dropped = nil, true
			return nil, false, &Error{Errno: syscall.EMSGSIZE, Message: "snort: alert exceeds maximum length"}
		default:
			f.full = append(append(f.full, '\n'), line...)
		}
	}
}

// finish gives the full alert that has begun.
func (f *Snort) finish() (any, error) {
	raw := string(f.full)
	f.full = f.full[:0]
	if cap(f.full) > idleSize {
		f.full = nil
	}
	return f.parse(raw)
}

// EOF gives what is still whole, and an alert that only the end of input completes.
func (f *Snort) EOF() ([]any, error) {
	items, err := drain(f)
	if err != nil {
		return items, err
	}
	if !f.skipping && len(f.buf.bytes()) > 0 {
		f.buf.write([]byte{'\n'})
		item, ok, err := f.Next()
		if err != nil {
			return items, err
		}
		if ok {
			items = append(items, item)
		}
	}
	f.lines.Reset()
	if len(f.full) == 0 {
		return items, nil
	}
	item, err := f.finish()
	if err != nil {
		return items, err
	}
	return append(items, item), nil
}

// Pending is what came and is not yet part of an alert. Its whole lines end with LF.
func (f *Snort) Pending() []byte {
	if len(f.full) == 0 {
		return f.lines.Pending()
	}
	return append(append(bytes.Clone(f.full), '\n'), f.buf.bytes()...)
}

// Reset drops what is held.
func (f *Snort) Reset() { *f = *f.Clone().(*Snort) }

// parse reads the lines of an alert.
func (f *Snort) parse(raw string) (any, error) {
	a := &SnortAlert{Raw: raw}
	head, rest, _ := strings.Cut(raw, snortMark)
	title, rest, ok := strings.Cut(rest, snortMark)
	if !ok || !a.parseTitle(title) {
		return nil, &Error{Errno: syscall.EBADMSG, Message: "snort: a line that is no alert"}
	}
	if head != "" {
		a.parseTime(head, f.now)
		a.parseFlow(a.parseGroups(rest))
		return a, nil
	}
	var flow string
	for line := range strings.SplitSeq(rest, "\n") {
		line = strings.TrimSpace(a.parseGroups(line))
		switch {
		case line == "":
		case strings.Contains(line, " type:0x"): // the link layer's addresses
			a.parseTime(line, f.now)
		case strings.Contains(line, " -> ") && flow == "":
			flow = a.parseTime(line, f.now)
		case a.Protocol == "" && strings.Contains(line, " TTL:"):
			a.Protocol, _ = word(line)
		}
	}
	a.parseFlow(flow) // the protocol, which it depends on, stands behind it
	return a, nil
}

func (f *Snort) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// parseTitle reads "[gid:sid:rev] message".
func (a *SnortAlert) parseTitle(s string) bool {
	ids, message, ok := strings.Cut(strings.TrimSpace(s), "]")
	ids, bracket := strings.CutPrefix(ids, "[")
	gid, ids, first := strings.Cut(ids, ":")
	sid, rev, second := strings.Cut(ids, ":")
	if !ok || !bracket || !first || !second {
		return false
	}
	for _, id := range []struct {
		text string
		n    *int
	}{{gid, &a.GID}, {sid, &a.SID}, {rev, &a.Rev}} {
		n, err := strconv.ParseUint(id.text, 10, 32)
		if err != nil {
			return false
		}
		*id.n = int(n)
	}
	message = strings.TrimSpace(message)
	if n := len(message); n > 1 && message[0] == '"' && message[n-1] == '"' {
		message = message[1 : n-1]
	}
	a.Message = message
	return true
}

// parseTime reads the time that s begins with: "08/28-12:15:34.123456", with a year of two or four digits before the
// dash if Snort was asked for one. What is no time is left alone.
func (a *SnortAlert) parseTime(s string, now func() time.Time) (rest string) {
	stamp, rest := word(s)
	for _, layout := range []string{"01/02-15:04:05", "01/02/06-15:04:05", "01/02/2006-15:04:05"} {
		t, err := time.ParseInLocation(layout, stamp, now().Location())
		if err != nil {
			continue
		}
		if t.Year() == 0 {
			var ok bool
			if t, ok = nearest(t, now()); !ok {
				return rest
			}
		}
		a.Time = t
		return rest
	}
	return s
}

// parseGroups reads "[Classification: ...]", "[Priority: ...]", "[Xref => ...]" and "{protocol}", which s begins with.
func (a *SnortAlert) parseGroups(s string) (rest string) {
	for {
		s = strings.TrimSpace(s)
		if protocol, ok := strings.CutPrefix(s, "{"); ok {
			protocol, after, closed := strings.Cut(protocol, "}")
			if !closed {
				return ""
			}
			a.Protocol, s = protocol, after
			continue
		}
		group, ok := strings.CutPrefix(s, "[")
		if !ok {
			return s
		}
		if group, s, ok = strings.Cut(group, "]"); !ok {
			return ""
		}
		if link, ok := strings.CutPrefix(group, "Xref => "); ok {
			a.References = append(a.References, strings.TrimSpace(link))
			continue
		}
		name, value, _ := strings.Cut(group, ": ")
		switch value = strings.TrimSpace(value); name {
		case "Classification":
			a.Classification = value
		case "Priority":
			a.Priority, _ = number(value)
		}
	}
}

// parseFlow reads "address:port -> address:port".
func (a *SnortAlert) parseFlow(s string) {
	src, dst, ok := strings.Cut(s, "->")
	if !ok {
		return
	}
	dst, _ = word(strings.TrimSpace(dst))
	a.Src, a.SrcPort = a.address(strings.TrimSpace(src))
	a.Dst, a.DstPort = a.address(dst)
}

// address takes the port off an address. Snort writes no brackets around those of IPv6, so whether the last part is a
// port follows from the protocol, or from the number of parts.
func (a *SnortAlert) address(s string) (address string, port int) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0
	}
	port, ok := number(s[i+1:])
	switch colons := strings.Count(s, ":"); {
	case !ok || port > 65535:
		return s, 0
	case colons == 1 || colons == 8:
	case a.Protocol != "TCP" && a.Protocol != "UDP":
		return s, 0
	}
	return strings.TrimSuffix(strings.TrimPrefix(s[:i], "["), "]"), port
}

// Put appends an alert as it came, which its Raw tells; alerts are not composed.
func (f *Snort) Put(dst []byte, item any) ([]byte, error) {
	a, ok := item.(*SnortAlert)
	if !ok || a.Raw == "" {
		return dst, &ItemError{Filter: "Snort", Want: "alert that has its raw text", Got: item}
	}
	dst = append(append(dst, a.Raw...), '\n')
	if strings.HasPrefix(a.Raw, snortMark) {
		dst = append(dst, '\n')
	}
	return dst, nil
}

// Clone gives an empty filter with the same parameters.
func (f *Snort) Clone() Filter { return &Snort{Limits: f.Limits, Now: f.Now} }
