-- stopped
local f = ('%%'):rep(500000)
while true do string.format(f) end
