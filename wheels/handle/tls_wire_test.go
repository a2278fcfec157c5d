package handle

import (
	"errors"
	"syscall"
	"testing"
)

// A peer may ask for new keys again and again and never take the answers.
func TestAnswersThatThePeerDoesNotTakeAreBounded(t *testing.T) {
	var w wire
	answer := make([]byte, 1000)
	for range replyMax / len(answer) {
		if _, err := w.Write(answer); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(answer); !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("got %v, want ENOBUFS", err)
	}
	if n := w.unsent(); n > replyMax {
		t.Errorf("%d bytes wait", n)
	}
}
