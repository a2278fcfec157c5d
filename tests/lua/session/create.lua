-- What poe.Session.create takes, gives and refuses (S1 to S10).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create

local function nothing() end

-- refuses asserts that f, written on one line, raises what matches the pattern at that line.
local function refuses(pattern, f)
  local line = debug.getinfo(f, "S").linedefined
  t.fails(f, "create%.lua:" .. line .. ": .*" .. pattern)
end

-- started makes a session and returns it and what its _start got, nils counted.
local function started(params)
  local got
  params.inline_states = { _start = function(_, ...) got = { n = select("#", ...), ... } end }
  return create(params), got
end

t.case("S1 create returns the session after _start has run", function()
  local log, seen = t.log(), nil
  local session = create {
    inline_states = { _start = function(ctx) log("start"); seen = ctx.session end },
  }
  log("returned")
  t.truthy(session)
  t.is(seen, session)
  log:is("start returned")
end)

t.case("S1 create in a handler makes a child, started before the handler goes on", function(case)
  local log = t.log()
  local child
  local parent = create {
    inline_states = {
      _start = function(ctx)
        log("begin")
        child = create { inline_states = { _start = function(inner) log("child"); t.is(inner.sender, ctx.session) end } }
        log("end")
      end,
      _child = function(_, what, session) log(what); t.truthy(child == nil or session == child) end,
    },
  }
  t.truthy(child ~= parent)
  case.after(function() log:is("begin child create end lose") end)
end)

t.case("S2 args reach _start", function()
  local _, got = started { args = { "a", 2, false } }
  t.same(got, { n = 3, "a", 2, false })
  _, got = started {}
  t.same(got, { n = 0 })
  _, got = started { args = {} }
  t.same(got, { n = 0 })
end)

t.case("S2 args with n keep their nils", function()
  local _, got = started { args = { nil, "b", nil, nil, n = 4 } }
  t.same(got, { n = 4, nil, "b" })
  _, got = started { args = { 1, 2, 3, n = 2 } }
  t.same(got, { n = 2, 1, 2 })
  _, got = started { args = { n = 2 } }
  t.same(got, { n = 2 })
end)

t.case("S2 args that are no table are one argument", function()
  for _, value in ipairs { "one", 7, false, true, nothing } do
    local _, got = started { args = value }
    t.same(got, { n = 1, value })
  end
end)

t.case("S2 tables inside args arrive as the same tables", function()
  local inner = {}
  local _, got = started { args = { inner } }
  t.is(got[1], inner)
end)

t.case("S3 heap may be any value", function(case)
  for _, value in ipairs { {}, "text", 7, false, true, nothing } do
    local session = create {
      heap = value,
      inline_states = {
        _start = function(ctx) t.is(ctx.heap, value); ctx.kernel:yield("later") end,
        later = case.expect(1, function(ctx) t.is(ctx.heap, value) end),
      },
    }
    t.is(session:get_heap(), value)
  end
end)

t.case("S3 without heap each session has a table of its own, the same in all its events", function(case)
  local heaps = {}
  for i = 1, 2 do
    create {
      inline_states = {
        _start = function(ctx) heaps[i] = ctx.heap; ctx.heap.mark = i; ctx.kernel:yield("later") end,
        later = case.expect(1, function(ctx) t.is(ctx.heap, heaps[i]); t.same(ctx.heap, { mark = i }) end),
      },
    }
  end
  t.truthy(heaps[1] ~= heaps[2])
end)

