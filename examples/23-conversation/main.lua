-- A pipe for both directions: two sessions talk, and the last word is a close.

local poe = require "poe"

-- Four handles for two ends, each with one to read from and one to write to.
-- What ann writes, bob reads, and the reverse.
local ann_in, ann_out, bob_in, bob_out = poe.pipe.TwoWay.new("pipe")

local function start_talker(name, input, output, sentences, begins)
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        -- A watched handle is all that keeps this session alive.
        ctx.kernel:select_read(input, "listen")
        if begins then ctx.kernel:yield("talk") end
      end,

      -- A sentence fits into a pipe, so it is not cut here. Real programs
      -- leave framing to a wheel and its filter.
      talk = function()
        local sentence = table.remove(sentences, 1)
        if sentence then
          output:write(sentence)
        else
          output:close()
        end
      end,

      -- The other side's close is our end of input. Whoever has nothing more
      -- to hear has nothing to answer either and closes, too. (Closing what
      -- is closed does no harm.)
      listen = function(ctx, handle)
        local heard, _, code = handle:read()
        if heard then
          print(name .. " hears: " .. heard)
          ctx.kernel:yield("talk")
        elseif code == 0 then
          print(name .. " hears nothing more")
          handle:close()
          output:close()
        end
      end,

      _stop = function()
        print(name .. " stops")
      end,
    },
  }
end

start_talker("ann", ann_in, ann_out, { "Is it raining?", "Then I stay." }, true)
start_talker("bob", bob_in, bob_out, { "It pours.", "Good idea." }, false)
