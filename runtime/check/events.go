package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// posting gives, for each method that makes an event happen in the session that calls it, which arguments name events.
var posting = map[string][]int{
	"yield": {0},
	"delay": {0}, "delay_add": {0}, "delay_set": {0},
	"alarm": {0}, "alarm_add": {0}, "alarm_set": {0},
	"select_read": {1}, "select_write": {1}, "select_expedite": {1}, "select": {1, 2, 3},
	"sig": {1}, "sig_child": {1},
	"postback": {0}, "callback": {0}, // of a session, the others of the kernel
	"goto_state": {1}, "call_state": {0, 2}, // of a machine
	"post": {1}, "call": {1}, // when the destination is the session itself
}

// entering gives, for each method by which a machine moves, which argument names the state.
var entering = map[string]int{"goto_state": 0, "call_state": 1}

// telling are the parameters of a wheel that name events of the session that makes it.
var telling = setOf(
	"accept_event", "error_event", "failure_event", "flushed_event", "high_event", "input_event", "low_event",
	"success_event",
)

// reserved are the names that need no handler.
var reserved = setOf("_start", "_stop", "_child", "_parent", "_default")

// catchAll are the handlers that get every event: the default handler, and the method a subclass of Session overrides.
var catchAll = setOf("_default", "invoke")

// componentEvents are those that the sessions of the components in poe.component handle, in whose name callbacks run.
var componentEvents = []string{"connect", "disconnect_all", "reconnect", "set_concurrency", "shutdown"}

// statesKeys are the parameters through which a session gets its states.
var statesKeys = map[string]shape{
	"inline_states": handlersShape, "object_states": objectsShape, "package_states": objectsShape,
}

// A shape says what an expression stands for in the making of a session.
type shape int

const (
	paramsShape   shape = iota // what create takes
	handlersShape              // { event = function, ... }
	objectsShape               // { object, names, object, names, ... }
	namesShape                 // { "event", event = "method", ... }
)

// unknown stands for a value that only the running program knows.
var unknown ast.Expr = &ast.Comma3Expr{}

// events collects which events a file posts and which it handles. Variables and fields go by name alone, wherever
// they are: that may merge two of one name, and the merged one is then known less well, never wrongly.
type events struct {
	program  bool // requires poe
	machines bool // mentions poe.NFA, where a state holds a table of handlers
	off      bool // something handles events whose names are not to be read here
	unnamed  bool // there may be states of machines whose names are not to be read here

	posts  []post
	named  map[string]bool // every name that might be a state's; true if it surely looks like one
	tables map[string]bool // those of tables, as a machine's states are
	vars   map[string][]ast.Expr
	fields map[string][]ast.Expr
	handed map[string]bool // names whose value went where it may be changed: another variable, a call
	own    map[ownAs]bool  // what isOwn found out about variables

	states   []states
	computed []ast.Expr // each t of t[key] = value where value may be a handler and key is no literal
}

type post struct {
	event    string
	line     int
	receiver ast.Expr
	of       string // what the receiver has to be: "kernel", "session", "machine" or wheelClass
	enters   bool   // event is the name of a machine's state
}

func (p post) String() string {
	if p.enters {
		return fmt.Sprintf("state '%s' is entered but no machine here has it", shown(p.event, maxToken))
	}
	return fmt.Sprintf("event '%s' is posted but no state here handles it", shown(p.event, maxToken))
}

type ownAs struct{ name, of string }

// wheelClass is what posts of wheels have for a receiver. No variable is called so.
const wheelClass = "class of wheels"

type states struct {
	shape shape
	value ast.Expr
}

func newEvents() *events {
	return &events{
		named:  map[string]bool{},
		tables: map[string]bool{},
		vars:   map[string][]ast.Expr{},
		fields: map[string][]ast.Expr{},
		handed: map[string]bool{},
		own:    map[ownAs]bool{},
	}
}

// define is told of a name that is a state's, or may be.
func (v *events) define(name string, surely bool) {
	if catchAll[name] {
		v.off = true
	}
	v.named[name] = v.named[name] || surely
}

