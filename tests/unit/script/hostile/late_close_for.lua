-- stopped
-- The closing value of a for loop.
local m = {}
local t = setmetatable({}, m)
local function f() for _ in function() return 1 end, nil, nil, t do end end
m.__close = f
f()
