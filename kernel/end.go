package kernel

// End stops a task, whatever keeps it alive, with all notices; its children move to its parent. A handler of it that is
// running goes on to its end with the kernel as the current session. The kernel's own task does not end.
//
// As in POE's code (_data_ses_stop, when it is called by a handler).
func (k *Kernel) End(t *Task) {
	if t == k.root {
		return
	}
	k.stop(t)
	if k.active == t {
		k.active = k.root
	}
	for _, d := range k.frames[1 : k.depth+1] {
		if d.heldActive == t {
			d.heldActive = k.root
		}
	}
}
