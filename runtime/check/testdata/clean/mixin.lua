-- Helpers for sessions that live in other files: this one makes none.
local poe = require "poe"

local M = {}

function M.retry(ctx, seconds)
  ctx.kernel:delay("retry", seconds or 5)
end

function M.finish(ctx, ...)
  local session = ctx.session
  session:postback("finished", ...)()
  poe.kernel:post(ctx.session, "done")
end

return M
