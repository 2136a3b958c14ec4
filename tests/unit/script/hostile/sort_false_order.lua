-- good
local t = {}
for i = 1, 5000 do t[i] = i * 7919 % 5003 end
table.sort(t, function() return true end)
return #t == 5000
