package interp

import (
	"fmt"
	"reflect"
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// What gopher-lua's compiler does not bear, or compiles wrong, is found here in the syntax tree before it is compiled:
//
//   - It calls itself for what is nested, and a Go stack that has grown to its limit ends the process.
//   - It looks for each constant in the list of all constants of a function: 200,000 take minutes.
//   - A constructor loses its items beyond 25,550. One that has a multiple of 50 items before its last, which has several
//     values, or before a field with a key, puts that in the place of the first.
//   - One that ends with a call as the value of a key takes that for an item as well.
//   - A jump over more than 131,071 instructions leads anywhere.
//   - So does one back to a jump; see flow.go.
//   - What it gets wrong about variables is in scope.go.
//
// Large constructors, as in files of data, are taken apart into functions that fill the table piece by piece. What cannot
// be mended is refused.
const (
	counted = 1 << 14 // bytes of source; below it there cannot be too many constants

	deepest          = 100_000 // levels of the tree; the compiler takes some 1,000 bytes for one
	deepestFunctions = 1_000   // functions within functions; it goes through them all for each name

	mostConstants = 1 << 30 // of all functions, the square of each one's number added up: some four seconds

	largeConstructor = 2_000 // fields
	pieceFields      = 500   // fields that one of the functions puts in

	longBlock = 30_000 // parts of the tree, with at most four instructions each, that a jump can pass over
)

// survey goes through the syntax tree of a chunk.
type survey struct {
	name      string
	counts    bool
	constants int // squares
	functions []*surveyedFunction
}

// surveyedFunction is a function that the survey is within.
type surveyedFunction struct {
	line    int
	varargs bool
	values  map[constant]struct{}
}

type constant struct {
	text   string
	number bool
}

// tooMuch is a reason to refuse a chunk.
type tooMuch struct{ error }

// examine refuses a chunk that the compiler does not bear, and changes what it would compile wrong. change, which may be
// nil, has its way with what is bearable.
func examine(name string, chunk []ast.Stmt, size int, change changer) (mended []ast.Stmt, gotos []closing, err error) {
	defer func() {
		if r := recover(); r != nil {
			t, ok := r.(tooMuch)
			if !ok {
				panic(r)
			}
			err = t.error
		}
	}()
	s := &survey{name: name, counts: size > counted}
	s.enter(0, true)
	s.visit(reflect.ValueOf(&chunk).Elem(), deepest)
	s.leave()
	if change != nil {
		chunk = change(chunk)
	}
	chunk, gotos = mendScopes(s, chunk)
	return chunk, gotos, nil
}

func (s *survey) refuse(line int, what string) {
	panic(tooMuch{fmt.Errorf("%s:%d: %s", s.name, max(line, 1), what)})
}

func (s *survey) enter(line int, varargs bool) {
	f := &surveyedFunction{line: line, varargs: varargs}
	if s.counts {
		f.values = map[constant]struct{}{}
	}
	s.functions = append(s.functions, f)
	if len(s.functions) > deepestFunctions {
		s.refuse(line, "chunk has too many syntax levels")
	}
}

func (s *survey) leave() {
	n := len(s.functions) - 1
	f := s.functions[n]
	s.functions = s.functions[:n]
	s.constants += len(f.values) * len(f.values)
	if s.constants > mostConstants {
		s.refuse(f.line, "chunk has too many constants")
	}
}

func (s *survey) constant(text string, number bool) {
	if !s.counts {
		return
	}
	f := s.functions[len(s.functions)-1]
	f.values[constant{text, number}] = struct{}{}
	if n := len(f.values); n*n > mostConstants {
		s.refuse(f.line, "function has too many constants")
	}
}

// visit goes through a part of the tree and gives the number of parts in it. v is the place that it stands at.
func (s *survey) visit(v reflect.Value, levels int) (parts int) {
	if levels == 0 {
		line := 0
		if holder, ok := v.Interface().(ast.PositionHolder); ok {
			line = holder.Line()
		}
		s.refuse(line, "chunk has too many syntax levels")
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return 0
		}
	case reflect.Slice:
		if block, ok := v.Interface().([]ast.Stmt); ok {
			v.Set(reflect.ValueOf(labels(block)))
		}
		for i := range v.Len() {
			parts += s.visit(v.Index(i), levels-1)
		}
		return parts
	default:
		return 0
	}
	if statement, ok := v.Interface().(ast.Stmt); ok {
		landings(statement)
	}
	switch node := v.Interface().(type) {
	case *ast.FunctionExpr:
		s.enter(node.Line(), node.ParList.HasVargs)
		s.visitFields(node, levels)
		s.leave()
		return 1 // what is in it is compiled apart
	case *ast.TableExpr:
		for _, field := range node.Fields {
			if field.Key != nil {
				oneValue(field.Value)
			}
		}
		if len(node.Fields) > largeConstructor || overwrites(node) {
			v.Set(reflect.ValueOf(takeApart(node, s.functions[len(s.functions)-1].varargs)))
			return s.visit(v, levels-1)
		}
	case *ast.StringExpr:
		s.constant(node.Value, false)
	case *ast.NumberExpr:
		s.constant(node.Value, true)
	case *ast.IdentExpr:
		s.constant(node.Value, false) // if it is a global
	case *ast.FuncCallExpr:
		if node.Method != "" {
			s.constant(node.Method, false)
		}
	}
	parts = 1 + s.visitFields(v.Interface(), levels)
	switch v.Interface().(type) {
	case *ast.WhileStmt, *ast.RepeatStmt, *ast.IfStmt, *ast.NumberForStmt, *ast.GenericForStmt, *ast.LogicalOpExpr:
		if parts > longBlock {
			s.refuse(v.Interface().(ast.PositionHolder).Line(), "control structure too long")
		}
	}
	return parts
}

