-- stopped
-- Errors in __close replace each other; none of them may hide the limit.
local m = {}
m.__close = nil
local t = setmetatable({}, m)
m.__close = function() error('x') end
local function f() local x <close> = t while true do end end
while true do pcall(f) end
