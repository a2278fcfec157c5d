-- poe.filter.Stream and poe.filter.Block.
local poe = require "poe"
local t = require "poe.test"

local Block = poe.filter.Block

-- codec is a length of four bytes, the highest first.
local function encode(payload)
  local n = #payload
  return string.char(math.floor(n / 2 ^ 24) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 256) % 256, n % 256) .. payload
end
local function decode(buffer)
  local a, b, c, d = buffer:byte(1, 4)
  if not d then return end
  return ((a * 256 + b) * 256 + c) * 256 + d, 4
end

local function final(errno, ...)
  local value, message, number, last = ...
  t.is(value, nil)
  t.is(type(message), "string")
  t.is(number, poe.errno[errno])
  t.is(last, true)
end

t.case("F35 Stream joins chunks of one get, and put keeps items", function()
  local f = poe.filter.Stream.new()
  t.same(f:get{ "a", "bc", "" }, { "abc" })
  t.same(f:put{ "a", "", "bc" }, { "a", "", "bc" })
end)

t.case("F36 blocks of a fixed size", function()
  local f = Block.new{ block_size = 4 }
  t.same(f:get("12345678"), { "1234", "5678" })
  t.same(f:get("abcdefg"), { "abcd" })
  t.same(f:get_pending(), { "efg" })
  t.is(table.concat(f:put{ "ab", "cdefg" }), "abcdefg")
end)

t.case("F37 a decimal length, a zero byte and the payload, cut anywhere", function()
  local f, seen = Block.new(), {}
  for i, chunk in ipairs{ "1", "0", "\0", "klmno", "pqrst" } do seen[i] = table.concat(f:get(chunk), ",") end
  t.same(seen, { "", "", "", "", "klmnopqrst" })
end)

t.case("F38 default framing of items, empty ones too, and back", function()
  local f = Block.new()
  t.same(f:put{ "a", "bc", "" }, { "1\0a", "2\0bc", "0\0" })
  t.same(f:get(f:put{ "a", "", "bc" }), { "a", "", "bc" })
end)

t.case("F39 letters before or in a length, an empty length, and one of 21 digits are final failures", function()
  for _, input in ipairs{ "x1\0a", "12x\0", "\0", ("1"):rep(21) .. "\0" } do final("EBADMSG", Block.new():get(input)) end
end)

t.case("F40 a codec written in Lua, its header cut byte by byte", function()
  local f = Block.new{ length_codec = { encode, decode } }
  t.same(f:put{ "abc", "" }, { "\0\0\0\3abc", "\0\0\0\0" })
  local items = {}
  for c in ("\0\0\0\3abc\0\0\0\0\0\0\0\1d"):gmatch(".") do
    for _, item in ipairs(f:get(c)) do items[#items + 1] = item end
  end
  t.same(items, { "abc", "", "d" })
  t.same(f:clone():get("\0\0\0\1e"), { "e" })
end)

t.case("a decoder's nil and message is a final failure", function()
  local f = Block.new{ length_codec = { encode, function() return nil, "no such header" end } }
  local _, message = f:get("x")
  t.truthy(message:find("no such header"), message)
  final("EBADMSG", f:get("x"))
end)

t.case("an error in a codec reaches the caller, and the input is still there", function()
  local broken = true
  local f = Block.new{ length_codec = {
    function() error("no way out") end,
    function(buffer) if broken then error("no way in") end return decode(buffer) end,
  } }
  t.fails(function() f:put{ "x" } end, "no way out")
  t.fails(function() f:get("\0\0\0\1a") end, "no way in")
  t.same(f:get_pending(), { "\0\0\0\1a" })
  broken = false
  t.same(f:get{}, { "a" })
end)

t.case("a codec that returns something else is an error", function()
  for _, result in ipairs{ -1, 1.5, "3", true, 0 / 0, 1 / 0 } do
    local f = Block.new{ length_codec = { encode, function() return result, 1 end } }
    t.fails(function() f:get("abc") end, "the decoder of a length_codec returned")
    f = Block.new{ length_codec = { encode, function() return 1, result end } }
    t.fails(function() f:get("abc") end, "the decoder of a length_codec returned")
  end
  t.fails(function() Block.new{ length_codec = { encode, function() return 0, 0 end } }:get("abc") end, "the decoder")
  t.fails(function() Block.new{ length_codec = { encode, function() return 1, 100 end } }:get("abc") end, "the decoder")
  t.fails(function() Block.new{ length_codec = { function() end, decode } }:put{ "a" } end, "the encoder of a length_codec returned a nil, want a string")
end)

t.case("a codec must not use the filter that calls it", function()
  local f
  f = Block.new{ length_codec = { encode, function(buffer) f:get{} return decode(buffer) end } }
  t.fails(function() f:get("\0\0\0\1a") end, "'get' must not be called from a function that the filter itself calls")
end)

t.case("F41 wrong parameters raise", function()
  local function fails(params, pattern) t.fails(function() Block.new(params) end, "poe%.filter%.Block%.new: " .. pattern) end
  fails({ length_codec = { encode } }, "length_codec: decoder: function expected, got nil")
  fails({ length_codec = { nil, decode } }, "length_codec: encoder: function expected, got nil")
  fails({ length_codec = { encode, 5 } }, "length_codec: decoder: function expected, got number")
  fails({ length_codec = encode }, "length_codec: table expected, got function")
  fails({ length_codec = { encode, decode }, block_size = 4 }, "block_size: not together with length_codec")
  fails({ max_length = 5, block_size = 4 }, "block_size: not together with max_length")
  fails({ block_size = 0 }, "block_size: whole number")
  fails({ block_size = -1 }, "block_size: whole number")
  fails({ block_size = 1.5 }, "block_size: whole number")
  fails({ block_size = "4" }, "block_size: number expected, got string")
end)

t.case("F42 a length over max_length is a final failure before the payload comes", function()
  final("EMSGSIZE", Block.new{ max_length = 5 }:get("6\0"))
  t.same(Block.new{ max_length = 5 }:get("5\0abcde"), { "abcde" })
  final("EMSGSIZE", Block.new{ max_length = 5, length_codec = { encode, decode } }:get("\0\0\0\6"))
end)

t.case("F43 what is pending in mid-block begins with the header", function()
  local f = Block.new()
  t.same(f:get("1\0a5\0he"), { "a" })
  t.same(f:get_pending(), { "5\0he" })
  local g = Block.new()
  t.success(g:get_one_start(f:get_pending()))
  t.same(g:get("llo"), { "hello" })
end)
