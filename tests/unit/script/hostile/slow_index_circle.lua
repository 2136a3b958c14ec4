-- fault loop
local t = {}
setmetatable(t, { __index = t })
local u = setmetatable({}, { __index = t })
return u.x