// bind is told of a variable and a value it gets; nil for none.
func (v *events) bind(name string, value ast.Expr) {
	values := v.vars[name]
	if value != nil {
		values = append(values, value)
		v.hand(value)
	}
	v.vars[name] = values // also when there is none yet: then it is known to be nil
}

// hand notes that value has a second name from now on.
func (v *events) hand(value ast.Expr) {
	if name := lastName(value); name != "" {
		v.handed[name] = true
	}
}

// setField is told of a field with a literal name and its value; nil for none.
func (v *events) setField(name string, value ast.Expr) {
	v.define(name, mayHandle(value))
	if value == nil {
		return
	}
	if isTable(value) {
		v.tables[name] = true
	}
	v.fields[name] = append(v.fields[name], value)
	if shape, ok := statesKeys[name]; ok {
		v.states = append(v.states, states{shape, value})
	} else {
		v.hand(value)
	}
}

// assignKey is told of object[key] = value.
func (v *events) assignKey(object, key, value ast.Expr) {
	if name, ok := literal(key); ok {
		v.setField(name, value)
		return
	}
	if isTable(value) {
		v.unnamed = true
	}
	if !mayHandle(value) || isConstant(key) {
		return
	}
	if _, ok := value.(*ast.FunctionExpr); ok {
		v.off = true
	}
	v.computed = append(v.computed, object)
}

func (v *events) table(t *ast.TableExpr) {
	for _, field := range t.Fields {
		name, isName := literal(field.Key)
		switch {
		case isName:
			v.setField(name, field.Value)
		case field.Key != nil && !isConstant(field.Key) && mayHandle(field.Value):
			v.off = true
		case field.Key != nil && isTable(field.Value):
			v.unnamed = true
		}
		if item, ok := literal(field.Value); ok && !telling[name] { // of a list of states, or the method in a map of them
			v.define(item, true)
		}
	}
}

func (v *events) read(e *ast.AttrGetExpr) {
	if lastName(e) == "NFA" {
		v.machines = true
	}
}

func (v *events) call(e *ast.FuncCallExpr) {
	callee := lastName(e.Func)
	if !looksOnly[callee] && callee != "setmetatable" {
		for _, arg := range e.Args {
			v.hand(arg)
		}
	}
	if callee == "require" {
		v.require(firstOf(e.Args))
	}
	if makesSession(e) && len(e.Args) > 0 {
		v.states = append(v.states, states{paramsShape, e.Args[0]})
	}
	if e.Receiver == nil {
		v.wheel(e)
		return
	}
	if e.Method == "state" && len(e.Args) > 0 {
		if name, ok := literal(e.Args[0]); ok {
			v.define(name, true)
		} else {
			v.off = true
		}
	}
	v.post(e)
}

func (v *events) require(module ast.Expr) {
	name, _ := literal(module)
	if name == "poe" || strings.HasPrefix(name, "poe.") {
		v.program = true
	}
	if strings.HasPrefix(name, "poe.component.") {
		for _, event := range componentEvents {
			v.define(event, true)
		}
	}
}

func (v *events) post(e *ast.FuncCallExpr) {
	of := "kernel"
	switch e.Method {
	case "postback", "callback":
		of = "session"
	case "goto_state", "call_state":
		of = "machine"
		if i := entering[e.Method]; i < len(e.Args) {
			if state, ok := literal(e.Args[i]); ok {
				line := e.Args[i].Line()
				v.posts = append(v.posts, post{event: state, line: line, receiver: e.Receiver, of: of, enters: true})
			}
		}
	case "post", "call":
		if to, ok := firstOf(e.Args).(*ast.AttrGetExpr); !ok || lastName(to) != "session" && lastName(to) != "machine" {
			return
		}
	}
	for _, i := range posting[e.Method] {
		if i >= len(e.Args) {
			break
		}
		event, ok := literal(e.Args[i])
		if ok && !reserved[event] && !strings.HasPrefix(event, "poe_nfa_") {
			v.posts = append(v.posts, post{event: event, line: e.Args[i].Line(), receiver: e.Receiver, of: of})
		}
	}
}

