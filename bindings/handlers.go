package bindings

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// handlerKind says how a session came by a handler.
type handlerKind uint8

const (
	byState   handlerKind = iota // kernel:state
	byInline                     // inline_states
	byObject                     // object_states
	byPackage                    // package_states
)

var handlerKinds = [...]string{"state", "inline", "object", "package"}

func (k handlerKind) String() string { return handlerKinds[k] }

// handlerInfo describes a handler for those who look at a session.
type handlerInfo struct {
	event  string
	kind   string // as handlerKind has it
	file   string // of the function that would be called now; "" if it is not Lua's, or only running Lua would find it
	line   int    // where it begins
	method string // "" if it is no method
}

// handlerInfos describes what would handle events now, in the order of the events' names: of a machine in its current
// state.
func (s *session) handlerInfos() []handlerInfo {
	var infos []handlerInfo
	add := func(set *handlerSet, but *handlerSet) {
		for i := range set.list {
			if h := &set.list[i]; but == nil || but.search(h.event) < 0 {
				infos = append(infos, h.info())
			}
		}
	}
	if m := s.machine; m != nil {
		add(m.handlers, nil)
		add(s.handlers, m.handlers)
	} else {
		add(s.handlers, nil)
	}
	slices.SortFunc(infos, func(a, b handlerInfo) int { return strings.Compare(a.event, b.event) })
	return infos
}

// events are the names of the events that have a handler now, sorted.
func (s *session) events() []string {
	infos := s.handlerInfos()
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.event
	}
	return names
}

// kind says what a session is: "session" or "nfa".
func (s *session) kind() string {
	if s.machine != nil {
		return "nfa"
	}
	return "session"
}

// current is the state that a machine is in; "" if it is in none, or is none.
func (s *session) current() string {
	if s.machine != nil {
		return s.machine.state
	}
	return ""
}

func (h *handler) info() handlerInfo {
	fn := h.fn
	if h.object != nil {
		fn = rawMethod(h.object, h.method)
	}
	info := handlerInfo{event: h.event, kind: h.kind.String(), method: h.method}
	info.file, info.line = definition(fn)
	return info
}

// definition is where a function of Lua's is written.
func definition(fn *lua.LFunction) (file string, line int) {
	if fn == nil || fn.IsG {
		return "", 0
	}
	return fn.Proto.SourceName, fn.Proto.LineDefined
}
