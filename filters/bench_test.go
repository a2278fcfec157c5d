package filters_test

import (
	"bufio"
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
)

// chunkSize is what a wheel reads at a time.
const chunkSize = 32 << 10

// framed is a stream of payloads of n bytes, about 1 MiB of them.
func framed(n int, frame func(payload string) string) (stream []byte, items int) {
	payload := strings.Repeat("x", n)
	for len(stream) < 1<<20 {
		stream = append(stream, frame(payload)...)
		items++
	}
	return stream, items
}

func ended(end string) func(string) string {
	return func(payload string) string { return payload + end }
}

func decimal(payload string) string { return strconv.Itoa(len(payload)) + "\x00" + payload }

func unframed(payload string) string { return payload }

// BenchmarkNext reads a stream in chunks, an item at a time as a string. The scanner of package bufio is what to compare
// lines with.
func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name   string
		filter filters.Filter
		size   int
		frame  func(string) string
	}{
		{"line/default/LF", &filters.Line{}, 64, ended("\n")},
		{"line/default/CRLF", &filters.Line{}, 64, ended("\r\n")},
		{"line/literal/LF", &filters.Line{Input: "\n"}, 64, ended("\n")},
		{"line/literal/CRLF", &filters.Line{Input: "\r\n"}, 64, ended("\r\n")},
		{"line/pattern", &filters.Line{Pattern: regexp.MustCompile("\r?\n")}, 64, ended("\r\n")},
		{"line/long", &filters.Line{}, 4096, ended("\n")},
		{"block/decimal", &filters.Block{}, 64, decimal},
		{"block/size", &filters.Block{Size: 64}, 64, unframed},
		{"stack/line,grep", filters.NewStack(&filters.Line{}, &filters.GrepItems{}), 64, ended("\n")},
	} {
		b.Run(c.name, func(b *testing.B) {
			stream, items := framed(c.size, c.frame)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for chunk := range slices.Chunk(stream, chunkSize) {
					if err := c.filter.Feed(chunk); err != nil {
						b.Fatal(err)
					}
					for {
						item, ok, err := c.filter.Next()
						if err != nil {
							b.Fatal(err)
						}
						if !ok {
							break
						}
						sink = item
						n++
					}
				}
				if n != items {
					b.Fatalf("%d items, want %d", n, items)
				}
			}
			perItem(b, items)
		})
	}
	for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n"} {
		b.Run("bufio/"+name, func(b *testing.B) {
			stream, items := framed(64, ended(end))
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			buf := make([]byte, chunkSize)
			for b.Loop() {
				scanner := bufio.NewScanner(bytes.NewReader(stream))
				scanner.Buffer(buf, chunkSize)
				for scanner.Scan() {
					sink = scanner.Text()
				}
			}
			perItem(b, items)
		})
	}
}

// sink keeps a result from being left out.
var sink any

func perItem(b *testing.B, items int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
}

// BenchmarkNextBytes is BenchmarkNext without a string for each item.
func BenchmarkNextBytes(b *testing.B) {
	for name, f := range map[string]*filters.Line{"default": {}, "literal": {Input: "\n"}} {
		b.Run("line/"+name, func(b *testing.B) {
			stream, items := framed(64, ended("\n"))
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				for chunk := range slices.Chunk(stream, chunkSize) {
					if err := f.Feed(chunk); err != nil {
						b.Fatal(err)
					}
					for _, ok, _ := f.NextBytes(); ok; _, ok, _ = f.NextBytes() {
					}
				}
			}
			perItem(b, items)
		})
	}
}

func BenchmarkPut(b *testing.B) {
	item := any(strings.Repeat("x", 64))
	for name, f := range map[string]filters.Filter{
		"line":   &filters.Line{},
		"stream": &filters.Stream{},
		"block":  &filters.Block{},
		"stack":  filters.NewStack(&filters.Line{}, &filters.GrepItems{}),
	} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = f.Put(dst[:0], item); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// chunkOf is an item as often as fits into what one read gives.
func chunkOf(b *testing.B, f filters.Filter, item any) (stream []byte) {
	b.Helper()
	frame := put(b, f, item)
	return []byte(strings.Repeat(frame, max(1, 64<<10/len(frame))))
}

// benchmarkNext reads a chunk of items over and over. ns/item is the time of one.
func benchmarkNext(b *testing.B, f filters.Filter, stream []byte) {
	b.Helper()
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	items := 0
	for b.Loop() {
		if err := f.Feed(stream); err != nil {
			b.Fatal(err)
		}
		for {
			_, ok, err := f.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			items++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(items), "ns/item")
}

// benchmarkPut puts an item over and over.
func benchmarkPut(b *testing.B, f filters.Filter, item any) {
	b.Helper()
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		var err error
		if out, err = f.Put(out[:0], item); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
}
