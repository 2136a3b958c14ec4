-- stopped
-- A __close set after the metatable was: it runs on the way out of the limit.
local m = {}
local t = setmetatable({}, m)
m.__close = function() while true do end end
local x <close> = t
while true do end
