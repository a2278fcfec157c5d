package host_test

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

// hear gives the signals that a host catches.
func hear(h *host.Host) <-chan int {
	heard := make(chan int, 100)
	h.OnSignal(func(number int) { heard <- number })
	return heard
}

// raise sends ourselves a signal and returns when it has been delivered to every host that catches it. Somebody always
// catches it, so nothing happens to the process.
func raise(t *testing.T, number syscall.Signal) {
	t.Helper()
	witness := make(chan os.Signal, 1)
	signal.Notify(witness, number)
	defer signal.Stop(witness)
	if err := syscall.Kill(os.Getpid(), number); err != nil {
		t.Fatal(err)
	}
	<-witness
}

func silent(t *testing.T, h *host.Host, heard <-chan int) {
	t.Helper()
	h.Close() // when it returns, nothing is under way
	select {
	case number := <-heard:
		t.Errorf("heard %s", host.SignalName(number))
	default:
	}
}

func TestSignalNamesAndNumbers(t *testing.T) {
	cases := []struct {
		name string
		want syscall.Signal
		ok   bool
	}{
		{"INT", syscall.SIGINT, true},
		{"CHLD", syscall.SIGCHLD, true},
		{"CLD", syscall.SIGCHLD, true},
		{"USR1", syscall.SIGUSR1, true},
		{"KILL", syscall.SIGKILL, true},
		{"SIGINT", 0, false},
		{"int", 0, false},
		{"DIE", 0, false},
		{"", 0, false},
	}
	for _, c := range cases {
		if number, ok := host.SignalNumber(c.name); number != int(c.want) || ok != c.ok {
			t.Errorf("%q: got %d, %v, want %d, %v", c.name, number, ok, c.want, c.ok)
		}
	}
	if got := host.SignalName(int(syscall.SIGTERM)); got != "TERM" {
		t.Errorf("got %q, want TERM", got)
	}
	if got := host.SignalName(9999); got != "" {
		t.Errorf("got %q for a number that is no signal", got)
	}
}

func TestCatchableLeavesOutWhatCannotBeWatched(t *testing.T) {
	for _, name := range []string{"INT", "TERM", "HUP", "QUIT", "PIPE", "CHLD", "CLD", "USR1", "USR2", "ALRM", "WINCH", "CONT", "TSTP", "TTIN", "TTOU", "URG"} {
		if !host.Catchable(name) {
			t.Errorf("%s is not catchable", name)
		}
	}
	for _, name := range []string{"KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT", "IOT", "TRAP", "SYS", "PROF", "DIE", "ZOMBIE", ""} {
		if host.Catchable(name) {
			t.Errorf("%s is catchable", name)
		}
		if err := newHost(t).Catch(name); host.Errno(err) != syscall.EINVAL {
			t.Errorf("catch %s: got %v, want EINVAL", name, err)
		}
	}
}

func TestCaughtSignalIsHeard(t *testing.T) {
	h := newHost(t)
	heard := hear(h)
	for range 2 { // catching twice changes nothing
		if err := h.Catch("USR1"); err != nil {
			t.Fatal(err)
		}
	}
	raise(t, syscall.SIGUSR1)
	if got := <-heard; got != int(syscall.SIGUSR1) {
		t.Errorf("heard %d", got)
	}
	silent(t, h, heard)
}

func TestReleasedSignalIsNotHeard(t *testing.T) {
	h := newHost(t)
	heard := hear(h)
	h.Catch("USR1")
	h.Release("USR1")
	h.Release("USR1")
	h.Release("no such signal")
	raise(t, syscall.SIGUSR1)
	silent(t, h, heard)
}

func TestReleaseBringsTheDefaultBack(t *testing.T) {
	h := newHost(t)
	if status := must[int](t)(h.Run(asRole(t, "release HUP"))); status != int(syscall.SIGHUP) {
		t.Errorf("got status %d, want death by HUP", status)
	}
}

