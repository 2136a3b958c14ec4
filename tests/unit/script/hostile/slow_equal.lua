-- stopped
local a, b = ('x'):rep(1000000), ('x'):rep(1000000)
while true do local x = a == b end
