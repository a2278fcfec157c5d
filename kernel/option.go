package kernel

import (
	"fmt"
	"slices"
	"strings"
)

// Trace is a set of things that are written to the log as they happen.
type Trace uint16

// What can be traced. Each line begins with its tag.
const (
	TraceEvents Trace = 1 << iota
	TraceSessions
	TraceRefcounts
	TraceFiles
	TraceSignals
	TraceErrors
	TraceStats
	TraceAll = TraceEvents | TraceSessions | TraceRefcounts | TraceFiles | TraceSignals | TraceErrors | TraceStats
)

// Assert is a set of things that become errors or warnings.
type Assert uint16

// What can be asserted.
const (
	AssertUsage Assert = 1 << iota
	AssertRetvals
	AssertData
	AssertStates
	AssertAll = AssertUsage | AssertData | AssertStates // not AssertRetvals: refusals are ordinary answers
)

type flag[T ~uint16] struct {
	name string
	bits T
}

var traceFlags = []flag[Trace]{
	{"events", TraceEvents}, {"sessions", TraceSessions}, {"refcounts", TraceRefcounts}, {"files", TraceFiles},
	{"signals", TraceSignals}, {"errors", TraceErrors}, {"stats", TraceStats}, {"all", TraceAll},
}

var assertFlags = []flag[Assert]{
	{"usage", AssertUsage}, {"retvals", AssertRetvals}, {"data", AssertData}, {"states", AssertStates}, {"all", AssertAll},
}

func parseFlags[T ~uint16](what string, flags []flag[T], list string) (set T, err error) {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		i := slices.IndexFunc(flags, func(f flag[T]) bool { return f.name == name })
		if i < 0 {
			var known []string
			for _, f := range flags {
				known = append(known, f.name)
			}
			return 0, fmt.Errorf("unknown %s '%s' (known: %s)", what, name, strings.Join(known, ", "))
		}
		set |= flags[i].bits
	}
	return set, nil
}

// ParseTrace reads a list such as "events,sessions".
func ParseTrace(list string) (Trace, error) { return parseFlags("trace", traceFlags, list) }

// ParseAssert reads a list such as "usage,data".
func ParseAssert(list string) (Assert, error) { return parseFlags("assertion", assertFlags, list) }

// Trace is what is traced now.
func (k *Kernel) Trace() Trace { return k.trace }

// Assert is what is asserted now.
func (k *Kernel) Assert() Assert { return k.assert }

// SetAssert sets what is asserted.
func (k *Kernel) SetAssert(a Assert) { k.assert = a }

// Option reads an option of the kernel by the name that scripts use: catch_exceptions, isolate, trace_events and so on,
// assert_usage and so on. Error: unknown name.
func (k *Kernel) Option(name string) (bool, error) {
	switch name {
	case "catch_exceptions":
		return k.catch, nil
	case "isolate":
		return k.isolate, nil
	}
	if list, ok := strings.CutPrefix(name, "trace_"); ok {
		if t, err := ParseTrace(list); err == nil && t != 0 {
			return k.trace&t == t, nil
		}
	}
	if list, ok := strings.CutPrefix(name, "assert_"); ok {
		if a, err := ParseAssert(list); err == nil && a != 0 {
			return k.assert&a == a, nil
		}
	}
	return false, fmt.Errorf("unknown option '%s'", name)
}

// SetOption sets an option of the kernel and returns what it was. Error: unknown name.
func (k *Kernel) SetOption(name string, on bool) (bool, error) {
	old, err := k.Option(name)
	if err != nil {
		return false, err
	}
	switch name {
	case "catch_exceptions":
		k.catch = on
		return old, nil
	case "isolate":
		k.isolate = on
		return old, nil
	}
	if list, ok := strings.CutPrefix(name, "trace_"); ok {
		t, _ := ParseTrace(list)
		if on {
			k.SetTrace(k.trace | t)
		} else {
			k.SetTrace(k.trace &^ t)
		}
	}
	if list, ok := strings.CutPrefix(name, "assert_"); ok {
		a, _ := ParseAssert(list)
		k.assert = k.assert &^ a
		if on {
			k.assert |= a
		}
	}
	return old, nil
}
