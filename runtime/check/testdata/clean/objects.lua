-- An object whose methods are states, some under another name, and a class that serves two sessions.
local poe = require "poe"

local Watcher = {}
Watcher.__index = Watcher

function Watcher.new(path, every)
  local self = setmetatable({ path = path, every = every, seen = {} }, Watcher)
  poe.Session.create{
    object_states = { self, { "_start", "look", tick = "on_tick" } },
  }
  return self
end

function Watcher:_start(ctx)
  ctx.kernel:alias_set("watcher:" .. self.path)
  ctx.kernel:yield("look")
  ctx.kernel:delay_set("tick", self.every)
  ctx.kernel:sig("HUP", "look")
end

function Watcher:look(ctx)
  local file, why = io.open(self.path)
  if not file then
    io.stderr:write(why, "\n")
    return
  end
  for line in file:lines() do self.seen[#self.seen + 1] = line end
  file:close()
end

function Watcher:on_tick(ctx)
  ctx.kernel:yield("look")
  ctx.kernel:delay("tick", self.every)
end

local names = { "_start", "count", "report" }
local Counter = { total = 0 }
function Counter:_start(ctx, by) ctx.kernel:call(ctx.session, "count", by) end
function Counter:count(ctx, by)
  self.total = self.total + (by or 1)
  ctx.kernel:post(ctx.session, "report")
end
function Counter.report(class) print(class.total) end

for i = 1, 2 do
  poe.Session.create{ package_states = { Counter, names }, args = { i } }
end
Watcher.new(arg[1] or "/etc/hosts", 5)
poe.kernel:run()
