-- Raw input: a word counter that reads stdin as it comes, while a timer reports.

local poe = require "poe"

local function count_words(heap, text)
  for word in text:lower():gmatch("%a[%a']*") do
    heap.words = heap.words + 1
    heap.seen[word] = (heap.seen[word] or 0) + 1
  end
end

local function print_totals(heap)
  local seen, list = heap.seen, {}
  for word in pairs(seen) do list[#list + 1] = word end
  table.sort(list, function(a, b)
    if seen[a] ~= seen[b] then return seen[a] > seen[b] end
    return a < b
  end)
  print(heap.bytes .. " bytes, " .. heap.words .. " words, " .. #list .. " different ones")
  for i = 1, math.min(5, #list) do print(seen[list[i]] .. " times " .. list[i]) end
end

poe.Session.create {
  heap = { bytes = 0, words = 0, seen = {}, rest = "" },

  inline_states = {
    _start = function(ctx)
      -- The kernel tells when there is something to read; it does not read.
      -- With `keep`, stdin stays open for others when we are done with it.
      ctx.kernel:select_read(poe.Handle.new(0, { keep = true }), "readable")
      ctx.kernel:delay("report", 0)
    end,

    -- One read per event. If there is more, the event comes again, after all
    -- others had their turn. (Without a size, read takes up to 65536 bytes.)
    readable = function(ctx, handle)
      local heap = ctx.heap
      local bytes, message, code = handle:read(256)
      if bytes then
        -- Input arrives in pieces, cut anywhere. What follows the last blank
        -- may be half a word, and waits for the next piece.
        heap.bytes = heap.bytes + #bytes
        local whole, rest = (heap.rest .. bytes):match("^(.*%s)(.*)$")
        heap.rest = rest or heap.rest .. bytes
        count_words(heap, whole or "")
      elseif code ~= poe.errno.EAGAIN then -- which means: nothing there after all
        -- The end of input has code 0. Without watcher and timer there is
        -- nothing to wait for, and the session stops.
        if code ~= 0 then io.stderr:write("stdin: " .. message .. "\n") end
        ctx.kernel:select_read(handle)
        ctx.kernel:delay("report")
        count_words(heap, heap.rest)
        print_totals(heap)
      end
    end,

    -- Slow input does not hold this up. Try it: type, or pipe in a big file.
    report = function(ctx)
      io.stderr:write(ctx.heap.words .. " words so far\n")
      ctx.kernel:delay("report", 1)
    end,
  },
}
