-- good
-- __gc is looked for when the metatable is set; one that comes later is never called.
local m = {}
for i = 1, 1000 do setmetatable({}, m) end
m.__gc = function() while true do end end
local t = {}
for i = 1, 100000 do t = { t } if i % 100 == 0 then t = {} end end
return true
