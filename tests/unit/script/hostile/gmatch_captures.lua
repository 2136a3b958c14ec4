-- stopped
local s = ('a'):rep(10000)
while true do for a, b in s:gmatch('(a-)(a-)b') do end end
