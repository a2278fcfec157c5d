package interp_test

import "testing"

func TestSortIsLikeLua51(t *testing.T) {
	likeLua51(t, map[string]string{
		"numbers and strings": dice + `
for case = 1, 500 do
  local t, u, n = {}, {}, die(60) - 1
  for i = 1, n do t[i] = die(case) - 20 u[i] = string.char(64 + die(6), 64 + die(6), die(255)) .. (die(5) == 1 and "\0x" or "") end
  table.sort(t) table.sort(u) show(t, 1, n + 1) show(u, 1, n + 1)
  table.sort(t, function(a, b) return a > b end) table.sort(u, function(a, b) return a > b end) show(t, 1, n + 1) show(u, 1, n + 1)
end
local t = {} for i = 1, 2000 do t[i] = die(1e6) / 7 end table.sort(t) show(t, 1, 2000) table.sort(t, function(a, b) return a % 100 < b % 100 end) for i = 2, 2000 do if t[i] % 100 < t[i - 1] % 100 then say("not sorted") end end
t = { 1/0, -1/0, 0, 5e-324, -5e-324 } table.sort(t) show(t, 1, 5)`,
		"values with an order of their own": dice + `
local mt = { __lt = function(a, b) return a.n < b.n end } local t = {} for i = 1, 300 do t[i] = setmetatable({ n = die(1000) }, mt) end table.sort(t) for i, v in ipairs(t) do say(v.n) end`,
		"nothing to compare": `
table.sort {} table.sort { {} } table.sort({ nil }, print) table.sort({ 1 }, error) say(table.sort { 2, 1 }) table.sort({ 2, 1 }, nil)
try(function() table.sort() end) try(function() table.sort({}, 1) end) try(function() table.sort(nil, 1) end)`,
		"an order function that raises": `
for n = 2, 30 do local t = {} for i = 1, n do t[i] = -i end say(pcall(table.sort, t, function(a, b) error("x", 0) end)) say(#t) end`,
		"what cannot be compared": `
local function say2(t) local _, e = pcall(table.sort, t) say((e:gsub("^script:%d+: ", ""))) end -- the reference tells no line
say2 { {}, {} } say2 { print, print } say2 { true, true } say2 { io.stdout, io.stderr } say2 { setmetatable({}, { __lt = print }), setmetatable({}, { __lt = error }) } say2 { {}, setmetatable({}, { __lt = print }) } local mt = { __lt = 1 } say2 { setmetatable({}, mt), setmetatable({}, mt) }`,
	})
}

func TestSort(t *testing.T) {
	p := newProgram(t)
	for _, c := range []struct{ name, source, want string }{
		{"mixed types", `print(pcall(table.sort, { 1, "x" })) print(pcall(table.sort, { "x", {} })) print(pcall(table.sort, { 3, nil, 1 }))`,
			"false\tscript:1: attempt to compare string with number\nfalse\tscript:1: attempt to compare table with string\nfalse\tscript:1: attempt to compare nil with number\n"},
		{"an order that contradicts itself", `
local calls = 0
for n = 1, 200 do for _, f in ipairs {
  function() return true end, function() return false end, function(a, b) return a <= b end, function(a, b) return a ~= b end, function() return math.random() < 0.5 end, function(a, b) return (a * 7 + b * 3) % 5 < 2 end,
} do
  local t, sum = {}, 0 for i = 1, n do t[i] = i % 17 end
  local ok, e = pcall(table.sort, t, function(a, b) calls = calls + 1 return f(a, b) end)
  for i = 1, n do sum = sum + t[i] - i % 17 end
  if sum ~= 0 or #t ~= n then print("lost", n) end
end end print(calls < 200 * 200 / 2 * 6 * 8)`, "true\n"},
		{"no number is one", `local t = {} for i = 1, 100 do t[i] = i % 3 == 0 and 0/0 or -i end table.sort(t) table.sort(t, function(a, b) return a < b end) print(#t)`, "100\n"},
		{"an order that empties the table", `local t = {} for i = 1, 100 do t[i] = -i end table.sort(t, function(a, b) for i = #t, 1, -1 do table.remove(t) end return a < b end) print(#t, t[1], t[100])`, "100\t-100\t-1\n"},
		{"an order that fills the table", `local t = {} for i = 1, 100 do t[i] = -i end table.sort(t, function(a, b) t[#t + 1] = "x" return a < b end) print(t[1], t[100], t[101], #t > 150)`, "-100\t-1\tx\ttrue\n"},
		{"an order that sorts the table", `local t = { 5, 3, 4, 1, 2 } table.sort(t, function(a, b) table.sort(t) return a < b end) print(unpack(t))`, "1\t2\t3\t4\t5\n"},
		{"an order that raises leaves the table", `local t, n = { 5, 3, 4, 1, 2 }, 0 pcall(table.sort, t, function(a, b) n = n + 1 if n > 5 then error() end return a < b end) print(unpack(t))`, "5\t3\t4\t1\t2\n"},
		{"in a coroutine", `print(coroutine.wrap(function() local t = { 2, 3, 1 } table.sort(t, function(a, b) return a > b end) return unpack(t) end)())`, "3\t2\t1\n"},
		{"what is sorted is compared once with its neighbour", `local n, t = 0, {} for i = 1, 1024 do t[i] = i end table.sort(t, function(a, b) n = n + 1 return a < b end) print(n)`, "1023\n"},
		{"what is the wrong way round is, too", `local n, t = 0, {} for i = 1, 1024 do t[i] = i end table.sort(t, function(a, b) n = n + 1 return a > b end) print(n, t[1], t[512], t[1024])`, "1023\t1024\t513\t1\n"},
		{"comparisons are few", `local n, t = 0, {} for i = 1, 1024 do t[i] = i * 7919 % 1024 end table.sort(t, function(a, b) n = n + 1 return a < b end) print(n < 10000)`, "true\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.run(c.source); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func BenchmarkSort(b *testing.B) {
	const shuffled = `local x = 1 local t = {} for i = 1, 100000 do x = x * 16807 % 2147483647 t[i] = x end `
	for _, c := range []struct{ name, source string }{
		{"only made", shuffled},
		{"numbers", shuffled + `table.sort(t)`},
		{"strings", `local x = 1 local t = {} for i = 1, 20000 do x = x * 16807 % 2147483647 t[i] = "s" .. x end table.sort(t)`},
		{"by a function", shuffled + `table.sort(t, function(a, b) return a > b end)`},
		{"ten by a function", `for i = 1, 100 do local t = { 3, 7, 1, 9, 2, 8, 4, 6, 5, 0 } table.sort(t, function(a, b) return a > b end) end`},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.source) })
	}
}
