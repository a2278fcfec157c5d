package kernel

import (
	"time"
)

const (
	// maxLate bounds the events of one pass that were not in the queue when it began: timers set in the past by
	// the pass's own handlers. Differs: POE has no bound.
	maxLate = 10_000
	// pollEvery is how long a pass with due events may go without looking at handles that were all silent.
	pollEvery = 50 * time.Microsecond
	// shortestWait bounds how often the loop wakes for timers that are due one after the other: it takes those of so long
	// together.
	shortestWait = 500 * time.Microsecond
	// staleFirst is how long after a task's new watcher the watched descriptors are checked; the time doubles with each
	// check. Resources close theirs with the kernel's knowledge.
	staleFirst = time.Second
	staleLast  = time.Minute
	// tidyEvery is how many queued events are handled between calls of Options.Housekeep.
	tidyEvery = 32
	tidySoon  = 8 // the same when it has more to do, but not at once
)

// pass is the dispatching of one iteration. It is still on when a handler panicked in the middle of it; then the next
// iteration goes on with it.
type pass struct {
	on   bool
	end  horizon
	late int // events dispatched that were not in the queue when it began
}

// iterate is one turn of the loop.
func (k *Kernel) iterate() {
	if !k.pass.on {
		k.count.Iterations++
		if k.observed&RecordPass != 0 {
			k.recordPass()
		}
		if k.hasPosts() && k.asking == 0 && len(k.forced) == 0 && !k.pending.Load() && len(k.turns) == 0 &&
			len(k.background) == 0 {
			// Nothing to wait for, nobody to look at: most passes are of this kind.
		} else {
			k.takeInput()
		}
		if len(k.queue.heap) > 0 {
			k.tick()
		}
		k.pass.on, k.pass.late = true, 0
		k.pass.end.now, k.pass.end.seq = k.now, k.queue.seq
	}
	k.dispatchDue()
	k.pass.on = false
	if len(k.outputs) > 0 {
		k.recorder.fresh = false
		k.bringOut()
	}
	if len(k.marked) > 0 {
		k.sweep()
	}
	if k.exception != nil {
		k.settle()
	}
	if k.assert&AssertData != 0 {
		k.checkTables()
	}
}

// hasPosts says whether something is in the queue that is due at once. It may miss some, when slots are to be skipped.
func (k *Kernel) hasPosts() bool {
	r := &k.queue.ring
	return r.head < r.tail && r.dead == 0
}

// takeInput takes up what the world outside has for the kernel: ready handles, then submitted work.
func (k *Kernel) takeInput() {
	k.recorder.fresh = false
	if len(k.line) > 0 {
		k.writeTrace()
	}
	if k.options.Idle {
		k.testIdle()
	}
	k.wait()
	if len(k.forced) > 0 {
		k.takeForced()
	}
	if len(k.ready) > 0 || len(k.turns) > 0 {
		k.served += uint64(len(k.ready))
		k.dispatchReady()
		k.takeTurns()
		k.askGates()
		k.sweep()
		k.settle()
		if k.tidying {
			k.tidy()
		}
	}
	if k.pending.Load() {
		k.takeSubmitted()
	}
}

// wait fills k.ready: it waits until a handle is ready, work is submitted or the first event is due.
func (k *Kernel) wait() {
	k.ready = k.ready[:0]
	timeout := k.timeout()
	if timeout == 0 {
		if k.asking == 0 || len(k.forced) == 0 && k.skipPoll() {
			return
		}
		k.poll(0)
		return
	}
	if timeout < 0 && k.tagged > 0 && k.options.Collect != nil {
		k.options.Collect() // garbage postbacks hold sessions; if any was found, a session has run out of work
		if len(k.marked) > 0 {
			return
		}
	}
	timeout = k.checkStale(timeout)
	if len(k.marked) > 0 {
		return
	}
	limit := time.Duration(0) // what may be ready goes before the rest of a long work
	if !k.tidying {
		limit = k.tidyIdle(timeout)
	}
	for {
		start := k.clock.Now()
		k.poll(limit)
		k.count.Idle += k.clock.Now() - start
		if limit == timeout || len(k.ready) > 0 || k.exception != nil {
			return
		}
		if timeout = k.timeout(); timeout == 0 {
			return
		}
		if timeout = k.checkStale(timeout); len(k.marked) > 0 {
			return
		}
		limit = k.tidyIdle(timeout)
	}
}

// tidyIdle lets Housekeep work while nothing is due and nothing is ready. It gives how long the kernel may wait then,
// at most timeout.
func (k *Kernel) tidyIdle(timeout time.Duration) time.Duration {
	if k.options.Housekeep == nil {
		return timeout
	}
	again := k.options.Housekeep(true, k.count.Dispatched+k.served)
	k.tidying = again == 0
	if again >= 0 && (timeout < 0 || again < timeout) {
		return again
	}
	return timeout
}

// tidy lets Housekeep work between two events.
func (k *Kernel) tidy() {
	k.tidyAt = k.count.Dispatched + tidyEvery
	if k.options.Housekeep == nil {
		k.tidyAt = 1<<64 - 1
		return
	}
	k.recorder.fresh = false
	again := k.options.Housekeep(false, k.count.Dispatched+k.served)
	if k.tidying = again == 0; k.tidying {
		k.tidyAt = k.count.Dispatched + 1
	} else if again > 0 {
		k.tidyAt = k.count.Dispatched + tidySoon
	}
}

