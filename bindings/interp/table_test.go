package interp_test

import (
	"strings"
	"testing"
)

// dice gives snippets a generator that is the same here and in lua5.1, and show, which writes a table's integers.
const dice = `
local state = 42
local function die(n) state = state * 16807 % 2147483647 return state % n + 1 end
local function show(t, from, to)
  for i = from, to do local v = rawget(t, i) io.stdout:write(type(v) == "number" and v or tostring(v), " ") end
  io.stdout:write("\n")
end
`

func TestTablesAreLikeLua51s(t *testing.T) {
	likeLua51(t, map[string]string{
		"one step on a small table": dice + `
local function put(t, n) return table.insert(t, n, "new") end
for case = 1, 3000 do
  local t, n = {}, die(8) - 1
  for i = 1, n do t[i] = die(100) end
  for i = 1, die(4) - 1 do t[1 - die(6)] = die(100) end
  local pos, what = die(16) - 6, die(9)
  if what == 1 then say(table.remove(t, pos))
  elseif what == 2 then say(table.remove(t))
  elseif what == 3 then say(table.insert(t, pos, "new"))
  elseif what == 4 then say(table.insert(t, pos, nil))
  elseif what == 5 then say(table.insert(t, "new"))
  elseif what == 6 then say(table.insert(t, nil))
  elseif what == 7 then say(pcall(table.concat, t, "-", pos <= n and pos > 0 and pos or 1, n))
  elseif what == 8 then say(unpack(t, pos, pos + die(8)))
  else table.sort(t) say(table.maxn(t), table.getn(t), #t) end
  show(t, -10, 14)
end`,
		"many steps on one table": dice + `
local t = {}
for case = 1, 5000 do
  local n, what = #t, die(8)
  if what <= 2 or n == 0 then table.insert(t, die(n + 1), die(1000))
  elseif what == 3 then t[n + 1] = "s" .. die(50)
  elseif what == 4 then t[n] = nil
  elseif what == 5 and n > 20 then say(table.remove(t, die(n)))
  elseif what == 6 then say(pcall(table.concat, t, die(3) == 1 and "," or nil, die(n), n))
  elseif what == 7 then say(select(die(n), unpack(t)))
  else local from = die(n) say(unpack(t, from, from + die(3))) end
  say(#t, table.maxn(t), table.getn(t))
end
table.foreachi(t, say)`,
		"concat": `
say(table.concat {}) say(table.concat({}, "x")) say(table.concat({ 1, 2.5, "x", 0, 1e15, 1e100, 1/3, 2^53, -1e-7 }, ", ")) say(table.concat({ 1, 2, 3 }, 0)) say(table.concat({ 1, 2, 3 }, "-", 2)) say(table.concat({ 1, 2, 3 }, "-", 2, 2))
say(table.concat({ 1, 2, 3 }, "-", 3, 2)) say(table.concat({ [-1] = "a", [0] = "b", "c" }, ",", -1)) say(table.concat({ 1, 2, 3 }, ",", "2", "3")) say(table.concat({ 1 / 0, -1 / 0 }, ",")) say(table.concat({ 1, 2, 3 }, ",", 1.9, 2.9))
try(function() table.concat({}, "", 1, 1e9) end) try(function() table.concat({}, "", -2e9, 2e9) end) try(function() table.concat({ 1, {}, 3 }) end) try(function() table.concat({ 1, 2 }, ",", 1, 3) end) try(function() table.concat({ true }) end)
try(function() table.concat({ 1 }, {}) end) try(function() table.concat(1, {}) end) try(function() table.concat() end) try(function() table.concat({}, "", {}) end) try(function() table.concat({}, "", 1, "x") end)`,
		"insert and remove": `
local t = {} say(table.remove(t)) say(table.remove(t, 1)) say(table.remove(t, 0)) say(#t) table.insert(t, "a") table.insert(t, 1, "b") table.insert(t, "2", "c") say(unpack(t)) say(table.remove(t, 1.9)) say(table.remove(t, 5)) say(table.remove(t, -1)) say(unpack(t))
try(function() table.insert() end) try(function() table.insert {} end) try(function() table.insert({}, 1, 2, 3) end) try(function() table.insert({}, "x", 1) end) try(function() table.insert({}, nil, 1) end) try(function() table.remove({}, {}) end) try(function() table.remove(nil) end)
t = {} for i = 1, 100 do t[i] = i end for i = 1, 90 do table.remove(t, 1) end say(#t, unpack(t)) for i = 1, 10 do t[#t] = nil end table.insert(t, "x") say(#t, t[1], t[2], t[11])`,
		"foreach": `
say(table.foreachi({ 5, 6, 7 }, function(i, v) say(i, v) if i == 2 then return "stop", 1 end end)) say(table.foreachi({ 1, 2 }, function(i, v) return false end))
say(table.foreach({ 5, 6, x = 1 }, say)) say(table.foreach({ x = 1 }, function(k, v) return k end)) say(table.foreach({}, say))
local t, n = { 1, 2, 3, a = 1, b = 2, c = 3 }, 0 table.foreach(t, function(k) t[k] = nil n = n + 1 end) say(n, next(t))
t = { 1, 2, 3 } table.foreachi(t, function(i, v) t[i + 1] = nil say(i, v) end)`,
		"maxn and getn": `
say(table.maxn {}) say(table.maxn { 1, 2, 3 }) say(table.maxn { [2.5] = 1, [-1] = 2 }) say(table.maxn { [1e300] = 1 }) say(table.maxn { [1 / 0] = 1 }) say(table.maxn { x = 1, [true] = 2, ["5"] = 3 }) say(table.maxn { nil, nil, 3 }) say(table.getn { 1, 2 })
local t = { [7.5] = 1 } t[7.5] = nil say(table.maxn(t)) try(function() table.setn({}, 1) end) try(function() table.setn() end) try(function() table.getn() end)`,
		"unpack": `
say(unpack {}) say(unpack { 1, 2, 3 }) say(unpack({ 1, 2, 3 }, 2)) say(unpack({ 1, 2, 3 }, 2, 5)) say(unpack({ 1, 2 }, -1, 1)) say(unpack({ 1 }, 3, 2)) say(unpack({ [2e9] = "far" }, 2e9, 2e9)) say(unpack({ 1, 2 }, "1", "2")) say(select("#", unpack({}, 1, 7000)))
try(function() unpack({}, 1, 2e9) end) try(function() unpack({}, 1, 1e8) end) try(function() unpack() end) try(function() unpack({}, {}) end)`,
	})
}

