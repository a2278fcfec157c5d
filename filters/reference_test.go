package filters_test

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func TestReference(t *testing.T) {
	filtertest.Run(t, &filters.Reference{Limits: filters.Limits{MaxLength: 600}}, []filtertest.Case{
		{Name: "two frames in one chunk", Stream: "4\x00\x81\xa1a\x011\x00\xc0", Items: []any{dict{{"a", 1.0}}, null}},
		{Name: "half a frame", Stream: "1\x00\x014\x00\x81", Items: []any{1.0}, Rest: "4\x00\x81"},
		{Name: "a header only", Stream: "12", Rest: "12"},
		{Name: "leading zeros", Stream: "00000000000000000001\x00\x07", Items: []any{7.0}},
		{Name: "all bytes", Stream: put(t, &filters.Reference{}, allBytes), Items: []any{allBytes}},
		{Name: "a bad payload, then a good one", Stream: "1\x00\xc11\x00\x01", Items: []any{bad, 1.0}},
		{Name: "an empty payload", Stream: "0\x001\x00\x01", Items: []any{bad, 1.0}},
		{Name: "bytes behind the value", Stream: "2\x00\x01\x011\x00\x01", Items: []any{bad, 1.0}},
		{Name: "nested too deep", Stream: "130\x00" + strings.Repeat("\x91", 129) + "\x011\x00\x01", Items: []any{bad, 1.0}},
		{Name: "bad framing", Stream: "1\x00\x01abc", Items: []any{1.0, lost}},
		{Name: "letters within a length", Stream: "1x\x00", Items: []any{lost}},
		{Name: "an empty length", Stream: "\x00", Items: []any{lost}},
		{Name: "a length of 21 digits", Stream: "000000000000000000001\x00", Items: []any{lost}},
		{Name: "over length, before the payload has come", Stream: "601\x00", Items: []any{lostLen}},
	})
}

func TestReferenceOfEachSerializer(t *testing.T) {
	items := []any{dict{{"name", "é"}, {"list", array{1.0, 2.5, null, true}}}, array{}, null, "", -7.0}
	for name, s := range serializers {
		for kind, f := range map[string]*filters.Reference{
			"plain":      {Serializer: s},
			"compressed": {Serializer: s, Compress: true},
		} {
			filtertest.Run(t, f, []filtertest.Case{{Name: name + ", " + kind, Stream: put(t, f, items...), Items: items}})
		}
	}
}

func TestReferenceCompresses(t *testing.T) {
	f := &filters.Reference{Compress: true, Limits: filters.Limits{MaxLength: 20000}}
	plain := strings.Repeat("x", 10000)
	frame := put(t, f, plain)
	if len(frame) > 200 {
		t.Errorf("%d bytes for 10000 equal ones", len(frame))
	}
	short := put(t, f, "short")
	cut := put(t, f, strings.Repeat("abc", 50))
	_, zipped, _ := strings.Cut(cut, "\x00")
	wrong := zipped[:len(zipped)-1] + "\x00"
	long := put(t, &filters.Reference{Compress: true}, strings.Repeat("x", 20000))
	filtertest.Run(t, f, []filtertest.Case{
		{Name: "round trip", Stream: frame + short, Items: []any{plain, "short"}},
		{Name: "what unpacks beyond the maximum", Stream: long + short, Items: []any{overLength, "short"}},
		{Name: "no zlib", Stream: "3\x00abc" + short, Items: []any{bad, "short"}},
		{Name: "nothing", Stream: "0\x00" + short, Items: []any{bad, "short"}},
		{Name: "a wrong checksum", Stream: frameOf(wrong) + short, Items: []any{bad, "short"}},
		{Name: "cut short", Stream: frameOf(zipped[:len(zipped)-1]) + short, Items: []any{bad, "short"}},
		{Name: "bytes behind the end", Stream: frameOf(zipped+"x") + short, Items: []any{bad, "short"}},
	})
	refuses(t, f, strings.Repeat("x", 20000))
}

func frameOf(payload string) string {
	return strconv.Itoa(len(payload)) + "\x00" + payload
}

func TestReferenceWithoutFatals(t *testing.T) {
	f := &filters.Reference{NoFatals: true}
	got := feed(t, f, "1\x00\xc11\x00\x01")
	if len(got) != 2 || got[0] != any("reference: msgpack: a head of 0xc1") || got[1] != any(1.0) {
		t.Errorf("got %#v", got)
	}
	filtertest.Run(t, f, []filtertest.Case{{Name: "bad framing stays final", Stream: "x", Items: []any{lost}}})
}

