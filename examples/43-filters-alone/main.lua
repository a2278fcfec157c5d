-- Filters without wheels: CSV, JSON, netstrings and IRC, from and to strings.

local poe = require "poe"

-- There is no session in this program. A filter turns bytes into items with
-- get, and items into bytes with put; where the bytes come from is not its
-- business. put gives an array of pieces, which belong together.
local function bytes_of(filter, ...)
  return table.concat(filter:put { ... })
end

-- From CSV to JSON: one filter reads, another one writes. The first record has
-- the names of the fields.
local csv = poe.filter.CSV.new { header = true }
local json = poe.filter.JSONLines.new()
local text = 'name,says\r\nann,"hello, bob"\r\nbob,"""hm"""\r\n'
for _, record in ipairs(csv:get { text }) do
  io.write(bytes_of(json, record))
end

-- Bytes may be cut anywhere. An item comes when it is complete, and what is not
-- yet an item is pending.
local netstring = poe.filter.Netstring.new()
for _, piece in ipairs { "5:he", "llo,2:", "hi,7:unfini" } do
  local items = netstring:get { piece }
  local pending = table.concat(netstring:get_pending() or {})
  print(("%s gives %d, pending is '%s'"):format(piece, #items, pending))
end

-- A clone has the same parameters and none of the bytes.
print("a clone has pending: " .. tostring(netstring:clone():get_pending()))

-- Bad input is not an error of the program. The good items come first; then get
-- gives nil and a reason. JSONLines goes on behind the bad line. Who cannot,
-- because it is lost where the next item begins, says so with a fourth value.
local function show(filter, input)
  local items, message, errno, final = filter:get { input }
  repeat
    if items then
      for _, item in ipairs(items) do print("item " .. tostring(item)) end
    else
      print(message)
      print("bad message: " .. tostring(errno == poe.errno.EBADMSG))
      print("final: " .. tostring(final or false))
    end
    if final then return end
    items, message, errno, final = filter:get {}
  until items and #items == 0
end

show(poe.filter.JSONLines.new(), "1\n{oops}\n3\n")
show(poe.filter.Netstring.new(), "3:one,two,5:three,")

-- Filters for protocols give tables.
local irc = poe.filter.IRC.new()
local message = irc:get { ":ann!a@example.org PRIVMSG #lua :how are you?\r\n" }[1]
print(message.nick .. " to " .. message.params[1] .. ": " .. message.params[2])
io.write(bytes_of(irc, { command = "PRIVMSG", params = { message.params[1], "fine, " .. message.nick } }))

-- Filters can be stacked, the one next to the bytes first. Here they give lines,
-- of these all but the comments, and these in capitals.
local stack = poe.filter.Stackable.new {
  filters = {
    poe.filter.Line.new(),
    poe.filter.Grep.new { code = function(line) return not line:find("^#") end },
    poe.filter.Map.new { get = string.upper, put = string.lower },
  },
}
print(table.concat(stack:get { "# a comment\none\ntwo\n" }, ", "))
io.write(bytes_of(stack, "THREE"))
