package filters_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
)

var benchRequests = []struct{ name, text string }{
	{"2 lines", "GET /plaintext HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive\r\n\r\n"},
	{"6 lines", "GET /path/to/page?query=1 HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
		"Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en\r\nConnection: keep-alive\r\n\r\n"},
}

// Requests one by one, as they come on a connection that is kept alive.
func BenchmarkHTTPDNext(b *testing.B) {
	for _, c := range benchRequests {
		b.Run(c.name, func(b *testing.B) {
			f := &filters.HTTPD{}
			chunk := []byte(c.text)
			answer := &filters.Response{Content: "hello world", HasContent: true}
			var dst []byte
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Feed(chunk); err != nil {
					b.Fatal(err)
				}
				if _, ok, err := f.Next(); !ok || err != nil {
					b.Fatal(ok, err)
				}
				if _, ok, _ := f.Next(); ok {
					b.Fatal("one item too many")
				}
				var err error
				if dst, err = f.Put(dst[:0], answer); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+", net/http", func(b *testing.B) {
			source := strings.NewReader(c.text)
			r := bufio.NewReader(source)
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				source.Reset(c.text)
				r.Reset(source)
				if _, err := http.ReadRequest(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHTTPDPut(b *testing.B) {
	f := &filters.HTTPD{Server: "poelua"}
	r := &filters.Response{Status: 200, Header: filters.HeaderList{{Name: "Content-Type", Value: "text/plain"}}, Content: "hello world", HasContent: true}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = f.Put(dst[:0], r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

// Bodies of 64 KiB, in chunks of the input of 32 KiB.
func BenchmarkHTTPDBody(b *testing.B) {
	content := strings.Repeat("x", 64<<10)
	for _, c := range []struct {
		name, text string
		streaming  bool
	}{
		{"length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n" + content, false},
		{"length, streaming", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n" + content, true},
		{"chunks of 1024", httpChunks(content, 1024), false},
		{"chunks of 16", httpChunks(content, 16), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := &filters.HTTPD{Streaming: c.streaming}
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				for rest := []byte(c.text); len(rest) > 0; {
					n := min(len(rest), 32<<10)
					if err := f.Feed(rest[:n]); err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
					for {
						item, ok, err := f.Next()
						if err != nil {
							b.Fatal(err)
						}
						if !ok {
							break
						}
						if _, is := item.(*filters.Request); is {
							if _, err := f.Put(nil, &filters.Response{Status: 204}); err != nil {
								b.Fatal(err)
							}
						}
					}
				}
			}
		})
	}
}

func httpChunks(content string, size int) string {
	var b bytes.Buffer
	b.WriteString("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
	for ; content != ""; content = content[size:] {
		b.WriteString(hexSize(size) + "\r\n" + content[:size] + "\r\n")
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

func BenchmarkHTTPClient(b *testing.B) {
	f := &filters.HTTPClient{}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world")
	httpRequest := &filters.Request{URL: "http://localhost:8080/plaintext"}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = f.Put(dst[:0], httpRequest); err != nil {
			b.Fatal(err)
		}
		if err := f.Feed(answer); err != nil {
			b.Fatal(err)
		}
		if _, ok, err := f.Next(); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
