package interp

import (
	"errors"
	"io"
	"math"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

// openIO makes the library io of Lua 5.1 on the host's files.
//
// Differs: an unknown mode of open and popen raises, and a zero byte does not end a line that is read.
func openIO(l *lua.LState, c Config) *files {
	fs := newFiles(c)
	methods := l.SetFuncs(l.CreateTable(0, 8), map[string]lua.LGFunction{
		"close":   fs.fileClose,
		"flush":   fs.fileFlush,
		"lines":   fs.fileLines,
		"read":    fs.fileRead,
		"seek":    fs.fileSeek,
		"setvbuf": fs.fileSetvbuf,
		"write":   fs.fileWrite,
	})
	fs.meta = l.NewTypeMetatable("FILE*")
	fs.meta.RawSetString("__name", lua.LString("FILE*"))
	fs.meta.RawSetString("__index", methods)
	fs.meta.RawSetString("__tostring", l.NewFunction(fs.fileToString))

	module := l.RegisterModule(lua.IoLibName, map[string]lua.LGFunction{
		"close":   fs.close,
		"flush":   fs.flush,
		"input":   fs.setInput,
		"lines":   fs.lines,
		"open":    fs.openNamed,
		"output":  fs.setOutput,
		"popen":   fs.popen,
		"read":    fs.read,
		"tmpfile": fs.tempFile,
		"type":    fs.typeOf,
		"write":   fs.write,
	}).(*lua.LTable)
	fs.stdin = &file{files: fs, in: c.Stdin}
	fs.input = fs.add(fs.stdin)
	fs.output = fs.add(&file{files: fs, out: c.Stdout})
	module.RawSetString("stdin", fs.input)
	module.RawSetString("stdout", fs.output)
	module.RawSetString("stderr", fs.add(&file{files: fs, out: c.Stderr}))
	return fs
}

// strerror is the system's text for an error number as C has it: Go's begin with a small letter.
func strerror(errno syscall.Errno) string {
	text := []byte(errno.Error())
	if len(text) > 0 && 'a' <= text[0] && text[0] <= 'z' {
		text[0] -= 'a' - 'A'
	}
	return string(text)
}

// reason is what a script is told of an error, as Lua words it. A refusal is told in full.
func reason(err error) string {
	if errno := host.Errno(err); !isRefusal(err) && (errno != syscall.EIO || errors.Is(err, syscall.EIO)) {
		return strerror(errno)
	}
	return err.Error()
}

// reasonFor is reason with the name that it was about. A refusal has it already.
func reasonFor(name string, err error) string {
	if isRefusal(err) {
		return reason(err)
	}
	return name + ": " + reason(err)
}

func isRefusal(err error) bool {
	_, refused := errors.AsType[*host.PermissionError](err)
	return refused
}

// refuse pushes nil, message and errno.
func refuse(l *lua.LState, message string, err error) int {
	l.Push(lua.LNil)
	l.Push(lua.LString(message))
	l.Push(lua.LNumber(host.Errno(err)))
	return 3
}

// outcome pushes true, or what went wrong.
func outcome(l *lua.LState, err error) int {
	if err != nil {
		return refuse(l, reason(err), err)
	}
	return luax.True(l)
}

// outcomeFor is outcome of what was done to the thing of that name.
func outcomeFor(l *lua.LState, name string, err error) int {
	if err != nil {
		return refuse(l, reasonFor(name, err), err)
	}
	return luax.True(l)
}

// asFile is v as a file; nil if it is none.
func asFile(v lua.LValue) *file {
	if ud, ok := v.(*lua.LUserData); ok {
		f, _ := ud.Value.(*file)
		return f
	}
	return nil
}

// fileArg is argument 1, which must be a file.
func fileArg(l *lua.LState, name string) *file {
	f := asFile(l.Get(1))
	if f == nil {
		luax.Args{L: l, Name: name}.Fail(1, "FILE*")
	}
	return f
}

// openArg is argument 1, which must be a file that is not closed.
func openArg(l *lua.LState, name string) *file {
	return opened(l, fileArg(l, name))
}

func opened(l *lua.LState, f *file) *file {
	if f.closed {
		l.RaiseError("attempt to use a closed file")
	}
	return f
}

// standard is the default input or output.
func standard(l *lua.LState, ud *lua.LUserData, name string) *file {
	f := asFile(ud)
	if f.closed {
		l.RaiseError("standard %s file is closed", name)
	}
	return f
}

func (fs *files) openNamed(l *lua.LState) int {
	a := luax.Args{L: l, Name: "open"}
	name, mode := textArg(a, 1), "r"
	if !a.Missing(2) {
		mode = textArg(a, 2)
	}
	m, ok := parseMode(mode)
	if !ok {
		luax.ArgError(l, "open", 2, "invalid mode")
	}
	f, err := fs.openFile(name, m)
	if err != nil {
		return refuse(l, reasonFor(name, err), err)
	}
	l.Push(fs.add(f))
	return 1
}

func (fs *files) tempFile(l *lua.LState) int {
	system, err := fs.retried(fs.c.Host.TempFile)
	if err != nil {
		return refuse(l, reason(err), err)
	}
	l.Push(fs.add(fs.wrap(system, true, true)))
	return 1
}

func (fs *files) typeOf(l *lua.LState) int {
	if l.GetTop() == 0 {
		luax.ArgError(l, "type", 1, "value expected")
	}
	switch f := asFile(l.Get(1)); {
	case f == nil:
		l.Push(lua.LNil)
	case f.closed:
		l.Push(lua.LString("closed file"))
	default:
		l.Push(lua.LString("file"))
	}
	return 1
}

func (fs *files) setInput(l *lua.LState) int  { return fs.setStandard(l, "input", "r", &fs.input) }
func (fs *files) setOutput(l *lua.LState) int { return fs.setStandard(l, "output", "w", &fs.output) }

// setStandard is io.input and io.output: without an argument it tells, with a file or a name it sets.
func (fs *files) setStandard(l *lua.LState, name, mode string, ud **lua.LUserData) int {
	a := luax.Args{L: l, Name: name}
	switch a.Get(1).(type) {
	case *lua.LNilType:
	case lua.LString, lua.LNumber:
		*ud = fs.mustOpen(a, mode)
	default:
		openArg(l, name)
		*ud = l.Get(1).(*lua.LUserData)
	}
	l.Push(*ud)
	return 1
}

// mustOpen opens the file that argument 1 names. That it cannot be opened is an error.
func (fs *files) mustOpen(a luax.Args, mode string) *lua.LUserData {
	name := textArg(a, 1)
	f, err := fs.openFile(name, fileModes[mode])
	if err != nil {
		luax.ArgError(a.L, a.Name, 1, reasonFor(name, err))
	}
	return fs.add(f)
}

func (fs *files) read(l *lua.LState) int {
	return fs.readFormats(l, standard(l, fs.input, "input"), 0)
}

func (fs *files) fileRead(l *lua.LState) int { return fs.readFormats(l, openArg(l, "read"), 1) }

// format is what one argument of read asks for: 'n', 'l', 'a', or 'c' and a number of bytes.
type format struct {
	kind  byte
	bytes int
}

// formats checks the arguments of read. Nothing is read before all are known to be good.
func formats(a luax.Args) []format {
	if a.Count() == 0 {
		return []format{{kind: 'l'}}
	}
	list := make([]format, a.Count())
	for i := range list {
		switch v := a.Get(i + 1).(type) {
		case lua.LNumber:
			n := whole(float64(v))
			if n < 0 {
				n = math.MaxInt64 // as C sees it
			}
			list[i] = format{'c', int(n)}
		case lua.LString:
			if len(v) == 0 || v[0] != '*' {
				luax.ArgError(a.L, a.Name, i+1, "invalid option")
			}
			if len(v) < 2 || v[1] != 'n' && v[1] != 'l' && v[1] != 'a' {
				luax.ArgError(a.L, a.Name, i+1, "invalid format")
			}
			list[i].kind = v[1]
		default:
			luax.ArgError(a.L, a.Name, i+1, "invalid option")
		}
	}
	return list
}

// readFormats pushes what was read, up to the first that the end of the file leaves without a value: that is nil.
func (fs *files) readFormats(l *lua.LState, f *file, base int) int {
	list := formats(luax.Args{L: l, Name: "read", Base: base})
	for i, want := range list {
		v, err := f.readFormat(want)
		if err != nil && err != io.EOF {
			return refuse(l, reason(err), err)
		}
		l.Push(v)
		if v == lua.LNil {
			return i + 1
		}
	}
	return len(list)
}

// readFormat reads one value, nil at the end.
func (f *file) readFormat(want format) (lua.LValue, error) {
	var s string
	var err error
	switch want.kind {
	case 'n':
		number, ok, err := f.readNumber()
		if err != nil || !ok {
			return lua.LNil, err
		}
		return lua.LNumber(number), nil
	case 'l':
		s, err = f.readLine()
	case 'a':
		s, err = f.readAll()
	default:
		s, err = f.readBytes(want.bytes)
	}
	if err != nil {
		return lua.LNil, err
	}
	return lua.LString(s), nil
}

func (fs *files) write(l *lua.LState) int {
	return fs.writeArgs(l, standard(l, fs.output, "output"), 0)
}

func (fs *files) fileWrite(l *lua.LState) int { return fs.writeArgs(l, openArg(l, "write"), 1) }

// writeArgs writes all arguments in one go.
func (fs *files) writeArgs(l *lua.LState, f *file, base int) int {
	a := luax.Args{L: l, Name: "write", Base: base}
	p := fs.scratch[:0]
	for i := 1; i <= a.Count(); i++ {
		switch v := a.Get(i).(type) {
		case lua.LString:
			p = append(p, v...)
		case lua.LNumber:
			p = appendNumeral(p, float64(v))
		default:
			a.Fail(i, "string")
		}
	}
	if cap(p) <= chunkSize {
		fs.scratch = p
	}
	return outcome(l, f.write(p))
}

// lines iterates over the lines of the default input, or of a file that is opened for it and closed after the last.
func (fs *files) lines(l *lua.LState) int {
	a := luax.Args{L: l, Name: "lines"}
	if a.Missing(1) {
		opened(l, asFile(fs.input))
		return fs.iterate(l, fs.input, false)
	}
	return fs.iterate(l, fs.mustOpen(a, "r"), true)
}

func (fs *files) fileLines(l *lua.LState) int {
	openArg(l, "lines")
	return fs.iterate(l, l.Get(1).(*lua.LUserData), false)
}

// iterate pushes a function that gives the next line each time. It holds the Lua value: a file in use is not garbage.
func (fs *files) iterate(l *lua.LState, ud *lua.LUserData, closes bool) int {
	l.Push(l.NewFunction(func(l *lua.LState) int {
		f := asFile(ud)
		if f.closed {
			l.RaiseError("file is already closed")
		}
		line, err := f.readLine()
		switch {
		case err == nil:
			l.Push(lua.LString(line))
			return 1
		case err != io.EOF:
			l.RaiseError("%s", reason(err))
		}
		if closes {
			f.close()
		}
		return 0
	}))
	return 1
}

// close closes a file, or the default output.
func (fs *files) close(l *lua.LState) int {
	if l.GetTop() == 0 {
		return fs.closeFile(l, opened(l, asFile(fs.output)))
	}
	return fs.fileClose(l)
}

func (fs *files) fileClose(l *lua.LState) int { return fs.closeFile(l, openArg(l, "close")) }

func (fs *files) closeFile(l *lua.LState, f *file) int {
	if f.system == nil {
		l.Push(lua.LNil)
		l.Push(lua.LString("cannot close standard file"))
		return 2
	}
	return outcome(l, f.close())
}

func (fs *files) flush(l *lua.LState) int {
	return outcome(l, standard(l, fs.output, "output").flush())
}

func (fs *files) fileFlush(l *lua.LState) int { return outcome(l, openArg(l, "flush").flush()) }

var whences = map[string]int{"set": io.SeekStart, "cur": io.SeekCurrent, "end": io.SeekEnd}

func (fs *files) fileSeek(l *lua.LState) int {
	f := openArg(l, "seek")
	a := luax.Args{L: l, Name: "seek", Base: 1}
	whence, offset := io.SeekCurrent, int64(0)
	if !a.Missing(1) {
		whence = optionArg(a, 1, whences)
	}
	if !a.Missing(2) {
		offset = whole(numberArg(a, 2))
	}
	at, err := f.seek(offset, whence)
	if err != nil {
		return refuse(l, reason(err), err)
	}
	l.Push(lua.LNumber(at))
	return 1
}

var bufferings = map[string]buffering{"no": atOnce, "line": byLine, "full": whenFull}

func (fs *files) fileSetvbuf(l *lua.LState) int {
	f := openArg(l, "setvbuf")
	a := luax.Args{L: l, Name: "setvbuf", Base: 1}
	mode, size := optionArg(a, 1, bufferings), bufferSize
	if !a.Missing(2) {
		size = int(whole(numberArg(a, 2)))
	}
	return outcome(l, f.setBuffering(mode, size))
}

// optionArg is argument n, which must be one of the names.
func optionArg[T any](a luax.Args, n int, options map[string]T) T {
	name := textArg(a, n)
	option, ok := options[name]
	if !ok {
		luax.ArgError(a.L, a.Name, n, "invalid option '"+name+"'")
	}
	return option
}

func (fs *files) fileToString(l *lua.LState) int {
	l.Push(lua.LString(fileArg(l, "tostring").String()))
	return 1
}
