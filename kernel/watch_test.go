//go:build unix

package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
	"github.com/poelua/poelua/kernel/poll"
)

// pipe makes a non-blocking pipe that is closed at the end of the test.
func pipe(t testing.TB) (r, w int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	return ends[0], nonblocking(t, ends[:])
}

// socketPair makes two connected sockets. Only of sockets can both directions of one number be watched.
func socketPair(t testing.TB) (a, b int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ends[0], nonblocking(t, ends[:])
}

// nonblocking returns the second end.
func nonblocking(t testing.TB, ends []int) int {
	for _, fd := range ends {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) }) // those that the test closed are not another's by then: nothing is opened after it
	}
	return ends[1]
}

func put(t testing.TB, fd int, s string) {
	t.Helper()
	if _, err := unix.Write(fd, []byte(s)); err != nil {
		t.Fatalf("write to %d: %v", fd, err)
	}
}

func take(fd int) string {
	var buf [256]byte
	n, _ := unix.Read(fd, buf[:])
	return string(buf[:max(0, n)])
}

func watch(t testing.TB, c *kernel.Context, fd int, m kernel.Mode, event string, handle any, args ...any) {
	t.Helper()
	if err := c.Watch(fd, m, event, handle, args...); err != nil {
		t.Errorf("watch %d: %v", fd, err)
	}
}

func TestAReadableHandleReachesItsWatcher(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var log kerneltest.Log
		r, w := pipe(t)
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, r, kernel.Read, "ready", "the handle", "arg", nil) }),
			States: states{"ready": func(c *kernel.Context, args ...any) any {
				log.Add("%v %s from %v", args, take(r), c.Sender.ID())
				c.Unwatch(r, kernel.Read)
				return nil
			}},
		})
		go func() { unix.Write(w, []byte("data")) }()
		runReal(t, k)
		log.Want(t, "[the handle read arg <nil>] data from 1")
	})
}

// Readiness is repeated until it is used up.
func TestReadinessIsLevelTriggered(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		r, w := pipe(t)
		put(t, w, "abc")
		got := ""
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, r, kernel.Read, "ready", nil) }),
			States: states{"ready": func(c *kernel.Context, args ...any) any {
				var one [1]byte
				unix.Read(r, one[:])
				if got += string(one[:]); len(got) == 3 {
					c.Unwatch(r, kernel.Read)
				}
				return nil
			}},
		})
		runReal(t, k)
		if got != "abc" {
			t.Errorf("got %q, want %q", got, "abc")
		}
	})
}

func TestReadsComeBeforeWritesBeforeExpedites(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var log kerneltest.Log
		sockets := [2][2]int{}
		for i := range sockets {
			sockets[i][0], sockets[i][1] = tcpPair(t)
			sendUrgent(t, sockets[i][1], sockets[i][0])
			put(t, sockets[i][1], "data")
		}
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { c.Yield("queued") }), States: states{
			"queued": log.Handler(), // what is queued comes after the round
		}})
		for i := range 2 {
			spawn(t, k, kernel.Session{
				Start: do(func(c *kernel.Context) {
					for j := range sockets { // the descriptors the other way round
						for _, m := range []kernel.Mode{kernel.Expedite, kernel.Write, kernel.Read} {
							watch(t, c, sockets[1-j][0], m, "ready", 1-j)
						}
					}
				}),
				States: states{"ready": func(c *kernel.Context, args ...any) any {
					log.Add("%v of %v to %v", args[1], args[0], i)
					c.Unwatch(sockets[args[0].(int)][0], args[1].(kernel.Mode))
					return nil
				}},
			})
		}
		runReal(t, k)
		// Of the handles, the lower number goes first; of a handle's sessions, the lower one.
		low, high := 0, 1
		if sockets[0][0] > sockets[1][0] {
			low, high = 1, 0
		}
		var want []string
		for _, m := range []kernel.Mode{kernel.Read, kernel.Write, kernel.Expedite} {
			for _, handle := range []int{low, high} {
				for session := range 2 {
					want = append(want, fmt.Sprintf("%v of %v to %v", m, handle, session))
				}
			}
		}
		log.Want(t, append(want, "queued")...)
	})
}

// tcpPair makes two connected TCP sockets, which can carry urgent data.
func tcpPair(t testing.TB) (a, b int) {
	t.Helper()
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	address := unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err := unix.Bind(listener, address); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(listener, 1); err != nil {
		t.Fatal(err)
	}
	if address, err = unix.Getsockname(listener); err != nil {
		t.Fatal(err)
	}
	if b, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(b, address); err != nil {
		t.Fatal(err)
	}
	if a, _, err = unix.Accept(listener); err != nil {
		t.Fatal(err)
	}
	nonblocking(t, []int{a, b})
	return a, b
}

