package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/runtime/repl"
)

// ErrEnded says that the program at the other end is gone, or has cut the connection.
var ErrEnded = errors.New("the program has ended the connection")

// completionTime is how long Complete waits: a handler of the program's may be running for ever.
const completionTime = time.Second

// Client is a prompt of a program in another process. Dial makes one. Line, Drop and Complete are for one goroutine at
// a time; Interrupt and Close are safe from any.
type Client struct {
	Info Info

	nc      *net.UnixConn
	out     func(text string)
	states  chan repl.State
	answers chan answer
	gone    chan struct{} // closed when nothing comes any more

	lines     int64        // so many were handed over
	line      atomic.Int64 // number of the one that is being dealt with; 0 none
	insisting atomic.Bool  // on an interrupt

	mu    sync.Mutex // one frame at a time
	width int
	asked int // number of the last question for completion
}

// answer is what a question for completion has found.
type answer struct {
	number, from int
	candidates   []string
}

// Dial connects to a program: the address is its process number or a path. Attach comes next.
func Dial(address string) (*Client, error) {
	if pid, err := strconv.Atoi(address); err == nil && pid > 0 {
		return dialPid(pid)
	}
	return dialPath(address, connectTime)
}

func dialPid(pid int) (*Client, error) {
	for _, dir := range directories() {
		if trusted(dir) != nil {
			continue
		}
		path := filepath.Join(dir, strconv.Itoa(pid)+".sock")
		if _, err := os.Lstat(path); err == nil {
			return dialPath(path, connectTime)
		}
	}
	return nil, fmt.Errorf("no console of process %d (it is opened by --console)", pid)
}

func dialPath(path string, wait time.Duration) (*Client, error) {
	conn, err := net.DialTimeout("unix", path, wait)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	}
	c := &Client{
		nc:      conn.(*net.UnixConn),
		states:  make(chan repl.State, 1),
		answers: make(chan answer, 1),
		gone:    make(chan struct{}),
	}
	if err := c.meet(path, wait); err != nil {
		c.nc.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// meet looks who is there.
func (c *Client) meet(path string, wait time.Duration) error {
	if err := checkPeer(host.New(), c.nc); err != nil {
		return err
	}
	c.nc.SetReadDeadline(time.Now().Add(wait))
	kind, payload, err := readFrame(c.nc, make([]byte, frameMost))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no answer")
	case err != nil:
		return fmt.Errorf("no console: %w", err)
	case kind != frameGreeting:
		return errFrame
	}
	c.nc.SetReadDeadline(time.Time{})
	var g greeting
	if err := json.Unmarshal(payload, &g); err != nil {
		return errFrame
	}
	if g.Version != version {
		return fmt.Errorf("its console speaks version %d, this is version %d", g.Version, version)
	}
	c.Info = Info{Pid: g.Pid, Name: g.Name, Since: time.Unix(g.Since, 0), Path: path}
	return nil
}

// Attach begins the prompt. out gets its output, on a goroutine of the client's; terminal says that people read it.
func (c *Client) Attach(out func(text string), terminal bool, width int) error {
	c.out, c.width = out, width
	kind := byte(0)
	if terminal {
		kind = 1
	}
	err := c.send(frameAttach, []byte{kind}, appendNumber(nil, width))
	go c.read()
	return err
}

func (c *Client) read() {
	defer close(c.gone)
	defer c.nc.Close()
	buf := make([]byte, frameMost)
	for {
		kind, payload, err := readFrame(c.nc, buf)
		if err != nil || !c.hear(kind, payload) {
			return
		}
	}
}

func (c *Client) hear(kind byte, payload []byte) bool {
	switch kind {
	case frameOutput:
		c.out(string(payload))
	case frameState:
		if len(payload) != 1 {
			return false
		}
		select {
		case c.states <- repl.State(payload[0]):
		default: // nobody has asked for it
			return false
		}
	case frameCandidates:
		a, ok := parseAnswer(payload)
		if !ok {
			return false
		}
		select {
		case <-c.answers: // nobody has waited for it
		default:
		}
		c.answers <- a
	default:
		return false
	}
	return true
}

