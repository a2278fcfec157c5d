package host

import (
	"io"
	"sync"
	"time"
)

// LateWriter writes behind: what it is given goes out in large pieces, from another goroutine, a tenth of a second later at
// most. NewLateWriter makes one. It is for traces, of which there may be a hundred megabytes a second. Safe from any
// goroutine.
type LateWriter struct {
	w      io.Writer
	failed func(error)

	mu      sync.Mutex
	idle    sync.Cond
	timer   *time.Timer
	buf     []byte
	out     []byte // what is being written
	writing bool
	closed  bool
	err     error
}

const (
	latePiece   = 64 << 10
	latest      = 100 * time.Millisecond
	latestClose = 2 * time.Second
)

// NewLateWriter makes a LateWriter. failed is told once, on any goroutine, when w refuses something; it must not use the
// LateWriter. From then on what is written is lost. nil: it is enough that Write tells.
func NewLateWriter(w io.Writer, failed func(error)) *LateWriter {
	l := &LateWriter{w: w, failed: failed}
	l.idle.L = &l.mu
	l.timer = time.AfterFunc(latest, l.late)
	l.timer.Stop()
	return l
}

// Write takes p. It waits when the piece before the last is not out yet. An error is that of an earlier write.
func (l *LateWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	n := len(l.buf)
	if n == 0 || n+len(p) >= latePiece {
		defer l.mu.Unlock()
		return l.take(p)
	}
	l.buf = append(l.buf, p...)
	l.mu.Unlock() // a deferred call would take longer than all the rest
	return len(p), nil
}

// take is Write for the first and the last part of a piece. After an error and after Close every part is both.
func (l *LateWriter) take(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.closed {
		n, err := l.w.Write(p)
		l.fail(err)
		return n, err
	}
	if len(l.buf) == 0 {
		l.timer.Reset(latest)
	}
	l.buf = append(l.buf, p...)
	if len(l.buf) >= latePiece {
		for l.writing {
			l.idle.Wait()
		}
		l.handOver()
	}
	return len(p), nil
}

// late hands over what there is, unless a piece is under way: then its end does.
func (l *LateWriter) late() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.writing {
		l.handOver()
	}
}

// handOver has the buffer written.
func (l *LateWriter) handOver() {
	if len(l.buf) == 0 || l.err != nil {
		l.buf = l.buf[:0]
		return
	}
	l.buf, l.out, l.writing = l.out[:0], l.buf, true
	go l.writeOut()
}

func (l *LateWriter) writeOut() {
	_, err := l.w.Write(l.out)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	l.fail(err)
	if l.err != nil {
		l.buf = l.buf[:0]
	}
	if len(l.buf) > 0 && !l.closed {
		l.timer.Reset(latest)
	}
	l.idle.Broadcast()
}

func (l *LateWriter) fail(err error) {
	if err != nil && l.err == nil {
		l.err = err
		if l.failed != nil {
			l.failed(err)
		}
	}
}

// Close is Flush, and what is written later goes out at once.
func (l *LateWriter) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	l.closed, l.buf = true, nil
}

// Flush brings out what there is, and waits for that some seconds at most.
func (l *LateWriter) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

func (l *LateWriter) flush() {
	l.timer.Stop()
	end := time.Now().Add(latestClose)
	waking := time.AfterFunc(latestClose, l.idle.Broadcast)
	defer waking.Stop()
	for l.writing || len(l.buf) > 0 && l.err == nil {
		if !l.writing {
			l.handOver()
			continue
		}
		if time.Now().After(end) {
			break
		}
		l.idle.Wait()
	}
}
