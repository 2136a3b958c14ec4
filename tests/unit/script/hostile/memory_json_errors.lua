-- stopped
-- A call that raises must leave nothing behind.
local t = { ('x'):rep(200000), function() end }
while true do pcall(kejue.json.encode, t) end
