-- Tables that shrink: what a script sees of them, and of loops through them.
local t = require "poe.test"
local poe = require "poe"

-- Fills a table with keys that are gone afterwards.
local function waste(target)
  for i = 1, 3000 do target["gone " .. i] = i end
  for i = 1, 3000 do target["gone " .. i] = nil end
end

t.case("pairs gives next and the table", function()
  local subject = { 1 }
  local f, same, key = pairs(subject)
  t.is(f, next)
  t.is(same, subject)
  t.is(key, nil)
end)

t.case("next refuses a key that the table never had", function()
  local ok, message = pcall(next, { a = 1 }, "b")
  t.is(ok, false)
  t.truthy(message:find("invalid key to 'next'", 1, true))
end)

t.case("an emptied table is as good as a new one", function()
  local subject = setmetatable({}, { __index = { inherited = true } })
  waste(subject)
  collectgarbage("collect")
  t.is(next(subject), nil)
  t.is(subject.inherited, true)
  subject.a, subject[1] = "a", 1
  local seen = {}
  for k, v in pairs(subject) do seen[#seen + 1] = k end
  t.same(seen, { 1, "a" })
end)

t.case("a loop in a coroutine goes on across events, though its fields are cleared", function(case)
  local seen = 0
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        local subject = {}
        for i = 1, 200 do subject["key " .. i] = i end
        ctx.heap.subject = subject
        ctx.heap.walk = coroutine.wrap(function()
          for k, v in pairs(subject) do
            subject[k] = nil
            coroutine.yield(v)
          end
        end)
        ctx.kernel:yield("walk")
      end,
      walk = function(ctx)
        local v = ctx.heap.walk()
        collectgarbage("collect")
        if v then
          seen = seen + 1
          ctx.kernel:delay("walk", 0.001)
        end
      end,
    },
  }
  case.after(function() t.is(seen, 200) end)
end)

t.case("a key kept across events can be given to next, also when it is gone", function(case)
  local order = {}
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.subject = { 10, 20 }
        for _, name in ipairs { "a", "b", "c" } do ctx.heap.subject[name] = name end
        waste(ctx.heap.subject)
        ctx.kernel:yield("step")
      end,
      step = function(ctx)
        local heap = ctx.heap
        local key = next(heap.subject, heap.key)
        if heap.key then heap.subject[heap.key] = nil end
        heap.key = key
        if key then
          order[#order + 1] = key
          ctx.kernel:delay("step", 5)
        end
      end,
    },
  }
  case.after(function() t.same(order, { 1, 2, "a", "b", "c" }) end)
end)
