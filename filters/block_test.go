package filters_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

var (
	badBlock  = filtertest.Failure{Errno: syscall.EBADMSG, Final: true}
	longBlock = filtertest.Failure{Errno: syscall.EMSGSIZE, Final: true, Message: "block: item exceeds maximum length"}
)

// bigEndian is a block whose length is four bytes.
func bigEndian() *filters.Block {
	return &filters.Block{Decode: decodeBigEndian, Encode: func(payload string) (string, error) {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(payload)))) + payload, nil
	}}
}

func decodeBigEndian(buffer []byte) (length, consumed int, ok bool, err error) {
	if len(buffer) < 4 {
		return 0, 0, false, nil
	}
	return int(binary.BigEndian.Uint32(buffer)), 4, true, nil
}

func TestBlock(t *testing.T) {
	short := &filters.Block{Limits: limit(5)}
	filtertest.Run(t, &filters.Block{}, []filtertest.Case{
		{Name: "two blocks", Stream: "10\x00klmnopqrst2\x00bc", Items: []any{"klmnopqrst", "bc"}, Handover: true, RoundTrip: true},
		{Name: "an empty block", Stream: "0\x001\x00a", Items: []any{"", "a"}, Handover: true, RoundTrip: true},
		{Name: "all bytes", Stream: "256\x00" + allBytes, Items: []any{allBytes}, Handover: true, RoundTrip: true},
		{Name: "a block that has begun is pending with its header", Stream: "1\x00a5\x00hel", Items: []any{"a"}, Rest: "5\x00hel", Handover: true},
		{Name: "a header that has begun is pending", Stream: "1\x00a5", Items: []any{"a"}, Rest: "5", Handover: true},
		{Name: "twenty digits", Stream: "00000000000000000003\x00abc", Items: []any{"abc"}, Handover: true},
		{Name: "twenty-one digits", Stream: "000000000000000000003\x00abc", Items: []any{badBlock}},
		{Name: "letters before a header", Stream: "1\x00ax1\x00b", Items: []any{"a", badBlock}},
		{Name: "letters within a header", Stream: "12x\x00abc", Items: []any{badBlock}},
		{Name: "an empty header", Stream: "\x00abc", Items: []any{badBlock}},
		{Name: "a sign", Stream: "-1\x00abc", Items: []any{badBlock}},
		{Name: "the longest block", Filter: short, Stream: "5\x00abcde", Items: []any{"abcde"}},
		{Name: "one byte more fails before it comes", Filter: short, Stream: "6\x00", Items: []any{longBlock}},
		{Name: "more than a number can be", Filter: short, Stream: "99999999999999999999\x00", Items: []any{longBlock}},
		{Name: "by default", Stream: fmt.Sprintf("%d\x00", filters.DefaultMaxLength+1), Items: []any{longBlock}},
	})
}

func TestBlockOfOneSize(t *testing.T) {
	tight := &filters.Block{Size: 4, Limits: filters.Limits{MaxBuffer: 3}}
	filtertest.Run(t, &filters.Block{Size: 4}, []filtertest.Case{
		{Name: "two blocks", Stream: "12345678", Items: []any{"1234", "5678"}, Handover: true, RoundTrip: true},
		{Name: "what is no whole block is pending", Stream: "abcdefg", Items: []any{"abcd"}, Rest: "efg", Handover: true},
		{Name: "a block longer than what may wait", Filter: tight, Stream: "abcd", Items: []any{filtertest.Failure{Errno: syscall.EMSGSIZE, Final: true}}},
		{Name: "as much as may wait", Filter: tight, Stream: "abc", Rest: "abc"},
	})
}

