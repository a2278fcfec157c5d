package interp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel/host"
)

// file is a Lua file: what io.open gives, a standard stream, or one end of a pipe to a process.
//
// Reads go through a buffer, which is made by the first of them. Writes to a regular file do as well, as in C; they
// leave when it is full, on flush, seek and close, on every way out of the program, and after the file has become garbage.
// Anything else that is written to (a FIFO, a terminal, a process) gets the bytes at once: at its other end somebody
// waits for them.
type file struct {
	files  *files
	system *os.File     // nil for a standard stream
	in     *host.Input  // nil when it is not open for reading
	out    *host.Stream // nil when it is not open for writing
	pid    int          // of the process at the other end; 0 if there is none
	closed bool

	reader *bufio.Reader // nil before the first read
	exact  bool          // reads take no more than they need: setvbuf("no")
	want   int           // bytes that the read in progress still needs, when exact

	pending []byte // written and not out yet, at most size bytes
	mode    buffering
	size    int
}

// buffering says when written bytes leave.
type buffering int

const (
	atOnce buffering = iota
	byLine
	whenFull
)

const (
	bufferSize = 4096
	bufferMost = 1 << 24 // what setvbuf can ask for
	chunkSize  = 1 << 16 // more is not allocated before it has arrived
)

// FD is the descriptor's number; -1 when there is none, or when the file is closed.
func (f *file) FD() int {
	switch {
	case f.closed:
		return -1
	case f.in != nil:
		return f.in.FD()
	default:
		return f.out.FD()
	}
}

func (f *file) String() string {
	if f.closed {
		return "file (closed)"
	}
	return fmt.Sprintf("file (%p)", f)
}

// Read is where the buffer is filled from.
func (f *file) Read(p []byte) (int, error) {
	if f.exact {
		p = p[:min(len(p), max(f.want, 1))]
	}
	n, err := f.in.Read(p)
	f.want -= n
	f.files.touched()
	return n, err
}

// input is the buffer to read n bytes from.
func (f *file) input(n int) (*bufio.Reader, error) {
	if f.in == nil {
		return nil, syscall.EBADF
	}
	if f.in == f.files.c.Stdin && !f.files.c.diversion.reads() {
		return nil, errPrompt
	}
	if err := f.flush(); err != nil {
		return nil, err
	}
	if f.reader == nil {
		f.reader = bufio.NewReaderSize(f, bufferSize)
	}
	f.want = n
	return f.reader, nil
}

// readLine gives a line without its end; io.EOF when there is none.
func (f *file) readLine() (string, error) {
	r, err := f.input(1)
	if err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case err == io.EOF && line != "":
		return line, nil
	}
	return "", err
}

// readAll gives what is left, perhaps "".
func (f *file) readAll() (string, error) {
	r, err := f.input(math.MaxInt)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(r)
	return b.String(), err
}

// readBytes gives n bytes, fewer if the end comes first; io.EOF when it comes at once.
func (f *file) readBytes(n int) (string, error) {
	r, err := f.input(n)
	if err != nil {
		return "", err
	}
	if n == 0 {
		_, err := r.Peek(1)
		return "", err
	}
	f.want -= r.Buffered()
	if n <= chunkSize {
		p := make([]byte, n)
		got, err := io.ReadFull(r, p)
		if err == io.ErrUnexpectedEOF {
			err = nil
		}
		return string(p[:got]), err
	}
	var b bytes.Buffer
	got, err := io.CopyN(&b, r, int64(n))
	if err == io.EOF && got > 0 {
		err = nil
	}
	return b.String(), err
}

// readNumber gives the number that comes next; ok is false when none does.
func (f *file) readNumber() (number float64, ok bool, err error) {
	r, err := f.input(1)
	if err != nil {
		return 0, false, err
	}
	return scanNumber(r)
}

// write takes all of p, into the buffer or out.
func (f *file) write(p []byte) error {
	if f.out == nil {
		return syscall.EBADF
	}
	if f.out == f.files.c.Stdout && f.files.c.diversion.diverted(p) {
		return nil
	}
	if err := f.dropReadAhead(); err != nil {
		return err
	}
	if len(f.pending)+len(p) > f.size || f.mode == atOnce {
		if err := f.flush(); err != nil {
			return err
		}
	}
	if f.mode == atOnce || len(p) > f.size {
		_, err := f.put(p)
		return err
	}
	f.pending = append(f.pending, p...)
	if f.mode == byLine && bytes.IndexByte(p, '\n') >= 0 {
		return f.flush()
	}
	return nil
}

// dropReadAhead sets the position back to where reading has got. Where there is no position, as in a terminal, reading
// and writing have nothing to do with each other, and what was read ahead stays.
func (f *file) dropReadAhead() error {
	if f.reader == nil || f.reader.Buffered() == 0 {
		return nil
	}
	_, err := f.out.Seek(-int64(f.reader.Buffered()), io.SeekCurrent)
	if err == nil {
		f.reader.Reset(f)
	} else if errors.Is(err, syscall.ESPIPE) {
		err = nil
	}
	return err
}

// flush writes what is pending. After a failure the rest is pending still.
func (f *file) flush() error {
	if len(f.pending) == 0 {
		return nil
	}
	n, err := f.put(f.pending)
	f.pending = slices.Delete(f.pending, 0, n)
	return err
}

func (f *file) put(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.out.Write(p)
	f.files.touched()
	return n, err
}

// seek sets the position and tells it.
func (f *file) seek(offset int64, whence int) (int64, error) {
	if err := f.flush(); err != nil {
		return 0, err
	}
	ahead := int64(0)
	if f.reader != nil {
		ahead = int64(f.reader.Buffered())
	}
	if whence == io.SeekCurrent {
		if offset == 0 { // only asked for
			at, err := f.position(0, io.SeekCurrent)
			return at - ahead, err
		}
		offset -= ahead
	}
	at, err := f.position(offset, whence)
	if err == nil && f.reader != nil {
		f.reader.Reset(f)
	}
	return at, err
}

