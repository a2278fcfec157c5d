package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime/check"
)

// readmeSamples are the programs in Lua that README.md shows.
func readmeSamples(t *testing.T) (samples []string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile("(?s)```lua\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		samples = append(samples, found[1])
	}
	return samples
}

func TestReadmeSamplesPassTheCheck(t *testing.T) {
	for _, sample := range readmeSamples(t) {
		for _, finding := range check.Source("README.md", []byte(sample)) {
			t.Error(finding)
		}
	}
}

// The echo server of the README gives back what a client says, here at a port that the system chooses.
func TestReadmeServerEchoes(t *testing.T) {
	server := ""
	for _, sample := range readmeSamples(t) {
		if strings.Contains(sample, "poe.wheel") {
			server = strings.Replace(sample, "bind_port = 7777", "bind_port = 0", 1)
		}
	}
	const client = `
		poe.Session.create {
		  inline_states = {
		    _start = function(ctx)
		      local _, port = poe.kernel:id_to_session(1):get_heap().server:getsockname()
		      poe.wheel.SocketFactory.new {
		        remote_address = "127.0.0.1", remote_port = port, success_event = "connected", failure_event = print,
		      }
		    end,
		    connected = function(ctx, handle)
		      poe.wheel.ReadWrite.new { handle = handle, input_event = "line" }:put("hello", "you")
		    end,
		    line = function(ctx, text)
		      print(text)
		      if text == "you" then poe.kernel:stop() end
		    end,
		  },
		}`
	if got, want := strings.Join(scriptLines(t, server+client), "\n"), "hello\nyou"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
