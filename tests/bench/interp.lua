-- Benchmarks of the interpreter itself: each bench_ function is run in poelua and in stock gopher-lua.

function bench_fib()
  local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
  return fib(27)
end

function bench_strings()
  local s = ""
  for _ = 1, 100 do
    local parts = {}
    for i = 1, 100 do parts[#parts + 1] = "item " .. i .. ", " end -- stock table.concat does not bear many more
    s = s .. table.concat(parts)
  end
  local n = 0
  for i = 1, 20000 do n = n + #(s:sub(i, i + 10):upper()) end
  return n
end

function bench_tables()
  local t = {}
  for i = 1, 20000 do t[i] = { id = i, name = "n" .. i } end
  local sum = 0
  for round = 1, 5 do
    for i, v in ipairs(t) do sum = sum + v.id end
    for k, v in pairs(t[round]) do sum = sum + #k end
  end
  table.sort(t, function(a, b) return a.id > b.id end)
  while #t > 10000 do table.remove(t) end
  return sum
end

function bench_pairs()
  local t = {}
  for i = 1, 1000 do t["key" .. i] = i end
  local sum = 0
  for _ = 1, 100 do
    for _, v in pairs(t) do sum = sum + v end
  end
  return sum
end

function bench_closures()
  local sum = 0
  for i = 1, 100000 do
    local f = function(x) return x + i end
    sum = sum + f(1)
  end
  return sum
end

function bench_methods()
  local class = {}
  class.__index = class
  function class:add(n) self.n = self.n + n end
  local o = setmetatable({ n = 0 }, class)
  for _ = 1, 300000 do o:add(1) end
  return o.n
end

function bench_coroutines()
  local co = coroutine.wrap(function() for i = 1, 50000 do coroutine.yield(i) end end)
  local sum = 0
  for _ = 1, 50000 do sum = sum + co() end
  for _ = 1, 2000 do coroutine.wrap(function() return 1 end)() end
  return sum
end

function bench_matching()
  local line = ("key=value; "):rep(200)
  local n = 0
  for _ = 1, 10 do
    for k, v in line:gmatch("(%w+)=(%w+)") do n = n + #k + #v end
    n = n + select(2, line:gsub("%a+", "x"))
  end
  return n
end

function bench_formats()
  local n = 0
  for i = 1, 20000 do n = n + #string.format("%d: %s %5.2f", i, "name", i / 3) end
  return n
end
