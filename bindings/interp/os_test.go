package interp_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/kernel/host"
)

// inZone makes a time zone the local one, here and in processes that are started.
func inZone(t *testing.T, name string) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Skip(err)
	}
	was := time.Local
	time.Local = zone
	t.Cleanup(func() { time.Local = was })
	t.Setenv("TZ", name)
}

func TestOSIsLikeLua51(t *testing.T) {
	inZone(t, "Europe/Berlin")
	likeLua51(t, map[string]string{
		"every conversion": `
for _, time in ipairs { 0, -1, 951782400, 1e9, 1735689599, 1735689600, 1230768000, 1262304000, 1704067199, 1720000000, 1711846799, 1711846800, 1729990800, -5e9, 4e9, 253402300799 } do
  for c = 1, 255 do if c < 48 or c > 57 then local f = "%" .. string.char(c) say(time, c, os.date(f, time)) say(os.date("!" .. f, time)) end end
end`,
		"every week": `
for year = 1998, 2030 do for day = 1, 370 do say((os.date("%Y %m %d %j %U %V %W %G %g %u %w %a", os.time { year = year, month = 1, day = day }))) end end`,
		"formats": `
say(os.date("", 0)) say(os.date("%", 0)) say(os.date("100%", 0)) say(os.date("!", 0)) say(os.date("%%d %d", 0)) say(os.date("!x %Y y", 0)) say(os.date("*tx", 0)) say(os.date("%Ey %Od", 0))
say(os.date("!%c", 1.9)) say(os.date("!%c", -1.9)) say(os.date("!%c", "12")) say(os.date("!%c", 1e15)) say(os.date("!%c", 1e18)) say(os.date("%c", 1e300)) say(os.date(12, 0))`,
		"date tables": `
for _, time in ipairs { 0, 1e9, 1720000000, 1704067199 } do for _, f in ipairs { "*t", "!*t" } do
  local d = os.date(f, time) say(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst)
end end`,
		"time of a table": `
for _, d in ipairs {
  { year = 2024, month = 1, day = 1 }, { year = 2024, month = 7, day = 1, hour = 0 }, { year = 2024, month = 14, day = -3, hour = 50, min = -70, sec = 1000 },
  { year = 2023, month = 2, day = 29 }, { year = "2024", month = "2", day = "3", hour = "4" }, { year = 2024, month = 0, day = 0 }, { year = 1970, month = 1, day = 1, hour = 1 },
  { year = 2024.9, month = 1.9, day = 1.9 }, { year = 1900, month = 1, day = 1 }, { year = 2100, month = 12, day = 31, hour = 23, min = 59, sec = 59 }, { year = 2024, month = 1, day = 1, hour = "x" },
} do say(os.time(d)) end
for time = 1.7e9, 1.74e9, 86399 do if os.time(os.date("*t", time)) ~= time then say("not", time) end end
say(os.time(setmetatable({}, { __index = { year = 2000, month = 1, day = 1 } })))
try(function() os.time {} end) try(function() os.time { day = 1 } end) try(function() os.time { day = 1, month = 1 } end) try(function() os.time { day = "x", month = 1, year = 1 } end)
try(function() os.time(1) end) try(function() os.time("x") end)`,
		"difftime": `
say(os.difftime(10, 4), os.difftime(10), os.difftime(1.9, 0.2), os.difftime("5", 1)) try(function() os.difftime() end) try(function() os.difftime("x") end) try(function() os.difftime(1, {}) end)`,
		"files": `
io.open("a", "w"):close() say(os.rename("a", "b")) say(io.open("a")) say(os.remove("b")) say(os.remove("b")) say(os.rename("b", "c")) say(os.rename("script", "no/where")) say(os.remove(""))
local name = os.tmpname() say(name:match("^/tmp/lua_") ~= nil, io.type(io.open(name)), os.remove(name))
try(function() os.remove() end) try(function() os.rename("x") end) try(function() os.getenv() end) try(function() os.remove({}) end)`,
		"processes": `
say(os.execute("exit 3"), os.execute("true"), os.execute("kill -9 $$"), os.execute(), os.execute("exit 255"), os.execute("kill -15 $$")) try(function() os.execute({}) end)
say(os.getenv("TZ"), os.getenv("NOT_SET_AT_ALL"))`,
		"locales": `
say(os.setlocale(), os.setlocale("C"), os.setlocale(nil), os.setlocale("POSIX"), os.setlocale("xx_YY"), os.setlocale("C", "all"), os.setlocale(nil, "time"), os.setlocale("C", "numeric"))
try(function() os.setlocale("C", "x") end) try(function() os.setlocale({}) end)`,
		"clock": `
local a = os.clock() for i = 1, 1e5 do end local b = os.clock() say(type(a), a >= 0, b >= a, b < 100)`,
		"now": `
say(os.time() > 1.7e9, os.time() % 1, os.date("%Y") == os.date("%Y", os.time()), os.date() == os.date("%c")) try(function() os.date("%c", "x") end) try(function() os.date({}) end)`,
	})
}

func TestTimeFollowsTheGivenClock(t *testing.T) {
	inZone(t, "America/New_York")
	p := newProgram(t, func(c *interp.Config) {
		c.Now = func() time.Time { return time.Unix(1_000_000_000, 999_999_999).UTC() }
	})
	got := p.run(`io.write(os.time(), " ", os.date("!%Y-%m-%d %H:%M:%S"), " ", os.date("%H"), " ", os.date("*t").hour)`)
	if want := "1000000000 2001-09-09 01:46:40 21 21"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExitEndsTheProgram(t *testing.T) {
	for _, c := range []struct {
		arguments string
		want      int
	}{{"", 0}, {"nil", 0}, {"true", 0}, {"false", 1}, {"0", 0}, {"7", 7}, {"'8'", 8}, {"2.9", 2}} {
		code := -1
		p := newProgram(t)
		p.c.Host.ExitFunc = func(n int) { code = n }
		if p.run(`os.exit(` + c.arguments + `)`); code != c.want {
			t.Errorf("os.exit(%s): got %d, want %d", c.arguments, code, c.want)
		}
	}
	p := newProgram(t)
	p.c.Host.ExitFunc = func(int) { t.Error("the program has ended") }
	if got, want := p.try(`os.exit({})`), "script:1: bad argument #1 to 'exit' (number expected, got table)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExecuteUsesTheScriptsStreams(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := newProgram(t, func(c *interp.Config) { c.Stdout, c.Stderr = host.NewStream(file), host.NewStream(file) })
	p.run(`io.write("first\n") os.execute("echo second; echo third >&2; cat") io.write("fourth\n")`)
	if got, want := content(t, file.Name()), "first\nsecond\nthird\nfourth\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailuresNameTheFileAndTheNumber(t *testing.T) {
	p := newProgram(t)
	got := p.run(`local _, message, errno = os.remove("/nowhere/at all") io.write(message, " ", errno)`)
	if want := "/nowhere/at all: No such file or directory 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := p.run(`io.write((select(2, os.rename("/proc/self", "/proc/x"))))`); !strings.HasPrefix(got, "/proc/self: ") {
		t.Errorf("got %q", got)
	}
}
