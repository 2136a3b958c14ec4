-- stopped
-- Sorted pairs compare keys of a megabyte.
local t = {}
for i = 1, 14 do t[('x'):rep(1000000) .. i] = i end
while true do for _ in pairs(t) do end end