func (f *file) position(offset int64, whence int) (int64, error) {
	if f.in != nil {
		return f.in.Seek(offset, whence)
	}
	return f.out.Seek(offset, whence)
}

// setBuffering is setvbuf. The standard streams always write at once: print writes to them as well, and what comes first
// must leave first.
func (f *file) setBuffering(mode buffering, size int) error {
	f.exact = mode == atOnce
	if f.system == nil || f.out == nil {
		return nil
	}
	err := f.flush()
	f.mode, f.size = mode, min(max(size, 0), bufferMost)
	return err
}

// close closes the file whatever becomes of the bytes that are pending; the error tells. It waits for the end of the
// process that popen started.
func (f *file) close() error {
	err := f.flush()
	if closing := f.files.c.Closing; closing != nil {
		if fd := f.FD(); fd >= 0 {
			closing(fd)
		}
	}
	if e := f.drop(); err == nil {
		err = e
	}
	if f.pid != 0 {
		f.files.c.Host.Wait(f.pid)
	}
	return err
}

// drop closes the descriptor.
func (f *file) drop() error {
	f.closed = true
	f.reader, f.pending = nil, nil
	return f.system.Close()
}

// files is what one Lua state has open.
type files struct {
	c       Config
	meta    *lua.LTable
	stdin   *file
	input   *lua.LUserData // what io.read reads
	output  *lua.LUserData // what io.write writes
	scratch []byte

	open  []held // oldest first; closed ones and garbage go when it gets longer than bound
	bound int
}

// held is a file and the Lua value of it. The file is held here too, so that its pending bytes are not lost with that.
type held struct {
	f     *file
	owner weak.Pointer[lua.LUserData]
}

// sweepFirst is how many files are opened before the first look for garbage.
const sweepFirst = 16

func newFiles(c Config) *files {
	fs := &files{c: c, bound: sweepFirst}
	c.Host.AtExit(fs.leave)
	return fs
}

// touched says that a descriptor was read or written.
func (fs *files) touched() {
	if fs.c.Touched != nil {
		fs.c.Touched()
	}
}

// add makes a Lua value of a file.
func (fs *files) add(f *file) *lua.LUserData {
	ud := &lua.LUserData{Value: f, Metatable: fs.meta}
	if f.system == nil {
		return ud
	}
	if len(fs.open) >= fs.bound {
		fs.sweep()
		fs.bound = max(sweepFirst, 2*len(fs.open))
	}
	fs.open = append(fs.open, held{f, weak.Make(ud)})
	return ud
}

// sweep closes the files that are garbage, as Lua's collector would.
func (fs *files) sweep() {
	fs.open = slices.DeleteFunc(fs.open, func(o held) bool {
		if !o.f.closed && o.owner.Value() == nil {
			o.f.flush()
			o.f.drop()
		}
		return o.f.closed
	})
}

// leave brings out what is pending and closes everything, on the way out of the program.
func (fs *files) leave() {
	for _, o := range fs.open {
		if !o.f.closed {
			o.f.flush()
			o.f.drop()
		}
	}
	fs.open = nil
}

// flushAll brings out what is pending in all files.
func (fs *files) flushAll() {
	for _, o := range fs.open {
		if !o.f.closed {
			o.f.flush()
		}
	}
}

// openFile opens a file by its name. When there are no descriptors left, those of garbage are given back first.
func (fs *files) openFile(name string, m fileMode) (*file, error) {
	system, err := fs.retried(func() (*os.File, error) { return fs.c.Host.OpenFile(name, m.flags, 0o666) })
	if err != nil {
		return nil, err
	}
	f := fs.wrap(system, m.reads, m.writes)
	if m.atEnd {
		f.out.Seek(0, io.SeekEnd) // for seek to tell; what has no position does not need it
	}
	return f, nil
}

func (fs *files) retried(open func() (*os.File, error)) (*os.File, error) {
	system, err := open()
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		runtime.GC()
		fs.sweep()
		if fs.c.Collected != nil {
			fs.c.Collected()
		}
		system, err = open()
	}
	return system, err
}

// wrap makes a Lua file of the system's.
func (fs *files) wrap(system *os.File, reads, writes bool) *file {
	f := &file{files: fs, system: system, size: bufferSize}
	if reads {
		f.in = host.NewInput(system)
	}
	if writes {
		f.out = host.NewStream(system)
		if info, err := system.Stat(); err == nil && info.Mode().IsRegular() {
			f.mode = whenFull
		}
	}
	return f
}

// fileMode is how a file is opened.
type fileMode struct {
	flags         int
	reads, writes bool
	atEnd         bool
}

var fileModes = map[string]fileMode{
	"r":  {os.O_RDONLY, true, false, false},
	"w":  {os.O_WRONLY | os.O_CREATE | os.O_TRUNC, false, true, false},
	"a":  {os.O_WRONLY | os.O_CREATE | os.O_APPEND, false, true, true},
	"r+": {os.O_RDWR, true, true, false},
	"w+": {os.O_RDWR | os.O_CREATE | os.O_TRUNC, true, true, false},
	"a+": {os.O_RDWR | os.O_CREATE | os.O_APPEND, true, true, false},
}

// parseMode reads a mode: one of fileModes, with a b after its letter or at its end.
func parseMode(text string) (m fileMode, ok bool) {
	if i := strings.IndexByte(text, 'b'); i > 0 {
		text = text[:i] + text[i+1:]
	}
	m, ok = fileModes[text]
	return m, ok
}
