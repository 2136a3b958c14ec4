-- stopped
local t t = setmetatable({}, { __call = function() return t() end })
return t()
