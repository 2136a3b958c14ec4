-- stopped
local t = {}
for i = 1, 30000 do t['k' .. i] = i end
while true do for _ in pairs(t) do break end end
