package filters_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

// midsummer is now to filters that must guess a year.
func midsummer() time.Time { return time.Date(2023, time.July, 1, 12, 0, 0, 0, time.UTC) }

func newYear() time.Time { return time.Date(2024, time.January, 1, 0, 10, 0, 0, time.UTC) }

func october(day, hour, minute, second int) time.Time {
	return time.Date(2023, time.October, day, hour, minute, second, 0, time.UTC)
}

func TestSyslog(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       filters.SyslogMessage
		put        string // "": the line
	}{
		{"RFC 3164, with a tag", "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
			filters.SyslogMessage{Facility: 4, Severity: 2, Time: october(11, 22, 14, 15), Host: "mymachine", Tag: "su", Message: "'su root' failed for lonvick on /dev/pts/8"}, ""},
		{"RFC 3164, without a tag", "<13>Oct  5 17:32:18 10.0.0.99 Use the BFG!",
			filters.SyslogMessage{Facility: 1, Severity: 5, Time: october(5, 17, 32, 18), Host: "10.0.0.99", Message: "Use the BFG!"}, ""},
		{"a pid", "<86>Oct  5 17:32:18 web sshd[1234]: Accepted publickey",
			filters.SyslogMessage{Facility: 10, Severity: 6, Time: october(5, 17, 32, 18), Host: "web", Tag: "sshd", PID: "1234", Message: "Accepted publickey"}, ""},
		{"a tag with a slash", "<22>Oct  5 17:32:18 mx postfix/smtpd[7]: connect from x[1.2.3.4]",
			filters.SyslogMessage{Facility: 2, Severity: 6, Time: october(5, 17, 32, 18), Host: "mx", Tag: "postfix/smtpd", PID: "7", Message: "connect from x[1.2.3.4]"}, ""},
		{"a program on the same machine gives no host", "<13>Oct  5 17:32:18 logger[7]: hi",
			filters.SyslogMessage{Facility: 1, Severity: 5, Time: october(5, 17, 32, 18), Tag: "logger", PID: "7", Message: "hi"}, "<13>Oct  5 17:32:18 - logger[7]: hi"},
		{"no time", "<13>logger: hi there",
			filters.SyslogMessage{Facility: 1, Severity: 5, Tag: "logger", Message: "hi there"}, ""},
		{"nothing but a priority", "<0>words",
			filters.SyslogMessage{Message: "words"}, ""},
		{"a time of RFC 3339", "<13>2023-10-05T17:32:18Z web app: hi",
			filters.SyslogMessage{Facility: 1, Severity: 5, Time: october(5, 17, 32, 18), Host: "web", Tag: "app", Message: "hi"}, "<13>Oct  5 17:32:18 web app: hi"},
		{"RFC 5424", "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su 77 ID47 - 'su root' failed",
			filters.SyslogMessage{Facility: 4, Severity: 2, Time: time.Date(2003, 10, 11, 22, 14, 15, 3e6, time.UTC), Host: "mymachine.example.com", Tag: "su", PID: "77", ID: "ID47", Structured: dict{}, Message: "'su root' failed"}, ""},
		{"structured data", `<165>1 - - evntslog - - [exampleSDID@32473 iut="3" eventSource="a\"b\\c\]d"][x@1] An event`,
			filters.SyslogMessage{Facility: 20, Severity: 5, Tag: "evntslog", Structured: dict{{"exampleSDID@32473", dict{{"iut", "3"}, {"eventSource", `a"b\c]d`}}}, {"x@1", dict{}}}, Message: "An event"}, ""},
		{"nothing but structured data", `<165>1 - - - - - [x@1 a=""]`,
			filters.SyslogMessage{Facility: 20, Severity: 5, Structured: dict{{"x@1", dict{{"a", ""}}}}}, ""},
		{"no message", "<191>1 - - - - - -", filters.SyslogMessage{Facility: 23, Severity: 7, Structured: dict{}}, ""},
		{"a byte order mark", "<13>1 - - - - - - \ufeffhällo",
			filters.SyslogMessage{Facility: 1, Severity: 5, Structured: dict{}, Message: "hällo"}, "<13>1 - - - - - - hällo"},
		{"no message of either", "hello world", filters.SyslogMessage{Facility: -1, Severity: -1, Message: "hello world"}, ""},
		{"a priority that is too large", "<192>x", filters.SyslogMessage{Facility: -1, Severity: -1, Message: "<192>x"}, ""},
		{"a priority that is none", "<x>y", filters.SyslogMessage{Facility: -1, Severity: -1, Message: "<x>y"}, ""},
		{"RFC 5424 with a bad time", "<13>1 today - - - - - x", filters.SyslogMessage{Facility: -1, Severity: -1, Message: "<13>1 today - - - - - x"}, ""},
		{"RFC 5424 with bad structured data", `<13>1 - - - - - [a b=c] x`, filters.SyslogMessage{Facility: -1, Severity: -1, Message: `<13>1 - - - - - [a b=c] x`}, ""},
		{"RFC 5424 with fields missing", "<13>1 - - -", filters.SyslogMessage{Facility: -1, Severity: -1, Message: "<13>1 - - -"}, ""},
	} {
		c.want.Raw = c.line
		if c.put == "" {
			c.put = c.line
		}
		lines := &filters.Syslog{Now: midsummer}
		octets := &filters.Syslog{Octet: true, Now: midsummer}
		framed := put(t, octets, &filters.SyslogMessage{Facility: -1, Severity: -1, Message: c.line})
		filtertest.Run(t, lines, []filtertest.Case{{Name: c.name, Stream: c.line + "\n\n" + c.line + "\r\n", Items: []any{&c.want, &c.want}}})
		filtertest.Run(t, octets, []filtertest.Case{{Name: c.name + ", counted", Stream: framed + framed, Items: []any{&c.want, &c.want}}})
		if got := put(t, lines, &c.want); got != c.put+"\n" {
			t.Errorf("%s: put gave %q, want %q", c.name, got, c.put+"\n")
		}
	}
}

