package check

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

const maxToken = 40 // bytes of a token or name that a message shows

// prepare returns the text as the parser is to see it: no byte order mark, an empty line for one that begins with #,
// and lines that end in \n alone. Line numbers stay what an editor shows.
func prepare(source []byte) []byte {
	text := bytes.TrimPrefix(source, []byte("\ufeff"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	if bytes.HasPrefix(text, []byte("#")) {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			end = len(text)
		}
		text = text[end:]
	}
	return text
}

// parseText returns the chunk, or why there is none.
func parseText(name string, text []byte) (chunk []ast.Stmt, bad *Finding) {
	defer func() {
		if r := recover(); r != nil {
			chunk, bad = nil, gaveUp("parser", r)
		}
	}()
	chunk, err := parse.Parse(bytes.NewReader(text), name)
	var failure *parse.Error
	switch {
	case errors.As(err, &failure):
		return nil, syntaxFinding(failure, text)
	case err != nil:
		return nil, gaveUp("parser", err)
	case chunk == nil: // Parse swallows a panic whose value is no error
		return nil, gaveUp("parser", "no reason given")
	}
	return chunk, nil
}

// compile returns what only the compiler finds. It may change the chunk.
func compile(name string, text []byte, chunk []ast.Stmt) (bad *Finding) {
	defer func() {
		if r := recover(); r != nil {
			bad = gaveUp("compiler", r)
		}
	}()
	_, err := lua.Compile(chunk, name)
	var failure *lua.CompileError
	switch {
	case errors.As(err, &failure):
		return compileFinding(failure, text)
	case err != nil:
		return gaveUp("compiler", err)
	}
	return nil
}

func gaveUp(who string, reason any) *Finding {
	return &Finding{Line: 1, Message: fmt.Sprintf("the %s gave up: %s", who, shown(fmt.Sprint(reason), 200))}
}

// parserMessages are the parser's own messages as a reader of Lua knows them. Those that are absent stay as they are.
var parserMessages = map[string]string{
	"parse error":                   "syntax error", // an expression where a statement should be
	"Invalid token":                 "unexpected symbol",
	"Invalid '~' token":             "unexpected symbol",
	"illegal hexadecimal number":    "malformed number",
	"unterminated string":           "unfinished string",
	"unterminated multiline string": "unfinished long string",
	"invalid multiline string":      "invalid long string delimiter",
	"invalid multiline comment":     "unfinished long comment",
}

func syntaxFinding(failure *parse.Error, text []byte) *Finding {
	message, ok := parserMessages[failure.Message]
	if !ok {
		message = failure.Message
	}
	last := lastLine(text)
	if failure.Pos.Line == parse.EOF {
		if message == "syntax error" {
			message = "unexpected end of file"
		}
		return &Finding{Line: last, Message: message}
	}

	line, token := failure.Pos.Line, failure.Token
	switch message {
	case "unexpected symbol": // the parser has a byte of it
		token = runeAt(text, line, failure.Pos.Column, token)
	case "unfinished string": // the parser has read the end of the line, too
		line--
	}
	if token != "" {
		message = fmt.Sprintf("%s near '%s'", message, shown(token, maxToken))
	}
	return &Finding{Line: min(max(line, 1), last), Message: message}
}

var (
	missingLabel = regexp.MustCompile(`^no visible label '(.*)' for <goto> at line (\d+)$`)
	jumpIntoVar  = regexp.MustCompile(`^<goto (.*)> at line (\d+) (jumps into the scope of local '.*')$`)
	doubledLabel = regexp.MustCompile(`^label '.*' already defined on line \d+$`)
)

// compileFinding puts a finding about a goto on the line of the goto: the compiler names the end of the function,
// or the line after the label.
func compileFinding(failure *lua.CompileError, text []byte) *Finding {
	line, message := failure.Line, failure.Message
	if m := missingLabel.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[2])
		message = fmt.Sprintf("no visible label '%s' for goto", m[1])
	} else if m := jumpIntoVar.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[2])
		message = fmt.Sprintf("goto '%s' %s", m[1], m[3])
	} else if doubledLabel.MatchString(message) {
		line--
	}
	return &Finding{Line: min(max(line, 1), lastLine(text)), Message: shown(message, 200)}
}

// lastLine is the number of the last line that has text or could have: a newline at the end begins no line.
func lastLine(text []byte) int {
	return 1 + bytes.Count(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

// runeAt returns the character whose first byte is at line and column, both counted from 1; token if there is none.
func runeAt(text []byte, line, column int, token string) string {
	for ; line > 1; line-- {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	if column < 1 || column > len(text) {
		return token
	}
	r, size := utf8.DecodeRune(text[column-1:])
	if r == utf8.RuneError || !bytes.HasPrefix(text[column-1:], []byte(token)) {
		return token
	}
	return string(text[column-1 : column-1+size])
}

// shown returns s fit for a one-line message: cut after limit bytes, without anything a terminal would act on.
func shown(s string, limit int) string {
	var b strings.Builder
	for i, r := range s {
		if i >= limit {
			b.WriteString("...")
			break
		}
		switch {
		case r == utf8.RuneError && s[i] != "\ufffd"[0]:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