// wheel is told of a call that may make a wheel: class.new{ input_event = "line", ... }. Whose wheel it is when that is
// said (session = s) may be another file's session.
func (v *events) wheel(e *ast.FuncCallExpr) {
	callee, isField := e.Func.(*ast.AttrGetExpr)
	params, isTable := firstOf(e.Args).(*ast.TableExpr)
	if !isField || !isTable || lastName(callee) != "new" {
		return
	}
	var told []post
	for _, field := range params.Fields {
		name, _ := literal(field.Key)
		event, ok := literal(field.Value)
		switch {
		case name == "session":
			return
		case ok && telling[name] && event != "" && !reserved[event]:
			told = append(told, post{event: event, line: field.Value.Line(), receiver: callee.Object, of: wheelClass})
		}
	}
	v.posts = append(v.posts, told...)
}

func (v *events) findings() []Finding {
	if !v.program || v.off || len(v.posts) == 0 || !v.seesAllStates() {
		return nil
	}
	var handlers, machineStates []string
	for name, surely := range v.named {
		if surely {
			handlers = append(handlers, name)
		}
		if v.tables[name] {
			machineStates = append(machineStates, name)
		}
	}
	type named struct {
		name   string
		enters bool
	}
	messages := map[named]string{}
	var found []Finding
	for _, p := range v.posts {
		if _, ok := v.named[p.event]; ok || p.enters && v.unnamed || !v.isOwn(p.receiver, p.of) {
			continue
		}
		key := named{p.event, p.enters}
		message, ok := messages[key]
		if !ok {
			message = p.String()
			switch {
			case len(messages) >= maxGuesses:
			case p.enters:
				message += didYouMean(p.event, machineStates)
			default:
				message += didYouMean(p.event, handlers)
			}
			messages[key] = message
		}
		found = append(found, Finding{Line: p.line, Message: message})
	}
	return found
}

// isOwn reports whether e is the kernel, the current session or machine, or a class of poe.wheel, as `of` says: an
// attribute of that name, a variable that is given nothing else, or, when what it is given is not known, a variable that is
// called so. Other objects have methods of these names, too, and another session's states may be in another file.
func (v *events) isOwn(e ast.Expr, of string) bool {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		switch of {
		case wheelClass:
			return v.isOwn(e.Object, "wheel")
		case "wheel":
			return lastName(e) == of && v.isOwn(e.Object, "poe")
		case "session":
			return lastName(e) == of || v.machines && lastName(e) == "machine"
		case "machine":
			return v.machines && lastName(e) == of
		}
		return lastName(e) == of
	case *ast.FuncCallExpr:
		if of == "poe" {
			module, _ := literal(firstOf(e.Args))
			return lastName(e.Func) == "require" && module == "poe"
		}
		return (of == "session" || of == "machine") && makesSession(e)
	case *ast.IdentExpr:
		key := ownAs{e.Value, of}
		own, ok := v.own[key]
		if !ok {
			v.own[key] = false // for variables that are given each other
			own = v.isOwnVariable(e.Value, of)
			v.own[key] = own
		}
		return own
	}
	return false
}

func (v *events) isOwnVariable(name, of string) bool {
	given := false
	for _, value := range v.vars[name] {
		if value == unknown {
			continue
		}
		if given = true; !v.isOwn(value, of) {
			return false
		}
	}
	return given || name == of && (of != "machine" || v.machines) || of == "kernel" && name == "k"
}

// makesSession reports whether e is poe.Session.create(...), poe.NFA.spawn(...) or the like.
func makesSession(e *ast.FuncCallExpr) bool {
	object, method := e.Receiver, e.Method
	if attr, ok := e.Func.(*ast.AttrGetExpr); ok {
		object, method = attr.Object, lastName(attr)
	}
	switch lastName(object) {
	case "Session":
		return method == "create"
	case "NFA":
		return method == "spawn"
	}
	return false
}

