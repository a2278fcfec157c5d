package check_test

import (
	"strings"
	"testing"
)

func TestSyntaxErrorsAreOneTidyLine(t *testing.T) {
	runCases(t, []checkCase{
		{"a token that does not fit", "x = = 5", []string{"1: syntax error near '='"}},
		{"an expression as a statement", "local x = 1\nx\ny = 2", []string{"3: syntax error near 'y'"}},
		{"a missing end", "function f()\n  return 1\n", []string{"2: unexpected end of file"}},
		{"an end too many", "do end\nend", []string{"2: syntax error near 'end'"}},
		{"half a statement", "x", []string{"1: unexpected end of file"}},
		{"an unfinished string", "x = 1\ny = 'abc\nz = 2", []string{"2: unfinished string near 'abc'"}},
		{"an unfinished string at the end", "y = 'abc", []string{"1: unfinished string"}},
		{"an unfinished long string", "y = [[abc\n\n", []string{"2: unfinished long string"}},
		{"an unfinished comment", "x = 1\n--[[ abc", []string{"2: unfinished long comment"}},
		{"a character Lua has no use for", "x = 5 @ 3", []string{"1: unexpected symbol near '@'"}},
		{"a typographic quote", "x = 1\nprint(“hello”)", []string{"2: unexpected symbol near '“'"}},
		{"a no-break space", "x =\u00a01", []string{`1: unexpected symbol near '\u00a0'`}},
		{"a byte that is no character", "x = \xff", []string{`1: unexpected symbol near '\xff'`}},
		{"an operator of another language", "if x != 1 then end", []string{"1: unexpected symbol near '!'"}},
		{"a lone tilde", "x = ~1", []string{"1: unexpected symbol near '~'"}},
		{"a malformed number", "x = 0x", []string{"1: malformed number near '0x'"}},
		{"a long string where none fits", "x = 1 'two\\nlines'", []string{`1: syntax error near 'two\nlines'`}},
		{"a very long token is cut", "x = 1 " + strings.Repeat("a", 100) + " b", []string{"1: syntax error near 'b'"}},
		{"a very long string is cut", "x = = '" + strings.Repeat("a", 100) + "'", []string{"1: syntax error near '='"}},
		{"an escape sequence is not sent to the terminal", "x = 1 '\x1b[2J' y", []string{`1: syntax error near '\x1b[2J'`}},
		{"nothing else is reported beside it", "foo()\nx = = 5", []string{"2: syntax error near '='"}},
	})
}

func TestErrorsOfTheCompilerAreFound(t *testing.T) {
	runCases(t, []checkCase{
		{"break outside a loop", "local x = 1\nbreak", []string{"2: no loop to break"}},
		{"varargs in a function without", "local function f(a)\n  return ...\nend\nf()", []string{"2: cannot use '...' outside a vararg function"}},
		{"a goto without its label", "do\n  goto done\nend\n\n", []string{"2: no visible label 'done' for goto"}},
		{"a label twice", "::a::\n::a::", []string{"2: label 'a' already defined on line 1"}},
		{"a goto into a scope", "goto a\nlocal x = 1\n::a::\nprint(x)", []string{"1: goto 'a' jumps into the scope of local 'x'"}},
		{"too many locals", strings.Repeat("local x\n", 300), []string{"1: too many local variables"}},
		{"a goto that works", "for i = 1, 3 do\n  if i == 2 then goto continue end\n  print(i)\n  ::continue::\nend", nil},
	})
}

func TestLineNumbersAreThoseOfAnEditor(t *testing.T) {
	want := []string{"3: undefined global 'foo'"}
	runCases(t, []checkCase{
		{"a first line for the shell", "#!/usr/bin/env poelua\n\nfoo()", want},
		{"a byte order mark", "\ufeff\n\nfoo()", want},
		{"both", "\ufeff#!/usr/bin/env poelua\n\nfoo()", want},
		{"lines of DOS", "#!poelua\r\n\r\nfoo()\r\n", want},
		{"lines of old Macs", "\r\rfoo()\r", want},
		{"a string over several lines", "local s = [[\n\n]] foo(s)", want},
		{"only a first line for the shell", "#!/usr/bin/env poelua", nil},
		{"a string that is not UTF-8", "local s = '\xff\xfe\x00' print(s)", nil},
		{"a call over several lines", "print(\n  1,\n  foo\n)", want},
	})
}
