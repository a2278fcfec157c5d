package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

const (
	clientsMost = 16      // at a time
	bufferMost  = 1 << 20 // output that waits for a client
	bufferFull  = bufferMost / 2
	bufferLow   = bufferMost / 8
	answersMost = bufferMost / 4         // what is no output may take so much more
	attachTime  = 10 * time.Second       // what a client may take to say what it wants
	partingTime = 300 * time.Millisecond // what the last output may take when the program ends
	askedMost   = 16                     // questions of a client that wait for the loop
	acceptRest  = 100 * time.Millisecond // after a failed accept: there may be no descriptors left
	nameMost    = 4096                   // bytes of Options.Name
)

// Options of a server.
type Options struct {
	Path string // of the socket; "" one by the process's number in the user's directory for such
	Name string // what the program is called, its script as a rule
}

// Server is a console that listens. Listen makes one. Its methods are safe from any goroutine.
type Server struct {
	rt       *runtime.Runtime
	host     *host.Host
	listener *net.UnixListener
	path     string
	file     fs.FileInfo // of the socket
	greeting []byte      // a frame

	running  sync.WaitGroup
	attached atomic.Int64

	mu     sync.Mutex
	closed bool
	conns  map[*conn]bool
}

// Listen opens a console on a runtime. It ends with Close, and on every way out of the runtime's.
func Listen(rt *runtime.Runtime, o Options) (*Server, error) {
	path := o.Path
	if path == "" {
		var err error
		if path, err = usualPath(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(greeting{version, os.Getpid(), o.Name[:min(len(o.Name), nameMost)], time.Now().Unix()})
	if err != nil {
		return nil, err
	}
	l, file, err := listen(path)
	if err != nil {
		return nil, err
	}
	s := &Server{rt: rt, host: host.New(), listener: l, path: path, file: file, conns: map[*conn]bool{}}
	s.greeting = appendFrame(nil, frameGreeting, text)
	rt.AtExit(s.Close)
	s.running.Go(s.accept)
	return s, nil
}

// Path is the socket's.
func (s *Server) Path() string { return s.path }

// Attached is how many clients have a prompt, and so a session in the program.
func (s *Server) Attached() int { return int(s.attached.Load()) }

// Close ends all connections, once their output is out or has had its chance, and removes the socket. A second call
// does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	for c := range s.conns {
		c.part()
	}
	s.mu.Unlock()
	s.listener.Close()
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		os.Remove(s.path) // one that stays is stale, and taken for it
	}
	s.running.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(acceptRest)
			continue
		}
		if !s.take(c) {
			c.Close()
		}
	}
}

// take begins a connection, if it may be one.
func (s *Server) take(nc *net.UnixConn) bool {
	if checkPeer(s.host, nc) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= clientsMost {
		return false
	}
	c := &conn{server: s, nc: nc, out: append([]byte(nil), s.greeting...)}
	c.changed.L = &c.mu
	s.conns[c] = true
	s.running.Go(c.write)
	s.running.Go(c.read)
	return true
}

// conn is a connection of a server's.
type conn struct {
	server *Server
	nc     *net.UnixConn
	width  atomic.Int64
	asked  atomic.Int64 // what was submitted for it and was not done yet
	typed  atomic.Bool  // a line is being dealt with

	prompt *repl.Prompt                // loop goroutine only
	active atomic.Pointer[repl.Prompt] // the same, to be interrupted

	mu       sync.Mutex
	changed  sync.Cond
	out      []byte
	lost     int  // bytes of output that there was no room for, and nobody was told of
	waits    bool // the prompt waits for room
	parting  bool // what is in out is the last
	ended    bool
	attached bool
}

// read takes up what the client says until it is gone or says what no client does.
func (c *conn) read() {
	defer c.end()
	buf := make([]byte, frameMost)
	c.nc.SetReadDeadline(time.Now().Add(attachTime))
	kind, payload, err := readFrame(c.nc, buf)
	if err != nil || kind != frameAttach || len(payload) != 5 {
		return
	}
	c.nc.SetReadDeadline(time.Time{})
	terminal := payload[0] == 1
	if !c.setWidth(payload[1:]) || !c.ask(func() { c.open(terminal) }) {
		return
	}
	for {
		kind, payload, err := readFrame(c.nc, buf)
		if err != nil || !c.hear(kind, payload) {
			return
		}
	}
}

// hear does what a frame asks for. It is false for one that nobody sends who keeps to the protocol.
func (c *conn) hear(kind byte, payload []byte) bool {
	switch kind {
	case frameLine:
		text := string(payload)
		return !c.typed.Swap(true) && c.ask(func() { c.prompt.Line(text) })
	case frameDrop:
		return c.ask(func() { c.prompt.Drop() })
	case frameComplete:
		number, rest, _ := cutNumber(payload)
		at, rest, ok := cutNumber(rest)
		text := string(rest)
		if !ok || at < 0 || at > len(text) {
			return false
		}
		return c.ask(func() {
			from, candidates := c.prompt.Complete(text, at)
			c.sendCandidates(number, from, candidates)
		})
	case frameInterrupt:
		if p := c.active.Load(); p != nil {
			p.Interrupt()
		}
		return true
	case frameWidth:
		return c.setWidth(payload)
	}
	return false
}

