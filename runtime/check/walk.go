package check

import "github.com/yuin/gopher-lua/ast"

// maxDepth bounds the nesting of statements and expressions, each operator counting as a level. Well above what is
// written by hand; the walk and the compiler recurse that deep, and the compiler takes time in its square.
const maxDepth = 5000

// A walker goes through a chunk once, knows at each point which locals are in scope, and tells what it sees to both checks.
type walker struct {
	globals *globals
	events  *events

	locals  []string       // names in scope, outermost first
	live    map[string]int // how often each is in locals
	depth   int
	tooDeep int // the line where maxDepth was reached; 0 if it was not
}

func newWalker() *walker {
	live := map[string]int{}
	return &walker{globals: newGlobals(), events: newEvents(), live: live}
}

func (w *walker) declare(name string) {
	w.locals = append(w.locals, name)
	w.live[name]++
}

// leave ends the scope that began when mark locals were declared.
func (w *walker) leave(mark int) {
	for _, name := range w.locals[mark:] {
		if w.live[name]--; w.live[name] == 0 {
			delete(w.live, name) // live is searched for near misses
		}
	}
	w.locals = w.locals[:mark]
}

// global returns the name of e if e is a global variable.
func (w *walker) global(e ast.Expr) (name string, ok bool) {
	id, ok := e.(*ast.IdentExpr)
	if !ok || w.live[id.Value] > 0 {
		return "", false
	}
	return id.Value, true
}

// enter is called on the way into a node. After true, depth is to be lowered again.
func (w *walker) enter(node ast.PositionHolder) bool {
	if w.depth == maxDepth {
		if w.tooDeep == 0 {
			w.tooDeep = max(node.Line(), 1)
		}
		return false
	}
	w.depth++
	return true
}

func (w *walker) block(stmts []ast.Stmt) {
	mark := len(w.locals)
	w.stmts(stmts)
	w.leave(mark)
}

// stmts leaves the locals in scope: the condition after until sees those of its body.
func (w *walker) stmts(stmts []ast.Stmt) {
	for _, s := range stmts {
		if w.enter(s) {
			w.stmt(s)
			w.depth--
		}
	}
}

func (w *walker) stmt(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		for i, target := range s.Lhs {
			w.assign(target, valueAt(s.Rhs, i))
		}
		w.exprs(s.Rhs)
	case *ast.LocalAssignStmt:
		w.localAssign(s)
	case *ast.FuncCallStmt:
		w.expr(s.Expr)
	case *ast.DoBlockStmt:
		w.block(s.Stmts)
	case *ast.WhileStmt:
		w.expr(s.Condition)
		w.block(s.Stmts)
	case *ast.RepeatStmt:
		mark := len(w.locals)
		w.stmts(s.Stmts)
		w.expr(s.Condition)
		w.leave(mark)
	case *ast.IfStmt:
		w.expr(s.Condition)
		w.block(s.Then)
		w.block(s.Else)
	case *ast.NumberForStmt:
		w.exprs([]ast.Expr{s.Init, s.Limit})
		if s.Step != nil {
			w.expr(s.Step)
		}
		w.scope([]string{s.Name}, s.Stmts)
	case *ast.GenericForStmt:
		w.exprs(s.Exprs)
		w.scope(s.Names, s.Stmts)
	case *ast.FuncDefStmt:
		w.funcDef(s)
	case *ast.ReturnStmt:
		w.exprs(s.Exprs)
	}
}

// scope is a block in which names hold what only the running program knows.
func (w *walker) scope(names []string, stmts []ast.Stmt) {
	mark := len(w.locals)
	for _, name := range names {
		w.declare(name)
		w.events.bind(name, unknown)
	}
	w.stmts(stmts)
	w.leave(mark)
}

func (w *walker) localAssign(s *ast.LocalAssignStmt) {
	for i, name := range s.Names {
		w.events.bind(name, valueAt(s.Exprs, i))
	}
	if len(s.Names) == 1 && len(s.Exprs) == 1 {
		switch value := s.Exprs[0].(type) {
		case *ast.FunctionExpr: // gopher-lua treats `local f = function` as `local function f`
			w.declare(s.Names[0])
			w.expr(value)
			return
		case *ast.LogicalOpExpr: // local unpack = unpack or table.unpack
			if name, ok := w.global(value.Lhs); ok && name == s.Names[0] {
				w.globals.probe(name)
			}
		}
	}
	w.exprs(s.Exprs)
	for _, name := range s.Names {
		w.declare(name)
	}
}

