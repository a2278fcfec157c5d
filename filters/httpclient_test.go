package filters_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

type httpRequest = filters.Request

// requestsOf are requests of these methods, for a client to put.
func requestsOf(methods string) (items []any) {
	for method := range strings.FieldsSeq(methods) {
		r := &httpRequest{Method: method, URL: "http://h/"}
		if method == "CONNECT" {
			r.URL, r.URI = "", "h:1"
		}
		items = append(items, r)
	}
	return items
}

// clientCase is a case of a client that has put requests.
func clientCase(name, methods, stream string, lines ...string) filtertest.Case {
	return filtertest.Case{Name: name, Before: requestsOf(methods), Stream: stream, Items: httpItems(lines), Show: show, Joined: true}
}

func TestHTTPClientReadsResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name    string
		methods string
		stream  string
		want    []string
		pieces  []string // with Streaming, if that is something else
	}{
		{"a length", "GET", ok + "A: 1\r\nb:2\r\nContent-Length: 5\r\n\r\nhello",
			[]string{`200 "OK" HTTP/1.1 [A:1] [b:2] [Content-Length:5] content="hello" keep`}, []string{`200 "OK" HTTP/1.1 [A:1] [b:2] [Content-Length:5] keep`, `"hello"`, "end"}},
		{"a length of 0", "GET", ok + "Content-Length: 0\r\n\r\n", []string{`200 "OK" HTTP/1.1 [Content-Length:0] keep`}, []string{`200 "OK" HTTP/1.1 [Content-Length:0] keep`, "end"}},
		{"bare line feeds, and empty lines before", "GET", "\r\n\nHTTP/1.1 200 OK\nContent-Length: 1\n\nx",
			[]string{`200 "OK" HTTP/1.1 [Content-Length:1] content="x" keep`}, []string{`200 "OK" HTTP/1.1 [Content-Length:1] keep`, `"x"`, "end"}},
		{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", []string{`200 "" HTTP/1.1 [Content-Length:0] keep`}, []string{`200 "" HTTP/1.1 [Content-Length:0] keep`, "end"}},
		{"a reason of several words", "GET", "HTTP/1.1 404 not \xe4 page\r\nContent-Length: 0\r\n\r\n",
			[]string{`404 "not \xe4 page" HTTP/1.1 [Content-Length:0] keep`}, []string{`404 "not \xe4 page" HTTP/1.1 [Content-Length:0] keep`, "end"}},
		{"chunks and trailers", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n",
			[]string{`200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] content="hello!" trailers [A:b] keep`},
			[]string{`200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] keep`, `"hello!"`, "end [A:b]"}},
		{"the answer to HEAD", "HEAD GET", ok + "Content-Length: 5\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx",
			[]string{`200 "OK" HTTP/1.1 [Content-Length:5] keep`, `200 "OK" HTTP/1.1 [Content-Length:1] content="x" keep`},
			[]string{`200 "OK" HTTP/1.1 [Content-Length:5] keep`, "end", `200 "OK" HTTP/1.1 [Content-Length:1] keep`, `"x"`, "end"}},
		{"the answer to HEAD says chunks", "HEAD GET", ok + "Transfer-Encoding: chunked\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n",
			[]string{`200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] keep`, `200 "OK" HTTP/1.1 [Content-Length:0] keep`},
			[]string{`200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] keep`, "end", `200 "OK" HTTP/1.1 [Content-Length:0] keep`, "end"}},
		{"204 and 304", "GET GET", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
			[]string{`204 "No Content" HTTP/1.1 keep`, `304 "Not Modified" HTTP/1.1 [Content-Length:5] keep`},
			[]string{`204 "No Content" HTTP/1.1 keep`, "end", `304 "Not Modified" HTTP/1.1 [Content-Length:5] keep`, "end"}},
		{"1xx before the answer", "HEAD", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 5\r\n\r\n",
			[]string{`100 "Continue" HTTP/1.1 keep interim`, `103 "Early Hints" HTTP/1.1 [Link:x] keep interim`, `200 "OK" HTTP/1.1 [Content-Length:5] keep`},
			[]string{`100 "Continue" HTTP/1.1 keep interim`, `103 "Early Hints" HTTP/1.1 [Link:x] keep interim`, `200 "OK" HTTP/1.1 [Content-Length:5] keep`, "end"}},
		{"another answer to CONNECT", "CONNECT GET", "HTTP/1.1 403 no\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 204 x\r\n\r\n",
			[]string{`403 "no" HTTP/1.1 [Content-Length:1] content="x" keep`, `204 "x" HTTP/1.1 keep`},
			[]string{`403 "no" HTTP/1.1 [Content-Length:1] keep`, `"x"`, "end", `204 "x" HTTP/1.1 keep`, "end"}},
		{"an answer that nobody asked for", "", ok + "Content-Length: 1\r\n\r\nx", []string{`200 "OK" HTTP/1.1 [Content-Length:1] content="x" keep`},
			[]string{`200 "OK" HTTP/1.1 [Content-Length:1] keep`, `"x"`, "end"}},
		{"Connection: close", "GET", ok + "Connection: close\r\nContent-Length: 0\r\n\r\n", []string{`200 "OK" HTTP/1.1 [Connection:close] [Content-Length:0]`},
			[]string{`200 "OK" HTTP/1.1 [Connection:close] [Content-Length:0]`, "end"}},
		{"nothing", "GET", "", nil, nil},
		{"no HTTP", "GET", "SSH-2.0-x\r\n\r\n", []string{"failure: bad status line"}, nil},
		{"a status of letters", "GET", "HTTP/1.1 OK\r\n\r\n", []string{"failure: bad status line"}, nil},
		{"a status of four digits", "GET", "HTTP/1.1 2000 x\r\n\r\n", []string{"failure: bad status line"}, nil},
		{"HTTP/2.0", "GET", "HTTP/2.0 200 x\r\n\r\n", []string{"failure: HTTP version not supported"}, nil},
		{"a length and chunks", "GET", ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []string{"failure: both Content-Length and Transfer-Encoding"}, nil},
		{"two lengths", "GET", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", []string{"failure: several values of Content-Length"}, nil},
		{"another coding", "GET", ok + "Transfer-Encoding: gzip\r\n\r\nx", []string{"failure: transfer coding not supported"}, nil},
		{"a bad header line", "GET", ok + "A b\r\n\r\nx", []string{"failure: bad header line"}, nil},
		{"a bad chunk after a good answer", "GET GET", ok + "Content-Length: 0\r\n\r\n" + ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
			[]string{`200 "OK" HTTP/1.1 [Content-Length:0] keep`, "failure: bad chunk size"},
			[]string{`200 "OK" HTTP/1.1 [Content-Length:0] keep`, "end", `200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] keep`, "failure: bad chunk size"}},
	} {
		if c.pieces == nil {
			c.pieces = c.want
		}
		filtertest.Run(t, &filters.HTTPClient{}, []filtertest.Case{clientCase(c.name, c.methods, c.stream, c.want...)})
		filtertest.Run(t, &filters.HTTPClient{Streaming: true}, []filtertest.Case{clientCase(c.name+", streaming", c.methods, c.stream, c.pieces...)})
	}
}

func TestHTTPClientAtTheEndOfInput(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	end := func(c filtertest.Case, rest string, lines ...string) filtertest.Case {
		c.Rest, c.EOF = rest, httpItems(lines)
		return c
	}
	const open, nothing = "HTTP/1.0 200 OK\r\n\r\nhello\r\n\r\nHTTP/1.1", ok + "Connection: keep-alive\r\n\r\n"
	const short, chunks = ok + "Content-Length: 5\r\n\r\nhell", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
	switched := end(clientCase("101 and what follows", "GET", "HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n\x81\x00", `101 "x" HTTP/1.1 [Upgrade:x] keep`), "\x81\x00")
	connected := end(clientCase("2xx to CONNECT and what follows", "CONNECT", ok+"Content-Length: 5\r\n\r\nhello", `200 "OK" HTTP/1.1 [Content-Length:5] keep`), "hello")
	filtertest.Run(t, &filters.HTTPClient{}, []filtertest.Case{
		end(clientCase("a body without a length", "GET", open), open, `200 "OK" HTTP/1.0 content="hello\r\n\r\nHTTP/1.1"`),
		end(clientCase("a body of nothing", "GET", nothing), nothing, `200 "OK" HTTP/1.1 [Connection:keep-alive]`),
		end(clientCase("a length cut short", "GET", short), short, "failure: body cut short"),
		end(clientCase("chunks cut short", "GET", chunks), chunks, "failure: body cut short"),
		end(clientCase("a head cut short", "GET", ok), ok, "failure: head cut short"),
		switched, connected,
	})
	filtertest.Run(t, &filters.HTTPClient{Streaming: true}, []filtertest.Case{
		end(clientCase("a body without a length, streaming", "GET", open, `200 "OK" HTTP/1.0`, `"hello\r\n\r\nHTTP/1.1"`), "", "end"),
		end(clientCase("a body of nothing, streaming", "GET", nothing, `200 "OK" HTTP/1.1 [Connection:keep-alive]`), "", "end"),
		end(clientCase("a length cut short, streaming", "GET", short, `200 "OK" HTTP/1.1 [Content-Length:5] keep`, `"hell"`), "", "failure: body cut short"),
		end(clientCase("chunks cut short, streaming", "GET", chunks, `200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] keep`, `"hello"`), "", "failure: body cut short"),
		switched, connected,
	})
}

func TestHTTPClientLimits(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         string
	}{
		{"a length of just the limit", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", `200 "OK" HTTP/1.1 [Content-Length:10] content="0123456789" keep`},
		{"a longer length, before the body", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "failure: content too long"},
		{"a length beyond all numbers", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "failure: content too long"},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", "failure: content too long"},
		{"until the end of input", "HTTP/1.1 200 OK\r\n\r\n01234567890", "failure: content too long"},
		{"a head", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 100), "failure: header lines too long"},
	} {
		filtertest.Run(t, &filters.HTTPClient{MaxContent: 10, MaxHeader: 100}, []filtertest.Case{clientCase(c.name, "GET", c.stream, c.want)})
	}
	t.Run("the failure says which it is", func(t *testing.T) {
		f := &filters.HTTPClient{MaxContent: 10}
		if err := f.Feed([]byte("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, _, err := f.Next()
			if e, ok := err.(*filters.Error); !ok || !e.Final || fmt.Sprint(e.Errno) != "message too long" {
				t.Errorf("got %v, want EMSGSIZE, final", err)
			}
		}
		f.Reset()
		wantHTTP(t, f, "HTTP/1.1 204 x\r\n\r\n", `204 "x" HTTP/1.1 keep`)
	})
}

func TestHTTPClientPendingIsRaw(t *testing.T) {
	for _, c := range []struct{ name, method, stream, pending string }{
		{"half a body, with its head", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"},
		{"what follows 101", "GET", "HTTP/1.1 101 x\r\n\r\n\x81\x00HTTP/1.1 200 OK\r\n\r\n", "\x81\x00HTTP/1.1 200 OK\r\n\r\n"},
		{"what follows 200 to CONNECT", "CONNECT", "HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n\x16\x03", "\x16\x03"},
		{"nothing after an item", "GET", "HTTP/1.1 204 x\r\n\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &filters.HTTPClient{}
			put(t, f, requestsOf(c.method)...)
			feedCounting(t, f, c.stream, 1)
			if got := string(f.Pending()); got != c.pending {
				t.Errorf("got %q, want %q", got, c.pending)
			}
		})
	}
}

func TestHTTPClientPutsRequests(t *testing.T) {
	for _, c := range []struct {
		name  string
		want  string
		items []any
	}{
		{"a URL", "GET /a/b?c=d HTTP/1.1\r\nHost: example.org:81\r\n\r\n", []any{&httpRequest{URL: "http://example.org:81/a/b?c=d#e"}}},
		{"a URL without a path", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", []any{&httpRequest{URL: "HTTPS://h"}}},
		{"a URL with a query alone", "GET /?q=http://x/ HTTP/1.1\r\nHost: h\r\n\r\n", []any{&httpRequest{URL: "http://h?q=http://x/"}}},
		{"a URL of an IPv6 address", "GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", []any{&httpRequest{URL: "http://[::1]:80/x"}}},
		{"a path", "GET /x HTTP/1.1\r\nHost: \r\n\r\n", []any{&httpRequest{URI: "/x"}}},
		{"a path and a Host", "GET /x HTTP/1.1\r\nhost: h\r\n\r\n", []any{&httpRequest{URI: "/x", Header: httpHeader{{"host", "h"}}}}},
		{"an absolute target, for a proxy", "GET http://h:1/x HTTP/1.1\r\nHost: h:1\r\n\r\n", []any{&httpRequest{URI: "http://h:1/x"}}},
		{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", []any{&httpRequest{Method: "CONNECT", URI: "h:443"}}},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", []any{&httpRequest{Method: "OPTIONS", URI: "*", Header: httpHeader{{"Host", "h"}}}}},
		{"HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n", []any{&httpRequest{Protocol: "HTTP/1.0", URI: "/x"}}},
		{"content, its length added", "POST / HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 5\r\n\r\nhello", []any{&httpRequest{Method: "POST", URL: "http://h/", Header: httpHeader{{"A", "b"}}, Content: "hello"}}},
		{"a wrong length is set right", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
			[]any{&httpRequest{Method: "PUT", URL: "http://h/", Header: httpHeader{{"content-length", "9"}, {"Transfer-Encoding", "chunked"}}, Content: "hi"}}},
		{"POST without content", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", []any{&httpRequest{Method: "POST", URL: "http://h/"}}},
		{"a length of its own, and strings", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nraw", []any{&httpRequest{Method: "POST", URL: "http://h/", Header: httpHeader{{"Content-Length", "3"}}}, "raw"}},
		{"chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", []any{&httpRequest{Method: "POST", URL: "http://h/", Chunked: true}, "hi", "", &filters.End{}}},
	} {
		t.Run(c.name, func(t *testing.T) { putHTTP(t, &filters.HTTPClient{}, c.want, c.items...) })
	}
}

func TestHTTPClientPutRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		item any
		want string
	}{
		{"neither uri nor url", &httpRequest{}, "HTTPClient: uri: target of a request expected, got string"},
		{"another scheme", &httpRequest{URL: "ftp://h/"}, "HTTPClient: url: http or https URL expected, got string"},
		{"a URL without a host", &httpRequest{URL: "http:///x"}, "HTTPClient: url: "},
		{"a URL with a password", &httpRequest{URL: "http://me:pw@h/x"}, "HTTPClient: url: URL of a host, without a user, expected"},
		{"a blank in a URL", &httpRequest{URL: "http://h/a b"}, "HTTPClient: url: "},
		{"a line end in a URL", &httpRequest{URL: "http://h/a\r\nb"}, "HTTPClient: url: "},
		{"a line end in a target", &httpRequest{URI: "/a\r\nb"}, "HTTPClient: uri: "},
		{"a blank in a method", &httpRequest{Method: "GET /", URI: "/"}, "HTTPClient: method: "},
		{"a line end in a header value", &httpRequest{URI: "/", Header: httpHeader{{"A", "b\n"}}}, "HTTPClient: headers.A: "},
		{"another protocol", &httpRequest{URI: "/", Protocol: "HTTP/2"}, "HTTPClient: protocol: "},
		{"chunks in HTTP/1.0", &httpRequest{URI: "/", Protocol: "HTTP/1.0", Chunked: true}, "HTTPClient: protocol: "},
		{"a response", &httpResponse{}, "HTTPClient: request, string or end expected, got *filters.Response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &filters.HTTPClient{}
			dst, err := f.Put([]byte("before"), c.item)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || string(dst) != "before" {
				t.Errorf("got %q, %v, want %q", dst, err, c.want)
			}
		})
	}
	t.Run("more requests than may wait for an answer", func(t *testing.T) {
		f := &filters.HTTPClient{}
		for range 1 << 16 {
			if _, err := f.Put(nil, &httpRequest{URI: "/"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.Put(nil, &httpRequest{URI: "/"}); err == nil {
			t.Error("it was put")
		}
		feed(t, f, "HTTP/1.1 204 x\n\n")
		if _, err := f.Put(nil, &httpRequest{URI: "/"}); err != nil {
			t.Error(err)
		}
	})
}

// What a client puts a server reads, and the other way round.
func TestHTTPClientAndHTTPDUnderstandEachOther(t *testing.T) {
	client, server := &filters.HTTPClient{}, &filters.HTTPD{NoDate: true}
	out, err := client.Put(nil, &httpRequest{Method: "POST", URL: "http://h/p?q", Content: allBytes})
	if err != nil {
		t.Fatal(err)
	}
	wantHTTP(t, server, string(out), fmt.Sprintf(`POST "/p?q" path="/p" query="q" HTTP/1.1 [Host:h] [Content-Length:256] content=%q keep`, allBytes))
	out, err = server.Put(nil, &httpResponse{Chunked: true})
	for _, item := range []any{allBytes, "hello", &filters.End{Trailers: httpHeader{{"A", "b"}}}} {
		if err == nil {
			out, err = server.Put(out, item)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	wantHTTP(t, client, string(out), fmt.Sprintf(`200 "OK" HTTP/1.1 [Transfer-Encoding:chunked] content=%q trailers [A:b] keep`, allBytes+"hello"))
}
