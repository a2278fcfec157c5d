package main

import (
	"io"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/chzyer/readline"
)

// Keys that readline is told of under other names.
const (
	endKey    = '\U000F0004' // ^D: the key that deletes is the same to readline, and would be the end on an empty line
	searchKey = '\U000F0012' // ^R
	pasteKey  = '\U000F1000' // the first of those that stand for several characters
)

const (
	pasteLeast = 16   // bytes that have come at once, as nobody types them
	pastesKept = 1024 // more than readline reads ahead
)

// keys is what is typed, as readline can bear it: without zero bytes, which it takes for the end. Characters that have
// come at once become one key, because readline draws the whole line for each: what has been pasted would take a time
// that grows with the square of its length.
type keys struct {
	in       io.Reader
	sequence sequence

	mu     sync.Mutex
	pastes [pastesKept]string // by their keys
	next   int
}

// sequence says how much of what a key that is no character sends has come.
type sequence uint8

const (
	noSequence sequence = iota
	afterEscape
	withinSequence
)

func newKeys(in io.Reader) *keys { return &keys{in: in} }

func (k *keys) Read(p []byte) (int, error) {
	typed := make([]byte, max(1, len(p)/utf8.UTFMax)) // nobody types much
	for {
		n, err := k.in.Read(typed)
		kept := k.translate(p[:0], typed[:n])
		if len(kept) > 0 || err != nil || n == 0 {
			return len(kept), err
		}
	}
}

// translate appends what readline is to see. It is no longer than four times what was typed.
func (k *keys) translate(kept, typed []byte) []byte {
	for len(typed) > 0 {
		if n := k.characters(typed); n >= pasteLeast {
			kept = utf8.AppendRune(kept, k.keep(string(typed[:n])))
			typed = typed[n:]
			continue
		}
		key := typed[0]
		typed = typed[1:]
		k.follow(key)
		switch key {
		case 0, readline.CharFwdSearch:
		case readline.CharDelete:
			kept = utf8.AppendRune(kept, endKey)
		case readline.CharBckSearch:
			kept = utf8.AppendRune(kept, searchKey)
		default:
			kept = append(kept, key)
		}
	}
	return kept
}

// characters counts the bytes of whole characters that come next.
func (k *keys) characters(typed []byte) (n int) {
	for k.sequence == noSequence && n < len(typed) {
		r, size := utf8.DecodeRune(typed[n:])
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			break
		}
		n += size
	}
	return n
}

// follow notes where in a sequence the next byte stands.
func (k *keys) follow(key byte) {
	switch {
	case key == readline.CharEsc:
		k.sequence = afterEscape
	case k.sequence == afterEscape && (key == '[' || key == 'O'):
		k.sequence = withinSequence
	case k.sequence == withinSequence && (key >= '0' && key <= '9' || key == ';'):
	default:
		k.sequence = noSequence
	}
}

// keep gives the key that stands for a text.
func (k *keys) keep(text string) rune {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.next
	k.pastes[n] = text
	k.next = (n + 1) % pastesKept
	return pasteKey + rune(n)
}

// take gives the text that a key stands for, once; "" for other keys.
func (k *keys) take(key rune) string {
	if key < pasteKey || key >= pasteKey+pastesKept {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	text := k.pastes[key-pasteKey]
	k.pastes[key-pasteKey] = ""
	return text
}
