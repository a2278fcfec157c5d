-- Strings and numbers as text, where gopher-lua's own library differs from Lua 5.1.
local t = require "poe.test"

local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  t.is(ok, false)
  t.truthy(message:match(pattern))
end

t.case("format pads, rounds and quotes as C does", function()
  t.is(("%5.2f|%-5d|%05d|%+d|%x|%#X"):format(3.14159, 42, -42, 7, 255, 255), " 3.14|42   |-0042|+7|ff|0XFF")
  t.is(("%q"):format("a\n\"\\\r\0"), "\"a\\\n\\\"\\\\\\r\\000\"")
  t.is(("%5s|%-5s|%.2s|%%"):format("ab", "ab", "abc"), "   ab|ab   |ab|%")
  t.is(("%s %s"):format(nil, true), "nil true")
end)

t.case("format refuses what it cannot format, at the caller's line", function()
  raises("strings%.lua:19: bad argument #2 to 'format' %(number expected, got string%)$", function()
    return ("%d"):format("x") .. ""
  end)
  raises("bad argument #2 to 'format' %(no value%)$", string.format, "%d")
  raises("invalid option '%%y' to 'format'$", string.format, "%y", 1)
end)

t.case("numbers are written with 14 digits and read back", function()
  t.is(tostring(2 ^ 53), "9.007199254741e+15")
  t.is(tostring(1e15), "1e+15")
  t.is(tostring(-1 / 0), "-inf")
  t.is(tonumber(" 0x1p4\n"), 16)
  t.is(tonumber("zZ", 36), 1295)
  t.is(tonumber("1e"), nil)
  t.is(tonumber("1_000"), nil)
end)

t.case("upper and lower leave bytes beyond ASCII alone", function()
  t.is(("\195\169\255a"):upper(), "\195\169\255A")
  t.is(("\195\137\255A"):lower(), "\195\137\255a")
end)

t.case("a string that would be too large is refused at once", function()
  raises("resulting string too large$", string.rep, "x", 1e300)
  t.is((""):rep(1e18), "")
  t.is(("x"):rep(-1), "")
end)

t.case("bit, utf8 and string.pack are there", function()
  t.is(require "bit", bit)
  t.is(require "utf8", utf8)
  t.is(bit.bor(0x80000000, 1), -2147483647)
  t.is(utf8.len("h\195\169"), 2)
  t.same({ string.unpack("<I2z", string.pack("<I2z", 513, "text")) }, { 513, "text", 8 })
end)
