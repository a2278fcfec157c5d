package handle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// sink takes so many bytes at a time, and blocks when it has none left to take.
type sink struct {
	takes  []int // for each write; when they are used up, all
	writes int
	got    bytes.Buffer
	err    error // after what takes says
}

func (s *sink) Write(p []byte) (int, error) {
	s.writes++
	if len(s.takes) > 0 {
		n := s.takes[0]
		s.takes = s.takes[1:]
		if n == 0 {
			return 0, syscall.EAGAIN
		}
		p = p[:min(n, len(p))]
	} else if s.err != nil {
		return 0, s.err
	}
	return s.got.Write(p)
}

// drivers are one that is alone and one that shares memory with others.
func drivers(t *testing.T, f func(t *testing.T, d *handle.SysRW)) {
	t.Run("alone", func(t *testing.T) { f(t, &handle.SysRW{}) })
	t.Run("sharing", func(t *testing.T) { f(t, &handle.SysRW{Spare: &handle.Spare{}}) })
}

func mustPut(t testing.TB, d *handle.SysRW, chunks ...string) {
	t.Helper()
	if err := d.PutStrings(chunks); err != nil {
		t.Fatal(err)
	}
}

func wantQueued(t *testing.T, d *handle.SysRW, octets, messages int) {
	t.Helper()
	if d.Octets() != octets || d.Messages() != messages {
		t.Errorf("got %d octets in %d chunks, want %d in %d", d.Octets(), d.Messages(), octets, messages)
	}
}

func TestPutQueuesNothingOfNothing(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		mustPut(t, d)
		mustPut(t, d, "", "")
		if err := d.Put(nil); err != nil {
			t.Fatal(err)
		}
		wantQueued(t, d, 0, 0)
		if left, err := d.Flush(&sink{}); left != 0 || err != nil {
			t.Errorf("got %d, %v from a flush of nothing", left, err)
		}
	})
}

func TestPutCountsOctetsAndChunks(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		mustPut(t, d, "abc", "", "d")
		wantQueued(t, d, 4, 2)
		if err := d.PutAll([][]byte{[]byte("ef"), nil, []byte("g")}); err != nil {
			t.Fatal(err)
		}
		wantQueued(t, d, 7, 4)
		d.Drop()
		wantQueued(t, d, 0, 0)
	})
}

func TestAHalfWrittenChunkGoesOnWhereItStopped(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		s := &sink{takes: []int{4, 0, 1, 0, 100, 0}}
		mustPut(t, d, "abc", "def", "ghi")
		for _, want := range []struct{ octets, messages int }{{5, 2}, {4, 2}, {0, 0}} {
			left, err := d.Flush(s)
			if left != want.octets || err != nil {
				t.Fatalf("got %d, %v, want %d left", left, err, want.octets)
			}
			wantQueued(t, d, want.octets, want.messages)
		}
		if s.got.String() != "abcdefghi" {
			t.Errorf("got %q", s.got.String())
		}
	})
}

// What is put in one turn of the loop leaves in one system call, if it is not much.
func TestManyPutsLeaveInOneWrite(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		for range 3 { // with memory that was used before, too
			s := &sink{}
			for range 1024 {
				mustPut(t, d, strings.Repeat("x", 64))
			}
			if left, err := d.Flush(s); left != 0 || err != nil || s.writes != 1 {
				t.Errorf("got %d left, %v after %d writes, want 1", left, err, s.writes)
			}
		}
	})
}

func TestWhatAWriterTakesIsWhatWasPut(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		s, want, messages := &sink{}, bytes.Buffer{}, 0
		for i := range 400 {
			chunk := strings.Repeat(string(rune('a'+i%26)), i*7919%100_000)
			mustPut(t, d, chunk)
			want.WriteString(chunk)
			if chunk != "" {
				messages++
			}
			s.takes = []int{i * 31 % 70_000, 3, 0}
			left, err := d.Flush(s)
			if err != nil || s.got.Len()+left != want.Len() {
				t.Fatalf("got %d out and %d left, %v, want %d together", s.got.Len(), left, err, want.Len())
			}
		}
		s.takes = nil
		if left, err := d.Flush(s); left != 0 || err != nil {
			t.Fatalf("got %d left, %v", left, err)
		}
		wantQueued(t, d, 0, 0)
		if !bytes.Equal(s.got.Bytes(), want.Bytes()) {
			t.Error("the bytes that came out are not those that were put")
		}
	})
}

func TestAFailureLeavesWhatWasNotWritten(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		mustPut(t, d, "abc", "def")
		left, err := d.Flush(&sink{takes: []int{2}, err: syscall.EPIPE})
		if left != 4 || err != syscall.EPIPE {
			t.Errorf("got %d left, %v, want 4 and EPIPE", left, err)
		}
		wantQueued(t, d, 4, 2)
	})
}

func TestAWriterThatTakesNothingIsAFailure(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		mustPut(t, d, "abc")
		if left, err := d.Flush(nothing{}); left != 3 || err != io.ErrShortWrite {
			t.Errorf("got %d left, %v", left, err)
		}
	})
}

type nothing struct{}

func (nothing) Write([]byte) (int, error) { return 0, nil }

func TestMoreThanTheBoundIsRefusedWhole(t *testing.T) {
	chunk := make([]byte, 1<<20)
	for _, c := range []struct {
		name   string
		chunks [][]byte
	}{
		{"bytes", repeat(chunk, 513)},
		{"one too many", append(repeat(chunk, 512), []byte{0})},
		{"with what is there", repeat(chunk, 512)},
		{"a sum beyond any number", repeat(chunk, 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &handle.SysRW{}
			mustPut(t, d, "x")
			if err := d.PutAll(c.chunks); !errors.Is(err, syscall.ENOBUFS) {
				t.Errorf("got %v, want ENOBUFS", err)
			}
			wantQueued(t, d, 1, 1)
		})
	}
}

