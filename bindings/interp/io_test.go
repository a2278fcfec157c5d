package interp_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/bindings/interp"
	"github.com/poelua/poelua/kernel/host"
)

func TestIOIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"modes": `
for _, mode in ipairs { "w", "r", "a", "r+", "a+", "w+", "wb", "rb", "ab", "r+b", "rb+", "w+b", "wb+" } do
  local f = io.open("file", mode)
  say(mode, f:seek(), f:write("abc"), f:flush(), f:seek(), f:read("*a"), f:seek("set"), f:read(2), f:close())
end
say(io.open("file", "r"):read("*a"))`,
		"open fails": `
say(io.open("nowhere")) say(io.open("nowhere/file", "w")) say(io.open("/", "w")) say(io.open("script/x"))
say(io.open("/"):read()) say(io.open("/"):read("*a")) say(io.open("/"):read(0)) say(io.open("/"):read("*n"))`,
		"lines": `
local f = io.open("file", "w") f:write("one\n\ntwo\r\nlast") f:close()
for line in io.lines("file") do say(#line, line) end
io.input("file") for line in io.lines() do say(#line, line) end say(io.read())
f = io.open("file") for line in f:lines() do say(line) end say(io.type(f), f:read()) f:close()
local next = io.lines("file") while next() do end try(function() next() end)
f = io.open("file") next = f:lines() f:close() try(function() next() end) try(function() f:lines() end)
try(function() for _ in io.lines("nowhere") do end end) try(function() for _ in io.lines("/") do end end)`,
		"formats": `
local f = io.open("file", "w") f:write("12 0x1F\nline two\n\nrest of it\nand more") f:close()
f = io.open("file") say(f:read("*n", "*n", "*l", "*l", 0, 3, "*l", "*a")) say(f:read("*a")) say(f:read("*l")) say(f:read(0)) say(f:read(1))
f:seek("set") say(f:read("*number")) say(f:read("*line")) say(#f:read("*all")) say(f:read("*a", "*l", "*l"))
f:seek("set") say(#f:read(1000)) f:seek("set") say(#f:read(100000)) say(f:read(100000)) f:seek("set", 3) say(f:read(2.9)) say(f:read("*n", "*n")) f:close()`,
		"long": `
local f = io.open("file", "w+") for i = 1, 30000 do f:write(i, " ") end f:write("\n", ("x"):rep(100000), "\n")
f:seek("set") local sum = 0 for i = 1, 30000 do sum = sum + f:read("*n") end say(sum, #f:read(), #f:read(), f:read())
f:seek("set") say(#f:read(70000), #f:read("*a"), f:seek()) say(f:seek("end", -10), #f:read("*a")) f:close()`,
		"reading and writing": `
local f = io.open("file", "w+") f:write("0123456789") f:seek("set", 2) say(f:read(3)) f:seek("cur", 0) f:write("xx") f:seek("cur", 0)
say(f:read("*a")) f:seek("set") say(f:read("*a")) say(f:seek("cur", -4), f:read(2), f:seek(), f:seek("end"), f:seek("set"), f:seek("set", 3), f:seek("cur", 2))
say(f:seek("set", -1)) say(f:seek("end", 5)) f:write("!") f:close() say(#io.open("file"):read("*a"))
f = io.open("file", "a+") say(f:read(2)) f:write("end") f:seek("set", 1) say(f:read(1)) f:close() say(#io.open("file"):read("*a"))`,
		"wrong direction": `
local f = io.open("file", "w") say(f:read()) say(f:read("*a")) say(f:read(0)) f:close()
f = io.open("file") say(f:write("x")) say(f:flush()) f:close() say(io.stdin:write("x"))`,
		"closed files": `
local f = io.open("file", "w") say(io.type(f), f:close(), io.type(f), tostring(f))
for _, m in ipairs { "read", "write", "lines", "close", "flush", "seek", "setvbuf" } do try(function() return f[m](f) end) end
try(function() io.close(f) end) try(function() io.input(f) end) try(function() io.output(f) end)`,
		"standard files": `
say(io.output() == io.stdout, io.input() == io.stdin, io.type(io.stdin), io.type(io.stderr))
local f = io.open("file", "w+") say(io.output(f) == f, io.output() == f) io.write("a", 1, 2.5, "\n") say(io.close()) say(io.type(io.output()))
try(function() io.write("x") end) try(function() io.close() end) try(function() io.flush() end)
io.output("other") io.write("more") io.output():close() say(io.open("other"):read())
io.input("file") say(io.read("*l", "*l")) io.close(io.input()) try(function() io.read() end) try(function() io.lines() end)
io.output(io.stdout) say(io.stdout:close()) say(io.close()) say(io.stdin:close()) say(io.stderr:close()) say(io.type(io.stdout))`,
		"results": `
local f = io.open("file", "w") say(f:write()) say(f:write("")) say(f:write("x", 1)) say(f:flush()) say(f:setvbuf("no")) say(f:setvbuf("full", 100)) say(f:setvbuf("line")) say(f:close())
say(io.write()) say(io.write("x\n")) say(io.flush()) say(io.stdout:setvbuf("no")) say(io.stdout:flush())
say(io.type(1), io.type(nil), io.type({}), io.type(io.stdout)) say(type(io.tmpfile()), io.type(io.tmpfile()))`,
		"wrong arguments": `
local f = io.open("file", "w+")
try(function() io.open() end) try(function() io.open({}) end) try(function() io.open(nil) end) try(function() io.open("x", {}) end)
try(function() f:read("n") end) try(function() f:read("*x") end) try(function() f:read("*") end) try(function() f:read(nil) end) try(function() f:read({}) end)
try(function() f:read("*a", "x") end) try(function() io.read("*a", "*x") end) try(function() f:read("5") end)
try(function() f:write({}) end) try(function() f:write("a", nil) end) try(function() io.write(true) end)
try(function() f:seek("x") end) try(function() f:seek({}) end) try(function() f:seek("set", "x") end) try(function() f:seek(1) end)
try(function() f:setvbuf() end) try(function() f:setvbuf("x") end) try(function() f:setvbuf("full", "x") end)
try(function() f.write("x") end) try(function() f.read() end) try(function() io.close("x") end) try(function() io.input({}) end) try(function() io.type() end)
try(function() io.lines({}) end) try(function() io.input("nowhere") end) try(function() io.output("/") end) try(function() io.lines("nowhere") end)`,
		"numbers as names": `
io.open(12, "w"):close() say(io.type(io.open("12"))) io.output(13) io.write("x") io.close() say(io.open(13):read())`,
		"numbers": `
for _, n in ipairs { 0, 1, -1, 0.1, 1/3, -1/3, 100, 1e13, 1e14, 1e15, 123456789012345, 1e100, 1e-5, 1e-4, 2^53, 2^63, -2^31, 1/0, -1/0, 5e-324, 1.5e300, 99999999999999.5 } do io.write(n, "\n") end io.write(0 * -1, "\n")`,
		"zero bytes": `
local f = io.open("file", "w") f:write("a\0b", "\0") f:close() f = io.open("file") local s = f:read("*a") say(#s, s:byte(1, -1))
f:seek("set") say(#f:read(3)) f:close()`,
		"metatable": `
local mt = getmetatable(io.stdout) say(type(mt.__index), type(mt.__tostring), mt.__index.write == io.stdout.write, io.stdout.nothing)
say((tostring(io.stdout):gsub("0x%x+", "0x")))`,
		"processes": `
local p = io.popen("echo one; echo two; exit 3") say(io.type(p), p:read(), p:read("*a"), p:read()) say(p:close()) say(io.type(p)) try(function() p:read() end)
p = io.popen("cat > file", "w") say(p:write("some", 1)) say(p:close()) say(io.open("file"):read("*a")) say(io.popen("kill -9 $$"):close())
for line in io.popen("echo a; echo b"):lines() do say(line) end p = io.popen("true") say(p:write("x")) p:close() p = io.popen("true", "w") say(p:read()) p:close() p = io.popen("true") say(p:seek()) p:close()`,
		"a full device": `
local f = io.open("/dev/full", "w") f:setvbuf("full") say(f:write("x")) say(f:flush()) f = io.open("/dev/full", "w") f:setvbuf("full") f:write("x") say(f:close()) say(io.type(f))`,
	})
}

func TestReadNumberIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{"numbers": `
for _, text in ipairs { "", " ", "1", "-1", "+1", "- 1", "--1", "1.5", ".5", "5.", ".", "-.", "1e5", "1E5", "1e+5", "1e-5", "1e", "1e+", "1ex", "1e+x", "e5", "+.e1",
  "0x1F", "0X1f", "0x", "0xg", "0x.8", "0x.", "0x1p4", "0x1p", "0x1p-1", "0xp1", "-0x10", "0x1e+5", "00012", "0", "0.", "1_2", "1.2.3", "1..2", "  12abc", "\n\t\v\f\r7",
  "inf", "INF", "infinity", "infinit", "infinx", "inx", "-inf", "+infinity5", "nan", "-nan", "NaN", "nan(12)q", "nanx", "nx", "i", "n", "1e400", "-1e400", "1e-400",
  "12345678901234567890", "0.1e1.5", "1e1e1", "1 2", "x" } do
  local f = io.open("file", "w") f:write(text) f:close() f = io.open("file")
  say("[" .. text .. "]", (f:read("*n"))) say(f:read("*a")) f:close()
end`})
}

func TestOpenRefusesUnknownModes(t *testing.T) {
	p := newProgram(t)
	for _, mode := range []string{"", "x", "rw", "r++", "+", "br", "rbb", "r b"} {
		want := "script:1: bad argument #2 to 'open' (invalid mode)"
		if got := p.try(`io.open("file", "` + mode + `")`); got != want {
			t.Errorf("%q: got %q, want %q", mode, got, want)
		}
	}
	want := "script:1: bad argument #2 to 'popen' (invalid mode)"
	if got := p.try(`io.popen("true", "x")`); got != want {
		t.Errorf("popen: got %q, want %q", got, want)
	}
}

