package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the processor time that the process has used, in user mode and in the system.
func CPUTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
