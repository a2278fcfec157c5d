package kernel_test

import (
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/kerneltest"
)

// family is a parent with a child that has an alias, a timer and a child of its own. "end" ends the one in the middle.
func family(k *kernel.Kernel, log *kerneltest.Log) {
	note := func(c *kernel.Context, args ...any) any {
		for i, v := range args {
			if t, ok := v.(*kernel.Task); ok {
				args[i] = t.ID()
			}
		}
		log.Add("%v %s %v", c.Task.ID(), c.Event, args)
		return nil
	}
	end := func(c *kernel.Context, _ ...any) any {
		c.Kernel.End(c.Kernel.Resolve("middle"))
		c.Kernel.End(c.Kernel.Root())
		log.Add("%v goes on as %v", c.Task.ID(), c.Kernel.Active().ID())
		return nil
	}
	_, _ = k.Spawn(kernel.Session{Alias: "parent", States: states{"_child": note, "end": end}, Start: do(func(c *kernel.Context) {
		_, _ = c.Kernel.Spawn(kernel.Session{
			Alias: "middle",
			Stop:  do(func(c *kernel.Context) { log.Add("%v stops", c.Task.ID()) }),
			States: states{"late": note, "end": end, "around": func(c *kernel.Context, _ ...any) any {
				_, _ = c.Call(c.Task, "end")
				log.Add("around goes on as %v", c.Kernel.Active().ID())
				return nil
			}},
			Start: do(func(c *kernel.Context) {
				c.Delay("late", time.Hour)
				_, _ = c.Kernel.Spawn(kernel.Session{
					States: states{"_parent": note, "last": note},
					Start:  do(func(c *kernel.Context) { c.Delay("last", time.Minute) }),
				})
			}),
		})
	})})
}

func TestEndStopsATaskWhateverItHas(t *testing.T) {
	stopped := []string{"1 _child [create 2 <nil>]", "1 _child [gain 3]", "3 _parent [2 1]", "2 stops", "1 _child [lose 2 <nil>]"}
	rest := []string{"3 last []", "1 _child [lose 3 <nil>]"}
	for _, c := range []struct {
		name, session, event string
		then                 []string
	}{
		{"by another", "parent", "end", []string{"1 goes on as 1"}},
		{"by itself", "middle", "end", []string{"2 goes on as 0"}},
		{"by itself in a call", "middle", "around", []string{"2 goes on as 0", "around goes on as 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log kerneltest.Log
			kerneltest.Run(t, func(k *kernel.Kernel) {
				family(k, &log)
				if err := k.Post(k.Resolve(c.session), c.event, kernel.Site{}, nil); err != nil {
					t.Fatal(err)
				}
			})
			log.Want(t, append(append(append([]string(nil), stopped...), c.then...), rest...)...)
		})
	}
}
