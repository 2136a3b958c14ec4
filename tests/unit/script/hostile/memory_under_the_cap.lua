-- stopped
-- Just under the cap each allocation forces a full collection.
local t = {}
local function fill(n) for i = 1, n do t = { t } end end
pcall(fill, 570000)
while true do local x = { 1, 2, 3 } end