// timeout is how long the kernel may wait: 0 not at all, negative without end.
func (k *Kernel) timeout() time.Duration {
	if k.pending.Load() || len(k.marked) > 0 || len(k.turns) > 0 || len(k.outputs) > 0 || len(k.forced) > 0 {
		return 0
	}
	if k.queue.ring.skip() != nil {
		return 0
	}
	due, ok := k.queue.firstDue()
	if !ok {
		return -1
	}
	timeout := due - k.tick()
	if timeout <= 0 {
		return 0
	}
	if k.simulated {
		return timeout
	}
	return max(timeout, shortestWait)
}

// skipPoll says whether a pass that has due events may leave out its look at the handles.
func (k *Kernel) skipPoll() bool {
	return k.quiet && !k.touched && k.tick()-k.polled < pollEvery
}

func (k *Kernel) poll(timeout time.Duration) {
	var err error
	k.touched = false
	k.ready, err = k.poller.Wait(timeout, k.ready)
	if err != nil {
		k.raise(err)
	}
	k.quiet = len(k.ready) == 0
	if k.asking > 0 {
		k.polled = k.tick()
	}
}

// checkStale looks from time to time for descriptors that somebody closed without telling the kernel, since some
// pollers never mention them again. It shortens a wait that would go beyond the next time.
func (k *Kernel) checkStale(timeout time.Duration) time.Duration {
	if k.asking == 0 || k.simulated {
		return timeout
	}
	left := k.checked + k.checkAfter - k.clock.Now()
	if left <= 0 {
		for _, fd := range k.poller.Stale(nil) {
			k.lost(fd)
		}
		k.checked = k.clock.Now()
		left = k.checkAfter
		k.checkAfter = min(2*k.checkAfter, staleLast)
	}
	if timeout < 0 || timeout > left {
		return left
	}
	return timeout
}

// dispatchDue dispatches what is due by now, in order, one event at a time, so that one due in this pass can still be
// cancelled in it. What is posted meanwhile waits for the next pass.
func (k *Kernel) dispatchDue() {
	q := &k.queue
	for {
		if k.exception != nil {
			k.settle()
		}
		if k.count.Dispatched >= k.tidyAt {
			k.tidy()
		}
		if len(q.heap) == 0 && q.ring.dead == 0 { // the short way for the usual case: nothing but posts
			if q.ring.head == q.ring.tail || q.ring.first().seq > k.pass.end.seq {
				return
			}
			if e := q.ring.first().event; e != nil {
				q.drop()
				k.dispatchEvent(e)
				continue
			}
		}
		s, ok := k.nextDue()
		if !ok {
			return
		}
		if s.born != nil {
			s.born.newborn = false
			s.born.releaseEvent()
			continue
		}
		k.dispatchEvent(s.event)
	}
}

// nextDue takes the next entry of the pass out of the queue. When the pass has had too many that came late, only what
// was posted before it remains.
func (k *Kernel) nextDue() (slot, bool) {
	if k.pass.late == maxLate {
		return k.queue.nextPost(k.pass.end)
	}
	s, ok := k.queue.next(k.pass.end)
	if s.seq > k.pass.end.seq {
		k.pass.late++
	}
	return s, ok
}

// dispatchEvent hands one queued event to its task. The counts fall before the handler runs, as in POE.
func (k *Kernel) dispatchEvent(e *event) {
	if e.Kind == kindTimeout {
		k.timeoutOver(e)
		return
	}
	k.unlink(e)
	k.count.Dispatched++
	if e.Kind == KindSignal || e.Kind == KindDie {
		k.dispatchSignal(e)
	} else {
		k.handle(e, WantNothing, k.options.Protect != nil)
	}
	k.recycle(e)
}

// settle stops everything when an error ends the run.
func (k *Kernel) settle() {
	if k.exception == nil {
		return
	}
	k.Stop()
}

// raise ends the run with err when the dispatch or sweep in progress is done.
func (k *Kernel) raise(err error) {
	if k.exception == nil {
		k.exception = err
	} else {
		k.report(err)
	}
}

// Submit hands f to the loop, which calls it between its I/O and its queue. What one goroutine submits is done in
// its order. Safe from any goroutine.
func (k *Kernel) Submit(f func()) {
	k.mu.Lock()
	first := len(k.submitted) == 0
	k.submitted = append(k.submitted, f)
	k.pending.Store(true)
	k.mu.Unlock()
	if first {
		k.poller.Wake()
	}
}

func (k *Kernel) takeSubmitted() {
	k.mu.Lock()
	work := k.submitted
	k.submitted = k.spare[:0]
	k.pending.Store(false)
	k.mu.Unlock()
	done := 0
	defer func() { // one that panics must not take the others with it
		if done < len(work) {
			k.mu.Lock()
			k.submitted = append(work[done:], k.submitted...)
			k.pending.Store(true)
			k.mu.Unlock()
		}
	}()
	for done < len(work) {
		f := work[done]
		work[done] = nil
		done++
		f()
	}
	k.spare = work[:0]
	if cap(k.spare) > 4096 {
		k.spare = nil
	}
}

// Ending says that an unhandled signal is stopping the program. Safe from any goroutine.
func (k *Kernel) Ending() bool { return k.ending.Load() }

// EndedBy is the system's signal that ended the run, unhandled; "" if none did.
func (k *Kernel) EndedBy() string { return k.endedBy }
