//go:build unix

package kernel

import (
	"syscall"
	"time"
)

// userTime is the processor time that the process has used in user mode.
func userTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano())
}
