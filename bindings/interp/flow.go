package interp

import "github.com/yuin/gopher-lua/ast"

// gopher-lua's compiler makes a jump that leads to a jump lead to where that one goes. It does so from the beginning of a
// function to its end, and takes the distance of a jump that it has done already for the number of a label. So what jumps
// backwards must not find a jump: a loop whose body begins with break would lead anywhere. Here such loops, and labels, get
// an instruction that does nothing at their beginning.

// effect is what code begins with.
type effect int

const (
	nothing effect = iota // it is empty
	jump
	other
)

// conditionEffect tells what a condition is compiled to, at its beginning. onTrue: it jumps if it is true, not if it is
// false.
func conditionEffect(e ast.Expr, onTrue bool) effect {
	switch e := e.(type) {
	case *ast.FalseExpr, *ast.NilExpr:
		if !onTrue {
			return jump
		}
	case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr:
		if !onTrue {
			return nothing
		}
	case *ast.UnaryNotOpExpr:
		return conditionEffect(e.Expr, !onTrue)
	case *ast.LogicalOpExpr:
		if first := conditionEffect(e.Lhs, e.Operator == "or"); first != nothing {
			return first
		}
		return conditionEffect(e.Rhs, onTrue)
	}
	return valueEffect(e)
}

// valueEffect tells what is computed to have values is compiled to, at its beginning, and jump if in doubt: false and a
// begins with a jump, and so does a + (false and b) if a is at hand.
func valueEffect(values ...ast.Expr) effect {
	for _, e := range values {
		if beginsWithJump(e) {
			return jump
		}
	}
	return other
}

func beginsWithJump(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		return isAtHand(e.Lhs) || beginsWithJump(e.Lhs)
	case *ast.RelationalOpExpr:
		return beginsWithJump(e.Lhs) || isAtHand(e.Lhs) && beginsWithJump(e.Rhs)
	case *ast.ArithmeticOpExpr:
		return beginsWithJump(e.Lhs) || isAtHand(e.Lhs) && beginsWithJump(e.Rhs)
	case *ast.AttrGetExpr:
		return beginsWithJump(e.Object) || isAtHand(e.Object) && beginsWithJump(e.Key)
	case *ast.StringConcatOpExpr:
		return beginsWithJump(e.Lhs)
	case *ast.UnaryMinusOpExpr:
		return beginsWithJump(e.Expr)
	case *ast.UnaryNotOpExpr:
		return beginsWithJump(e.Expr)
	case *ast.UnaryLenOpExpr:
		return beginsWithJump(e.Expr)
	case *ast.FuncCallExpr:
		return beginsWithJump(e.Func) || beginsWithJump(e.Receiver)
	}
	return false
}

// isAtHand tells whether an expression may need no instruction: a constant or a variable.
func isAtHand(e ast.Expr) bool {
	switch e.(type) {
	case *ast.FalseExpr, *ast.NilExpr, *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr, *ast.IdentExpr:
		return true
	}
	return isNumber(e)
}

// isNumber tells whether an expression is computed by the compiler: numbers and operators.
func isNumber(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.NumberExpr:
		return true
	case *ast.UnaryMinusOpExpr:
		return isNumber(e.Expr)
	case *ast.ArithmeticOpExpr:
		return isNumber(e.Lhs) && isNumber(e.Rhs)
	}
	return false
}

// blockEffect tells what statements are compiled to, at their beginning.
func blockEffect(block []ast.Stmt) effect {
	for _, s := range block {
		if e := statementEffect(s); e != nothing {
			return e
		}
	}
	return nothing
}

func statementEffect(s ast.Stmt) effect {
	switch s := s.(type) {
	case *ast.BreakStmt:
		return jump
	case *ast.LabelStmt:
		return nothing
	case *ast.DoBlockStmt:
		return blockEffect(s.Stmts)
	case *ast.IfStmt:
		e := conditionEffect(s.Condition, false)
		if e == nothing {
			e = blockEffect(s.Then)
		}
		if e == nothing && len(s.Else) > 0 {
			e = jump // over the other branch
		}
		return e
	case *ast.WhileStmt:
		e := conditionEffect(s.Condition, false)
		if e == nothing {
			e = blockEffect(s.Stmts)
		}
		if e == nothing {
			e = jump // back
		}
		return e
	case *ast.RepeatStmt:
		e := blockEffect(s.Stmts)
		if e == nothing {
			e = conditionEffect(s.Condition, false)
		}
		return e
	case *ast.AssignStmt:
		for _, target := range s.Lhs {
			if valueEffect(target) == jump {
				return jump
			}
		}
		return valueEffect(s.Rhs...)
	case *ast.LocalAssignStmt:
		return valueEffect(s.Exprs...)
	case *ast.FuncCallStmt:
		return valueEffect(s.Expr)
	case *ast.NumberForStmt:
		return valueEffect(s.Init)
	case *ast.GenericForStmt:
		return valueEffect(s.Exprs...)
	case *ast.ReturnStmt:
		return valueEffect(s.Exprs...)
	}
	return other
}

// noOp is a statement that does nothing but take up an instruction.
func noOp(line int) ast.Stmt {
	return at(&ast.DoBlockStmt{Stmts: []ast.Stmt{at(&ast.LocalAssignStmt{Names: []string{"(nothing)"}}, line)}}, line)
}

func prepend(s ast.Stmt, block []ast.Stmt) []ast.Stmt { return append([]ast.Stmt{s}, block...) }

// landings mends what jumps back to the beginning of a loop or to a label.
func landings(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.WhileStmt:
		e := conditionEffect(s.Condition, false)
		switch {
		case e == jump: // while true do if condition then else break end; body end
			leave := at(&ast.IfStmt{
				Condition: s.Condition,
				Else:      []ast.Stmt{at(&ast.BreakStmt{}, s.Line())},
			}, s.Line())
			s.Condition = at(&ast.TrueExpr{}, s.Line())
			s.Stmts = prepend(noOp(s.Line()), prepend(leave, s.Stmts))
		case e == nothing && blockEffect(s.Stmts) == jump:
			s.Stmts = prepend(noOp(s.Line()), s.Stmts)
		}
	case *ast.RepeatStmt:
		if statementEffect(s) == jump {
			s.Stmts = prepend(noOp(s.Line()), s.Stmts)
		}
	case *ast.GenericForStmt:
		if blockEffect(s.Stmts) == jump {
			s.Stmts = prepend(noOp(s.Line()), s.Stmts)
		}
	}
}

// labels does the same for the labels of a block.
func labels(block []ast.Stmt) []ast.Stmt {
	for i := 0; i < len(block); i++ {
		if _, ok := block[i].(*ast.LabelStmt); ok && blockEffect(block[i+1:]) == jump {
			rest := append([]ast.Stmt{noOp(block[i].Line())}, block[i+1:]...)
			block = append(block[:i+1:i+1], rest...)
		}
	}
	return block
}
