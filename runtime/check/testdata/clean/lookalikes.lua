-- Objects with methods of the kernel's names, and events of other sessions.
local poe = require "poe"
local irc = require "poe.component.irc".spawn{ nick = "marvin", server = "127.0.0.1" }
local widgets = require "widgets"

local list = widgets.list{ "one", "two" }
list:select("item", "one")
list:callback("clicked")
irc:yield("join", "#brain")

require "poe.component.server.tcp".new{
  port = 4000,
  client_input = function(ctx, line)
    ctx.heap.client:put(line)
    ctx.kernel:yield("shutdown")
  end,
}

poe.Session.create{
  inline_states = {
    _start = function(ctx)
      irc:yield("register", "all")
      ctx.kernel:alias_set("main")
      local other = ctx.kernel:alias_resolve("logger")
      other:postback("log", "started")()
      ctx.sender:postback("reply")
      ctx.kernel:post("logger", "log", "hello")
      ctx.kernel:post(ctx.sender, "welcome")
      ctx.kernel:delay("_private_of_kernel")
    end,
    _private_of_kernel = function() end,
    irc_001 = function(ctx) ctx.kernel:post("irc", "join", "#brain") end,
  },
}
