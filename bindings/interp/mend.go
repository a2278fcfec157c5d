package interp

import (
	"fmt"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// mender puts into a syntax tree what gopher-lua compiles right in place of what it compiles wrong.
//
// Numbers beyond its reach, such as 1e400 or 0xffffffffffffffff, it takes for NaN, and 1e, too, which is no number.
//
// Three kinds of assignment are wrong. In one of several values it gives a local variable its value as soon as that is known,
// before it finds the others and before it looks at tables: after
//
//	a, b = b, a
//
// both have the value of b. And after
//
//	a = f() and b
//
// a local a is what it was, if f gave nil. And
//
//	a = ...
//
// takes the values of the local variables declared after a. Such an assignment becomes a block here, as Lua evaluates it:
//
//	do local (1), (2) = b, a; b = (2); a = (1) end
//
// The names that it brings cannot stand in a source.
type mender struct {
	malformed *ast.NumberExpr // one of the numbers that are none
}

// mend mends a chunk. An error is worded as Lua does.
func mend(name string, chunk []ast.Stmt) error {
	var m mender
	m.statements(chunk)
	if e := m.malformed; e != nil {
		text := strings.TrimSuffix(e.Value, "\xff") // which the scanner adds at the end of the source
		return fmt.Errorf("%s:%d: malformed number near '%s'", name, max(e.Line(), 1), tokenText(text))
	}
	return nil
}

func (m *mender) statements(stmts []ast.Stmt) {
	for i, stmt := range stmts {
		switch s := stmt.(type) {
		case *ast.AssignStmt:
			m.expressions(s.Lhs)
			m.expressions(s.Rhs)
			if isMiscompiled(s) {
				stmts[i] = inSteps(s)
			}
		case *ast.LocalAssignStmt:
			m.expressions(s.Exprs)
		case *ast.FuncCallStmt:
			m.expression(s.Expr)
		case *ast.DoBlockStmt:
			m.statements(s.Stmts)
		case *ast.WhileStmt:
			m.expression(s.Condition)
			m.statements(s.Stmts)
		case *ast.RepeatStmt:
			m.expression(s.Condition)
			m.statements(s.Stmts)
		case *ast.IfStmt:
			m.expression(s.Condition)
			m.statements(s.Then)
			m.statements(s.Else)
		case *ast.NumberForStmt:
			m.expression(s.Init)
			m.expression(s.Limit)
			m.expression(s.Step)
			m.statements(s.Stmts)
		case *ast.GenericForStmt:
			m.expressions(s.Exprs)
			m.statements(s.Stmts)
		case *ast.FuncDefStmt:
			m.statements(s.Func.Stmts)
		case *ast.ReturnStmt:
			m.expressions(s.Exprs)
		}
	}
}

func (m *mender) expressions(exprs []ast.Expr) {
	for _, e := range exprs {
		m.expression(e)
	}
}

func (m *mender) expression(e ast.Expr) {
	switch e := e.(type) {
	case *ast.NumberExpr:
		m.number(e)
	case *ast.FunctionExpr:
		m.statements(e.Stmts)
	case *ast.FuncCallExpr:
		m.expression(e.Func)
		m.expression(e.Receiver)
		m.expressions(e.Args)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			m.expression(field.Key)
			m.expression(field.Value)
		}
	case *ast.AttrGetExpr:
		m.expression(e.Object)
		m.expression(e.Key)
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
	}
}

// number makes a number one that gopher-lua can read.
func (m *mender) number(e *ast.NumberExpr) {
	if _, err := strconv.ParseInt(e.Value, 0, 64); err == nil {
		return
	}
	if _, err := strconv.ParseFloat(e.Value, 64); err == nil {
		return
	}
	v, ok := toNumber(lua.LString(e.Value))
	if !ok {
		m.malformed = e
		return
	}
	e.Value = strconv.FormatFloat(v, 'g', -1, 64)
}

// isMiscompiled says whether an assignment may be one of those. Fields only are all right, and so are variables that share the
// results of one call.
func isMiscompiled(s *ast.AssignStmt) bool {
	var names []string
	for _, target := range s.Lhs {
		if v, ok := target.(*ast.IdentExpr); ok {
			names = append(names, v.Value)
		}
	}
	if len(names) == 0 {
		return false
	}
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		_, dots := s.Rhs[0].(*ast.Comma3Expr)
		return dots || hasAnd(s.Rhs[0])
	}
	return len(names) < len(s.Lhs) || len(s.Rhs) > 1 || !isMultiple(s.Rhs[0])
}

// hasAnd says whether the value of an expression may be decided by an and.
func hasAnd(e ast.Expr) bool {
	l, ok := e.(*ast.LogicalOpExpr)
	return ok && (l.Operator == "and" || hasAnd(l.Lhs) || hasAnd(l.Rhs))
}

// inSteps makes a block of an assignment: everything is evaluated, then assigned from the right to the left.
func inSteps(s *ast.AssignStmt) ast.Stmt {
	line := s.Line()
	values := &ast.LocalAssignStmt{}
	keep := func() ast.Expr {
		name := fmt.Sprintf("(%d)", len(values.Names)+1)
		values.Names = append(values.Names, name)
		return at(&ast.IdentExpr{Value: name}, line)
	}
	hold := func(e ast.Expr) ast.Expr {
		if _, ok := e.(ast.ConstExpr); ok {
			return e
		}
		values.Exprs = append(values.Exprs, e)
		return keep()
	}
	targets := make([]ast.Expr, len(s.Lhs))
	for i, target := range s.Lhs {
		if t, ok := target.(*ast.AttrGetExpr); ok {
			target = at(&ast.AttrGetExpr{Object: hold(t.Object), Key: hold(t.Key)}, line)
		}
		targets[i] = target
	}
	values.Exprs = append(values.Exprs, s.Rhs...)
	results := make([]ast.Expr, max(len(s.Lhs), len(s.Rhs)))
	for i := range results {
		results[i] = keep()
	}
	block := []ast.Stmt{at(values, line)}
	for i := len(targets) - 1; i >= 0; i-- {
		step := &ast.AssignStmt{Lhs: targets[i : i+1], Rhs: results[i : i+1]}
		block = append(block, at(step, line))
	}
	return at(&ast.DoBlockStmt{Stmts: block}, line)
}