// sendUrgent sends urgent data and waits until it is there.
func sendUrgent(t testing.TB, from, to int) {
	t.Helper()
	if err := unix.Sendto(from, []byte("!"), unix.MSG_OOB, nil); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(to), Events: unix.POLLPRI}}, int(watchdog.Milliseconds()))
		if n == 1 {
			return
		}
		if err != unix.EINTR {
			t.Fatalf("no urgent data: %v", err)
		}
	}
}

func TestHandlersOfARoundRemoveLaterWatchers(t *testing.T) {
	// Two sessions watch both ends of a pair that are ready to be read and written. What the first handler does
	// decides who else is called in its round.
	tests := []struct {
		name string
		do   func(c *kernel.Context, a, b int)
		want []string // after "1 read a"
	}{
		{"nothing", func(c *kernel.Context, a, b int) {}, []string{"2 read a", "1 read b", "2 read b", "1 write a", "1 write b"}},
		{"remove its own", func(c *kernel.Context, a, b int) {
			c.Unwatch(b, kernel.Read)
			c.Unwatch(a, kernel.Write)
		}, []string{"2 read a", "2 read b", "1 write b"}},
		{"pause one mode", func(c *kernel.Context, a, b int) {
			if !c.Kernel.PauseWatch(a, kernel.Read) || !c.Kernel.PauseWatch(b, kernel.Write) {
				panic("nobody watches")
			}
		}, []string{"1 read b", "2 read b", "1 write a"}},
		{"close one", func(c *kernel.Context, a, b int) { c.Kernel.CloseWatched(b) }, []string{"2 read a", "1 write a"}},
		{"stop the other", func(c *kernel.Context, a, b int) { c.Kernel.Call(c.Kernel.ByID(2), "stop", kernel.Site{}, nil, 0) },
			[]string{"1 read b", "1 write a", "1 write b"}},
		{"stop all", func(c *kernel.Context, a, b int) { c.Kernel.Stop() }, nil},
		{"set its own again", func(c *kernel.Context, a, b int) { c.Watch(b, kernel.Read, "ready", "new") },
			[]string{"2 read a", "1 read new", "2 read b", "1 write a", "1 write b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
				var log kerneltest.Log
				a, b := socketPair(t)
				if a > b {
					a, b = b, a
				}
				put(t, a, "x")
				put(t, b, "x")
				round := true
				end := func(c *kernel.Context) {
					for _, fd := range []int{a, b} {
						for _, m := range []kernel.Mode{kernel.Read, kernel.Write} {
							c.Unwatch(fd, m)
						}
					}
				}
				for i := range 2 {
					spawn(t, k, kernel.Session{
						Start: do(func(c *kernel.Context) {
							watch(t, c, a, kernel.Read, "ready", "a")
							watch(t, c, b, kernel.Read, "ready", "b")
							if i == 0 {
								watch(t, c, a, kernel.Write, "ready", "a")
								watch(t, c, b, kernel.Write, "ready", "b")
							}
							c.Yield("after") // in the queue: when the first round is over
						}),
						States: states{
							"ready": func(c *kernel.Context, args ...any) any {
								if round {
									log.Add("%v %v %v", c.Task.ID(), args[1], args[0])
								}
								if len(log) == 1 && i == 0 {
									test.do(c, a, b)
								}
								return nil
							},
							"after": func(c *kernel.Context, args ...any) any { round = false; end(c); return nil },
							"stop":  func(c *kernel.Context, args ...any) any { end(c); return nil },
						},
					})
				}
				runReal(t, k)
				log.Want(t, append([]string{"1 read a"}, test.want...)...)
			})
		})
	}
}

// A handler closes another handle of the round and opens one that gets its number. Nothing is known of that one yet.
func TestAReusedNumberIsNotReadyForTheOld(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var log kerneltest.Log
		first, firstEnd := pipe(t)
		second, secondEnd := pipe(t)
		other, otherEnd := pipe(t)
		put(t, firstEnd, "x")
		put(t, secondEnd, "x")
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				watch(t, c, first, kernel.Read, "first", nil)
				watch(t, c, second, kernel.Read, "second", nil)
			}),
			States: states{
				"first": func(c *kernel.Context, args ...any) any {
					log.Add("first")
					c.Unwatch(first, kernel.Read)
					c.Kernel.CloseWatched(second)
					if err := unix.Dup2(other, second); err != nil {
						t.Error(err)
					}
					watch(t, c, second, kernel.Read, "new", nil)
					c.Yield("fill")
					return nil
				},
				"second": func(c *kernel.Context, args ...any) any { log.Add("second, which is closed"); return nil },
				"fill":   func(c *kernel.Context, args ...any) any { log.Add("fill"); put(t, otherEnd, "y"); return nil },
				"new": func(c *kernel.Context, args ...any) any {
					log.Add("new %q", take(second))
					if len(log) >= 3 {
						c.Unwatch(second, kernel.Read)
					}
					return nil
				},
			},
		})
		runReal(t, k)
		log.Want(t, "first", "fill", `new "y"`)
	})
}