func TestReadKeepsZeroBytesInLines(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	write(t, "file", "a\x00b\nc")
	if got, want := p.run(`local f = io.open("file") io.write(f:read(), "|", f:read()) f:close()`), "a\x00b|c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSetvbufSaysWhenBytesLeave(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	for _, c := range []struct{ name, script, want string }{
		{"full is the default", `f:write("one\n")`, ""},
		{"full, beyond the size", `f:setvbuf("full", 4) f:write("abc") f:write("de")`, "abc"},
		{"full, more than the size at once", `f:setvbuf("full", 4) f:write("a") f:write("bcdefg")`, "abcdefg"},
		{"full, size 0", `f:setvbuf("full", 0) f:write("a")`, "a"},
		{"the default size", `f:write(("x"):rep(4000)) f:write(("x"):rep(97))`, strings.Repeat("x", 4000)},
		{"no", `f:setvbuf("no") f:write("a")`, "a"},
		{"line", `f:setvbuf("line") f:write("a") f:write("b\nc") f:write("d")`, "ab\nc"},
		{"setvbuf brings out what is pending", `f:write("a") f:setvbuf("full")`, "a"},
		{"flush", `f:write("a") f:flush() f:write("b")`, "a"},
		{"seek", `f:write("a") f:seek("cur", 1)`, "a"},
		{"close", `f:write("a") f:close()`, "a"},
		{"popen flushes all files", `f:write("a") io.popen("true"):close()`, "a"},
	} {
		p.run(`f = io.open("file", "w") ` + c.script)
		if got := content(t, "file"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		p.run(`if io.type(f) == "file" then f:close() end`)
	}
}