func TestTablesBeyondLua51(t *testing.T) {
	p := newProgram(t)
	for _, c := range []struct{ name, source, want string }{
		{"pack keeps nils", `local t = table.pack(1, nil, 3, nil) print(t.n, t[1], t[2], t[3])`, "4\t1\tnil\t3\n"},
		{"pack of nothing", `local t = table.pack() print(t.n, #t)`, "0\t0\n"},
		{"table.unpack is unpack", `print(table.unpack == unpack)`, "true\n"},
		{"move within a table, up", `print(unpack(table.move({ 1, 2, 3 }, 1, 3, 2)))`, "1\t1\t2\t3\n"},
		{"move within a table, down", `print(unpack(table.move({ 1, 2, 3 }, 2, 3, 1)))`, "2\t3\t3\n"},
		{"move to another table", `local t = { 9 } print(table.move({ 1, 2, 3 }, 1, 3, 2, t) == t, unpack(t))`, "true\t9\t1\t2\t3\n"},
		{"move to the end", `print(unpack(table.move({ 1, 2, 3 }, 1, 3, 4)))`, "1\t2\t3\t1\t2\t3\n"},
		{"move nothing", `print(#table.move({ 1 }, 1, 0, 5))`, "1\n"},
		{"move to where there is no array", `local t = table.move({ 1, 2 }, 1, 2, -1) print(t[-1], t[0], t[1])`, "1\t2\t1\n"},
		{"move of nils far off makes no array", `print(#table.move({}, 1, 1000, 1e6))`, "0\n"},
		{"move from where there is no array", `print(unpack(table.move({ [0] = 0, 1, 2 }, 0, 2, 1)))`, "0\t1\t2\n"},
		{"move is bounded", `print(select(2, pcall(table.move, {}, 1, 1e15, 1)))`, "script:1: bad argument #3 to 'move' (too many elements to move)\n"},
		{"move wraps nothing around", `print(select(2, pcall(table.move, {}, 1, 5, 1e300)))`, "script:1: bad argument #4 to 'move' (destination wrap around)\n"},
		{"move wants tables", `print(select(2, pcall(table.move, {}, 1, 1, 1, 5)))`, "script:1: bad argument #5 to 'move' (table expected, got number)\n"},
		{"100,000 values are unpacked", `local t = {} for i = 1, 1e5 do t[i] = i end print(select("#", unpack(t)), (select(1e5, unpack(t))))`, "100000\t100000\n"},
		{"100,000 values are unpacked in a coroutine", `
local t = {} for i = 1, 1e5 do t[i] = i end
print(coroutine.wrap(function() return select("#", unpack(t)), (select(1e5, unpack(t))) end)())`, "100000\t100000\n"},
		{"a million values are unpacked", `print(select("#", unpack({}, 1, 1e6)))`, "1000000\n"},
		{"not more than the stack takes", `
for _, n in ipairs { 4e6, 5e6, 1e9, 1e300 } do print(pcall(function() return select("#", unpack({}, 1, n)) end)) end
print(pcall(unpack, {}, -1e300, 1e300))`,
			"true\t4000000\n" + strings.Repeat("false\tscript:2: too many results to unpack\n", 3) + "false\tscript:3: too many results to unpack\n"},
		{"nor more than a coroutine's takes", `
print(coroutine.resume(coroutine.create(function() return select("#", unpack({}, 1, 1e6)) end)))
print(coroutine.resume(coroutine.create(function() return select("#", unpack({}, 1, 2e6)) end)))`, "true\t1000000\nfalse\tscript:3: too many results to unpack\n"},
		{"insert far below costs what there is", `local t = { 1, [-5] = "a", [0] = "b", [-1e15] = "c" } table.insert(t, -1e12, "x") print(t[1], t[2], t[-4], t[-5], t[0], t[-1e15], t[-1e12])`, "b\t1\ta\tnil\tnil\tc\tx\n"},
		{"insert far above", `local t = { 1 } table.insert(t, 1e12, "x") print(#t, t[1e12])`, "1\tx\n"},
		{"arguments out of all range", `
local function sound(f, ...)
  local ok, message = pcall(f, ...)
  if not ok and not message:find("^script:%d+: ") or message and tostring(message):find("runtime error") then print(message) end
end
local odd = { 0/0, 1/0, -1/0, 2^63, -2^63, 2^64, -2^64, 2^31, 2^53, -2^53, 2^24, -1, 0, 1.5 }
for _, name in ipairs { "insert", "remove", "concat", "getn", "maxn", "foreachi", "foreach", "unpack", "move", "sort" } do
  local f = table[name]
  for _, x in ipairs(odd) do
    sound(f, { 1, 2 }, x) sound(f, { 1, 2 }, x, 1) sound(f, { 1, 2 }, "", x) sound(f, { 1, 2 }, "", 1, x) sound(f, { 1, 2, [x == x and x or 1] = 3 }, x, x)
    for _, y in ipairs(odd) do sound(f, { 1, 2, [y == y and y or 1] = 3 }, "", x, y) end
  end
end
for _, x in ipairs(odd) do for _, y in ipairs(odd) do if not (x <= 0 and y == 2^24) then sound(table.move, { 1, 2 }, x, y, x) sound(table.move, { 1, 2 }, x, y, 1, {}) sound(table.move, { 1, 2 }, 1, x, y) end end end print("all")`, "all\n"},
		{"a string of 10 million values", `local t = { "x" } while #t < 1e7 do table.move(t, 1, #t, #t + 1) end print(#table.concat(t, ",", 1, 1e7))`, "19999999\n"},
		{"not longer than 256 MiB", `
local s = ("x"):rep(2^20) local t = {} for i = 1, 256 do t[i] = s end print(#table.concat(t))
print(pcall(function() return #table.concat(t, ",") end)) t[257] = 1 print(pcall(function() return #table.concat(t) end))`,
			"268435456\nfalse\tscript:3: resulting string too large\nfalse\tscript:3: resulting string too large\n"},
		{"nils at the end are not looked at twice", `
local t = {} for i = 1, 1e6 do t[i] = i end for i = 1e6, 1, -1 do t[i] = nil end for i = 1, 1e4 do table.insert(t, i) end print(#t, table.remove(t), #t)`, "10000\t10000\t9999\n"},
		{"a full table takes no more", `
local t = { 7 } while #t < 2^23 do table.move(t, 1, #t, #t + 1) end table.move(t, 1, 2^23 - 2, 2^23 + 1)
table.insert(t, 1) print(#t == 2^24 - 1, pcall(function() table.insert(t, 1) end)) print(pcall(function() table.insert(t, 1, 1) end)) print(table.remove(t), #t == 2^24 - 2)`,
			"true\tfalse\tscript:3: table is full\nfalse\tscript:3: table is full\n1\ttrue\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.run(c.source); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func BenchmarkTable(b *testing.B) {
	for _, c := range []struct{ name, source string }{
		{"insert", `local t = {} for i = 1, 1000 do table.insert(t, i) end`},
		{"insert first", `local t = {} for i = 1, 1000 do table.insert(t, 1, i) end`},
		{"remove", `local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 1000 do table.remove(t) end`},
		{"remove first", `local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 1000 do table.remove(t, 1) end`},
		{"concat", `local t = {} for i = 1, 1000 do t[i] = "value" end for i = 1, 10 do local s = table.concat(t, ",") end`},
		{"concat numbers", `local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 10 do local s = table.concat(t, ",") end`},
		{"unpack", `local t = { 1, 2, 3 } for i = 1, 1000 do local a, b, c = unpack(t) end`},
		{"ipairs", `local t = {} for i = 1, 1000 do t[i] = i end for r = 1, 10 do for i, v in ipairs(t) do end end`},
		{"select", `local function f(...) for i = 1, select("#", ...) do local v = select(i, ...) end end for i = 1, 100 do f(1, 2, 3, 4, 5, 6) end`},
		{"type", `local n = 0 for i = 1, 1000 do if type(i) == "number" then n = n + 1 end end`},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.source) })
	}
}
