-- stopped
local keep = {}
while true do pcall(function() while true do keep = { keep, ('x'):rep(100) } end end) end
