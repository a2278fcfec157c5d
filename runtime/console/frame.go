package console

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// version of the protocol. Both sides must have the same.
const version = 1

const (
	frameMost = 64 << 10 // bytes in a frame, either way
	header    = 5        // a kind and a length

	// LineMost is the longest line that a console takes, in bytes.
	LineMost = frameMost
)

// The kinds of frames that a server sends. A greeting comes first.
const (
	frameGreeting   = 'g' // a greeting as JSON
	frameOutput     = 'o' // text
	frameState      = 's' // one byte, a repl.State: the line is dealt with
	frameCandidates = 'n' // answer to frameComplete: its number, where they begin, and each with its length before it
)

// The kinds of frames that a client sends. frameAttach comes first: who only wants the greeting leaves before.
const (
	frameAttach    = 'a' // a byte: 1 if people read the output; then as frameWidth
	frameLine      = 'l' // text; the next one after frameState
	frameDrop      = 'd'
	frameComplete  = 'c' // a number, a position, and the text
	frameInterrupt = 'i'
	frameWidth     = 'w' // a number of columns
)

// greeting tells who listens.
type greeting struct {
	Version int    `json:"version"`
	Pid     int    `json:"pid"`
	Name    string `json:"name"`
	Since   int64  `json:"since"` // Unix seconds
}

// Info tells of a program that listens.
type Info struct {
	Pid   int
	Name  string // of its script
	Since time.Time
	Path  string // of the socket
}

// errFrame says that the other side does not keep to the protocol.
var errFrame = errors.New("not what a console says")

// appendFrame appends a frame of parts to b.
func appendFrame(b []byte, kind byte, parts ...[]byte) []byte {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	b = append(b, kind)
	b = appendNumber(b, n)
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

func appendNumber(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

// cutNumber takes a number from the beginning of b.
func cutNumber(b []byte) (n int, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, false
	}
	return int(binary.BigEndian.Uint32(b)), b[4:], true
}

// readFrame reads a frame into buf, which must have room for the greatest.
func readFrame(r io.Reader, buf []byte) (kind byte, payload []byte, err error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n, _, _ := cutNumber(head[1:])
	if n < 0 || n > frameMost {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes", errFrame, uint32(n))
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return 0, nil, err
	}
	return head[0], buf[:n], nil
}
