-- stopped
local s = ('0'):rep(1000000) .. '1'
while true do ('x'):rep(s) end