t.case("S3 a heap given to two sessions is shared", function()
  local shared = {}
  local states = { _start = function(ctx) ctx.heap[#ctx.heap + 1] = ctx.session end }
  local a = create { heap = shared, inline_states = states }
  local b = create { heap = shared, inline_states = states }
  t.same(shared, { a, b })
end)

t.case("S3 ctx.heap = x replaces the heap for later events and for get_heap", function(case)
  local new = { "new" }
  create {
    heap = { "old" },
    inline_states = {
      _start = function(ctx)
        ctx.heap = new
        t.is(ctx.heap, new)
        t.is(ctx.session:get_heap(), new)
        ctx.kernel:yield("later")
      end,
      later = case.expect(1, function(ctx) t.is(ctx.heap, new); ctx.heap = 5; ctx.kernel:yield("last") end),
      last = case.expect(1, function(ctx) t.is(ctx.heap, 5); t.is(ctx.session:get_heap(), 5) end),
    },
  }
end)

t.case("S3 ctx.heap = nil gives a new empty table", function(case)
  local old, new = { "old" }, nil
  create {
    heap = old,
    inline_states = {
      _start = function(ctx)
        ctx.heap = nil
        new = ctx.heap
        t.same(new, {})
        t.truthy(new ~= old)
        t.is(ctx.session:get_heap(), new)
        new.x = 1
        ctx.kernel:yield("later")
      end,
      later = case.expect(1, function(ctx) t.is(ctx.heap, new); t.is(ctx.heap.x, 1) end),
    },
  }
  t.same(old, { "old" })
end)

t.case("S3 another session's heap is untouched by an assignment", function()
  local shared = {}
  local a = create { heap = shared, inline_states = { _start = nothing } }
  create { heap = shared, inline_states = { _start = function(ctx) ctx.heap = {} end } }
  t.is(a:get_heap(), shared)
end)

t.case("S4 inline, object and package handlers serve one session", function(case)
  local log = t.log()
  local Class = { of_class = function(self, ctx, x) t.is(ctx.object, self); log("class", x) end }
  local object = { of_object = function(self, ctx, x) t.is(ctx.object, self); log("object", x) end }
  local selves = {}
  function Class.self(self) selves[1] = self end
  function object.other_self(self) selves[2] = self end
  create {
    inline_states = {
      _start = function(ctx)
        for _, event in ipairs { "inline", "of_object", "of_class", "self", "other_self" } do ctx.kernel:yield(event, 1) end
      end,
      inline = function(ctx, x) t.is(ctx.object, nil); log("inline", x) end,
    },
    object_states = { object, { "of_object", "other_self" } },
    package_states = { Class, { "of_class", "self" } },
  }
  case.after(function()
    log:is("inline:1 object:1 class:1")
    t.is(selves[1], Class)
    t.is(selves[2], object)
  end)
end)

t.case("S4 _start may come from an object or a package", function()
  local log = t.log()
  local object = { _start = function(self, ctx, x) log(self.name, x); t.is(ctx.object, self) end, name = "object" }
  create { object_states = { object, { "_start" } }, args = { 1 } }
  local class = { _start = function(self, ctx, x) log(self.name, x); t.is(ctx.object, self) end, name = "class" }
  create { package_states = { class, { "_start" } }, args = { 2 } }
  log:is("object:1 class:2")
end)

t.case("S4 several objects and classes serve one session", function(case)
  local log = t.log()
  local function named(name) return { hello = function() log(name) end } end
  create {
    inline_states = { _start = function(ctx) for i = 1, 4 do ctx.kernel:yield("hello" .. i) end end },
    object_states = { named "a", { hello1 = "hello" }, named "b", { hello2 = "hello" } },
    package_states = { named "C", { hello3 = "hello" }, named "D", { hello4 = "hello" } },
  }
  case.after(function() log:is("a b C D") end)
end)

t.case("S5 states as a list, as a map and as both in one table", function(case)
  local log = t.log()
  local object = setmetatable({}, {
    __index = function(_, name) return function(_, ctx) log(name, ctx.state) end end,
  })
  local function run_all(ctx) for _, event in ipairs { "one", "two", "three" } do ctx.kernel:yield(event) end end
  for _, kind in ipairs { "object_states", "package_states" } do
    create { inline_states = { _start = run_all }, [kind] = { object, { "one", "two", "three" } } }
    create { inline_states = { _start = run_all }, [kind] = { object, { one = "on_one", two = "on_two", three = "on_one" } } }
    create { inline_states = { _start = run_all }, [kind] = { object, { "one", "three", two = "on_two" } } }
  end
  case.after(function()
    local once = "one:one two:two three:three on_one:one on_two:two on_one:three one:one on_two:two three:three"
    log:is(once .. " " .. once)
  end)
end)

t.case("S6 a method replaced later takes effect", function(case)
  local log = t.log()
  local object = { tick = function() log("old") end }
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("tick"); ctx.kernel:yield("swap"); ctx.kernel:yield("tick") end,
      swap = function() object.tick = function() log("new") end end,
    },
    object_states = { object, { "tick" } },
  }
  case.after(function() log:is("old new") end)
end)

t.case("S6 inherited methods work, through tables and through functions", function(case)
  local log = t.log()
  local Base = { tick = function(self) log("base", self.name) end }
  local Derived = setmetatable({}, { __index = Base })
  local derived = setmetatable({ name = "d" }, { __index = Derived })
  local computed = setmetatable({ name = "c" }, { __index = function(_, key) return key == "tick" and Base.tick or nil end })
  local function start(ctx) ctx.kernel:yield("tick") end
  create { inline_states = { _start = start }, object_states = { derived, { "tick" } } }
  create { inline_states = { _start = start }, object_states = { computed, { "tick" } } }
  create { inline_states = { _start = start }, package_states = { setmetatable({ name = "D" }, { __index = Base }), { "tick" } } }
  case.after(function() log:is("base:d base:c base:D") end)
end)

