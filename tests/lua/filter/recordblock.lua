-- poe.filter.RecordBlock.
local poe = require "poe"
local t = require "poe.test"

local RecordBlock = poe.filter.RecordBlock

t.case("F44 ten items in blocks of four are two arrays, and two items pending", function()
  local f = RecordBlock.new{ block_size = 4 }
  t.same(f:get{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } })
  t.same(f:get_pending(), { 9, 10 })
  t.same(f:clone():get_pending(), nil)
end)

t.case("items of any kind stay what they are", function()
  local f, thing = RecordBlock.new{ block_size = 3 }, {}
  local got = f:get{ thing, true, "x" }[1]
  t.is(got[1], thing)
  t.same({ got[2], got[3] }, { true, "x" })
  t.same(f:get{ poe.null, 1.5, print }, { { poe.null, 1.5, print } })
end)

t.case("put gives the members of arrays of any size, in order", function()
  local f = RecordBlock.new{ block_size = 4 }
  t.same(f:put{ { 1, 2 }, {}, { "a", "b", "c" } }, { 1, 2, "a", "b", "c" })
  t.is(f:put_pending(), nil)
  t.fails(function() f:put{ "a" } end, "bad argument #1 to 'put' %(item 1: array expected, got string%)")
end)

t.case("F45 with check_put only whole multiples are put, and the rest is kept", function()
  local f = RecordBlock.new{ block_size = 3, check_put = true }
  t.same(f:put{ { 1, 2 }, { 3, "A" } }, { 1, 2, 3 })
  t.same(f:put_pending(), { "A" })
  t.same(f:put{ { 2, 3 }, { 1, 2, 3 }, { 1, 2, 3, "B" } }, { "A", 2, 3, 1, 2, 3, 1, 2, 3 })
  t.same(f:put_pending(), { "B" })
  t.is(f:clone():put_pending(), nil)
end)

t.case("F46 bad sizes raise and change nothing", function()
  local f = RecordBlock.new{ block_size = 4 }
  for _, size in ipairs{ 0, -1, 1.5, "x", {}, 0 / 0 } do
    t.fails(function() f:block_size(size) end, "bad argument #1 to 'block_size'")
    t.is(f:block_size(), 4)
    t.fails(function() RecordBlock.new{ block_size = size } end, "poe.filter.RecordBlock.new: block_size: ")
  end
  t.fails(function() f:block_size(nil) end, "bad argument #1 to 'block_size' %(number expected, got nil%)")
  t.fails(function() RecordBlock.new() end, "poe.filter.RecordBlock.new: block_size: number expected, got nil")
  t.is(f:block_size(2), 2)
  t.same(f:get{ 1, 2, 3 }, { { 1, 2 } })
end)

t.case("F46 switching check_put off lets the next put send the rest first", function()
  local f = RecordBlock.new{ block_size = 3, check_put = true }
  t.same(f:put{ { 1, 2 } }, {})
  t.is(f:check_put(), true)
  t.is(f:check_put(false), false)
  t.same(f:put_pending(), { 1, 2 })
  t.same(f:put{ { 3, 4 } }, { 1, 2, 3, 4 })
  t.is(f:put_pending(), nil)
  t.fails(function() f:check_put(1) end, "bad argument #1 to 'check_put' %(boolean expected, got number%)")
end)
