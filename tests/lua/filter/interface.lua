-- What all filters have in common: their methods, chunks and items, failures.
local poe = require "poe"
local t = require "poe.test"

-- makers gives a new filter of each class that needs no kernel, and input that is two whole items for it.
local function same_item(x) return x end
local makers = {
  Block = { function() return poe.filter.Block.new() end, "1\0a2\0bc" },
  CSV = { function() return poe.filter.CSV.new() end, "a,b\r\nc,d\r\n" },
  Grep = { function() return poe.filter.Grep.new{ code = function() return true end } end },
  HTTPClient = { function() return poe.filter.HTTPClient.new() end },
  HTTPD = { function() return poe.filter.HTTPD.new() end, ("GET / HTTP/1.1\r\nHost: a\r\n\r\n"):rep(2) },
  IRC = { function() return poe.filter.IRC.new() end, "PING a\r\nPING b\r\n" },
  JSONLines = { function() return poe.filter.JSONLines.new() end, "1\n2\n" },
  LengthPrefix = { function() return poe.filter.LengthPrefix.new{ width = 1 } end, "\1a\2bc" },
  Line = { function() return poe.filter.Line.new() end, "a\nb\n" },
  Map = { function() return poe.filter.Map.new{ code = same_item } end },
  Netstring = { function() return poe.filter.Netstring.new() end, "1:a,2:bc," },
  RecordBlock = { function() return poe.filter.RecordBlock.new{ block_size = 1 } end },
  Reference = { function() return poe.filter.Reference.new() end, "1\0\1" .. "1\0\2" },
  Snort = { function() return poe.filter.Snort.new() end },
  Stackable = { function() return poe.filter.Stackable.new{ filters = { poe.filter.Line.new() } } end, "a\nb\n" },
  Stream = { function() return poe.filter.Stream.new() end },
  Syslog = { function() return poe.filter.Syslog.new() end, "<13>a\n<13>b\n" },
}

