-- good
-- A message that prints a key must not tell an address.
local _, a = pcall(function() _ENV[{}] = 1 end)
local _, b = pcall(function() string[function() end] = 1 end)
local _, d = pcall(function() return c.transcript[{}] end)
return not (a .. b .. tostring(d)):find('0x')
