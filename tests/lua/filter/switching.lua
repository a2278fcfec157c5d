-- One filter in another's place.
local poe = require "poe"
local t = require "poe.test"

-- switch feeds what one filter has left to another.
local function switch(old, new)
  local pending = old:get_pending()
  if pending then t.success(new:get_one_start(pending)) end
  return new
end

t.case("F88 Line to Block to Line to Stream loses and repeats nothing", function()
  local input = "one\r\ntwo\r\n5\0hello3\0abcthree\r\nraw \0 bytes"
  for cut = 1, #input - 1 do
    local seen, chunks = {}, { input:sub(1, cut), input:sub(cut + 1) }
    local line, block = poe.filter.Line.new{ input_literal = "\r\n" }, poe.filter.Block.new()
    local f = line
    local counts = { 2, 2, 1 }
    local stage = 1
    for _, chunk in ipairs(chunks) do
      t.success(f:get_one_start(chunk))
      while true do
        local items = f:get_one()
        if #items == 0 then break end
        seen[#seen + 1] = items[1]
        if counts[stage] then
          counts[stage] = counts[stage] - 1
          if counts[stage] == 0 then
            stage = stage + 1
            f = switch(f, stage == 2 and block or stage == 3 and line:clone() or poe.filter.Stream.new())
          end
        end
      end
    end
    local rest = table.concat(seen, "", 6)
    t.same({ seen[1], seen[2], seen[3], seen[4], seen[5], rest }, { "one", "two", "hello", "abc", "three", "raw \0 bytes" })
  end
end)

t.case("a filter that failed hands its input on from the bad spot", function()
  local f = poe.filter.Netstring.new()
  t.same(f:get("1:a,GET /\n"), { "a" })
  t.is(f:get{}, nil)
  t.same(switch(f, poe.filter.Line.new()):get{}, { "GET /" })
end)
