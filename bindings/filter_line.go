package bindings

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// limits are the parameters max_length and max_buffer.
func limits(p *luax.Params) filters.Limits {
	given := p.Has("max_length")
	n := filters.Limits{
		MaxLength: p.Int("max_length", 1, math.MaxInt, filters.DefaultMaxLength),
		MaxBuffer: p.Int("max_buffer", 1, math.MaxInt, filters.DefaultMaxBuffer),
	}
	if !given {
		n.MaxLength = min(n.MaxLength, n.MaxBuffer)
	}
	if n.MaxLength > n.MaxBuffer {
		p.Raise("max_length: %d is above max_buffer, %d", n.MaxLength, n.MaxBuffer)
	}
	return n
}

// alone raises if a parameter is given together with one of others.
func alone(p *luax.Params, key string, others ...string) {
	if !p.Has(key) {
		return
	}
	for _, other := range others {
		if p.Has(other) {
			p.Raise("%s: not together with %s", key, other)
		}
	}
}

func buildLine(b *Lib, p *luax.Params) filters.Filter {
	alone(p, "literal", "input_literal", "input_regexp", "output_literal")
	alone(p, "input_literal", "input_regexp")
	f := &filters.Line{Limits: limits(p), LastLine: p.Bool("last_line", false)}
	if s, ok := p.String("literal"); ok {
		if s == "" {
			p.Raise("literal: empty")
		}
		f.Input, f.Output = s, s
	}
	switch v := p.Get("input_literal").(type) {
	case lua.LString:
		f.Input, f.Detect = string(v), v == ""
	case *lua.LNilType:
	default:
		if v != b.filters.null {
			p.Fail("input_literal", "string or poe.null", v)
		}
		f.Detect = true
	}
	if s, ok := p.String("input_regexp"); ok {
		f.Pattern = linePattern(p, s)
	}
	if s, ok := p.String("output_literal"); ok {
		if s == "" {
			return &bareLine{f}
		}
		f.Output = s
	}
	return f
}

// bareLine is Line with nothing at the end of output.
type bareLine struct {
	*filters.Line
}

// Put implements filters.Filter.
func (f *bareLine) Put(dst []byte, item any) ([]byte, error) {
	return (&filters.Stream{}).Put(dst, item)
}

// Clone implements filters.Filter.
func (f *bareLine) Clone() filters.Filter { return &bareLine{f.Line.Clone().(*filters.Line)} }

// linePattern compiles input_regexp.
func linePattern(p *luax.Params, source string) *regexp.Regexp {
	pattern, err := regexp.Compile(source)
	if err != nil {
		p.Raise("input_regexp: %s", err.Error())
	}
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil || matchesEmpty(parsed) {
		p.Raise("input_regexp: it must not match the empty string")
	}
	return pattern
}

// matchesEmpty says whether a pattern may match without taking a byte.
func matchesEmpty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpNoMatch, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return false
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpCapture, syntax.OpPlus:
		return matchesEmpty(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || matchesEmpty(re.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !matchesEmpty(sub) })
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, matchesEmpty)
	}
	return true // repetition from 0 on, and what stands between bytes
}

func buildStream(*Lib, *luax.Params) filters.Filter { return &filters.Stream{} }
