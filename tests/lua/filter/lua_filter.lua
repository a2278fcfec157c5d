-- Filters written in Lua, and poe.Filter, their base class.
local poe = require "poe"
local t = require "poe.test"

-- Reverser gives each chunk backwards.
local Reverser = setmetatable({ __name = "Reverser" }, { __index = poe.Filter })
Reverser.__index = Reverser
function Reverser.new(params) return setmetatable({ buf = "", params = params }, Reverser) end
function Reverser:get_one_start(chunks) self.buf = self.buf .. table.concat(chunks) return true end
function Reverser:get_one()
  local s = self.buf
  if s == "" then return {} end
  self.buf = ""
  return { s:reverse() }
end
function Reverser:get_pending() if self.buf ~= "" then return { self.buf } end end
function Reverser:put(items)
  local out = {}
  for i, s in ipairs(items) do out[i] = s:reverse() end
  return out
end

-- splitter is a filter of the older style: put and get alone.
local function splitter()
  return {
    get = function(_, chunks)
      local items = {}
      for word in table.concat(chunks):gmatch("%a+") do items[#items + 1] = word end
      return items
    end,
    put = function(_, items) return { table.concat(items, " ") } end,
    clone = splitter,
  }
end

t.case("F89 the base class supplies get, get_eof, type and clone", function()
  local f = Reverser.new{ a = 1 }
  t.same(f:get{ "abc", "def" }, { "fedcba" })
  t.same(f:get_eof(), {})
  t.is(f:type(), "Reverser")
  f.buf = "rest"
  local c = f:clone()
  t.is(c.buf, "")
  t.is(c.params, f.params)
  t.is(setmetatable({}, { __index = poe.Filter }):type(), "Filter")
end)

-- Failing gives what it was made of, one after another: an array, or nil and a message.
local Failing = setmetatable({}, { __index = poe.Filter })
Failing.__index = Failing
function Failing.new(results) return setmetatable({ results = results, at = 0 }, Failing) end
function Failing:get_one_start(chunks) if chunks[1] == "refuse" then return nil, "refused", 5 end return true end
function Failing:get_one()
  self.at = self.at + 1
  local r = self.results[self.at]
  if r then return unpack(r, 1, 4) end
  return {}
end
function Failing:put() return nil, "no way out", poe.errno.EBADMSG end

t.case("the base class's get keeps items before a failure, which comes next", function()
  local f = Failing.new{ { { "a" } }, { nil, "bad", poe.errno.EBADMSG }, { { "b", "c" } } }
  t.same(f:get{ "x" }, { "a" })
  t.failure("EBADMSG", f:get{ "x" })
  t.same(f:get{ "x" }, { "b", "c" })
  t.same(f:get{ "x" }, {})
end)

t.case("the base class's get passes a refusal and a final failure on", function()
  local f = Failing.new{ { nil, "bad", poe.errno.EBADMSG, true } }
  local value, message, errno, final = f:get{ "refuse" }
  t.same({ value, message, errno, final }, { nil, "refused", 5 })
  value, message, errno, final = f:get{ "x" }
  t.same({ value, message, errno, final }, { nil, "bad", poe.errno.EBADMSG, true })
end)

t.case("the base class's get raises for a get_one that gives no array", function()
  t.fails(function() Failing.new{ { 5 } }:get{ "x" } end, "the method 'get_one' of a filter returned a number, want an array")
  t.fails(function() poe.Filter.get() end, "calling 'get' on a bad self %(use filter:get%)")
end)

local function stack(...) return poe.filter.Stackable.new{ filters = { ... } } end

t.case("F89 a filter of both styles works in a stack", function()
  local f = stack(Reverser.new(), poe.filter.Line.new())
  t.same(f:get("\nb\na"), { "a", "b" })
  t.same(f:put{ "x" }, { "\n\rx" })
  t.same(f:filter_types(), { "Reverser", "Line" })
  f = stack(splitter(), poe.filter.Map.new{ code = string.upper })
  t.same(f:get("a b"), { "A", "B" })
  t.same(f:put{ "x", "y" }, { "X", "Y" })
  t.same(f:filter_types(), { "Filter", "Map" })
  f = stack(poe.filter.Line.new(), Reverser.new())
  t.same(f:get("ab\ncd\n"), { "ba", "dc" })
  t.same(f:put{ "ab" }, { "ba\r\n" })
  f = stack(poe.filter.Line.new(), splitter(), Reverser.new())
  t.same(f:get("ab cd\n"), { "ba", "dc" })
end)

t.case("what a filter in a stack holds is pending", function()
  local reverser = Reverser.new()
  local f = stack(poe.filter.Line.new(), reverser)
  f:get_one_start("ab")
  reverser.buf = "held"
  t.same(f:get_pending(), { "held", "ab" })
end)

t.case("a stack gives the very objects that it was made of", function()
  local reverser = Reverser.new()
  local f = stack(reverser)
  t.is(f:filters()[1], reverser)
  t.is(f:pop(), reverser)
end)

t.case("a clone of a stack has clones of its filters", function()
  local f = stack(Reverser.new())
  local c = f:clone()
  t.truthy(c:filters()[1] ~= f:filters()[1])
  t.same(c:get("ab"), { "ba" })
  t.fails(function() stack({ put = print, get = print }):clone() end, "the object has no method 'clone'")
  t.fails(function() stack({ put = print, get = print, clone = function() end }):clone() end, "the method 'clone' of a filter returned a nil, want a filter")
end)

t.case("items of any kind go through", function()
  local thing = {}
  local same = { get_one_start = function(self, items) self[#self + 1] = items[1] end, put = function(_, items) return items end }
  function same:get_one() return { table.remove(self, 1) } end
  local f = stack(poe.filter.Map.new{ code = function(x) return x end }, same)
  t.is(f:get{ thing }[1], thing)
  t.is(f:put{ thing }[1], thing)
  t.same(f:get{ true, 5, "x" }, { true, 5, "x" })
end)

t.case("nil, message and errno of a filter are the stack's failure", function()
  local f = stack(Failing.new{ { { "a" } }, { nil, "bad", poe.errno.EBADMSG }, { { "b" } }, { nil, "over", poe.errno.EMSGSIZE, true } })
  t.same(f:get("x"), { "a" })
  local value, message, errno, final = f:get{}
  t.same({ value, message, errno, final }, { nil, "bad", poe.errno.EBADMSG })
  t.same(f:get{}, { "b" })
  for _ = 1, 2 do
    value, message, errno, final = f:get{}
    t.same({ value, message, errno, final }, { nil, "over", poe.errno.EMSGSIZE, true })
  end
  t.success(f:reset())
  value, message, errno = f:get("refuse")
  t.same({ value, message, errno }, { nil, "refused", 5 })
  t.failure("EBADMSG", f:put{ "x" })
end)

t.case("an error in a filter reaches the caller", function()
  local f = stack{ put = function() error("no way out") end, get = function() error("no way in") end }
  t.fails(function() f:get("x") end, "lua_filter.lua:%d+: no way in")
  t.fails(function() f:put{ "x" } end, "lua_filter.lua:%d+: no way out")
end)

t.case("the traceback of an error has the filter's calls", function(case)
  local function deepest() error("boom") end
  local f = stack{ put = print, get = function() deepest() end }
  poe.Session.create{ inline_states = {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "died")
      ctx.kernel:yield("go")
    end,
    go = function() f:get("x") end,
    died = case.expect(1, function(ctx, _, info)
      t.truthy(info.traceback:find("deepest"), info.traceback)
      t.truthy(info.traceback:find("'go'"), info.traceback)
      ctx.kernel:sig_handled()
    end),
  } }
end)

t.case("a filter that returns no array is an error", function()
  t.fails(function() stack{ put = print, get = function() return 5 end }:get("x") end, "the method 'get' of a filter returned a number, want an array")
  t.fails(function() stack{ get = print, put = function() return "x" end }:put{ "x" } end, "the method 'put' of a filter returned a string, want an array")
  t.same(stack{ put = print, get = function() end }:get("x"), {})
end)

t.case("a filter without reset is replaced by its clone", function()
  local first = Reverser.new()
  local f = stack(first)
  f:get_one_start("held")
  t.success(f:reset())
  t.is(f:get_pending(), nil)
  t.same(f:get("ab"), { "ba" })
  t.truthy(f:filters()[1] ~= first)
  t.same(f:filters()[1]:get{ "cd" }, { "dc" })
end)

t.case("a filter's reset is called where it has one", function()
  local calls = 0
  local f = stack{ put = print, get = print, reset = function() calls = calls + 1 end }
  f:reset()
  t.is(calls, 1)
end)

t.case("get_eof of a filter in a stack gives its items", function()
  local f = stack{ put = print, get = function() return {} end, get_eof = function() return { "last" } end }
  t.same(f:get_eof(), { "last" })
end)

t.case("a filter must not use the stack that it is in", function()
  local f
  f = stack{ put = print, get = function() return f:get{} end }
  t.fails(function() f:get("x") end, "'get' must not be called from a function that the filter itself calls")
end)

t.case("a filter cannot yield out of a filter's method", function()
  local f = stack{ put = print, get = function() coroutine.yield() end }
  local co = coroutine.create(function() f:get("x") end)
  local ok, err = coroutine.resume(co)
  t.is(ok, false)
  t.truthy(tostring(err):find("attempt to yield"), tostring(err))
end)
