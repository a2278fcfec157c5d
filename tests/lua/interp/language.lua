-- The language itself, where poelua mends what gopher-lua has wrong.
local t = require "poe.test"
local poe = require "poe"

t.case("a variable and the closures that share it stay together through a caught error", function()
  local n = 0
  local function increment() n = n + 1 end
  pcall(error, "caught")
  increment()
  t.is(n, 1)
  xpcall(function() error("caught") end, function() return "handled" end)
  increment()
  t.is(n, 2)
end)

t.case("a variable of the main chunk survives an error in a handler", function(case)
  local n = 0
  poe.Session.create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("DIE", "died"); ctx.kernel:yield("fail") end,
      fail = function() n = n + 1; error("no luck") end,
      died = function(ctx) n = n + 1; ctx.kernel:sig_handled() end,
      _stop = function() n = n + 1 end,
    },
  }
  poe.kernel:run()
  n = n + 1
  t.is(n, 4)
end)

t.case("a closure that escaped from a failed call keeps its variable", function()
  local escaped
  pcall(function()
    local value = "kept"
    escaped = function() return value end
    error("failed")
  end)
  local function overwrite(a, b, c) return a, b, c end
  overwrite(1, 2, 3)
  t.is(escaped(), "kept")
end)

t.case("an error names the caller's line at level 2, and none at level 0", function()
  local function complain(level) error("no", level) end
  local function caller(level) complain(level) end -- line 45
  local _, plain = pcall(caller, 0)
  t.is(plain, "no")
  local _, at_caller = pcall(function() local ok = caller(2); return ok end)
  t.truthy(at_caller:match(":45: no$"))
end)

t.case("an error without a value is nil", function()
  local ok, value = pcall(error)
  t.is(ok, false)
  t.is(value, nil)
end)
