package host

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// What can be done with the descriptor under a Stream or an Input, where there is one.

// standardFiles are the process's own streams as files.
var standardFiles = [...]*os.File{os.Stdin, os.Stdout, os.Stderr}

// FD is the descriptor's number; -1 when there is none, or when it is closed.
func (s *Stream) FD() int { return numberOf(s.conn) }

// FD is the descriptor's number; -1 when there is none, or when it is closed.
func (in *Input) FD() int { return numberOf(in.conn) }

// Seek sets the descriptor's position as io.Seeker does. Without a descriptor it is ESPIPE.
func (s *Stream) Seek(offset int64, whence int) (int64, error) { return seek(s.conn, offset, whence) }

// Seek sets the descriptor's position as io.Seeker does. Without a descriptor it is ESPIPE.
func (in *Input) Seek(offset int64, whence int) (int64, error) { return seek(in.conn, offset, whence) }

// File is what a process can be given to write to in the stream's place; nil when there is no descriptor. The caller
// does not close it.
func (s *Stream) File() *os.File { return fileOf(s.conn, s.w) }

// File is what a process can be given to read from in the input's place; nil when there is no descriptor. The caller
// does not close it.
func (in *Input) File() *os.File { return fileOf(in.conn, in.r) }

func numberOf(conn descriptor) int {
	number := -1
	if conn != nil {
		conn.Control(func(fd uintptr) { number = int(fd) }) // its error says that the file is closed
	}
	return number
}

func seek(conn descriptor, offset int64, whence int) (position int64, err error) {
	if conn == nil {
		return 0, unix.ESPIPE
	}
	if whence < io.SeekStart || whence > io.SeekEnd {
		return 0, unix.EINVAL
	}
	if conn.Control(func(fd uintptr) { position, err = unix.Seek(int(fd), offset, whence) }) != nil {
		return 0, os.ErrClosed // the only reason there is
	}
	return position, err
}

func fileOf(conn descriptor, v any) *os.File {
	if number, ok := conn.(standard); ok {
		return standardFiles[number]
	}
	file, _ := v.(*os.File)
	return file
}
