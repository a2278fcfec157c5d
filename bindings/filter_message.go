package bindings

import (
	"math"
	"strconv"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// This file has the filters whose items are messages with fields: IRC, Syslog, Snort.

func buildIRC(b *Lib, p *luax.Params) filters.Filter {
	return &filters.IRC{Limits: limits(p), From: b.ircFrom}
}

func buildSyslog(b *Lib, p *luax.Params) filters.Filter {
	return &filters.Syslog{
		Limits: limits(p),
		Octet:  choice(p, "framing", "line", "octet") == "octet",
		Now:    b.k.Clock().Wall,
		From:   b.syslogFrom,
	}
}

func buildSnort(b *Lib, p *luax.Params) filters.Filter {
	return &snortFilter{&filters.Snort{Limits: limits(p), Now: b.k.Clock().Wall}}
}

// snortFilter is Snort that puts alerts as scripts have them.
type snortFilter struct {
	*filters.Snort
}

// Put implements filters.Filter.
func (f *snortFilter) Put(dst []byte, item any) ([]byte, error) {
	if t, ok := item.(*lua.LTable); ok {
		m := messageOf("Snort", t)
		a := &filters.SnortAlert{Raw: m.text("raw")}
		if m.err != nil {
			return dst, m.err
		}
		item = a
	}
	return f.Snort.Put(dst, item)
}

// Clone implements filters.Filter.
func (f *snortFilter) Clone() filters.Filter {
	return &snortFilter{f.Snort.Clone().(*filters.Snort)}
}

// message makes the table of a message. What is empty or zero is not in it.
type message struct {
	b *Lib
	t *lua.LTable
}

func (b *Lib) newMessage(fields int) message { return message{b, b.main.CreateTable(0, fields)} }

func (m message) text(key, s string) {
	if s != "" {
		m.t.RawSetString(key, lua.LString(s))
	}
}

func (m message) number(key string, n, absent int) {
	if n != absent {
		m.t.RawSetString(key, lua.LNumber(n))
	}
}

func (m message) time(key string, t time.Time) {
	if !t.IsZero() {
		m.t.RawSetString(key, luax.Seconds(t))
	}
}

// table sets a field to a table, also to an empty one, which is not marked as an array.
func (m message) table(key string, of any) {
	v := m.b.itemToLua(of)
	if t, ok := v.(*lua.LTable); ok {
		m.t.RawSetString(key, t)
	}
}

// ircTable is an IRC message as scripts see it.
func (b *Lib) ircTable(v *filters.IRCMessage) *lua.LTable {
	m := b.newMessage(8)
	m.text("prefix", v.Prefix)
	m.text("nick", v.Nick)
	m.text("user", v.User)
	m.text("host", v.Host)
	m.text("command", v.Command)
	m.table("params", v.Params)
	m.table("tags", v.Tags)
	m.text("raw", v.Raw)
	return m.t
}

// syslogTable is a syslog message as scripts see it. The process is a number if it looks like one.
func (b *Lib) syslogTable(v *filters.SyslogMessage) *lua.LTable {
	m := b.newMessage(10)
	m.number("facility", v.Facility, -1)
	m.number("severity", v.Severity, -1)
	m.time("time", v.Time)
	m.text("host", v.Host)
	m.text("tag", v.Tag)
	if n, err := strconv.Atoi(v.PID); err == nil && strconv.Itoa(n) == v.PID && n < 1<<53 {
		m.number("pid", n, -1)
	} else {
		m.text("pid", v.PID)
	}
	m.text("id", v.ID)
	m.t.RawSetString("message", lua.LString(v.Message))
	if v.Structured != nil {
		m.table("structured", v.Structured)
	}
	m.text("raw", v.Raw)
	return m.t
}

// snortTable is an alert as scripts see it.
func (b *Lib) snortTable(v *filters.SnortAlert) *lua.LTable {
	m := b.newMessage(14)
	m.number("gid", v.GID, -1)
	m.number("sid", v.SID, -1)
	m.number("rev", v.Rev, -1)
	m.text("message", v.Message)
	m.text("classification", v.Classification)
	m.number("priority", v.Priority, 0)
	m.time("time", v.Time)
	m.text("protocol", v.Protocol)
	m.text("src", v.Src)
	m.number("src_port", v.SrcPort, 0)
	m.text("dst", v.Dst)
	m.number("dst_port", v.DstPort, 0)
	m.table("references", v.References)
	m.text("raw", v.Raw)
	return m.t
}

// messageReader reads the table of a message. The first field that is wrong is err.
type messageReader struct {
	who string
	t   *lua.LTable
	err error
}

func messageOf(who string, t *lua.LTable) *messageReader { return &messageReader{who: who, t: t} }

func (m *messageReader) fault(path, want string, got lua.LValue) {
	if m.err == nil {
		m.err = &filters.ItemError{Filter: m.who, Want: want, Got: got, Path: path}
	}
}

// text is a field that is a string, or a number as its text; "" if it is absent.
func (m *messageReader) text(key string) string {
	s, ok := textOf(m.t.RawGetString(key))
	if !ok && m.t.RawGetString(key) != lua.LNil {
		m.fault(key, "string", m.t.RawGetString(key))
	}
	return s
}

func textOf(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return number(v).ItemText(), true
	}
	return "", false
}

