package filters_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/poelua/poelua/filters"
)

type (
	array = []any
	dict  = filters.Map
)

var null = filters.Null{}

// serializers are all there are.
var serializers = map[string]filters.Serializer{
	"msgpack": filters.MessagePack{},
	"cbor":    filters.CBOR{},
	"json":    filters.JSON{},
}

// sameText compares values as Go writes them, so that NaN equals NaN.
func sameText(got, want any) bool { return fmt.Sprintf("%#v", got) == fmt.Sprintf("%#v", want) }

// Keys that were remembered are the keys that come, however many there are and however often one took another's place.
func TestRememberedKeysAreRight(t *testing.T) {
	keys := &filters.Keys{}
	for name, s := range map[string]filters.Serializer{
		"msgpack": filters.MessagePack{Keys: keys}, "cbor": filters.CBOR{Keys: keys}, "json": filters.JSON{Keys: keys},
	} {
		for _, v := range []any{
			manyKeys(500), manyKeys(3), dict{{"", 1.0}, {"a", "b"}, {"b", "a"}, {"é", 2.0}, {`q"\`, 3.0}},
			dict{{strings.Repeat("k", 31), 1.0}, {strings.Repeat("k", 32), 2.0}, {strings.Repeat("k", 33), 3.0}},
		} {
			for range 2 {
				survives(t, s, v)
			}
		}
		b, err := serializers[name].Freeze(nil, dict{{"name", 1.0}})
		if err != nil {
			t.Fatal(err)
		}
		plain := testing.AllocsPerRun(100, func() { serializers[name].Thaw(b) })
		if n := testing.AllocsPerRun(100, func() { s.Thaw(b) }); n > plain-2 {
			t.Errorf("%s: %v allocations with a key that is remembered, %v without", name, n, plain)
		}
	}
}

// nested is n arrays within each other.
func nested(n int) any {
	var v any = 1.0
	for range n {
		v = array{v}
	}
	return v
}

func TestValuesSurvive(t *testing.T) {
	everywhere := map[string]any{
		"zero":               0.0,
		"minus one":          -1.0,
		"small":              -32.0,
		"a byte":             255.0,
		"below a byte":       -128.0,
		"two bytes":          65535.0,
		"below two bytes":    -32768.0,
		"four bytes":         4294967295.0,
		"below four bytes":   -2147483649.0,
		"2^53":               9007199254740992.0,
		"-2^53":              -9007199254740992.0,
		"beyond 2^53":        9007199254740994.0,
		"a fraction":         1.5,
		"1e300":              1e300,
		"1e21":               1e21,
		"a tenth":            0.1,
		"the smallest":       5e-324,
		"negative zero":      math.Copysign(0, -1),
		"true":               true,
		"false":              false,
		"null":               null,
		"no bytes":           "",
		"text":               "hällo \"wörld\"\\ \x00\x01\n\u2028 \U0001F600",
		"long text":          strings.Repeat("ä", 40000),
		"31 bytes":           strings.Repeat("x", 31),
		"32 bytes":           strings.Repeat("x", 32),
		"256 bytes":          strings.Repeat("x", 256),
		"an empty array":     array{},
		"an empty map":       dict{},
		"nulls":              array{null, array{null, null}, dict{{"a", null}}},
		"order of keys":      dict{{"z", 1.0}, {"a", 2.0}, {"m", dict{{"y", 1.0}, {"b", array{}}, {"x", dict{}}}}},
		"a long array":       longArray(70000),
		"a map of many keys": manyKeys(300),
		"128 levels":         nested(128),
	}
	binary := map[string]any{
		"NaN":             math.NaN(),
		"infinity":        math.Inf(1),
		"minus infinity":  math.Inf(-1),
		"all bytes":       allBytes,
		"long bytes":      strings.Repeat("\xff", 70000),
		"keys of no text": dict{{1.0, "a"}, {1.5, "b"}, {true, "c"}, {"1", "d"}, {"\xff", "e"}},
	}
	for name, s := range serializers {
		for what, v := range everywhere {
			t.Run(name+", "+what, func(t *testing.T) { survives(t, s, v) })
		}
		if name == "json" {
			continue
		}
		for what, v := range binary {
			t.Run(name+", "+what, func(t *testing.T) { survives(t, s, v) })
		}
	}
}

func longArray(n int) array {
	items := make(array, n)
	for i := range items {
		items[i] = float64(i % 20)
	}
	return items
}

func manyKeys(n int) dict {
	m := dict{}
	for i := range n {
		m = append(m, filters.Pair{Key: strings.Repeat("k", i), Value: float64(i)})
	}
	return m
}

func survives(t *testing.T, s filters.Serializer, v any) {
	t.Helper()
	b, err := s.Freeze([]byte("x"), v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Thaw(b[1:])
	if err != nil {
		t.Fatalf("%.100q: %v", b, err)
	}
	if !sameText(got, v) {
		t.Fatalf("%.100q: got %.200v, want %.200v", b[1:], got, v)
	}
}

func TestNilIsNull(t *testing.T) {
	for name, s := range serializers {
		b, err := s.Freeze(nil, array{nil})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := s.Thaw(b); err != nil || !reflect.DeepEqual(got.(array), array{null}) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestBytesOfTheSerializers(t *testing.T) {
	for _, c := range []struct {
		name string
		s    filters.Serializer
		v    any
		want string
	}{
		{"a map", filters.MessagePack{}, dict{{"a", 1.0}}, "\x81\xa1\x61\x01"},
		{"integers", filters.MessagePack{}, array{127.0, 128.0, 256.0, 65536.0, 4294967296.0}, "\x95\x7f\xcc\x80\xcd\x01\x00\xce\x00\x01\x00\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00"},
		{"negative integers", filters.MessagePack{}, array{-32.0, -33.0, -129.0, -32769.0, -2147483649.0}, "\x95\xe0\xd0\xdf\xd1\xff\x7f\xd2\xff\xff\x7f\xff\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"},
		{"a float", filters.MessagePack{}, 1.5, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"},
		{"text and bytes", filters.MessagePack{}, array{"é", "\xff"}, "\x92\xa2\xc3\xa9\xc4\x01\xff"},
		{"words", filters.MessagePack{}, array{null, true, false}, "\x93\xc0\xc3\xc2"},
		{"a map", filters.CBOR{}, dict{{"a", 1.0}}, "\xa1\x61a\x01"},
		{"integers", filters.CBOR{}, array{23.0, 24.0, 256.0, 65536.0, 4294967296.0}, "\x85\x17\x18\x18\x19\x01\x00\x1a\x00\x01\x00\x00\x1b\x00\x00\x00\x01\x00\x00\x00\x00"},
		{"negative integers", filters.CBOR{}, array{-1.0, -24.0, -25.0, -257.0}, "\x84\x20\x37\x38\x18\x39\x01\x00"},
		{"a float", filters.CBOR{}, 1.5, "\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"},
		{"text and bytes", filters.CBOR{}, array{"é", "\xff"}, "\x82\x62\xc3\xa9\x41\xff"},
		{"words", filters.CBOR{}, array{null, true, false}, "\x83\xf6\xf5\xf4"},
		{"a map", filters.JSON{}, dict{{"a", 1.0}, {2.0, "b"}, {0.5, null}}, `{"a":1,"2":"b","0.5":null}`},
		{"numbers", filters.JSON{}, array{0.0, -1.0, 0.1, 1e-7, 123456.0, 1e20}, `[0,-1,0.1,1e-07,123456,1e+20]`},
		{"text", filters.JSON{}, "a\"\\/\b\t\r\n\x1f\x7f<é", `"a\"\\/\u0008\t\r\n\u001f` + "\x7f<é\""},
	} {
		b, err := c.s.Freeze(nil, c.v)
		if err != nil || string(b) != c.want {
			t.Errorf("%T, %s: got %q, %v, want %q", c.s, c.name, b, err, c.want)
		}
	}
}

func TestForeignValuesAreRead(t *testing.T) {
	for _, c := range []struct {
		name string
		s    filters.Serializer
		in   string
		want any
	}{
		{"a float of 32 bits", filters.MessagePack{}, "\xca\x3f\xc0\x00\x00", 1.5},
		{"long integers of small numbers", filters.MessagePack{}, "\x92\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xd3\xff\xff\xff\xff\xff\xff\xff\xff", array{1.0, -1.0}},
		{"long strings of few bytes", filters.MessagePack{}, "\x93\xdb\x00\x00\x00\x01a\xc6\x00\x00\x00\x01b\xda\x00\x01c", array{"a", "b", "c"}},
		{"long maps of few pairs", filters.MessagePack{}, "\x92\xdf\x00\x00\x00\x01\x01\x02\xde\x00\x01\x03\x04", array{dict{{1.0, 2.0}}, dict{{3.0, 4.0}}}},
		{"a timestamp of 32 bits", filters.MessagePack{}, "\xd6\xff\x00\x00\x00\x0a", 10.0},
		{"a timestamp of 64 bits", filters.MessagePack{}, "\xd7\xff\x77\x35\x94\x00\x00\x00\x00\x0a", 10.5},
		{"a timestamp of 96 bits", filters.MessagePack{}, "\xc7\x0c\xff\x1d\xcd\x65\x00\xff\xff\xff\xff\xff\xff\xff\xff", -0.5},
		{"equal keys", filters.MessagePack{}, "\x83\xa1a\x01\xa1b\x02\xa1a\x03", dict{{"a", 3.0}, {"b", 2.0}}},
		{"equal numbers as keys", filters.MessagePack{}, "\x82\x01\x01\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x02", dict{{1.0, 2.0}}},

		{"floats of 16 bits", filters.CBOR{}, "\x84\xf9\x3e\x00\xf9\xc4\x00\xf9\x00\x01\xf9\x7c\x00", array{1.5, -4.0, 5.960464477539063e-8, math.Inf(1)}},
		{"a float of 32 bits", filters.CBOR{}, "\xfa\x3f\xc0\x00\x00", 1.5},
		{"undefined", filters.CBOR{}, "\xf7", null},
		{"an array without a length", filters.CBOR{}, "\x9f\x01\x9f\xff\x02\xff", array{1.0, array{}, 2.0}},
		{"a map without a length", filters.CBOR{}, "\xbfaa\x01ab\xbf\xffaa\x02\xff", dict{{"a", 2.0}, {"b", dict{}}}},
		{"text in pieces", filters.CBOR{}, "\x7fbab\x60ac\xff", "abc"},
		{"bytes in pieces", filters.CBOR{}, "\x5f\x41\xff\x41\xfe\xff", "\xff\xfe"},
		{"time as a number", filters.CBOR{}, "\xc1\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5},
		{"time as text", filters.CBOR{}, "\xc0\x74" + "1970-01-01T00:00:10Z", 10.0},

		{"space", filters.JSON{}, " { \"a\" :\t[ 1 ,\r\n2 ] , \"b\" : { } } \n", dict{{"a", array{1.0, 2.0}}, {"b", dict{}}}},
		{"escapes", filters.JSON{}, `"\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00\u0000"`, "\"\\/\b\f\n\r\té\U0001F600\x00"},
		{"numbers", filters.JSON{}, `[0,-0.0,1E2,1e+2,1.5e-1,123456789012345678e0]`, array{0.0, math.Copysign(0, -1), 100.0, 100.0, 0.15, 123456789012345678.0}},
		{"equal keys", filters.JSON{}, `{"a":1,"A":2,"a":3}`, dict{{"a", 3.0}, {"A", 2.0}}},
		{"many equal keys", filters.JSON{}, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":10,"i":11}`,
			dict{{"a", 10.0}, {"b", 2.0}, {"c", 3.0}, {"d", 4.0}, {"e", 5.0}, {"f", 6.0}, {"g", 7.0}, {"h", 8.0}, {"i", 11.0}}},
	} {
		got, err := c.s.Thaw([]byte(c.in))
		if err != nil || !sameText(got, c.want) {
			t.Errorf("%T, %s: got %#v, %v, want %#v", c.s, c.name, got, err, c.want)
		}
	}
}

func TestForeignValuesAreRefused(t *testing.T) {
	for _, c := range []struct {
		s    filters.Serializer
		name string
		in   []string
	}{
		{filters.MessagePack{}, "nothing", []string{""}},
		{filters.MessagePack{}, "what is cut short", []string{"\xcd\x01", "\xa2a", "\x92\x01", "\x81\x01", "\xc4", "\xcb\x00", "\xd6\xff\x00", "\xd9\x05a", "\xdc\x00"}},
		{filters.MessagePack{}, "more than one value", []string{"\x01\x02", "\x90\x00"}},
		{filters.MessagePack{}, "integers beyond 2^53", []string{"\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "\xd3\xff\xdf\xff\xff\xff\xff\xff\xff", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"}},
		{filters.MessagePack{}, "ext types", []string{"\xd4\x01\x00", "\xc7\x00\xff", "\xc7\x03\xffabc", "\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x0a"}},
		{filters.MessagePack{}, "the head that is none", []string{"\xc1"}},
		{filters.MessagePack{}, "keys that are no keys", []string{"\x81\xc0\x01", "\x81\x90\x01", "\x81\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01"}},
		{filters.MessagePack{}, "129 levels", []string{strings.Repeat("\x91", 129) + "\x01"}},

		{filters.CBOR{}, "nothing", []string{""}},
		{filters.CBOR{}, "what is cut short", []string{"\x19\x01", "\x62a", "\x82\x01", "\xa1\x01", "\x9f\x01", "\x7faa", "\xf9\x00", "\xbf\x01\xff"}},
		{filters.CBOR{}, "more than one value", []string{"\x01\x02", "\xff", "\x80\xff"}},
		{filters.CBOR{}, "integers beyond 2^53", []string{"\x1b\x00\x20\x00\x00\x00\x00\x00\x01", "\x3b\x00\x20\x00\x00\x00\x00\x00\x00"}},
		{filters.CBOR{}, "tags", []string{"\xc2\x41\x01", "\xc0\x01", "\xc1aa", "\xc0\x61x", "\xc1\x80", "\xc1\xc1\x01", "\xd9\xd9\xf7\x01", "\xc1"}},
		{filters.CBOR{}, "heads that are none", []string{"\x1c", "\x1f", "\x3f", "\xdf\xff", "\xf8\x20", "\xe0", "\xfc"}},
		{filters.CBOR{}, "pieces of another type", []string{"\x7f\x41a\xff", "\x5faa\xff", "\x7f\x7faa\xff\xff", "\x7f\x01\xff"}},
		{filters.CBOR{}, "text that is not UTF-8", []string{"\x61\xff", "\x7f\x61\xff\xff"}},
		{filters.CBOR{}, "keys that are no keys", []string{"\xa1\xf6\x01", "\xa1\x80\x01", "\xbf\xf6\x01\xff"}},
		{filters.CBOR{}, "129 levels", []string{strings.Repeat("\x81", 129) + "\x01", strings.Repeat("\x9f", 129) + strings.Repeat("\xff", 129)}},

		{filters.JSON{}, "nothing", []string{"", " "}},
		{filters.JSON{}, "what is cut short", []string{"tru", `"a`, `"a\`, `"\u12`, "[", "[1", "[1,", "{", `{"a"`, `{"a":`, `{"a":1`, "-", "1.", "1e", "1e+"}},
		{filters.JSON{}, "more than one value", []string{"1 2", "{}{}", "nullx", "1\x00"}},
		{filters.JSON{}, "what only looks like JSON", []string{"NaN", "Infinity", "True", "NULL", "'a'", "01", "-01", "+1", ".5", "1.e1", "0x1", "[1,]", "[,1]", "{,}", `{"a":1,}`, "{a:1}", "{1:1}", "/**/1", "\ufeff1", "[1 2]", `{"a" 1}`, "-a"}},
		{filters.JSON{}, "strings that are none", []string{"\"\n\"", "\"\x1f\"", "\"\\a\"", "\"a\\\n\"", `"\u12g4"`, `"\U0041"`}},
		{filters.JSON{}, "halves of surrogate pairs", []string{`"\ud83d"`, `"\ude00"`, `"\ud83d\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, `"\ud83d\n"`}},
		{filters.JSON{}, "text that is not UTF-8", []string{"\"\xff\"", "\"\\n\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "{\"\xff\":1}"}},
		{filters.JSON{}, "numbers that are too large", []string{"9007199254740993", "-9007199254740993", "123456789012345678901234567890", "1e400", "-1e400"}},
		{filters.JSON{}, "129 levels", []string{strings.Repeat("[", 129) + strings.Repeat("]", 129)}},
	} {
		for _, in := range c.in {
			if got, err := c.s.Thaw([]byte(in)); err == nil {
				t.Errorf("%T, %s: %q gave %#v", c.s, c.name, in, got)
			}
		}
	}
}

func TestBigIntegersAsStrings(t *testing.T) {
	for _, c := range []struct {
		s        filters.Serializer
		in, want string
	}{
		{filters.MessagePack{BigStrings: true}, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"},
		{filters.MessagePack{BigStrings: true}, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"},
		{filters.CBOR{BigStrings: true}, "\x1b\x00\x20\x00\x00\x00\x00\x00\x01", "9007199254740993"},
		{filters.CBOR{BigStrings: true}, "\x3b\x00\x20\x00\x00\x00\x00\x00\x00", "-9007199254740993"},
		{filters.CBOR{BigStrings: true}, "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-18446744073709551616"},
		{filters.JSON{BigStrings: true}, "-123456789012345678901234567890", "-123456789012345678901234567890"},
	} {
		if got, err := c.s.Thaw([]byte(c.in)); err != nil || got != any(c.want) {
			t.Errorf("%T, %q: got %v, %v, want %q", c.s, c.in, got, err, c.want)
		}
	}
	for name, in := range map[string]string{"msgpack": "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", "cbor": "\x3b\x00\x1f\xff\xff\xff\xff\xff\xff", "json": "-9007199254740992"} {
		if got, err := serializers[name].Thaw([]byte(in)); err != nil || math.Abs(got.(float64)) != 1<<53 {
			t.Errorf("%s: %q: got %v, %v", name, in, got, err)
		}
	}
}

func TestRefusalsNameThePath(t *testing.T) {
	type handle struct{}
	loop := array{nil}
	loop[0] = dict{{"self", loop}}
	for _, c := range []struct {
		name  string
		v     any
		paths map[string]string // by serializer; "" is any
	}{
		{"the item itself", handle{}, map[string]string{"": ""}},
		{"deep within", dict{{"a", array{1.0, 2.0, handle{}}}}, map[string]string{"": "item.a[3]"}},
		{"a key that is no name", dict{{"a b", dict{{1.5, dict{{"x", func() {}}}}}}}, map[string]string{"": `item["a b"][1.5].x`}},
		{"a key", dict{{"a", dict{{handle{}, 1.0}}}}, map[string]string{"": "item.a"}},
		{"NaN", array{math.NaN()}, map[string]string{"json": "item[1]"}},
		{"infinity as a key", dict{{"a", dict{{math.Inf(1), 1.0}}}}, map[string]string{"json": "item.a"}},
		{"a boolean as a key", dict{{"a", dict{{true, 1.0}}}}, map[string]string{"json": "item.a"}},
		{"bytes", dict{{"a", "\xff"}}, map[string]string{"json": "item.a"}},
		{"NaN as a key", dict{{math.NaN(), 1.0}}, map[string]string{"": ""}},
		{"a long key", dict{{strings.Repeat("k", 50), handle{}}}, map[string]string{"": `item["` + strings.Repeat("k", 40) + `"...]`}},
		{"a value within itself", loop, map[string]string{"": "item" + strings.Repeat("[1].self", 64)}},
		{"129 levels", nested(129), map[string]string{"": "item" + strings.Repeat("[1]", 128)}},
		{"an int", array{1}, map[string]string{"": "item[1]"}},
	} {
		for name, s := range serializers {
			want, ok := c.paths[name]
			if !ok {
				if want, ok = c.paths[""]; !ok {
					continue
				}
			}
			out, err := s.Freeze([]byte("before"), c.v)
			var bad *filters.ItemError
			switch {
			case !errors.As(err, &bad):
				t.Errorf("%s, %s: got %q, %v", name, c.name, out, err)
			case bad.Path != want || string(out) != "before":
				t.Errorf("%s, %s: got %q and path %q, want %q", name, c.name, out, bad.Path, want)
			}
		}
	}
}

// A value that holds another many times is written as often: without a bound, these 100 tables would take for ever.
func TestSharedValuesAreBounded(t *testing.T) {
	var v any = "x"
	for range 100 {
		v = array{v, v}
	}
	for name, s := range serializers {
		f := &filters.Reference{Limits: filters.Limits{MaxLength: 1 << 16}, Serializer: s}
		if bad := refuses(t, f, v); bad.Filter != "Reference" {
			t.Errorf("%s: %v", name, bad)
		}
	}
}

// A few bytes can claim any length. Nothing is allocated for what is not there, on no level.
func TestClaimedLengthsAllocateNothing(t *testing.T) {
	for name, c := range map[string]struct {
		s  filters.Serializer
		in string
	}{
		"msgpack, an array":                {filters.MessagePack{}, "\xdd\xff\xff\xff\xff12345"},
		"msgpack, a map":                   {filters.MessagePack{}, "\xdf\xff\xff\xff\xff12345"},
		"msgpack, a string":                {filters.MessagePack{}, "\xdb\xff\xff\xff\xff12345"},
		"msgpack, an ext type":             {filters.MessagePack{}, "\xc9\xff\xff\xff\xff\xff2345"},
		"msgpack, arrays within arrays":    {filters.MessagePack{}, strings.Repeat("\xdd\x00\x0f\xff\x00", 100) + strings.Repeat("\x01", 1<<20)},
		"cbor, an array":                   {filters.CBOR{}, "\x9b\xff\xff\xff\xff\xff\xff\xff\xff1"},
		"cbor, a map":                      {filters.CBOR{}, "\xbb\xff\xff\xff\xff\xff\xff\xff\xff1"},
		"cbor, a map of half of 2^64":      {filters.CBOR{}, "\xbb\x80\x00\x00\x00\x00\x00\x00\x001"},
		"cbor, a string":                   {filters.CBOR{}, "\x7b\x7f\xff\xff\xff\xff\xff\xff\xff1"},
		"cbor, arrays within arrays":       {filters.CBOR{}, strings.Repeat("\x9a\x00\x0f\xff\x00", 100) + strings.Repeat("\x01", 1<<20)},
		"cbor, arrays in ones without end": {filters.CBOR{}, strings.Repeat("\x9f\x9a\x00\x0f\xff\x00", 60) + strings.Repeat("\x01", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			payload := []byte(c.in)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.s.Thaw(payload)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("no error")
			}
			if got, most := after.TotalAlloc-before.TotalAlloc, uint64(10_000+20*len(payload)); got > most {
				t.Errorf("%d bytes allocated for %d", got, len(payload))
			}
		})
	}
}

func FuzzThaw(f *testing.F) {
	for _, s := range serializers {
		for _, v := range []any{dict{{"a", array{1.0, null}}}, "é", 1e300, array{array{}, dict{}}} {
			if b, err := s.Freeze(nil, v); err == nil {
				f.Add(b)
			}
		}
	}
	f.Add([]byte("\xbfaa\x9f\x01\xff\x7faa\xff\xc1\x01\xff"))
	f.Add([]byte("\x82\xd6\xff\x00\x00\x00\x0a\xc4\x01\xff\xdc\x00\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for name, s := range serializers {
			v, err := s.Thaw(payload)
			if err != nil {
				continue
			}
			b, err := s.Freeze(nil, v)
			if err != nil {
				t.Fatalf("%s read %#v and does not write it: %v", name, v, err)
			}
			again, err := s.Thaw(b)
			if err != nil || !sameText(again, v) {
				t.Fatalf("%s: got %#v, %v, want %#v", name, again, err, v)
			}
		}
	})
}

// FuzzJSON compares with the standard library, which is as strict but for what is named here.
func FuzzJSON(f *testing.F) {
	for _, in := range []string{`{"a":[1,2.5e3,"\u00e9"]}`, `"\ud83d\ude00"`, "-0", "[[],{}]", "1e400", `{"a":1,"a":2}`} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		_, err := filters.JSON{BigStrings: true}.Thaw([]byte(in))
		if want := json.Valid([]byte(in)); err == nil && !want {
			t.Fatalf("%q is not valid", in)
		} else if err != nil && want && !strings.Contains(in, `\u`) && utf8.ValidString(in) && !strings.Contains(err.Error(), "too large") && !strings.Contains(err.Error(), "deeper") {
			t.Fatalf("%q is valid: %v", in, err)
		}
	})
}
