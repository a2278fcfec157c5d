-- Coroutines: yields across protected calls, what cannot be yielded across, tracebacks, kernel methods within.
local t = require "poe.test"
local poe = require "poe"

local function collect(...) return { n = select("#", ...), ... } end

t.case("a coroutine yields across pcall and goes on there", function()
  local co = coroutine.wrap(function(a)
    return pcall(function(x)
      local y = coroutine.yield(x + 1)
      return y, nil, "third", nil
    end, a)
  end)
  t.is(co(1), 2)
  t.same(collect(co("back")), { n = 5, true, "back", nil, "third" })
end)

t.case("an error after a yield within pcall is caught by it", function()
  local value = { code = 7 }
  local co = coroutine.wrap(function()
    local ok, err = pcall(function() coroutine.yield("out"); error(value) end)
    t.is(coroutine.yield(ok), "still here")
    return err
  end)
  t.is(co(), "out")
  t.is(co(), false)
  t.is(co("still here"), value)
end)

t.case("a coroutine yields across xpcall, and its handler sees the failing calls", function()
  local function failing() error("no luck") end
  local co = coroutine.wrap(function()
    return xpcall(function(...) coroutine.yield(...); failing() end, debug.traceback, "a", nil, "c")
  end)
  t.same(collect(co()), { n = 3, "a", nil, "c" })
  local ok, trace = co()
  t.is(ok, false)
  t.truthy(trace:find("no luck", 1, true))
  t.truthy(trace:find("in function 'failing'", 1, true))
  t.truthy(trace:find("in function 'xpcall'", 1, true))
end)

t.case("an error in a handler of xpcall takes the place of the first", function()
  local co = coroutine.wrap(function() return xpcall(function() error("first", 0) end, function() error("second", 0) end) end)
  t.same({ co() }, { false, "second" })
end)

t.case("protected calls in protected calls can be suspended at any depth", function()
  local function nest(n)
    if n == 0 then return coroutine.yield("bottom") end
    local ok, value = pcall(nest, n - 1)
    if not ok then error(value, 0) end
    return value + 1
  end
  local co = coroutine.wrap(nest)
  t.is(co(300), "bottom")
  t.is(co(1), 301)
  co = coroutine.wrap(function() return pcall(nest, 300) end)
  t.is(co(), "bottom")
  local ok, message = co({})
  t.is(ok, false)
  t.truthy(message:find("add", 1, true))
end)

t.case("a variable and the closures that share it stay together through errors in a coroutine", function()
  local escaped, n = nil, 0
  local co = coroutine.wrap(function()
    local mine = 1
    local function increment() mine = mine + 1; n = n + 1 end
    pcall(function() local value = "kept"; escaped = function() return value end; increment(); coroutine.yield(); error("caught") end)
    increment()
    return mine
  end)
  co()
  t.is(co(), 3)
  t.is(n, 2)
  t.is(escaped(), "kept")
  local after
  local dead = coroutine.create(function() local value = "still"; after = function() return value end; error("not caught") end)
  coroutine.resume(dead)
  t.is(after(), "still")
end)

t.case("what gopher-lua or Go calls cannot be yielded across, and the error says what it is", function()
  local function message_of(f)
    local ok, message = coroutine.resume(coroutine.create(function()
      local ok, message = pcall(f)
      t.is(ok, false)
      return message
    end))
    t.is(ok, true)
    return message
  end
  local meta = setmetatable({}, {
    __index = function() coroutine.yield() end,
    __add = function() coroutine.yield() end,
    __lt = function() coroutine.yield() end,
    __concat = function() coroutine.yield() end,
    __newindex = function() coroutine.yield() end,
    __tostring = function() coroutine.yield() end,
  })
  for what, f in pairs {
    ["a metamethod"] = function() return meta.x end,
    ["a metamethod "] = function() return meta + 1 end,
    ["a metamethod  "] = function() return meta < meta end,
    ["a metamethod   "] = function() return meta .. "x" end,
    ["a metamethod    "] = function() meta.x = 1 end,
    ["the iterator of a for loop"] = function() for _ in function() coroutine.yield() end do end end,
    ["a call of 'sort'"] = function() table.sort({ 3, 2, 1 }, function() coroutine.yield() end) end,
    ["a call of 'gsub'"] = function() string.gsub("abc", ".", function() coroutine.yield() end) end,
    ["a call of 'tostring'"] = function() return (tostring(meta)) end,
  } do
    local message = message_of(f)
    t.truthy(message:find("attempt to yield across " .. what:gsub(" +$", ""), 1, true), message)
  end
end)

t.case("a method called by __call can yield, and so can what a tail call reaches", function()
  local object = setmetatable({}, { __call = function(_, x) return coroutine.yield(x) end })
  local co = coroutine.wrap(function() return object("called") end)
  t.is(co(), "called")
  t.is(co("answer"), "answer")
end)

t.case("a coroutine may end in a yield", function()
  local co = coroutine.create(function(a) return coroutine.yield(a + 1) end)
  t.same({ coroutine.resume(co, 1) }, { true, 2 })
  t.same({ coroutine.resume(co, "back") }, { true, "back" })
  t.is(coroutine.status(co), "dead")
end)