// seesAllStates reports whether the file makes a session and every table of states is written out in it.
func (v *events) seesAllStates() bool {
	s := sight{events: v, seen: map[seenAs]bool{}, names: setOf("self")}
	made := false
	for _, states := range v.states {
		if states.shape == paramsShape {
			if !s.params(states.value) {
				return false
			}
			continue
		}
		made = true
		if !s.sees(states.value, states.shape) {
			return false
		}
	}
	for _, object := range v.computed {
		if s.names[lastName(object)] {
			return false
		}
	}
	return made
}

// sight follows tables of states through variables and fields to where they are written.
type sight struct {
	*events
	seen  map[seenAs]bool
	names map[string]bool // all names met on the way: what is put into one under a computed key may be a state
}

type seenAs struct {
	name  string
	shape shape
}

// params reports whether what create is given is a table that this file writes; its states are in events.states then.
func (s *sight) params(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.TableExpr:
		return true
	case *ast.IdentExpr:
		return len(s.vars[e.Value]) > 0 && !slices.ContainsFunc(s.vars[e.Value], func(value ast.Expr) bool {
			_, ok := value.(*ast.TableExpr)
			return !ok
		})
	}
	return false
}

// sees reports whether all that e can be, in the given shape, is written in the file.
func (s *sight) sees(e ast.Expr, as shape) bool {
	switch e := e.(type) {
	case *ast.TableExpr:
		return s.seesTable(e, as)
	case *ast.IdentExpr:
		values, ok := s.vars[e.Value]
		return ok && s.seesNamed(e.Value, values, as)
	case *ast.AttrGetExpr:
		values, ok := s.fields[lastName(e)]
		return ok && s.seesNamed(lastName(e), values, as)
	case *ast.LogicalOpExpr:
		return s.sees(e.Lhs, as) && s.sees(e.Rhs, as)
	case *ast.FunctionExpr, *ast.NilExpr, *ast.FalseExpr: // no table, so no states
		return true
	}
	return false
}

func (s *sight) seesNamed(name string, values []ast.Expr, as shape) bool {
	s.names[name] = true
	if s.handed[name] && slices.ContainsFunc(values, isNoFunction) {
		return false
	}
	if s.seen[seenAs{name, as}] {
		return true
	}
	s.seen[seenAs{name, as}] = true
	for _, value := range values {
		if !s.sees(value, as) {
			return false
		}
	}
	return true
}

func (s *sight) seesTable(t *ast.TableExpr, as shape) bool {
	items := 0
	for i, field := range t.Fields {
		if field.Key == nil {
			items++
		}
		switch {
		case field.Key == nil && i == len(t.Fields)-1 && manyValued(field.Value):
			return false
		case as == namesShape && field.Key == nil:
			if _, ok := literal(field.Value); !ok {
				return false
			}
		case as == objectsShape && field.Key == nil && items%2 == 0:
			if !s.sees(field.Value, namesShape) {
				return false
			}
		case as == objectsShape && field.Key == nil:
			s.names[lastName(field.Value)] = true
		case as == objectsShape: // a machine's: { state = { object, names, ... }, ... }
			if !s.sees(field.Value, objectsShape) {
				return false
			}
		case as == handlersShape && s.machines:
			if !s.sees(field.Value, handlersShape) {
				return false
			}
		}
	}
	return true
}

// mayHandle reports whether a handler, or a handler's name, can be the value of e.
func mayHandle(e ast.Expr) bool {
	switch e.(type) {
	case *ast.FunctionExpr, *ast.IdentExpr, *ast.AttrGetExpr, *ast.FuncCallExpr, *ast.Comma3Expr,
		*ast.LogicalOpExpr, *ast.StringExpr, *ast.StringConcatOpExpr:
		return true
	}
	return false
}

func isTable(e ast.Expr) bool {
	_, ok := e.(*ast.TableExpr)
	return ok
}

func isNoFunction(e ast.Expr) bool {
	_, ok := e.(*ast.FunctionExpr)
	return !ok
}

// isConstant reports whether e is written out and no string, so that as a key it names no event.
func isConstant(e ast.Expr) bool {
	switch e.(type) {
	case *ast.NumberExpr, *ast.TrueExpr, *ast.FalseExpr:
		return true
	}
	return false
}
