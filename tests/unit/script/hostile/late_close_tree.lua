-- stopped
-- Each level that is closed opens two more: 2^190 of them, a thousand instructions each.
local m = {}
local t = setmetatable({}, m)
local function f()
  local a <close> = t
  local b <close> = t
  while true do end
end
m.__close = f
f()
