package filters_test

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

func hexSize(n int) string { return strconv.FormatInt(int64(n), 16) }

// showHTTP renders an item on one line, with all that a program can see of it.
func showHTTP(item any) string {
	switch v := item.(type) {
	case *filters.Request:
		s := fmt.Sprintf("%s %q", v.Method, v.URI)
		if v.Path != v.URI {
			s += fmt.Sprintf(" path=%q", v.Path)
		}
		if v.HasQuery {
			s += fmt.Sprintf(" query=%q", v.Query)
		}
		s += " " + v.Protocol + showHeader(v.Header)
		if v.Content != "" {
			s += fmt.Sprintf(" content=%q", v.Content)
		}
		if v.Trailers != nil {
			s += " trailers" + showHeader(v.Trailers)
		}
		return s + showFlags(v.KeepAlive, " keep") + showFlags(v.ExpectContinue, " expect")
	case *filters.Response:
		if v.IsError {
			s := fmt.Sprintf("error %d %s", v.Status, v.Reason)
			if v.Request != nil {
				s += " of " + v.Request.Method
			}
			return s
		}
		s := fmt.Sprintf("%d %q %s%s", v.Status, v.Reason, v.Protocol, showHeader(v.Header))
		if v.Content != "" {
			s += fmt.Sprintf(" content=%q", v.Content)
		}
		if v.Trailers != nil {
			s += " trailers" + showHeader(v.Trailers)
		}
		return s + showFlags(v.KeepAlive, " keep") + showFlags(v.Interim, " interim")
	case *filters.End:
		return "end" + showHeader(v.Trailers)
	}
	return fmt.Sprintf("%q", item)
}

func showFlags(on bool, name string) string {
	if on {
		return name
	}
	return ""
}

func showHeader(list filters.HeaderList) string {
	s := ""
	for _, field := range list {
		s += fmt.Sprintf(" [%s:%s]", field.Name, field.Value)
	}
	return s
}

// shown is a message as showHTTP renders it, which tests compare in place of it.
type shown string

func show(item any) any {
	if piece, ok := item.(string); ok {
		return piece
	}
	return shown(showHTTP(item))
}

// httpItems are the items that lines stand for: pieces of a body are in quotes.
func httpItems(lines []string) (items []any) {
	for _, line := range lines {
		if message, ok := strings.CutPrefix(line, "failure: "); ok {
			items = append(items, httpFailure(message))
		} else if piece, err := strconv.Unquote(line); err == nil {
			items = append(items, piece)
		} else {
			items = append(items, shown(line))
		}
	}
	return items
}

func httpFailure(message string) filtertest.Failure {
	f := filtertest.Failure{Errno: syscall.EBADMSG, Final: true, Message: message}
	if strings.HasSuffix(message, "too long") {
		f.Errno = syscall.EMSGSIZE
	}
	return f
}

