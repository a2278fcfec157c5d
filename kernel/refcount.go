package kernel

import (
	"fmt"
	"slices"
	"syscall"
)

// tag is a counted reason, named by a script, why a task stays alive.
type tag struct {
	name  string
	count int
}

func (t *Task) tag(name string) int {
	if t.rare == nil {
		return -1
	}
	return slices.IndexFunc(t.rare.tags, func(g tag) bool { return g.name == name })
}

// Retain counts the tag up and returns its new count. A task lives while it has any tag. Error: ESRCH if the task
// has stopped.
func (k *Kernel) Retain(t *Task, name string) (int, error) {
	if t.gone {
		return 0, k.noSession("refcount_increment", t)
	}
	if i := t.tag(name); i >= 0 {
		t.rare.tags[i].count++
		return t.rare.tags[i].count, nil
	}
	r := t.seldom()
	if len(r.tags) == 0 {
		k.tagged++
	}
	r.tags = append(r.tags, tag{name, 1})
	t.retain("reference " + name)
	return 1, nil
}

// Release counts the tag down and returns its new count. Errors: ESRCH if the task has stopped, ENOENT if it has no
// such tag.
func (k *Kernel) Release(t *Task, name string) (int, error) {
	if t.gone {
		return 0, k.noSession("refcount_decrement", t)
	}
	i := t.tag(name)
	if i < 0 {
		return 0, k.failure(refuse(syscall.ENOENT, fmt.Sprintf("refcount_decrement: %v has no reference '%s'", t, name)))
	}
	g := &t.rare.tags[i]
	g.count--
	if g.count > 0 {
		return g.count, nil
	}
	k.dropTag(t, i)
	return 0, nil
}

func (k *Kernel) dropTag(t *Task, i int) {
	name := t.rare.tags[i].name
	t.rare.tags = slices.Delete(t.rare.tags, i, i+1)
	if len(t.rare.tags) == 0 {
		k.tagged--
	}
	t.release("reference " + name)
}

func (k *Kernel) dropTags(t *Task) {
	for t.rare != nil && len(t.rare.tags) > 0 {
		k.dropTag(t, len(t.rare.tags)-1)
	}
}
