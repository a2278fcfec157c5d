-- A long task in small pieces: each request carries its own state from turn to turn.

local poe = require "poe"

local function is_prime(n)
  for d = 2, math.sqrt(n) do
    if n % d == 0 then return false end
  end
  return n > 1
end

-- The service works on any number of requests at once. What it knows of one is
-- in one table, which goes along with the events; the heap could not tell two
-- requests apart.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:alias_set("primes")
    end,

    find = function(ctx, answer, last)
      local request = { client = ctx.sender:id(), answer = answer, found = {} }
      request.next, request.last = 1, last

      -- The answer takes a while, and until then the client has nothing to do.
      -- This keeps it from stopping (19-extra-references has the details).
      ctx.kernel:refcount_increment(request.client, "primes")
      ctx.kernel:yield("work", request)
    end,

    -- Ten numbers a turn. Between two turns come other requests and other
    -- sessions, so a small request is not held up by a big one.
    work = function(ctx, request)
      local upto = math.min(request.next + 9, request.last)
      print("  trying " .. request.next .. " to " .. upto .. " of " .. request.last)
      for n = request.next, upto do
        if is_prime(n) then request.found[#request.found + 1] = n end
      end
      request.next = upto + 1

      if upto < request.last then
        ctx.kernel:yield("work", request)
      else
        ctx.kernel:post(request.client, request.answer, request.found)
        ctx.kernel:refcount_decrement(request.client, "primes")
      end
    end,
  },
}

local function start_client(name, last)
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        print(name .. " wants the primes up to " .. last)
        ctx.kernel:post("primes", "find", "found", last)
      end,

      found = function(_, primes)
        print(name .. ": " .. table.concat(primes, " "))
      end,
    },
  }
end

start_client("ann", 40)
start_client("bob", 20)
