package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chzyer/readline"

	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/runtime/console"
	"github.com/poelua/poelua/runtime/repl"
)

const (
	completionTime  = 500 * time.Millisecond // what a press of Tab waits at most
	candidatesShown = 200
	widthLeast      = 20               // readline does not bear a prompt that is as wide as the terminal
	widthUsual      = 80               // where the terminal does not say
	typedMost       = console.LineMost // bytes in a line: each key costs as much as the line is long
	tailMost        = 1024             // bytes of an unfinished line of output
)

// terminal is where somebody types: lines are edited with readline, and what is written meanwhile appears above the
// one that is half typed. Its settings are changed only while a line is typed. So ^C raises INT while an evaluation
// runs.
type terminal struct {
	*display
	complete func(text string, at int) (from int, candidates []string) // nil: nothing is known; set before the first Ask

	host    *host.Host // of its own: the settings are put back when it closes
	tty     *host.Handle
	out     *host.Stream
	keys    *keys
	stdin   io.Closer
	resized chan os.Signal
	line    *readline.Instance
	history *history
	typed   atomic.Int64 // runes in the line
	wide    atomic.Int64 // columns that the prompt may take
	search  search

	leaving sync.Once
	mu      sync.Mutex
	left    bool
	cut     bool   // the line was longer than it may be
	raw     bool   // keys arrive one by one
	early   bool   // an interrupt came between a line's last key and its beginning
	reading bool   // the prompt is shown
	prompt  string // that is shown while reading
	usual   string // the same, when the history is not searched; set while nothing is read
	tail    string // what was written since the last end of a line, if nothing was typed since
}

var _ asker = (*terminal)(nil)

// terminalIsThere says whether somebody types and sees what is written.
func terminalIsThere() bool {
	return host.IsTerminal(0) && host.IsTerminal(1) && os.Getenv("TERM") != "dumb"
}

// openTerminal makes standard input and output a place to type at. Leave ends it.
func openTerminal() (*terminal, error) {
	h := host.New()
	tty, err := h.Open("/dev/fd/0", os.O_RDWR, 0) // an open file of its own: nobody minds what mode it is in
	if err != nil {
		if tty, err = h.Open("/dev/tty", os.O_RDWR, 0); err != nil {
			return nil, err
		}
	}
	typed := newKeys(h.Stdin())
	stdin := readline.NewCancelableStdin(typed)
	t := &terminal{host: h, tty: tty, out: h.Stdout(), keys: typed, stdin: stdin, resized: make(chan os.Signal, 1)}
	t.display = newDisplay(t.show)
	c := &readline.Config{
		Stdin: stdin, Stdout: t.out, Stderr: t.out,
		FuncIsTerminal:         func() bool { return true },
		FuncMakeRaw:            t.makeRaw,
		FuncExitRaw:            t.makeCooked,
		FuncGetWidth:           t.room,
		FuncOnWidthChanged:     func(f func()) { go onEach(t.resized, f) },
		FuncFilterInputRune:    t.filter,
		Listener:               readline.FuncListener(t.watch),
		AutoComplete:           t,
		DisableAutoSaveHistory: true,
		HistoryLimit:           historyEntries,
	}
	if t.line, err = readline.NewEx(c); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	signal.Notify(t.resized, syscall.SIGWINCH)
	t.history = openHistory(historyFile())
	for _, entry := range t.history.entries {
		t.line.SaveHistory(entry) // fails only where readline keeps a file
	}
	return t, nil
}

func onEach(c <-chan os.Signal, f func()) {
	for range c {
		f()
	}
}

// makeRaw has keys arrive one by one. Ends of lines in output stay as they are.
func (t *terminal) makeRaw() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left {
		return os.ErrClosed
	}
	s, err := t.tty.Settings()
	if err != nil {
		return err
	}
	s.Echo, s.Canonical, s.Signals, s.CRLFIn, s.XON = false, false, false, false, false
	s.Min, s.Time = 1, 0
	t.raw, t.early = true, false
	return t.tty.SetSettings(s)
}

func (t *terminal) makeCooked() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left {
		return nil
	}
	t.raw = false
	return t.tty.RestoreTerminal()
}

// restore puts the terminal's settings back at once, whatever is being written or typed. The process is about to end.
func (t *terminal) restore() {
	t.tty.RestoreTerminal() // the terminal may be gone
}

// noteInterrupt is told of an interrupt while no line was being dealt with.
func (t *terminal) noteInterrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.early = !t.raw
}

