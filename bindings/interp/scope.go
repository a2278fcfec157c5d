package interp

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// Some of what gopher-lua's compiler gets wrong can only be told by somebody who knows what each name stands for:
//
//   - Of several variables that are assigned at once, it changes the first before it has the values of the others: after
//     a, b = b, a both are the same. After a = f() and b, a local a is what it was if f gave nil; a = ... takes the values
//     of the variables declared after a.
//   - local f = function() ... end is taken for local function f, so f within it is not what was f before.
//   - A break out of blocks within the body of a loop leaves their variables open. A closure that has one shares it with
//     whatever takes its place.
//   - A goto closes all variables of the function: those that live on and closures that have them part company.
//   - It keeps the number of a function's upvalues in a byte.
//
// scopes goes through a chunk, with its scopes, and changes it such that it is compiled right. What goto closes is
// changed in what was compiled, by mendGotos.
type scopes struct {
	survey   *survey
	names    map[string][]*variable // what a name stands for: the last
	declared []*variable
	block    *scope
	function *function
	gotos    []closing
}

const mostUpvalues = 255

// function is one that is being gone through.
type function struct {
	outer    *function
	line     int
	upvalues map[*variable]struct{}
}

// scope is a block that is being gone through.
type scope struct {
	outer    *scope // nil: the function's own
	declared int    // where its variables begin
	locals   int    // variables, hidden ones included
	loop     bool   // the body of a loop
	captured bool   // a closure has one of its variables
	broken   bool   // a break leads out of it
	crossed  bool   // a loop: a break leads out of captured blocks within its body
	labels   map[string]int
	gotos    []pending
}

type variable struct {
	name     string
	function *function
	block    *scope
	probe    *bool // not a variable: what to set when the name is used
}

// pending is a goto whose label was not found yet. It has led out of the blocks of all but so many variables.
type pending struct {
	statement *ast.GotoStmt
	locals    int
}

// closing is a goto: its line, and how many variables live on.
type closing struct{ line, locals int }

// mendScopes changes a chunk. What it gives is for mendGotos.
func mendScopes(s *survey, chunk []ast.Stmt) ([]ast.Stmt, []closing) {
	m := &scopes{survey: s, names: map[string][]*variable{}}
	m.enterFunction(0)
	chunk = m.statements(chunk, false)
	m.leaveFunction()
	return chunk, m.gotos
}

func (m *scopes) enterFunction(line int) (outer *scope) {
	m.function = &function{outer: m.function, line: line, upvalues: map[*variable]struct{}{}}
	outer, m.block = m.block, nil
	m.enter(false)
	return outer
}

func (m *scopes) leaveFunction() {
	m.leave()
	if len(m.function.upvalues) > mostUpvalues {
		m.survey.refuse(m.function.line, "function has more than "+strconv.Itoa(mostUpvalues)+" upvalues")
	}
	m.function = m.function.outer
}

func (m *scopes) enter(loop bool) {
	m.block = &scope{outer: m.block, declared: len(m.declared), loop: loop}
}

func (m *scopes) leave() (left *scope) {
	b := m.block
	for _, v := range m.declared[b.declared:] {
		same := m.names[v.name]
		if m.names[v.name] = same[:len(same)-1]; len(same) == 1 {
			delete(m.names, v.name)
		}
	}
	m.declared = m.declared[:b.declared]
	m.block = b.outer
	if b.outer == nil {
		return b
	}
	if b.broken && !b.loop {
		b.outer.broken = true
		b.outer.crossed = b.outer.crossed || b.crossed || b.captured
	}
	if len(b.gotos) > 0 {
		n := m.block.count()
		for _, g := range b.gotos {
			g.locals = min(g.locals, n)
			m.jump(g)
		}
	}
	return b
}

func (m *scopes) declare(names ...string) {
	for _, name := range names {
		m.push(&variable{name: name, function: m.function, block: m.block})
		m.block.locals++
	}
}

func (m *scopes) push(v *variable) {
	m.names[v.name] = append(m.names[v.name], v)
	m.declared = append(m.declared, v)
}

