-- stopped
-- Each error walks over the code to find a name for what was nil.
local f = function()
  local a
  @repeat 20000 a = nil @
  a.x = 1
end
while true do pcall(f) end
