-- poe.filter.Netstring, LengthPrefix and JSONLines.
local poe = require "poe"
local t = require "poe.test"

local Netstring, LengthPrefix, JSONLines = poe.filter.Netstring, poe.filter.LengthPrefix, poe.filter.JSONLines

local function final(errno, value, _, number, last) t.same({ value, number, last }, { nil, poe.errno[errno], true }) end

t.case("F82 netstrings both ways", function()
  local f = Netstring.new()
  t.same(f:put{ "hello", "", 5 }, { "5:hello,", "0:,", "1:5," })
  t.same(f:get("5:hel"), {})
  t.same(f:get("lo,0:,1:"), { "hello", "" })
  t.same(f:get_pending(), { "1:" })
end)

t.case("F82 what is no netstring is a final failure", function()
  for _, input in ipairs{ "05:hello,", "00:,", "5:hello;", "x", "5x", ":,", "-1:", " 1:a," } do final("EBADMSG", Netstring.new():get(input)) end
  final("EMSGSIZE", Netstring.new{ max_length = 5 }:get("6:"))
end)

t.case("F83 lengths of each width, of both byte orders", function()
  local function put(params, item) return LengthPrefix.new(params):put{ item }[1] end
  t.is(put({}, "ab"), "\0\0\0\2ab")
  t.is(put({ width = 1 }, "ab"), "\2ab")
  t.is(put({ width = 2 }, "ab"), "\0\2ab")
  t.is(put({ width = 8 }, "ab"), "\0\0\0\0\0\0\0\2ab")
  t.is(put({ width = 2, endian = "little" }, "ab"), "\2\0ab")
  t.is(put({ width = 2, endian = "big", inclusive = true }, "ab"), "\0\4ab")
  for _, width in ipairs{ 1, 2, 4, 8 } do
    for _, endian in ipairs{ "big", "little" } do
      for _, inclusive in ipairs{ true, false } do
        local f = LengthPrefix.new{ width = width, endian = endian, inclusive = inclusive }
        t.same(f:get(f:put{ "abc", "", "d" }), { "abc", "", "d" })
      end
    end
  end
end)

t.case("F83 an inclusive length below the width, and one over max_length, are final failures", function()
  final("EBADMSG", LengthPrefix.new{ inclusive = true }:get("\0\0\0\3"))
  final("EMSGSIZE", LengthPrefix.new{ max_length = 5 }:get("\0\0\0\6"))
end)

t.case("F83 an item that is too long for the width raises", function()
  t.is(#LengthPrefix.new{ width = 1 }:put{ ("x"):rep(255) }[1], 256)
  t.fails(function() LengthPrefix.new{ width = 1 }:put{ ("x"):rep(256) } end, "bad argument #1 to 'put' %(item 1: ")
  t.fails(function() LengthPrefix.new{ width = 1, inclusive = true }:put{ ("x"):rep(255) } end, "item 1: ")
end)

t.case("wrong widths and byte orders raise", function()
  for _, width in ipairs{ 0, 3, 9, 1.5 } do
    t.fails(function() LengthPrefix.new{ width = width } end, "poe.filter.LengthPrefix.new: width: ")
  end
  t.fails(function() LengthPrefix.new{ endian = "middle" } end, 'poe.filter.LengthPrefix.new: endian: "big" or "little" expected, got "middle"')
end)

t.case("F84 one JSON value a line", function()
  local f = JSONLines.new()
  t.same(f:get('{"a":[1,2.5,"x",true]}\n5\r\nnull\n"'), { { a = { 1, 2.5, "x", true } }, 5, poe.null })
  t.same(f:get_pending(), { '"' })
  t.same(f:put{ { 1, 2 }, "a\nb", 5, true, poe.null, {}, poe.array{} }, { "[1,2]\n", '"a\\nb"\n', "5\n", "true\n", "null\n", "{}\n", "[]\n" })
end)

t.case("F84 blank lines are skipped", function() t.same(JSONLines.new():get("\n \n1\n\r\n2\n"), { 1, 2 }) end)

t.case("F84 a bad line fails, and the next one is decoded", function()
  local f = JSONLines.new()
  t.same(f:get("1\n{oops\n2\n"), { 1 })
  t.failure("EBADMSG", f:get{})
  t.same(f:get{}, { 2 })
end)

t.case("what is no JSON raises on put, naming the path", function()
  t.fails(function() JSONLines.new():put{ { a = { 0 / 0 } } } end, "item%.a%[1%]: ")
  t.fails(function() JSONLines.new():put{ { a = print } } end, "item%.a: value expected, got function")
end)

t.case("values of one filter are items of another", function()
  local lines = JSONLines.new()
  local f = poe.filter.Stackable.new{ filters = { poe.filter.Reference.new(), poe.filter.Map.new{ code = function(x) return x end } } }
  for _, item in ipairs(lines:get('{"a":[{},[],null]}\n')) do
    t.is(lines:put{ f:get(f:put{ item })[1] }[1], '{"a":[{},[],null]}\n')
  end
end)
