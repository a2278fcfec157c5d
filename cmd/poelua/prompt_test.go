package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chzyer/readline"

	"github.com/poelua/poelua/runtime/repl"
)

func TestPipeGivesLines(t *testing.T) {
	for _, c := range []struct {
		name, input string
		lines       []string
		complaints  int
	}{
		{"nothing", "", nil, 0},
		{"lines", "a\nb\n", []string{"a", "b"}, 0},
		{"a last one without an end", "a\nb", []string{"a", "b"}, 0},
		{"empty ones", "\n\n", []string{"", ""}, 0},
		{"ends like Windows'", "a\r\nb\r\n", []string{"a", "b"}, 0},
		{"as long as may be", strings.Repeat("x", 8000) + "\ny\n", []string{strings.Repeat("x", 8000), "y"}, 0},
		{"too long", strings.Repeat("x", 8001) + "\ny\n", []string{"y"}, 1},
		{"much too long, and the last", "y\n" + strings.Repeat("x", 80000), []string{"y"}, 1},
		{"zero bytes", "a\x00b\n", []string{"a\x00b"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPipe(strings.NewReader(c.input), 8000)
			complaints := 0
			p.complain = func(string) { complaints++ }
			var lines []string
			for {
				line, err := p.Ask(repl.Ready)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				lines = append(lines, line)
			}
			if !slices.Equal(lines, c.lines) || complaints != c.complaints {
				t.Errorf("got %d lines and %d complaints, want %d and %d", len(lines), complaints, len(c.lines), c.complaints)
			}
		})
	}
}

// said is a talker that notes what it hears. Lines that begin with "more" want more.
type said []string

func (s *said) Line(text string) (repl.State, error) {
	*s = append(*s, text)
	switch {
	case strings.HasPrefix(text, "more"):
		return repl.More, nil
	case text == ".quit":
		return repl.Quit, nil
	case text == "over":
		return repl.Ready, errEnded
	}
	return repl.Ready, nil
}
func (s *said) Drop()                                     { *s = append(*s, "(drop)") }
func (s *said) Complete(_ string, at int) (int, []string) { return at, nil }
func (s *said) Interrupt()                                {}

func TestConversation(t *testing.T) {
	for _, c := range []struct {
		name, input string
		said        []string
		err         error
	}{
		{"the end of the input leaves", "a\nb\n", []string{"a", "b"}, nil},
		{".quit leaves", "a\n.quit\nb\n", []string{"a", ".quit"}, nil},
		{"what is unfinished at the end is told of", "more\n", []string{"more", ""}, nil},
		{"the end of the program leaves", "over\nb\n", []string{"over"}, errEnded},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s said
			if err := converse(newPipe(strings.NewReader(c.input), 100), &s); err != c.err || !slices.Equal(s, c.said) {
				t.Errorf("got %q, %v", s, err)
			}
		})
	}
}

func TestDisplayKeepsOrderAndGoesOnDirectly(t *testing.T) {
	var out bytes.Buffer
	d := newDisplay(func(p []byte) error { out.Write(p); return nil })
	var want strings.Builder
	for i := range 2000 {
		line := strings.Repeat("x", i) + "\n"
		want.WriteString(line)
		if _, err := io.WriteString(d, line); err != nil {
			t.Fatal(err)
		}
	}
	d.End(&out)
	io.WriteString(d, "after")
	if got := out.String(); got != want.String()+"after" {
		t.Errorf("got %d bytes, want %d", len(got), want.Len()+5)
	}
}

func TestDisplayTellsOfAFailureWithTheNextWrite(t *testing.T) {
	d := newDisplay(func([]byte) error { return io.ErrClosedPipe })
	d.Write([]byte("x"))
	d.Flush()
	if _, err := d.Write([]byte("y")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestHistoryIsBoundedAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "poelua", "history")
	h := openHistory(path)
	for i := range 3 * historyEntries {
		h.add(strings.Repeat("x", i%7+1))
	}
	if n := len(h.all()); n != historyEntries {
		t.Errorf("got %d lines in memory", n)
	}
	for range 2 {
		h = openHistory(path)
		text, err := os.ReadFile(path)
		if n := strings.Count(string(text), "\n"); err != nil || n != historyEntries || len(h.all()) != historyEntries {
			t.Errorf("got %d lines, %v", n, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got %v, %v", info.Mode(), err)
		}
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("long\x00"), historyBytes), 0o644); err != nil {
		t.Fatal(err)
	}
	if h = openHistory(path); len(h.all()) > 0 {
		t.Errorf("a file that is none: got %d lines", len(h.all()))
	}
	if h = openHistory(""); h.file != nil {
		t.Error("there is a file without a path")
	}
	h.add("kept in memory")
	if !slices.Equal(h.all(), []string{"kept in memory"}) {
		t.Errorf("got %q", h.all())
	}
}

