package kernel

// Die tells of an error in a handler. It is the second argument of the signal DIE.
type Die struct {
	Source, Dest *Task // who sent the event that failed, and whose handler it was
	Event        string
	FromState    string // the event in which it was sent
	Site         Site   // where
	Err          error
	Cache        any // for the bindings: what the handlers are shown, made once
}

// While is an error whose handling failed with another.
type While struct{ First, Second error }

func (w *While) Error() string {
	return w.First.Error() + "\nWhile this error was handled, another one was raised:\n" + w.Second.Error()
}

// Unwrap gives both errors.
func (w *While) Unwrap() []error { return []error{w.First, w.Second} }

func (k *Kernel) postDie(d *Dispatch, err error) {
	die := &Die{Source: d.From, Dest: d.Task, Event: d.Event, FromState: d.FromState, Site: d.Site, Err: err}
	k.post(d.Task, k.root, EventSignal, KindDie, Site{}, "", []any{"DIE", die})
}

// unhandled is the end of a DIE that nobody handled: all sessions it was offered to have been stopped.
func (k *Kernel) unhandled(args []any) {
	var err error
	switch {
	case len(args) > 1 && isDie(args[1]):
		err = args[1].(*Die).Err
	case k.options.DieText != nil:
		err = k.options.DieText(args[1:])
	default:
		err = refuse(0, "DIE signal")
	}
	if second := k.exception; second != nil {
		err = &While{err, second}
	}
	k.exception = err
}

func isDie(v any) bool {
	_, ok := v.(*Die)
	return ok
}