func TestBlockWithTheProgramsHeader(t *testing.T) {
	refuses := &filters.Block{Decode: func(buffer []byte) (int, int, bool, error) {
		if buffer[0] != 'L' {
			return 0, 0, false, errors.New("no L")
		}
		return decodeAfter(buffer, "L")
	}}
	long := &filters.Block{Decode: func(buffer []byte) (int, int, bool, error) { return decodeAfter(buffer, strings.Repeat("h", 5000)) }}
	never := &filters.Block{Decode: func([]byte) (int, int, bool, error) { return 0, 0, false, nil }}
	tight := &filters.Block{Decode: never.Decode, Limits: filters.Limits{MaxLength: 1, MaxBuffer: 5}}
	given := func(length, consumed int) *filters.Block {
		return &filters.Block{Decode: func([]byte) (int, int, bool, error) { return length, consumed, true, nil }}
	}
	tooMuch := filtertest.Failure{Errno: syscall.EMSGSIZE, Final: true, Message: "block: header exceeds maximum length"}
	filtertest.Run(t, bigEndian(), []filtertest.Case{
		{Name: "two blocks", Stream: "\x00\x00\x00\x03abc\x00\x00\x00\x00\x00\x00\x00\x01d", Items: []any{"abc", "", "d"}, Handover: true, RoundTrip: true},
		{Name: "a block that has begun", Stream: "\x00\x00\x00\x03ab", Rest: "\x00\x00\x00\x03ab", Handover: true},
		{Name: "too long", Stream: "\xff\xff\xff\xff", Items: []any{longBlock}},
		{Name: "refused", Filter: refuses, Stream: "L2abLxX", Items: []any{"ab", badBlock}},
		{Name: "refused at once", Filter: refuses, Stream: "x",
			Items: []any{filtertest.Failure{Errno: syscall.EBADMSG, Final: true, Message: "no L"}}},
		{Name: "a long header", Filter: long, Stream: strings.Repeat("h", 5000) + "2ab", Items: []any{"ab"}},
		{Name: "a header that never ends", Filter: never, Stream: strings.Repeat("h", 32<<10+1), Items: []any{tooMuch}},
		{Name: "a header longer than what may wait", Filter: tight, Stream: "hhhhhh", Items: []any{tooMuch}},
		{Name: "a header longer than what has come", Filter: given(1, 3), Stream: "hhhahhhb", Items: []any{"a", "b"}},
		{Name: "a block of nothing", Filter: given(0, 0), Stream: "a", Items: []any{badBlock}},
		{Name: "a negative length", Filter: given(-1, 2), Stream: "a", Items: []any{badBlock}},
		{Name: "a negative header", Filter: given(2, -1), Stream: "a", Items: []any{badBlock}},
		{Name: "an endless header", Filter: given(2, 1<<30), Stream: "a", Items: []any{badBlock}},
	})
}

// decodeAfter reads a length of one digit behind a prefix.
func decodeAfter(buffer []byte, prefix string) (int, int, bool, error) {
	if len(buffer) <= len(prefix) {
		return 0, 0, false, nil
	}
	digit := buffer[len(prefix)]
	if digit < '0' || digit > '9' {
		return 0, 0, false, errors.New("no digit")
	}
	return int(digit - '0'), len(prefix) + 1, true, nil
}

func TestBlockDoesNotLoseInputWhenDecodePanics(t *testing.T) {
	fail := true
	f := &filters.Block{Decode: func(buffer []byte) (int, int, bool, error) {
		if fail {
			panic("a fault of the program")
		}
		return decodeAfter(buffer, "")
	}}
	if err := f.Feed([]byte("2ab")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic does not come through")
			}
		}()
		f.Next()
	}()
	fail = false
	if got := drain(t, f); len(got) != 1 || got[0] != "ab" {
		t.Errorf("got %q, want ab", got)
	}
}

func TestBlockPut(t *testing.T) {
	refuses := &filters.Block{Encode: func(string) (string, error) { return "", errors.New("no") }}
	for _, c := range []struct {
		name  string
		f     *filters.Block
		items []any
		want  string
		err   string
	}{
		{"decimal", &filters.Block{}, []any{"a", "bc", ""}, "1\x00a2\x00bc0\x00", ""},
		{"of one size, neither padded nor checked", &filters.Block{Size: 4}, []any{"ab", "cdefg", ""}, "abcdefg", ""},
		{"with the program's header", bigEndian(), []any{"abc"}, "\x00\x00\x00\x03abc", ""},
		{"refused by the program", refuses, []any{"abc"}, "", "no"},
	} {
		out := []byte("> ")
		var err error
		for _, item := range c.items {
			out, err = c.f.Put(out, item)
		}
		if string(out) != "> "+c.want || (c.err == "") != (err == nil) || err != nil && err.Error() != c.err {
			t.Errorf("%s: got %q, %v, want %q, %q", c.name, out, err, c.want, c.err)
		}
	}
}

// After a failure nothing more is taken, until a reset.
func TestBlockRefusesInputAfterAFailure(t *testing.T) {
	f := &filters.Block{}
	if err := f.Feed([]byte("x")); err != nil {
		t.Fatal(err)
	}
	_, _, failure := f.Next()
	if err := f.Feed([]byte("1\x00a")); err != failure {
		t.Errorf("feed after the failure %v: got %v, want the same", failure, err)
	}
	if got := feed(t, f.Clone(), "1\x00a"); fmt.Sprint(got) != "[a]" {
		t.Errorf("the clone gave %q, want a", got)
	}
	if got := feed(t, reset(f), "1\x00a"); fmt.Sprint(got) != "[a]" {
		t.Errorf("after a reset: got %q, want a", got)
	}
}

func FuzzBlock(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter { return &filters.Block{Limits: limit(100)} }, "10\x00klmnopqrst0\x00", "12x\x00", "101\x00")
}

func FuzzBlockOfOneSize(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter { return &filters.Block{Size: 3} }, "abcdefgh")
}

func FuzzBlockWithTheProgramsHeader(f *testing.F) {
	filtertest.Fuzz(f, func() filters.Filter {
		return &filters.Block{Limits: limit(300), Decode: func(buffer []byte) (int, int, bool, error) {
			n, size := binary.Varint(buffer)
			if size < 0 {
				return 0, 0, false, errors.New("overflow")
			}
			return int(n), size, size > 0, nil
		}}
	}, "\x06abc\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
}
