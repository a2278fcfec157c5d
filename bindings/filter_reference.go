package bindings

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

const mostDepth = 10_000 // that max_depth may be

// nesting is the parameter max_depth.
func nesting(p *luax.Params) int { return p.Int("max_depth", 1, mostDepth, 128) }

// bigIntegers is the parameter big_integers: whether integers that a number cannot hold become strings.
func bigIntegers(p *luax.Params) bool {
	s, ok := p.String("big_integers")
	if ok && s != "string" {
		p.Raise("big_integers: \"string\" expected, got %q", s)
	}
	return ok
}

func buildReference(b *Lib, p *luax.Params) filters.Filter {
	f := &filters.Reference{
		Limits:   limits(p),
		Compress: p.Bool("compression", false),
		NoFatals: p.Bool("no_fatals", false),
	}
	depth, big := nesting(p), bigIntegers(p)
	f.From = b.valuesFrom("Reference", depth, f.MaxLength)
	name := "msgpack"
	switch v := p.Get("serializer").(type) {
	case *lua.LNilType:
	case lua.LString:
		name = string(v)
	case *lua.LTable:
		f.Serializer, f.From = newSerializer(b, p, v), nil
		return &ownReference{f}
	default:
		p.Fail("serializer", "string or table", v)
	}
	switch name {
	case "msgpack":
		f.Serializer = luaMessagePack{filters.MessagePack{Keys: new(filters.Keys), MaxDepth: depth, BigStrings: big}, b}
	case "cbor":
		f.Serializer = luaCBOR{filters.CBOR{Keys: new(filters.Keys), MaxDepth: depth, BigStrings: big}, b}
	case "json":
		f.Serializer = filters.JSON{Keys: new(filters.Keys), MaxDepth: depth, BigStrings: big}
	default:
		p.Raise("serializer: unknown name %q (msgpack, cbor or json)", name)
	}
	return f
}

// luaMessagePack gives values of Lua: a map that makes too large a table is one that cannot be read.
type luaMessagePack struct {
	filters.MessagePack
	b *Lib
}

// Thaw implements filters.Serializer.
func (s luaMessagePack) Thaw(payload []byte) (any, error) {
	v, err := s.MessagePack.Thaw(payload)
	if err != nil {
		return nil, err
	}
	return s.b.decoded(v, len(payload))
}

// luaCBOR is what luaMessagePack is.
type luaCBOR struct {
	filters.CBOR
	b *Lib
}

// Thaw implements filters.Serializer.
func (s luaCBOR) Thaw(payload []byte) (any, error) {
	v, err := s.CBOR.Thaw(payload)
	if err != nil {
		return nil, err
	}
	return s.b.decoded(v, len(payload))
}

// ownReference is Reference with a serializer of the program.
type ownReference struct {
	*filters.Reference
}

func (f *ownReference) busy() bool { return f.Serializer.(*serializer).running }

// Clone implements filters.Filter.
func (f *ownReference) Clone() filters.Filter {
	c := f.Reference.Clone().(*filters.Reference)
	own := *f.Serializer.(*serializer)
	own.running = false
	c.Serializer = &own
	return &ownReference{c}
}

// serializer is a serializer of the program: it takes and gives any values.
type serializer struct {
	functions
	freeze, thaw *lua.LFunction
}

func newSerializer(b *Lib, p *luax.Params, t *lua.LTable) *serializer {
	own := func(name string) *lua.LFunction {
		fn, ok := t.RawGetString(name).(*lua.LFunction)
		if !ok {
			p.Raise("serializer: %s: function expected, got %s", name, luax.TypeName(t.RawGetString(name)))
		}
		return fn
	}
	return &serializer{functions{b: b}, own("freeze"), own("thaw")}
}

// Freeze implements filters.Serializer.
func (s *serializer) Freeze(dst []byte, v any) ([]byte, error) {
	r, err := s.call(1, s.freeze, s.b.itemToLua(v))
	if err != nil {
		return dst, err
	}
	frozen, ok := r[0].(lua.LString)
	if !ok {
		return dst, scriptError("the function 'freeze' of a serializer returned a %s, want a string", luax.TypeName(r[0]))
	}
	return append(dst, frozen...), nil
}

// Thaw implements filters.Serializer.
func (s *serializer) Thaw(payload []byte) (any, error) {
	r, err := s.call(1, s.thaw, lua.LString(payload))
	if err != nil {
		return nil, err
	}
	if r[0] == lua.LNil {
		return filters.Null{}, nil
	}
	return s.b.item(r[0]), nil
}

func buildJSONLines(b *Lib, p *luax.Params) filters.Filter {
	f := &filters.JSONLines{Limits: limits(p), MaxDepth: nesting(p), BigStrings: bigIntegers(p)}
	f.From = b.valuesFrom("JSONLines", f.MaxDepth, f.MaxLength)
	return f
}
