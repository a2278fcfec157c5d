package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is the heap below which the garbage collector need not run. Go's own floor is 4 MiB: a program that keeps little
// and makes much, as event loops do, would spend a quarter of its time in collections that free next to nothing each.
const heapFloor = 32 << 20

// tuneGC keeps the collector's pace at Go's usual one for heaps above the floor, and slower below. GOGC in the environment
// has precedence.
func tuneGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	setPace()
	watchGC()
}

// watchGC calls setPace after every collection: an object that is garbage at once tells when one has run.
func watchGC() {
	sentinel := new([16]byte)
	runtime.SetFinalizer(sentinel, func(*[16]byte) {
		setPace()
		watchGC()
	})
}

func setPace() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	bytes := max(live[0].Value.Uint64(), 1)
	// The percentage also scales Go's own floor of 4 MiB.
	debug.SetGCPercent(int(min(max(heapFloor*100/bytes, 200)-100, heapFloor*100/(4<<20))))
}
