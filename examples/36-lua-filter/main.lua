-- A filter written in Lua: items with their length before them, alone and in a wheel.

local poe = require "poe"

-- A filter knows where an item begins and ends, and nothing of handles and
-- events. So it is a table with a few methods. poe.Filter supplies the others:
-- get, of the two halves here, and clone, which calls `new`.
local Prefixed = setmetatable({}, { __index = poe.Filter })
Prefixed.__index = Prefixed

local longest = 1000 -- bytes; whoever reads from strangers needs a limit

function Prefixed.new()
  return setmetatable({ buffer = "", at = 1 }, Prefixed)
end

-- The first half of get: bytes arrive, cut anywhere. Nothing is parsed yet.
function Prefixed:get_one_start(chunks)
  self.buffer = self.buffer:sub(self.at) .. table.concat(chunks)
  self.at = 1
  return true
end

-- The second half: one item, if there is a whole one. It is called until there
-- is none. (`at` moves along, because to cut the buffer for each item would
-- copy the rest of it each time.)
function Prefixed:get_one()
  local high, low = self.buffer:byte(self.at, self.at + 1)
  if not low then return {} end
  local length = high * 256 + low

  -- Bad input is no error of this program, so it is returned, not raised. The
  -- fourth value says that there is no way to find the next item.
  if length > longest then
    return nil, "item of " .. length .. " bytes", poe.errno.EMSGSIZE, true
  end

  local first, last = self.at + 2, self.at + 1 + length
  if last > #self.buffer then return {} end
  self.at = last + 1
  return { self.buffer:sub(first, last) }
end

-- What has arrived and is no item yet, for whatever filter comes next.
function Prefixed:get_pending()
  if self.at <= #self.buffer then return { self.buffer:sub(self.at) } end
end

-- The way out. An item that is too long lies with the caller: that is raised.
function Prefixed:put(items)
  local chunks = {}
  for i, item in ipairs(items) do
    if #item > longest then error("item of " .. #item .. " bytes", 2) end
    chunks[i] = string.char(math.floor(#item / 256), #item % 256) .. item
  end
  return chunks
end

-- Alone a filter is tried out and tested without any input or output.
local filter = Prefixed.new()
local bytes = table.concat(filter:put { "one", "", "three" })
print(#bytes .. " bytes")

for i = 1, #bytes do -- even one by one
  for _, item in ipairs(filter:get { bytes:sub(i, i) }) do
    print(("byte %d completes '%s'"):format(i, item))
  end
end

-- Others use the same framing: here poelua itself, which has this filter, too.
print(table.concat(poe.filter.LengthPrefix.new { width = 2 }:get { bytes }, ","))

-- In a wheel it takes the place of Line.
local here, _, there = poe.pipe.TwoWay.new("socketpair")

poe.Session.create {
  inline_states = {
    _start = function()
      poe.wheel.ReadWrite.new {
        handle = here,
        filter = Prefixed.new(),
        input_event = "item",
        error_event = "over",
      }
    end,

    item = function(_, item)
      print("received " .. item:gsub("\n", "|"))
    end,

    -- The filter's failures are told here like those of reading and writing.
    over = function(ctx, operation, _, message, id)
      print(operation .. ": " .. message)
      ctx.session:wheel(id):destroy()
    end,
  },
}

poe.Session.create {
  inline_states = {
    _start = function()
      local wheel = poe.wheel.ReadWrite.new { handle = there, filter = Prefixed.new() }
      wheel:put("hello", "two\nlines")

      -- Now something that is not our protocol.
      wheel:set_output_filter(poe.filter.Line.new())
      wheel:put("GET / HTTP/1.0")
      wheel:close_after_flush()
    end,
  },
}