// wantHTTP feeds a stream at once and compares the items.
func wantHTTP(t testing.TB, f filters.Filter, stream string, want ...string) {
	t.Helper()
	var got []string
	for _, item := range feed(t, f, stream) {
		got = append(got, showHTTP(item))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

const aGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
const aGetRead = `GET "/" HTTP/1.1 [Host:h] keep`

func aPost(content string, lines ...string) string {
	return "POST /p HTTP/1.1\r\nHost: h\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + content
}

type httpdCase struct {
	name   string
	stream string
	want   []string
}

func runHTTPD(t *testing.T, f filters.HTTPD, cases []httpdCase) {
	t.Helper()
	var run []filtertest.Case
	for _, c := range cases {
		run = append(run, filtertest.Case{Name: c.name, Stream: c.stream, Items: httpItems(c.want), Show: show, Joined: f.Streaming})
	}
	filtertest.Run(t, &f, run)
}

func TestHTTPDReadsRequests(t *testing.T) {
	runHTTPD(t, filters.HTTPD{}, []httpdCase{
		{"GET with header lines in their order", "GET /a/b?x=1&y HTTP/1.1\r\nHost: h\r\nX-B: 2\r\nx-a:1\r\nEmpty:\r\n\r\n",
			[]string{`GET "/a/b?x=1&y" path="/a/b" query="x=1&y" HTTP/1.1 [Host:h] [X-B:2] [x-a:1] [Empty:] keep`}},
		{"an empty query", "GET /? HTTP/1.1\r\nHost: h\r\n\r\n", []string{`GET "/?" path="/" query="" HTTP/1.1 [Host:h] keep`}},
		{"bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", []string{aGetRead}},
		{"both line ends in one head", "GET / HTTP/1.1\nHost: h\r\n\n", []string{aGetRead}},
		{"empty lines before a request", "\r\n\n\r\n" + aGet + "\r\n" + aGet, []string{aGetRead, aGetRead}},
		{"blanks around a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \t b c \t\r\n\r\n", []string{`GET "/" HTTP/1.1 [Host:h] [A:b c] keep`}},
		{"folded lines are joined with one space", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n \t c\r\n\td  \r\nE:\r\n f\r\n\r\n",
			[]string{`GET "/" HTTP/1.1 [Host:h] [A:b c d] [E:f] keep`}},
		{"HTTP/0.9 is complete at the empty line", "GET /old\r\n\r\n", []string{`GET "/old" HTTP/0.9`}},
		{"a percent-decoded path", "GET /%41%2f%zz%4 HTTP/1.1\r\nHost: h\r\n\r\n", []string{`GET "/%41%2f%zz%4" path="/A/%zz%4" HTTP/1.1 [Host:h] keep`}},
		{"slashes at the beginning of a path", "GET //%2f//evil/ HTTP/1.1\r\nHost: h\r\n\r\n", []string{`GET "//%2f//evil/" path="/evil/" HTTP/1.1 [Host:h] keep`}},
		{"an absolute target", "GET http://h:80?q HTTP/1.1\r\nHost: h\r\n\r\n", []string{`GET "http://h:80?q" path="/" query="q" HTTP/1.1 [Host:h] keep`}},
		{"an absolute target with a path", "GET HTTP://h//a/b HTTP/1.1\r\nHost: h\r\n\r\n", []string{`GET "HTTP://h//a/b" path="/a/b" HTTP/1.1 [Host:h] keep`}},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", []string{`OPTIONS "*" HTTP/1.1 [Host:h] keep`}},
		{"any token is a method", "M-SEARCH / HTTP/1.1\r\nHost: h\r\n\r\n", []string{`M-SEARCH "/" HTTP/1.1 [Host:h] keep`}},
		{"bytes beyond ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\nA: \xff\r\n\r\n", []string{`GET "/ä" HTTP/1.1 [Host:h] [A:` + "\xff" + `] keep`}},
		{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", []string{`GET "/" HTTP/1.1 [Host:] keep`}},
		{"HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n", []string{`GET "/" HTTP/1.0`}},
		{"an expected 100", "GET / HTTP/1.1\r\nHost: h\r\nexpect: 100-Continue\r\n\r\n", []string{`GET "/" HTTP/1.1 [Host:h] [expect:100-Continue] keep expect`}},
	})
}

func TestHTTPDReadsBodies(t *testing.T) {
	const p = `POST "/p" HTTP/1.1 [Host:h]`
	runHTTPD(t, filters.HTTPD{}, []httpdCase{
		{"a body with a length", aPost("hello", "Content-Length: 5"), []string{p + ` [Content-Length:5] content="hello" keep`}},
		{"two pipelined POSTs", aPost("hello", "Content-Length: 5") + aPost("you", "Content-Length: 3"),
			[]string{p + ` [Content-Length:5] content="hello" keep`, p + ` [Content-Length:3] content="you" keep`}},
		{"pipelined GETs", aGet + aGet + aGet, []string{aGetRead, aGetRead, aGetRead}},
		{"no length: no body", aPost("") + aGet, []string{`POST "/p" HTTP/1.1 [Host:h] keep`, aGetRead}},
		{"a length of 0 keeps what is pipelined", aPost("", "Content-Length: 0") + aGet, []string{p + ` [Content-Length:0] keep`, aGetRead}},
		{"the same length twice", aPost("hello", "Content-Length: 5", "content-length: 5"), []string{p + ` [Content-Length:5] [content-length:5] content="hello" keep`}},
		{"a body with GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab" + aGet, []string{`GET "/" HTTP/1.1 [Host:h] [Content-Length:2] content="ab" keep`, aGetRead}},
		{"a body of all bytes", aPost(allBytes, "Content-Length: 256"), []string{p + fmt.Sprintf(" [Content-Length:256] content=%q keep", allBytes)}},
		{"chunks with extensions and trailers", aPost("5;a=b\r\nhello\r\n0a\r\n, you too!\r\n000;c\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "Transfer-Encoding: Chunked") + aGet,
			[]string{p + ` [Transfer-Encoding:Chunked] content="hello, you too!" trailers [X-Sum:1] [Y:2] keep`, aGetRead}},
		{"no chunks", aPost("0\r\n\r\n", "Transfer-Encoding: chunked") + aGet, []string{p + ` [Transfer-Encoding:chunked] keep`, aGetRead}},
		{"a chunk of all bytes", aPost("100\r\n"+allBytes+"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
			[]string{p + fmt.Sprintf(" [Transfer-Encoding:chunked] content=%q keep", allBytes)}},
	})
}

// What two readers might take for two different requests is refused, and nothing after it is read.
func TestHTTPDRefusesWhatSmuggles(t *testing.T) {
	head := func(lines ...string) string {
		return "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	chunked := func(body string) string { return aPost(body, "Transfer-Encoding: chunked") }
	for _, c := range []struct {
		name   string
		status int
		stream string
	}{
		{"a garbage line", 400, "garbage\r\n"},
		{"a TLS greeting", 400, "\x16\x03\x01\x02\x00\x01\n"},
		{"a blank before the request line", 400, " GET / HTTP/1.1\r\n"},
		{"a bare CR before the request line", 400, "\rGET / HTTP/1.1\r\n"},
		{"two blanks in the request line", 400, "GET  / HTTP/1.1\r\n"},
		{"a blank after the version", 400, "GET / HTTP/1.1 \r\n"},
		{"a tab in the request line", 400, "GET\t/ HTTP/1.1\r\n"},
		{"a blank in the target", 400, "GET /a b HTTP/1.1\r\n"},
		{"a NUL in the target", 400, "GET /\x00 HTTP/1.1\r\n"},
		{"a bare CR in the target", 400, "GET /\rX HTTP/1.1\r\n"},
		{"a method that is no token", 400, "GE(T / HTTP/1.1\r\n"},
		{"a version in lower case", 400, "GET / http/1.1\r\n"},
		{"a version with a sign", 400, "GET / HTTP/+1.1\r\n"},
		{"no digits in the version", 400, "GET / HTTP/1.\r\n"},
		{"HTTP/2.0", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{"HTTP/1.2", 505, "GET / HTTP/1.2\r\n"},
		{"HTTP/0.9 in words", 505, "GET / HTTP/0.9\r\n"},
		{"a relative target", 400, "GET path HTTP/1.1\r\n"},
		{"* without OPTIONS", 400, "GET * HTTP/1.1\r\n"},
		{"an absolute target without a host", 400, "GET http:///path HTTP/1.1\r\n"},
		{"an absolute target with a user", 400, "GET http://me@h/path HTTP/1.1\r\n"},
		{"CONNECT without a port", 400, "CONNECT h HTTP/1.1\r\n"},
		{"CONNECT with a path", 400, "CONNECT h:80/ HTTP/1.1\r\n"},
		{"CONNECT with a body", 400, "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nContent-Length: 1\r\n\r\nx"},

		{"a line without colon", 400, head("Header")},
		{"a line that is a colon", 400, head(": value")},
		{"a blank before the colon", 400, head("Content-Length : 5")},
		{"a tab before the colon", 400, head("Content-Length\t: 5")},
		{"a NUL in a name", 400, head("A\x00B: c")},
		{"a byte beyond ASCII in a name", 400, head("\xc4: c")},
		{"a NUL in a value", 400, head("A: b\x00c")},
		{"a bare CR in a value", 400, head("A: b\rContent-Length: 5")},
		{"a bare CR at the end of a value", 400, head("A: b\r")},
		{"a control character in a value", 400, head("A: b\x01")},
		{"DEL in a value", 400, head("A: b\x7f")},
		{"a first line that continues none", 400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
		{"a bare CR in a folded line", 400, head("A: b", " c\rd")},

		{"no Host", 400, "GET / HTTP/1.1\r\n\r\n"},
		{"two Hosts", 400, head("Host: h")},
		{"two Hosts in HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
		{"a Host with a path", 400, "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"},
		{"a Host with a user", 400, "GET / HTTP/1.1\r\nHost: me@h\r\n\r\n"},
		{"a Host that is a list", 400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},

		{"two lengths", 400, head("Content-Length: 5", "Content-Length: 6")},
		{"two spellings of a length", 400, head("Content-Length: 5", "Content-Length: 05")},
		{"a length that is a list", 400, head("Content-Length: 5, 5")},
		{"a length in letters", 400, head("Content-Length: five")},
		{"a length with a sign", 400, head("Content-Length: +5")},
		{"a negative length", 400, head("Content-Length: -5")},
		{"a hexadecimal length", 400, head("Content-Length: 0x5")},
		{"a length with a fraction", 400, head("Content-Length: 5.0")},
		{"an empty length", 400, head("Content-Length:")},
		{"a length that is folded", 400, head("Content-Length: 5", " 5")},
		{"a length that overflows", 413, head("Content-Length: 18446744073709551621")},
		{"a length and chunks", 400, head("Content-Length: 5", "Transfer-Encoding: chunked")},
		{"chunks and a length of 0", 400, head("Transfer-Encoding: chunked", "Content-Length: 0")},
		{"a length and another coding", 400, head("Content-Length: 5", "Transfer-Encoding: gzip")},

		{"chunks in HTTP/1.0", 400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"chunks in HTTP/0.9", 400, "GET /\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"an empty coding", 400, head("Transfer-Encoding:")},
		{"an empty coding in a list", 400, head("Transfer-Encoding: , chunked")},
		{"another coding", 501, head("Transfer-Encoding: gzip")},
		{"another coding before chunks", 501, head("Transfer-Encoding: gzip, chunked")},
		{"another coding before chunks, in two lines", 501, head("Transfer-Encoding: gzip", "Transfer-Encoding: chunked")},
		{"chunks are not last", 400, head("Transfer-Encoding: chunked, gzip")},
		{"chunks twice", 400, head("Transfer-Encoding: chunked, chunked")},
		{"chunks twice, in two lines", 400, head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")},
		{"identity", 501, head("Transfer-Encoding: identity")},
		{"a coding that only looks like chunks", 501, head("Transfer-Encoding: xchunked")},
		{"chunks with a parameter", 501, head("Transfer-Encoding: chunked;q=1")},
		{"chunks in quotes", 501, head(`Transfer-Encoding: "chunked"`)},
		{"chunks with a vertical tab", 400, head("Transfer-Encoding: \x0bchunked")},

		{"a chunk size with a sign", 400, chunked("+5\r\nhello\r\n")},
		{"a negative chunk size", 400, chunked("-5\r\n")},
		{"a chunk size with 0x", 400, chunked("0x5\r\nhello\r\n")},
		{"a chunk size with a blank before it", 400, chunked(" 5\r\nhello\r\n")},
		{"a chunk size with a blank after it", 400, chunked("5 \r\nhello\r\n")},
		{"a chunk size with a blank before extensions", 400, chunked("5 ;a\r\nhello\r\n")},
		{"a chunk size with an underscore", 400, chunked("1_0\r\n")},
		{"an empty chunk size", 400, chunked("\r\nhello\r\n")},
		{"a chunk size in letters", 400, chunked("five\r\n")},
		{"a chunk size that overflows", 400, chunked("10000000000000005\r\nhello\r\n")},
		{"a chunk size that is negative as a number", 400, chunked("ffffffffffffffff\r\nhello\r\n")},
		{"a chunk size with a bare line feed", 400, chunked("5\nhello\r\n")},
		{"a bare CR in a chunk extension", 400, chunked("5;a\rb\r\nhello\r\n")},
		{"a NUL in a chunk extension", 400, chunked("5;\x00\r\nhello\r\n")},
		{"a bare line feed in a chunk extension", 400, chunked("5;a\n0\r\n\r\n")},
		{"a chunk that is longer than its size", 400, chunked("5\r\nhello!\r\n")},
		{"a chunk that ends with a bare line feed", 400, chunked("5\r\nhello\n0\r\n\r\n")},
		{"a chunk that ends with a bare CR", 400, chunked("5\r\nhello\r0\r\n\r\n")},
		{"a chunk size line without end", 400, chunked("5;" + strings.Repeat("x", 1024))},
		{"a trailer without colon", 400, chunked("0\r\nTrailer\r\n\r\n")},
		{"a trailer with a bare CR", 400, chunked("0\r\nA: b\rc\r\n\r\n")},
	} {
		status := func(item any) any {
			if r, ok := item.(*filters.Response); ok && r.IsError {
				return r.Status
			}
			return shown(showHTTP(item))
		}
		filtertest.Run(t, &filters.HTTPD{}, []filtertest.Case{{Name: c.name, Stream: c.stream + aGet, Items: []any{c.status}, Show: status}})
	}
}

func TestHTTPDLimits(t *testing.T) {
	f := filters.HTTPD{MaxContent: 10, MaxHeader: 100, MaxHeaders: 4}
	runHTTPD(t, f, []httpdCase{
		{"a body of just the limit", aPost("0123456789", "Content-Length: 10"), []string{`POST "/p" HTTP/1.1 [Host:h] [Content-Length:10] content="0123456789" keep`}},
		{"413 does not wait for the body", aPost("", "Content-Length: 11"), []string{"error 413 Request Entity Too Large of POST"}},
		{"413 at the size of a chunk", aPost("6\r\nabcdef\r\n5\r\n", "Transfer-Encoding: chunked"), []string{"error 413 Request Entity Too Large of POST"}},
		{"413 for a huge chunk", aPost("7fffffffffffffff\r\n", "Transfer-Encoding: chunked"), []string{"error 413 Request Entity Too Large of POST"}},
		{"chunks of just the limit", aPost("6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
			[]string{`POST "/p" HTTP/1.1 [Host:h] [Transfer-Encoding:chunked] content="abcdefghij" keep`}},
		{"a head of just the limit", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("a", 68) + "\r\n\r\n", []string{`GET "/" HTTP/1.1 [Host:h] [A:` + strings.Repeat("a", 68) + `] keep`}},
		{"431 for a byte more", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("a", 69) + "\r\n\r\n", []string{"error 431 Request Header Fields Too Large of GET"}},
		{"431 does not wait for the end of the head", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("a", 200), []string{"error 431 Request Header Fields Too Large of GET"}},
		{"414 in the request line", "GET /" + strings.Repeat("a", 200), []string{"error 414 Request URI Too Long"}},
		{"414 for a line that ends too late", "GET /" + strings.Repeat("a", 86) + " HTTP/1.1\r\n\r\n", []string{"error 414 Request URI Too Long"}},
		{"a bad request line is worse than a long head", "GET\r\n" + strings.Repeat("a", 200), []string{"error 400 Bad Request"}},
		{"header lines of just the limit", "GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\nc:\r\n\r\n", []string{`GET "/" HTTP/1.1 [Host:h] [a:] [b:] [c:] keep`}},
		{"431 for a line more", "GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n", []string{"error 431 Request Header Fields Too Large of GET"}},
		{"431 for long trailers", aPost("0\r\nA: "+strings.Repeat("a", 200), "Transfer-Encoding: chunked"), []string{"error 431 Request Header Fields Too Large of POST"}},
		{"431 for many trailers", aPost("0\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n", "Transfer-Encoding: chunked"), []string{"error 431 Request Header Fields Too Large of POST"}},
	})
	f = filters.HTTPD{MaxContent: 10, Streaming: true}
	runHTTPD(t, f, []httpdCase{
		{"no limit of a body in pieces", aPost(strings.Repeat("x", 50), "Content-Length: 50"),
			[]string{`POST "/p" HTTP/1.1 [Host:h] [Content-Length:50] keep`, `"` + strings.Repeat("x", 50) + `"`, "end"}},
		{"a length beyond all numbers", aPost("", "Content-Length: 99999999999999999999"), []string{"error 400 Bad Request of POST"}},
	})
	t.Run("extensions of many chunks together", func(t *testing.T) {
		body := strings.Repeat("1;"+strings.Repeat("x", 100)+"\r\ny\r\n", 1000)
		wantHTTP(t, &filters.HTTPD{}, aPost(body, "Transfer-Encoding: chunked"), "error 400 Bad Request of POST")
	})
	t.Run("small chunks are no extensions", func(t *testing.T) {
		body := strings.Repeat("1\r\ny\r\n", 50_000) + "0\r\n\r\n"
		wantHTTP(t, &filters.HTTPD{}, aPost(body, "Transfer-Encoding: chunked"), fmt.Sprintf(`POST "/p" HTTP/1.1 [Host:h] [Transfer-Encoding:chunked] content=%q keep`, strings.Repeat("y", 50_000)))
	})
}

func TestHTTPDBufferIsBounded(t *testing.T) {
	f := &filters.HTTPD{MaxContent: 1000, MaxBuffer: 1100}
	stream := []byte("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n" + strings.Repeat("x", 1101))
	if err := f.Feed(stream); err != nil {
		t.Fatal(err)
	}
	if err := f.Feed([]byte("y")); err == nil {
		t.Error("it takes more than it may hold")
	}
	if item, _, err := f.Next(); err != nil || showHTTP(item) != `CONNECT "h:1" path="" HTTP/1.1 [Host:h:1] keep` {
		t.Errorf("got %v, %v, want what came before", item, err)
	}
	for range 2 {
		if item, ok, err := f.Next(); ok || err == nil || !err.(*filters.Error).Final {
			t.Errorf("got %v, %v, want a final failure", item, err)
		}
	}
	f.Reset()
	wantHTTP(t, f, aGet, aGetRead)
}

func TestHTTPDUnansweredRequestsAreBounded(t *testing.T) {
	f := &filters.HTTPD{}
	if err := f.Feed([]byte(strings.Repeat("GET /\n\n", 1<<16+5))); err != nil {
		t.Fatal(err)
	}
	n := 0
	_, ok, err := f.Next()
	for ; ok; _, ok, err = f.Next() {
		n++
	}
	if n != 1<<16 || err == nil || err.Error() != "65536 requests without an answer" {
		t.Errorf("got %d items, then %v", n, err)
	}
}

func TestHTTPDKeepAlive(t *testing.T) {
	for _, c := range []struct {
		protocol, connection string
		want                 bool
	}{
		{"HTTP/1.1", "", true},
		{"HTTP/1.1", "close", false},
		{"HTTP/1.1", "Upgrade, Close", false},
		{"HTTP/1.1", "keep-alive, close", false},
		{"HTTP/1.1", "closed", true},
		{"HTTP/1.0", "", false},
		{"HTTP/1.0", "keep-alive", true},
		{"HTTP/1.0", "Keep-Alive, foo", true},
		{"HTTP/1.0", "keep-alive, close", false},
	} {
		f := &filters.HTTPD{}
		text := "GET / " + c.protocol + "\r\nHost: h\r\n"
		if c.connection != "" {
			text += "Connection: " + c.connection + "\r\n"
		}
		if err := f.Feed([]byte(text + "\r\n")); err != nil {
			t.Fatal(err)
		}
		item, _, err := f.Next()
		if err != nil || item.(*filters.Request).KeepAlive != c.want {
			t.Errorf("%s, Connection: %s: got %s, %v, want %v", c.protocol, c.connection, showHTTP(item), err, c.want)
		}
	}
}

func TestHTTPDStreaming(t *testing.T) {
	runHTTPD(t, filters.HTTPD{Streaming: true}, []httpdCase{
		{"request, pieces, end", aPost("hello", "Content-Length: 5") + aGet,
			[]string{`POST "/p" HTTP/1.1 [Host:h] [Content-Length:5] keep`, `"hello"`, "end", aGetRead, "end"}},
		{"no body: the end follows at once", aGet + aGet, []string{aGetRead, "end", aGetRead, "end"}},
		{"an empty body", aPost("", "Content-Length: 0"), []string{`POST "/p" HTTP/1.1 [Host:h] [Content-Length:0] keep`, "end"}},
		{"chunks and trailers", aPost("5\r\nhello\r\n1;x\r\n!\r\n0\r\nA: b\r\n\r\n", "Transfer-Encoding: chunked") + aGet,
			[]string{`POST "/p" HTTP/1.1 [Host:h] [Transfer-Encoding:chunked] keep`, `"hello!"`, "end [A:b]", aGetRead, "end"}},
		{"the request comes before its body", aPost("he", "Content-Length: 5"), []string{`POST "/p" HTTP/1.1 [Host:h] [Content-Length:5] keep`, `"he"`}},
		{"an error within a body", aPost("5\r\nhello\r\nx", "Transfer-Encoding: chunked") + "\r\n" + aGet,
			[]string{`POST "/p" HTTP/1.1 [Host:h] [Transfer-Encoding:chunked] keep`, `"hello"`, "error 400 Bad Request of POST"}},
	})
}

func TestHTTPDPendingIsRaw(t *testing.T) {
	for _, c := range []struct{ name, stream, pending string }{
		{"nothing", "", ""},
		{"whole items", aGet + aGet, ""},
		{"half a head", aGet + "GET / HT", "GET / HT"},
		{"half a body, with its head", aGet + aPost("hel", "Content-Length: 5"), aPost("hel", "Content-Length: 5")},
		{"half a chunked body, with its head", aPost("5\r\nhello\r\n1\r", "Transfer-Encoding: chunked"), aPost("5\r\nhello\r\n1\r", "Transfer-Encoding: chunked")},
		{"what follows a CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n\x16\x03\x01\n", "\x16\x03\x01\n"},
		{"after an error nothing", "garbage\r\n" + aGet, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1} {
				f := &filters.HTTPD{}
				feedCounting(t, f, c.stream, size)
				for range 2 {
					got := f.Pending()
					if string(got) != c.pending || (got == nil) != (c.pending == "") {
						t.Errorf("got %q, want %q", got, c.pending)
					}
				}
				if f.Clone().Pending() != nil {
					t.Error("a clone is not empty")
				}
			}
		})
	}
}

func TestHTTPDAfterConnect(t *testing.T) {
	const connect = "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"
	f := &filters.HTTPD{NoDate: true}
	wantHTTP(t, f, connect+aGet, `CONNECT "h:1" path="" HTTP/1.1 [Host:h:1] keep`)
	putHTTP(t, f, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", &filters.Response{Status: 403, HasContent: true})
	wantHTTP(t, f, aGet, aGetRead, aGetRead)
	putHTTP(t, f, "HTTP/1.1 204 No Content\r\n\r\n", &filters.Response{Status: 204})
	putHTTP(t, f, "HTTP/1.1 204 No Content\r\n\r\n", &filters.Response{Status: 204})
	wantHTTP(t, f, connect, `CONNECT "h:1" path="" HTTP/1.1 [Host:h:1] keep`)
	putHTTP(t, f, "HTTP/1.1 200 OK\r\n\r\nraw", &filters.Response{}, "raw")
	wantHTTP(t, f, aGet)
	if got := string(f.Pending()); got != aGet {
		t.Errorf("got %q pending, want what was sent through", got)
	}
}

// putHTTP puts items and compares the bytes.
func putHTTP(t *testing.T, f filters.Filter, want string, items ...any) {
	t.Helper()
	var dst []byte
	for _, item := range items {
		var err error
		if dst, err = f.Put(dst, item); err != nil {
			t.Fatal(err)
		}
	}
	if string(dst) != want {
		t.Errorf("got\n%q\nwant\n%q", dst, want)
	}
}

// serverAfter is a filter that has given a request and waits for the answer.
func serverAfter(t *testing.T, f filters.HTTPD, requests ...string) filters.Filter {
	t.Helper()
	fresh := f.Clone()
	feed(t, fresh, strings.Join(requests, ""))
	return fresh
}

type (
	httpHeader   = filters.HeaderList
	httpResponse = filters.Response
)

func TestHTTPDPutsResponses(t *testing.T) {
	plain := filters.HTTPD{NoDate: true}
	head := "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
	old := "GET / HTTP/1.0\r\n\r\n"
	oldKept := "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	closed := "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
	end := &filters.End{}
	for _, c := range []struct {
		name        string
		httpRequest string
		want        string
		items       []any
	}{
		{"a response, its length added", aGet, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", []any{&httpResponse{Status: 200, Content: "hello", HasContent: true}}},
		{"200 is the status of none", aGet, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", []any{&httpResponse{HasContent: true}}},
		{"a reason of its own", aGet, "HTTP/1.1 404 nope\r\nContent-Length: 0\r\n\r\n", []any{&httpResponse{Status: 404, Reason: "nope", HasContent: true}}},
		{"a status without a reason", aGet, "HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n", []any{&httpResponse{Status: 799, HasContent: true}}},
		{"a protocol", aGet, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", []any{&httpResponse{Protocol: "HTTP/1.0", HasContent: true}}},
		{"without a request before it", "", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", []any{&httpResponse{HasContent: true}}},
		{"header lines in their order", aGet, "HTTP/1.1 200 OK\r\nB: 2\r\na: 1\r\nB: 3\r\nContent-Length: 0\r\n\r\n",
			[]any{&httpResponse{Header: httpHeader{{"B", "2"}, {"a", "1"}, {"B", "3"}}, HasContent: true}}},
		{"a length that is wrong is set right", aGet, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
			[]any{&httpResponse{Header: httpHeader{{"content-length", "7"}, {"Transfer-Encoding", "chunked"}}, Content: "hi", HasContent: true}}},
		{"204 has no body", aGet, "HTTP/1.1 204 No Content\r\n\r\n", []any{&httpResponse{Status: 204, Header: httpHeader{{"Content-Length", "2"}}, Content: "hi", HasContent: true}}},
		{"304 has no body", aGet, "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", []any{&httpResponse{Status: 304, Header: httpHeader{{"ETag", "x"}}, Content: "hi", HasContent: true}}},
		{"100 has no body and is not the answer", head, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
			[]any{&httpResponse{Status: 100, Content: "x", HasContent: true}, &httpResponse{Content: "hi", HasContent: true}}},
		{"the answer to HEAD has a length and no body", head + aGet, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
			[]any{&httpResponse{Content: "hi", HasContent: true}, &httpResponse{Content: "hi", HasContent: true}}},
		{"the answer to HEAD keeps its own length", head, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", []any{&httpResponse{Header: httpHeader{{"Content-Length", "77"}}}}},
		{"strings of an answer to HEAD are dropped", head + aGet, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
			[]any{&httpResponse{Chunked: true}, "abc", end, &httpResponse{Content: "hi", HasContent: true}}},
		{"answers go in the order of pipelined requests", aGet + head + closed,
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nc",
			[]any{&httpResponse{Content: "a", HasContent: true}, &httpResponse{Content: "b", HasContent: true}, &httpResponse{Content: "c", HasContent: true}}},
		{"a client of HTTP/1.0", old, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", []any{&httpResponse{HasContent: true}}},
		{"a client of HTTP/1.0 that keeps alive", oldKept, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", []any{&httpResponse{HasContent: true}}},
		{"a Connection of its own", oldKept, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
			[]any{&httpResponse{Header: httpHeader{{"Connection", "close"}}, HasContent: true}}},
		{"no content and no length: the connection's end ends it", aGet, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nraw and more",
			[]any{&httpResponse{}, "raw", "", " and more"}},
		{"a length of its own, and strings", aGet, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw", []any{&httpResponse{Header: httpHeader{{"Content-Length", "3"}}}, "raw", end}},
		{"chunks", aGet, "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nb\r\nhello world\r\n0\r\n\r\n",
			[]any{&httpResponse{Header: httpHeader{{"A", "b"}}, Chunked: true}, "hello", "", "hello world", end}},
		{"chunks, the first one with the head", aGet, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
			[]any{&httpResponse{Header: httpHeader{{"Content-Length", "9"}, {"transfer-encoding", "chunked"}}, Content: "hi", HasContent: true, Chunked: true}, end}},
		{"chunks and trailers", aGet, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSum: 1\r\n\r\n",
			[]any{&httpResponse{Chunked: true}, &filters.End{Trailers: httpHeader{{"Sum", "1"}}}}},
		{"no chunks for a client of HTTP/1.0", oldKept, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", []any{&httpResponse{Chunked: true}, "hello", end}},
		{"101 and what follows", aGet, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x81\x00",
			[]any{&httpResponse{Status: 101, Header: httpHeader{{"Upgrade", "x"}, {"Connection", "upgrade"}}}, "\x81\x00"}},
	} {
		t.Run(c.name, func(t *testing.T) { putHTTP(t, serverAfter(t, plain, c.httpRequest), c.want, c.items...) })
	}
}

func TestHTTPDAddsDateAndServer(t *testing.T) {
	now := time.Date(2024, 2, 3, 4, 5, 6, 999, time.FixedZone("", 3600))
	f := &filters.HTTPD{Server: "poelua", Now: func() time.Time { return now }}
	putHTTP(t, f, "HTTP/1.1 200 OK\r\nDate: Sat, 03 Feb 2024 03:05:06 GMT\r\nServer: poelua\r\nContent-Length: 0\r\n\r\n", &httpResponse{HasContent: true})
	now = now.Add(time.Second)
	putHTTP(t, f, "HTTP/1.1 200 OK\r\nDate: Sat, 03 Feb 2024 03:05:07 GMT\r\nServer: poelua\r\nContent-Length: 0\r\n\r\n", &httpResponse{HasContent: true})
	putHTTP(t, f, "HTTP/1.1 200 OK\r\ndate: x\r\nSERVER: y\r\nContent-Length: 0\r\n\r\n", &httpResponse{Header: httpHeader{{"date", "x"}, {"SERVER", "y"}}, HasContent: true})
	putHTTP(t, f, "HTTP/1.1 100 Continue\r\n\r\n", &httpResponse{Status: 100})
	now = time.Unix(0, 0)
	putHTTP(t, &filters.HTTPD{Now: f.Now}, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n", &httpResponse{HasContent: true})
}

func TestHTTPDPutRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		item any
		want string
	}{
		{"a line end in a value", &httpResponse{Header: httpHeader{{"A", "b\r\nSet-Cookie: x"}}}, "HTTPD: headers.A: string without line ends and control characters expected, got string"},
		{"a line feed in a value", &httpResponse{Header: httpHeader{{"A", "b\n"}}}, "HTTPD: headers.A: "},
		{"a NUL in a value", &httpResponse{Header: httpHeader{{"A", "\x00"}}}, "HTTPD: headers.A: "},
		{"a line end in a name", &httpResponse{Header: httpHeader{{"A\r\nB", "c"}}}, `HTTPD: headers."A\r\nB": `},
		{"a colon in a name", &httpResponse{Header: httpHeader{{"A:", "c"}}}, "HTTPD: headers."},
		{"an empty name", &httpResponse{Header: httpHeader{{"", "c"}}}, "HTTPD: headers."},
		{"a line end in a reason", &httpResponse{Reason: "OK\r\nA: b"}, "HTTPD: reason: string without line ends expected, got string"},
		{"another protocol", &httpResponse{Protocol: "HTTP/1.1\r\nA: b"}, "HTTPD: protocol: HTTP/1.0 or HTTP/1.1 expected, got string"},
		{"a status below 100", &httpResponse{Status: 99}, "HTTPD: status: number from 100 to 999 expected, got int"},
		{"a status above 999", &httpResponse{Status: 1000}, "HTTPD: status: "},
		{"a number", 5, "HTTPD: response, string or end expected, got int"},
		{"nothing", nil, "HTTPD: response, string or end expected, got <nil>"},
		{"a line end in a trailer", &filters.End{Trailers: httpHeader{{"A", "\n"}}}, "HTTPD: trailers.A: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := serverAfter(t, filters.HTTPD{NoDate: true}, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
			dst, err := f.Put([]byte("before"), c.item)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || string(dst) != "before" {
				t.Errorf("got %q, %v, want %q", dst, err, c.want)
			}
			putHTTP(t, f, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", &httpResponse{Content: "x", HasContent: true}) // still the answer to HEAD
		})
	}
	t.Run("a response within chunks", func(t *testing.T) {
		f := &filters.HTTPD{NoDate: true}
		putHTTP(t, f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &httpResponse{Chunked: true})
		if _, err := f.Put(nil, &httpResponse{}); err == nil {
			t.Error("it was put")
		}
		putHTTP(t, f, "0\r\n\r\n", &filters.End{})
	})
}

func TestHTTPDErrorItemsCanBePut(t *testing.T) {
	for _, c := range []struct{ name, stream, want string }{
		{"a garbage line", "garbage\r\n", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 117\r\nConnection: close\r\n\r\n<html>"},
		{"in a body that has come whole", aPost("x\r\n", "Transfer-Encoding: chunked"), "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 115\r\nConnection: close\r\n\r\n<html>"},
		{"the answer to HEAD", "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 108\r\nConnection: close\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &filters.HTTPD{NoDate: true}
			if err := f.Feed([]byte(c.stream + aGet)); err != nil {
				t.Fatal(err)
			}
			item, _, err := f.Next()
			if err != nil {
				t.Fatal(err)
			}
			dst, err := f.Put(nil, item)
			if got := string(dst); err != nil || !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if strings.HasPrefix(c.stream, "HEAD") != strings.HasSuffix(string(dst), "\r\n\r\n") {
				t.Errorf("got %q", dst)
			}
			if err := f.Feed([]byte(aGet)); err != nil {
				t.Errorf("feed: %v", err)
			}
			if item, ok, err := f.Next(); ok || err != nil {
				t.Errorf("got %v, %v after an error, want nothing", item, err)
			}
			f.Reset()
			wantHTTP(t, f, aGet, aGetRead)
		})
	}
}

// A response that came in pieces goes out in pieces.
func TestHTTPClientItemsCanBePut(t *testing.T) {
	for _, stream := range []string{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 304 Not Modified\r\nA: b\r\n\r\n",
	} {
		in, out := &filters.HTTPClient{Streaming: true}, &filters.HTTPD{NoDate: true}
		if err := in.Feed([]byte(stream)); err != nil {
			t.Fatal(err)
		}
		var items []any
		for {
			item, ok, err := in.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			items = append(items, item)
		}
		putHTTP(t, out, stream, items...)
	}
}

// One byte at a time, a long input takes no longer than it has to.
func TestHTTPDTakesLinearTime(t *testing.T) {
	const size = 1 << 18
	content := strings.Repeat("0123456789abcdef", size/16)
	for _, c := range []struct {
		name, stream string
		f            filters.HTTPD
	}{
		{"a length", aPost(content, "Content-Length: "+strconv.Itoa(size)), filters.HTTPD{}},
		{"chunks", httpChunks(content, 64), filters.HTTPD{}},
		{"one chunk", httpChunks(content, size), filters.HTTPD{}},
		{"a head", "GET / HTTP/1.1\r\nHost: h\r\nA: " + content + "\r\n\r\n", filters.HTTPD{MaxHeader: 2 * size}},
		{"folded lines", "GET / HTTP/1.1\r\nHost: h\r\nA:" + strings.Repeat("\n ", size/2) + "\r\n\r\n", filters.HTTPD{MaxHeader: 2 * size}},
		{"a request line", "GET /" + content + " HTTP/1.1\r\nHost: h\r\n\r\n", filters.HTTPD{MaxHeader: 2 * size}},
		{"empty lines", strings.Repeat("\r\n", size/2) + aGet, filters.HTTPD{}},
		{"pipelined requests", strings.Repeat(aGet, size/len(aGet)), filters.HTTPD{}},
		{"trailers", aPost("0\r\nA: "+content+"\r\n\r\n", "Transfer-Encoding: chunked"), filters.HTTPD{MaxHeader: 2 * size}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			whole := feedCounting(t, c.f.Clone(), c.stream, len(c.stream))
			if got := feedCounting(t, c.f.Clone(), c.stream, 1); got == 0 || got != whole {
				t.Errorf("got %d items, want %d as for the whole", got, whole)
			}
		})
	}
}

func TestHeaderListFinds(t *testing.T) {
	h := httpHeader{{"Set-Cookie", "a"}, {"cookie", "1"}, {"set-cookie", "b"}, {"COOKIE", "2"}, {"X", ""}}
	if v, ok := h.Get("SET-cookie"); v != "a" || !ok {
		t.Errorf("got %q, %v", v, ok)
	}
	if v, ok := h.Get("Y"); v != "" || ok {
		t.Errorf("got %q, %v", v, ok)
	}
	if got := h.Values("Cookie"); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("got %v", got)
	}
	if got := showHeader(h.Joined()); got != " [set-cookie:a, b] [cookie:1; 2] [x:]" {
		t.Errorf("got %v", got)
	}
	var many httpHeader
	for i := range 20_000 {
		many = append(many, filters.Field{Name: strconv.Itoa(i % 10_000), Value: "v"})
	}
	if got := many.Joined(); len(got) != 10_000 || got[5] != (filters.Field{Name: "5", Value: "v, v"}) {
		t.Errorf("got %d names", len(got))
	}
}

func FuzzHTTPD(f *testing.F) {
	for _, s := range []string{aGet + aGet, aPost("hello", "Content-Length: 5"), aPost("5;a\r\nhello\r\n0\r\nA: b\r\n\r\n", "Transfer-Encoding: chunked"), "GET /\n\n", "CONNECT h:1 HTTP/1.1\nHost: h\n\n\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		for _, streaming := range []bool{false, true} {
			filter := &filters.HTTPD{MaxContent: 50, MaxHeader: 200, MaxHeaders: 5, Streaming: streaming}
			filtertest.Case{Filter: filter, Stream: stream, Show: show, Joined: streaming}.Invariant(t)
		}
	})
}

func FuzzHTTPClient(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.0 404 x\n\nrest", "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		for _, streaming := range []bool{false, true} {
			filter := &filters.HTTPClient{MaxContent: 50, MaxHeader: 200, Streaming: streaming}
			filtertest.Case{Filter: filter, Stream: stream, Show: show, Joined: streaming}.Invariant(t)
		}
	})
}