func init() {
	roles["release HUP"] = func(h *host.Host) {
		heard := hear(h)
		h.Catch("HUP")
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
		<-heard
		h.Release("HUP")
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
		select {}
	}
}

func TestReleasingOneSignalDoesNotLetGoOfAnother(t *testing.T) {
	h := newHost(t)
	if status := must[int](t)(h.Run(asRole(t, "hold TERM"))); status != 0 {
		t.Errorf("got status %d, want 0", status)
	}
}

func init() {
	roles["hold TERM"] = func(h *host.Host) {
		heard := hear(h)
		h.Catch("TERM")
		done := make(chan bool)
		go func() {
			for range 500 {
				syscall.Kill(os.Getpid(), syscall.SIGTERM)
				<-heard
			}
			close(done)
		}()
		for {
			select {
			case <-done:
				return
			default:
				h.Catch("USR1")
				h.Release("USR1")
			}
		}
	}
}

func TestHostsDoNotDisturbEachOther(t *testing.T) {
	first, second := newHost(t), newHost(t)
	heardFirst, heardSecond := hear(first), hear(second)
	first.Catch("USR2")
	second.Catch("USR2")
	raise(t, syscall.SIGUSR2)
	<-heardFirst
	<-heardSecond
	first.Release("USR2")
	raise(t, syscall.SIGUSR2)
	<-heardSecond
	silent(t, first, heardFirst)
	raise(t, syscall.SIGUSR2)
	<-heardSecond
}

func TestGuardSwallowsPIPEUntilItIsCaught(t *testing.T) {
	h := newHost(t)
	heard := hear(h)
	h.Guard()
	raise(t, syscall.SIGPIPE)
	h.Catch("QUIT")
	h.Release("QUIT")
	raise(t, syscall.SIGQUIT)
	if got := <-heard; got != int(syscall.SIGQUIT) {
		t.Errorf("heard %s, want QUIT", host.SignalName(got))
	}
	h.Catch("PIPE")
	raise(t, syscall.SIGPIPE)
	if got := <-heard; got != int(syscall.SIGPIPE) {
		t.Errorf("heard %s, want PIPE", host.SignalName(got))
	}
	h.Release("PIPE")
	raise(t, syscall.SIGPIPE)
	silent(t, h, heard)
}

func TestGuardedProcessLivesThroughPIPE(t *testing.T) {
	h := newHost(t)
	if status := must[int](t)(h.Run(asRole(t, "guard"))); status != 0 {
		t.Errorf("got status %d, want 0", status)
	}
}

func init() {
	roles["guard"] = func(h *host.Host) {
		heard := hear(h)
		h.Guard()
		h.Catch("PIPE")
		h.Release("PIPE")
		syscall.Kill(os.Getpid(), syscall.SIGPIPE)
		h.Catch("USR1")
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		<-heard
	}
}

func TestChildrenHaveDefaultSignals(t *testing.T) {
	h := newHost(t)
	h.Guard()
	for _, name := range []string{"PIPE", "QUIT", "USR1", "TERM"} {
		if err := h.Catch(name); err != nil {
			t.Fatal(err)
		}
		number, _ := host.SignalNumber(name)
		status := must[int](t)(h.Run(host.Command{Args: []string{"/bin/sh", "-c", "ulimit -c 0; kill -" + name + " $$"}}))
		if status%128 != number {
			t.Errorf("%s: got status %d, want death by %d", name, status, number)
		}
	}
}

func TestDeliveriesComeOneAtATime(t *testing.T) {
	h := newHost(t)
	var inside, heard int
	both := make(chan bool)
	h.OnSignal(func(int) { // without a lock: the race detector watches
		inside++
		if heard++; heard == 2 {
			close(both)
		}
		inside--
	})
	h.Catch("USR1")
	h.Catch("USR2")
	raise(t, syscall.SIGUSR1)
	raise(t, syscall.SIGUSR2)
	<-both
	if h.Close(); inside != 0 {
		t.Error("two deliveries at once")
	}
}
