-- Session options (S19, S20).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create

local function nothing() end

local function plain() return create { inline_states = { _start = nothing } } end

t.case("S19 an option is nil until set; setting returns the old value", function()
  local session = plain()
  t.is(session:option("colour"), nil)
  t.is(session:option("colour", "red"), nil)
  t.is(session:option("colour"), "red")
  t.is(session:option("colour", "blue"), "red")
  t.is(session:option("colour"), "blue")
end)

t.case("S19 a nil value removes the option", function()
  local session = plain()
  session:option("colour", "red")
  t.is(session:option("colour", nil), "red")
  t.is(session:option("colour"), nil)
end)

t.case("S19 several at once, by a table, return a table of the old values", function()
  local session = plain()
  session:option("a", "old")
  t.same(session:option { a = 1, b = 2 }, { a = "old" })
  t.is(session:option("a"), 1)
  t.is(session:option("b"), 2)
  t.same(session:option { a = 3, b = 4 }, { a = 1, b = 2 })
end)

t.case("S19 several at once, as a list, return a table of the old values", function()
  local session = plain()
  session:option("a", "old")
  t.same(session:option("a", 1, "b", 2), { a = "old" })
  t.same(session:option("a", 3, "b", 4), { a = 1, b = 2 })
  t.is(session:option("a"), 3)
  t.is(session:option("b"), 4)
end)

t.case("S19 an odd list ends with one to read", function()
  local session = plain()
  session:option { a = 1, b = 2 }
  t.same(session:option("a", 5, "b"), { a = 1, b = 2 })
  t.is(session:option("a"), 5)
  t.is(session:option("b"), 2)
end)

t.case("S19 names are lower-cased", function()
  local session = plain()
  session:option("COLOUR", "red")
  t.is(session:option("colour"), "red")
  t.is(session:option("Colour", "blue"), "red")
  t.same(session:option { CoLoUr = "green" }, { colour = "blue" })
  t.is(session:option("colour"), "green")
end)

t.case("S19 on, yes, true and off, no, false become booleans", function()
  local session = plain()
  for _, word in ipairs { "on", "yes", "true", true } do
    session:option("x", word)
    t.is(session:option("x"), true, word)
  end
  for _, word in ipairs { "off", "no", "false", false } do
    session:option("x", word)
    t.is(session:option("x"), false, word)
  end
  t.is(session:option { x = "on" }.x, false)
  t.is(session:option("x"), true)
end)

t.case("S19 other values stay what they are", function()
  local session, list = plain(), {}
  for _, value in ipairs { 0, 1, "once", "", list, nothing } do
    session:option("x", value)
    t.is(session:option("x"), value)
  end
end)

t.case("S19 sessions have options of their own", function()
  local a, b = plain(), plain()
  a:option("colour", "red")
  t.is(b:option("colour"), nil)
end)

t.case("S19 a name that is no string raises", function()
  local session = plain()
  t.fails(function() session:option(5) end, "bad argument #1 to 'option'")
  t.fails(function() session:option() end, "bad argument #1 to 'option'")
end)

t.case("S20 trace prints each event, where it comes from and the session's number", function(case)
  local session = create {
    options = { trace = true },
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("traced_yield"); ctx.kernel:delay("traced_timer", 1) end,
      traced_yield = case.expect(1), traced_timer = case.expect(1),
    },
  }
  t.is(session:id(), 1)
end, { stderr = { "traced_yield", "traced_timer", "options.lua:", "1" } })

t.case("S20 trace tells when an event goes to _default", function(case)
  create {
    options = { trace = true },
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("lost_event") end,
      _default = case.expect(2),
    },
  }
end, { stderr = { "lost_event", "_default" } })

t.case("S20 trace prints nothing of other sessions and nothing once it is off", function(case)
  create { options = { trace = true }, inline_states = { _start = nothing } }
  create {
    options = { trace = true },
    inline_states = {
      _start = function(ctx) ctx.session:option("trace", false); ctx.kernel:yield("quiet_event") end,
      quiet_event = case.expect(1),
    },
  }
  create {
    inline_states = { _start = function(ctx) ctx.kernel:yield("other_event") end, other_event = case.expect(1) },
  }
end, { no_stderr = { "quiet_event", "other_event" } })

t.case("S20 debug warns when create defines a handler twice", function()
  create {
    options = { debug = true },
    inline_states = { _start = nothing, defined_twice = nothing, defined_once = nothing },
    object_states = { { m = nothing }, { defined_twice = "m" } },
  }
end, { stderr = { "defined_twice" }, no_stderr = { "defined_once" } })

t.case("S20 debug warns when kernel:state redefines a handler", function()
  create {
    options = { debug = true },
    inline_states = {
      _start = function(ctx)
        ctx.kernel:state("defined_twice", nothing)
        ctx.kernel:state("defined_once", nothing)
      end,
      defined_twice = nothing,
    },
  }
end, { stderr = { "defined_twice" }, no_stderr = { "defined_once" } })

t.case("S20 without debug redefinition is silent", function()
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:state("defined_twice", nothing) end,
      defined_twice = nothing,
    },
  }
end, { no_stderr = { "defined_twice" } })