// count is the number of variables that the function has at this place.
func (b *scope) count() (n int) {
	for ; b != nil; b = b.outer {
		n += b.locals
	}
	return n
}

// use finds what a name stands for; nil a global.
func (m *scopes) use(name string) *variable {
	all := m.names[name]
	for i := len(all) - 1; i >= 0; i-- {
		v := all[i]
		if v.probe != nil {
			*v.probe = true
			continue
		}
		if v.function != m.function {
			v.block.captured = true
			for f := m.function; f != v.function; f = f.outer {
				if _, ok := f.upvalues[v]; ok {
					break // so have those that it is in
				}
				f.upvalues[v] = struct{}{}
			}
		}
		return v
	}
	return nil
}

// isLocal tells whether an expression is a variable of the function that is gone through.
func (m *scopes) isLocal(e ast.Expr) bool {
	name, ok := e.(*ast.IdentExpr)
	if !ok {
		return false
	}
	v := m.use(name.Value)
	return v != nil && v.function == m.function
}

func (m *scopes) label(name string, last bool) {
	b := m.block
	if b.labels == nil {
		b.labels = map[string]int{}
	}
	n := b.count()
	if last {
		n = b.outer.count()
	}
	b.labels[name] = n
	unresolved := b.gotos
	b.gotos = nil
	for _, g := range unresolved {
		m.jump(g)
	}
}

// jump notes what a goto leads to, if that is known. The line of the goto is the number by which mendGotos finds it.
// One into the scope of a variable is left to the compiler, which refuses it.
func (m *scopes) jump(g pending) {
	n, ok := m.block.labels[g.statement.Label]
	switch {
	case !ok:
		m.block.gotos = append(m.block.gotos, g)
	case n <= g.locals:
		m.gotos = append(m.gotos, closing{g.statement.Line(), n})
		g.statement.SetLine(-len(m.gotos))
	}
}

// body goes through a block of its own.
func (m *scopes) body(block []ast.Stmt) []ast.Stmt {
	if len(block) == 0 {
		return block
	}
	m.enter(false)
	defer m.leave()
	return m.statements(block, false)
}

// statements goes through what a block consists of. until: an expression follows that is part of it.
func (m *scopes) statements(block []ast.Stmt, until bool) []ast.Stmt {
	labels := len(block) // those at the end
	for labels > 0 {
		if _, ok := block[labels-1].(*ast.LabelStmt); !ok {
			break
		}
		labels--
	}
	for i, s := range block {
		if label, ok := s.(*ast.LabelStmt); ok {
			m.label(label.Name, i >= labels && !until)
			continue
		}
		block[i] = m.statement(s)
	}
	return block
}

func (m *scopes) statement(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case *ast.AssignStmt:
		m.expressions(s.Lhs)
		m.expressions(s.Rhs)
		if len(s.Lhs) > 1 || len(s.Rhs) > 1 || m.isLocal(s.Lhs[0]) && overflows(s.Rhs[0]) {
			return m.oneByOne(s)
		}
	case *ast.LocalAssignStmt:
		m.local(s)
	case *ast.FuncCallStmt:
		m.expression(s.Expr)
	case *ast.DoBlockStmt:
		m.enter(false)
		s.Stmts = m.statements(s.Stmts, false)
		m.leave()
	case *ast.WhileStmt:
		m.expression(s.Condition)
		m.enter(true)
		s.Stmts = m.statements(s.Stmts, false)
		s.Stmts = m.leave().closed(s.Stmts, s.Line())
	case *ast.RepeatStmt:
		m.enter(true)
		s.Stmts = m.statements(s.Stmts, true)
		m.expression(s.Condition)
		s.Stmts = m.leave().closed(s.Stmts, s.Line())
	case *ast.NumberForStmt:
		m.expression(s.Init)
		m.expression(s.Limit)
		m.expression(s.Step)
		m.enter(true)
		m.declare("(for index)", "(for limit)", "(for step)", s.Name)
		s.Stmts = m.statements(s.Stmts, false)
		s.Stmts = m.leave().closed(s.Stmts, s.Line())
	case *ast.GenericForStmt:
		m.expressions(s.Exprs)
		m.enter(true)
		m.declare("(for generator)", "(for state)", "(for control)")
		m.declare(s.Names...)
		s.Stmts = m.statements(s.Stmts, false)
		s.Stmts = m.leave().closed(s.Stmts, s.Line())
	case *ast.IfStmt:
		m.expression(s.Condition)
		s.Then = m.body(s.Then)
		s.Else = m.body(s.Else)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			m.expression(s.Name.Func)
			m.functionBody(s.Func)
		} else {
			m.expression(s.Name.Receiver)
			m.functionBody(s.Func, "self")
		}
	case *ast.ReturnStmt:
		m.expressions(s.Exprs)
	case *ast.BreakStmt:
		m.block.broken = true
	case *ast.GotoStmt:
		m.jump(pending{s, m.block.count()})
	}
	return s
}