func TestReferenceKeepsItsDepth(t *testing.T) {
	for name, s := range map[string]filters.Serializer{
		"msgpack": filters.MessagePack{MaxDepth: 2},
		"cbor":    filters.CBOR{MaxDepth: 2},
		"json":    filters.JSON{MaxDepth: 2},
	} {
		f := &filters.Reference{Serializer: s}
		deep := put(t, &filters.Reference{Serializer: serializers[name]}, nested(3))
		filtertest.Run(t, f, []filtertest.Case{{Name: name, Stream: put(t, f, nested(2)) + deep + put(t, f, 1.0), Items: []any{nested(2), bad, 1.0}}})
		if bad := refuses(t, f, dict{{"a", nested(2)}}); bad.Path != "item.a[1]" {
			t.Errorf("%s: path %q", name, bad.Path)
		}
	}
}

// doubled is a serializer of one's own: strings, each byte doubled.
type doubled struct{}

var errOdd = errors.New("odd")

func (doubled) Freeze(dst []byte, v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		return dst, &filters.ItemError{Filter: "doubled", Want: "string", Got: v}
	}
	for i := range len(s) {
		dst = append(dst, s[i], s[i])
	}
	return dst, nil
}

func (doubled) Thaw(payload []byte) (any, error) {
	if len(payload)%2 != 0 {
		return nil, errOdd
	}
	var b []byte
	for i := 0; i < len(payload); i += 2 {
		b = append(b, payload[i])
	}
	return string(b), nil
}

func TestReferenceTakesASerializerOfOnesOwn(t *testing.T) {
	f := &filters.Reference{Serializer: doubled{}, Limits: filters.Limits{MaxLength: 6}}
	filtertest.Run(t, f, []filtertest.Case{
		{Name: "round trip", Stream: put(t, f, "ab", ""), Items: []any{"ab", ""}},
		{Name: "its error passes", Stream: "3\x00aab2\x00aa", Items: []any{bad, "a"}},
	})
	refuses(t, f, 1.0)
	refuses(t, f, "abcd") // longer than the maximum
	if got := put(t, f, "ok"); got != "4\x00ookk" {
		t.Errorf("got %q after a refusal", got)
	}
}

func TestReferenceMakesValuesOfItems(t *testing.T) {
	f := &filters.Reference{From: func(item any) (any, error) {
		if n, ok := item.(int); ok {
			return float64(n), nil
		}
		return nil, syscall.EINVAL
	}}
	if got := put(t, f.Clone(), 7); got != "1\x00\x07" {
		t.Errorf("got %q", got)
	}
	if out, err := f.Put([]byte("x"), "no"); err != syscall.EINVAL || string(out) != "x" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestReferencePutsTheSameAfterALongItem(t *testing.T) {
	for _, f := range []*filters.Reference{{}, {Compress: true}} {
		item := strings.Repeat("x", 1<<20)
		first := put(t, f, item, "a")
		if second := put(t, f, item, "a"); first != second {
			t.Error("the second time differs")
		}
	}
}

func FuzzReference(f *testing.F) {
	f.Add("4\x00\x81\xa1a\x011\x00\xc0", false)
	f.Add(put(f, &filters.Reference{Compress: true}, "hello"), true)
	f.Fuzz(func(t *testing.T, stream string, compress bool) {
		for _, s := range serializers {
			filtertest.Case{Filter: &filters.Reference{Limits: filters.Limits{MaxLength: 1000}, Serializer: s, Compress: compress}, Stream: stream}.Invariant(t)
		}
	})
}

var benchmarked = dict{
	{"id", 123456.0}, {"name", "worker seven"}, {"ok", true}, {"load", 0.75},
	{"tags", array{"alpha", "beta", "gamma"}}, {"at", dict{{"x", 10.0}, {"y", -20.0}}}, {"none", null},
}

func BenchmarkReferenceNext(b *testing.B) {
	keys := &filters.Keys{}
	for name, s := range map[string]filters.Serializer{
		"msgpack": filters.MessagePack{Keys: keys}, "cbor": filters.CBOR{Keys: keys}, "json": filters.JSON{Keys: keys},
		"msgpack, no keys remembered": filters.MessagePack{},
	} {
		f := &filters.Reference{Serializer: s}
		b.Run(name, func(b *testing.B) { benchmarkNext(b, f, chunkOf(b, f, benchmarked)) })
	}
	f := &filters.Reference{Compress: true}
	b.Run("compressed msgpack", func(b *testing.B) { benchmarkNext(b, f, chunkOf(b, f, benchmarked)) })
}

func BenchmarkReferencePut(b *testing.B) {
	for _, name := range []string{"msgpack", "cbor", "json"} {
		b.Run(name, func(b *testing.B) { benchmarkPut(b, &filters.Reference{Serializer: serializers[name]}, benchmarked) })
	}
	b.Run("compressed msgpack", func(b *testing.B) { benchmarkPut(b, &filters.Reference{Compress: true}, benchmarked) })
}

// A megabyte of one string: what copying costs.
func BenchmarkReferenceOfBytes(b *testing.B) {
	f := &filters.Reference{}
	stream := []byte(put(b, f, string(bytes.Repeat([]byte{0xff}, 1<<20))))
	benchmarkNext(b, f, stream)
}