func (w *walker) funcDef(s *ast.FuncDefStmt) {
	if s.Name.Receiver == nil {
		w.assign(s.Name.Func, s.Func)
		w.function(s.Func)
		return
	}
	w.container(s.Name.Receiver)
	w.events.setField(s.Name.Method, s.Func)
	mark := len(w.locals)
	w.declare("self")
	w.events.bind("self", unknown)
	w.function(s.Func)
	w.leave(mark)
}

func (w *walker) function(f *ast.FunctionExpr) { w.scope(f.ParList.Names, f.Stmts) }

// assign is told of the target and its value, and walks the target only.
func (w *walker) assign(target, value ast.Expr) {
	switch t := target.(type) {
	case *ast.IdentExpr:
		if name, ok := w.global(t); ok {
			w.globals.assign(name)
		}
		w.events.bind(t.Value, value)
	case *ast.AttrGetExpr:
		if name, ok := w.global(t.Object); ok && name == "_G" {
			w.globals.assignKey(t.Key)
		}
		w.container(t.Object)
		w.expr(t.Key)
		w.events.assignKey(t.Object, t.Key, value)
	default:
		w.expr(target)
	}
}

func (w *walker) exprs(list []ast.Expr) {
	for _, e := range list {
		w.expr(e)
	}
}

func (w *walker) expr(e ast.Expr) {
	if w.enter(e) {
		w.visit(e)
		w.depth--
	}
}

// container walks an expression of which only a field is used: that does not let _G out of sight.
func (w *walker) container(e ast.Expr) {
	if name, ok := w.global(e); !ok || name != "_G" {
		w.expr(e)
	}
}

func (w *walker) visit(expr ast.Expr) {
	switch e := expr.(type) {
	case *ast.IdentExpr:
		if name, ok := w.global(e); ok {
			w.globals.read(name, e.Line(), w.live)
		}
	case *ast.AttrGetExpr:
		w.container(e.Object)
		w.expr(e.Key)
		w.events.read(e)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			if field.Key != nil {
				w.expr(field.Key)
			}
			w.expr(field.Value)
		}
		w.events.table(e)
	case *ast.FuncCallExpr:
		w.call(e)
	case *ast.FunctionExpr:
		w.function(e)
	case *ast.LogicalOpExpr:
		w.expr(e.Lhs)
		w.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		w.probeAgainstNil(e.Lhs, e.Rhs)
		w.probeAgainstNil(e.Rhs, e.Lhs)
		w.expr(e.Lhs)
		w.expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		w.expr(e.Lhs)
		w.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		w.expr(e.Lhs)
		w.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		w.expr(e.Expr)
	}
}

func (w *walker) probeAgainstNil(e, other ast.Expr) {
	if _, isNil := other.(*ast.NilExpr); !isNil {
		return
	}
	if name, ok := w.global(e); ok {
		w.globals.probe(name)
	}
}

func (w *walker) call(e *ast.FuncCallExpr) {
	w.events.call(e)
	args := e.Args
	if e.Func == nil {
		w.container(e.Receiver)
		w.exprs(args)
		return
	}
	w.expr(e.Func)
	if name, ok := w.global(firstOf(args)); ok {
		switch callee := lastName(e.Func); {
		case callee == "type":
			w.globals.probe(name)
		case name == "_G" && callee == "rawset" && len(args) > 1:
			w.globals.assignKey(args[1])
			args = args[1:]
		case name == "_G" && looksOnly[callee]:
			args = args[1:]
		}
	}
	w.exprs(args)
}

// looksOnly are the functions that neither keep nor change a table they are given.
var looksOnly = setOf(
	"assert", "getmetatable", "ipairs", "next", "pairs", "print", "rawequal", "rawget", "select", "tostring", "type",
	"unpack",
)

func setOf(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// valueAt returns the expression that the i-th target of an assignment gets its value from; nil for no value.
func valueAt(exprs []ast.Expr, i int) ast.Expr {
	if i < len(exprs) {
		return exprs[i]
	}
	if n := len(exprs); n > 0 && manyValued(exprs[n-1]) {
		return exprs[n-1]
	}
	return nil
}

func manyValued(e ast.Expr) bool {
	switch e.(type) {
	case *ast.FuncCallExpr, *ast.Comma3Expr:
		return true
	}
	return false
}

func firstOf(exprs []ast.Expr) ast.Expr {
	if len(exprs) == 0 {
		return nil
	}
	return exprs[0]
}

// lastName is the name that e goes by where it stands: x for x, y for x.y and x["y"], "" for anything else.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		key, _ := literal(e.Key)
		return key
	}
	return ""
}

// literal returns the string that e is.
func literal(e ast.Expr) (s string, ok bool) {
	if str, ok := e.(*ast.StringExpr); ok {
		return str.Value, true
	}
	return "", false
}
