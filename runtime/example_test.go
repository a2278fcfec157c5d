package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
)

func Example() {
	rt, err := runtime.New(runtime.Options{Stdout: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	err = rt.DoString("hello", `
		local poe = require "poe"
		poe.Session.create{ inline_states = {
		  _start = function(ctx) ctx.kernel:delay("greet", 0.01, "world") end,
		  greet = function(ctx, name) print("hello " .. name) end,
		  _stop = function(ctx) print("bye") end,
		} }`)
	if err != nil {
		log.Fatal(err)
	}
	if err := rt.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello world
	// bye
}

// A script's time passes as fast as it is waited for.
func ExampleOptions_clock() {
	rt, err := runtime.New(runtime.Options{Clock: "simulated", Stdout: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	err = rt.DoString("day", `
		local poe = require "poe"
		local began = poe.time()
		poe.Session.create{ inline_states = {
		  _start = function(ctx) ctx.kernel:delay("later", 24 * 60 * 60) end,
		  later = function(ctx) print((poe.time() - began) / 3600 .. " hours later") end,
		} }`)
	if err != nil {
		log.Fatal(err)
	}
	if err := rt.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: 24 hours later
}

func ExampleOptions_stdin() {
	rt, err := runtime.New(runtime.Options{
		Args:   []string{"loud"},
		Stdin:  strings.NewReader("one\ntwo\n"),
		Stdout: os.Stdout,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	err = rt.DoString("shout", `for line in io.lines() do print(arg[1], line:upper()) end`)
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// loud	ONE
	// loud	TWO
}

func ExampleScriptError() {
	rt, err := runtime.New(runtime.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	err = rt.DoString("bot.lua", `
local poe = require "poe"
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("work") end,
  work = function(ctx) error("out of paper") end,
} }`)
	if err != nil {
		log.Fatal(err)
	}
	err = rt.Run(context.Background())
	var script *runtime.ScriptError
	if errors.As(err, &script) {
		fmt.Printf("session %v, event %s: %s\n", script.Session, script.Event, script.Message)
	}
	// Output: session 1, event work: bot.lua:5: out of paper
}

// A session in Go and one in Lua send each other events.
func ExampleRuntime_Kernel() {
	rt, err := runtime.New(runtime.Options{Stdout: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	_, err = rt.Kernel().Spawn(kernel.Session{
		Alias: "clock",
		Start: func(c *kernel.Context) any { return nil },
		States: map[string]kernel.Handler{
			"wake_me": func(c *kernel.Context, args ...any) any {
				c.Delay("ring", time.Millisecond, c.Sender)
				return "in a moment"
			},
			"ring": func(c *kernel.Context, args ...any) any {
				_ = c.Post(args[0], "wake", "good morning") // it may have stopped
				_ = c.Kernel.RemoveAlias("clock")
				return nil
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = rt.DoString("sleeper", `
		local poe = require "poe"
		poe.Session.create{ inline_states = {
		  _start = function(ctx)
		    ctx.kernel:alias_set("sleeper")
		    print(ctx.kernel:call("clock", "wake_me"))
		  end,
		  wake = function(ctx, text) print(text) ctx.kernel:alias_remove("sleeper") end,
		} }`)
	if err != nil {
		log.Fatal(err)
	}
	if err := rt.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// in a moment
	// good morning
}
