package runtime

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/poelua/poelua/kernel"
)

const (
	statsKinds = 4096 // pairs of session and event that are told apart; the rest is one entry
	statsShown = 25
)

// dispatchTimes adds up the time of dispatches by session and event.
type dispatchTimes struct {
	entries map[dispatchKind]*dispatchTime
}

type dispatchKind struct{ session, event string }

type dispatchTime struct {
	kind  dispatchKind
	count int
	total time.Duration
	most  time.Duration
}

func newDispatchTimes() *dispatchTimes {
	return &dispatchTimes{entries: map[dispatchKind]*dispatchTime{}}
}

func (d *dispatchTimes) add(r *kernel.Record) {
	kind := dispatchKind{r.Task.String(), r.Event}
	e := d.entries[kind]
	if e == nil {
		if len(d.entries) >= statsKinds {
			kind = dispatchKind{"others", "-"}
		}
		if e = d.entries[kind]; e == nil {
			e = &dispatchTime{kind: kind}
			d.entries[kind] = e
		}
	}
	e.count++
	e.total += r.Took
	e.most = max(e.most, r.Took)
}

// WriteStats writes the kernel's counts and, if Options.Stats was set, where the time went, as tables.
func (rt *Runtime) WriteStats(w io.Writer) error {
	if _, err := rt.k.Stats().WriteTo(w); err != nil || rt.stats == nil {
		return err
	}
	var entries []*dispatchTime
	for _, e := range rt.stats.entries {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *dispatchTime) int {
		return cmp.Or(cmp.Compare(b.total, a.total), cmp.Compare(a.kind.session, b.kind.session), cmp.Compare(a.kind.event, b.kind.event))
	})
	if _, err := fmt.Fprintf(w, "\n%-28s %-20s %10s %12s %12s %12s\n", "session", "event", "count", "total", "mean", "longest"); err != nil {
		return err
	}
	for i, e := range entries {
		if i == statsShown {
			fmt.Fprintf(w, "and %d more\n", len(entries)-i)
			break
		}
		mean := e.total / time.Duration(e.count)
		if _, err := fmt.Fprintf(w, "%-28s %-20s %10d %12v %12v %12v\n", e.kind.session, e.kind.event, e.count, e.total, mean, e.most); err != nil {
			return err
		}
	}
	return nil
}
