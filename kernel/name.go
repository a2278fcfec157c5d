package kernel

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// names are the aliases and the living IDs. The loop writes them under the lock and reads them without; others read
// them under the lock.
type names struct {
	mu      sync.Mutex
	aliases map[string]*Task
	ids     pages[Task]
}

func (k *Kernel) know(t *Task) {
	k.names.mu.Lock()
	k.names.ids.add(uint64(t.id), t)
	k.names.mu.Unlock()
}

func (k *Kernel) forget(t *Task) {
	k.names.mu.Lock()
	k.names.ids.remove(uint64(t.id))
	k.names.mu.Unlock()
}

// Known says whether a session has this alias or, in decimal, this ID. Safe from any goroutine.
func (k *Kernel) Known(name string) bool {
	k.names.mu.Lock()
	defer k.names.mu.Unlock()
	if k.names.aliases[name] != nil || name == k.id {
		return true
	}
	id, ok := decimalID(name)
	return ok && k.names.ids.peek(id) != nil
}

// Resolve finds a task by alias or, if there is no such alias, by ID in decimal; the kernel by its own ID. It gives nil
// if there is none.
func (k *Kernel) Resolve(name string) *Task {
	if t := k.names.aliases[name]; t != nil {
		return t
	}
	if id, ok := decimalID(name); ok {
		return k.names.ids.find(id)
	}
	if name == k.id {
		return k.root
	}
	return nil
}

func decimalID(name string) (uint64, bool) {
	if len(name) == 0 || name[0] < '0' || name[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseUint(name, 10, 64)
	return id, err == nil
}

// ByID finds a living task by its ID; nil if there is none.
func (k *Kernel) ByID(id SessionID) *Task { return k.names.ids.find(uint64(id)) }

// Browse looks for the living session with the lowest ID from a number on. next is where to go on, 0 at the end. t is
// nil if none is near: a call does not take long.
func (k *Kernel) Browse(from SessionID) (t *Task, next SessionID) {
	id, t := k.names.ids.after(uint64(from))
	return t, SessionID(id)
}

// NoSession is the refusal of a look-up, for those who resolve names on the kernel's behalf.
func (k *Kernel) NoSession(op string, name any) error { return k.noSession(op, name) }

// SetAlias gives the active task an alias. Error: EEXIST if another task has it. An alias keeps its task alive, but
// not the program. The kernel may have aliases, too.
func (k *Kernel) SetAlias(alias string) error {
	t := k.active
	switch other := k.names.aliases[alias]; {
	case other == t:
		return nil
	case other != nil:
		return k.failure(refuse(syscall.EEXIST, fmt.Sprintf("alias_set: %v has the alias '%s'", other, alias)))
	}
	k.names.mu.Lock()
	k.names.aliases[alias] = t
	k.names.mu.Unlock()
	t.aliases = append(t.aliases, alias)
	t.retain("alias")
	return nil
}

// RemoveAlias takes an alias away from the active task. Errors: ESRCH if nobody has it, EPERM if another task has.
func (k *Kernel) RemoveAlias(alias string) error {
	switch t := k.names.aliases[alias]; t {
	case nil:
		return k.failure(refuse(syscall.ESRCH, fmt.Sprintf("alias_remove: no alias '%s'", alias)))
	case k.active:
		k.dropAlias(t, alias)
		return nil
	default:
		return k.failure(refuse(syscall.EPERM, fmt.Sprintf("alias_remove: the alias '%s' is %v's", alias, t)))
	}
}

func (k *Kernel) dropAlias(t *Task, alias string) {
	k.names.mu.Lock()
	delete(k.names.aliases, alias)
	k.names.mu.Unlock()
	i := slices.Index(t.aliases, alias)
	t.aliases = slices.Delete(t.aliases, i, i+1)
	t.release("alias")
}

// Aliases are the task's, sorted.
func (t *Task) Aliases() []string {
	return slices.Sorted(slices.Values(t.aliases))
}
