package host

import "golang.org/x/sys/unix"

func speedOf(t *unix.Termios) int { return int(t.Ospeed) }

func setSpeed(t *unix.Termios, speed int) { t.Ispeed, t.Ospeed = uint32(speed), uint32(speed) }
