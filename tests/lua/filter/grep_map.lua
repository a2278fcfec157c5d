-- poe.filter.Grep and poe.filter.Map.
local poe = require "poe"
local t = require "poe.test"

local Grep, Map = poe.filter.Grep, poe.filter.Map

local function even(x) return x % 2 == 0 end
local function odd(x) return x % 2 == 1 end

t.case("F47 Grep with one function for both ways", function()
  local f = Grep.new{ code = even }
  t.same(f:get{ 1, 2, 3, 4 }, { 2, 4 })
  t.same(f:put{ 1, 2, 3, 4 }, { 2, 4 })
end)

t.case("F47 Grep with a function for each way", function()
  local f = Grep.new{ get = even, put = odd }
  t.same(f:get{ 1, 2, 3, 4 }, { 2, 4 })
  t.same(f:put{ 1, 2, 3, 4 }, { 1, 3 })
end)

t.case("F47 items that fail are skipped within one get_one", function()
  local f = Grep.new{ code = even }
  f:get_one_start{ 1, 3, 5, 6, 7 }
  t.same(f:get_one(), { 6 })
  t.same(f:get_one(), {})
end)

t.case("a string is one item", function() t.same(Map.new{ code = string.upper }:get("ab"), { "AB" }) end)

t.case("F48 Map to one, to several and to none", function()
  local f = Map.new{ get = function(x) if x == 2 then return end if x == 3 then return "a", "b" end return x end, put = tostring }
  t.same(f:get{ 1, 2, 3, 4 }, { 1, "a", "b", 4 })
  t.same(f:put{ 1, 2 }, { "1", "2" })
end)

t.case("a returned nil ends the list", function()
  t.same(Map.new{ code = function(x) return x, nil, x end }:get{ 1, 2 }, { 1, 2 })
  t.same(Map.new{ code = function(x) return nil, x end }:get{ 1, 2 }, {})
  t.same(Map.new{ code = function(x) return false, x end }:get{ 1 }, { false, 1 })
end)

t.case("F48 nothing for one item does not delay later ones", function()
  local f = Map.new{ code = function(x) if x ~= "drop" then return x end end }
  f:get_one_start{ "drop", "drop", "keep" }
  t.same(f:get_one(), { "keep" })
end)

t.case("F49 modify replaces the functions that it is given", function()
  for _, class in ipairs{ Grep, Map } do
    local f = class.new{ code = function() return false end }
    t.success(f:modify{ code = function() return true end })
    t.same(f:get{ true }, { true })
    t.success(f:modify{ get = function() return false end })
    t.same(f:put{ true }, { true })
    f:modify{ put = function() return false end, get = function() return true end }
    t.same(f:get{ true }, { true })
    local before = f:clone()
    f:modify{ get = function() error("not called") end }
    t.same(before:get{ true }, { true })
  end
end)

t.case("F49 modify with what is no function raises and changes nothing", function()
  for _, class in ipairs{ Grep, Map } do
    local f = class.new{ code = function() return true end }
    t.fails(function() f:modify{ code = 5 } end, "modify: code: function expected, got number")
    t.fails(function() f:modify{ get = print, put = "x" } end, "modify: put: function expected, got string")
    t.fails(function() f:modify{ nonsense = print } end, "modify: unknown parameter 'nonsense'")
    t.fails(function() f:modify() end, "bad argument #1 to 'modify' %(table expected, got no value%)")
    t.same(f:get{ true }, { true })
  end
end)

t.case("F49 constructors without a function, or with only one of get and put, raise", function()
  for name, class in pairs{ Grep = Grep, Map = Map } do
    local who = "poe%.filter%." .. name .. "%.new: "
    t.fails(function() class.new() end, who .. "code, or get and put, must be given")
    t.fails(function() class.new{ get = even } end, who .. "code, or get and put, must be given")
    t.fails(function() class.new{ put = even } end, who .. "code, or get and put, must be given")
    t.fails(function() class.new{ code = even, get = even } end, who .. "code: not together with get")
    t.fails(function() class.new{ code = "x" } end, who .. "code: function expected, got string")
  end
end)

-- fragile raises for one item.
local function fragile(x)
  if x == "bad" then error("boom") end
  return x
end

t.case("F50 an error in a function reaches the caller of get; the items after it are still there", function()
  for _, class in ipairs{ Grep, Map } do
    local f = class.new{ code = fragile }
    t.fails(function() f:get{ "bad", "c", "d" } end, "grep_map.lua:%d+: boom")
    t.same(f:get_pending(), { "c", "d" })
    t.same(f:get{}, { "c", "d" })
    t.fails(function() f:put{ "a", "bad" } end, "boom")
  end
end)

t.case("what get had before the error is what the next call returns", function()
  local f = Map.new{ code = fragile }
  t.fails(function() f:get{ "a", "b", "bad", "c" } end, "boom")
  t.same(f:get_one(), { "a" })
  t.same(f:get{ "d" }, { "b", "c", "d" })
end)

t.case("items get through between errors, one after each chunk", function()
  local f, seen = Map.new{ code = fragile }, {}
  for i = 1, 10 do
    local ok, items = pcall(f.get, f, { i, "bad" })
    if ok then for _, item in ipairs(items) do seen[#seen + 1] = item end end
  end
  while true do
    local ok, items = pcall(f.get, f, {})
    if ok and #items == 0 then break end
    if ok then for _, item in ipairs(items) do seen[#seen + 1] = item end end
  end
  t.same(seen, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
end)

t.case("the value that was raised arrives as it is", function()
  local what = {}
  local ok, err = pcall(function() Map.new{ code = function() error(what) end }:get{ 1 } end)
  t.is(ok, false)
  t.is(err, what)
end)

t.case("the traceback of an error shows the function that raised it, and the handler", function(case)
  local f = Map.new{ code = function(x) fragile(x) end }
  poe.Session.create{ inline_states = {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "died")
      ctx.kernel:yield("go")
    end,
    go = function() f:get{ "bad" } end,
    died = case.expect(1, function(ctx, _, info)
      t.truthy(info.traceback:find("fragile"), info.traceback)
      t.truthy(info.traceback:find("'go'"), info.traceback)
      ctx.kernel:sig_handled()
    end),
  } }
end)

t.case("a function must not use the filter that calls it", function()
  local f
  f = Map.new{ code = function() return f:get{ 1 } end }
  t.fails(function() f:get{ 1 } end, "'get' must not be called from a function that the filter itself calls")
  f = Map.new{ code = function() return f:type() end }
  t.same(f:get{ 1 }, { "Map" })
end)

t.case("a function may use other filters", function()
  local line = poe.filter.Line.new()
  local f = Map.new{ get = function(x) return unpack(line:get(x)) end, put = function(x) return unpack(line:put{ x }) end }
  t.same(f:get{ "a\nb", "c\n" }, { "a", "bc" })
  t.same(f:put{ "a", "b" }, { "a\r\n", "b\r\n" })
end)
