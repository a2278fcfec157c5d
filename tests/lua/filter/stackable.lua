-- poe.filter.Stackable.
local poe = require "poe"
local t = require "poe.test"

local Stackable, Line, Map, Grep = poe.filter.Stackable, poe.filter.Line, poe.filter.Map, poe.filter.Grep

local function pack(...) return { n = select("#", ...), ... } end

-- example is the stack of POE's own test.
local function example()
  return Stackable.new{ filters = {
    Line.new{ literal = "!" },
    Map.new{ put = function(x) return (x:gsub("%(", "[")) end, get = function(x) return x .. "+" end },
    Grep.new{ put = function() return true end, get = function(x) return x:find("o") ~= nil end },
    poe.filter.RecordBlock.new{ block_size = 2 },
  } }
end

t.case("F51 lines, mapped, filtered and in pairs: get in two steps, pending, and put", function()
  local f = example()
  t.same(f:get{ "one!two!three!fo" }, { { "one+", "two+" } })
  t.same(f:get_pending(), { "fo" })
  t.same(f:get{ "ur!five!zoo!x" }, { { "four+", "zoo+" } })
  t.same(f:get_pending(), { "x" })
  t.same(f:get{ "o!" }, {})
  t.same(f:get_pending(), { "xo+" })
  t.same(f:put{ { "a", "(b" }, { "c" } }, { "a!", "[b!", "c!" })
end)

t.case("get_pending gives what the last stage holds first", function()
  local f = example()
  f:get{ "oo!rest" }
  t.same(f:get_pending(), { "oo+", "rest" })
end)

t.case("F52 filter_types lists the classes, the one next to the wire first", function()
  t.same(example():filter_types(), { "Line", "Map", "Grep", "RecordBlock" })
  t.same(Stackable.new():filter_types(), {})
end)

t.case("F52 pop, shift, push and unshift keep the order", function()
  local a, b, c = Line.new(), Grep.new{ code = print }, Map.new{ code = print }
  local f = Stackable.new()
  t.is(f:push(b, c), 2)
  t.is(f:unshift(a), 3)
  t.same(f:filters(), { a, b, c })
  t.is(f:pop(), c)
  t.is(f:shift(), a)
  t.is(f:unshift(c, a), 3)
  t.same(f:filters(), { c, a, b })
  t.is(f:shift(), c)
  t.is(f:pop(), b)
  t.is(f:pop(), a)
  t.same(pack(f:pop()), { n = 1 })
  t.same(pack(f:shift()), { n = 1 })
  t.is(f:push(), 0)
end)

t.case("F53 pushing a non-filter raises and leaves the stack as it was", function()
  local line = Line.new()
  local f = Stackable.new{ filters = { line } }
  for _, method in ipairs{ "push", "unshift" } do
    t.fails(function() f[method](f, Line.new(), 5) end, "bad argument #2 to '" .. method .. "' %(filter expected, got number%)")
    t.fails(function() f[method](f, {}) end, "bad argument #1 to '" .. method .. "' %(filter expected, got table%)")
    t.fails(function() f[method](f, nil) end, "filter expected, got nil")
    t.same(f:filters(), { line })
  end
  t.fails(function() Stackable.new{ filters = { line, "x" } } end, "poe.filter.Stackable.new: filters: item 2: filter expected, got string")
  t.fails(function() Stackable.new{ filters = line } end, "filters: table expected, got poe.filter.Line")
end)

