package main

import (
	"io"
	"sync"
)

// displayMost bounds what waits for the terminal. Who writes more waits for it, as without a prompt.
const displayMost = 1 << 20

// display takes output to a goroutine of its own, so that the program does not wait for a slow terminal.
type display struct {
	show func(p []byte) error // brings out a piece; not called by two at a time

	mu      sync.Mutex
	changed sync.Cond
	pending []byte
	showing bool
	direct  io.Writer // where everything goes after the end; nil before
	err     error     // of the last failed show, for the next Write
}

func newDisplay(show func(p []byte) error) *display {
	d := &display{show: show}
	d.changed.L = &d.mu
	go d.run()
	return d
}

// Write keeps no reference to p. Safe from any goroutine.
func (d *display) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.pending) >= displayMost && d.direct == nil {
		d.changed.Wait()
	}
	if d.direct != nil {
		return d.direct.Write(p)
	}
	if err := d.err; err != nil {
		d.err = nil
		return 0, err
	}
	d.pending = append(d.pending, p...)
	d.changed.Broadcast()
	return len(p), nil
}

// Flush waits until everything is out.
func (d *display) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.pending) > 0 || d.showing {
		d.changed.Wait()
	}
}

// End brings everything out. What is written from then on goes to w at once.
func (d *display) End(w io.Writer) {
	d.Flush()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.direct = w
	d.changed.Broadcast()
}

func (d *display) run() {
	d.mu.Lock()
	defer d.mu.Unlock()
	var spare []byte
	for {
		for len(d.pending) == 0 {
			if d.direct != nil {
				return
			}
			d.changed.Wait()
		}
		piece := d.pending
		d.pending, d.showing = spare[:0], true
		d.mu.Unlock()
		err := d.show(piece)
		d.mu.Lock()
		if spare = piece; cap(spare) > displayMost/16 {
			spare = nil
		}
		d.showing = false
		if err != nil {
			d.err = err
		}
		d.changed.Broadcast()
	}
}