func TestSetvbufNoReadsNoMoreThanIsNeeded(t *testing.T) {
	r, w := osPipe(t)
	p := newProgram(t, func(c *interp.Config) { c.Stdin = host.NewInput(r) })
	io.WriteString(w, "line one\n12 3456rest")
	w.Close()
	if got, want := p.run(`io.stdin:setvbuf("no") io.write(io.read(), "|", io.read("*n"), "|", io.read(3))`), "line one|12| 34"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "56rest" {
		t.Errorf("left %q, want %q", rest, "56rest")
	}
}

func TestPendingOutputLeavesOnTheWayOut(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, script := range map[string]string{
		"exit":  `f = io.open("file", "w") f:write("kept") os.exit(3)`,
		"close": `f = io.open("file", "w") f:write("kept")`,
	} {
		code := 0
		p := newProgram(t)
		p.c.Host.ExitFunc = func(n int) { code = n }
		p.run(script)
		if name == "close" {
			p.c.Host.Close()
		} else if code != 3 {
			t.Errorf("%s: got code %d, want 3", name, code)
		}
		if got := content(t, "file"); got != "kept" {
			t.Errorf("%s: got %q, want %q", name, got, "kept")
		}
	}
}

func TestGarbageFilesLoseNothing(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	const n = 100
	p.run(`for i = 1, 100 do io.open("file" .. i, "w"):write("content ", i) end`)
	runtime.GC()
	p.run(`for i = 1, 200 do io.open("script", "w"):close() end`)
	kept := 0
	for i := range n {
		if content(t, "file"+lua.LNumber(i+1).String()) != "" {
			kept++
		}
	}
	if kept < n-1 { // the last may still be held
		t.Errorf("got %d files written, want %d", kept, n)
	}
}

func TestGarbageGivesItsDescriptorsBackWhenThereAreNoMore(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	before := len(openDescriptors())
	p.run(`for i = 1, 15 do io.open("file", "w") end`)
	failures := 0
	p.c.Host.Fail = func(op, name string) error {
		if op == "open" && failures == 0 {
			failures++
			return syscall.EMFILE
		}
		return nil
	}
	if got := p.run(`io.write(io.type(io.open("other", "w")))`); got != "file" || failures != 1 {
		t.Errorf("got %q after %d failures, want a file after 1", got, failures)
	}
	if open := len(openDescriptors()) - before; open > 3 {
		t.Errorf("%d files are open, want those of the garbage closed", open)
	}
}

func TestHeldFilesStayOpen(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	p.run(`kept = {} for i = 1, 100 do kept[i] = io.open("file" .. i, "w+") end iterator = io.lines("file1")`)
	runtime.GC()
	p.run(`for i = 1, 300 do io.open("file1"):close() end
for i = 1, 100 do assert(kept[i]:write("x")) assert(kept[i]:close()) end assert(iterator() == "x")`)
}

func TestReadWaitsOnANonBlockingDescriptor(t *testing.T) {
	r, w := osPipe(t)
	if err := unix.SetNonblock(int(r.Fd()), true); err != nil {
		t.Fatal(err)
	}
	read := make(chan bool, 100)
	p := newProgram(t, func(c *interp.Config) {
		c.Stdin = host.NewInput(r)
		c.Touched = func() { read <- true }
	})
	done := make(chan bool)
	go func() {
		defer close(done)
		defer w.Close()
		for _, s := range []string{"one\n", "two\n", "three"} {
			io.WriteString(w, s)
			<-read
		}
	}()
	if got, want := p.run(`for line in io.lines() do io.write(line, ";") end`), "one;two;three;"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	<-done
}

func TestWriteWaitsForRoom(t *testing.T) {
	r, w := osPipe(t)
	if err := unix.SetNonblock(int(w.Fd()), true); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, func(c *interp.Config) { c.Stdout = host.NewStream(w) })
	got := make(chan int)
	go func() {
		all, _ := io.ReadAll(r)
		got <- len(all)
	}()
	p.run(`assert(io.write(("x"):rep(1000000)))`)
	w.Close()
	if n := <-got; n != 1000000 {
		t.Errorf("got %d bytes, want 1000000", n)
	}
}