func TestSearchFindsWhileOneTypes(t *testing.T) {
	entries := []string{"first = 1", "second = 2", "fifth = 5"}
	const back, bell = readline.CharBackspace, readline.CharBell
	for _, c := range []struct {
		name string
		keys []rune
		want string
		more bool
	}{
		{"the newest that contains it", []rune("i"), "fifth = 5", true},
		{"an older one with more of it", []rune("fir"), "first = 1", true},
		{"the next older one", []rune{'f', 'i', searchKey}, "first = 1", true},
		{"none older: it stays", []rune{'f', 'i', searchKey, searchKey, searchKey}, "first = 1", true},
		{"less of it begins anew", []rune{'f', 'i', 'r', back}, "fifth = 5", true},
		{"more than it can look for", []rune("fir" + strings.Repeat("x", 2*queryMost)), "first = 1", true},
		{"nothing found: the line stays", []rune("zzz"), "typed", true},
		{"^G gives the line back", []rune{'f', bell}, "typed", false},
		{"any other key takes what was found", []rune{'f', 'i', 'r', readline.CharLineStart}, "made by readline", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := search{on: true, at: len(entries), saved: []rune("typed")}
			var line []rune
			var more bool
			for _, key := range c.keys {
				line, more = s.step(entries, []rune("made by readline"), key)
			}
			if string(line) != c.want || more != c.more {
				t.Errorf("got %q, %v", string(line), more)
			}
		})
	}
}

func TestKeysLeaveOutWhatReadlineDoesNotBear(t *testing.T) {
	got, err := io.ReadAll(newKeys(strings.NewReader("\x00a\x00\x04b\x12\x13ü\xff\x00")))
	if want := "a" + string(endKey) + "b" + string(searchKey) + "ü\xff"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestWhatComesAtOnceIsOneKey(t *testing.T) {
	const long = "sixteen characters and more, with ü"
	for _, c := range []struct {
		name, typed string
		keys        []rune
		pasted      []string
	}{
		{"short", "fifteen charact", []rune("fifteen charact"), nil},
		{"long", long, []rune{pasteKey}, []string{long}},
		{"two lines", long + "\r" + long + "\n", []rune{pasteKey, '\r', pasteKey + 1, '\n'}, []string{long, long}},
		{"control characters around", "\x04" + long + "\x12", []rune{endKey, pasteKey, searchKey}, []string{long}},
		{"a sequence before", "\x1b[1;5C" + long, append([]rune("\x1b[1;5C"), pasteKey), []string{long}},
		{"a sequence of two", "\x1bb" + long, []rune{'\x1b', 'b', pasteKey}, []string{long}},
		{"bytes that are no characters", "\xff" + long + "\xc3", []rune{'\uFFFD', pasteKey, '\uFFFD'}, []string{long}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKeys(strings.NewReader(c.typed))
			got, err := io.ReadAll(k)
			if err != nil || !slices.Equal([]rune(string(got)), c.keys) {
				t.Errorf("got %q, %v, want %q", got, err, string(c.keys))
			}
			var pasted []string
			for _, key := range string(got) {
				if text := k.take(key); text != "" {
					pasted = append(pasted, text)
				}
				if k.take(key) != "" {
					t.Errorf("%q is there twice", key)
				}
			}
			if !slices.Equal(pasted, c.pasted) {
				t.Errorf("got %q, want %q", pasted, c.pasted)
			}
		})
	}
}

func TestASequenceMayComeInParts(t *testing.T) {
	k := newKeys(strings.NewReader(""))
	got := k.translate(nil, []byte("\x1b"))
	got = k.translate(got, []byte("[1;"))
	got = k.translate(got, []byte("5C"+strings.Repeat("x", pasteLeast)))
	if want := "\x1b[1;5C" + string(pasteKey); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALineIsBoundedInBytes(t *testing.T) {
	for _, c := range []struct {
		line       string
		most, want int
	}{
		{"", 4, 0}, {"abcd", 4, 4}, {"abcde", 4, 4}, {"üüü", 4, 2}, {"aüü", 4, 2}, {"€€", 4, 1}, {"abc", 2, 2},
	} {
		if got := fitting([]rune(c.line), c.most); got != c.want {
			t.Errorf("%q: got %d, want %d", c.line, got, c.want)
		}
	}
}

func TestCommonPrefix(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "a", 0}, {"abc", "abd", 2}, {"ab", "ab", 2}, {"ab", "abc", 2}, {"größe", "größer", len("größe")},
		{"ä", "ö", 0}, {"\xff", "\xfe", 0},
	} {
		if got := commonPrefix(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