t.case("S6 a callable table is a method", function(case)
  local object = {}
  object.tick = setmetatable({}, {
    __call = case.expect(1, function(_, self, ctx, x) t.is(self, object); t.is(ctx.state, "tick"); t.is(x, 5) end),
  })
  create {
    inline_states = { _start = function(ctx) ctx.kernel:yield("tick", 5) end },
    object_states = { object, { "tick" } },
  }
end)

t.case("S6 a method that is gone when its event comes is an error in the handler", function(case)
  local object = { tick = nothing }
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("DIE", "died"); ctx.kernel:yield("tick") end,
      died = case.expect(1, function(ctx, _, info)
        t.is(info.event, "tick")
        t.truthy(info.error_str:find("tick", 1, true), "error_str names the method")
        ctx.kernel:sig_handled()
      end),
    },
    object_states = { object, { "tick" } },
  }
  object.tick = nil
end)

t.case("S7 an unknown key raises at the caller's line", function()
  refuses("poe%.Session%.create: unknown parameter 'inline_state'", function() create { inline_state = {} } end)
  refuses("poe%.Session%.create: unknown parameter 'Heap'", function() create { inline_states = { _start = nothing }, Heap = {} } end)
end)

t.case("S7 the error reaches a creating handler, which may catch it", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function()
        refuses("unknown parameter 'name'", function() create { name = "x", inline_states = { _start = nothing } } end)
      end),
    },
  }
end)

t.case("S8 a state that is not a function raises", function()
  refuses("inline state 'tick' needs a function, got string", function() create { inline_states = { _start = nothing, tick = "x" } } end)
  refuses("inline state '_start' needs a function, got number", function() create { inline_states = { _start = 1 } } end)
end)

t.case("S8 a missing method raises and names it", function()
  local object = { _start = nothing, no_function = 5 }
  refuses("poe%.Session%.create: .*absent", function() create { object_states = { object, { "_start", "absent" } } } end)
  refuses("poe%.Session%.create: .*on_tick", function() create { object_states = { object, { "_start", tick = "on_tick" } } } end)
  refuses("poe%.Session%.create: .*no_function", function() create { object_states = { object, { "_start", "no_function" } } } end)
  refuses("poe%.Session%.create: .*absent", function() create { package_states = { object, { "_start", "absent" } } } end)
end)

t.case("S8 an odd list raises", function()
  local object = { _start = nothing }
  refuses("poe%.Session%.create: .*object_states", function() create { object_states = { object, { "_start" }, object } } end)
  refuses("poe%.Session%.create: .*package_states", function() create { inline_states = { _start = nothing }, package_states = { object } } end)
end)

t.case("S8 no _start at all raises", function()
  refuses("poe%.Session%.create: .*_start", function() create {} end)
  refuses("poe%.Session%.create: .*_start", function() create { inline_states = { tick = nothing } } end)
  refuses("poe%.Session%.create: .*_start", function() create { inline_states = { _default = nothing } } end)
end)

t.case("S8 a state named _signal raises", function()
  refuses("poe%.Session%.create: .*_signal", function() create { inline_states = { _start = nothing, _signal = nothing } } end)
  local object = { _start = nothing, _signal = nothing }
  refuses("poe%.Session%.create: .*_signal", function() create { object_states = { object, { "_start", "_signal" } } } end)
end)

t.case("S8 what must be a table and is not raises", function()
  local object = { _start = nothing, tick = nothing }
  refuses("table expected, got n", function() create() end)
  refuses("table expected, got string", function() create("x") end)
  refuses("poe%.Session%.create: .*inline_states.*table", function() create { inline_states = "x" } end)
  refuses("poe%.Session%.create: .*object_states.*table", function() create { object_states = 5 } end)
  refuses("poe%.Session%.create: .*package_states.*table", function() create { package_states = nothing } end)
  refuses("poe%.Session%.create: .*table", function() create { object_states = { object, "_start" } } end)
  refuses("poe%.Session%.create: .*table", function() create { package_states = { object, nothing } } end)
  refuses("poe%.Session%.create: .*options.*table", function() create { inline_states = { _start = nothing }, options = true } end)
end)

