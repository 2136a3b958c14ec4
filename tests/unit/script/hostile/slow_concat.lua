-- stopped
local s = ('x'):rep(100000)
while true do local x = s .. s .. s .. s .. s .. s .. s .. s end
