package runtime

import (
	"fmt"
	"io"

	"github.com/poelua/poelua/runtime/profile"
)

// profiling is what watches a runtime from the inside, and where it writes.
type profiling struct {
	profiler *profile.Profiler
	out      io.Writer // the profiler's
	trace    *profile.Trace
}

// openProfiling begins what the options ask for. What it gathers is brought out on every way out.
func (rt *Runtime) openProfiling(o Options) {
	if o.TraceJSON != nil {
		c := profile.TraceConfig{
			Kernel: rt.k,
			Format: rt.lib.Format,
			Failed: func(err error) { fmt.Fprintf(rt.stderr, "poelua: %v; the program goes on without it\n", err) },
		}
		if o.Clock != "simulated" {
			c.Now = rt.k.Clock().Now
		}
		rt.profiling.trace = profile.NewTrace(c, o.TraceJSON)
	}
	if o.Profile != nil {
		rt.profiling.out = o.Profile
		rt.profiling.profiler = profile.Start(profile.Config{
			Kernel: rt.k, Meter: rt.meter, Coroutines: rt.coroutines, Group: rt.lib.Group,
			Simulated: o.Clock == "simulated",
		})
	}
	rt.host.AtExit(func() {
		if err := rt.profiling.close(); err != nil {
			fmt.Fprintf(rt.stderr, "poelua: %v\n", err)
		}
	})
}

// close writes what is left. Again it does nothing. Safe from any goroutine.
func (p *profiling) close() error {
	if p.trace != nil {
		p.trace.Close()
	}
	if p.profiler != nil {
		return p.profiler.Stop(p.out)
	}
	return nil
}