func parseAnswer(b []byte) (a answer, ok bool) {
	a.number, b, _ = cutNumber(b)
	if a.from, b, ok = cutNumber(b); !ok {
		return a, false
	}
	for len(b) > 0 {
		n, rest, ok := cutNumber(b)
		if !ok || n < 0 || n > len(rest) {
			return a, false
		}
		a.candidates = append(a.candidates, string(rest[:n]))
		b = rest[n:]
	}
	return a, true
}

// Line hands over a line and waits until all it led to is out.
func (c *Client) Line(text string) (repl.State, error) {
	if len(text) > LineMost {
		return repl.Ready, fmt.Errorf("a line of %d bytes: %d is the most", len(text), LineMost)
	}
	c.lines++
	c.line.Store(c.lines)
	defer c.line.Store(0)
	if c.send(frameLine, []byte(text)) != nil {
		<-c.gone // what it has said before is read to the end
		return repl.Quit, ErrEnded
	}
	select {
	case s := <-c.states:
		return s, nil
	case <-c.gone:
	}
	select {
	case s := <-c.states: // it came first
		return s, nil
	default:
		return repl.Quit, ErrEnded
	}
}

// Drop forgets an unfinished input.
func (c *Client) Drop() { c.send(frameDrop) } // the next Line tells of a failure

// Interrupt ends what is being evaluated. It insists on it for a while: the line that is being dealt with may not have
// begun.
func (c *Client) Interrupt() {
	line := c.line.Load()
	c.send(frameInterrupt) // Line tells of a failure
	if line == 0 || c.insisting.Swap(true) {
		return
	}
	go func() {
		defer c.insisting.Store(false)
		for range 50 {
			time.Sleep(20 * time.Millisecond)
			if c.line.Load() != line {
				return
			}
			c.send(frameInterrupt)
		}
	}()
}

// SetWidth tells how many columns a line of output may have.
func (c *Client) SetWidth(columns int) {
	if columns != c.width {
		c.width = columns
		c.send(frameWidth, appendNumber(nil, columns)) // the next Line tells of a failure
	}
}

// Complete gives what a text may go on with, as repl.Prompt does; nothing if the answer takes long.
func (c *Client) Complete(text string, at int) (from int, candidates []string) {
	c.asked++
	if len(text) > LineMost/2 || c.send(frameComplete, appendNumber(appendNumber(nil, c.asked), at), []byte(text)) != nil {
		return at, nil
	}
	late := time.After(completionTime)
	for {
		select {
		case a := <-c.answers:
			if a.number == c.asked {
				return a.from, a.candidates
			}
		case <-late:
			return at, nil
		case <-c.gone:
			return at, nil
		}
	}
}

// Gone is closed when the program has ended the connection.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Close detaches. The prompt ends, and its session with it.
func (c *Client) Close() { c.nc.Close() }

func (c *Client) send(kind byte, parts ...[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.nc.Write(appendFrame(nil, kind, parts...))
	return err
}

// listTime bounds what each program may take to answer when they are listed.
const listTime = time.Second

// List tells of the programs of this user that have a console where it is looked for, by process number. Sockets that
// dead ones have left are removed.
func List() []Info {
	var found []Info
	for _, dir := range directories() {
		if trusted(dir) != nil {
			continue
		}
		entries, _ := os.ReadDir(dir) // what cannot be read is not listed
		for _, entry := range entries {
			if filepath.Ext(entry.Name()) != ".sock" {
				continue
			}
			path := filepath.Join(dir, entry.Name())
			c, err := dialPath(path, listTime)
			switch {
			case err == nil:
				found = append(found, c.Info)
				c.Close()
			case stale(path):
				os.Remove(path) // or the next one will
			}
		}
	}
	slices.SortFunc(found, func(a, b Info) int { return cmp.Compare(a.Pid, b.Pid) })
	return found
}