// visitFields goes through what a node holds.
func (s *survey) visitFields(node any, levels int) (parts int) {
	fields := reflect.ValueOf(node).Elem()
	for i := range fields.NumField() {
		if f := fields.Field(i); f.CanSet() {
			parts += s.visit(f, levels-1)
		}
	}
	return parts
}

// overwrites tells whether a constructor would put a value in the place of another.
func overwrites(table *ast.TableExpr) bool {
	items := 0
	for i, field := range table.Fields {
		apart := field.Key != nil || i == len(table.Fields)-1 && isMultiple(field.Value)
		if apart && items > 0 && items%lua.FieldsPerFlush == 0 {
			return true
		}
		if !apart {
			items++
		}
	}
	return false
}

// takeApart makes of a constructor the call of a function that makes the table:
//
//	(function(...)
//	  local t = {}
//	  (function(...) t[1] = a; t.x = b end)(...) -- and more of these
//	  return t
//	end)(...)
//
// The names that it brings cannot stand in a source. Without varargs, the dots are left out.
func takeApart(table *ast.TableExpr, varargs bool) ast.Expr {
	const itself, rest, index = "(table)", "(rest)", "(index)"
	line := table.Line()
	var body []ast.Stmt
	add := func(s ast.Stmt, line int) { body = append(body, at(s, line)) }
	name := func(n string) ast.Expr { return at(&ast.IdentExpr{Value: n}, line) }

	add(&ast.LocalAssignStmt{Names: []string{itself}, Exprs: []ast.Expr{at(&ast.TableExpr{}, line)}}, line)
	var piece []ast.Stmt
	flush := func() {
		add(&ast.FuncCallStmt{Expr: callOf(piece, varargs, line)}, line)
		piece = nil
	}
	set := func(key, value ast.Expr) {
		target := at(&ast.AttrGetExpr{Object: name(itself), Key: key}, line)
		piece = append(piece, at(&ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}, value.Line()))
	}
	items := 0
	for i, field := range table.Fields {
		switch {
		case field.Key != nil:
			set(field.Key, field.Value)
		case i == len(table.Fields)-1 && isMultiple(field.Value):
			// local rest = { value }; for index = 1, #rest do t[items + index] = rest[index] end
			all := at(&ast.TableExpr{Fields: []*ast.Field{{Value: field.Value}}}, line)
			piece = append(piece, at(&ast.LocalAssignStmt{Names: []string{rest}, Exprs: []ast.Expr{all}}, line))
			sum := at(&ast.ArithmeticOpExpr{Operator: "+", Lhs: numeral(items, line), Rhs: name(index)}, line)
			target := at(&ast.AttrGetExpr{Object: name(itself), Key: sum}, line)
			value := at(&ast.AttrGetExpr{Object: name(rest), Key: name(index)}, line)
			piece = append(piece, at(&ast.NumberForStmt{
				Name: index, Init: numeral(1, line), Limit: at(&ast.UnaryLenOpExpr{Expr: name(rest)}, line),
				Stmts: []ast.Stmt{at(&ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}, line)},
			}, line))
		default:
			items++
			set(numeral(items, line), field.Value)
		}
		if len(piece) >= pieceFields {
			flush()
		}
	}
	if piece != nil {
		flush()
	}
	add(&ast.ReturnStmt{Exprs: []ast.Expr{name(itself)}}, line)
	call := callOf(body, varargs, line)
	call.AdjustRet = true // one value, wherever the constructor stands
	return call
}

// isMultiple tells whether an expression can have several values.
func isMultiple(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

// oneValue makes an expression have one value.
func oneValue(e ast.Expr) {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
}

// callOf is the call of a function that consists of these statements.
func callOf(body []ast.Stmt, varargs bool, line int) *ast.FuncCallExpr {
	f := at(&ast.FunctionExpr{ParList: &ast.ParList{HasVargs: varargs}, Stmts: body}, line)
	call := at(&ast.FuncCallExpr{Func: f}, line)
	if varargs {
		call.Args = []ast.Expr{at(&ast.Comma3Expr{}, line)}
	}
	return call
}

func numeral(n, line int) ast.Expr { return at(&ast.NumberExpr{Value: strconv.Itoa(n)}, line) }

// at gives a node its line.
func at[T ast.PositionHolder](node T, line int) T {
	node.SetLine(line)
	node.SetLastLine(line)
	return node
}
