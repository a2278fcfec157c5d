-- Postbacks and callbacks (S21 to S27).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create

local function nothing() end

local function pack(...) return { n = select("#", ...), ... } end

-- holder makes a session that nothing holds but what `make(session)` returns, and gives that.
local function holder(make, states)
  local made
  states._start = function(ctx) made = make(ctx.session) end
  local session = create { inline_states = states }
  return made, session
end

-- in_an_hour calls f in a handler, an hour from now; meanwhile only idle sessions stop.
local function in_an_hour(f)
  create { inline_states = { _start = function(ctx) ctx.kernel:delay("hour", 3600) end, hour = f } }
end

t.case("S21 a postback posts both lists with n", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        local postback = ctx.session:postback("done", 1, nil, nil)
        t.success(postback("x", nil))
        postback:release()
      end,
      done = case.expect(1, function(_, ...)
        t.same(pack(...), { n = 2, { n = 3, 1 }, { n = 2, "x" } })
      end),
    },
  }
end)

t.case("S21 without arguments both lists are empty", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.session:postback("done"):weaken()() end,
      done = case.expect(1, function(_, ...) t.same(pack(...), { n = 2, { n = 0 }, { n = 0 } }) end),
    },
  }
end)

t.case("S21 leading and embedded nils are kept in both lists", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.session:postback("done", nil, 2, nil):weaken()(nil, nil, 3) end,
      done = case.expect(1, function(_, given, called)
        t.same(given, { n = 3, nil, 2 })
        t.same(called, { n = 3, nil, nil, 3 })
      end),
    },
  }
end)

t.case("small print postback: the creation table is the same each time, the call table is new", function(case)
  local givens, calleds = {}, {}
  create {
    inline_states = {
      _start = function(ctx)
        local postback = ctx.session:postback("done", "a"):weaken()
        for i = 1, 3 do postback(i) end
      end,
      done = case.expect(3, function(_, given, called)
        givens[#givens + 1], calleds[#calleds + 1] = given, called
      end),
    },
  }
  case.after(function()
    t.truthy(givens[1] == givens[2] and givens[2] == givens[3])
    t.truthy(calleds[1] ~= calleds[2] and calleds[2] ~= calleds[3])
    t.same(calleds, { { n = 1, 1 }, { n = 1, 2 }, { n = 1, 3 } })
  end)
end)

t.case("small print postback: it posts, in order with other posts", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        local postback = ctx.session:postback("done"):weaken()
        ctx.kernel:yield("before")
        postback()
        ctx.kernel:yield("after")
        log("start")
      end,
      before = function() log("before") end, done = function() log("done") end, after = function() log("after") end,
    },
  }
  case.after(function() log:is("start before done after") end)
end)

t.case("small print postback: it may be called from anywhere", function(case)
  local log = t.log()
  local postback
  postback = holder(function(session) return session:postback("done") end, {
    done = function(_, _, called)
      log(called[1])
      if called[1] == "coroutine" then postback:release() end
    end,
  })
  t.success(postback("main"))
  create { inline_states = { _start = function() postback("other"); coroutine.wrap(function() postback("coroutine") end)() end } }
  case.after(function() log:is("main other coroutine") end)
end)

t.case("small print postback: an event name that is no string raises", function()
  local session = create { inline_states = { _start = nothing } }
  t.fails(function() session:postback() end, "bad argument #1 to 'postback' %(string expected")
  t.fails(function() session:postback({}) end, "bad argument #1 to 'postback' %(string expected")
  t.fails(function() session:callback() end, "bad argument #1 to 'callback' %(string expected")
end)

t.case("S22 a postback keeps its session until it is released", function(case)
  local log = t.log()
  local postback = holder(function(session) return session:postback("done") end, {
    done = function() log("done") end, _stop = function() log("stop") end,
  })
  in_an_hour(function(ctx)
    log("hour")
    t.success(postback())
    ctx.kernel:delay("release", 3600)
    ctx.kernel:state("release", function() log("release"); postback:release() end)
  end)
  case.after(function() log:is("hour done release stop") end)
end)