t.case("S8 event and method names that are no strings raise", function()
  local object = { _start = nothing }
  refuses("poe%.Session%.create: ", function() create { inline_states = { _start = nothing, [1] = nothing } } end)
  refuses("poe%.Session%.create: ", function() create { object_states = { object, { "_start", 5 } } } end)
  refuses("poe%.Session%.create: ", function() create { object_states = { object, { "_start", tick = {} } } } end)
end)

t.case("S8 a refused creation leaves no session behind and runs no _start", function(case)
  local start = case.expect(0)
  for _, params in ipairs {
    { inline_states = { _start = start }, nonsense = 1 },
    { inline_states = { _start = start, tick = 1 } },
    { inline_states = { _start = start }, object_states = { {}, { "absent" } } },
    { inline_states = { _start = start }, package_states = { {} } },
    { inline_states = { _start = start, _signal = nothing } },
  } do
    t.fails(function() create(params) end)
  end
  for id = 1, 10 do t.failure("ESRCH", poe.kernel:id_to_session(id)) end
  t.is(poe.kernel:run(), true)
end)

-- winner asserts which handler of `tick` a session has: "inline", or one of the names in objects and packages.
local function winner(case, want, inline, objects, packages)
  local got
  local function states(names)
    local list = {}
    for _, name in ipairs(names or {}) do
      list[#list + 1] = { tick = function() got = name end }
      list[#list + 1] = { "tick" }
    end
    return list
  end
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("tick") end,
      tick = inline and function() got = inline end,
    },
    object_states = states(objects),
    package_states = states(packages),
  }
  case.after(function() t.is(got, want) end)
end

t.case("S9 of a handler given twice the last wins: inline, object, package", function(case)
  winner(case, "inline", "inline")
  winner(case, "o", "inline", { "o" })
  winner(case, "p", "inline", nil, { "p" })
  winner(case, "p", nil, { "o" }, { "p" })
  winner(case, "p", "inline", { "o" }, { "p" })
end)

t.case("S9 within a list the last wins", function(case)
  winner(case, "o3", nil, { "o1", "o2", "o3" })
  winner(case, "p2", nil, nil, { "p1", "p2" })
end)

t.case("S9 a handler given twice is silent", function(case)
  winner(case, "o", "inline", { "o" })
end, { no_stderr = { "tick" } })

t.case("S10 create does not change the parameter table", function()
  local object = { go = nothing }
  local function params()
    return {
      inline_states = { _start = nothing },
      object_states = { object, { "go", come = "go" } },
      package_states = { object, { "go" } },
      args = { 1, 2 }, heap = { x = 1 }, options = { NAME = "yes" },
    }
  end
  local given = params()
  create(given)
  t.same(given, params())
end)

t.case("S10 one parameter table makes several sessions", function()
  local log = t.log()
  local params = { inline_states = { _start = function(ctx, x) log(x); ctx.heap.x = x end }, args = { "hi" } }
  local a, b = create(params), create(params)
  t.truthy(a ~= b)
  t.truthy(a:id() ~= b:id())
  t.truthy(a:get_heap() ~= b:get_heap())
  log:is("hi hi")
end)

t.case("S10 later changes of the parameter table do not reach the session", function(case)
  local params = {
    inline_states = { _start = function(ctx) ctx.kernel:yield("tick") end, tick = case.expect(1) },
  }
  create(params)
  params.inline_states.tick = case.expect(0)
end)

t.case("small print create: options are set as with option", function()
  local session = create { inline_states = { _start = nothing }, options = { Colour = "red", quiet = "on", loud = "no" } }
  t.is(session:option("colour"), "red")
  t.is(session:option("quiet"), true)
  t.is(session:option("loud"), false)
end)

t.case("small print create: options are there in _start", function(case)
  create {
    options = { colour = "red" },
    inline_states = { _start = case.expect(1, function(ctx) t.is(ctx.session:option("colour"), "red") end) },
  }
end)

t.case("small print create: the first value _start returns goes to the parent with _child", function(case)
  local child
  create {
    inline_states = {
      _start = function()
        child = create { inline_states = { _start = function() return "first", "second" end, _stop = function() return "end" end } }
      end,
      _child = case.expect(2, function(ctx, what, session, ...)
        if what == "create" then
          t.same({ ... }, { "first" })
        else
          t.is(session, child)
          t.same({ what, ... }, { "lose", "end" })
        end
      end),
    },
  }
end)

t.case("small print create: ids are numbers, count from 1 and differ", function()
  local a = create { inline_states = { _start = nothing } }
  local b = create { inline_states = { _start = nothing } }
  t.is(a:id(), 1)
  t.is(type(b:id()), "number")
  t.truthy(b:id() > a:id())
end)
