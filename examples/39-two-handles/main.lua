-- Two handles for one wheel: stdin with stdout, and a pair of pipes to a helper.

local poe = require "poe"

-- Line ends its lines as network protocols do, with CR LF; files and pipes have
-- LF alone. And the last line of a file counts even if its end is missing.
local function lines()
  return poe.filter.Line.new { literal = "\n", last_line = true }
end

-- The helper has a pipe to read from and another one to write to, like the
-- stdin and stdout of a program. It turns lines around.
local helper = {
  _start = function(ctx, input, output)
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      input_handle = input,
      output_handle = output,
      filter = lines(),
      input_event = "line",
      error_event = "over",
    }
  end,

  line = function(ctx, line)
    ctx.heap.wheel:put(line:reverse())
  end,

  -- A last answer may still wait to be written.
  over = function(ctx, operation, errno, message)
    if errno ~= 0 then io.stderr:write("helper: " .. operation .. ": " .. message .. "\n") end
    ctx.heap.wheel:close_after_flush()
  end,
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      -- What is written to the second handle is read from the third, and what
      -- is written to the fourth, from the first.
      local from_helper, to_helper, input, output = poe.pipe.TwoWay.new("pipe")
      poe.Session.create { inline_states = helper, args = { input, output } }

      -- Lua's files serve as handles. They stay open when the wheel is gone.
      ctx.heap.user = poe.wheel.ReadWrite.new {
        input_handle = io.stdin,
        output_handle = io.stdout,
        filter = lines(),
        input_event = "typed",
        error_event = "user_over",
      }
      ctx.heap.helper = poe.wheel.ReadWrite.new {
        input_handle = from_helper,
        output_handle = to_helper,
        filter = lines(),
        input_event = "turned",
        error_event = "helper_over",
      }
      ctx.heap.user:put("Each line is turned around:")
    end,

    typed = function(ctx, line)
      ctx.heap.helper:put(line)
    end,

    turned = function(ctx, line)
      ctx.heap.user:put(line)
    end,

    -- The user has nothing more to say. With two pipes to close one direction
    -- means to close one handle, and the helper sees its end.
    user_over = function(ctx, operation, errno, message)
      if errno ~= 0 then io.stderr:write(operation .. ": " .. message .. "\n") end
      ctx.heap.helper:shutdown_output { flush = true }
    end,

    -- The helper has answered everything and closed its side. stdin ended
    -- before, so that only output is left.
    helper_over = function(ctx, operation, errno, message)
      if errno ~= 0 then io.stderr:write("helper: " .. operation .. ": " .. message .. "\n") end
      ctx.heap.helper:destroy()
      ctx.heap.user:put("That was all.")
      ctx.heap.user:close_after_flush()
    end,

    _stop = function()
      print("(print still works)")
    end,
  },
}