t.case("S22 release ends that", function(case)
  local log = t.log()
  local postback = holder(function(session) return session:postback("done") end, { _stop = function() log("stop") end })
  postback:release()
  in_an_hour(function() log("hour") end)
  case.after(function() log:is("stop hour") end)
end)

t.case("S22 weaken ends that and returns the postback", function(case)
  local log = t.log()
  local postback = holder(function(session) return session:postback("done") end, { _stop = function() log("stop") end })
  t.is(postback:weaken(), postback)
  in_an_hour(function() log("hour") end)
  case.after(function() log:is("stop hour") end)
end)

for _, pair in ipairs { { "release", "release" }, { "weaken", "weaken" }, { "release", "weaken" }, { "weaken", "release" } } do
  t.case("S22 " .. pair[1] .. ", then " .. pair[2] .. ": the session's other postback still holds it", function(case)
    local log = t.log()
    local both = holder(function(session) return { session:postback("done"), session:postback("done") } end, {
      done = function() log("done") end, _stop = function() log("stop") end,
    })
    both[1][pair[1]](both[1])
    both[1][pair[2]](both[1])
    in_an_hour(function()
      log("hour")
      both[2]()
      both[2]:release()
    end)
    case.after(function() log:is("hour done stop") end)
  end)
end

t.case("S22 the session lives until the last of its postbacks is given back", function(case)
  local log = t.log()
  local both = holder(function(session) return { session:postback("x"), session:callback("x") } end, { _stop = function() log("stop") end })
  both[1]:release()
  in_an_hour(function() log("hour"); both[2]:weaken() end)
  case.after(function() log:is("hour stop") end)
end)

t.case("S22 a posted event is delivered although the postback was released at once", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        local postback = ctx.session:postback("done")
        postback()
        postback:release()
      end,
      done = case.expect(1),
    },
  }
end)

t.case("S23 a weakened postback posts while the session lives, afterwards ESRCH", function(case)
  local log = t.log()
  local postback = holder(function(session) return session:postback("done"):weaken() end, {
    done = function() log("done") end, _stop = function() log("stop") end,
  })
  t.success(postback())
  in_an_hour(function() log("hour"); t.failure("ESRCH", postback()) end)
  case.after(function()
    log:is("done stop hour")
    t.failure("ESRCH", postback())
  end)
end)

t.case("S23 a weakened callback calls while the session lives, afterwards ESRCH", function(case)
  local callback = holder(function(session) return session:callback("ask"):weaken() end, {
    ask = case.expect(1, function() return "answer" end),
  })
  t.same(pack(callback()), { n = 1, "answer" })
  in_an_hour(function() t.failure("ESRCH", callback()) end)
end)

t.case("S24 a released postback is dead: EINVAL", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        local postback, callback = ctx.session:postback("done"), ctx.session:callback("done")
        postback:release()
        callback:release()
        t.failure("EINVAL", postback(1))
        t.failure("EINVAL", callback(1))
        postback:release()
        t.failure("EINVAL", postback(1))
      end),
      done = case.expect(0),
    },
  }
end)

t.case("S24 a weakened postback that is then released is dead, too", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        local postback = ctx.session:postback("done"):weaken()
        postback:release()
        t.failure("EINVAL", postback(1))
      end),
      done = case.expect(0),
    },
  }
end)

t.case("S25 a postback dropped without release does not keep the program", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        ctx.session:postback("done", 1)
        ctx.session:callback("done")
      end,
      _stop = case.expect(1),
    },
  }
end)

t.case("S25 nor does one dropped after use, in real time", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.session:postback("done")("x") end,
      done = case.expect(1), _stop = case.expect(1),
    },
  }
end, { clock = "real" })

t.case("S25 nor does one whose owner's table was cleared", function(case)
  local kept = {}
  create { inline_states = { _start = function(ctx) kept.postback = ctx.session:postback("done") end, _stop = case.expect(1) } }
  in_an_hour(function() kept.postback = nil end)
end)

