-- Values over a wire: requests and answers as tables, by the filter Reference.

local poe = require "poe"

-- Two programs, each with a kernel of its own, connected by TCP and by nothing
-- else. This file is both: it starts itself once more, as the server. What one
-- puts, the other gets: numbers, strings with any bytes, booleans, tables.
local operations = {
  sum = function(list)
    local total = 0
    for _, n in ipairs(list) do
      if type(n) ~= "number" then error("sum of numbers only", 0) end
      total = total + n
    end
    return total
  end,

  -- nil is nothing, and nothing cannot be sent. poe.null stands for it.
  find = function(question)
    return question.list[question.at] or poe.null
  end,

  measure = function(text)
    return { bytes = #text, words = select(2, text:gsub("%S+", "")) }
  end,
}

local server = {
  _start = function(ctx)
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      bind_address = "127.0.0.1",
      success_event = "connected",
      failure_event = "failed",
    }
    local address, port = ctx.heap.listener:getsockname()
    if address then print(port) end
  end,

  -- The bytes are MessagePack, which other languages know, too; JSON and CBOR
  -- are there as well. Functions are not sent, so nobody can smuggle in code.
  connected = function(ctx, handle)
    ctx.heap.listener:destroy() -- one client is enough
    poe.wheel.ReadWrite.new {
      handle = handle,
      filter = poe.filter.Reference.new { max_length = 100000 },
      input_event = "request",
      error_event = "gone",
    }
  end,

  -- A request has an ID that the answer repeats. The client need not wait, and
  -- we need not answer in order: what is long takes its time. (Any value may
  -- arrive here. Who expects a table makes sure that it is one.)
  request = function(ctx, request, id)
    if type(request) ~= "table" then request = {} end
    ctx.kernel:delay_add("work", request.long and 0.02 or 0, request, id)
  end,

  -- What goes wrong with a request is its sender's business, and not the end of
  -- the server.
  work = function(ctx, request, id)
    local wheel = ctx.session:wheel(id)
    if not wheel then return end -- the client has gone
    local operation = operations[request.operation]
    local ok, result
    if operation then
      ok, result = pcall(operation, request.argument)
    else
      ok, result = false, "there is no " .. tostring(request.operation)
    end
    if ok then
      wheel:put { id = request.id, result = result }
    else
      wheel:put { id = request.id, message = tostring(result) }
    end
  end,

  gone = function(ctx, operation, errno, message, id)
    if errno ~= 0 then io.stderr:write("server: " .. operation .. ": " .. message .. "\n") end
    ctx.session:wheel(id):destroy()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
  end,
}

local client = {
  -- arg[-1] is what runs this script, arg[0] the script. The server tells its
  -- port on its stdout, which is a handle like others.
  _start = function(ctx)
    ctx.heap.open = 0
    ctx.heap.server = assert(io.popen(("'%s' '%s' server"):format(arg[-1], arg[0])))
    ctx.heap.output = poe.wheel.ReadWrite.new {
      input_handle = ctx.heap.server,
      output_handle = false,
      input_event = "started",
      error_event = "failed",
    }
  end,

  started = function(ctx, port)
    ctx.heap.output:destroy()
    poe.wheel.SocketFactory.new {
      remote_address = "127.0.0.1",
      remote_port = tonumber(port),
      success_event = "connected",
      failure_event = "failed",
    }
  end,

  -- All questions at once. A table is an item like any other.
  connected = function(ctx, handle)
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      filter = poe.filter.Reference.new(),
      input_event = "answer",
      error_event = "failed",
    }
    for id, question in ipairs {
      { operation = "sum", argument = { 1, 2, 3.5 }, long = true },
      { operation = "find", argument = { list = { "a", "b" }, at = 2 } },
      { operation = "find", argument = { list = { "a", "b" }, at = 7 } },
      { operation = "measure", argument = "two\0words here" },
      { operation = "sum", argument = { 1, "two" } },
      { operation = "format_disk" },
    } do
      question.id = id
      ctx.heap.wheel:put(question)
      ctx.heap.open = ctx.heap.open + 1
    end
  end,

  answer = function(ctx, answer)
    local result = answer.result
    if answer.message then
      print(answer.id .. " failed: " .. answer.message)
    elseif type(result) == "table" then
      print(answer.id .. " is " .. result.bytes .. " bytes, " .. result.words .. " words")
    else
      print(answer.id .. " is " .. (result == poe.null and "nothing" or result))
    end
    ctx.heap.open = ctx.heap.open - 1
    if ctx.heap.open == 0 then ctx.heap.wheel:destroy() end -- which ends the server, too
  end,

  failed = function(ctx, operation, _, message)
    io.stderr:write("client: " .. operation .. ": " .. message .. "\n")
    ctx.heap.output:destroy()
    if ctx.heap.wheel then ctx.heap.wheel:destroy() end
  end,

  _stop = function(ctx) ctx.heap.server:close() end, -- waits for its end
}

poe.Session.create { inline_states = arg[1] == "server" and server or client }
