package host_test

import (
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

func TestCPUTimeGrowsWithWork(t *testing.T) {
	before := host.CPUTime()
	for host.CPUTime() == before { // each look is work
	}
	if after := host.CPUTime(); after < before {
		t.Errorf("got %v after %v", after, before)
	}
}
