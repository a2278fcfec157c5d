-- Events without a handler go to _default: a command interpreter's "otherwise".

local poe = require "poe"

local commands = {
  "add 2 3",
  "sing loud and long",
  "quit",
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      -- The command's first word becomes an event, the others its arguments.
      -- The prefix keeps a user from sending this session just anything.
      for _, line in ipairs(commands) do
        local words = {}
        for word in line:gmatch("%S+") do words[#words + 1] = word end
        ctx.kernel:yield("cmd_" .. words[1], unpack(words, 2))
      end
    end,

    cmd_add = function(_, a, b)
      print(a .. " + " .. b .. " = " .. a + b)
    end,

    cmd_quit = function()
      print("bye")
    end,

    -- It gets the name that found no handler and the arguments as one table,
    -- whose n counts them even when some are nil.
    _default = function(ctx, event, args)
      local command = event:match("^cmd_(.+)")
      if command then
        print("I cannot " .. command .. " (" .. args.n .. " words, the first is " .. args[1] .. ")")
      else
        -- The kernel's own events come here as well when nothing handles
        -- them: a _default that answers everything must look at the name.
        print(ctx.state .. " got the kernel's " .. event)
      end
    end,
  },
}
