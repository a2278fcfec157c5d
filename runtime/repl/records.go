package repl

import (
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

const (
	recordDepth = 2  // tables within a cell
	cellWidth   = 32 // columns of a cell, if there is room
	cellNarrow  = 10 // what a column gives to others at the most
)

// records shows an array of tables that have the same fields, such as poe.peek.sessions() gives, as a table with a line
// for each and the names of the fields above. ok is false for other values.
func (p *Prompt) records(v lua.LValue) (lines []string, ok bool) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, false
	}
	entries, left := entriesOf(t)
	names, ok := p.fieldNames(entries)
	if !ok {
		return nil, false
	}
	cells := make([][]string, len(entries))
	for i, e := range entries {
		cells[i] = make([]string, len(names))
		for j, name := range names {
			record := e.value.(*lua.LTable)
			if field := luax.Inside(record).Strings[name]; field != nil {
				cells[i][j] = p.cell(field, t, record)
			}
		}
	}
	shown := p.recordColumns(names, entries, cells)
	lines = append(lines, shown.heads())
	for i := range cells {
		row := cells[i][:len(shown)]
		row[len(row)-1] = cutText(row[len(row)-1], shown[len(row)-1].width)
		lines = append(lines, shown.line(row...))
	}
	if left > 0 {
		lines = append(lines, more(left))
	}
	if rest := names[len(shown):]; len(rest) > 0 {
		lines = append(lines, cutText("... and the fields "+strings.Join(rest, ", "), p.wide()))
	}
	return lines, true
}

// fieldNames are the fields that any of the entries has, in the order in which they were set. ok says that all are
// records: tables with names as keys, at least one value that is no table, and at least half of the fields.
func (p *Prompt) fieldNames(entries []entry) (names []string, ok bool) {
	most, least := 0, mostEntries
	for _, e := range entries {
		t, table := e.value.(*lua.LTable)
		if _, ours := p.Lib.Describe(e.value); e.key != nil || !table || ours {
			return nil, false
		}
		in, n, plain := luax.Inside(t), luax.Fields(t), false
		if len(in.Array) > 0 || n == 0 || n > mostEntries || len(in.Keys) > mostSorted {
			return nil, false
		}
		at := 0 // behind the field before, if the entries before did not have this one
		for _, key := range in.Keys {
			field := fieldOf(in, key)
			if field == nil {
				continue
			}
			name, text := key.(lua.LString)
			if !text || !isName(string(name)) || len(name) > keyWidth {
				return nil, false
			}
			known := slices.Index(names, string(name))
			if known < 0 {
				known = at
				names = slices.Insert(names, at, string(name))
			}
			at = known + 1
			_, table := field.(*lua.LTable)
			plain = plain || !table
		}
		if !plain || len(names) > mostEntries {
			return nil, false
		}
		most, least = max(most, n), min(least, n)
	}
	return names, len(names) > 0 && 2*least >= len(names)
}

// cell shows a field. A string has quotes only where it could be taken for something else, or is too long.
func (p *Prompt) cell(v lua.LValue, path ...*lua.LTable) string {
	if s, ok := v.(lua.LString); ok && columnsOf(string(s)) <= cellWidth && bare(string(s)) {
		return string(s)
	}
	text, _ := inLine(p.Lib, v, recordDepth, cellWidth, path)
	return text
}

// bare says whether a string is known as one, from its beginning to its end, without quotes.
func bare(s string) bool {
	if s == "" || s == "nil" || s == "true" || s == "false" || s != strings.TrimSpace(s) || plain(s) != s {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err != nil && !strings.ContainsAny(s[:1], `{"<`)
}

// recordColumns are the columns that there is room for, the first of names, with their widths. Wide ones become
// narrower before others are left out.
func (p *Prompt) recordColumns(names []string, entries []entry, cells [][]string) columns {
	c := make(columns, len(names))
	for j, name := range names {
		c[j] = column{head: name, width: columnsOf(name), right: true}
		for i, e := range entries {
			c[j].width = max(c[j].width, columnsOf(cells[i][j]))
			switch luax.Inside(e.value.(*lua.LTable)).Strings[name].(type) {
			case nil, lua.LNumber:
			default:
				c[j].right = false
			}
		}
	}
	over := func() int {
		width := 2 * (len(c) - 1)
		for _, column := range c {
			width += column.width
		}
		return width - p.wide()
	}
	for over() > 0 && len(c) > 1 {
		if !c.narrow(over()) {
			c = c[:len(c)-1]
		}
	}
	return c
}

// narrow takes so many columns, or as many as it gives, off the widest one that is not of numbers. It is false when
// none gives any.
func (c columns) narrow(by int) bool {
	widest := -1
	for i := range c {
		if !c[i].right && c[i].width > cellNarrow && (widest < 0 || c[i].width > c[widest].width) {
			widest = i
		}
	}
	if widest < 0 {
		return false
	}
	c[widest].width -= min(by, c[widest].width-cellNarrow)
	return true
}
