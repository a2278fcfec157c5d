package poll_test

import (
	"testing"

	"github.com/poelua/poelua/kernel/poll"
	"github.com/poelua/poelua/kernel/poll/polltest"
)

func TestEpollOnOldKernels(t *testing.T) { polltest.Run(t, poll.NewCoarseEpoll) }
