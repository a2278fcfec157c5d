-- poe.filter.CSV, IRC, Syslog and Snort.
local poe = require "poe"
local t = require "poe.test"

local CSV, IRC, Syslog, Snort = poe.filter.CSV, poe.filter.IRC, poe.filter.Syslog, poe.filter.Snort

t.case("F85 CSV: quotes, separators and line ends in fields", function()
  local f = CSV.new()
  t.same(f:get('a,"b ""c""","d,e","f\r\ng",\r\n"x"\n'), { { "a", 'b "c"', "d,e", "f\r\ng", "" }, { "x" } })
  t.same(f:put{ { "a", 'b"c', "d,e", "f\ng", "", 5 } }, { 'a,"b""c","d,e","f\ng",,5\r\n' })
end)

t.case("F85 CSV: other separators, quotes and line ends", function()
  local f = CSV.new{ separator = ";", quote = "'", line_end = "\n" }
  t.same(f:get("a;'b;c'\n"), { { "a", "b;c" } })
  t.same(f:put{ { "a", "b;c" } }, { "a;'b;c'\n" })
  for _, params in ipairs{ { separator = "" }, { separator = "ab" }, { quote = "\n" }, { separator = '"' }, { line_end = "" }, { header = 1 } } do
    t.fails(function() CSV.new(params) end, "poe.filter.CSV.new: ")
  end
end)

t.case("F85 CSV: with header the first record names the fields", function()
  local f = CSV.new{ header = true }
  t.same(f:get("name,age\nada,36\n"), { { name = "ada", age = "36" } })
  t.same(f:clone():get("x\n1\n"), { { x = "1" } })
  local bytes = table.concat(CSV.new{ header = true }:put{ { "name", "age" }, { name = "ada", age = 36 } })
  t.is(bytes, "name,age\r\nada,36\r\n")
end)

t.case("F85 CSV: awkward fields come back", function()
  local f = CSV.new()
  local record = { "", " ", '"', '""', ",", "\r\n", "\n", "\r", "a\"b,c\nd", "\0\255" }
  t.same(f:get(f:put{ record }), { record })
end)

t.case("CSV: junk after a closing quote fails, and the next record is given", function()
  local f = CSV.new()
  t.same(f:get('a\n"b"c,d\n\ne\n'), { { "a" } })
  t.failure("EBADMSG", f:get{})
  t.same(f:get{}, { { "e" } })
end)

t.case("CSV: a last record without line end is an item of get_eof", function()
  local f = CSV.new()
  t.same(f:get("a\nb"), { { "a" } })
  t.same(f:get_eof(), { { "b" } })
end)

t.case("CSV: what is no record raises on put", function()
  t.fails(function() CSV.new():put{ "a" } end, "item 1: array expected, got string")
  t.fails(function() CSV.new():put{ { a = 1 } } end, "item 1: array expected, got table")
  t.fails(function() CSV.new():put{ { "a", {} } } end, "item 1: ")
  t.fails(function() CSV.new():put{ { "a", print } } end, "item 1: item%[2%]: .*got function")
end)

t.case("F86 IRC: prefix, tags, and parameters with a trailing one", function()
  local f = IRC.new()
  local m = f:get("@id=1;x\\:y=a\\sb :nick!user@host PRIVMSG #chan :hello there\r\n")[1]
  t.same({ m.prefix, m.nick, m.user, m.host, m.command }, { "nick!user@host", "nick", "user", "host", "PRIVMSG" })
  t.same(m.params, { "#chan", "hello there" })
  t.is(m.tags.id, "1")
  t.is(m.raw, "@id=1;x\\:y=a\\sb :nick!user@host PRIVMSG #chan :hello there")
end)

