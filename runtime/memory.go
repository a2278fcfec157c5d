package runtime

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/poelua/poelua/kernel/poll"
)

const (
	trimAfter   = 300 * time.Millisecond // of quiet
	trimLeast   = 4 << 20                // bytes of garbage that are worth a collection
	trimHandles = 2000                   // as many more are open as is worth a collection
)

// trimmer gives memory back to the system when a program has become quiet: what a burst of work has left as garbage would
// lie there until the next one. While connections come in by the thousand it has the collector run oftener: what lives long
// would be strewn among garbage, and objects are never moved.
type trimmer struct {
	clock   poll.Clock
	open    func() int    // handles
	lowest  int           // of open since the last collection for its sake
	handled uint64        // when it was last called
	since   time.Duration // how long it is quiet
	done    bool          // for this quiet time
}

// Housekeep is called like kernel.Options.Housekeep.
func (t *trimmer) Housekeep(idle bool, handled uint64) time.Duration {
	if open := t.open(); open < t.lowest {
		t.lowest = open
	} else if open >= t.lowest+trimHandles {
		t.lowest = open
		go runtime.GC() // it takes milliseconds
	}
	if !idle {
		return -1
	}
	now := t.clock.Now()
	if handled != t.handled {
		t.handled, t.since, t.done = handled, now, false
	}
	if t.done {
		return -1
	}
	if left := t.since + trimAfter - now; left > 0 {
		return left
	}
	t.done = true
	if heap, live := heapSizes(); heap > live+max(trimLeast, live/4) {
		go debug.FreeOSMemory() // it takes milliseconds, in which something may happen
	}
	return -1
}

// heapSizes are the bytes that the heap takes from the system, and those of the objects that the last collection found to be
// alive.
func heapSizes() (heap, live uint64) {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, // garbage included
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64() + s[2].Value.Uint64(), s[3].Value.Uint64()
}
