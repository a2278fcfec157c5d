-- The end: services with an alias live while there is work, and IDLE is their last call.

local poe = require "poe"

-- A service without much to do. It lives by its alias alone.
local index = {
  _start = function(ctx) ctx.kernel:alias_set("index") end,
  _stop = function() print("index stops") end,
}

-- A program is over when its last session stops. A service never runs out of
-- work by itself: its alias says that somebody may call. So when nobody is left
-- who could, the kernel asks everybody with the signal IDLE.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:alias_set("archive")
      ctx.kernel:sig("IDLE", "idle")
      ctx.heap.unsaved = {}

      poe.Session.create { inline_states = index } -- a child of this session
    end,

    store = function(ctx, text)
      print("stored " .. text)
      table.insert(ctx.heap.unsaved, text)
    end,

    -- There is something left to do: the signal is handled, new work is on its
    -- way, and life goes on until that is done. Saying "handled" without new
    -- work would not help: the next signal, ZOMBIE, asks nobody.
    idle = function(ctx, signal)
      if #ctx.heap.unsaved > 0 then
        print(signal .. ": not yet")
        ctx.kernel:sig_handled()
        ctx.kernel:delay("save", 0.02)
      else
        print(signal .. ": as you like")
      end
    end,

    save = function(ctx)
      print("saved " .. table.concat(ctx.heap.unsaved, ", "))
      ctx.heap.unsaved = {}
    end,

    -- Children stop before their parents. In _stop a session still has its
    -- alias and may be called, but what it posts now will not arrive.
    _stop = function(ctx)
      print(ctx.kernel:alias_list(ctx.session)[1] .. " stops")
    end,
  },
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:post("archive", "store", "letters")
      ctx.kernel:post("archive", "store", "songs")
    end,

    _stop = function()
      print("the only client stops")
    end,
  },
}

poe.kernel:run()
print("the program ends")