// ask has the loop do something with the prompt, if that is still there then. It is false when too much waits already.
func (c *conn) ask(f func()) bool {
	if c.asked.Add(1) > askedMost {
		return false
	}
	c.submit(func() {
		c.asked.Add(-1)
		f()
	})
	return true
}

// submit has the loop call f, unless the connection has ended by then.
func (c *conn) submit(f func()) {
	c.server.rt.Kernel().Submit(func() {
		c.mu.Lock()
		ended := c.ended
		c.mu.Unlock()
		if !ended {
			f()
		}
	})
}

const (
	widthLeast = 20
	widthMost  = 10_000
)

func (c *conn) setWidth(payload []byte) bool {
	n, _, ok := cutNumber(payload)
	c.width.Store(int64(min(max(n, widthLeast), widthMost)))
	return ok
}

// open makes the prompt. Loop goroutine only.
func (c *conn) open(terminal bool) {
	p, err := c.server.rt.Prompt(repl.Config{
		Out:  c.sendText,
		Full: c.full,
		Done: func(s repl.State) {
			c.typed.Store(false)
			c.send(frameState, []byte{byte(s)})
		},
		Width:    func() int { return int(c.width.Load()) },
		Terminal: terminal,
	})
	if err != nil {
		c.end()
		return
	}
	c.prompt = p
	c.active.Store(p)
	c.mu.Lock()
	c.attached = true
	c.mu.Unlock()
	c.server.attached.Add(1)
}

// end closes the connection and has the loop close the prompt. Safe from any goroutine; it does not wait.
func (c *conn) end() {
	c.mu.Lock()
	ended := c.ended
	c.ended = true
	c.out = nil
	c.changed.Broadcast()
	c.mu.Unlock()
	if ended {
		return
	}
	c.nc.Close()
	if p := c.active.Load(); p != nil {
		p.Interrupt() // nobody waits for what it evaluates
	}
	c.server.rt.Kernel().Submit(c.close)
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
}

// close ends the prompt. Loop goroutine only.
func (c *conn) close() {
	if c.prompt == nil {
		return
	}
	c.active.Store(nil)
	c.prompt.Close()
	c.prompt = nil
	c.server.attached.Add(-1)
}

// part closes the connection when its output is out, or soon.
func (c *conn) part() {
	c.nc.SetWriteDeadline(time.Now().Add(partingTime))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parting = true
	c.changed.Broadcast()
}

// write brings out what waits.
func (c *conn) write() {
	defer c.end()
	for {
		c.mu.Lock()
		for len(c.out) == 0 && !c.ended && !c.parting {
			c.changed.Wait()
		}
		piece := c.out[:min(len(c.out), frameMost)]
		over := c.ended || len(piece) == 0
		c.mu.Unlock()
		if over {
			return
		}
		if _, err := c.nc.Write(piece); err != nil {
			return
		}
		c.written(len(piece))
	}
}

// written takes the first bytes out of the buffer, and lets the prompt go on that waits for room.
func (c *conn) written(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if c.out = c.out[n:]; len(c.out) == 0 {
		c.out = nil
	}
	if c.waits && len(c.out) <= bufferLow {
		c.waits = false
		c.submit(func() { c.prompt.Drained() })
	}
}

// full is Config.Full.
func (c *conn) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := len(c.out) > bufferFull && !c.ended
	c.waits = c.waits || full
	return full
}

// sendText sends output in as many frames as it takes. What there is no room for is left out.
func (c *conn) sendText(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost > 0 && len(c.out) <= bufferFull {
		c.tellLost()
	}
	for len(text) > 0 && !c.ended {
		n := min(len(text), frameMost)
		if c.lost > 0 || len(c.out)+header+n > bufferMost {
			c.lost += len(text)
			return
		}
		c.out = appendFrame(c.out, frameOutput, []byte(text[:n]))
		text = text[n:]
		c.changed.Broadcast()
	}
}

// tellLost says how much was left out. mu is held.
func (c *conn) tellLost() {
	if c.lost > 0 && !c.ended {
		c.out = appendFrame(c.out, frameOutput, fmt.Appendf(nil, "\n... %d bytes of output were left out\n", c.lost))
	}
	c.lost = 0
}

// send puts an answer into the buffer. When there is no room for answers, either, nobody reads: the connection ends.
func (c *conn) send(kind byte, payload []byte) {
	c.mu.Lock()
	over := len(c.out)+len(payload) > bufferMost+answersMost
	if !c.ended && !over {
		c.tellLost()
		c.out = appendFrame(c.out, kind, payload)
		c.changed.Broadcast()
	}
	c.mu.Unlock()
	if over {
		c.end()
	}
}

// sendCandidates answers a question for completion, with as many as a frame has room for.
func (c *conn) sendCandidates(number, from int, candidates []string) {
	var b []byte
	b = appendNumber(b, number)
	b = appendNumber(b, from)
	for _, candidate := range candidates {
		if len(b)+4+len(candidate) > frameMost {
			break
		}
		b = appendNumber(b, len(candidate))
		b = append(b, candidate...)
	}
	c.send(frameCandidates, b)
}