// number is a field that is a whole number; absent if it is not there.
func (m *messageReader) number(key string, absent int) int {
	v := m.t.RawGetString(key)
	if v == lua.LNil {
		return absent
	}
	n, ok := count(v, math.MaxInt32)
	if !ok {
		m.fault(key, "whole number", v)
	}
	return n
}

// table is a field that is a table; nil if it is absent.
func (m *messageReader) table(key string) *lua.LTable {
	v := m.t.RawGetString(key)
	t, ok := v.(*lua.LTable)
	if !ok && v != lua.LNil {
		m.fault(key, "table", v)
	}
	return t
}

// texts makes a map of a table of strings at path.
func (m *messageReader) texts(path string, t *lua.LTable) filters.Map {
	texts := filters.Map{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		key, ok := k.(lua.LString)
		if !ok {
			m.fault(path, "names that are strings", k)
		}
		s, ok := textOf(v)
		if !ok {
			m.fault(path+pathStep(key), "string", v)
		}
		texts = append(texts, filters.Pair{Key: string(key), Value: s})
	}
	return texts
}

// elements makes structured data of the table of it.
func (m *messageReader) elements(t *lua.LTable) filters.Map {
	elements := filters.Map{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		path := "structured" + pathStep(k)
		id, isText := k.(lua.LString)
		params, ok := v.(*lua.LTable)
		if !isText || !ok {
			m.fault(path, "table of strings by name", v)
			break
		}
		elements = append(elements, filters.Pair{Key: string(id), Value: m.texts(path, params)})
	}
	return elements
}

// ircFrom makes an IRC message of what a script puts. Strings pass.
func (b *Lib) ircFrom(item any) (any, error) {
	t, ok := item.(*lua.LTable)
	if !ok {
		return item, nil
	}
	m := messageOf("IRC", t)
	v := &filters.IRCMessage{
		Prefix: m.text("prefix"), Nick: m.text("nick"), User: m.text("user"), Host: m.text("host"), Command: m.text("command"),
	}
	if params := m.table("params"); params != nil {
		for i := 1; i <= params.Len(); i++ {
			s, ok := textOf(params.RawGetInt(i))
			if !ok {
				m.fault("params["+strconv.Itoa(i)+"]", "string", params.RawGetInt(i))
			}
			v.Params = append(v.Params, s)
		}
	}
	if tags := m.table("tags"); tags != nil {
		v.Tags = m.texts("tags", tags)
	}
	return v, m.err
}

// syslogFrom makes a syslog message of what a script puts.
func (b *Lib) syslogFrom(item any) (any, error) {
	t, ok := item.(*lua.LTable)
	if !ok {
		return item, nil
	}
	m := messageOf("Syslog", t)
	v := &filters.SyslogMessage{
		Facility: m.number("facility", -1), Severity: m.number("severity", -1),
		Host: m.text("host"), Tag: m.text("tag"), PID: m.text("pid"), ID: m.text("id"), Message: m.text("message"),
	}
	switch at := t.RawGetString("time").(type) {
	case lua.LNumber:
		if at != at {
			m.fault("time", "number", lua.LString("nan"))
		}
		v.Time = luax.Time(float64(at))
	case *lua.LNilType:
	default:
		m.fault("time", "number", at)
	}
	if structured := m.table("structured"); structured != nil {
		v.Structured = m.elements(structured)
	}
	return v, m.err
}