t.case("a yield gives as many values as are wanted", function()
  local co = coroutine.wrap(function()
    local a, b, c = coroutine.yield(7, 8, 9)
    local d = coroutine.yield(a, b, c)
    return d
  end)
  t.same(collect(co()), { n = 3, 7, 8, 9 })
  t.same(collect(co(1)), { n = 3, 1, nil, nil })
  t.same(collect(co("d", "more")), { n = 1, "d" })
end)

t.case("status, running and isyieldable tell what is", function()
  local outer
  t.is(coroutine.running(), nil)
  t.is(coroutine.isyieldable(), false)
  outer = coroutine.create(function()
    t.is(coroutine.status(outer), "running")
    t.is(coroutine.running(), outer)
    t.is(coroutine.isyieldable(), true)
    pcall(function()
      t.is(coroutine.running(), outer)
      t.is(coroutine.isyieldable(), true)
    end)
    coroutine.wrap(function()
      t.is(coroutine.status(outer), "normal")
      t.same({ coroutine.resume(outer) }, { false, "cannot resume normal coroutine" })
    end)()
    t.is(coroutine.running(), outer)
    t.same({ coroutine.resume(outer) }, { false, "cannot resume running coroutine" })
    table.sort({ 2, 1 }, function(a, b) t.is(coroutine.isyieldable(), false); return a < b end)
    coroutine.yield()
  end)
  t.is(coroutine.status(outer), "suspended")
  t.same({ coroutine.resume(outer) }, { true })
  t.is(coroutine.status(outer), "suspended")
  t.same({ coroutine.resume(outer) }, { true })
  t.is(coroutine.status(outer), "dead")
  t.same({ coroutine.resume(outer) }, { false, "cannot resume dead coroutine" })
end)

t.case("a finished coroutine stays dead though its thread serves others", function()
  local first = coroutine.create(function() end)
  coroutine.resume(first)
  local second = coroutine.create(function() coroutine.yield() end)
  coroutine.resume(second)
  t.is(coroutine.status(first), "dead")
  t.is(coroutine.status(second), "suspended")
  t.truthy(first ~= second)
end)

t.case("close ends a suspended coroutine, and refuses a running one", function()
  local get
  local co = coroutine.create(function() local v = 1; get = function() return v end; coroutine.yield() end)
  coroutine.resume(co)
  t.is(coroutine.close(co), true)
  t.is(coroutine.status(co), "dead")
  t.is(get(), 1)
  coroutine.wrap(function() t.is((pcall(coroutine.close, coroutine.running())), false) end)()
end)

t.case("a dead coroutine keeps the traceback of its error", function()
  local function failing() error("deep") end
  local co = coroutine.create(function() failing() end)
  coroutine.resume(co)
  local trace = debug.traceback(co)
  t.truthy(trace:find("in function 'error'", 1, true))
  t.truthy(trace:find("in function 'failing'", 1, true))
end)

t.case("a suspended coroutine's traceback shows where it waits, protected calls included", function()
  local function waiting() coroutine.yield() end
  local co = coroutine.create(function() local ok = pcall(waiting); return ok end)
  coroutine.resume(co)
  local trace = debug.traceback(co, "message")
  t.is(trace:match("^(.-)\n"), "message")
  t.truthy(trace:find("in function <", 1, true))
  t.truthy(trace:find("in function 'pcall'", 1, true))
end)

t.case("recursion of 2,000 calls works in a coroutine, deeper is an error that names the place", function()
  local function down(n) if n == 0 then return 0 end return 1 + down(n - 1) end
  t.is(coroutine.wrap(down)(2000), 2000)
  local kept = "kept"
  local ok, message = coroutine.resume(coroutine.create(function()
    local value = 1
    local function get() return value end
    local ok, message = pcall(down, 1e6)
    value = 2
    t.is(get(), 2)
    error(message, 0)
  end))
  t.is(ok, false)
  t.truthy(message:find(":%d+: stack overflow"), message)
  t.is(kept, "kept")
end)

t.case("endless recursion through pcall, and coroutines that resume each other without end, are stopped", function()
  local function again() return pcall(again) end
  t.is((coroutine.resume(coroutine.create(again))), true)
  local function deeper() return coroutine.wrap(deeper)() end
  local ok, message = pcall(deeper)
  t.is(ok, false)
  t.truthy(message:find("stack overflow", 1, true))
end)

t.case("kernel methods in a protected call of a coroutine act for the current session", function(case)
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        local step = coroutine.wrap(function()
          pcall(function()
            ctx.kernel:alias_set("busy")
            coroutine.yield()
            ctx.kernel:yield("done")
            t.is(ctx.kernel:get_active_session(), ctx.session)
            ctx.kernel:alias_remove("busy")
          end)
        end)
        step()
        step()
      end,
      done = case.expect(1, function() end),
    },
  }
end)

t.case("an event handler that a coroutine called cannot be yielded across", function()
  local session = poe.Session.create {
    inline_states = {
      _start = function(ctx) ctx.kernel:alias_set("here") end,
      ask = function() return select(2, pcall(coroutine.yield)) end,
    },
  }
  local answer
  coroutine.wrap(function() answer = poe.kernel:call(session, "ask") end)()
  t.truthy(answer:find("attempt to yield across a call of 'call'", 1, true), answer)
end)