func TestSyslogGuessesTheYearNearestToNow(t *testing.T) {
	for _, c := range []struct {
		line string
		now  func() time.Time
		want time.Time
	}{
		{"<13>Dec 31 23:59:59 h x", newYear, time.Date(2023, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"<13>Jan  1 00:20:00 h x", newYear, time.Date(2024, 1, 1, 0, 20, 0, 0, time.UTC)},
		{"<13>Feb 29 00:00:00 h x", newYear, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"<13>Feb 29 00:00:00 h x", func() time.Time { return newYear().AddDate(-2, 0, 0) }, time.Time{}},
		{"<13>Feb 31 00:00:00 h x", newYear, time.Time{}},
	} {
		f := &filters.Syslog{Now: c.now}
		if got := feed(t, f, c.line+"\n")[0].(*filters.SyslogMessage); !got.Time.Equal(c.want) {
			t.Errorf("%s: got %v, want %v", c.line, got.Time, c.want)
		}
	}
}

func TestSyslogFrames(t *testing.T) {
	message := func(s string) any {
		return &filters.SyslogMessage{Facility: -1, Severity: -1, Message: s, Raw: s}
	}
	filtertest.Run(t, &filters.Syslog{Octet: true, Limits: filters.Limits{MaxLength: 9}}, []filtertest.Case{
		{Name: "line ends within", Stream: "3 a\nb9 123456789", Items: []any{message("a\nb"), message("123456789")}},
		{Name: "half a frame", Stream: "1 a5 hel", Items: []any{message("a")}, Rest: "5 hel"},
		{Name: "letters", Stream: "1 ahello", Items: []any{message("a"), lost}},
		{Name: "a leading zero", Stream: "01 a", Items: []any{lost}},
		{Name: "a length of nothing", Stream: "0 ", Items: []any{lost}},
		{Name: "over length", Stream: "10 ", Items: []any{lostLen}},
	})
	filtertest.Run(t, &filters.Syslog{Limits: filters.Limits{MaxLength: 9}}, []filtertest.Case{
		{Name: "a line beyond the maximum", Stream: strings.Repeat("x", 30) + "\na\n", Items: []any{overLength, message("a")}},
	})
}

func TestSyslogRefusesWhatWouldBeCutShort(t *testing.T) {
	type msg = filters.SyslogMessage
	f := &filters.Syslog{Now: midsummer}
	for _, c := range []struct {
		name string
		item any
		path string
	}{
		{"a line end in the message", &msg{Message: "a\n<0>b"}, "message"},
		{"no message", "x", ""},
		{"nothing to say", &msg{Facility: -1, Severity: -1}, "message"},
		{"a facility of 24", &msg{Facility: 24}, "facility"},
		{"a severity alone", &msg{Facility: -1}, "facility"},
		{"a severity of 8", &msg{Severity: 8}, "severity"},
		{"a space in the host", &msg{Host: "a b"}, "host"},
		{"a colon behind the host", &msg{Host: "a:"}, "host"},
		{"a colon in the tag", &msg{Tag: "a:b"}, "tag"},
		{"a bracket in the pid", &msg{Tag: "a", PID: "1]"}, "pid"},
		{"a pid without a tag", &msg{PID: "1"}, "tag"},
		{"a space in the tag", &msg{Tag: "a b", Structured: dict{}}, "tag"},
		{"a space in the id", &msg{ID: "a b"}, "id"},
		{"a bracket in an id of data", &msg{Structured: dict{{"a]", dict{}}}}, "structured"},
		{"data that is no map", &msg{Structured: dict{{"a", "b"}}}, "structured.a"},
		{"a space in a name", &msg{Structured: dict{{"a", dict{{"b c", ""}}}}}, "structured.a"},
		{"a value that is no string", &msg{Structured: dict{{"a", dict{{"b", 1.0}}}}}, "structured.a.b"},
	} {
		if bad := refuses(t, f, c.item); bad.Path != c.path {
			t.Errorf("%s: path %q, want %q", c.name, bad.Path, c.path)
		}
	}
	if got, want := put(t, f, &msg{Facility: 1, Severity: 5, Host: "h", Message: "now"}), "<13>Jul  1 12:00:00 h now\n"; got != want {
		t.Errorf("a host without a time: got %q, want %q", got, want)
	}
	f.From = func(item any) (any, error) { return &msg{Message: "made"}, nil }
	if got := put(t, f.Clone(), 1); got != "<0>made\n" {
		t.Errorf("got %q", got)
	}
}

func FuzzSyslog(f *testing.F) {
	f.Add("<34>Oct 11 22:14:15 host tag[1]: x\n<1>1 - - - - - [a b=\"c\\]\"] y\n7 <1>words", "message", `va"l\ue]`)
	f.Fuzz(func(t *testing.T, stream, message, value string) {
		filtertest.Case{Filter: &filters.Syslog{Limits: filters.Limits{MaxLength: 100}, Now: midsummer}, Stream: stream}.Invariant(t)
		filtertest.Case{Filter: &filters.Syslog{Limits: filters.Limits{MaxLength: 100}, Now: midsummer, Octet: true}, Stream: stream}.Invariant(t)
		m := &filters.SyslogMessage{Tag: "x", Structured: dict{{"a", dict{{"b", value}}}}, Message: message}
		octets := &filters.Syslog{Octet: true}
		got := feed(t, octets, put(t, octets, m))[0].(*filters.SyslogMessage)
		got.Raw = ""
		m.Message = strings.TrimPrefix(m.Message, "\ufeff")
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("got %#v, want %#v", got, m)
		}
	})
}
