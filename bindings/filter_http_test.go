package bindings_test

import "testing"

// A request is read, looked at and answered, without a connection. N of them.
func BenchmarkHTTPD(b *testing.B) {
	for _, c := range []struct{ name, look string }{
		{"fields", "local method, path, host = r.method, r.path, r:header('host')"},
		{"headers", "local method, path, host = r.method, r.path, r.headers.host"},
		{"all fields", "local all = r:fields()"},
	} {
		b.Run(c.name, func(b *testing.B) {
			bench(b, `
local f = poe.filter.HTTPD.new()
local chunk = "GET /plaintext?a=b HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
poe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:yield("go") end, go = function()
  for _ = 1, N do
    local r = f:get(chunk)[1]
    `+c.look+`
    f:put{ { status = 200, headers = { ["Content-Type"] = "text/plain" }, content = "hello world" } }
  end
end } }`)
		})
	}
}