// dropEarly says whether an interrupt meant the line that is about to begin.
func (t *terminal) dropEarly() bool {
	t.mu.Lock()
	early := t.early
	t.early = false
	t.mu.Unlock()
	if early {
		io.WriteString(t, "interrupted\n")
	}
	return early
}

// Width is how many columns there are.
func (t *terminal) Width() int {
	_, columns, err := t.tty.WindowSize()
	if err != nil || columns == 0 {
		return widthUsual
	}
	return max(columns, widthLeast)
}

// room is what readline is told to be the width: it does not end where a prompt has just as many columns.
func (t *terminal) room() int { return max(t.Width(), int(t.wide.Load())+1) }

// putPrompt tells readline of the prompt. mu is held.
func (t *terminal) putPrompt() {
	wide := 0
	for _, r := range t.tail + t.prompt {
		wide += 1 + min(1, len(string(r))-1) // at most
	}
	t.wide.Store(int64(wide))
	t.line.SetPrompt(t.tail + t.prompt)
}

// setPrompt changes the prompt while a line is typed.
func (t *terminal) setPrompt(prompt string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.Clean()
	t.prompt = prompt
	t.putPrompt()
}

// filter changes what keys do. readline's own ^Z stops whoever has started the program, too.
func (t *terminal) filter(key rune) (rune, bool) {
	switch {
	case key == readline.CharCtrlZ:
		t.suspend()
		return 0, false
	case key == endKey:
		return readline.CharDelete, true
	case key == readline.CharDelete && t.typed.Load() == 0:
		return 0, false
	case key == readline.CharTranspose && t.typed.Load() < 2: // it would leave the cursor behind the line's end
		return 0, false
	}
	return key, true
}

// suspend does what the terminal would do at ^Z if its keys did not arrive one by one.
func (t *terminal) suspend() {
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGCONT)
	defer signal.Stop(on)
	if t.makeCooked() != nil || syscall.Kill(0, syscall.SIGTSTP) != nil {
		return
	}
	select {
	case <-on:
	case <-time.After(100 * time.Millisecond): // nobody is there who could let us go on: nothing has stopped us
	}
	t.makeRaw() // a failure is one of the next read, too
}

// watch puts in what was pasted, follows a search and bounds the line. It is called before the first key and after each.
func (t *terminal) watch(line []rune, at int, key rune) ([]rune, int, bool) {
	var ok bool
	if text := t.keys.take(key); text != "" {
		line, at = t.paste(line, at, key, text)
		ok = true
	} else if changed, position, other := t.searching(line, at, key); other {
		line, at, ok = changed, position, true
	}
	if n := fitting(line, typedMost); n < len(line) {
		line, at, ok = line[:n], min(at, n), true
		t.noteCut(true)
	} else if key == 0 || n == 0 && key != readline.CharEnter && key != readline.CharCtrlJ {
		t.noteCut(false)
	}
	t.typed.Store(int64(len(line)))
	return line, at, ok
}

// fitting is how many runes of a line take at most so many bytes.
func fitting(line []rune, most int) int {
	if len(line) <= most/utf8.UTFMax {
		return len(line)
	}
	for i, r := range line {
		if most -= utf8.RuneLen(r); most < 0 {
			return i
		}
	}
	return len(line)
}

// paste puts a text into the line, or the search, in the place of the key that stands for it.
func (t *terminal) paste(line []rune, at int, key rune, text string) ([]rune, int) {
	if i := slices.Index(line, key); i >= 0 {
		line, at = slices.Delete(slices.Clone(line), i, i+1), min(at, i)
	}
	if !t.search.on {
		runes := []rune(text)
		return slices.Insert(line, at, runes...), at + len(runes)
	}
	for _, r := range text {
		line, at, _ = t.searching(line, at, r)
	}
	return line, at
}

func (t *terminal) noteCut(cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut = cut
}

// Ask has a line typed.
func (t *terminal) Ask(state repl.State) (string, error) {
	prompt := "> "
	if state == repl.More {
		prompt = ">> "
	}
	line, err := t.Question(prompt)
	if err == nil && strings.TrimSpace(line) != "" && len(line) <= historyLine {
		t.line.SaveHistory(line) // fails only where readline keeps a file
		t.history.add(line)
	}
	return line, err
}

