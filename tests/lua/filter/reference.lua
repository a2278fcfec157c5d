-- poe.filter.Reference.
local poe = require "poe"
local t = require "poe.test"

local Reference = poe.filter.Reference

-- back puts a value and gets it again.
local function back(f, value)
  local items = f:get(f:put{ value })
  t.is(#items, 1)
  return items[1]
end

local all = { "msgpack", "cbor", "json" }

t.case("F57 numbers, strings, booleans and nested tables come back", function()
  for _, name in ipairs(all) do
    local f = Reference.new{ serializer = name }
    for _, value in ipairs{ 0, -1, 1, 255, 65536, 2 ^ 53, -2 ^ 53, 1.5, -0.25, 1e300, "", "text", "h\195\169", true, false } do
      t.is(back(f, value), value, name)
    end
    local nested = { 1, "two", { three = { 3, { 4 } }, yes = true }, { { {} } } }
    t.same(back(f, nested), nested, name)
  end
end)

t.case("F15 F57 binary strings come back from msgpack and cbor, and raise in json", function()
  local bytes = {}
  for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
  bytes = table.concat(bytes)
  t.is(back(Reference.new(), bytes), bytes)
  t.is(back(Reference.new{ serializer = "cbor" }, bytes), bytes)
  t.fails(function() Reference.new{ serializer = "json" }:put{ { a = bytes } } end, "item.a: ")
end)

t.case("keys that are numbers and booleans", function()
  for _, name in ipairs{ "msgpack", "cbor" } do
    local f = Reference.new{ serializer = name }
    local value = { [1] = "a", [3] = "c", [1.5] = "x", [-1] = "y", [true] = "z", name = "n" }
    t.same(back(f, value), value, name)
  end
  t.same(back(Reference.new{ serializer = "json" }, { [1] = "a", [3] = "c" }), { ["1"] = "a", ["3"] = "c" })
end)

t.case("F58 the payload of the default serializer is MessagePack", function()
  t.same(Reference.new():put{ { a = 1 } }, { "4\0\129\161\97\1" })
  t.same(Reference.new{ serializer = "json" }:put{ { a = 1 } }, { '7\0{"a":1}' })
  t.same(Reference.new{ serializer = "cbor" }:put{ { a = 1 } }, { "4\0\161\97\97\1" })
end)

t.case("F59 poe.null survives alone, in arrays and in maps", function()
  for _, name in ipairs(all) do
    local f = Reference.new{ serializer = name }
    t.is(back(f, poe.null), poe.null, name)
    t.same(back(f, { 1, poe.null, poe.null }), { 1, poe.null, poe.null }, name)
    t.same(back(f, { a = poe.null }), { a = poe.null }, name)
  end
end)

t.case("F59 NaN and infinities survive msgpack and cbor, and raise in json", function()
  for _, name in ipairs{ "msgpack", "cbor" } do
    local f = Reference.new{ serializer = name }
    t.is(back(f, 1 / 0), 1 / 0)
    t.is(back(f, -1 / 0), -1 / 0)
    local nan = back(f, 0 / 0)
    t.truthy(nan ~= nan)
  end
  for _, value in ipairs{ 1 / 0, -1 / 0, 0 / 0 } do
    t.fails(function() Reference.new{ serializer = "json" }:put{ { value } } end, "item%[1%]: ")
  end
end)

t.case("F60 an empty array and an empty map stay what they are", function()
  for _, name in ipairs(all) do
    local f = Reference.new{ serializer = name }
    local first = f:put{ poe.array{} }[1]
    t.truthy(first ~= f:put{ {} }[1])
    local list = f:get(first)[1]
    t.is(f:put{ list }[1], first)
    t.is(f:put{ back(f, {}) }[1], f:put{ {} }[1])
    list[1] = 5
    t.same(back(f, list), { 5 })
  end
end)

t.case("a marked table that is no array raises", function()
  t.fails(function() Reference.new():put{ { list = poe.array{ name = 1 } } } end, "item.list: array expected, got table")
  t.fails(function() Reference.new():put{ poe.array{ 1, nil, 3 } } end, "item: array expected")
end)

t.case("a sparse array is a map", function()
  t.same(back(Reference.new(), { 1, nil, 3 }), { 1, nil, 3 })
  t.same(back(Reference.new{ serializer = "json" }, { 1, nil, 3 }), { ["1"] = 1, ["3"] = 3 })
end)

t.case("F61 what cannot be written raises, naming the path, and nothing is emitted", function()
  local cycle = { b = {} }
  cycle.b[1] = cycle
  for _, name in ipairs(all) do
    local f = Reference.new{ serializer = name }
    local function fails(value, pattern)
      t.fails(function() f:put{ 1, value } end, "bad argument #1 to 'put' %(item 2: " .. pattern)
    end
    fails({ a = { 1, 2, print } }, "item%.a%[3%]: value expected, got function")
    fails({ ["a b"] = io.stdin }, 'item%["a b"%]: value expected, got ')
    fails({ a = poe.kernel and coroutine.create(print) }, "item%.a: value expected, got thread")
    fails({ poe.filter.Line.new() }, "item%[1%]: value expected, got poe.filter.Line")
    fails(cycle, "item%.b%[1%]: table without a cycle expected")
    fails({ a = { [{}] = 1 } }, "item%.a: keys that are strings, numbers or booleans expected, got table")
    fails(print, "item: value expected, got function")
  end
end)

t.case("metatables are ignored, and a shared table is written twice", function()
  local shared = { 1 }
  local value = setmetatable({ shared, shared }, { __index = error, __pairs = error, __len = error })
  t.same(back(Reference.new(), value), { { 1 }, { 1 } })
end)

t.case("a small table that refers to itself in many ways is refused before it takes memory", function()
  local value = { "x" }
  for _ = 1, 100 do value = { value, value } end
  t.fails(function() Reference.new{ max_length = 10000 }:put{ value } end, "it takes more than max_length bytes")
  t.fails(function() poe.filter.JSONLines.new{ max_length = 10000 }:put{ value } end, "it takes more than max_length bytes")
end)

t.case("a map with a far integer key is refused, not given a table of that size", function()
  local f = Reference.new()
  t.same(back(f, { [1000] = 1 }), { [1000] = 1 })
  t.same(back(f, { [2 ^ 40] = 1 }), { [2 ^ 40] = 1 })
  t.failure("EBADMSG", f:get(f:put{ { [1100000] = 1 } }))
end)

t.case("F62 compression is smaller for equal bytes, and comes back", function()
  local f = Reference.new{ compression = true }
  local value = { ("x"):rep(10000) }
  t.truthy(#table.concat(f:put{ value }) < 200)
  t.same(back(f, value), value)
end)

t.case("F62 a frame that unpacks beyond max_length is a failure that passes", function()
  local frame = Reference.new{ compression = true }:put{ ("x"):rep(10000) }
  local f = Reference.new{ compression = true, max_length = 1000 }
  t.failure("EMSGSIZE", f:get(frame))
  t.is(back(f, "next"), "next")
end)

t.case("F63 a bad payload in a good frame fails, and the next frame is decoded", function()
  for _, name in ipairs(all) do
    local f = Reference.new{ serializer = name }
    t.failure("EBADMSG", f:get("1\0\193" .. table.concat(f:put{ 5 })))
    t.same(f:get{}, { 5 })
  end
end)

t.case("F63 with no_fatals a bad payload is an item, a string", function()
  local f = Reference.new{ no_fatals = true }
  local items = f:get("1\0\193" .. table.concat(f:put{ 5 }))
  t.is(#items, 2)
  t.is(type(items[1]), "string")
  t.is(items[2], 5)
end)

t.case("trailing bytes in a frame and integers that are too large fail", function()
  t.failure("EBADMSG", Reference.new():get("2\0\1\1"))
  local big = "9\0\207\255\255\255\255\255\255\255\255"
  t.failure("EBADMSG", Reference.new():get(big))
  t.same(Reference.new{ big_integers = "string" }:get(big), { "18446744073709551615" })
end)

t.case("F64 bad framing is a final failure", function()
  local f = Reference.new()
  local value, _, errno, final = f:get("abc")
  t.same({ value, errno, final }, { nil, poe.errno.EBADMSG, true })
  t.is(f:get(f:put{ 5 }), nil)
end)

t.case("F65 a serializer of two functions", function()
  local f = Reference.new{ serializer = { freeze = function(v) return "<" .. tostring(v) .. ">" end, thaw = function(s) return tonumber(s:sub(2, -2)) end } }
  t.same(f:put{ 5 }, { "3\0<5>" })
  t.is(back(f, 5), 5)
  t.is(back(f:clone(), 6), 6)
  t.is(back(f, "x"), poe.null)
end)

t.case("a serializer gets and gives any value", function()
  local kept
  local f = Reference.new{ serializer = { freeze = function(v) kept = v return "" end, thaw = function() return kept end } }
  for _, value in ipairs{ print, { print }, true, "x", 5, poe.null } do t.is(back(f, value), value) end
end)

t.case("F65 an error in thaw is a failure that passes, one in freeze raises", function()
  local f = Reference.new{ serializer = { freeze = function(v) if v == 0 then error("cold") end return "x" end, thaw = function() error("hot") end } }
  local value, message, errno, final = f:get(f:put{ 5 })
  t.same({ value, errno, final }, { nil, poe.errno.EBADMSG })
  t.truthy(message:find("hot"), message)
  t.fails(function() f:put{ 0 } end, "reference.lua:%d+: cold")
  t.fails(function() Reference.new{ serializer = { freeze = function() end, thaw = print } }:put{ 1 } end,
    "the function 'freeze' of a serializer returned a nil, want a string")
end)

t.case("F65 wrong parameters raise", function()
  local function fails(params, pattern) t.fails(function() Reference.new(params) end, "poe%.filter%.Reference%.new: " .. pattern) end
  fails({ serializer = { freeze = print } }, "serializer: thaw: function expected, got nil")
  fails({ serializer = { thaw = print, freeze = 5 } }, "serializer: freeze: function expected, got number")
  fails({ serializer = "xml" }, 'serializer: unknown name "xml"')
  fails({ serializer = print }, "serializer: string or table expected, got function")
  fails({ compression = 9 }, "compression: boolean expected, got number")
  fails({ max_depth = 0 }, "max_depth: whole number")
  fails({ big_integers = "round" }, 'big_integers: "string" expected, got "round"')
end)

t.case("F66 frames cut anywhere, and two in one chunk", function()
  for _, name in ipairs(all) do
    local f = Reference.new{ serializer = name }
    local bytes = table.concat(f:put{ { 1 }, { 2 } })
    t.same(f:get(bytes), { { 1 }, { 2 } })
    for i = 1, #bytes - 1 do
      local items = f:get(bytes:sub(1, i))
      for _, item in ipairs(f:get(bytes:sub(i + 1))) do items[#items + 1] = item end
      t.same(items, { { 1 }, { 2 } })
    end
  end
end)

t.case("F67 nesting beyond max_depth raises on put and fails on get", function()
  for _, name in ipairs(all) do
    local deep = 1
    for _ = 1, 6 do deep = { deep } end
    local f, narrow = Reference.new{ serializer = name }, Reference.new{ serializer = name, max_depth = 5 }
    t.same(back(f, deep), deep)
    t.fails(function() narrow:put{ deep } end, "nesting no deeper than 5 expected")
    t.failure("EBADMSG", narrow:get(f:put{ deep }))
    t.same(back(narrow, deep[1]), deep[1])
  end
end)
