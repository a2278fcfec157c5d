-- poe.filter.HTTPD and poe.filter.HTTPClient: F14 and F68 to F81.
local poe = require "poe"
local t = require "poe.test"

local HTTPD, HTTPClient = poe.filter.HTTPD, poe.filter.HTTPClient

local GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

-- server makes a HTTPD that adds nothing that changes from run to run.
local function server(params)
  params = params or {}
  params.date, params.server = false, false
  return HTTPD.new(params)
end

-- after makes a HTTPD that has read requests.
local function after(...)
  local f = server()
  f:get{ ... }
  return f
end

local function put(f, ...) return table.concat(f:put{ ... }) end

-- by_bytes feeds a filter byte by byte.
local function by_bytes(f, stream)
  local items = {}
  for i = 1, #stream do
    for _, item in ipairs(f:get(stream:sub(i, i))) do items[#items + 1] = item end
  end
  return items
end

local function post(content, ...)
  return "POST /p HTTP/1.1\r\nHost: h\r\n" .. table.concat({ ... }, "\r\n") .. "\r\n\r\n" .. content
end

t.case("F68 GET with headers: method, uri, path, query, protocol, headers, header_list", function()
  local r = server():get("GET //a%20b?x=%31&y HTTP/1.1\r\nHost: h\r\nX-B: 2\r\nx-a: 1\r\nX-b: 3\r\n\r\n")[1]
  t.is(r.method, "GET")
  t.is(r.uri, "//a%20b?x=%31&y")
  t.is(r.path, "/a b")
  t.is(r.query, "x=%31&y")
  t.is(r.protocol, "HTTP/1.1")
  t.same(r.headers, { host = "h", ["x-b"] = "2, 3", ["x-a"] = "1" })
  t.same(r.header_list, { { "Host", "h" }, { "X-B", "2" }, { "x-a", "1" }, { "X-b", "3" } })
  t.is(r.content, "")
  t.same(r.trailers, {})
  t.is(r.keep_alive, true)
  t.is(r.expect_continue, false)
  t.is(r.is_response, nil)
  t.is(tostring(r), "poe.Request(GET //a%20b?x=%31&y)")
  t.is(type(r), "table")
end)

t.case("F68 header finds the first value in any case, header_all all of them", function()
  local r = server():get("GET / HTTP/1.1\r\nHost: h\r\nX-B: 2\r\nx-b: 3\r\n\r\n")[1]
  t.is(r:header("x-B"), "2")
  t.is(r:header("none"), nil)
  t.same(r:header_all("X-b"), { "2", "3" })
  t.same(r:header_all("none"), {})
  t.fails(function() r:header(nil) end, "bad argument #1 to 'header' %(string expected, got nil%)")
  t.fails(function() r.header("x") end, "calling 'header' on a bad self")
end)

t.case("F68 cookies, query_params and form", function()
  local r = server():get("POST /?a=1&b=x+y%21&a=2&c HTTP/1.1\r\nHost: h\r\nCookie: s=\"1\"; t=2\r\nCookie: u=3=4\r\n" ..
    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 9\r\n\r\nn=%41&m=%")[1]
  t.same(r:cookies(), { s = "1", t = "2", u = "3=4" })
  t.is(r.headers.cookie, 's="1"; t=2; u=3=4')
  t.same(r:query_params(), { a = "1", b = "x y!", c = "" })
  t.same(r:form(), { n = "A", m = "%" })
  local plain = server():get(GET)[1]
  t.is(plain.query, nil)
  t.same(plain:cookies(), {})
  t.same(plain:query_params(), {})
  t.failure("EBADMSG", plain:form())
end)

t.case("F68 a query of too many fields is refused", function()
  local r = server():get("GET /?" .. ("a&"):rep(10001) .. " HTTP/1.1\r\nHost: h\r\n\r\n")[1]
  t.failure("EMSGSIZE", r:query_params())
end)

t.case("F68 a request can be changed, and has then plain fields", function()
  local r = server():get(GET)[1]
  t.is(next(r), nil)
  r.headers.extra = "1"
  t.is(r.headers.extra, "1")
  r.path, r.query, r.mine = "/other", "q", true
  r.content = nil
  t.same({ r.path, r.query, r.mine, r.content, r.method, r:header("host") }, { "/other", "q", true, nil, "GET", "h" })
  local names = {}
  for name in pairs(r) do names[#names + 1] = name end
  table.sort(names)
  t.is(table.concat(names, " "), "chunked expect_continue header_list headers keep_alive method mine path protocol query trailers uri")
  t.fails(function() r[nil] = 1 end, "table index is nil")
  t.fails(function() r[0 / 0] = 1 end, "table index is")
end)

t.case("F68 fields gives all fields in a plain table", function()
  local r = server():get(GET)[1]
  t.same(r:fields(), {
    method = "GET", uri = "/", path = "/", protocol = "HTTP/1.1", headers = { host = "h" }, header_list = { { "Host", "h" } },
    content = "", trailers = {}, keep_alive = true, expect_continue = false, chunked = false,
  })
  r.mine = 1
  t.is(r:fields().mine, 1)
  t.is(r:fields().method, "GET")
end)

t.case("F69 bare line feeds, empty lines before a request, folding, HTTP/0.9", function()
  local items = server():get("\r\n\nGET / HTTP/1.1\nHost: h\nA: b\n  c\n\nGET /old\r\n\r\n")
  t.is(#items, 2)
  t.is(items[1].headers.a, "b c")
  t.is(items[2].protocol, "HTTP/0.9")
  t.is(items[2].uri, "/old")
  t.is(items[2].keep_alive, false)
end)

t.case("F70 POST with a length, pipelined, cut anywhere", function()
  local stream = post("hello", "Content-Length: 5") .. post("you", "Content-Length: 3") .. GET .. post("", "Content-Length: 0") .. GET
  for _, items in ipairs{ server():get(stream), by_bytes(server(), stream) } do
    local seen = {}
    for i, r in ipairs(items) do seen[i] = r.method .. " " .. r.content end
    t.same(seen, { "POST hello", "POST you", "GET ", "POST ", "GET " })
  end
end)

t.case("F70 pipelined requests come one by one", function()
  local f = server()
  f:get_one_start(GET .. GET)
  t.is(#f:get_one(), 1)
  t.same(f:get_pending(), { GET })
  t.is(#f:get_one(), 1)
  t.same(f:get_one(), {})
  t.is(f:get_pending(), nil)
end)

t.case("F71 chunks with extensions and trailers, cut anywhere", function()
  local stream = post("5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n", "Transfer-Encoding: chunked") .. GET
  for _, items in ipairs{ server():get(stream), by_bytes(server(), stream) } do
    t.is(#items, 2)
    t.is(items[1].content, "hello world")
    t.same(items[1].trailers, { ["x-sum"] = "1" })
  end
end)

t.case("F72 what makes no sense is a response of status 400", function()
  for name, stream in pairs{
    ["garbage line"] = "garbage\r\n\r\n",
    ["letters in the length"] = post("", "Content-Length: five"),
    ["two lengths"] = post("", "Content-Length: 1", "Content-Length: 2"),
    ["a length and chunks"] = post("", "Content-Length: 1", "Transfer-Encoding: chunked"),
    ["a line without colon"] = "GET / HTTP/1.1\r\nHost: h\r\nHeader\r\n\r\n",
    ["no Host"] = "GET / HTTP/1.1\r\n\r\n",
    ["two Hosts"] = "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
    ["a bare CR"] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n",
    ["a NUL"] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n",
    ["a bad chunk"] = post("x\r\n", "Transfer-Encoding: chunked"),
  } do
    for _, items in ipairs{ server():get(stream .. GET), by_bytes(server(), stream .. GET) } do
      t.is(#items, 1, name)
      t.is(items[1].is_response, true, name)
      t.is(items[1].status, 400, name)
      t.is(items[1].reason, "Bad Request", name)
    end
  end
end)

t.case("F72 another coding is 501, another version 505", function()
  t.is(server():get(post("", "Transfer-Encoding: gzip"))[1].status, 501)
  t.is(server():get("GET / HTTP/1.2\r\nHost: h\r\n\r\n")[1].status, 505)
end)

t.case("F72 any token is a method", function()
  t.is(server():get("M-SEARCH * HTTP/1.1\r\nHost: h\r\n\r\n")[1].status, 400)
  t.is(server():get("M-SEARCH / HTTP/1.1\r\nHost: h\r\n\r\n")[1].method, "M-SEARCH")
end)

t.case("F73 413 before the body, 431 and 414 before the end of the head", function()
  local small = { max_content = 10, max_header = 100, max_headers = 3 }
  t.is(server(small):get(post("", "Content-Length: 11"))[1].status, 413)
  t.is(server(small):get(post("b\r\n", "Transfer-Encoding: chunked"))[1].status, 413)
  t.is(server(small):get("GET / HTTP/1.1\r\nA: " .. ("a"):rep(100))[1].status, 431)
  t.is(server(small):get("GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\nc:\r\n\r\n")[1].status, 431)
  t.is(server(small):get("GET /" .. ("a"):rep(100))[1].status, 414)
end)

t.case("F74 an error item can be put as it is, later input is dropped", function()
  local f = server()
  local item = f:get("POST /p HTTP/1.1\r\n\r\n" .. GET)[1]
  t.is(item.request.method, "POST")
  t.is(item.request.path, "/p")
  t.is(tostring(item), "poe.Response(400)")
  t.truthy(item.content:find("400 Bad Request", 1, true))
  t.is(put(f, item), "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: " .. #item.content ..
    "\r\nConnection: close\r\n\r\n" .. item.content)
  t.same(f:get(GET), {})
  t.is(f:get_pending(), nil)
  t.is(f:reset(), true)
  t.is(#f:get(GET), 1)
end)

t.case("F74 an error item can be changed and put", function()
  local f = server()
  local item = f:get("garbage\n")[1]
  t.is(item.request, nil)
  item.headers["x-more"] = "1"
  item.content = "sorry"
  t.is(put(f, item), "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nx-more: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry")
end)

t.case("F75 streaming: request, pieces, end", function()
  local stream = post("hello", "Content-Length: 5") .. GET .. post("3\r\nabc\r\n0\r\nA: b\r\n\r\n", "Transfer-Encoding: chunked")
  for _, items in ipairs{ server{ streaming = true }:get(stream), by_bytes(server{ streaming = true }, stream) } do
    local seen = {}
    for i, item in ipairs(items) do
      if type(item) == "string" then
        t.truthy(item ~= "", "an empty piece")
        seen[i] = item
      elseif item.is_end then
        seen[i] = "|" .. (item.trailers.a or "") .. "|"
      else
        t.is(item.content, nil)
        seen[i] = item.method .. ":"
      end
    end
    t.is(table.concat(seen), "POST:hello||GET:||POST:abc|b|")
  end
end)

t.case("F76 keep_alive", function()
  local function keeps(protocol, connection)
    return server():get("GET / " .. protocol .. "\r\nHost: h\r\n" .. (connection and "Connection: " .. connection .. "\r\n" or "") .. "\r\n")[1].keep_alive
  end
  t.is(keeps("HTTP/1.1"), true)
  t.is(keeps("HTTP/1.1", "close"), false)
  t.is(keeps("HTTP/1.0"), false)
  t.is(keeps("HTTP/1.0", "keep-alive"), true)
end)

t.case("F77 put: status line, header lines in their order, Content-Length", function()
  t.is(put(after(GET), { status = 404, reason = "nope", headers = { A = { "1", 2 }, B = 3.5 }, content = "hello" }),
    "HTTP/1.1 404 nope\r\nA: 1\r\nA: 2\r\nB: 3.5\r\nContent-Length: 5\r\n\r\nhello")
  t.is(put(after(GET), { headers = { { "Z", "1" }, { "A", "2" }, { "Z", "3" } }, content = "" }),
    "HTTP/1.1 200 OK\r\nZ: 1\r\nA: 2\r\nZ: 3\r\nContent-Length: 0\r\n\r\n")
  t.is(put(after(GET), { status = 200, protocol = "HTTP/1.0", content = 12 }), "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n12")
end)

t.case("F77 put: no body for 204, 304 and answers to HEAD", function()
  t.is(put(after(GET), { status = 204, content = "x" }), "HTTP/1.1 204 No Content\r\n\r\n")
  t.is(put(after(GET), { status = 304, content = "x" }), "HTTP/1.1 304 Not Modified\r\n\r\n")
  t.is(put(after("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", GET), { content = "x" }, { content = "y" }),
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny")
end)

t.case("F77 put: Connection as the request says, and where only the connection's end ends the body", function()
  t.is(put(after("GET / HTTP/1.0\r\n\r\n"), { content = "" }), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
  t.is(put(after("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), { content = "" }),
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
  t.is(put(after(GET), {}, "raw", " bytes"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nraw bytes")
end)

t.case("F77 put: date and server are added if absent", function()
  local f = HTTPD.new()
  local out = put(f, { content = "" })
  t.truthy(out:find("^HTTP/1.1 200 OK\r\nDate: %a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT\r\nServer: poelua\r\nContent%-Length: 0\r\n\r\n$"), out)
  t.is(put(f, { headers = { date = "x", SERVER = "y" }, content = "" }), "HTTP/1.1 200 OK\r\ndate: x\r\nSERVER: y\r\nContent-Length: 0\r\n\r\n")
  t.is(put(HTTPD.new{ date = false, server = "mine" }, { content = "" }), "HTTP/1.1 200 OK\r\nServer: mine\r\nContent-Length: 0\r\n\r\n")
end)

t.case("F78 put: line ends in names, values and reasons raise", function()
  local f = server()
  local function refused(item, pattern) t.fails(function() f:put{ item } end, pattern) end
  refused({ headers = { A = "b\r\nC: d" } }, "headers.A: string without line ends")
  refused({ headers = { A = "b\n" } }, "headers.A: string without line ends")
  refused({ headers = { ["A\n"] = "b" } }, "headers.*name of a header line expected")
  refused({ reason = "a\nb" }, "reason: string without line ends")
  refused({ is_end = true, trailers = { A = "\r" } }, "trailers.A: string without line ends")
end)

t.case("F78 put: what is no response raises and names the field", function()
  local f = server()
  local function refused(item, pattern) t.fails(function() f:put{ item } end, pattern) end
  refused({ headers = { X = {} , Y = { {} } } }, "headers.Y%[1%]: string expected, got table")
  refused({ headers = { X = true } }, "headers.X: string expected, got boolean")
  refused({ headers = "x" }, "headers: table expected, got string")
  refused({ headers = { "x" } }, "headers%[1%]: name and value expected, got string")
  refused({ status = "200" }, "status: number expected, got string")
  refused({ status = 99 }, "status: number from 100 to 999 expected")
  refused({ status = 200.5 }, "status: number from 100 to 999 expected")
  refused({ content = {} }, "content: string expected, got table")
  refused({ chunked = 1 }, "chunked: boolean expected, got number")
  refused({ protocol = "HTTP/2" }, "protocol: HTTP/1.0 or HTTP/1.1 expected")
  refused(true, "response, string or end expected, got boolean")
  refused(server():get(GET)[1], "response, string or end expected, got poe.Request")
end)

t.case("F79 put chunked: head, two chunks, end", function()
  t.is(put(after(GET), { chunked = true, headers = { A = "b" } }, "hello", "", ("x"):rep(20), { is_end = true, trailers = { Sum = "1" } }),
    "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n14\r\n" .. ("x"):rep(20) .. "\r\n0\r\nSum: 1\r\n\r\n")
  t.is(put(after("GET / HTTP/1.0\r\n\r\n"), { chunked = true }, "hello", { is_end = true }), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
end)

-- client makes a HTTPClient that has sent requests of these methods.
local function client(params, ...)
  local f = HTTPClient.new(params)
  for _, method in ipairs{ ... } do f:put{ { method = method, url = "http://h/" } } end
  return f
end

t.case("F80 client: length, chunked, HEAD, 204, 1xx, pipelined", function()
  local stream = "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\n\r\nhello" ..
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 no such page\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nB: c\r\n\r\n" ..
    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
  for _, items in ipairs{ client({}, "GET", "POST", "HEAD", "GET"):get(stream), by_bytes(client({}, "GET", "POST", "HEAD", "GET"), stream) } do
    local seen = {}
    for i, r in ipairs(items) do seen[i] = r.status .. ":" .. r.content .. (r.interim and "*" or "") end
    t.is(table.concat(seen, " "), "200:hello 100:* 404:abc 200: 204:")
    local r = items[1]
    t.same({ r.is_response, r.reason, r.protocol, r.headers.a, r.header_list[1][1], r.keep_alive, r:header("a") },
      { true, "OK", "HTTP/1.1", "1", "A", true, "1" })
    t.is(items[3].reason, "no such page")
    t.same(items[3].trailers, { b = "c" })
  end
end)

t.case("F80 client: a body without a length lasts until the end of input", function()
  local f = client({}, "GET")
  t.same(f:get("HTTP/1.0 200 OK\r\n\r\nhello\r\n"), {})
  local items = f:get_eof()
  t.is(#items, 1)
  t.is(items[1].content, "hello\r\n")
  t.is(items[1].keep_alive, false)
  t.same(f:get_eof(), {})
end)

t.case("F80 client: a body cut short is a failure", function()
  for _, stream in ipairs{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello" } do
    local f = client({}, "GET")
    t.same(f:get(stream), {})
    local items, message, errno, final = f:get_eof()
    t.same({ items, message, errno, final }, { nil, "body cut short", poe.errno.EBADMSG, true })
  end
end)

t.case("F80 client: 101 hands over what follows", function()
  local f = client({}, "GET")
  local items = f:get("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nraw\r\n\r\n")
  t.is(#items, 1)
  t.is(items[1].status, 101)
  t.is(table.concat(f:get_pending()), "raw\r\n\r\n")
end)

t.case("F80 client: streaming, and its items can be put again", function()
  local stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
  local items = client({ streaming = true }, "GET"):get(stream)
  t.is(#items, 3)
  t.same({ items[1].content, items[2], items[3].is_end }, { nil, "abc", true })
  t.is(put(after(GET), unpack(items)), stream)
end)

t.case("F80 client: limits and what is no answer", function()
  local function failure(params, stream)
    local items, _, errno, final = client(params, "GET"):get(stream)
    t.is(items, nil)
    t.is(final, true)
    return errno
  end
  t.is(failure({ max_content = 4 }, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), poe.errno.EMSGSIZE)
  t.is(failure({ max_header = 30 }, "HTTP/1.1 200 OK\r\nA: 1234567890123456789"), poe.errno.EMSGSIZE)
  t.is(failure({}, "SSH-2.0\r\n\r\n"), poe.errno.EBADMSG)
  t.is(failure({}, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), poe.errno.EBADMSG)
end)

t.case("F80 a response with several cookies is put as it came", function()
  local stream = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nhi"
  local r = client({}, "GET"):get(stream)[1]
  local moved = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nhi"
  t.is(put(after(GET), r), moved)
  t.is(r.headers["set-cookie"], "a=1, b=2")
  t.is(put(after(GET), r), moved)
  r.headers.x, r.headers.via = nil, "1.1 p"
  t.is(put(after(GET), r), "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nvia: 1.1 p\r\nContent-Length: 2\r\n\r\nhi")
end)

t.case("F81 client put: Host from url, path and query, Content-Length", function()
  local f = HTTPClient.new()
  t.is(put(f, { url = "http://example.org:81/a?b=c#d" }), "GET /a?b=c HTTP/1.1\r\nHost: example.org:81\r\n\r\n")
  t.is(put(f, { method = "POST", uri = "/a", headers = { Host = "h" }, content = "hello" }), "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
  t.is(put(f, { method = "POST", url = "http://h/", chunked = true }, "hello", { is_end = true }),
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
end)

t.case("F81 client put: what is no request raises and names the field", function()
  local f = HTTPClient.new()
  local function refused(item, pattern) t.fails(function() f:put{ item } end, pattern) end
  refused({}, "uri: target of a request expected")
  refused({ url = 5 }, "url: http or https URL expected")
  refused({ url = "http://h/\r\n" }, "url: ")
  refused({ url = {} }, "url: string expected, got table")
  refused({ uri = "/", method = "A B" }, "method: ")
  refused({ uri = "/", headers = { A = "\n" } }, "headers.A: string without line ends")
  refused(client({}, "GET"):get("HTTP/1.1 204 x\r\n\r\n")[1], "request, string or end expected, got poe.Response")
end)

t.case("F81 a request that a server read can be put by a client", function()
  local r = server():get(post("5\r\nhello\r\n0\r\n\r\n", "A: b", "Transfer-Encoding: chunked"))[1]
  t.is(put(HTTPClient.new(), r), "POST /p HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 5\r\n\r\nhello")
end)

t.case("F9 parameters are checked", function()
  t.fails(function() HTTPD.new{ max_contents = 1 } end, "poe.filter.HTTPD.new: unknown parameter 'max_contents'")
  t.fails(function() HTTPD.new{ max_content = 0 } end, "poe.filter.HTTPD.new: max_content: ")
  t.fails(function() HTTPD.new{ max_content = 11, max_buffer = 10 } end, "max_content: 11 is above max_buffer, 10")
  t.fails(function() HTTPD.new{ server = 1 } end, "server: string or boolean expected, got number")
  t.fails(function() HTTPD.new{ server = "a\nb" } end, "server: ")
  t.fails(function() HTTPD.new{ date = "x" } end, "date: boolean expected, got string")
  t.fails(function() HTTPClient.new{ max_buffer = 1 } end, "poe.filter.HTTPClient.new: unknown parameter 'max_buffer'")
end)