t.case("S26 a callback runs at once and returns all values", function(case)
  local log = t.log()
  local callback = holder(function(session) return session:callback("ask", "g", nil) end, {
    ask = case.expect(1, function(ctx, ...)
      log("ask")
      t.is(ctx.state, "ask")
      t.same(pack(...), { n = 2, { n = 2, "g" }, { n = 3, nil, "c" } })
      return nil, "two", false, nil
    end),
  })
  create {
    inline_states = {
      _start = function()
        log("before")
        t.same(pack(callback(nil, "c", nil)), { n = 4, nil, "two", false })
        log("after")
        callback:release()
      end,
    },
  }
  case.after(function() log:is("before ask after") end)
end)

t.case("S26 a callback without results returns nothing", function()
  local callback = holder(function(session) return session:callback("ask") end, { ask = nothing })
  t.is(select("#", callback()), 0)
  callback:release()
end)

t.case("S26 a callback keeps its session", function(case)
  local log = t.log()
  local callback = holder(function(session) return session:callback("ask") end, {
    ask = function() log("ask") end, _stop = function() log("stop") end,
  })
  in_an_hour(function() callback(); callback:release() end)
  case.after(function() log:is("ask stop") end)
end)

t.case("S26 an error in a callback's handler reaches the session that calls itself", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        local callback = ctx.session:callback("fail")
        t.fails(callback, "on purpose")
        callback:release()
      end),
      fail = function() error("on purpose") end,
    },
  }
end)

t.case("S26 an error in a callback's handler does not reach another session", function(case)
  local log = t.log()
  local callback = holder(function(session)
    poe.kernel:sig("DIE", "died")
    return session:callback("fail")
  end, {
    fail = function() error("on purpose") end,
    died = function(ctx, _, info) log("died", info.event); ctx.kernel:sig_handled() end,
  })
  create {
    inline_states = {
      _start = function() t.is(select("#", callback()), 0); log("goes on"); callback:release() end,
    },
  }
  case.after(function() log:is("goes on died:fail") end)
end)

t.case("S26 a callback to an event without handler: ENOSYS, as call", function()
  local callback = holder(function(session) return session:callback("no_such") end, {})
  t.failure("ENOSYS", callback())
  callback:release()
end)

t.case("S27 the sender is the session that called it, not the one it was made for or by", function(case)
  local postback = holder(function(session) return session:postback("done") end, {
    done = case.expect(2, function(ctx, _, called) t.is(ctx.sender, called[1]) end),
  })
  for i = 1, 2 do
    create {
      inline_states = {
        _start = function(ctx)
          postback(ctx.session)
          if i == 2 then postback:release() end
        end,
      },
    }
  end
end)

t.case("S27 the sender of a callback's event is the session that called it", function(case)
  local callback = holder(function(session) return session:callback("ask") end, {
    ask = case.expect(1, function(ctx, _, called) t.is(ctx.sender, called[1]) end),
  })
  create { inline_states = { _start = function(ctx) callback(ctx.session); callback:release() end } }
end)

t.case("small print postback: of a stopped session there are no new ones", function(case)
  local session = create { inline_states = { _start = nothing } }
  case.after(function()
    t.failure("ESRCH", session:postback("done"))
    t.failure("ESRCH", session:callback("done"))
  end)
end)

t.case("small print postback: a session stopped for another reason leaves it with ESRCH", function(case)
  local log = t.log()
  local postback, session = holder(function(s) return s:postback("done") end, { _stop = function() log("stop") end })
  poe.kernel:signal(session, "TERM")
  in_an_hour(function() log("hour"); t.failure("ESRCH", postback()); postback:release(); postback:release() end)
  case.after(function() log:is("stop hour") end)
end)

t.case("small print postback: the handler is looked up when the event comes", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        local postback = ctx.session:postback("done", "g"):weaken()
        postback()
        ctx.kernel:state("done", ctx.heap.added)
      end,
    },
    heap = { added = case.expect(1, function(_, given) t.is(given[1], "g") end) },
  }
end)
