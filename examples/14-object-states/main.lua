-- Methods as handlers: sessions made of an object, a class and a function.

local poe = require "poe"

local Account = {}
Account.__index = Account

-- The constructor makes the session as well. Who uses an account sees an
-- object with methods and need not know that events are behind them.
function Account:new(owner)
  local account = setmetatable({ owner = owner, balance = 0 }, self)
  account.session = poe.Session.create {
    -- A list names events whose methods have the same name; a key gives the
    -- event whose method has another. One table may have both.
    object_states = { account, { _start = "on_start", "change", "report" } },
  }
  return account
end

function Account:deposit(amount)
  poe.kernel:post(self.session, "change", amount)
end

-- A handler that is a method gets the object first, then ctx. What belongs to
-- the object is in self, what belongs to the session would be in ctx.heap.
function Account:on_start()
  print(self.owner .. " opens an account")
end

function Account:change(_, amount)
  self.balance = self.balance + amount
end

function Account:report()
  print(self.owner .. " has " .. self.balance)
end

-- Methods are looked up by ordinary indexing, at each event. So inheritance
-- works as ever: a Club account differs in one handler.
local Club = setmetatable({}, { __index = Account })
Club.__index = Club

function Club:change(ctx, amount)
  Account.change(self, ctx, amount + 1) -- members get one on top
end

-- A class, too, can serve by itself. Its handlers get the class, the "package"
-- in POE's words, and may keep in it what all its sessions have in common.
local Audit = { visits = 0 }

function Audit:visit(ctx, account)
  self.visits = self.visits + 1
  ctx.kernel:post(account.session, "report")
end

local ann, bob = Account:new("ann"), Club:new("bob")
ann:deposit(10)
bob:deposit(10)

poe.Session.create {
  package_states = { Audit, { "visit" } },
  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("visit", ann)
      ctx.kernel:yield("visit", bob)
    end,

    _stop = function()
      print(Audit.visits .. " visits")
    end,
  },
}