t.case("F86 IRC: a numeric command stays a string, an empty trailing parameter a parameter", function()
  local list = IRC.new():get(":irc.example.org 001 me :\r\nPING\r\n\r\nJOIN #a b\n")
  t.is(#list, 3)
  t.is(list[1].command, "001")
  t.same(list[1].params, { "me", "" })
  t.is(list[1].nick, nil)
  t.same({ list[2].command, list[2].params, list[2].tags }, { "PING", {}, {} })
  t.same(list[3].params, { "#a", "b" })
end)

t.case("F86 IRC: put takes a message or a raw string", function()
  local f = IRC.new()
  t.same(f:put{ "PING :x", { command = "PRIVMSG", params = { "#a", "b c" } }, { command = "PONG", params = { "" } },
    { prefix = "me", command = "MODE", params = { 5 }, tags = { k = "a b" } } },
    { "PING :x\r\n", "PRIVMSG #a :b c\r\n", "PONG :\r\n", "@k=a\\sb :me MODE 5\r\n" })
  local line = "@a=b :n!u@h PRIVMSG #c :d e\r\n"
  t.same(f:put(f:get(line)), { line })
end)

t.case("F86 IRC: what would be another message raises", function()
  local f = IRC.new()
  for _, item in ipairs{
    "a\r\nQUIT", "a\0b", {}, { command = "A B" }, { command = "A", params = { "b\nc" } }, { command = "A", params = { "b c", "d" } },
    { command = "A", prefix = "b c" }, { command = "A", params = "b" }, { command = "A", params = { {} } },
    { command = "A", tags = { ["a b"] = "c" } }, { command = "A", tags = { a = {} } }, { command = {} }, 1 == 1,
  } do
    t.fails(function() f:put{ item } end, "bad argument #1 to 'put' %(item 1: ")
  end
  t.fails(function() f:put{ { command = "A", params = { {} } } } end, "params%[1%]: string expected, got table")
end)

t.case("F87 Syslog: a line of RFC 5424", function()
  local f = Syslog.new()
  local line = '<165>1 2003-10-11T22:14:15.003Z host.example.com evntslog 123 ID47 [ex@1 a="1" b="\\"2\\""] An event\n'
  local m = f:get(line)[1]
  t.same({ m.facility, m.severity, m.host, m.tag, m.pid, m.message }, { 20, 5, "host.example.com", "evntslog", 123, "An event" })
  t.same(m.structured, { ["ex@1"] = { a = "1", b = '"2"' } })
  t.truthy(math.abs(m.time - 1065910455.003) < 1e-3)
  t.is(f:put{ m }[1], line)
end)

t.case("F87 Syslog: a line of RFC 3164", function()
  local m = Syslog.new():get("<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed\n")[1]
  t.same({ m.facility, m.severity, m.host, m.tag, m.pid, m.message, m.structured }, { 4, 2, "mymachine", "su", 77, "'su root' failed" })
  t.is(type(m.time), "number")
end)

t.case("Syslog: what does not parse is an item with its message alone", function()
  local m = Syslog.new():get("just text\n")[1]
  t.is(m.message, "just text")
  t.same({ m.facility, m.severity, m.time, m.host, m.tag }, {})
end)

t.case("Syslog: counted frames", function()
  local f = Syslog.new{ framing = "octet" }
  local items = f:get("7 <13>a\nb5 <13>c")
  t.is(#items, 2)
  t.is(items[1].message, "a\nb")
  t.is(f:put{ items[1] }[1]:match("^(%d+) "), tostring(#f:put{ items[1] }[1]:match("^%d+ (.*)$")))
  t.fails(function() Syslog.new{ framing = "x" } end, 'poe.filter.Syslog.new: framing: "line" or "octet" expected')
end)

t.case("Syslog: wrong messages raise on put", function()
  for _, item in ipairs{ { facility = "x" }, { facility = 99, severity = 1 }, { message = {} }, { time = "now", message = "x" }, { structured = { a = 1 } }, "text" } do
    t.fails(function() Syslog.new():put{ item } end, "bad argument #1 to 'put' %(item 1: ")
  end
end)

local fast = "08/28-12:15:34.123456  [**] [1:1000001:3] ICMP test [**] [Classification: Misc activity] [Priority: 3] {TCP} 10.0.0.1:1024 -> 10.0.0.2:80\n"
local full = "[**] [1:2003:8] MS-SQL Worm [**]\n[Classification: Misc Attack] [Priority: 2] \n" ..
  "08/28-12:15:34.123456 10.0.0.1:1024 -> 10.0.0.2:1434\nUDP TTL:110 TOS:0x0 ID:1 IpLen:20 DgmLen:404\nLen: 376\n" ..
  "[Xref => http://example.org/a][Xref => cve 2002-0649]\n\n"

t.case("F87 Snort: a fast alert", function()
  local a = Snort.new():get(fast)[1]
  t.same({ a.gid, a.sid, a.rev, a.message, a.classification, a.priority, a.protocol, a.src, a.src_port, a.dst, a.dst_port },
    { 1, 1000001, 3, "ICMP test", "Misc activity", 3, "TCP", "10.0.0.1", 1024, "10.0.0.2", 80 })
  t.is(type(a.time), "number")
end)

t.case("F87 Snort: a full alert is one item for its several lines", function()
  local f = Snort.new()
  local items = f:get(full .. fast)
  t.is(#items, 2)
  t.same({ items[1].sid, items[1].src_port, items[1].dst_port }, { 2003, 1024, 1434 })
  t.is(#items[1].references, 2)
  t.is(#f:get(f:put(items)), 2)
  t.fails(function() f:put{ {} } end, "item 1: ")
end)
