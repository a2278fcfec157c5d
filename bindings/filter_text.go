package bindings

import (
	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

func buildNetstring(_ *Lib, p *luax.Params) filters.Filter {
	return &filters.Netstring{Limits: limits(p)}
}

func buildLengthPrefix(_ *Lib, p *luax.Params) filters.Filter {
	f := &filters.LengthPrefix{
		Limits:    limits(p),
		Width:     p.Int("width", 1, 8, 4),
		Little:    choice(p, "endian", "big", "little") == "little",
		Inclusive: p.Bool("inclusive", false),
	}
	switch f.Width {
	case 1, 2, 4, 8:
	default:
		p.Raise("width: 1, 2, 4 or 8 expected, got %d", f.Width)
	}
	return f
}

// choice is a parameter that is one of two words; the first one if it is absent.
func choice(p *luax.Params, key, first, second string) string {
	s, ok := p.String(key)
	if !ok {
		return first
	}
	if s != first && s != second {
		p.Raise("%s: %q or %q expected, got %q", key, first, second, s)
	}
	return s
}

func buildCSV(b *Lib, p *luax.Params) filters.Filter {
	f := &filters.CSV{
		Limits:    limits(p),
		Separator: mark(p, "separator", ','),
		Quote:     mark(p, "quote", '"'),
		Header:    p.Bool("header", false),
	}
	if f.Separator == f.Quote {
		p.Raise("separator: the same as quote")
	}
	if s, ok := p.String("line_end"); ok {
		if s == "" {
			p.Raise("line_end: empty")
		}
		f.LineEnd = s
	}
	f.From = b.valuesFrom("CSV", 1, f.MaxLength)
	return f
}

// mark is a parameter that is one byte, and does not end lines.
func mark(p *luax.Params, key string, absent byte) byte {
	s, ok := p.String(key)
	if !ok {
		return absent
	}
	if len(s) != 1 || s == "\n" || s == "\r" {
		p.Raise("%s: one byte that ends no line expected, got %q", key, s)
	}
	return s[0]
}
