package interp

import (
	"math"
	"os/exec"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

// osLib is the library os of one Lua state.
type osLib struct{ c Config }

// openOS makes the library os of Lua 5.1 on the host.
//
// Differs: what the host refuses is nil, message and errno also where Lua would raise or give a number.
func openOS(l *lua.LState, c Config) {
	o := osLib{c}
	l.RegisterModule(lua.OsLibName, map[string]lua.LGFunction{
		"clock":     osClock,
		"date":      o.date,
		"difftime":  osDifftime,
		"execute":   o.execute,
		"exit":      o.exit,
		"getenv":    o.getenv,
		"remove":    o.remove,
		"rename":    o.rename,
		"setlocale": o.setlocale,
		"time":      o.time,
		"tmpname":   o.tmpname,
	})
}

// osClock is the processor time that the process has used, in user mode and in the system.
func osClock(l *lua.LState) int {
	l.Push(lua.LNumber(host.CPUTime().Seconds()))
	return 1
}

// timeLimit is about where C's years end: beyond it no date can be told.
const timeLimit = 67_767_976_233_532_799

func (o osLib) date(l *lua.LState) int {
	a := luax.Args{L: l, Name: "date"}
	format := "%c"
	if !a.Missing(1) {
		format = textArg(a, 1)
	}
	t := o.c.Now()
	if !a.Missing(2) {
		seconds := whole(numberArg(a, 2))
		if seconds > timeLimit || seconds < -timeLimit {
			l.Push(lua.LNil)
			return 1
		}
		t = time.Unix(seconds, 0)
	}
	t = t.Local()
	utc := len(format) > 0 && format[0] == '!'
	if utc {
		format, t = format[1:], t.UTC()
	}
	if format == "*t" {
		l.Push(dateTable(l, t))
	} else {
		l.Push(lua.LString(strftime(format, t, utc)))
	}
	return 1
}

func dateTable(l *lua.LState, t time.Time) *lua.LTable {
	d := l.CreateTable(0, 9)
	d.RawSetString("sec", lua.LNumber(t.Second()))
	d.RawSetString("min", lua.LNumber(t.Minute()))
	d.RawSetString("hour", lua.LNumber(t.Hour()))
	d.RawSetString("day", lua.LNumber(t.Day()))
	d.RawSetString("month", lua.LNumber(t.Month()))
	d.RawSetString("year", lua.LNumber(t.Year()))
	d.RawSetString("wday", lua.LNumber(t.Weekday()+1))
	d.RawSetString("yday", lua.LNumber(t.YearDay()))
	d.RawSetString("isdst", lua.LBool(t.IsDST()))
	return d
}

func osDifftime(l *lua.LState) int {
	a := luax.Args{L: l, Name: "difftime"}
	later, earlier := math.Trunc(numberArg(a, 1)), 0.0
	if !a.Missing(2) {
		earlier = math.Trunc(numberArg(a, 2))
	}
	l.Push(lua.LNumber(later - earlier))
	return 1
}

// execute runs a command, waits for its end and gives its wait status: 256 times the exit code. Without a command it
// tells whether there is a shell to run one.
func (o osLib) execute(l *lua.LState) int {
	a := luax.Args{L: l, Name: "execute"}
	if a.Missing(1) {
		there := 0
		if _, err := exec.LookPath(shell); err == nil && o.c.Host.Check("start", shell, host.Run) == nil {
			there = 1
		}
		l.Push(lua.LNumber(there))
		return 1
	}
	status, err := o.c.Host.Run(shellCommand(o.c, textArg(a, 1)))
	if err != nil {
		return refuse(l, reason(err), err)
	}
	l.Push(lua.LNumber(status))
	return 1
}

// exit ends the program at once, its streams in order.
func (o osLib) exit(l *lua.LState) int {
	a := luax.Args{L: l, Name: "exit"}
	code := 0
	switch v := a.Get(1).(type) {
	case *lua.LNilType:
	case lua.LBool:
		if !v {
			code = 1
		}
	default:
		code = int(whole(numberArg(a, 1)))
	}
	o.mustAllow(l, "exit")
	o.c.Host.Exit(code)
	return 0
}

// mustAllow raises when the script may not act on the process.
func (o osLib) mustAllow(l *lua.LState, act string) {
	if err := o.c.Host.Check(act, "", host.OS); err != nil {
		l.RaiseError("%s", err.Error())
	}
}

func (o osLib) getenv(l *lua.LState) int {
	value, ok := o.c.Host.Getenv(textArg(luax.Args{L: l, Name: "getenv"}, 1))
	if ok {
		l.Push(lua.LString(value))
	} else {
		l.Push(lua.LNil)
	}
	return 1
}

func (o osLib) remove(l *lua.LState) int {
	name := textArg(luax.Args{L: l, Name: "remove"}, 1)
	return outcomeFor(l, name, o.c.Host.Remove(name))
}

func (o osLib) rename(l *lua.LState) int {
	a := luax.Args{L: l, Name: "rename"}
	from, to := textArg(a, 1), textArg(a, 2)
	return outcomeFor(l, from, o.c.Host.Rename(from, to))
}

var localeCategories = map[string]bool{
	"all": true, "collate": true, "ctype": true, "monetary": true, "numeric": true, "time": true,
}

// setlocale knows one locale, C.
func (o osLib) setlocale(l *lua.LState) int {
	a := luax.Args{L: l, Name: "setlocale"}
	locale, asked := "", a.Missing(1)
	if !asked {
		locale = textArg(a, 1)
	}
	if !a.Missing(2) {
		optionArg(a, 2, localeCategories)
	}
	if !asked {
		o.mustAllow(l, "setlocale")
	}
	switch locale {
	case "", "C", "POSIX":
		l.Push(lua.LString("C"))
	default:
		l.Push(lua.LNil)
	}
	return 1
}

// time tells the time, or what time a table of local date fields means. Fields out of their range carry over.
//
// Differs: isdst is ignored, the time zone knows.
func (o osLib) time(l *lua.LState) int {
	a := luax.Args{L: l, Name: "time"}
	if a.Missing(1) {
		l.Push(lua.LNumber(o.c.Now().Unix()))
		return 1
	}
	t, ok := a.Get(1).(*lua.LTable)
	if !ok {
		a.Fail(1, "table")
	}
	second, minute, hour := dateField(l, t, "sec", 0), dateField(l, t, "min", 0), dateField(l, t, "hour", 12)
	day, month, year := dateField(l, t, "day", -1), dateField(l, t, "month", -1), dateField(l, t, "year", -1)
	l.Push(lua.LNumber(time.Date(year, time.Month(month), day, hour, minute, second, 0, time.Local).Unix()))
	return 1
}

// dateField is a field of a date table; without it otherwise, unless that is negative.
func dateField(l *lua.LState, t *lua.LTable, name string, otherwise int) int {
	if number, ok := toNumber(l.GetField(t, name)); ok {
		return int(min(max(whole(number), math.MinInt32), math.MaxInt32)) // C's int
	}
	if otherwise < 0 {
		l.RaiseError("field '%s' missing in date table", name)
	}
	return otherwise
}

func (o osLib) tmpname(l *lua.LState) int {
	name, err := o.c.Host.TempName()
	if err != nil {
		return refuse(l, reason(err), err)
	}
	l.Push(lua.LString(name))
	return 1
}
