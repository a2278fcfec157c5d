package bindings

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
)

// codecFilter is Block with a codec of the program.
type codecFilter struct {
	filters.Block
	functions
	encode, decode *lua.LFunction
}

// raisedInside is what decode raised, on its way through Block.
type raisedInside struct{ err error }

func buildBlock(b *Lib, p *luax.Params) filters.Filter {
	alone(p, "block_size", "length_codec", "max_length")
	size := p.Int("block_size", 1, math.MaxInt32, 0)
	most := limits(p)
	codec := p.Table("length_codec")
	if codec == nil {
		return &filters.Block{Limits: most, Size: size}
	}
	var pair [2]*lua.LFunction
	for i, what := range []string{"encoder", "decoder"} {
		fn, ok := codec.RawGetInt(i + 1).(*lua.LFunction)
		if !ok {
			p.Raise("length_codec: %s: function expected, got %s", what, luax.TypeName(codec.RawGetInt(i+1)))
		}
		pair[i] = fn
	}
	return newCodec(b, most, pair[0], pair[1])
}

func newCodec(b *Lib, most filters.Limits, encode, decode *lua.LFunction) *codecFilter {
	f := &codecFilter{functions: functions{b: b}, encode: encode, decode: decode}
	f.Limits, f.Encode, f.Decode = most, f.encoded, f.decoded
	return f
}

// Clone implements filters.Filter.
func (f *codecFilter) Clone() filters.Filter {
	return newCodec(f.b, f.Limits, f.encode, f.decode)
}

// Next implements filters.Filter.
func (f *codecFilter) Next() (item any, ok bool, err error) {
	defer caught(&err)
	return f.Block.Next()
}

// NextBytes implements filters.BytesNexter.
func (f *codecFilter) NextBytes() (item []byte, ok bool, err error) {
	defer caught(&err)
	return f.Block.NextBytes()
}

// caught ends the way of what decode raised.
func caught(err *error) {
	switch v := recover().(type) {
	case nil:
	case raisedInside:
		*err = v.err
	default:
		panic(v)
	}
}

// encoded gives a payload in its frame.
func (f *codecFilter) encoded(payload string) (string, error) {
	r, err := f.call(1, f.encode, lua.LString(payload))
	if err != nil {
		return "", err
	}
	s, ok := r[0].(lua.LString)
	if !ok {
		return "", scriptError("the encoder of a length_codec returned a %s, want a string", luax.TypeName(r[0]))
	}
	return string(s), nil
}

// decoded asks for the length of the payload, and of the header before it.
func (f *codecFilter) decoded(buffer []byte) (length, consumed int, ok bool, err error) {
	r, err := f.call(2, f.decode, lua.LString(buffer))
	if err != nil {
		panic(raisedInside{err}) // an error would be one of the input
	}
	if r[0] == lua.LNil {
		if r[1] != lua.LNil {
			return 0, 0, false, &filters.Error{Message: luax.Text(r[1])}
		}
		return 0, 0, false, nil
	}
	a, isLength := count(r[0], math.MaxInt32)
	h, isConsumed := count(r[1], len(buffer))
	if !isLength || !isConsumed || a+h == 0 {
		panic(raisedInside{scriptError("the decoder of a length_codec returned %s and %s, want the lengths of payload and header",
			luax.Text(r[0]), luax.Text(r[1]))})
	}
	return a, h, true, nil
}

// count is a value as a whole number from 0 to most.
func count(v lua.LValue, most int) (int, bool) {
	n, ok := v.(lua.LNumber)
	if !ok || n < 0 || n > lua.LNumber(most) || n != lua.LNumber(int(n)) {
		return 0, false
	}
	return int(n), true
}