-- each calls f for each class, in an order that does not change.
local function each(f)
  local names = {}
  for name in pairs(makers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do f(name, makers[name][1], makers[name][2]) end
end

local function pack(...) return { n = select("#", ...), ... } end

-- one_by_one is get by get_one_start and get_one.
local function one_by_one(f, chunks)
  t.success(f:get_one_start(chunks))
  local items = {}
  while true do
    local some = f:get_one()
    if #some == 0 then return items end
    for _, item in ipairs(some) do items[#items + 1] = item end
  end
end

t.case("F1 every class of poe.filter has new, and its objects all methods", function()
  local seen = 0
  for name, class in pairs(poe.filter) do
    seen = seen + 1
    t.truthy(makers[name], name)
    t.is(type(class.new), "function", name)
    local f = makers[name][1]()
    for _, method in ipairs{ "get", "get_one_start", "get_one", "get_pending", "get_eof", "put", "clone", "reset", "type" } do
      t.is(type(f[method]), "function", name .. "." .. method)
    end
    t.is(f:type(), name)
    t.is(tostring(f), "poe.filter." .. name)
  end
  t.is(seen, 17)
end)

t.case("F2 get equals get_one_start and repeated get_one", function()
  each(function(name, make, input)
    if not input then return end
    local together, apart = make():get{ input }, one_by_one(make(), { input })
    t.is(#together, 2, name)
    t.is(#apart, 2, name)
    if type(together[1]) ~= "table" then t.same(together, apart, name) end
  end)
end)

t.case("F3 get_one_start returns no items, and get_pending gives the bytes just added", function()
  each(function(name, make, input)
    local f = make()
    t.success(f:get_one_start{ (input or "abc"):sub(1, 1), (input or "abc"):sub(2) })
    t.is(table.concat(f:get_pending()), input or "abc", name)
  end)
end)

t.case("F4 get_pending twice gives equal results and consumes nothing", function()
  each(function(name, make, input)
    if not input then return end
    local f = make()
    f:get_one_start{ input }
    t.same(f:get_pending(), f:get_pending(), name)
    t.is(#f:get{}, 2, name)
  end)
end)

t.case("F5 get_pending of a fresh filter is nil, as after input of whole items", function()
  each(function(name, make, input)
    local f = make()
    t.same(pack(f:get_pending()), { n = 1 }, name)
    if not input then return end
    f:get{ input }
    t.same(pack(f:get_pending()), { n = 1 }, name)
  end)
end)

t.case("F6 clone has the same type, an empty buffer, and parses independently of the original", function()
  each(function(name, make, input)
    if not input then return end
    local f = make()
    f:get_one_start{ input:sub(1, 1) }
    local c = f:clone()
    t.is(c:type(), name)
    t.is(c:get_pending(), nil, name)
    t.is(#c:get{ input }, 2, name)
    t.is(#f:get{ input:sub(2) }, 2, name)
  end)
end)

t.case("F7 a single string is accepted for chunks", function()
  each(function(name, make, input)
    if input then t.is(#make():get(input), 2, name) end
  end)
end)

t.case("F7 an empty array and empty strings give no items", function()
  each(function(name, make)
    local f = make()
    if name == "Grep" or name == "Map" or name == "RecordBlock" then
      t.same(f:get{}, {}, name)
      return
    end
    t.same(f:get{}, {}, name)
    t.same(f:get{ "", "" }, {}, name)
    t.same(f:get(""), {}, name)
    t.is(f:get_pending(), nil, name)
  end)
end)

t.case("F8 get_one with nothing complete gives an empty table", function()
  each(function(name, make) t.same(pack(make():get_one()), { n = 1, {} }, name) end)
end)

t.case("get_eof of a filter with nothing in it gives an empty table", function()
  each(function(name, make) t.same(pack(make():get_eof()), { n = 1, {} }, name) end)
end)

t.case("F9 unknown constructor keys raise, naming the class and the key", function()
  local needs = { RecordBlock = { block_size = 1 }, Grep = { code = same_item }, Map = { code = same_item } }
  for name, class in pairs(poe.filter) do
    local params = needs[name] or {}
    params.nonsense = 1
    t.fails(function() class.new(params) end, "interface.lua:%d+: poe%.filter%." .. name .. "%.new: unknown parameter 'nonsense'")
  end
end)

t.case("a constructor's argument that is no table raises", function()
  for name, class in pairs(poe.filter) do
    t.fails(function() class.new(5) end, "poe%.filter%." .. name .. "%.new: table expected, got number")
  end
end)

t.case("F10 poe.Filter.new raises", function() t.fails(poe.Filter.new, "poe%.Filter%.new: the base class") end)

t.case("F10 poe.Filter.is is true for every built-in and for a table with put and get", function()
  each(function(name, make) t.is(poe.Filter.is(make()), true, name) end)
  local function method() end
  t.is(poe.Filter.is{ put = method, get = method }, true)
  t.is(poe.Filter.is{ put = method, get_one = method, get_one_start = method }, true)
  t.is(poe.Filter.is(setmetatable({}, { __index = function() return method end })), true)
end)

t.case("F10 poe.Filter.is is false for what cannot serve as a filter", function()
  local function method() end
  for _, x in ipairs{ "x", 5, {}, true, method, { put = method }, { get = method }, { put = method, get = 5 },
                      { put = method, get_one = method }, io.stdin } do
    t.is(poe.Filter.is(x), false)
  end
  t.is(poe.Filter.is(nil), false)
  t.is(poe.Filter.is(), false)
end)

t.case("F11 filters work at top level, in handlers, and after the run", function(case)
  local f = poe.filter.Line.new()
  t.same(f:get{ "a\nb" }, { "a" })
  poe.Session.create{ inline_states = {
    _start = case.expect(1, function(ctx) t.same(f:get{ "c\nd" }, { "bc" }); ctx.kernel:yield("later") end),
    later = case.expect(1, function() t.same(f:get{ "e\nf" }, { "de" }) end),
  } }
  case.after(function() t.same(f:get{ "\n" }, { "f" }) end)
end)

t.case("F11 filters work in coroutines", function()
  local f = poe.filter.Map.new{ code = function(x) return x .. x end }
  local co = coroutine.wrap(function()
    coroutine.yield(f:get{ "a" })
    coroutine.yield(f:get{ "b" })
  end)
  t.same(co(), { "aa" })
  t.same(co(), { "bb" })
end)

t.case("F12 items before a failure are returned first; the failure comes next", function()
  local f = poe.filter.Line.new{ max_length = 3 }
  t.same(f:get{ "a\nlonger\nb\n" }, { "a" })
  t.failure("EMSGSIZE", f:get{ "c\n" })
  t.same(f:get{}, { "b", "c" })
end)

t.case("F12 a failure that get found is what get_one returns next", function()
  local f = poe.filter.Line.new{ max_length = 3 }
  t.same(f:get{ "a\nlonger\nb\n" }, { "a" })
  t.failure("EMSGSIZE", f:get_one())
  t.same(f:get_one(), { "b" })
  t.same(f:get_one(), {})
end)

t.case("F13 after a final failure every get returns it again", function()
  local f = poe.filter.Netstring.new()
  t.same(f:get{ "1:a,x" }, { "a" })
  for _ = 1, 3 do
    local r = pack(f:get{})
    t.is(r[1], nil)
    t.is(r[3], poe.errno.EBADMSG)
    t.is(r[4], true)
    t.same(pack(f:get_one()), r)
    t.same(pack(f:get{ "1:b," }), r)
  end
end)

t.case("F13 reset clears a final failure", function()
  local f = poe.filter.Netstring.new()
  t.is(f:get{ "x" }, nil)
  t.success(f:reset())
  t.is(f:get_pending(), nil)
  t.same(f:get{ "1:b," }, { "b" })
end)

t.case("F13 the clone of a filter that has failed is clean", function()
  local f = poe.filter.Netstring.new()
  t.is(f:get{ "x" }, nil)
  t.same(f:clone():get{ "1:b," }, { "b" })
  t.is(f:get{}, nil)
end)

t.case("reset drops a failure that is still to come", function()
  local f = poe.filter.Line.new{ max_length = 3 }
  t.same(f:get{ "a\nlonger\nb\n" }, { "a" })
  t.success(f:reset())
  t.same(f:get{ "c\n" }, { "c" })
end)

t.case("with the assertion retvals a failure raises", function()
  local f = poe.filter.Netstring.new()
  t.fails(function() f:get{ "x" } end, "netstring")
end, { env = { POELUA_ASSERT = "retvals" } })

t.case("a filter refuses to be fed when too much is waiting, having taken nothing", function()
  local f = poe.filter.Line.new{ max_length = 4, max_buffer = 4 }
  t.success(f:get_one_start{ "abcd\nefgh\n" })
  t.failure("EMSGSIZE", f:get_one_start{ "i", "\n" })
  t.is(table.concat(f:get_pending()), "abcd\nefgh\n")
  t.same(f:get_one(), { "abcd" })
  t.same(f:get_one(), { "efgh" })
  t.same(f:get{ "i\n" }, { "i" })
end)

-- everything is what a filter makes of chunks: items, the lengths of those that are tables, and failures.
local function everything(f, chunks)
  local seen, over = {}, false
  for _, chunk in ipairs(chunks) do
    local idle = over or f:get_one_start(chunk) == nil
    while not idle do
      local items, message, _, final = f:get_one()
      if not items then
        seen[#seen + 1] = "failure: " .. message
        over, idle = final, final
      else
        idle = #items == 0
        for _, item in ipairs(items) do seen[#seen + 1] = type(item) == "table" and #item or item end
      end
    end
  end
  return seen
end

t.case("F14 random cuts of an input give the same items and failures", function()
  local seed = 1
  local function random(n)
    seed = seed * 48271 % 2147483647
    return seed % n + 1
  end
  for _, entry in ipairs{
    { 5, "ab\r\n\n\rtoo long\rc\nd\r\n", function() return poe.filter.Line.new{ max_length = 4 } end },
    { 4, "a--b----c--x-", function() return poe.filter.Line.new{ literal = "--" } end },
    { 4, "3\0abc0\0" .. "1\0xbad", function() return poe.filter.Block.new() end },
    { 3, "1\0" .. "1" .. "3\0bad" .. "3\0[1]", function() return poe.filter.Reference.new{ serializer = "json" } end },
    { 3, "1\nx\r\n\n\"a\"\n", function() return poe.filter.JSONLines.new() end },
    { 3, "1:a,0:,2:bcx", function() return poe.filter.Netstring.new() end },
    { 2, "\0\1a\0\0\0", function() return poe.filter.LengthPrefix.new{ width = 2 } end },
    { 3, 'a,"b\n"\n"x"y\nc\n', function() return poe.filter.CSV.new() end },
    { 2, "a!b!c!d!e!", function() return poe.filter.Stackable.new{ filters = {
      poe.filter.Line.new{ literal = "!" }, poe.filter.RecordBlock.new{ block_size = 2 } } } end },
  } do
    local count, input, make = entry[1], entry[2], entry[3]
    local want = everything(make(), { input })
    t.is(#want, count, make():type())
    for _ = 1, 50 do
      local chunks, at = {}, 1
      while at <= #input do
        local n = random(4)
        chunks[#chunks + 1] = input:sub(at, at + n - 1)
        at = at + n
      end
      t.same(everything(make(), chunks), want, make():type())
    end
  end
end)

t.case("F15 all 256 byte values pass unharmed", function()
  local bytes = {}
  for i = 0, 255 do bytes[i + 1] = string.char(i) end
  local all = table.concat(bytes)
  for _, f in ipairs{
    poe.filter.Stream.new(), poe.filter.Line.new{ literal = "<end>" }, poe.filter.Block.new(), poe.filter.Netstring.new(),
    poe.filter.LengthPrefix.new(), poe.filter.Reference.new(), poe.filter.Reference.new{ serializer = "cbor" },
  } do
    t.same(f:get(f:put{ all }), { all }, f:type())
  end
end)

t.case("F16 one byte at a time gives the same items", function()
  local input = ("some line\r\n"):rep(1000)
  local f, items = poe.filter.Line.new(), {}
  for i = 1, #input do
    for _, item in ipairs(f:get(input:sub(i, i))) do items[#items + 1] = item end
  end
  t.same(items, poe.filter.Line.new():get(input))
end)

t.case("wrong chunks raise, naming method and argument", function()
  local f = poe.filter.Line.new()
  t.fails(function() f:get() end, "bad argument #1 to 'get' %(string or array of strings expected, got no value%)")
  t.fails(function() f:get(nil) end, "interface.lua:%d+: bad argument #1 to 'get' %(string or array of strings expected, got nil%)")
  t.fails(function() f:get_one_start(5) end, "bad argument #1 to 'get_one_start' %(string or array of strings expected, got number%)")
  t.fails(function() f:get{ "a", {} } end, "bad argument #1 to 'get' %(item 2: string expected, got table%)")
  t.fails(function() f:get{ chunk = "a" } end, "bad argument #1 to 'get' %(string or array of strings expected, got a table with the key 'chunk'%)")
  t.is(f:get_pending(), nil)
end)

t.case("wrong items raise, naming method and argument", function()
  local f = poe.filter.Line.new()
  t.fails(function() f:put() end, "bad argument #1 to 'put' %(array of items expected, got no value%)")
  t.fails(function() f:put("a") end, "bad argument #1 to 'put' %(array of items expected, got string%)")
  t.fails(function() f:put{ "a", {} } end, "bad argument #1 to 'put' %(item 2: string expected, got table%)")
  t.fails(function() f:put{ poe.null } end, "string expected, got poe.null")
  t.fails(function() f:put{ line = "a" } end, "array of items expected, got a table with the key 'line'")
end)

t.case("a method called with a dot raises", function()
  t.fails(function() poe.filter.Line.new().get("a\n") end, "calling 'get' on a bad self %(use filter:get%)")
  t.fails(function() poe.filter.Line.new().put{ "a" } end, "calling 'put' on a bad self %(use filter:put%)")
end)

t.case("a method of another class raises", function()
  t.is(poe.filter.Line.new().push, nil)
  t.fails(function() poe.filter.Stackable.new().push(poe.filter.Line.new()) end, "calling 'push' on a bad self")
  local block = poe.filter.RecordBlock.new{ block_size = 1 }
  t.fails(function() block.block_size(poe.filter.Line.new(), 2) end, "calling 'block_size' on a bad self")
  local grep = poe.filter.Grep.new{ code = same_item }
  t.fails(function() grep.modify(poe.filter.Line.new(), {}) end, "calling 'modify' on a bad self")
end)

t.case("a number is put as its text", function()
  local f = poe.filter.Line.new()
  t.is(table.concat(f:put{ 5, -0.5, 1e15, 2 ^ 53 }), "5\r\n-0.5\r\n1e+15\r\n9.007199254741e+15\r\n")
  for _, n in ipairs{ 5, -0.5, 1e15, 1 / 3, 1 / 0, -1 / 0, 123456789 } do
    t.is(table.concat(f:put{ n }), tostring(n) .. "\r\n")
  end
end)

t.case("poe.null is one value with a name", function()
  t.is(tostring(poe.null), "null")
  t.is(type(poe.null), "userdata")
  t.is(getmetatable(poe.null), "poe.null")
end)

t.case("poe.array marks a table and returns it", function()
  local list = { 1 }
  t.is(poe.array(list), list)
  t.is(poe.array(list), list)
  t.is(#poe.array(), 0)
  t.fails(function() poe.array(5) end, "bad argument #1 to 'array' %(table expected, got number%)")
  t.fails(function() poe.array(setmetatable({}, {})) end, "the table has a metatable")
end)
