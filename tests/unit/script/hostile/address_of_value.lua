-- good
local t = setmetatable({}, { __name = 'x' })
return not (tostring(t) .. tostring(type) .. tostring(math) .. tostring(c) .. tostring(c.lead)):find('0x')
