-- poe.filter.Line.
local poe = require "poe"
local t = require "poe.test"

local Line = poe.filter.Line

-- steps feeds chunk after chunk and gives what each get returned, joined with commas.
local function steps(f, ...)
  local seen = {}
  for _, chunk in ipairs{ ... } do seen[#seen + 1] = table.concat(f:get{ chunk }, ",") end
  return seen
end

t.case("F17 by default a line ends at CR, LF, CR LF and LF CR, in one chunk and in four", function()
  t.same(Line.new():get{ "a\r", "b\n", "c\r\n", "d\n\r" }, { "a", "b", "c", "d" })
  t.same(Line.new():get("a\rb\nc\r\nd\n\r"), { "a", "b", "c", "d" })
  t.same(steps(Line.new(), "a\r", "b\n", "c\r\n", "d\n\r"), { "a", "b", "c", "d" })
end)

t.case("F18 a CR that is the last byte ends its line at once, and its LF is swallowed", function()
  t.same(steps(Line.new(), "a\r", "\nb\r\n"), { "a", "b" })
end)

t.case("F19 by default two line ends are an empty line between", function()
  for _, input in ipairs{ "\n\n", "\r\n\r\n", "\n\r\n\r" } do t.same(Line.new():get(input), { "", "" }) end
end)

t.case("F20 the default output end is CR LF", function() t.is(table.concat(Line.new():put{ "a", "b" }), "a\r\nb\r\n") end)

t.case("F21 a literal of one letter", function()
  local f = Line.new{ literal = "x" }
  t.same(steps(f, "axa", "bxb", "cxc", "dxd"), { "a", "ab", "bc", "cd" })
  t.same(f:get_pending(), { "d" })
  t.is(table.concat(f:put{ "a", "bc" }), "axbcx")
end)

t.case("F22 input and output literals may differ, and be cut anywhere", function()
  local f = Line.new{ input_literal = "<in>", output_literal = "<out>" }
  t.same(steps(f, "a<", "in", ">b<in>c<i", "n>"), { "", "", "a,b", "c" })
  t.is(table.concat(f:put{ "a", "b" }), "a<out>b<out>")
end)

t.case("with an empty output literal items are put as they are", function()
  local f = Line.new{ output_literal = "" }
  t.same(f:put{ "a", "", 5 }, { "a", "", "5" })
  t.same(f:clone():put{ "a" }, { "a" })
  t.same(f:get("a\nb\n"), { "a", "b" })
end)

t.case("F23 near misses of a literal are data", function()
  local f = Line.new{ literal = "--end--" }
  t.same(steps(f, "a-", "-en", "d-", "-b--end--"), { "", "", "", "a,b" })
  t.same(Line.new{ literal = "--end--" }:get("a--en--end--"), { "a--en" })
end)

t.case("F24 input_regexp is a pattern that ends a line", function()
  local f = Line.new{ input_regexp = "[xy]" }
  t.same(f:get{ "axby", "cx" }, { "a", "b", "c" })
  t.is(table.concat(f:put{ "a" }), "a\r\n")
end)

t.case("F25 autodetection of CR LF that is cut between its bytes", function()
  local f = Line.new{ input_literal = "" }
  t.same(steps(f, "a\r", "\nb\r\nc\n\r\n"), { "a", "b,c\n" })
end)

t.case("F26 autodetection of LF", function()
  t.same(steps(Line.new{ input_literal = poe.null }, "a\nb\r\n"), { "a,b\r" })
end)

t.case("F27 autodetection of LF CR", function()
  t.same(steps(Line.new{ input_literal = "" }, "a\n\r", "\rb\n\r"), { "a", "\rb" })
end)

t.case("the clone of a filter that has found out keeps what it found", function()
  local f = Line.new{ input_literal = "" }
  f:get("a\nb")
  t.same(f:clone():get("c\r\n"), { "c\r" })
end)

t.case("F28 contradictory line ends raise", function()
  for _, other in ipairs{ "input_literal", "input_regexp", "output_literal" } do
    t.fails(function() Line.new{ literal = "x", [other] = "y" } end, "poe.filter.Line.new: literal: not together with " .. other)
  end
  t.fails(function() Line.new{ input_literal = "x", input_regexp = "y" } end, "input_literal: not together with input_regexp")
  t.fails(function() Line.new{ literal = "" } end, "poe.filter.Line.new: literal: empty")
  t.fails(function() Line.new{ literal = 5 } end, "poe.filter.Line.new: literal: string expected, got number")
  t.fails(function() Line.new{ input_literal = 5 } end, "poe.filter.Line.new: input_literal: string or poe.null expected, got number")
end)

t.case("input_regexp must be a pattern and not match the empty string", function()
  for _, pattern in ipairs{ "", "x*", "x?", "^", "$", "\\b", "(a|)", "(?m)$", "x{0,3}", "(x*)+" } do
    t.fails(function() Line.new{ input_regexp = pattern } end, "poe.filter.Line.new: input_regexp: it must not match the empty string")
  end
  for _, pattern in ipairs{ "x+", "x$", "a|b", "(xy){2}", ".", "\\bx", "\\s" } do t.truthy(Line.new{ input_regexp = pattern }) end
  t.fails(function() Line.new{ input_regexp = "(" } end, "poe.filter.Line.new: input_regexp: .*missing closing")
end)

t.case("F29 a line of max_length passes, a longer one fails, the line after it is returned", function()
  local f = Line.new{ max_length = 5 }
  t.same(f:get("12345\n123456\nab\n"), { "12345" })
  t.failure("EMSGSIZE", f:get{})
  t.same(f:get{}, { "ab" })
end)

t.case("F30 an unended run of more than max_length bytes fails at once, once only, and is skipped through its end", function()
  local f = Line.new{ max_length = 5 }
  local _, message = f:get("123456")
  t.is(message, "line exceeds maximum length")
  t.same(f:get("78901234567890"), {})
  t.same(f:get("78\nab\n"), { "ab" })
end)

t.case("F31 limits that make no sense raise", function()
  for _, key in ipairs{ "max_length", "max_buffer" } do
    for _, value in ipairs{ 0, -1, 1.5, 1 / 0 } do
      t.fails(function() Line.new{ [key] = value } end, "poe.filter.Line.new: " .. key .. ": whole number of at least 1 expected")
    end
    t.fails(function() Line.new{ [key] = "5" } end, "poe.filter.Line.new: " .. key .. ": number expected, got string")
  end
  t.fails(function() Line.new{ max_length = 6, max_buffer = 5 } end, "poe.filter.Line.new: max_length: 6 is above max_buffer, 5")
  t.truthy(Line.new{ max_length = 5, max_buffer = 5 })
  t.truthy(Line.new{ max_buffer = 5 })
end)

t.case("F32 max_buffer: get_one_start refuses when more was waiting, and get_one still gives the lines held", function()
  local f = Line.new{ max_length = 2, max_buffer = 4 }
  t.success(f:get_one_start("a\nb\nc"))
  t.failure("EMSGSIZE", f:get_one_start("d"))
  t.same(f:get_one(), { "a" })
  t.same(f:get_one(), { "b" })
  t.same(f:get("d\n"), { "cd" })
end)

t.case("F33 an empty item is the line end alone, and no items are nothing", function()
  t.same(Line.new():put{ "" }, { "\r\n" })
  t.same(Line.new():put{}, {})
end)

t.case("F34 a last line without end is pending at the end of input", function()
  local f = Line.new()
  t.same(f:get("a\nb"), { "a" })
  t.same(f:get_eof(), {})
  t.same(f:get_pending(), { "b" })
end)

t.case("F34 with last_line it is an item of get_eof", function()
  local f = Line.new{ last_line = true }
  t.same(f:get("a\nb"), { "a" })
  t.same(f:get_eof(), { "b" })
  t.is(f:get_pending(), nil)
  t.fails(function() Line.new{ last_line = 1 } end, "poe.filter.Line.new: last_line: boolean expected, got number")
end)