// local goes through a declaration. Only local function has a last line.
func (m *scopes) local(s *ast.LocalAssignStmt) {
	if len(s.Names) == 1 && len(s.Exprs) == 1 {
		if f, ok := s.Exprs[0].(*ast.FunctionExpr); ok {
			if s.LastLine() != 0 {
				m.declare(s.Names...)
				m.functionBody(f)
				return
			}
			used := false
			m.enter(false)
			m.push(&variable{name: s.Names[0], probe: &used})
			m.functionBody(f)
			m.leave()
			if used {
				s.Exprs = append(s.Exprs, at(&ast.NilExpr{}, s.Line())) // so it is taken for what it is
			}
			m.declare(s.Names...)
			return
		}
	}
	m.expressions(s.Exprs)
	m.declare(s.Names...)
}

func (m *scopes) functionBody(f *ast.FunctionExpr, self ...string) {
	outer := m.enterFunction(f.Line())
	m.declare(self...)
	m.declare(f.ParList.Names...)
	f.Stmts = m.statements(f.Stmts, false)
	m.leaveFunction()
	m.block = outer
}

func (m *scopes) expressions(list []ast.Expr) {
	for _, e := range list {
		m.expression(e)
	}
}

func (m *scopes) expression(e ast.Expr) {
	switch e := e.(type) {
	case *ast.NumberExpr:
		m.numeral(e)
	case *ast.IdentExpr:
		m.use(e.Value)
	case *ast.AttrGetExpr:
		m.expression(e.Object)
		m.expression(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			m.expression(f.Key)
			m.expression(f.Value)
		}
	case *ast.FuncCallExpr:
		m.expression(e.Func)
		m.expression(e.Receiver)
		m.expressions(e.Args)
	case *ast.LogicalOpExpr:
		m.expression(e.Lhs)
		m.expression(e.Rhs)
	case *ast.RelationalOpExpr:
		m.expression(e.Lhs)
		m.expression(e.Rhs)
	case *ast.StringConcatOpExpr:
		m.expression(e.Lhs)
		m.expression(e.Rhs)
	case *ast.ArithmeticOpExpr:
		m.expression(e.Lhs)
		m.expression(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		m.expression(e.Expr)
	case *ast.UnaryNotOpExpr:
		m.expression(e.Expr)
	case *ast.UnaryLenOpExpr:
		m.expression(e.Expr)
	case *ast.FunctionExpr:
		m.functionBody(e)
	}
}

// numeral writes a number so that the compiler reads it right. For that, 0010 would be octal, and what has no end of an
// exponent, is out of range or has more than 15 hexadecimal digits no number at all.
func (m *scopes) numeral(e *ast.NumberExpr) {
	if _, ok := shortNumeral(e.Value); ok && e.Value[0] != '0' {
		return
	}
	number, ok := parseNumeral(e.Value)
	if !ok {
		text := strings.TrimSuffix(e.Value, "\xff") // which the scanner adds at the end of the source
		m.survey.refuse(e.Line(), "malformed number near '"+tokenText(text)+"'")
	}
	e.Value = strconv.FormatFloat(number, 'g', -1, 64)
}

// oneByOne makes of an assignment to several variables:
//
//	do
//	  local object, key = ... -- of each field that is assigned to
//	  local first, second = ... -- the values
//	  b = second
//	  a = first
//	end
//
// As in Lua, the last is assigned to first, and a local variable stands for itself in a[i] unless it is assigned to as
// well, further to the right. The names that it brings cannot stand in a source.
func (m *scopes) oneByOne(s *ast.AssignStmt) ast.Stmt {
	line := s.Line()
	var body []ast.Stmt
	made := 0
	local := func(n int, values ...ast.Expr) (names []string) {
		for range n {
			made++
			names = append(names, "("+strconv.Itoa(made)+")")
		}
		body = append(body, at(&ast.LocalAssignStmt{Names: names, Exprs: values}, line))
		return names
	}
	keep := func(e ast.Expr, right []ast.Expr) ast.Expr {
		switch e.(type) {
		case *ast.StringExpr, *ast.NumberExpr:
			return e
		}
		if m.isLocal(e) && !assigned(e.(*ast.IdentExpr).Value, right) {
			return e
		}
		return at(&ast.IdentExpr{Value: local(1, e)[0]}, e.Line())
	}
	targets := make([]ast.Expr, len(s.Lhs))
	for i, target := range s.Lhs {
		if field, ok := target.(*ast.AttrGetExpr); ok {
			object := keep(field.Object, s.Lhs[i+1:])
			target = at(&ast.AttrGetExpr{Object: object, Key: keep(field.Key, s.Lhs[i+1:])}, field.Line())
		}
		targets[i] = target
	}
	values := local(len(targets), s.Rhs...)
	for i := len(targets) - 1; i >= 0; i-- {
		value := at(&ast.IdentExpr{Value: values[i]}, line)
		body = append(body, at(&ast.AssignStmt{Lhs: targets[i : i+1], Rhs: []ast.Expr{value}}, line))
	}
	return at(&ast.DoBlockStmt{Stmts: body}, line)
}

// overflows tells whether an expression cannot be assigned to a local variable as it is: ... would go on to the variables
// declared after it, and what an and decides would leave it as it was.
func overflows(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Comma3Expr:
		return true
	case *ast.LogicalOpExpr:
		return e.Operator == "and" || overflows(e.Lhs) || overflows(e.Rhs)
	}
	return false
}