func TestWritingToAClosedReaderIsAFailure(t *testing.T) {
	r, w := osPipe(t)
	r.Close()
	p := newProgram(t, func(c *interp.Config) { c.Stderr = host.NewStream(w) })
	if got, want := p.run(`local ok, message, errno = io.stderr:write("x") io.write(tostring(ok), " ", message, " ", errno)`), "nil Broken pipe 32"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// descriptor is how watchers see a Lua file.
type descriptor interface{ FD() int }

func TestFilesTellTheirDescriptor(t *testing.T) {
	r, _ := osPipe(t)
	p := newProgram(t, func(c *interp.Config) { c.Stdin = host.NewInput(r) })
	t.Chdir(t.TempDir())
	p.run(`stdin, stdout, file = io.stdin, io.stdout, io.open("file", "w")`)
	fd := func(name string) int { return p.l.GetGlobal(name).(*lua.LUserData).Value.(descriptor).FD() }
	if got, want := fd("stdin"), int(r.Fd()); got != want {
		t.Errorf("stdin: got %d, want %d", got, want)
	}
	if got := fd("stdout"); got != -1 {
		t.Errorf("without a descriptor: got %d, want -1", got)
	}
	if got := fd("file"); got < 3 {
		t.Errorf("file: got %d", got)
	}
	p.run(`file:close()`)
	if got := fd("file"); got != -1 {
		t.Errorf("closed: got %d, want -1", got)
	}
}

func TestClosingIsToldWhileTheDescriptorIsOpen(t *testing.T) {
	var told []int
	p := newProgram(t, func(c *interp.Config) {
		c.Closing = func(fd int) {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
				t.Error("the descriptor is closed already")
			}
			told = append(told, fd)
		}
	})
	t.Chdir(t.TempDir())
	p.run(`file = io.open("file", "w")`)
	fd := p.l.GetGlobal("file").(*lua.LUserData).Value.(descriptor).FD()
	p.run(`file:close() for _ in io.lines("file") do end`)
	if len(told) != 2 || told[0] != fd {
		t.Errorf("got %v, want %d and another", told, fd)
	}
}

func TestTouchedIsCalledForDescriptorsOnly(t *testing.T) {
	touched := 0
	p := newProgram(t, func(c *interp.Config) { c.Touched = func() { touched++ } })
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		script string
		want   int
	}{
		{`file = io.open("file", "w+")`, 0},
		{`file:write("a\nb\n")`, 0},
		{`file:flush()`, 1},
		{`file:seek("set")`, 0},
		{`file:read()`, 1},
		{`file:read()`, 0},
		{`file:read()`, 1},
	} {
		touched = 0
		if p.run(c.script); touched != c.want {
			t.Errorf("%s: got %d, want %d", c.script, touched, c.want)
		}
	}
}

func TestPopenTellsItsProcess(t *testing.T) {
	var started []int
	ended := make(chan [2]int, 1)
	h := host.New()
	h.OnExit(func(pid, status int) { ended <- [2]int{pid, status} })
	p := newProgram(t, func(c *interp.Config) {
		c.Host = h
		c.Started = func(pid int) { started = append(started, pid) }
	})
	p.run(`local p = io.popen("exit 7") assert(p:close())`)
	if got := <-ended; len(started) != 1 || got != [2]int{started[0], 7 << 8} {
		t.Errorf("started %v, ended %v, want the same process with status %d", started, got, 7<<8)
	}
}

func TestPopenGivesTheScriptsStreams(t *testing.T) {
	inR, inW := osPipe(t)
	outR, outW := osPipe(t)
	p := newProgram(t, func(c *interp.Config) {
		c.Stdin, c.Stdout, c.Stderr = host.NewInput(inR), host.NewStream(outW), host.NewStream(outW)
	})
	io.WriteString(inW, "in\n")
	inW.Close()
	p.run(`assert(io.popen("cat; echo err >&2"):read("*a") == "in\n") io.popen("cat", "w"):write("out\n")`)
	p.c.Host.Close() // the reader's end
	outW.Close()
	got, _ := io.ReadAll(outR)
	if want := "err\nout\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProcessesGetNoDescriptorsOfFiles(t *testing.T) {
	p := newProgram(t)
	t.Chdir(t.TempDir())
	list := `io.popen("ls /proc/self/fd | wc -l"):read("*n")`
	got := p.run(`local before = ` + list + ` local f, g = io.open("file", "w"), io.popen("cat", "w")
io.write(` + list + ` - before) f:close() g:close()`)
	if got != "0" {
		t.Errorf("a process got %s descriptors more", got)
	}
}