func TestAPausedWatcherKeepsItsSession(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		var log kerneltest.Log
		r, w := pipe(t)
		put(t, w, "x")
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) {
				if c.Kernel.PauseWatch(r, kernel.Read) || c.Kernel.ResumeWatch(r, kernel.Read) {
					t.Error("what nobody watches was paused")
				}
				watch(t, c, r, kernel.Read, "ready", nil)
				if !c.Kernel.PauseWatch(r, kernel.Read) || c.Kernel.PauseWatch(r, kernel.Write) {
					t.Error("only reading is watched")
				}
			}),
			States: states{"ready": func(c *kernel.Context, args ...any) any {
				log.Add("ready")
				c.Unwatch(r, kernel.Read)
				return nil
			}},
			Stop: do(func(c *kernel.Context) { log.Add("stop") }),
		})
		turns := 0
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("turn") }),
			States: states{"turn": func(c *kernel.Context, args ...any) any {
				if turns++; turns < 100 {
					c.Yield("turn")
					return nil
				}
				log.Add("resume")
				c.Kernel.ResumeWatch(r, kernel.Read)
				return nil
			}},
		})
		runReal(t, k)
		log.Want(t, "resume", "ready", "stop")
	})
}

func TestWatchingWhatIsNotOpenIsRefused(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
			for _, fd := range []int{-1, 9999} {
				if err := c.Watch(fd, kernel.Read, "ready", nil); err == nil {
					t.Errorf("descriptor %d is watched", fd)
				}
			}
		})})
		runReal(t, k) // nothing keeps the session
	})
	kerneltest.Run(t, func(k *kernel.Kernel) { // the simulated poller refuses every one
		r, _ := pipe(t)
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) {
			if err := c.Watch(r, kernel.Read, "ready", nil); err == nil {
				t.Error("a handle is watched on the simulated clock")
			}
		})})
	})
}

func TestClosingLetsTheSessionsStop(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, reports *kerneltest.Log) {
		var log kerneltest.Log
		a, b := socketPair(t)
		for range 3 {
			spawn(t, k, kernel.Session{
				Start: do(func(c *kernel.Context) {
					watch(t, c, a, kernel.Read, "ready", nil)
					watch(t, c, a, kernel.Expedite, "ready", nil)
				}),
				States: states{"ready": log.Handler()},
				Stop:   do(func(c *kernel.Context) { log.Add("stop %v", c.Task.ID()) }),
			})
		}
		k.Submit(func() {
			k.CloseWatched(a)
			k.CloseWatched(a)
			k.CloseWatched(b)
			unix.Close(a)
		})
		runReal(t, k)
		slices.Sort(log)
		log.Want(t, "stop 1", "stop 2", "stop 3")
		reports.Want(t)
	})
}

// A descriptor that somebody closes without telling is looked for after about a second in which nothing happened: not all
// pollers mention it, and to look each time would cost too much. So this test takes that second; nothing shorter would
// test it.
func TestADescriptorClosedBehindTheKernelsBackIsReported(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, reports *kerneltest.Log) {
		var log kerneltest.Log
		lost, _ := pipe(t)
		kept, keptEnd := pipe(t)
		spawn(t, k, kernel.Session{
			Alias: "loser",
			Start: do(func(c *kernel.Context) {
				c.Kernel.RemoveAlias("loser")
				watch(t, c, lost, kernel.Read, "ready", nil)
			}),
			States: states{"ready": log.Handler()},
			Stop:   do(func(c *kernel.Context) { log.Add("stop"); put(t, keptEnd, "x") }),
		})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, kept, kernel.Read, "ready", nil) }),
			States: states{"ready": func(c *kernel.Context, args ...any) any {
				log.Add("%s", take(kept))
				c.Unwatch(kept, kernel.Read)
				return nil
			}},
		})
		k.Submit(func() { unix.Close(lost) })
		runReal(t, k)
		log.Want(t, "stop", "x")
		if len(*reports) != 1 || !strings.Contains((*reports)[0], fmt.Sprintf("descriptor %d, which session 1 watches, was closed", lost)) {
			t.Errorf("got the reports %q", *reports)
		}
	})
}

// impatient is a poller that does not wait. It remembers how long it should have waited after stale descriptors were found.
type impatient struct {
	poll.Poller
	found bool
	waits []time.Duration
}

func (p *impatient) Stale(fds []int) []int {
	fds = p.Poller.Stale(fds)
	p.found = p.found || len(fds) > 0
	return fds
}

