-- stopped
local s = ('a'):rep(100000)
while true do s:gsub('.-b', 'x') end
