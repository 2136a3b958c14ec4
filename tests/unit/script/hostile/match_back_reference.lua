-- stopped
local s = ('a'):rep(50000)
while true do s:match('(.*)%1b') end