t.case("F54 clone is deep: types equal, filters different, buffers empty", function()
  local f = example()
  f:get{ "oo!rest" }
  local c = f:clone()
  t.same(c:filter_types(), f:filter_types())
  for i, filter in ipairs(c:filters()) do t.truthy(filter ~= f:filters()[i]) end
  t.is(c:get_pending(), nil)
  t.same(c:get{ "o!o!" }, { { "o+", "o+" } })
  t.same(f:get_pending(), { "oo+", "rest" })
  c:pop()
  t.is(#f:filters(), 4)
end)

t.case("F55 a Grep in the middle that drops items does not stop later ones", function()
  local f = Stackable.new{ filters = { Line.new(), Grep.new{ code = function(x) return x ~= "drop" end }, Map.new{ code = string.upper } } }
  f:get_one_start("drop\ndrop\nkeep\n")
  t.same(f:get_one(), { "KEEP" })
end)

t.case("F56 a popped filter keeps what it holds", function()
  local f = Stackable.new{ filters = { Line.new(), poe.filter.RecordBlock.new{ block_size = 2 } } }
  f:get("a\nb")
  t.same(f:pop():get_pending(), { "a" })
  t.same(f:pop():get_pending(), { "b" })
end)

t.case("F56 an empty stack passes everything through", function()
  local f = Stackable.new()
  t.same(f:get{ "a", "b" }, { "a", "b" })
  t.same(f:put{ "a", "b" }, { "a", "b" })
  t.is(f:get_pending(), nil)
end)

t.case("a failure of a stage is the stack's", function()
  local f = Stackable.new{ filters = { Line.new{ max_length = 3 }, Map.new{ code = string.upper } } }
  t.same(f:get("a\nlonger\nb\n"), { "A" })
  t.failure("EMSGSIZE", f:get{})
  t.same(f:get{}, { "B" })
end)

t.case("an error in a stage's function reaches the caller, and the rest is still there", function()
  local f = Stackable.new{ filters = { Line.new(), Map.new{ code = function(x) if x == "bad" then error("boom") end return x end } } }
  t.fails(function() f:get("bad\nb\nc") end, "boom")
  t.same(f:get{}, { "b" })
  t.same(f:get_pending(), { "c" })
  t.fails(function() f:put{ "bad" } end, "boom")
end)

t.case("reset empties all stages", function()
  local f = example()
  f:get("oo!rest")
  t.success(f:reset())
  t.is(f:get_pending(), nil)
  t.same(f:get("o!o!"), { { "o+", "o+" } })
end)

t.case("the end of input goes through all stages", function()
  local f = Stackable.new{ filters = { Line.new{ last_line = true }, Map.new{ code = string.upper } } }
  t.same(f:get("a\nb"), { "A" })
  t.same(f:get_eof(), { "B" })
end)

t.case("stacks may be nested, but not within themselves, nor twice", function()
  local inner = Stackable.new{ filters = { Line.new() } }
  local outer = Stackable.new{ filters = { inner, Map.new{ code = string.upper } } }
  t.same(outer:get("a\nb"), { "A" })
  t.same(outer:get_pending(), { "b" })
  t.is(table.concat(outer:put{ "x" }), "X\r\n")
  t.fails(function() inner:push(outer) end, "push: a stack cannot be within itself")
  t.fails(function() inner:push(inner) end, "push: a stack cannot be within itself")
  t.fails(function() Stackable.new{ filters = { inner } } end, "the filter is in a stack already")
  local line = Line.new()
  t.fails(function() inner:push(line, line) end, "the filter is in a stack already")
  t.is(outer:shift(), inner)
  t.is(inner:push(outer), 2)
  t.same(outer:filter_types(), { "Map" })
end)

t.case("stacks within stacks and filters in a stack have a bound", function()
  local f = Stackable.new()
  t.fails(function()
    for _ = 1, 1000 do f = Stackable.new{ filters = { f } } end
  end, "stacks are nested too deep")
  t.same(f:get("a"), { "a" })
  local outer = Stackable.new()
  t.fails(function()
    local top = outer
    for _ = 1, 1000 do
      local more = Stackable.new()
      top:push(more)
      top = more
    end
  end, "stacks are nested too deep")
  t.same(outer:get("a"), { "a" })
  f = Stackable.new()
  t.fails(function() while true do f:push(Line.new()) end end, "a stack has at most 1000 filters")
end)

t.case("a function in a stack must not change it", function()
  local f
  f = Stackable.new{ filters = { Line.new(), Map.new{ code = function() f:pop() end } } }
  t.fails(function() f:get("a\n") end, "'pop' must not be called from a function that the filter itself calls")
  t.is(#f:filters(), 2)
end)