func TestRefusedIONamesThePermission(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/readable", "text")
	p := newProgram(t, func(c *interp.Config) {
		c.Host.Allow = &host.Permissions{Read: []string{dir + "/readable"}}
	})
	p.l.SetGlobal("dir", lua.LString(dir))
	for _, c := range []struct{ script, want string }{
		{`return io.open(dir .. "/readable")`, "file"},
		{`return io.open(dir .. "/readable", "a")`, "nil needs write= 13"},
		{`return io.open(dir .. "/readable", "r+")`, "nil needs write= 13"},
		{`return io.open(dir .. "/other")`, "nil needs read= 13"},
		{`return io.popen("true")`, "nil needs run=/bin/sh 13"},
		{`return io.tmpfile()`, "nil needs write= 13"},
		{`return os.remove(dir .. "/readable")`, "nil needs write= 13"},
		{`return os.rename(dir .. "/readable", dir .. "/other")`, "nil needs write= 13"},
		{`return os.tmpname()`, "nil needs write= 13"},
		{`return os.execute("true")`, "nil needs run=/bin/sh 13"},
		{`return os.execute()`, "0"},
		{`return os.getenv("PATH")`, "nil"},
		{`return os.setlocale()`, "C"},
		{`return pcall(os.setlocale, "C")`, "false needs os"},
		{`return pcall(os.exit)`, "false needs os"},
		{`return loadfile(dir .. "/other")`, "nil needs read="},
		{`return pcall(dofile, dir .. "/other")`, "false needs read="},
		{`return pcall(io.lines, dir .. "/other")`, "false needs read="},
	} {
		got := p.run(`local function show(v, message, errno)
  if io.type(v) then v:close() v = "file" end
  io.write(tostring(v), message and " " .. message:match("needs [^ )]+") or "", errno and " " .. errno or "")
end show((function() ` + c.script + ` end)())`)
		words := strings.SplitAfter(c.want, "=")
		if !strings.HasPrefix(got, words[0]) || len(words) > 1 && !strings.HasSuffix(got, words[len(words)-1]) {
			t.Errorf("%s: got %q, want %q", c.script, got, c.want)
		}
	}
}

func TestIOModulesAreLoaded(t *testing.T) {
	newProgram(t).run(`for _, name in ipairs { "io", "os", "package" } do assert(require(name) == _G[name], name) end`)
}

func TestPositionsAreTheCallers(t *testing.T) {
	p := newProgram(t)
	got := p.try("local function f()\n  io.open({})\nend\nf()")
	if want := "script:2: bad argument #1 to 'open' (string expected, got table)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// osPipe is a blocking pipe that is closed at the end of the test.
func osPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	pr, pw, err := host.New().Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	if r, err = pr.File(); err != nil {
		t.Fatal(err)
	}
	if w, err = pw.File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func BenchmarkWriteLines(b *testing.B) {
	b.Chdir(b.TempDir())
	p := newProgram(b)
	p.run(`f = io.open("file", "w") function lines(n) for i = 1, n do f:write("a line of text\n") end end`)
	p.l.SetGlobal("n", lua.LNumber(b.N))
	b.ResetTimer()
	p.run(`lines(n)`)
}

func BenchmarkReadLines(b *testing.B) {
	b.Chdir(b.TempDir())
	write(b, "file", string(bytes.Repeat([]byte("a line of text\n"), b.N)))
	p := newProgram(b)
	b.ResetTimer()
	p.run(`for line in io.lines("file") do end`)
}
