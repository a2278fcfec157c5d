package interp

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// Steps does so many steps of a cycle, as slices in the middle of which it ended would. It is true at the end of a cycle.
func (j *Janitor) Steps(n int, idle bool) (ended bool) {
	if !j.cycling {
		j.begin(0)
	}
	j.cursors.settle()
	j.idle = idle
	defer func() { j.idle = false }()
	for range n {
		if j.step() == 0 {
			j.end()
			return true
		}
	}
	return false
}

// Rebuild makes a table anew as a cycle would that is at its beginning.
func (j *Janitor) Rebuild(t *lua.LTable) {
	j.cursors.settle()
	j.trim(luax.Inside(t))
	j.rebuild(t)
}

// Cycles is the number of cycles that have ended.
func (j *Janitor) Cycles() int { return j.finished }

// Parked is the number of cursors that are parked for a table, and of tables that any are parked for.
func (j *Janitor) Parked(t *lua.LTable) (keys, tables int) {
	return len(j.cursors.keys(t)), len(j.cursors.parked)
}

// Settle parks all cursors.
func (j *Janitor) Settle() { j.cursors.settle() }

// Hurry makes the janitor take tables for large that are not.
func (j *Janitor) Hurry() {
	j.sizes = sizes{table: 8, keys: 64, idleTable: 100, array: 4, idleArray: 50}
}

// Debts does what was put off until nothing is due. It is false when there was nothing.
func (j *Janitor) Debts() bool { return j.settleDebts() }
