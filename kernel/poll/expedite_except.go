//go:build darwin || dragonfly || openbsd

package poll

import "golang.org/x/sys/unix"

var expedite = []filter{{Expedite, unix.EVFILT_EXCEPT, unix.NOTE_OOB}}
