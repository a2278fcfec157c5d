package host_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

// sink is what a LateWriter writes to. It tells of each write, and refuses once fail is set.
type sink struct {
	mu    sync.Mutex
	got   bytes.Buffer
	sizes []int
	fail  error
	wrote chan struct{}
}

func newSink() *sink { return &sink{wrote: make(chan struct{}, 1000)} }

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.wrote <- struct{}{} }()
	if s.fail != nil {
		return 0, s.fail
	}
	s.sizes = append(s.sizes, len(p))
	return s.got.Write(p)
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func TestALateWriterLosesNothing(t *testing.T) {
	s := newSink()
	l := host.NewLateWriter(s, nil)
	var want strings.Builder
	for i := range 20_000 {
		line := strings.Repeat(string(rune('a'+i%26)), i%97) + "\n"
		want.WriteString(line)
		if n, err := l.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	l.Close()
	if s.text() != want.String() {
		t.Errorf("got %d bytes, want %d", len(s.text()), want.Len())
	}
	if n := len(s.sizes); n > 40 {
		t.Errorf("%d writes for a megabyte: the pieces are too small", n)
	}
	l.Write([]byte("after"))
	if !strings.HasSuffix(s.text(), "\nafter") {
		t.Error("what comes after Close is not written at once")
	}
}

func TestALateWriterWritesSoonWhatIsLittle(t *testing.T) {
	s := newSink()
	l := host.NewLateWriter(s, nil)
	defer l.Close()
	for _, line := range []string{"one\n", "two\n"} {
		l.Write([]byte(line))
		<-s.wrote
	}
	if s.text() != "one\ntwo\n" {
		t.Errorf("got %q", s.text())
	}
}

func TestALateWriterTellsOfAnErrorOnce(t *testing.T) {
	s := newSink()
	s.fail = errors.New("full")
	var told []error
	l := host.NewLateWriter(s, func(err error) { told = append(told, err) })
	l.Write([]byte("lost"))
	<-s.wrote
	l.Close()
	l.Write([]byte("lost, too"))
	if _, err := l.Write([]byte("x")); err == nil || err.Error() != "full" {
		t.Errorf("got %v from a later write", err)
	}
	if len(told) != 1 || told[0].Error() != "full" {
		t.Errorf("got %v", told)
	}
}

func TestCloseOfALateWriterDoesNotWaitForEver(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	l := host.NewLateWriter(writerFunc(func(p []byte) (int, error) { <-stuck; return len(p), nil }), nil)
	l.Write([]byte("x"))
	l.Close()
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
