-- poe.test: cases with a kernel of their own, and the assertions they use.
--
--   local t = require "poe.test"
--   t.case("a posted event arrives once", function(case) ... end, { clock = "real" })
--
-- A case's body runs in the main chunk and makes sessions; then the kernel runs; then what case.after was given.
-- Nothing may be left when all that is over. Options: clock ("simulated" unless said otherwise), skip (a reason);
-- and for the driver: env (names and values), stderr and no_stderr (text that the output must, must not contain).
local poe = require "poe"

local test = {}

local cases = {}     -- in the order they were registered
local by_name = {}
local first_failure  -- of an assertion in the running case: a handler that watches DIE cannot hide it

-- position tells where the function `level` calls up is, as error() would.
local function position(level)
  local info = debug.getinfo(level + 1, "Sl")
  if not info or info.currentline < 0 then return "" end
  return (info.short_src or info.source) .. ":" .. info.currentline .. ": "
end

-- fail raises at the line `level` calls above its caller (1 is the caller itself).
local function fail(level, message)
  message = position(level + 1) .. message
  first_failure = first_failure or message
  error(message, 0)
end

-- show renders a value on one line, tables by their contents in an order that does not change.
local function show(value, depth)
  depth = depth or 0
  if type(value) == "string" then return string.format("%q", value) end
  if type(value) ~= "table" or getmetatable(value) then return tostring(value) end
  if depth > 3 then return "{...}" end
  local parts, keys = {}, {}
  for i = 1, #value do parts[i] = show(value[i], depth + 1) end
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key > #value or key % 1 ~= 0 then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local name = type(key) == "string" and key or "[" .. show(key, depth + 1) .. "]"
    parts[#parts + 1] = name .. " = " .. show(value[key], depth + 1)
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- difference names the first place where two values differ, nil if there is none. Tables with a metatable (sessions
-- and their like) are compared by identity.
local function difference(got, want, path, seen)
  if got == want then return nil end
  local plain = type(got) == "table" and type(want) == "table" and not getmetatable(got) and not getmetatable(want)
  if not plain then return string.format("%s: got %s, want %s", path, show(got), show(want)) end
  if seen[got] == want then return nil end
  seen[got] = want
  local keys = {}
  for key in pairs(want) do keys[#keys + 1] = key end
  for key in pairs(got) do
    if want[key] == nil then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local name = type(key) == "string" and path .. "." .. key or path .. "[" .. show(key) .. "]"
    local found = difference(got[key], want[key], name, seen)
    if found then return found end
  end
  return nil
end

-- same compares deeply; `what` names the value in the message.
function test.same(got, want, what)
  local found = difference(got, want, what or "value", {})
  if found then fail(2, string.format("%s\n  got  %s\n  want %s", found, show(got), show(want))) end
end

-- is compares with ==.
function test.is(got, want, what)
  if got ~= want then fail(2, string.format("%sgot %s, want %s", what and what .. ": " or "", show(got), show(want))) end
end

function test.truthy(value, what)
  if not value then fail(2, string.format("%sgot %s, want something true", what and what .. ": " or "", show(value))) end
end

-- fails calls f, which must raise an error that matches the Lua pattern (any error without one), and returns the error.
function test.fails(f, pattern)
  local ok, err = pcall(f)
  if ok then fail(2, "no error was raised, want " .. (pattern or "one")) end
  if pattern and not tostring(err):find(pattern) then
    fail(2, string.format("got the error %q, want one that matches %q", tostring(err), pattern))
  end
  return err
end

-- failure checks the results of a call that the world refused: t.failure("ESRCH", kernel:post("nobody", "x")).
function test.failure(code, ...)
  local value, message, errno = ...
  local number = poe.errno[code]
  if type(number) ~= "number" then fail(2, "poe.errno has no " .. code) end
  if value ~= nil or type(message) ~= "string" or message == "" or errno ~= number or select("#", ...) ~= 3 then
    fail(2, string.format("got %s, want nil, a message and %s (%d)", show({ n = select("#", ...), ... }), code, number))
  end
end

-- success checks the results of a call that has no value to give: true and nothing else.
function test.success(...)
  if select("#", ...) ~= 1 or ... ~= true then
    fail(2, string.format("got %s, want true alone", show({ n = select("#", ...), ... })))
  end
end

-- log gives evidence of an order: log("a"); log("b", 2); log:is("a b:2").
function test.log()
  return setmetatable({}, {
    __index = {
      is = function(log, want)
        local got = table.concat(log, " ")
        if got ~= want then fail(2, string.format("the order differs\n  got  %s\n  want %s", got, want)) end
      end,
    },
    __call = function(log, ...)
      local parts = { ... }
      for i = 1, select("#", ...) do parts[i] = tostring(parts[i]) end
      log[#log + 1] = table.concat(parts, ":")
    end,
  })
end

-- case registers a case.
function test.case(name, body, options)
  if by_name[name] then error("there is a case of this name already: " .. name, 2) end
  options = options or {}
  local entry = { name = name, clock = options.clock or "simulated", body = body }
  for _, key in ipairs{ "skip", "env", "stderr", "no_stderr" } do entry[key] = options[key] end
  by_name[name] = entry
  cases[#cases + 1] = entry
end

-- names lists the cases in the order they were registered: { name =, clock =, skip =, env =, stderr =, no_stderr = }.
function test.names()
  local list = {}
  for i, entry in ipairs(cases) do
    local copy = {}
    for key, value in pairs(entry) do
      if key ~= "body" then copy[key] = value end
    end
    list[i] = copy
  end
  return list
end

-- new_case gives what a body gets, and the lists which its functions fill.
local function new_case()
  local case, after, expected = {}, {}, {}
  local state = { after = after, expected = expected }

  -- after has f called when the kernel has run.
  function case.after(f) after[#after + 1] = f end

  -- expect wraps f (which may be missing): the wrapper must be called n times, no more and no less.
  function case.expect(n, f)
    local entry = { want = n, got = 0, where = position(2) }
    expected[#expected + 1] = entry
    return function(...)
      entry.got = entry.got + 1
      if f then return f(...) end
    end
  end

  -- run_error says that kernel:run() is to raise: an error matching the pattern, or one that a function will look at.
  function case.run_error(want) state.run_error = want end

  return case, state
end

-- judge_run compares how kernel:run() ended with what the case said of it.
local function judge_run(want, ok, err)
  if want == nil then
    if not ok then error("kernel:run() raised: " .. (type(err) == "string" and err or show(err)), 0) end
  elseif ok then
    error("kernel:run() returned, though the case expects it to raise", 0)
  elseif type(want) == "function" then
    want(err)
  elseif not tostring(err):find(want) then
    error(string.format("kernel:run() raised %q, want what matches %q", tostring(err), want), 0)
  end
end

local function judge_calls(expected)
  for _, entry in ipairs(expected) do
    if entry.got ~= entry.want then
      error(string.format("%scalled %d times, want %d", entry.where, entry.got, entry.want), 0)
    end
  end
end

local function judge_rest()
  local count = poe.kernel:get_event_count()
  if count ~= 0 then error("events left in the queue: " .. count, 0) end
  local stats = poe.kernel:stats()
  local left = stats.sessions_created - stats.sessions_stopped
  if left ~= 0 then error("sessions left after the run: " .. left, 0) end
end

-- run runs one case in this runtime, which must be fresh, and raises if it fails.
function test.run(name)
  local entry = by_name[name] or error("no such case: " .. name, 2)
  local case, state = new_case()
  first_failure = nil
  local ok, err = pcall(function()
    entry.body(case)
    local finished, run_error = pcall(function() return poe.kernel:run() end)
    if first_failure then error(first_failure, 0) end
    judge_run(state.run_error, finished, run_error)
    for _, f in ipairs(state.after) do f() end
    judge_calls(state.expected)
    judge_rest()
  end)
  if first_failure then error(first_failure, 0) end
  if not ok then error(err, 0) end
end

return test
