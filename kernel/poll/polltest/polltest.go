//go:build unix

// Package polltest holds what every poller of a real system promises, as one suite: Run.
package polltest

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel/poll"
	"golang.org/x/sys/unix"
)

// patience is how long a Wait may take that has something to find. A test that meets it has failed.
const patience = 10 * time.Second

// Run checks the pollers that newPoller makes, a fresh one for each promise.
func Run(t *testing.T, newPoller func() (poll.Poller, error)) {
	for _, c := range cases {
		t.Run(c.promise, func(t *testing.T) {
			p, err := newPoller()
			if err != nil {
				t.Fatal(err)
			}
			f := &fixture{T: t, poller: p, open: map[int]bool{}}
			t.Cleanup(f.cleanup)
			c.check(f)
		})
	}
}

var cases = []struct {
	promise string
	check   func(f *fixture)
}{
	{"a pipe with data is readable", pipeReadable},
	{"a pipe with room is writable", pipeWritable},
	{"both modes arrive as one entry", bothModes},
	{"readiness is repeated until it is used up", levelTriggered},
	{"a forgotten descriptor is silent", forgotten},
	{"watching again replaces the modes", replaced},
	{"results are appended", appended},
	{"what is not open cannot be watched, but forgotten", notOpen},
	{"a wake ends the next wait, and only that", wakeBefore},
	{"a wake ends the wait that runs", wakeDuring},
	{"no wake is lost among many goroutines", wakeMany},
	{"a wake hides no readiness", wakeAndReady},
	{"a timeout is never shorter", timeouts},
	{"a timeout below a millisecond is slept through", shortTimeouts},
	{"a zero timeout does not block", zeroTimeout},
	{"a closed writer makes the reader readable", closedWriter},
	{"a closed reader makes the writer writable", closedReader},
	{"a hang-up is every watched mode", hangUp},
	{"a hang-up is nothing to those that wait for priority input alone", hangUpExpedite},
	{"a peer that only stopped sending does not make a full socket writable", halfClosed},
	{"a regular file is always ready and holds nobody up", regularFile},
	{"a regular file closed without telling is stale and does not spin", regularFileClosed},
	{"a descriptor closed without telling is stale and does not spin", closedBehind},
	{"a number may become another file's", numberReused},
	{"a duplicate of a closed descriptor is not mistaken for it", duplicateLives},
	{"many descriptors come once each, ascending", many},
	{"out-of-band data is expedited", outOfBand},
	{"waiting allocates nothing", noAllocation},
	{"a closed poller fails and can be woken and closed", closed},
}

// fixture is a poller and the descriptors of one test.
type fixture struct {
	*testing.T
	poller poll.Poller
	open   map[int]bool
}

func (f *fixture) cleanup() {
	f.poller.Close()
	for fd := range f.open {
		unix.Close(fd)
	}
}

// must ends the test at a system call's error.
func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// own notes non-blocking descriptors that are the test's to close.
func (f *fixture) own(fds ...int) {
	f.Helper()
	for _, fd := range fds {
		f.must(unix.SetNonblock(fd, true))
		f.open[fd] = true
	}
}

func (f *fixture) close(fd int) {
	f.Helper()
	f.must(unix.Close(fd))
	delete(f.open, fd)
}

func (f *fixture) pipe() (r, w int) {
	f.Helper()
	var fds [2]int
	f.must(unix.Pipe(fds[:]))
	f.own(fds[:]...)
	return fds[0], fds[1]
}

func (f *fixture) sockets() (a, b int) {
	f.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	f.must(err)
	f.own(fds[:]...)
	return fds[0], fds[1]
}

func (f *fixture) file() int {
	f.Helper()
	fd, err := unix.Open(filepath.Join(f.TempDir(), "file"), unix.O_CREAT|unix.O_RDWR, 0o600)
	f.must(err)
	f.own(fd)
	return fd
}

// duplicate opens fd's file under the lowest free number from least.
func (f *fixture) duplicate(fd, least int) int {
	f.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD, least)
	f.must(err)
	f.own(n)
	return n
}

func (f *fixture) write(fd int) {
	f.Helper()
	_, err := unix.Write(fd, []byte("x"))
	f.must(err)
}