func (p *impatient) Wait(timeout time.Duration, ready []poll.Ready) ([]poll.Ready, error) {
	if p.found {
		p.waits = append(p.waits, timeout)
	}
	p.found = false
	return p.Poller.Wait(0, ready)
}

// A session whose last handle was lost has nothing to do any more: the kernel must not wait before it stops it.
func TestNothingIsWaitedForAfterALoss(t *testing.T) {
	for _, name := range poll.Names() {
		real, err := poll.New(name)
		if err != nil {
			t.Fatal(err)
		}
		p := &impatient{Poller: real}
		k := kernel.New(kernel.Options{Poller: p, Report: func(error) {}})
		lost, _ := pipe(t)
		spawn(t, k, kernel.Session{Start: do(func(c *kernel.Context) { watch(t, c, lost, kernel.Read, "ready", nil) })})
		unix.Close(lost)
		runReal(t, k)
		for _, timeout := range p.waits {
			if timeout != 0 {
				t.Errorf("%s: got a wait of %v, want none", name, timeout)
			}
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A handle that is always ready does not keep timers and posts waiting, nor they it.
func TestAReadyHandleAndPostsShareTheLoop(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		r, w := pipe(t)
		put(t, w, "x")
		reads, posts := 0, 0
		var timer bool
		over := func() bool { return reads > 100 && posts > 100 && timer }
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { watch(t, c, r, kernel.Read, "ready", nil) }),
			States: states{"ready": func(c *kernel.Context, args ...any) any {
				if reads++; over() {
					c.Unwatch(r, kernel.Read)
				}
				return nil
			}},
		})
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("again"); c.Delay("due", 5*time.Millisecond) }),
			States: states{"again": func(c *kernel.Context, args ...any) any {
				if posts++; !over() {
					c.Yield("again")
				}
				return nil
			}, "due": func(c *kernel.Context, args ...any) any { timer = true; return nil }},
		})
		runReal(t, k)
	})
}

// K10 on a handle: alarms in the past for ever do not keep it from being served.
func TestPastAlarmsForEverDoNotStarveHandles(t *testing.T) {
	onPollers(t, func(t *testing.T, k *kernel.Kernel, _ *kerneltest.Log) {
		r, w := pipe(t)
		put(t, w, "x")
		read := false
		spawn(t, k, kernel.Session{
			Start: do(func(c *kernel.Context) { c.Yield("again") }),
			States: states{
				"again": func(c *kernel.Context, args ...any) any {
					if len(args) == 0 {
						watch(t, c, r, kernel.Read, "ready", nil)
					}
					if !read {
						c.Alarm("again", kerneltest.Start, "again")
					}
					return nil
				},
				"ready": func(c *kernel.Context, args ...any) any {
					read = true
					c.Unwatch(r, kernel.Read)
					return nil
				},
			},
		})
		runReal(t, k)
		if !read {
			t.Error("the handle was not served")
		}
	})
}

// Descriptors that only consoles watch are no reason against IDLE, however many consoles do.
func TestDescriptorsWatchedInTheBackgroundKeepNothing(t *testing.T) {
	both := []kernel.Mode{kernel.Read, kernel.Write}
	for _, c := range []struct {
		name     string
		consoles [][]kernel.Mode
		program  bool // it watches the descriptor, too
		want     []string
	}{
		{"by one", [][]kernel.Mode{{kernel.Read}, nil}, false, []string{"stop 3", "stop 2", "stop 1"}},
		{"by two", [][]kernel.Mode{{kernel.Read}, both}, false, []string{"stop 3", "stop 2", "stop 1"}},
		{"by two and the program", [][]kernel.Mode{both, both}, true, []string{"ready x", "stop 3", "stop 2", "stop 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fd, peer := socketPair(t)
			var log kerneltest.Log
			k := kernel.New(kernel.Options{Idle: true})
			watch := func(modes []kernel.Mode) func(c *kernel.Context) any {
				return do(func(c *kernel.Context) {
					for _, m := range modes {
						if err := c.Watch(fd, m, "ready", nil); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for _, modes := range c.consoles {
				id := spawn(t, k, kernel.Session{Alias: fmt.Sprint("console ", k.Sessions()), Start: watch(modes), Stop: stopped(&log)})
				k.SetBackground(k.ByID(id), true)
			}
			program := kernel.Session{Alias: "program", Stop: stopped(&log), States: states{"ready": on(func(c *kernel.Context) {
				log.Add("ready %s", take(fd))
				c.Unwatch(fd, kernel.Read)
			})}}
			if c.program {
				program.Start = watch([]kernel.Mode{kernel.Read})
				put(t, peer, "x")
			}
			spawn(t, k, program)
			if err := kerneltest.Finish(t, k); err != nil {
				t.Error(err)
			}
			log.Want(t, c.want...)
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
