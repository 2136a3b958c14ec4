-- stopped
local s = ('0'):rep(1000000) .. '1'
while true do pcall(function() for i = s, s do end end) end