// Question has a line typed that is no input for the prompt.
func (t *terminal) Question(prompt string) (string, error) {
	t.Flush()
	t.mu.Lock()
	if t.left {
		t.mu.Unlock()
		return "", io.EOF
	}
	t.prompt, t.usual, t.reading = prompt, prompt, true
	if !printable(t.tail) || len(t.tail) > t.Width()/4 {
		t.tail = ""
		io.WriteString(t.out, "\n") // a terminal that fails is told of by what is read
	}
	t.putPrompt()
	t.mu.Unlock()

	line, err := t.line.Readline()

	t.mu.Lock()
	t.reading, t.tail = false, ""
	left, cut := t.left, t.cut
	t.mu.Unlock()
	switch {
	case left || err == io.EOF:
		return "", io.EOF
	case err == readline.ErrInterrupt:
		return "", errDropped
	case cut:
		fmt.Fprintf(t, "a line of more than %d bytes is left out\n", typedMost)
		return "", errDropped
	}
	return line, err
}

// show writes output: above the prompt, if there is one. An unfinished line stays before it.
func (t *terminal) show(p []byte) error {
	t.awaitReading()
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.tail + string(p)
	end := strings.LastIndexByte(text, '\n') + 1
	tail := text[end:]
	if !t.reading {
		if t.tail = tail; len(tail) > tailMost {
			t.tail = strings.Repeat(" ", tailMost) // no prompt can stand behind it anyway
		}
		_, err := t.out.Write(p)
		return err
	}
	tail = tail[strings.LastIndexByte(tail, '\r')+1:] // what lies before it is written over
	whole := text[:end]
	if !printable(tail) || len(tail) > t.Width()/4 {
		whole, tail = text+"\n", ""
	}
	t.line.Clean()
	t.tail = tail
	t.putPrompt()
	_, err := t.line.Stdout().Write([]byte(whole))
	return err
}

// awaitReading waits while readline is between showing its prompt and reading keys, or between the last key and its
// return: then it does not know where output belongs.
func (t *terminal) awaitReading() {
	for range 100 {
		t.mu.Lock()
		waits := t.reading && !t.left
		t.mu.Unlock()
		if !waits || t.line.Terminal.IsReading() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// printable says whether a text takes up as many columns as it has runes.
func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Leave takes the prompt away, puts the terminal's settings back and brings everything out. From then on output goes
// where it goes without a terminal. A second call waits for the first. Safe from any goroutine.
func (t *terminal) Leave() { t.leaving.Do(t.leave) }

func (t *terminal) leave() {
	t.Flush()
	t.mu.Lock()
	t.left = true
	if t.reading {
		t.line.Clean()
		io.WriteString(t.out, t.tail) // the terminal may be gone
	}
	t.mu.Unlock()
	t.End(t.out)
	t.host.Close() // puts the settings back
	t.stdin.Close()
	signal.Stop(t.resized)
	close(t.resized)
}

// Do completes what is typed, for readline. Several candidates without a common beginning are listed above the line:
// readline's own menu does not bear long ones.
func (t *terminal) Do(line []rune, at int) (rest [][]rune, length int) {
	if t.complete == nil {
		return nil, 0
	}
	before := string(line[:at])
	from, candidates := t.complete(before, len(before))
	if from < 0 || from > len(before) || len(candidates) == 0 {
		return nil, 0
	}
	typed, common := before[from:], candidates[0]
	for _, c := range candidates[1:] {
		common = common[:commonPrefix(common, c)]
	}
	if more, ok := strings.CutPrefix(common, typed); ok && (more != "" || len(candidates) == 1) && printable(more) {
		return [][]rune{[]rune(more)}, len([]rune(typed))
	}
	t.list(candidates)
	return nil, 0
}

// commonPrefix is the length of what two texts begin with, in whole runes.
func commonPrefix(a, b string) int {
	n := 0
	for i, r := range a {
		if !strings.HasPrefix(b[i:], string(r)) {
			break
		}
		n = i + len(string(r))
	}
	return n
}

// list shows candidates in columns.
func (t *terminal) list(candidates []string) {
	left := len(candidates) - candidatesShown
	candidates = candidates[:min(len(candidates), candidatesShown)]
	wide := 0
	for _, c := range candidates {
		wide = max(wide, len([]rune(c)))
	}
	columns := max(1, t.Width()/(wide+2))
	var b strings.Builder
	for i, c := range candidates {
		if !printable(c) {
			c = fmt.Sprintf("%q", c)
		}
		b.WriteString(c)
		if (i+1)%columns == 0 || i == len(candidates)-1 {
			b.WriteByte('\n')
		} else {
			b.WriteString(strings.Repeat(" ", max(1, wide+2-len([]rune(c)))))
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "and %d more\n", left)
	}
	io.WriteString(t, b.String())
}