// read takes all there is.
func (f *fixture) read(fd int) {
	f.Helper()
	buf := make([]byte, 1<<16)
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EAGAIN || err == nil && n == 0 {
			return
		}
		f.must(err)
	}
}

// fill writes until there is no room.
func (f *fixture) fill(fd int) {
	f.Helper()
	for buf := make([]byte, 1<<12); ; {
		if _, err := unix.Write(fd, buf); err == unix.EAGAIN {
			return
		} else {
			f.must(err)
		}
	}
}

func (f *fixture) watch(fd int, events poll.Events) {
	f.Helper()
	f.must(f.poller.Watch(fd, events))
}

func (f *fixture) wait(timeout time.Duration) []poll.Ready {
	f.Helper()
	ready, err := f.poller.Wait(timeout, nil)
	f.must(err)
	return ready
}

// expect waits for exactly want.
func (f *fixture) expect(want ...poll.Ready) {
	f.Helper()
	if got := f.wait(patience); !slices.Equal(got, want) {
		f.Fatalf("got %v, want %v", got, want)
	}
}

// quiet checks that a wait finds nothing, takes its time, and spends it asleep.
func (f *fixture) quiet() {
	f.Helper()
	const timeout = 40 * time.Millisecond
	start, busy := time.Now(), f.processorTime()
	if got := f.wait(timeout); len(got) > 0 {
		f.Fatalf("got %v, want nothing", got)
	}
	if took := time.Since(start); took < timeout {
		f.Fatalf("waited %v, want %v", took, timeout)
	}
	if busy = f.processorTime() - busy; busy > timeout/2 {
		f.Fatalf("used the processor for %v of %v", busy, timeout)
	}
}

