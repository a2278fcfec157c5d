package interp

import (
	"errors"
	"maps"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// ErrUnfinished is the error of an input that only lacks its end.
var ErrUnfinished = errors.New("unfinished input")

// Typed compiles what is typed at a prompt, one input after the other. What an input declares local at its top level is
// there for the later ones: such variables are fields of a table, and so are those that Set makes. All other names are
// globals, as in any chunk.
type Typed struct {
	l      *lua.LState
	fields *lua.LTable
	names  map[string]bool // of the fields, those that are nil included
}

// NewTyped makes one without variables.
func NewTyped(l *lua.LState) *Typed {
	return &Typed{l, l.CreateTable(0, 8), map[string]bool{}}
}

// Set makes a variable, or gives it a new value.
func (p *Typed) Set(name string, v lua.LValue) {
	p.names[name] = true
	p.fields.RawSetString(name, v)
}

// Get is the value of a variable; ok says that there is one of that name.
func (p *Typed) Get(name string) (v lua.LValue, ok bool) {
	return p.fields.RawGetString(name), p.names[name]
}

// Names are the names of the variables.
func (p *Typed) Names() []string {
	var names []string
	for name := range p.names {
		names = append(names, name)
	}
	return names
}

// Load compiles an input. expression says that it is to be a list of expressions, whose values are the results. Errors:
// as Load's, and ErrUnfinished.
func (p *Typed) Load(name, source string, expression bool) (*lua.LFunction, error) {
	if expression {
		source = "return " + source
	}
	return p.compile(name, []byte(source))
}

// LoadFile compiles what a file holds as one input.
func (p *Typed) LoadFile(name string, source []byte) (*lua.LFunction, error) {
	fn, err := p.compile(name, trimHead(source))
	if err == ErrUnfinished {
		_, err = loadChunk(p.l, name, trimHead(source)) // says what is missing
	}
	return fn, err
}

func (p *Typed) compile(name string, source []byte) (*lua.LFunction, error) {
	var names map[string]bool
	proto, err := compile(name, source, func(chunk []ast.Stmt) []ast.Stmt {
		k := &keeper{names: maps.Clone(p.names), hidden: map[string]int{}}
		chunk = k.chunk(chunk)
		names = k.names
		return chunk
	})
	if err != nil {
		if unfinished(err, source) {
			err = ErrUnfinished
		}
		return nil, err
	}
	p.names = names
	inner := proto.FunctionPrototypes[0]
	fn := p.l.NewFunctionFromProto(inner)
	for i := range fn.Upvalues { // there is one, if there is any
		fn.Upvalues[i] = &lua.Upvalue{}
		fn.Upvalues[i].SetValue(p.fields)
	}
	return fn, nil
}

// unfinished says whether an error is one of source's end.
func unfinished(err error, source []byte) bool {
	e, ok := errors.AsType[*parse.Error](err)
	switch {
	case !ok:
		return false
	case e.Pos.Line == parse.EOF:
		return e.Message != "unterminated string" || strings.HasSuffix(string(source), `\`)
	}
	return e.Message == "unterminated multiline string" || e.Message == "invalid multiline comment"
}

// keptFields is the name of the variable that holds the table of variables. It cannot stand in a source.
const keptFields = "(kept)"

// keeper goes through the syntax tree of an input:
//
//	local x = y        kept.x = kept.y        if y was declared before
//
// The chunk becomes a function within another one, which has the table as its variable:
//
//	local kept
//	return function(...) chunk end
type keeper struct {
	names    map[string]bool
	hidden   map[string]int // how many variables of that name, of blocks and functions, there are at this place
	declared []string       // those
}

func (k *keeper) chunk(chunk []ast.Stmt) []ast.Stmt {
	for i, s := range chunk {
		local, ok := s.(*ast.LocalAssignStmt)
		if !ok {
			k.statement(s)
			continue
		}
		chunk[i] = k.keep(local)
	}
	// It has line 0: to messages it is the main chunk.
	f := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: true}, Stmts: chunk}
	return []ast.Stmt{
		at(&ast.LocalAssignStmt{Names: []string{keptFields}}, 1),
		at(&ast.ReturnStmt{Exprs: []ast.Expr{f}}, 1),
	}
}

// keep makes an assignment to fields of a declaration. Only local function has a last line: its name is known within
// it.
func (k *keeper) keep(s *ast.LocalAssignStmt) ast.Stmt {
	recursive := s.LastLine() != 0 && len(s.Names) == 1 && len(s.Exprs) == 1
	if recursive {
		k.names[s.Names[0]] = true
	}
	k.expressions(s.Exprs)
	a := &ast.AssignStmt{Rhs: s.Exprs}
	for _, name := range s.Names {
		k.names[name] = true
		a.Lhs = append(a.Lhs, k.field(name, s.Line()))
	}
	if len(a.Rhs) == 0 {
		a.Rhs = []ast.Expr{at(&ast.NilExpr{}, s.Line())}
	}
	return at(a, s.Line())
}

func (k *keeper) field(name string, line int) ast.Expr {
	table := at(&ast.IdentExpr{Value: keptFields}, line)
	return at(&ast.AttrGetExpr{Object: table, Key: at(&ast.StringExpr{Value: name}, line)}, line)
}

func (k *keeper) declare(names ...string) {
	for _, name := range names {
		k.hidden[name]++
		k.declared = append(k.declared, name)
	}
}

// within goes through a scope.
func (k *keeper) within(body func()) {
	n := len(k.declared)
	body()
	for _, name := range k.declared[n:] {
		k.hidden[name]--
	}
	k.declared = k.declared[:n]
}

func (k *keeper) block(block []ast.Stmt) {
	k.within(func() { k.statements(block) })
}

func (k *keeper) statements(block []ast.Stmt) {
	for _, s := range block {
		k.statement(s)
	}
}

func (k *keeper) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		k.expressions(s.Lhs)
		k.expressions(s.Rhs)
	case *ast.LocalAssignStmt:
		if s.LastLine() != 0 {
			k.declare(s.Names...)
			k.expressions(s.Exprs)
			return
		}
		k.expressions(s.Exprs)
		k.declare(s.Names...)
	case *ast.FuncCallStmt:
		k.expression(&s.Expr)
	case *ast.DoBlockStmt:
		k.block(s.Stmts)
	case *ast.WhileStmt:
		k.expression(&s.Condition)
		k.block(s.Stmts)
	case *ast.RepeatStmt:
		k.within(func() {
			k.statements(s.Stmts)
			k.expression(&s.Condition)
		})
	case *ast.NumberForStmt:
		k.expression(&s.Init)
		k.expression(&s.Limit)
		k.expression(&s.Step)
		k.within(func() {
			k.declare(s.Name)
			k.statements(s.Stmts)
		})
	case *ast.GenericForStmt:
		k.expressions(s.Exprs)
		k.within(func() {
			k.declare(s.Names...)
			k.statements(s.Stmts)
		})
	case *ast.IfStmt:
		k.expression(&s.Condition)
		k.block(s.Then)
		k.block(s.Else)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			k.expression(&s.Name.Func)
			k.function(s.Func)
		} else {
			k.expression(&s.Name.Receiver)
			k.function(s.Func, "self")
		}
	case *ast.ReturnStmt:
		k.expressions(s.Exprs)
	}
}

func (k *keeper) function(f *ast.FunctionExpr, self ...string) {
	k.within(func() {
		k.declare(self...)
		k.declare(f.ParList.Names...)
		k.statements(f.Stmts)
	})
}

func (k *keeper) expressions(list []ast.Expr) {
	for i := range list {
		k.expression(&list[i])
	}
}

// expression goes through what stands at a place.
func (k *keeper) expression(place *ast.Expr) {
	switch e := (*place).(type) {
	case *ast.IdentExpr:
		if k.names[e.Value] && k.hidden[e.Value] == 0 {
			*place = k.field(e.Value, e.Line())
		}
	case *ast.AttrGetExpr:
		k.expression(&e.Object)
		k.expression(&e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			k.expression(&f.Key)
			k.expression(&f.Value)
		}
	case *ast.FuncCallExpr:
		k.expression(&e.Func)
		k.expression(&e.Receiver)
		k.expressions(e.Args)
	case *ast.LogicalOpExpr:
		k.expression(&e.Lhs)
		k.expression(&e.Rhs)
	case *ast.RelationalOpExpr:
		k.expression(&e.Lhs)
		k.expression(&e.Rhs)
	case *ast.StringConcatOpExpr:
		k.expression(&e.Lhs)
		k.expression(&e.Rhs)
	case *ast.ArithmeticOpExpr:
		k.expression(&e.Lhs)
		k.expression(&e.Rhs)
	case *ast.UnaryMinusOpExpr:
		k.expression(&e.Expr)
	case *ast.UnaryNotOpExpr:
		k.expression(&e.Expr)
	case *ast.UnaryLenOpExpr:
		k.expression(&e.Expr)
	case *ast.FunctionExpr:
		k.function(e)
	}
}

// Numeral is a number as Lua writes it.
func Numeral(number float64) string { return string(appendNumeral(nil, number)) }

// diversion is where standard output and input lead for a while.
type diversion struct {
	take func(text string) bool // nil: nowhere else
}

// errPrompt is what a read of standard input meets while somebody types there.
var errPrompt = errors.New("standard input is not to be read at a prompt")

// diverted says whether p was taken away from standard output.
func (d *diversion) diverted(p []byte) bool { return d.take != nil && d.take(string(p)) }

// reads says whether standard input may be read.
func (d *diversion) reads() bool { return d.take == nil || !d.take("") }

const diversionName = "poelua.diversion"

// Divert has what print and io.write are to write to standard output given to take, which says whether it takes it,
// until restore is called. While it would take an empty text, standard input cannot be read: a prompt would wait for
// ever for who types at it.
func Divert(l *lua.LState, take func(text string) bool) (restore func()) {
	ud, ok := l.G.Registry.RawGetString(diversionName).(*lua.LUserData)
	if !ok {
		return func() {}
	}
	d := ud.Value.(*diversion)
	held := d.take
	d.take = take
	return func() { d.take = held }
}

// openDiversion puts the diversion where Divert finds it and scripts do not.
func openDiversion(l *lua.LState, d *diversion) {
	ud := l.NewUserData()
	ud.Value = d
	l.G.Registry.RawSetString(diversionName, ud)
}
