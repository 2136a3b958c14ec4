-- stopped
local t = {}
for i = 1, 14 do t[i] = ('x'):rep(1000000) .. i end
while true do table.sort(t) end