func (f *fixture) processorTime() time.Duration {
	f.Helper()
	var usage unix.Rusage
	f.must(unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (f *fixture) stale(want ...int) {
	f.Helper()
	if got := f.poller.Stale(nil); !slices.Equal(got, want) {
		f.Fatalf("stale: got %v, want %v", got, want)
	}
}

func pipeReadable(f *fixture) {
	r, w := f.pipe()
	f.watch(r, poll.Read)
	f.quiet()
	f.write(w)
	f.expect(poll.Ready{FD: r, Events: poll.Read})
}

func pipeWritable(f *fixture) {
	r, w := f.pipe()
	f.watch(w, poll.Write)
	f.expect(poll.Ready{FD: w, Events: poll.Write})
	f.fill(w)
	f.quiet()
	f.read(r)
	f.expect(poll.Ready{FD: w, Events: poll.Write})
}

func bothModes(f *fixture) {
	a, b := f.sockets()
	f.watch(a, poll.Read|poll.Write)
	f.expect(poll.Ready{FD: a, Events: poll.Write})
	f.write(b)
	f.expect(poll.Ready{FD: a, Events: poll.Read | poll.Write})
}

func levelTriggered(f *fixture) {
	r, w := f.pipe()
	f.watch(r, poll.Read)
	f.write(w)
	for range 3 {
		f.expect(poll.Ready{FD: r, Events: poll.Read})
	}
	f.read(r)
	f.quiet()
}

func forgotten(f *fixture) {
	r, w := f.pipe()
	f.watch(r, poll.Read)
	f.write(w)
	f.close(w) // a hang-up is not reported either
	f.watch(r, 0)
	f.quiet()
	f.watch(r, 0)
	f.watch(r, poll.Read)
	f.expect(poll.Ready{FD: r, Events: poll.Read})
}

func replaced(f *fixture) {
	a, b := f.sockets()
	f.write(b)
	f.watch(a, poll.Read)
	f.expect(poll.Ready{FD: a, Events: poll.Read})
	f.watch(a, poll.Write)
	f.expect(poll.Ready{FD: a, Events: poll.Write})
	f.watch(a, poll.Read|poll.Write)
	f.expect(poll.Ready{FD: a, Events: poll.Read | poll.Write})
	f.watch(a, poll.Read)
	f.expect(poll.Ready{FD: a, Events: poll.Read})
}

func appended(f *fixture) {
	_, w := f.pipe()
	f.watch(w, poll.Write)
	first := poll.Ready{FD: 1 << 30, Events: poll.Expedite}
	got, err := f.poller.Wait(patience, []poll.Ready{first})
	f.must(err)
	if want := []poll.Ready{first, {FD: w, Events: poll.Write}}; !slices.Equal(got, want) {
		f.Fatalf("got %v, want %v", got, want)
	}
}

func notOpen(f *fixture) {
	r, _ := f.pipe()
	f.close(r)
	for _, fd := range []int{r, -1, 1 << 30} {
		if err := f.poller.Watch(fd, poll.Read); !errors.Is(err, unix.EBADF) {
			f.Errorf("watch %d: got %v, want %v", fd, err, unix.EBADF)
		}
		f.watch(fd, 0)
	}
	f.stale()
	f.quiet()
}

func wakeBefore(f *fixture) {
	for range 5 {
		f.poller.Wake()
	}
	f.expect()
	f.quiet()
	f.poller.Wake()
	f.wait(0)
	f.quiet()
}

func wakeDuring(f *fixture) {
	calls := make(chan struct{})
	go func() {
		for range calls {
			runtime.Gosched()
			f.poller.Wake()
		}
	}()
	defer close(calls)
	for range 300 {
		calls <- struct{}{}
		start := time.Now()
		f.expect()
		if took := time.Since(start); took >= patience {
			f.Fatalf("woke after %v", took)
		}
	}
}

func wakeMany(f *fixture) {
	const callers, calls = 8, 2000
	var done atomic.Int64
	for range callers {
		go func() {
			for range calls {
				done.Add(1)
				f.poller.Wake()
			}
		}()
	}
	for done.Load() < callers*calls { // whoever counted after the last wait began must end it
		start := time.Now()
		f.expect()
		if took := time.Since(start); took >= patience {
			f.Fatalf("woke after %v", took)
		}
	}
}

func wakeAndReady(f *fixture) {
	_, w := f.pipe()
	f.watch(w, poll.Write)
	f.poller.Wake()
	f.expect(poll.Ready{FD: w, Events: poll.Write})
	f.watch(w, 0)
	f.quiet()
}

func timeouts(f *fixture) {
	for _, timeout := range []time.Duration{1, 300 * time.Microsecond, 1200 * time.Microsecond, 7 * time.Millisecond} {
		for range 5 {
			start := time.Now()
			f.wait(timeout)
			if took := time.Since(start); took < timeout {
				f.Errorf("waited %v, want at least %v", took, timeout)
			}
		}
	}
}

func shortTimeouts(f *fixture) {
	start, busy := time.Now(), f.processorTime()
	for range 50 {
		f.wait(900 * time.Microsecond)
	}
	if took, busy := time.Since(start), f.processorTime()-busy; busy > took/2 {
		f.Errorf("used the processor for %v of %v", busy, took)
	}
}

func zeroTimeout(f *fixture) {
	r, w := f.pipe()
	f.watch(r, poll.Read)
	start := time.Now()
	for range 100 {
		if got := f.wait(0); len(got) > 0 {
			f.Fatalf("got %v, want nothing", got)
		}
	}
	if took := time.Since(start); took > patience {
		f.Errorf("looking 100 times took %v", took)
	}
	f.write(w)
	if got, want := f.wait(0), []poll.Ready{{FD: r, Events: poll.Read}}; !slices.Equal(got, want) {
		f.Errorf("got %v, want %v", got, want)
	}
}

func closedWriter(f *fixture) {
	r, w := f.pipe()
	f.watch(r, poll.Read)
	f.close(w)
	f.expect(poll.Ready{FD: r, Events: poll.Read})
}

func closedReader(f *fixture) {
	r, w := f.pipe()
	f.fill(w)
	f.watch(w, poll.Write)
	f.quiet()
	f.close(r)
	f.expect(poll.Ready{FD: w, Events: poll.Write})
}

func hangUp(f *fixture) {
	a, b := f.sockets()
	f.watch(a, poll.Read|poll.Write)
	f.close(b)
	f.expect(poll.Ready{FD: a, Events: poll.Read | poll.Write})
	f.watch(a, poll.Write)
	f.expect(poll.Ready{FD: a, Events: poll.Write})
}

func hangUpExpedite(f *fixture) {
	a, b := f.sockets()
	f.expediteOrSkip(a)
	f.close(b)
	f.quiet()
	f.watch(a, poll.Read|poll.Expedite)
	f.expect(poll.Ready{FD: a, Events: poll.Read})
}

// expediteOrSkip watches fd for priority input, if the poller can.
func (f *fixture) expediteOrSkip(fd int) {
	f.Helper()
	err := f.poller.Watch(fd, poll.Expedite)
	if errors.Is(err, errors.ErrUnsupported) {
		f.Skip(err)
	}
	f.must(err)
}

func halfClosed(f *fixture) {
	a, b := f.sockets()
	f.fill(a)
	f.must(unix.Shutdown(b, unix.SHUT_WR))
	f.watch(a, poll.Write)
	f.quiet()
	f.watch(a, poll.Read|poll.Write)
	f.expect(poll.Ready{FD: a, Events: poll.Read})
}

func regularFile(f *fixture) {
	r, w := f.pipe()
	file := f.file()
	last, _ := f.pipe()
	f.watch(last, poll.Read)
	f.watch(file, poll.Read|poll.Write)
	f.watch(r, poll.Read)
	f.expect(poll.Ready{FD: file, Events: poll.Read | poll.Write})
	f.write(w)
	f.expect(poll.Ready{FD: r, Events: poll.Read}, poll.Ready{FD: file, Events: poll.Read | poll.Write})
	f.watch(file, poll.Read)
	f.expect(poll.Ready{FD: r, Events: poll.Read}, poll.Ready{FD: file, Events: poll.Read})
	f.poller.Wake()
	f.expect(poll.Ready{FD: r, Events: poll.Read}, poll.Ready{FD: file, Events: poll.Read})
	f.watch(file, 0)
	f.read(r)
	f.quiet()
}

func regularFileClosed(f *fixture) {
	file := f.file()
	f.watch(file, poll.Read)
	f.close(file)
	f.quiet()
	f.stale(file)
	r, w := f.pipe()
	if !f.open[file] {
		f.duplicate(r, file)
	}
	f.watch(file, 0)
	f.watch(r, poll.Read)
	f.quiet()
	f.write(w)
	f.expect(poll.Ready{FD: r, Events: poll.Read})
}

func closedBehind(f *fixture) {
	a, _ := f.pipe()
	b, w := f.pipe()
	f.watch(a, poll.Read)
	f.watch(b, poll.Read)
	f.watch(w, poll.Write)
	f.stale()
	f.close(w)
	f.close(b)
	f.quiet()
	f.stale(b, w)
	f.watch(b, 0)
	f.watch(w, 0)
	f.stale()
	f.quiet()
}

func numberReused(f *fixture) {
	for _, forget := range []bool{true, false} {
		a, _ := f.pipe()
		b, w := f.pipe()
		f.watch(a, poll.Read)
		f.close(a)
		if forget {
			f.watch(a, 0)
		}
		if n := f.duplicate(b, a); n != a {
			f.Fatalf("got number %d, want %d", n, a)
		}
		f.watch(a, poll.Read)
		f.stale()
		f.quiet()
		f.write(w)
		f.expect(poll.Ready{FD: a, Events: poll.Read})

		f.close(a) // now a regular file's, then a pipe's again
		file := f.file()
		if file != a {
			f.duplicate(file, a)
		}
		f.watch(a, poll.Read)
		f.expect(poll.Ready{FD: a, Events: poll.Read})
		f.close(a)
		f.duplicate(b, a)
		f.watch(a, poll.Read)
		f.expect(poll.Ready{FD: a, Events: poll.Read})
		f.read(b)
		f.quiet()
		f.watch(a, 0)
	}
}

func duplicateLives(f *fixture) {
	a, w := f.pipe()
	other, _ := f.pipe()
	f.watch(a, poll.Read)
	f.watch(other, poll.Read)
	f.duplicate(a, w)
	f.write(w)
	f.close(a)
	f.watch(a, 0)
	f.quiet()

	b, w2 := f.pipe()
	f.watch(b, poll.Read)
	d := f.duplicate(b, w2)
	f.close(b)
	f.write(w2)
	f.duplicate(other, b)
	f.watch(b, poll.Read) // another file's by now, and empty
	f.quiet()
	f.close(b)
	f.watch(b, 0)
	f.duplicate(d, b)
	f.watch(b, poll.Read) // and back
	f.expect(poll.Ready{FD: b, Events: poll.Read})
	f.close(b)
	f.watch(b, 0)
	f.duplicate(d, b)
	f.watch(b, poll.Read) // the same once more
	f.expect(poll.Ready{FD: b, Events: poll.Read})
	f.read(b)
	f.quiet()
}

func many(f *fixture) {
	var limit unix.Rlimit
	f.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	pipes := min(1000, int(min(limit.Cur, 1<<20))/2-50) // the Go runtime has raised it as far as it goes
	want := make([]poll.Ready, 0, 2*pipes)
	for range pipes {
		r, w := f.pipe()
		f.write(w)
		want = append(want, poll.Ready{FD: r, Events: poll.Read}, poll.Ready{FD: w, Events: poll.Write})
	}
	slices.SortFunc(want, func(a, b poll.Ready) int { return b.FD - a.FD })
	for _, r := range want {
		f.watch(r.FD, r.Events)
	}
	slices.Reverse(want)
	for range 3 {
		f.expect(want...)
	}
	for _, r := range want {
		f.close(r.FD)
	}
	if got := f.poller.Stale(nil); len(got) != len(want) || !slices.IsSorted(got) {
		f.Errorf("stale: got %d, want %d, ascending", len(got), len(want))
	}
}

func outOfBand(f *fixture) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	f.must(err)
	f.own(listener)
	f.must(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	f.must(unix.Listen(listener, 1))
	address, err := unix.Getsockname(listener)
	f.must(err)
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	f.must(err)
	f.must(unix.Connect(client, address))
	f.own(client)
	f.watch(listener, poll.Read)
	f.expect(poll.Ready{FD: listener, Events: poll.Read})
	server, _, err := unix.Accept(listener)
	f.must(err)
	f.own(server)

	f.expediteOrSkip(server)
	f.write(client)
	f.watch(listener, 0)
	f.quiet()
	f.must(unix.Send(client, []byte("!"), unix.MSG_OOB))
	f.expect(poll.Ready{FD: server, Events: poll.Expedite})
	f.watch(server, poll.Read|poll.Expedite)
	f.expect(poll.Ready{FD: server, Events: poll.Read | poll.Expedite})
	_, _, err = unix.Recvfrom(server, make([]byte, 1), unix.MSG_OOB)
	f.must(err)
	f.read(server)
	f.quiet()
}

func noAllocation(f *fixture) {
	for range 20 {
		r, w := f.pipe()
		f.watch(r, poll.Read)
		f.watch(w, poll.Write)
	}
	idle, _ := f.pipe()
	file := f.file()
	f.watch(file, poll.Read)
	ready := f.wait(0)
	check := func(name string, timeout time.Duration, want int) {
		f.Helper()
		allocated := testing.AllocsPerRun(50, func() {
			ready, _ = f.poller.Wait(timeout, ready[:0])
		})
		if len(ready) != want || allocated > 0 {
			f.Errorf("%s: got %d ready and %v allocations, want %d and 0", name, len(ready), allocated, want)
		}
	}
	check("looking", 0, 21)
	check("waiting", patience, 21)
	for _, fd := range slices.Collect(maps.Keys(f.open)) {
		f.watch(fd, 0)
	}
	f.watch(idle, poll.Read)
	check("looking in vain", 0, 0)
	check("waiting in vain", 10*time.Microsecond, 0)
}

func closed(f *fixture) {
	r, _ := f.pipe()
	f.watch(r, poll.Read)
	f.poller.Wake()
	f.must(f.poller.Close())
	f.must(f.poller.Close())
	f.poller.Wake()
	if _, err := f.poller.Wait(patience, nil); !errors.Is(err, os.ErrClosed) {
		f.Errorf("wait: got %v, want %v", err, os.ErrClosed)
	}
	if err := f.poller.Watch(r, poll.Read); !errors.Is(err, os.ErrClosed) {
		f.Errorf("watch: got %v, want %v", err, os.ErrClosed)
	}
	f.watch(r, 0)
	f.stale()
	if _, err := unix.FcntlInt(uintptr(r), unix.F_GETFD, 0); err != nil {
		f.Errorf("the descriptor: got %v, want it open", err)
	}
}
