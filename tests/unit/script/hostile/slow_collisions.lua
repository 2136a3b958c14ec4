-- stopped
-- Keys that all fall into one chain of the table.
local t, n = {}, 1 << 40
while true do t[n] = 1 n = n + (1 << 40) end
