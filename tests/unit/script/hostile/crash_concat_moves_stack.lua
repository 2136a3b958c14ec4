-- stopped
-- Lua 5.4.4 keeps a pointer to its stack over a call of __concat: one that moves the stack, and a
-- collection right after it, walked over foreign memory.
local m = {}
m.__concat = function(a, b)
  local t = {}
  for i = 1, 9000 do t[i] = i end
  local n = select('#', table.unpack(t))
  return { n, tostring(n) }
end
local t = setmetatable({}, m)
local keep = {}
while true do
  keep[1] = t .. 'x'
  keep[2] = ('x'):rep(5000) .. #keep
  keep = { t .. t }
end
