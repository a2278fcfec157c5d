-- A session class of one's own: new parameters, new methods, an eye on every event.

local poe = require "poe"

-- A class is a table that inherits from poe.Session.
local Named = setmetatable({}, { __index = poe.Session })
Named.__index = Named

-- Called with what create was given, before create looks at it. Parameters of
-- our own are taken out here; create does not tolerate what it does not know.
function Named:instantiate(params)
  local name = params.name
  params.name = nil

  local session = poe.Session.instantiate(self, params)
  session.name = name
  session.events = 0
  return session
end

-- The last step of create: gives the session to the kernel, with _start's
-- arguments. Here they get company.
function Named:try_alloc(...)
  return poe.Session.try_alloc(self, "from try_alloc", ...)
end

-- Every event goes through invoke, and what it does not pass on does not happen.
function Named:invoke(ctx, event, ...)
  if event == "joke" then
    print(self.name .. " is not told the joke")
    return
  end
  self.events = self.events + 1
  return poe.Session.invoke(self, ctx, event, ...)
end

function Named:describe()
  return self.name .. " (session " .. self:id() .. ", " .. self.events .. " events)"
end

-- With a colon: create must know which class it is to make.
local session = Named:create {
  name = "ann",
  args = { "from args" },
  inline_states = {
    _start = function(ctx, first, second)
      print("_start has one argument " .. first .. " and one " .. second)
      ctx.kernel:yield("greet", "bob")
      ctx.kernel:yield("joke")
      ctx.kernel:yield("greet", "cid")
    end,

    greet = function(ctx, whom)
      print(ctx.session.name .. " greets " .. whom)
    end,

    joke = function()
      print("this is never printed")
    end,

    _stop = function(ctx)
      print("at the end: " .. ctx.session:describe())
    end,
  },
}

print("at the start: " .. session:describe())