func repeat(chunk []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = chunk
	}
	return all
}

// There is one for each connection, and most of them have nothing to write.
func TestAnEmptyDriverIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(handle.SysRW{}); size > 64 {
		t.Errorf("got %d bytes, want 64 at most", size)
	}
	spare, s := &handle.Spare{}, &sink{}
	all, chunk := make([]handle.SysRW, 1000), []byte("GET / HTTP/1.0\r\n")
	allocations := testing.AllocsPerRun(10, func() {
		for i := range all {
			all[i].Spare = spare
			if err := all[i].Put(chunk); err != nil {
				t.Fatal(err)
			}
			if _, err := all[i].Flush(s); err != nil {
				t.Fatal(err)
			}
		}
		s.got.Reset()
	})
	if allocations > float64(len(all))/10 {
		t.Errorf("got %v allocations for %d flushes: they do not share their memory", allocations, len(all))
	}
}

func TestGetGivesWhatIsThere(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		d.BlockSize = 4
		r, w, err := host.New().Pipe("")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if p, err := d.Get(r); p != nil || err != nil {
			t.Errorf("got %q, %v where nothing is", p, err)
		}
		if _, err := w.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
		w.Close()
		for _, want := range []string{"0123", "4567", "89"} {
			if p, err := d.Get(r); string(p) != want || err != nil {
				t.Errorf("got %q, %v, want %q", p, err, want)
			}
		}
		if p, err := d.Get(r); len(p) != 0 || err != io.EOF {
			t.Errorf("got %q, %v, want the end", p, err)
		}
		r.Close()
		if _, err := d.Get(r); err != syscall.EBADF {
			t.Errorf("got %v, want EBADF", err)
		}
	})
}

// A block size is a promise of no more, not a demand for memory.
func TestGetBoundsItsMemory(t *testing.T) {
	d := &handle.SysRW{BlockSize: 1 << 40}
	p, err := d.Get(zeros{})
	if len(p) != 16<<20 || err != nil {
		t.Errorf("got %d bytes, %v, want 16 MiB", len(p), err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestFlushIntoAPipeLosesNothing(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		r, w, err := host.New().Pipe("")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		var want, got bytes.Buffer
		for i := 0; want.Len() < 4<<20; i++ {
			chunk := fmt.Sprintf("%0100d,", i)
			mustPut(t, d, chunk)
			want.WriteString(chunk)
		}
		reader, waited := &handle.SysRW{}, false
		for got.Len() < want.Len() {
			left, err := d.Flush(w)
			if err != nil {
				t.Fatal(err)
			}
			waited = waited || left > 0
			p, err := reader.Get(r)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(p)
		}
		if !waited || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("waited %v, got %d bytes, want the %d that were put", waited, got.Len(), want.Len())
		}
	})
}

func TestFlushToAClosedReaderIsEPIPE(t *testing.T) {
	drivers(t, func(t *testing.T, d *handle.SysRW) {
		r, w, err := host.New().Pipe("")
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		r.Close()
		mustPut(t, d, "abc")
		if left, err := d.Flush(w); left != 3 || err != syscall.EPIPE {
			t.Errorf("got %d left, %v, want 3 and EPIPE", left, err)
		}
	})
}

func FuzzSysRW(f *testing.F) {
	f.Add([]byte{3, 200, 0, 7, 255, 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		d, s, want := &handle.SysRW{Spare: &handle.Spare{}}, &sink{}, bytes.Buffer{}
		for i, step := range steps {
			if step%2 == 0 {
				s.takes = append(s.takes, int(step)*int(step), 0)
				if _, err := d.Flush(s); err != nil {
					t.Fatal(err)
				}
				s.takes = nil
				continue
			}
			chunk := bytes.Repeat([]byte{byte(i)}, int(step)*int(step))
			want.Write(chunk)
			if err := d.Put(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Flush(s); err != nil || !bytes.Equal(s.got.Bytes(), want.Bytes()) {
			t.Errorf("got %d bytes, %v, want the %d that were put", s.got.Len(), err, want.Len())
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkSysRW(b *testing.B) {
	for _, c := range []struct {
		name       string
		size, puts int
	}{{"64 bytes", 64, 64}, {"4 KiB", 4096, 16}, {"8 MiB", 8 << 20, 1}} {
		b.Run(c.name, func(b *testing.B) {
			d, chunk := &handle.SysRW{Spare: &handle.Spare{}}, make([]byte, c.size)
			b.SetBytes(int64(c.size * c.puts))
			b.ReportAllocs()
			for b.Loop() {
				for range c.puts {
					if err := d.Put(chunk); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := d.Flush(discard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSysRWBehind has a reader that is far behind: the time for each chunk is the same whatever is queued.
func BenchmarkSysRWBehind(b *testing.B) {
	for _, queued := range []int{1 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%d MiB", queued>>20), func(b *testing.B) {
			d, chunk, s := &handle.SysRW{Spare: &handle.Spare{}}, make([]byte, 64), &slow{}
			for d.Octets() < queued {
				if err := d.Put(chunk); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := d.Put(chunk); err != nil {
					b.Fatal(err)
				}
				if _, err := d.Flush(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// slow takes 64 bytes, then blocks.
type slow struct{ blocked bool }

func (s *slow) Write(p []byte) (int, error) {
	if s.blocked = !s.blocked; !s.blocked {
		return 0, syscall.EAGAIN
	}
	return min(64, len(p)), nil
}
