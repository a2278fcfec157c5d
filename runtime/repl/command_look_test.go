package repl

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/poll"
)

func TestDurationsAreForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                  "0 s",
		250 * time.Nanosecond:              "250 ns",
		1500 * time.Nanosecond:             "1.5 µs",
		999_600 * time.Nanosecond:          "1 ms",
		15 * time.Millisecond:              "15 ms",
		3200 * time.Millisecond:            "3.2 s",
		59_960 * time.Millisecond:          "1 min",
		125 * time.Second:                  "2 min 5 s",
		time.Hour:                          "1 h",
		200 * time.Minute:                  "3 h 20 min",
		49*time.Hour + 10*time.Minute:      "2 d 1 h",
		-20 * time.Millisecond:             "-20 ms",
		time.Duration(-1 << 63):            "-53375 d 23 h",
		time.Duration(1<<63 - 1):           "106751 d 23 h",
		9*time.Second + 960e6:              "10 s",
		time.Second - 400*time.Microsecond: "1 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d): got %q, want %q", d, got, want)
		}
	}
}

func TestNumbersAreForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{grouped(0), "0"},
		{grouped(999), "999"},
		{grouped(1000), "1,000"},
		{count(1, "child"), "1 child"},
		{count(1234, "child"), "1,234 children"},
		{count(2, "process"), "2 processes"},
		{count(0, "event"), "0 events"},
		{size(0), "0 B"},
		{size(1023), "1023 B"},
		{size(1536), "1.5 KiB"},
		{size(1<<20 - 1), "1.0 MiB"},
		{size(1<<64 - 1), "16.0 EiB"},
		{rate(5, 10*time.Second), "0.50"},
		{rate(123456, time.Second), "123,456"},
		{rate(1, time.Hour), "below 0.01"},
		{rate(1, 0), "0"},
		{join(nil), ""},
		{join([]string{"a"}), "a"},
		{join([]string{"a", "b", "c"}), "a, b and c"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestNamesDoNotReachTheTerminalRaw(t *testing.T) {
	for name, want := range map[string]string{
		"bot":                        "bot",
		"größe":                      "größe",
		"a\x1b[2Jb":                  `a\27[2Jb`,
		"two\nlines":                 `two\nlines`,
		"\xff\xfe":                   `\255\254`,
		strings.Repeat("x", 100_000): strings.Repeat("x", 200) + "...",
	} {
		if got := plain(name); got != want {
			t.Errorf("plain(%.20q): got %.60q, want %.60q", name, got, want)
		}
	}
}

func TestColumnsStayInLine(t *testing.T) {
	c := columns{{head: "ID", width: 4, right: true}, {head: "NAME", width: 8}, {head: "REST"}}
	for _, test := range []struct {
		name  string
		cells []string
		want  string
	}{
		{"short", []string{"1", "bot", "x"}, "   1  bot       x"},
		{"too long", []string{"123456", "a long name", "and all of the rest"}, "123456  a lon...  and all of the rest"},
		{"wide letters", []string{"1", "größe", "x"}, "   1  größe     x"},
		{"empty at the end", []string{"1", "bot", ""}, "   1  bot"},
	} {
		if got := c.line(test.cells...); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// chain makes sessions each of which is the child of the one before.
func chain(t testing.TB, n int) *kernel.Kernel {
	t.Helper()
	clock := poll.NewSimulated(time.Unix(1e9, 0))
	k := kernel.New(kernel.Options{Poller: clock, Clock: clock})
	t.Cleanup(func() { k.Close() })
	made := 0
	var link func() kernel.Session
	link = func() kernel.Session {
		return kernel.Session{
			Start: func(c *kernel.Context) any {
				c.Yield("next")
				c.DelaySet("stay", time.Hour)
				return nil
			},
			States: map[string]kernel.Handler{
				"next": func(c *kernel.Context, _ ...any) any {
					if made++; made < n {
						if _, err := c.Kernel.Spawn(link()); err != nil {
							t.Error(err)
						}
					}
					return nil
				},
			},
		}
	}
	if _, err := k.Spawn(link()); err != nil {
		t.Fatal(err)
	}
	if err := k.RunWhile(t.Context(), func() bool { return made < n }); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestADeepTreeIsWalkedInOrder(t *testing.T) {
	const n = 100_000
	k := chain(t, n)
	want := 0
	for level, task := range family(k.Root()) {
		if want++; int(task.ID()) != want || level != want-1 {
			t.Fatalf("got session %v at level %d, want %d at %d", task.ID(), level, want, want-1)
		}
		if got := utf8.RuneCountInString(indent(level)); got > 2*deepest+10 {
			t.Fatalf("level %d is indented by %d columns", level, got)
		}
	}
	if want != n {
		t.Errorf("got %d sessions, want %d", want, n)
	}
}

func TestATreeMayChangeWhileItIsWalked(t *testing.T) {
	k := chain(t, 10)
	var seen []kernel.SessionID
	for _, task := range family(k.Root()) {
		seen = append(seen, task.ID())
		if len(seen) == 3 {
			k.Stop()
		}
	}
	if want := []kernel.SessionID{1, 2, 3}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}