// assigned tells whether a variable is among what is assigned to.
func assigned(name string, targets []ast.Expr) bool {
	for _, t := range targets {
		if t, ok := t.(*ast.IdentExpr); ok && t.Value == name {
			return true
		}
	}
	return false
}

// closed is the body of a loop whose breaks close all its variables. They do if one that the body itself declares is
// captured:
//
//	local x
//	if false then local _ = function() return x end, nil end
func (b *scope) closed(body []ast.Stmt, line int) []ast.Stmt {
	if !b.crossed {
		return body
	}
	const name = "(captured)"
	capture := at(&ast.FunctionExpr{ParList: &ast.ParList{}, Stmts: []ast.Stmt{
		at(&ast.ReturnStmt{Exprs: []ast.Expr{at(&ast.IdentExpr{Value: name}, line)}}, line),
	}}, line)
	return append([]ast.Stmt{
		at(&ast.LocalAssignStmt{Names: []string{name}}, line),
		at(&ast.IfStmt{
			Condition: at(&ast.FalseExpr{}, line),
			Then:      []ast.Stmt{at(&ast.LocalAssignStmt{Names: []string{"(closure)"}, Exprs: []ast.Expr{capture}}, line)},
		}, line),
	}, body...)
}

// mendGotos makes each goto close the variables of the blocks that it leads out of, and no others.
func mendGotos(p *lua.FunctionProto, gotos []closing) {
	if len(gotos) == 0 {
		return
	}
	for i, line := range p.DbgSourcePositions {
		if line >= 0 || -line > len(gotos) {
			continue
		}
		g := gotos[-line-1]
		p.DbgSourcePositions[i] = g.line
		if inst := p.Code[i]; int(inst>>26) == lua.OP_CLOSE {
			p.Code[i] = inst&^(0xff<<18) | uint32(g.locals)<<18
		}
	}
	for _, inner := range p.FunctionPrototypes {
		mendGotos(inner, gotos)
	}
}
